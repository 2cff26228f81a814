// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "larder/base/run_context.h"
#include "larder/source/column_bounds.h"
#include "larder/source/dataset.h"

namespace larder {

/// Which times can matter; both ends inclusive, none = open.
struct TimeWindow {
  std::optional<WideNanos> first_event;
  std::optional<WideNanos> last_event;
  std::optional<WideNanos> last_created;

  bool has_events() const { return first_event || last_event; }
};

/// Which rows of a source can matter. One whose event timestamp is null does not, unless the window
/// is open on both sides.
struct RowFilter {
  std::string event_timestamp;
  std::optional<std::string> created_timestamp;
  TimeWindow window;
  std::vector<std::string> join_keys;
  /// How many keys that matter there may be of the i-th join key within bounds, for columns of
  /// integers, counted up to `limit`; null: every key matters.
  std::function<uint64_t(size_t i, const Bounds<int64_t>& bounds, uint64_t limit)> count_keys;
};

/// The row groups, as ascending indices in dataset.row_groups(), that may hold a row that matters,
/// by partition values and statistics.
std::vector<size_t> SelectRowGroups(const Dataset& dataset, const RowFilter& filter);

/// The rows begin ... end - 1 of a row group.
struct RowInterval {
  int64_t begin;
  int64_t end;
};

/// Some rows of a row group, an index in Dataset::row_groups().
struct SelectedRows {
  size_t row_group;
  std::vector<RowInterval> intervals;  ///< Ascending; none is empty, none touches the next.
};

/// Of row groups the rows that may matter, by the bounds of pages; a row group without one is left
/// out. Pages are looked at where the row group's statistics promise that some can be left out.
arrow::Result<std::vector<SelectedRows>> SelectRows(const Dataset& dataset,
                                                    std::span<const size_t> row_groups,
                                                    const RowFilter& filter,
                                                    const RunContext& context);

}  // namespace larder
