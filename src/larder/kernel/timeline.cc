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
  timeline->Sort(slots, row_times, context.pool);
  return timeline;
}

Result<PoolVector<Slot>> Timeline::AssignSlots(const arrow::Table& entity_rows,
                                               const std::vector<std::string>& key_columns,
                                               const RunContext& context) {
  PoolVector<Slot> slots(static_cast<size_t>(entity_rows.num_rows()), Slot{0}, context.pool);
  if (key_columns.empty()) {
    slot_begin_.assign(2, 0);
    return slots;
  }
  std::vector<KeyDomain> domains;
  std::vector<int> indices;
  for (const auto& column : key_columns) {
    const int index = entity_rows.schema()->GetFieldIndex(column);
    ARROW_ASSIGN_OR_RAISE(auto domain, KeyDomainOf(*entity_rows.schema()->field(index)->type(),
                                                   "entity rows: column '" + column + "'"));
    domains.push_back(domain);
    indices.push_back(index);
  }
  keys_.emplace(KeyEncoder(std::move(domains)), context.key_hash_bits, context.pool);

  ARROW_ASSIGN_OR_RAISE(const auto key_table, entity_rows.SelectColumns(indices));
  arrow::TableBatchReader batches(*key_table);
  batches.set_chunksize(context.batch_rows);
  EncodedKeys keys(context.pool);
  Slot* out = slots.data();
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(context.stop.Poll());
    ARROW_RETURN_NOT_OK(batches.ReadNext(&batch));
    if (batch == nullptr) break;
    ARROW_RETURN_NOT_OK(keys_->encoder().Encode(batch->columns(), &keys));
    keys_->Insert(keys, out);
    out += batch->num_rows();
  }
  keys_->Finish();
  slot_begin_.assign(size_t{keys_->size()} + 1, 0);
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

void Timeline::Sort(const PoolVector<Slot>& slots, const PoolVector<int64_t>& row_times,
                    arrow::MemoryPool* pool) {
  // Rows by slot (a counting sort), then by time within the slot.
  for (const Slot slot : slots) {
    if (slot != kNoSlot) ++slot_begin_[slot + 1];
  }
  std::partial_sum(slot_begin_.begin(), slot_begin_.end(), slot_begin_.begin());
  PoolVector<uint32_t> rows(slot_begin_.back(), uint32_t{0}, pool);
  PoolVector<Position> next(slot_begin_.begin(), slot_begin_.end() - 1, pool);
  for (size_t row = 0; row < slots.size(); ++row) {
    if (slots[row] != kNoSlot) rows[next[slots[row]]++] = static_cast<uint32_t>(row);
  }

  position_of_row_.assign(slots.size(), kNoPosition);
  times_.reserve(rows.size());
  Position begin = 0;
  for (size_t slot = 0; slot + 1 < slot_begin_.size(); ++slot) {
    const Position end = slot_begin_[slot + 1];
    std::sort(rows.begin() + begin, rows.begin() + end,
              [&](uint32_t a, uint32_t b) { return row_times[a] < row_times[b]; });
    const size_t first = times_.size();
    for (Position i = begin; i < end; ++i) {
      const int64_t time = row_times[rows[i]];
      if (times_.size() == first || times_.back() != time) times_.push_back(time);
      position_of_row_[rows[i]] = static_cast<Position>(times_.size() - 1);
    }
    slot_begin_[slot] = static_cast<Position>(first);
    begin = end;
  }
  slot_begin_.back() = static_cast<Position>(times_.size());
}

}  // namespace larder
