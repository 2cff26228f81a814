// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "larder/base/run_context.h"
#include "larder/kernel/row_candidates.h"
#include "larder/kernel/row_set.h"
#include "larder/kernel/time_range.h"
#include "larder/scan/column_reader.h"

// The latest row of each join key: the same maximum as in the point-in-time join, with a single
// open position for each key, and the keys found while scanning.

namespace larder {

struct LatestScan : KeyedSource {
  TimeRange range;
};

/// The row groups that can hold a row in the range.
std::vector<size_t> RowGroupsToScan(const LatestScan& scan);

/// The addresses of the newest rows. Rows with a null join key or event timestamp do not count.
arrow::Result<RowSet> FindLatest(const LatestScan& scan, const RunContext& context,
                                 ReadCounters* counters, std::atomic<int64_t>* rows_scanned);

}  // namespace larder
