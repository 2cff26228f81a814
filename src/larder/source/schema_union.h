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
/// every value is written like one, else string. Where a folder and a file have a column of the
/// same name, the folder counts. All fields are nullable, without metadata. Invalid, which names
/// column and both files, if types contradict each other.
arrow::Result<UnifiedSchema> UnifySchemas(const std::vector<FileSchema>& files);

/// The type that holds every value of both:
/// - integers the wider one, of mixed sign a signed one wider than the unsigned; integers with
///   floats float64; floats the wider;
/// - string with large string and binary with large binary the large one;
/// - timestamps the finer unit; where the zones differ UTC, naive times being UTC;
/// - dates date32; decimals of one scale the greater precision; a dictionary with its plain
///   values the latter;
/// - lists, maps and structs by their parts, a missing field being null; null with anything.
/// Null if there is none.
std::shared_ptr<arrow::DataType> UnifyTypes(const std::shared_ptr<arrow::DataType>& a,
                                            const std::shared_ptr<arrow::DataType>& b);

}  // namespace larder
