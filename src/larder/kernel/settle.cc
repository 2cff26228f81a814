// SPDX-License-Identifier: Apache-2.0
#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <algorithm>

#include "larder/kernel/point_in_time.h"

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

/// What a position has, if no address.
constexpr uint64_t kAbsent = std::numeric_limits<uint64_t>::max();
constexpr uint64_t kExpired = kAbsent - 1;

/// The winning address of each position, or one of the two above.
PoolVector<uint64_t> WinnerOfPosition(const PointInTimeView& view, const Timeline& timeline,
                                      const CandidateTable& candidates, const RunContext& context) {
  PoolVector<uint64_t> winners(timeline.positions(), kAbsent, context.pool);
  const TimeUnit view_unit = view.UnitOf(view.event_timestamp, view.string_unit);
  const WideNanos ttl = ToWideNanos(view.ttl_us, TimeUnit::MICRO);
  for (Slot slot = 0; slot < timeline.slots(); ++slot) {
    Candidate best;
    for (Position p = timeline.slot_begin()[slot]; p < timeline.slot_begin()[slot + 1]; ++p) {
      if (best < candidates[p]) best = candidates[p];
      if (!best.exists()) continue;
      const bool expired = ttl > 0 && ToWideNanos(best.event, view_unit) <
                                          ToWideNanos(timeline.times()[p], timeline.unit()) - ttl;
      winners[p] = expired ? kExpired : best.address();
    }
  }
  return winners;
}

/// Sorts the distinct addresses and replaces each in `winners` by its index among them. Buckets
/// of positions by row group are sorted in parallel.
Status RankAddresses(const Dataset& dataset, const RunContext& context,
                     PoolVector<uint64_t>* winners, PoolVector<uint64_t>* addresses) {
  struct Pair {
    uint64_t address;
    Position position;
  };
  const size_t groups = dataset.row_groups().size();
  std::vector<size_t> bucket_begin(groups + 1, 0);
  PoolVector<uint32_t> group_of(winners->size(), uint32_t{0}, context.pool);
  for (size_t p = 0; p < winners->size(); ++p) {
    if ((*winners)[p] >= kExpired) continue;
    group_of[p] = static_cast<uint32_t>(dataset.FindRowGroup((*winners)[p]));
    ++bucket_begin[group_of[p] + 1];
  }
  for (size_t g = 0; g < groups; ++g) bucket_begin[g + 1] += bucket_begin[g];
  PoolVector<Pair> pairs(bucket_begin.back(), Pair{}, context.pool);
  std::vector<size_t> next(bucket_begin.begin(), bucket_begin.end() - 1);
  for (size_t p = 0; p < winners->size(); ++p) {
    if ((*winners)[p] >= kExpired) continue;
    pairs[next[group_of[p]]++] = {(*winners)[p], static_cast<Position>(p)};
  }
  ARROW_RETURN_NOT_OK(RunTasks(context, static_cast<int64_t>(groups), [&](int64_t g) {
    const auto group = static_cast<size_t>(g);
    std::sort(pairs.begin() + static_cast<int64_t>(bucket_begin[group]),
              pairs.begin() + static_cast<int64_t>(bucket_begin[group + 1]),
              [](const Pair& a, const Pair& b) { return a.address < b.address; });
    return Status::OK();
  }));
  for (const Pair& pair : pairs) {
    if (addresses->empty() || addresses->back() != pair.address) addresses->push_back(pair.address);
    (*winners)[pair.position] = addresses->size() - 1;
  }
  return Status::OK();
}

}  // namespace

Result<Winners> Settle(const PointInTimeView& view, const Timeline& timeline,
                       const CandidateTable& candidates, const RunContext& context) {
  Winners result(context.pool);
  auto winners = WinnerOfPosition(view, timeline, candidates, context);
  // Counted and translated by entity row: several may share a position.
  const auto& position_of_row = timeline.position_of_row();
  const auto rows = static_cast<int64_t>(position_of_row.size());
  ARROW_RETURN_NOT_OK(RankAddresses(*view.dataset, context, &winners, &result.addresses));

  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> indices,
                        arrow::AllocateBuffer(rows * int64_t{sizeof(uint32_t)}, context.pool));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> valid,
                        arrow::AllocateEmptyBitmap(rows, context.pool));
  auto* index = reinterpret_cast<uint32_t*>(indices->mutable_data());
  for (int64_t row = 0; row < rows; ++row) {
    const Position position = position_of_row[static_cast<size_t>(row)];
    const uint64_t winner = position == kNoPosition ? kAbsent : winners[position];
    index[row] = 0;
    if (winner == kAbsent) {
      ++result.rows_absent;
    } else if (winner == kExpired) {
      ++result.rows_expired;
    } else {
      ++result.rows_matched;
      index[row] = static_cast<uint32_t>(winner);
      arrow::bit_util::SetBit(valid->mutable_data(), row);
    }
  }
  const int64_t nulls = rows - result.rows_matched;
  result.choice = std::make_shared<arrow::UInt32Array>(
      rows, std::move(indices), nulls > 0 ? std::move(valid) : nullptr, nulls);
  return result;
}

}  // namespace larder
