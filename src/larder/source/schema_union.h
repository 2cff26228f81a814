// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <memory>
#include <string>
#include <vector>

#include "larder/source/file_listing.h"

namespace larder {

/// What one file of a source holds, and what its folders say.
struct FileSchema {
  std::string path;
  std::shared_ptr<arrow::Schema> schema;
  std::vector<PartitionValue> partitions;
};

struct UnifiedSchema {
  std::shared_ptr<arrow::Schema> schema;
  std::vector<std::string> partition_columns;
};

/// The columns of all files in order of first appearance, then the partition columns: int64 if
/// every value is written like one, else string. Where a file has a column and lies in a folder
/// for it, the folder counts. All fields are nullable, without metadata. Columns of one name
/// within a file stay apart, under that name. Invalid, which names the column, both types and
/// both files, if there is no type that holds the values of both (source/type_union.h).
arrow::Result<UnifiedSchema> UnifySchemas(const std::vector<FileSchema>& files);

}  // namespace larder
