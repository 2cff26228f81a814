// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "larder/base/event_time.h"
#include "larder/base/memory_budget.h"
#include "larder/base/run_context.h"
#include "larder/kernel/key_index.h"

namespace larder {

/// An index into Timeline::times().
using Position = uint32_t;
inline constexpr Position kNoPosition = std::numeric_limits<Position>::max();

/// The entity rows by join key and time: each key has a slot, each slot its distinct times in
/// ascending order. Rows with the same key and time share a position; rows with a null in either
/// have none. Grows with the entity rows, never with the history.
class Timeline {
 public:
  /// `key_columns` of the entity rows; empty: one slot for all rows. Invalid beyond 2^32 - 2
  /// rows.
  static arrow::Result<std::shared_ptr<const Timeline>> Build(
      const arrow::Table& entity_rows, const std::vector<std::string>& key_columns,
      const std::string& event_timestamp, const RunContext& context);

  /// Null without key columns.
  const KeyIndex* keys() const { return keys_ ? &*keys_ : nullptr; }
  TimeUnit unit() const { return unit_; }
  Slot slots() const { return static_cast<Slot>(slot_begin_.size() - 1); }
  size_t positions() const { return times_.size(); }
  /// The positions of a slot are slot_begin()[slot] ... slot_begin()[slot + 1] - 1.
  const Position* slot_begin() const { return slot_begin_.data(); }
  const int64_t* times() const { return times_.data(); }
  /// The entity rows of a position are rows()[row_begin()[position]] ...
  /// rows()[row_begin()[position + 1] - 1], in no order.
  const uint32_t* row_begin() const { return row_begin_.data(); }
  std::span<const uint32_t> rows() const { return rows_; }
  /// Those without a position, too.
  int64_t entity_rows() const { return entity_rows_; }
  int64_t min_time() const { return min_time_; }
  int64_t max_time() const { return max_time_; }

 private:
  explicit Timeline(arrow::MemoryPool* pool)
      : slot_begin_(pool), times_(pool), row_begin_(pool), rows_(pool) {}

  arrow::Result<PoolVector<Slot>> AssignSlots(const arrow::Table& entity_rows,
                                              const std::vector<std::string>& key_columns,
                                              const RunContext& context);
  arrow::Result<PoolVector<int64_t>> ReadRowTimes(const arrow::ChunkedArray& times,
                                                  const std::string& column, TimeUnit string_unit,
                                                  PoolVector<Slot>* slots,
                                                  const RunContext& context);
  arrow::Status Sort(const PoolVector<Slot>& slots, const PoolVector<int64_t>& row_times,
                     const RunContext& context);

  std::optional<KeyIndex> keys_;
  TimeUnit unit_ = TimeUnit::SECOND;
  PoolVector<Position> slot_begin_;
  PoolVector<int64_t> times_;
  PoolVector<uint32_t> row_begin_;
  PoolVector<uint32_t> rows_;
  int64_t entity_rows_ = 0;
  int64_t min_time_ = std::numeric_limits<int64_t>::max();
  int64_t max_time_ = std::numeric_limits<int64_t>::min();
};

/// Cuts slots into ranges of about as many positions (or rows, if `begin` says where each slot's
/// begin among those): slots cuts[i] ... cuts[i + 1] - 1 are the i-th. One range if there are few.
std::vector<Slot> CutSlots(std::span<const Position> begin, const RunContext& context);

}  // namespace larder
