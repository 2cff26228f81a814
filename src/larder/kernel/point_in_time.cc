// SPDX-License-Identifier: Apache-2.0
#include "larder/kernel/point_in_time.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>

#include "larder/scan/pruning.h"
#include "larder/source/column_bounds.h"

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

/// Files with a partition value that is the join key of no entity row.
Result<std::vector<bool>> FilesWithoutKeys(const PointInTimeView& view, const Timeline& timeline,
                                           const RunContext& context) {
  const Dataset& dataset = *view.dataset;
  std::vector<bool> without(dataset.files().size(), false);
  if (timeline.keys() == nullptr) return without;
  SlotFinder finder(*timeline.keys(), context.pool);
  for (size_t i = 0; i < without.size(); ++i) {
    arrow::ArrayVector keys;
    for (size_t column = 0; column < view.join_keys.size() && !without[i]; ++column) {
      const auto constant = dataset.Find(dataset.files()[i], view.join_keys[column]).constant;
      if (constant == nullptr) continue;
      ARROW_ASSIGN_OR_RAISE(keys.emplace_back(),
                            arrow::MakeArrayFromScalar(*constant, 1, context.pool));
      ARROW_ASSIGN_OR_RAISE(const bool has_key, finder.HasKey(column, keys.back()));
      without[i] = !has_key;
    }
    if (without[i] || keys.size() != view.join_keys.size()) continue;
    ARROW_ASSIGN_OR_RAISE(const Slot* slot, finder.Find(keys));
    without[i] = *slot == kNoSlot;
  }
  return without;
}

/// Rows that may be the answer at some position.
RowFilter FilterOf(const PointInTimeView& view, const Timeline& timeline, bool prune_by_ttl) {
  RowFilter filter;
  filter.event_timestamp = view.event_timestamp;
  filter.created_timestamp = view.created_timestamp;
  TimeWindow& window = filter.window;
  window.last_event = ToWideNanos(timeline.max_time(), timeline.unit());
  if (prune_by_ttl && view.ttl_us > 0) {
    window.first_event = ToWideNanos(timeline.min_time(), timeline.unit()) -
                         ToWideNanos(view.ttl_us, TimeUnit::MICRO);
  }
  if (view.known_at_created) window.last_created = window.last_event;
  if (const KeyIndex* keys = timeline.keys(); keys != nullptr) {
    filter.join_keys = view.join_keys;
    filter.count_keys = [keys](size_t column, const Bounds<int64_t>& bounds, uint64_t limit) {
      return keys->CountWithin(column, bounds, limit);
    };
  }
  return filter;
}

/// Scans batches of one view on one thread.
class BatchScan {
 public:
  BatchScan(const PointInTimeView& view, const Timeline& timeline, const RunContext& context,
            CandidateTable* candidates)
      : view_(view),
        timeline_(timeline),
        candidates_(*candidates),
        rows_(view, view.string_unit, context.pool) {
    if (timeline.keys() != nullptr) finder_.emplace(*timeline.keys(), context.pool);
  }

  /// Columns: view.ScannedColumns().
  Status Scan(const arrow::RecordBatch& batch, uint64_t first_address) {
    ARROW_RETURN_NOT_OK(rows_.Read(batch, first_address));
    ARROW_RETURN_NOT_OK(FindSlots(batch));
    for (int64_t begin = 0; begin < batch.num_rows(); begin += kBlock) {
      ARROW_RETURN_NOT_OK(ScanBlock(begin, std::min(begin + kBlock, batch.num_rows())));
    }
    return Status::OK();
  }

 private:
  // Each step of a block fetches from memory what the next one reads, and keeps of the rows those
  // that go on: without a branch, for which rows do is as good as random.
  static constexpr int64_t kBlock = 128;

  Status FindSlots(const arrow::RecordBatch& batch) {
    if (!finder_) {
      every_row_.resize(static_cast<size_t>(batch.num_rows()), Slot{0});
      slots_ = every_row_.data();
      return Status::OK();
    }
    const auto& columns = batch.columns();
    const auto keys = static_cast<int64_t>(view_.join_keys.size());
    ARROW_ASSIGN_OR_RAISE(slots_, finder_->Find({columns.begin(), columns.begin() + keys}));
    return Status::OK();
  }

