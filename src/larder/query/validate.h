// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/status.h>
#include <arrow/type_fwd.h>

#include "larder/query/request.h"
#include "larder/source/dataset.h"

// What can be wrong with a request before any row is read.

namespace larder {

/// The options by themselves.
arrow::Status CheckOptions(const RunOptions& options);

/// The names of the output columns are distinct, and the event timestamp is there and is a time.
arrow::Status CheckPointInTime(const PointInTimeRequest& request, const arrow::Schema& entity_rows);

/// The view's columns are in its source, and its join keys compare with the entity rows'.
arrow::Status CheckView(const FeatureViewSpec& view, const Dataset& dataset,
                        const arrow::Schema& entity_rows);

/// A time column is in every file of a source and is a time. `purpose`: "event timestamp".
arrow::Status CheckTimeColumn(const Dataset& dataset, const std::string& column,
                              const std::string& purpose);

/// A created timestamp is in some file of a source and is a time; where it is missing it is null.
arrow::Status CheckCreatedColumn(const Dataset& dataset, const std::optional<std::string>& column);

}  // namespace larder
