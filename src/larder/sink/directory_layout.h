// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/memory_pool.h>
#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "larder/io/file_ops.h"

namespace larder {

/// What a directory of data files already is, judged by its last file.
struct DirectoryLayout {
  std::optional<std::string> last_file;   ///< Greatest path; none in an empty directory.
  std::vector<std::string> partition_by;  ///< Its hive columns, outermost first.
};

/// `entries` is the listing of `root`.
arrow::Result<DirectoryLayout> LookAtDirectory(FileOps* ops, const std::string& root,
                                               std::vector<DirectoryEntry> entries);

/// The columns of a Parquet file, with the Arrow types it was written from.
arrow::Result<std::shared_ptr<arrow::Schema>> ReadFileSchema(FileOps* ops, const std::string& path,
                                                             arrow::MemoryPool* pool);

}  // namespace larder
