// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/result.h>
#include <arrow/status.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace larder {

/// The folder name of a null partition value.
inline constexpr std::string_view kHiveNull = "__HIVE_DEFAULT_PARTITION__";

/// Rows that go to one folder.
struct PartitionRows {
  std::string folder;  ///< "a=1/b=x", relative to the root; "" without partition columns.
  std::shared_ptr<arrow::RecordBatch> rows;
};

/// Whether these columns can be folder names: not empty, no '/', '=' or control character.
arrow::Status CheckPartitionNames(const std::vector<std::string>& names);

/// `rows` by the values of the partition columns `values` (one array per name, as long as
/// `rows`): folders in the order of their first row, rows in the order they came in.
/// Errors name the column: a value whose folder would be read back as null or whose name would
/// be too long for a file system (255 bytes), a type without a text form.
arrow::Result<std::vector<PartitionRows>> SplitByPartition(
    const std::shared_ptr<arrow::RecordBatch>& rows, const std::vector<std::string>& names,
    const arrow::ArrayVector& values, arrow::MemoryPool* pool);

/// `text` with all but letters, digits, '-', '.', '_' and '~' as %XX.
std::string UrlEncode(std::string_view text);

}  // namespace larder
