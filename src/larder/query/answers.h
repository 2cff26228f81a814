// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <memory>

#include "larder/query/answer.h"
#include "larder/query/request.h"

// The three questions: requests checked, sources opened, nothing computed yet.

namespace larder {

arrow::Result<std::shared_ptr<Answer>> OpenPointInTime(
    const PointInTimeRequest& request, std::shared_ptr<arrow::RecordBatchReader> entity_rows,
    const RunOptions& options);
arrow::Result<std::shared_ptr<Answer>> OpenLatest(const LatestRequest& request,
                                                  const RunOptions& options);
arrow::Result<std::shared_ptr<Answer>> OpenRange(const RangeRequest& request,
                                                 const RunOptions& options);

}  // namespace larder
