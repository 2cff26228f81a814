// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>

#include "larder/base/run_context.h"

// Arrow's selection of rows, for every type and size of column.

namespace larder {

/// The elements at `indices` (unsigned, within bounds); a null index gives a null.
arrow::Result<std::shared_ptr<arrow::Array>> TakeRows(const std::shared_ptr<arrow::Array>& values,
                                                      const arrow::Array& indices,
                                                      const RunContext& context);

/// One array of several of this type. Strings and binaries that are together beyond what 32-bit
/// offsets can address become the large type.
arrow::Result<std::shared_ptr<arrow::Array>> ConcatenateColumn(
    const arrow::ArrayVector& pieces, const std::shared_ptr<arrow::DataType>& type,
    const RunContext& context);

/// TakeRows in arrays of at most `chunk_rows` rows, of the type `type`, from what
/// ConcatenateColumn gave.
arrow::Result<std::shared_ptr<arrow::ChunkedArray>> TakeInChunks(
    const std::shared_ptr<arrow::Array>& values, const std::shared_ptr<arrow::Array>& indices,
    const std::shared_ptr<arrow::DataType>& type, int64_t chunk_rows, const RunContext& context);

}  // namespace larder
