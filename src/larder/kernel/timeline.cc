// SPDX-License-Identifier: Apache-2.0
#include "larder/kernel/timeline.h"

#include <arrow/array.h>
#include <arrow/table.h>
#include <arrow/type.h>

#include <algorithm>
#include <numeric>

namespace larder {

using arrow::Result;
using arrow::Status;

Result<std::shared_ptr<const Timeline>> Timeline::Build(const arrow::Table& entity_rows,
                                                        const std::vector<std::string>& key_columns,
                                                        const std::string& event_timestamp,
                                                        const RunContext& context) {
  if (entity_rows.num_rows() >= int64_t{kNoPosition}) {
    return Status::Invalid("entity rows: ", entity_rows.num_rows(),
                           " rows are more than the 4,294,967,294 that one request can hold; "
                           "split them");
  }
  auto timeline = std::shared_ptr<Timeline>(new Timeline(context.pool));
  ARROW_ASSIGN_OR_RAISE(auto slots, timeline->AssignSlots(entity_rows, key_columns, context));
  PoolVector<int64_t> row_times(context.pool);
  ARROW_RETURN_NOT_OK(WithStringUnit([&](TimeUnit string_unit) -> Status {
    ARROW_ASSIGN_OR_RAISE(row_times,
                          timeline->ReadRowTimes(*entity_rows.GetColumnByName(event_timestamp),
                                                 event_timestamp, string_unit, &slots, context));
    return Status::OK();
  }));
  timeline->entity_rows_ = entity_rows.num_rows();
  ARROW_RETURN_NOT_OK(timeline->Sort(slots, row_times, context));
  return timeline;
}

Result<PoolVector<Slot>> Timeline::AssignSlots(const arrow::Table& entity_rows,
                                               const std::vector<std::string>& key_columns,
                                               const RunContext& context) {
  PoolVector<Slot> slots(static_cast<size_t>(entity_rows.num_rows()), Slot{0}, context.pool);
  if (key_columns.empty()) return slots;
  std::vector<int> indices;
  indices.reserve(key_columns.size());
  for (const auto& column : key_columns) {
    indices.push_back(entity_rows.schema()->GetFieldIndex(column));
  }
  ARROW_ASSIGN_OR_RAISE(const auto columns, entity_rows.SelectColumns(indices));
  ARROW_ASSIGN_OR_RAISE(keys_, KeyIndex::Build(*columns, context, &slots));
  return slots;
}

Result<PoolVector<int64_t>> Timeline::ReadRowTimes(const arrow::ChunkedArray& times,
                                                   const std::string& column, TimeUnit string_unit,
                                                   PoolVector<Slot>* slots,
                                                   const RunContext& context) {
  PoolVector<int64_t> row_times(static_cast<size_t>(times.length()), int64_t{0}, context.pool);
  unit_ = UnitOfTimeType(*times.type(), string_unit);
  min_time_ = std::numeric_limits<int64_t>::max();
  max_time_ = std::numeric_limits<int64_t>::min();
  size_t row = 0;
  for (const auto& chunk : times.chunks()) {
    ARROW_ASSIGN_OR_RAISE(const auto read, ReadTimes(chunk, column, string_unit, context.pool));
    for (int64_t i = 0; i < read.length(); ++i, ++row) {
      if (read.IsNull(i)) (*slots)[row] = kNoSlot;
      if ((*slots)[row] == kNoSlot) continue;
      row_times[row] = read.values()[i];
      min_time_ = std::min(min_time_, row_times[row]);
      max_time_ = std::max(max_time_, row_times[row]);
    }
  }
  return row_times;
}

Status Timeline::Sort(const PoolVector<Slot>& slots, const PoolVector<int64_t>& row_times,
                      const RunContext& context) {
  struct Row {
    int64_t time;
    uint32_t row;
  };
  // Rows by slot: a counting sort, after which `end[slot]` is where the slot's rows end.
  const size_t slot_count = keys_ ? keys_->size() : 1;
  PoolVector<uint32_t> end(slot_count + 1, uint32_t{0}, context.pool);
  for (const Slot slot : slots) {
    if (slot != kNoSlot) ++end[slot + 1];
  }
  std::partial_sum(end.begin(), end.end(), end.begin());
  const auto cuts = CutSlots(end, context);
  PoolVector<Row> sorted(end.back(), Row{}, context.pool);
  for (size_t row = 0; row < slots.size(); ++row) {
    if (slots[row] != kNoSlot)
      sorted[end[slots[row]]++] = {row_times[row], static_cast<uint32_t>(row)};
  }
  const auto rows_of = [&](Slot slot) {
    const uint32_t begin = slot == 0 ? 0 : end[slot - 1];
    return std::span(sorted).subspan(begin, end[slot] - begin);
  };

  // Then by time within each slot.
  const auto ranges = static_cast<int64_t>(cuts.size()) - 1;
  std::vector<Position> positions(cuts.size(), 0);
  ARROW_RETURN_NOT_OK(RunTasks(context, ranges, [&](int64_t i) {
    const auto range = static_cast<size_t>(i);
    Position distinct = 0;
    for (Slot slot = cuts[range]; slot < cuts[range + 1]; ++slot) {
      const auto rows = rows_of(slot);
      std::sort(rows.begin(), rows.end(),
                [](const Row& a, const Row& b) { return a.time < b.time; });
      for (size_t r = 0; r < rows.size(); ++r) {
        distinct += static_cast<Position>(r == 0 || rows[r].time != rows[r - 1].time);
      }
    }
    positions[range + 1] = distinct;
    return Status::OK();
  }));
  std::partial_sum(positions.begin(), positions.end(), positions.begin());

  slot_begin_.resize(slot_count + 1);
  times_.resize(positions.back());
  row_begin_.resize(size_t{positions.back()} + 1);
  rows_.resize(sorted.size());
  ARROW_RETURN_NOT_OK(RunTasks(context, ranges, [&](int64_t i) {
    const auto range = static_cast<size_t>(i);
    Position next = positions[range];
    for (Slot slot = cuts[range]; slot < cuts[range + 1]; ++slot) {
      slot_begin_[slot] = next;
      const auto rows = rows_of(slot);
      auto place = static_cast<uint32_t>(rows.data() - sorted.data());
      for (size_t r = 0; r < rows.size(); ++r, ++place) {
        rows_[place] = rows[r].row;
        if (r > 0 && rows[r].time == rows[r - 1].time) continue;
        times_[next] = rows[r].time;
        row_begin_[next++] = place;
      }
    }
    return Status::OK();
  }));
  slot_begin_.back() = positions.back();
  row_begin_.back() = static_cast<uint32_t>(sorted.size());
  return Status::OK();
}

std::vector<Slot> CutSlots(std::span<const Position> begin, const RunContext& context) {
  constexpr size_t kFewest = size_t{1} << 14;  // Less is not worth a thread.
  const size_t all = begin.back();
  const size_t ranges =
      context.threads == 1
          ? 1
          : std::clamp<size_t>(all / kFewest, 1, 4 * static_cast<size_t>(context.threads));
  std::vector<Slot> cuts{0};
  for (size_t i = 1; i < ranges; ++i) {
    const auto at = std::lower_bound(begin.begin() + cuts.back(), begin.end() - 1,
                                     static_cast<Position>(all * i / ranges));
    cuts.push_back(static_cast<Slot>(at - begin.begin()));
  }
  cuts.push_back(static_cast<Slot>(begin.size() - 1));
  return cuts;
}

}  // namespace larder
