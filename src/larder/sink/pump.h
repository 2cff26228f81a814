// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/record_batch.h>
#include <arrow/status.h>

#include <string>
#include <vector>

#include "larder/sink/column_plan.h"
#include "larder/sink/file_set.h"
#include "larder/sink/write.h"

namespace larder {

/// Moves all rows through the plan and the partitioning into the files.
arrow::Status Pump(arrow::RecordBatchReader* rows, const ColumnPlan& plan,
                   const std::vector<std::string>& partition_by, const WriteOptions& options,
                   FileSet* files);

}  // namespace larder
