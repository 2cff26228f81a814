// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/status.h>
#include <arrow/type_fwd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "larder/base/run_context.h"
#include "larder/scan/column_reader.h"
#include "larder/source/dataset.h"

namespace larder {

/// Takes a whole column: `values` of the rows that were asked for, in the order of addresses.
/// Called once for each column, from any thread.
using ColumnSink = std::function<arrow::Status(size_t column, arrow::ArrayVector values)>;

/// Fetches columns of single rows. `addresses` are distinct and ascending; `columns` are names in
/// the source and come in the types of its unified schema. Only row groups with a wanted row are
/// opened, and read no further than to the last one.
///
/// Columns are worked on one after another by all threads, so that no more of them are in memory
/// than there are threads, but for what the sink keeps.
arrow::Status FetchRows(const Dataset& dataset, std::span<const uint64_t> addresses,
                        const std::vector<std::string>& columns, const RunContext& context,
                        ReadCounters* counters, const ColumnSink& sink);

}  // namespace larder
