// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace larder {

/// Where a source's Parquet files are.
struct SourceSpec {
  /// Each a local file, a directory (all files below it, but those whose name starts with "_" or
  /// ".") or a glob with *, ?, [...] and **.
  std::vector<std::string> paths;
  /// Read folders named "column=value" as columns.
  bool hive_partitioning = true;
};

}  // namespace larder
