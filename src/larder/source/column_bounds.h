// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "larder/base/event_time.h"
#include "larder/source/dataset.h"

namespace larder {

/// Between what some values lie, both ends inclusive: of a column in a row group, what is known
/// before it is read.
template <typename Value>
struct Bounds {
  Value min;
  Value max;

  /// Of no value; includes nothing until something is added.
  static constexpr Bounds None() {
    return {std::numeric_limits<Value>::max(), std::numeric_limits<Value>::min()};
  }
  bool is_none() const { return max < min; }
  void Add(const Bounds& others) {
    min = std::min(min, others.min);
    max = std::max(max, others.max);
  }
  /// Of an integer from the least: 0 for that itself, above Distance(max) for those outside.
  uint64_t Distance(Value value) const {
    return static_cast<uint64_t>(value) - static_cast<uint64_t>(min);
  }
};

/// The times of a column, from its partition value or its statistics; none if they do not say.
std::optional<Bounds<WideNanos>> TimeBounds(const Dataset& dataset, const RowGroup& group,
                                            const std::string& column);

/// Nanoseconds in one of what a file counts the times of a column in; 0 if it holds no times, or
/// the file does not have it.
int64_t NanosPerUnit(const Dataset& dataset, const RowGroup& group, const std::string& column);

/// The values of a column of integers, likewise.
std::optional<Bounds<int64_t>> IntegerBounds(const Dataset& dataset, const RowGroup& group,
                                             const std::string& column);

/// True if statistics say that the column holds nothing but nulls.
bool IsAllNull(const Dataset& dataset, const RowGroup& group, const std::string& column);

/// Compressed bytes of a column in a row group; 0 if it is not in the file.
int64_t ColumnBytes(const Dataset& dataset, const RowGroup& group, const std::string& column);
/// The same as it is encoded, before compression.
int64_t EncodedColumnBytes(const Dataset& dataset, const RowGroup& group,
                           const std::string& column);

}  // namespace larder