  Status ScanBlock(int64_t begin, int64_t end) {
    size_t hits = 0;
    for (int64_t i = begin; i < end; ++i) {
      hits_[hits].row = i;
      hits += static_cast<size_t>(slots_[i] != kNoSlot && !rows_.event().IsNull(i));
    }
    for (size_t h = 0; h < hits; ++h) {
      __builtin_prefetch(timeline_.slot_begin() + slots_[hits_[h].row]);
    }
    for (size_t h = 0; h < hits; ++h) {
      const Slot slot = slots_[hits_[h].row];
      hits_[h].begin = timeline_.slot_begin()[slot];
      hits_[h].end = timeline_.slot_begin()[slot + 1];
      __builtin_prefetch(timeline_.times() + hits_[h].begin + (hits_[h].end - hits_[h].begin) / 2);
    }
    size_t found = 0;
    for (size_t h = 0; h < hits; ++h) {
      const Hit hit = hits_[h];
      const Position position = FirstPositionThatKnows(hit);
      candidates_.Prefetch(position);
      hits_[found].row = hit.row;
      hits_[found].begin = position;
      found += static_cast<size_t>(position != hit.end);
    }
    for (size_t h = 0; h < found; ++h) {
      Candidate candidate;
      ARROW_RETURN_NOT_OK(rows_.Make(hits_[h].row, &candidate));
      candidates_.Raise(hits_[h].begin, candidate);
    }
    return Status::OK();
  }

  struct Hit {
    int64_t row;
    Position begin;
    Position end;
  };

  /// The end of the slot's positions if no entity row's time is late enough.
  Position FirstPositionThatKnows(const Hit& hit) const {
    const TimeUnit unit = timeline_.unit();
    const TimeColumn& event = rows_.event();
    auto known = CeilTime(event.values()[hit.row], event.unit(), unit);
    if (!known) return hit.end;
    if (view_.known_at_created) {
      const TimeColumn& created = rows_.created();
      if (created.IsNull(hit.row)) return hit.end;
      const auto created_known = CeilTime(created.values()[hit.row], created.unit(), unit);
      if (!created_known) return hit.end;
      known = std::max(*known, *created_known);
    }
    return hit.begin + CountBefore(*known, timeline_.times() + hit.begin, hit.end - hit.begin);
  }

  /// How many of a slot's times are earlier. Binary search by arithmetic (Khuong and Morin, "Array
  /// layouts for comparison-based searching", 2017): no branch is predicted well.
  static Position CountBefore(int64_t time, const int64_t* times, size_t count) {
    if (count == 0) return 0;
    const int64_t* first = times;
    for (; count > 8; count -= count / 2) {
      first += static_cast<size_t>(first[count / 2 - 1] < time) * (count / 2);
    }
    // As many steps however many times are left, or the end would be a branch like that.
    for (int step = 0; step < 3; ++step) {
      const size_t half = count / 2;
      first += static_cast<size_t>(first[half - size_t{half > 0}] < time) * half;
      count -= half;
    }
    return static_cast<Position>(first - times) + static_cast<Position>(*first < time);
  }

  const PointInTimeView& view_;
  const Timeline& timeline_;
  CandidateTable& candidates_;
  RowCandidates rows_;
  std::optional<SlotFinder> finder_;
  const Slot* slots_ = nullptr;
  std::vector<Slot> every_row_;
  std::array<Hit, kBlock> hits_;
};

}  // namespace

Result<std::vector<size_t>> RowGroupsToScan(const PointInTimeView& view, const Timeline& timeline,
                                            bool prune_by_ttl, const RunContext& context) {
  if (timeline.positions() == 0) return std::vector<size_t>{};
  const auto may_matter = SelectRowGroups(*view.dataset, FilterOf(view, timeline, prune_by_ttl));
  ARROW_ASSIGN_OR_RAISE(const auto skipped, FilesWithoutKeys(view, timeline, context));
  std::vector<size_t> selected;
  for (const size_t i : may_matter) {
    if (!skipped[static_cast<size_t>(view.dataset->row_groups()[i].file)]) selected.push_back(i);
  }
  return selected;
}

Status ScanCandidates(const PointInTimeView& view, const Timeline& timeline, bool prune_by_ttl,
                      const RunContext& context, ReadCounters* counters,
                      std::atomic<int64_t>* rows_scanned, CandidateTable* candidates) {
  ARROW_ASSIGN_OR_RAISE(const auto row_groups,
                        RowGroupsToScan(view, timeline, prune_by_ttl, context));
  ARROW_ASSIGN_OR_RAISE(
      const auto rows,
      SelectRows(*view.dataset, row_groups, FilterOf(view, timeline, prune_by_ttl), context));
  return ScanRowGroups(
      *view.dataset, rows, view.ScannedColumns(),
      /*keep_dictionaries=*/true, context, counters, rows_scanned, [&](size_t) -> BatchVisitor {
        auto scan = std::make_shared<BatchScan>(view, timeline, context, candidates);
        return [scan](const arrow::RecordBatch& batch, uint64_t first_address) {
          return scan->Scan(batch, first_address);
        };
      });
}

}  // namespace larder
