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

/// One array of several. Strings and binaries beyond what their type can address in one array
/// become large ones; `CastToType` brings parts of them back.
arrow::Result<std::shared_ptr<arrow::Array>> ConcatenateColumn(
    const arrow::ArrayVector& pieces, const std::shared_ptr<arrow::DataType>& type,
    arrow::MemoryPool* pool);

/// The elements at `indices` (null index: null), in arrays of at most `chunk_rows` rows.
arrow::Result<std::shared_ptr<arrow::ChunkedArray>> TakeInChunks(
    const std::shared_ptr<arrow::Array>& values, const std::shared_ptr<arrow::Array>& indices,
    const std::shared_ptr<arrow::DataType>& type, int64_t chunk_rows, const RunContext& context);

}  // namespace larder
