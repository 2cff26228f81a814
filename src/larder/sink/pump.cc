// SPDX-License-Identifier: Apache-2.0
#include "larder/sink/pump.h"

#include <memory>

#include "larder/sink/partition_split.h"

namespace larder {

arrow::Status Pump(arrow::RecordBatchReader* rows, const ColumnPlan& plan,
                   const std::vector<std::string>& partition_by, const WriteOptions& options,
                   FileSet* files) {
  while (true) {
    if (options.poll) ARROW_RETURN_NOT_OK(options.poll());
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(rows->ReadNext(&batch));
    if (batch == nullptr) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto columns, plan.Apply(*batch));
    ARROW_ASSIGN_OR_RAISE(const auto parts, SplitByPartition(columns.file, partition_by,
                                                             columns.partition, options.pool));
    for (const auto& part : parts) ARROW_RETURN_NOT_OK(files->Add(part.folder, part.rows));
  }
}

}  // namespace larder
