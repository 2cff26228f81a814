// SPDX-License-Identifier: Apache-2.0
#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>

#include "larder/kernel/point_in_time.h"

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

/// A row that wins. The positions where it does follow one another in its key's slot, so no other
/// entry has the same row.
struct Win {
  uint64_t address;
  Position begin;
  Position end;
};

/// Some of Timeline::rows(), from `begin` to before `end`.
struct RowRun {
  uint32_t begin;
  uint32_t end;
};

/// The wins of some slots.
struct SlotWins {
  explicit SlotWins(arrow::MemoryPool* pool) : wins(pool), row_groups(pool) {}

  PoolVector<Win> wins;
  PoolVector<uint32_t> row_groups;    ///< Of each win.
  std::vector<size_t> per_row_group;  ///< How many; then where the next one of each goes.
  int64_t rows_expired = 0;
};

class Settlement {
 public:
  Settlement(const PointInTimeView& view, const Timeline& timeline,
             const CandidateTable& candidates, const RunContext& context)
      : view_(view),
        timeline_(timeline),
        candidates_(candidates),
        context_(context),
        by_row_group_(context.pool),
        runs_(context.pool),
        winners_(context.pool) {}

  Result<Winners> Run() {
    const auto cuts = CutSlots({timeline_.slot_begin(), size_t{timeline_.slots()} + 1}, context_);
    for (size_t i = 0; i + 1 < cuts.size(); ++i) pieces_.emplace_back(context_.pool);
    const auto pieces = static_cast<int64_t>(pieces_.size());
    ARROW_RETURN_NOT_OK(RunTasks(context_, pieces, [&](int64_t i) {
      const auto piece = static_cast<size_t>(i);
      FindWins(cuts[piece], cuts[piece + 1], &pieces_[piece]);
      return Status::OK();
    }));
    DivideByRowGroup();
    ARROW_RETURN_NOT_OK(RunTasks(context_, pieces, [&](int64_t i) {
      MoveToRowGroups(&pieces_[static_cast<size_t>(i)]);
      return Status::OK();
    }));
    ARROW_RETURN_NOT_OK(MakeChoice());
    return std::move(winners_);
  }

 private:
  void FindWins(Slot first, Slot end, SlotWins* found) const {
    const TimeUnit view_unit = view_.UnitOf(view_.event_timestamp, view_.string_unit);
    const WideNanos ttl = ToWideNanos(view_.ttl_us, TimeUnit::MICRO);
    found->per_row_group.resize(view_.dataset->row_groups().size());
    for (Slot slot = first; slot < end; ++slot) {
      Candidate best;
      bool wins = false;  // If the last entry is of `best`.
      const Position slot_end = timeline_.slot_begin()[slot + 1];
      for (Position p = timeline_.slot_begin()[slot]; p < slot_end; ++p) {
        if (best < candidates_[p]) {
          best = candidates_[p];
          wins = false;
        }
        if (!best.exists()) continue;
        const bool expired =
            ttl > 0 && ToWideNanos(best.event, view_unit) <
                           ToWideNanos(timeline_.times()[p], timeline_.unit()) - ttl;
        if (expired) {
          found->rows_expired += timeline_.row_begin()[p + 1] - timeline_.row_begin()[p];
        } else if (wins) {
          found->wins.back().end = p + 1;
        } else {
          found->wins.push_back({best.address(), p, p + 1});
          const auto group = static_cast<uint32_t>(view_.dataset->FindRowGroup(best.address()));
          found->row_groups.push_back(group);
          ++found->per_row_group[group];
          wins = true;
        }
      }
    }
  }

  /// Says where the wins of each piece go, those of a row group together.
  void DivideByRowGroup() {
    const size_t groups = view_.dataset->row_groups().size();
    size_t next = 0;
    for (size_t group = 0; group < groups; ++group) {
      group_begin_.push_back(next);
      for (auto& piece : pieces_) next += std::exchange(piece.per_row_group[group], next);
    }
    group_begin_.push_back(next);
    by_row_group_.resize(next);
  }

  void MoveToRowGroups(SlotWins* piece) {
    for (size_t i = 0; i < piece->wins.size(); ++i) {
      by_row_group_[piece->per_row_group[piece->row_groups[i]]++] = piece->wins[i];
    }
    piece->wins = PoolVector<Win>(context_.pool);
    piece->row_groups = PoolVector<uint32_t>(context_.pool);
  }

