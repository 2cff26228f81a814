// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>

#include "larder/scan/flat_column.h"
#include "larder/scan/page_column.h"

namespace larder {

/// A column of strings or binary values, with 32-bit or 64-bit offsets. `bytes_per_row` is a
/// guess. See FlatColumn::Open().
std::unique_ptr<FlatColumn> MakeFlatBytes(std::shared_ptr<arrow::DataType> type,
                                          std::unique_ptr<ChunkPages> pages, int64_t bytes_per_row,
                                          bool keep_dictionary, arrow::MemoryPool* pool);

}  // namespace larder
