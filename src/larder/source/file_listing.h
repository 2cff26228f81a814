// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>

#include <optional>
#include <string>
#include <vector>

#include "larder/source/source_spec.h"

namespace larder {

/// One hive folder on the way to a file, "column=value".
struct PartitionValue {
  std::string column;
  std::optional<std::string> value;  ///< URL-decoded; none for __HIVE_DEFAULT_PARTITION__.
  bool operator==(const PartitionValue&) const = default;
};

struct ListedFile {
  std::string path;
  std::vector<PartitionValue> partitions;
};

/// The data files of a source, sorted by path (bytewise), each once. A path that exists is taken
/// as it is, even if it looks like a glob. Files of writes that are not whole are left out
/// (io/visible_files.h), names that readers skip too, links are followed. Folders are read as
/// partitions below a path of the spec that is a directory, and from the first component on that
/// has a wildcard. A file that several paths of the spec lead to comes once, by the path that
/// gives it the most partitions.
///
/// IOError with errno ENOENT, which names the path, if it is not there, holds no files or, as a
/// glob, matches none. Invalid if a partition folder is not UTF-8.
arrow::Result<std::vector<ListedFile>> ListFiles(const SourceSpec& spec);

}  // namespace larder
