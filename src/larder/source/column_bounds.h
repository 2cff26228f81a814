// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "larder/base/event_time.h"
#include "larder/source/dataset.h"

namespace larder {

/// What is known of the values of a column in a row group before it is read; both ends inclusive.
template <typename Value>
struct Bounds {
  Value min;
  Value max;
};

/// The times of a column, from its partition value or its statistics; none if they do not say.
std::optional<Bounds<WideNanos>> TimeBounds(const Dataset& dataset, const RowGroup& group,
                                            const std::string& column);

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
