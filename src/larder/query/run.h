// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <memory>
#include <string>
#include <vector>

#include "larder/query/answer.h"
#include "larder/query/request.h"

// The three questions. Each call blocks until the first block of the answer is there or
// `options.stop` is set, uses its own threads, and may be made from several threads at once.
//
// Errors: Invalid (the request or the data contradicts itself; names column and file), TypeError
// (types that cannot be compared; names both columns), IOError with an errno detail (a file is
// missing or unreadable) or without (truncated or corrupt), OutOfMemory (memory_limit),
// Cancelled (options.stop).

namespace larder {

/// The training set: the columns of the entity rows untouched and in their order, then the
/// features of each view under FeatureSpec::name; one row for each entity row, in its place.
arrow::Result<std::shared_ptr<Answer>> PointInTime(
    const PointInTimeRequest& request, std::shared_ptr<arrow::RecordBatchReader> entity_rows,
    const RunOptions& options);

/// The newest row of each distinct join key in the time range, ordered by (file path, row). Rows
/// with a null in the join key or a null event timestamp do not count.
arrow::Result<std::shared_ptr<Answer>> Latest(const LatestRequest& request,
                                              const RunOptions& options);

/// Every row in the time range, ordered by (file path, row). Without any bound rows with a null
/// event timestamp are there too.
arrow::Result<std::shared_ptr<Answer>> Range(const RangeRequest& request,
                                             const RunOptions& options);

/// The columns of a source, over all its files, then those of its hive partitions.
arrow::Result<std::shared_ptr<arrow::Schema>> SourceSchema(const SourceSpec& source);

/// The files of a source, sorted by path, without those of writes that are not whole.
arrow::Result<std::vector<std::string>> SourceFiles(const SourceSpec& source);

}  // namespace larder