  /// Orders the wins of each row group by address and writes down whose they are.
  Status MakeChoice() {
    const int64_t rows = timeline_.entity_rows();
    ARROW_ASSIGN_OR_RAISE(choice_,
                          arrow::AllocateBuffer(rows * int64_t{sizeof(uint32_t)}, context_.pool));
    ARROW_ASSIGN_OR_RAISE(valid_, arrow::AllocateEmptyBitmap(rows, context_.pool));
    std::memset(choice_->mutable_data(), 0xff, static_cast<size_t>(choice_->size()));
    winners_.addresses.resize(by_row_group_.size());
    runs_.resize(by_row_group_.size());
    const auto groups = static_cast<int64_t>(view_.dataset->row_groups().size());
    ARROW_RETURN_NOT_OK(RunTasks(context_, groups, [&](int64_t i) {
      OrderRowGroup(static_cast<size_t>(i));
      return Status::OK();
    }));
    by_row_group_ = PoolVector<Win>(context_.pool);
    auto& begin = winners_.places.begin;
    begin.reserve(runs_.size() + 1);
    begin.push_back(0);
    for (const RowRun& run : runs_) begin.push_back(begin.back() + run.end - run.begin);
    winners_.places.rows.resize(begin.back());
    ARROW_RETURN_NOT_OK(RunTasks(context_, groups, [&](int64_t i) {
      CopyRows(static_cast<size_t>(i));
      return Status::OK();
    }));
    std::atomic<int64_t> matched = 0;
    const int64_t pieces = (rows + kPieceRows - 1) / kPieceRows;
    ARROW_RETURN_NOT_OK(RunTasks(context_, pieces, [&](int64_t i) {
      matched += MarkMatched(i * kPieceRows, std::min((i + 1) * kPieceRows, rows));
      return Status::OK();
    }));
    winners_.rows_matched = matched;
    for (const auto& piece : pieces_) winners_.rows_expired += piece.rows_expired;
    winners_.rows_absent = rows - winners_.rows_matched - winners_.rows_expired;
    const int64_t nulls = rows - winners_.rows_matched;
    winners_.places.choice =
        std::make_shared<arrow::UInt32Array>(rows, choice_, nulls > 0 ? valid_ : nullptr, nulls);
    return Status::OK();
  }

  void OrderRowGroup(size_t index) {
    const auto wins =
        std::span(by_row_group_)
            .subspan(group_begin_[index], group_begin_[index + 1] - group_begin_[index]);
    if (wins.empty()) return;
    // A bit for each row, and how many are set before each word of them: with that many rows to a
    // row group it beats sorting.
    const RowGroup& group = view_.dataset->row_groups()[index];
    const auto words = static_cast<size_t>(group.rows / 64 + 1);
    PoolVector<uint64_t> bits(words, uint64_t{0}, context_.pool);
    PoolVector<uint32_t> before(words, uint32_t{0}, context_.pool);
    for (const Win& win : wins) {
      const uint64_t row = win.address - group.first_row;
      bits[row / 64] |= uint64_t{1} << (row % 64);
    }
    uint32_t count = 0;
    for (size_t word = 0; word < words; ++word) {
      before[word] = count;
      count += static_cast<uint32_t>(std::popcount(bits[word]));
    }
    for (const Win& win : wins) {
      const uint64_t row = win.address - group.first_row;
      const uint64_t below = bits[row / 64] & ((uint64_t{1} << (row % 64)) - 1);
      const size_t rank =
          group_begin_[index] + before[row / 64] + static_cast<size_t>(std::popcount(below));
      winners_.addresses[rank] = win.address;
      runs_[rank] = {timeline_.row_begin()[win.begin], timeline_.row_begin()[win.end]};
    }
  }

  /// Every column of the answer reads the entity rows of winners: once in order, that is cheap.
  void CopyRows(size_t index) {
    auto* choice = reinterpret_cast<uint32_t*>(choice_->mutable_data());
    for (size_t rank = group_begin_[index]; rank < group_begin_[index + 1]; ++rank) {
      const RowRun& run = runs_[rank];
      uint32_t* copy = winners_.places.rows.data() + winners_.places.begin[rank];
      for (const uint32_t row : timeline_.rows().subspan(run.begin, run.end - run.begin)) {
        *copy++ = row;
        choice[row] = static_cast<uint32_t>(rank);
      }
    }
  }

  /// Whole bytes of the bitmap, so that threads do not meet.
  static constexpr int64_t kPieceRows = int64_t{1} << 16;

  /// Returns how many of the entity rows have a winner.
  int64_t MarkMatched(int64_t begin, int64_t end) {
    auto* choice = reinterpret_cast<uint32_t*>(choice_->mutable_data());
    int64_t matched = 0;
    for (int64_t row = begin; row < end; ++row) {
      const bool has_winner = choice[row] != kNoWinner;
      arrow::bit_util::SetBitTo(valid_->mutable_data(), row, has_winner);
      if (!has_winner) choice[row] = 0;
      matched += static_cast<int64_t>(has_winner);
    }
    return matched;
  }

  static constexpr uint32_t kNoWinner = ~uint32_t{0};

  const PointInTimeView& view_;
  const Timeline& timeline_;
  const CandidateTable& candidates_;
  const RunContext& context_;
  std::vector<SlotWins> pieces_;
  std::vector<size_t> group_begin_;  ///< Of each row group in by_row_group_, and the end.
  PoolVector<Win> by_row_group_;
  PoolVector<RowRun> runs_;  ///< Of each winner.
  std::shared_ptr<arrow::Buffer> choice_;
  std::shared_ptr<arrow::Buffer> valid_;
  Winners winners_;
};

}  // namespace

Result<Winners> Settle(const PointInTimeView& view, const Timeline& timeline,
                       const CandidateTable& candidates, const RunContext& context) {
  return Settlement(view, timeline, candidates, context).Run();
}

}  // namespace larder
