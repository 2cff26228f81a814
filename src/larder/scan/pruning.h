// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "larder/source/column_bounds.h"
#include "larder/source/dataset.h"

namespace larder {

/// Which times can matter; both ends inclusive, none = open.
struct TimeWindow {
  std::optional<WideNanos> first_event;
  std::optional<WideNanos> last_event;
  std::optional<WideNanos> last_created;
};

/// The row groups, as ascending indices in dataset.row_groups(), that may hold a row in the
/// window, by partition values and statistics. A null event timestamp is in no window, unless
/// the window is open on both sides.
std::vector<size_t> SelectRowGroups(const Dataset& dataset, const std::string& event_timestamp,
                                    const std::optional<std::string>& created_timestamp,
                                    const TimeWindow& window);

}  // namespace larder
