// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "larder/base/run_context.h"
#include "larder/kernel/time_range.h"
#include "larder/scan/column_reader.h"
#include "larder/source/dataset.h"

namespace larder {

struct RangeScan {
  std::shared_ptr<const Dataset> dataset;
  std::vector<std::string> columns;
  std::string event_timestamp;
  TimeRange range;

  /// `columns`, and behind them the event timestamp if there is a bound.
  std::vector<std::string> ScannedColumns() const;
};

/// The row groups that can hold a row in the range.
std::vector<size_t> RowGroupsToScan(const RangeScan& scan);

/// Every row of the row groups that is in the range, by address. Without any bound rows with a null
/// event timestamp are there too, and the event timestamps are not read unless they are among
/// `columns`.
arrow::Result<arrow::RecordBatchVector> ReadRange(const RangeScan& scan,
                                                  std::span<const size_t> row_groups,
                                                  const std::shared_ptr<arrow::Schema>& schema,
                                                  const RunContext& context, ReadCounters* counters,
                                                  std::atomic<int64_t>* rows_scanned);

}  // namespace larder
