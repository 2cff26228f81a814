// SPDX-License-Identifier: Apache-2.0
#include "larder/sink/directory_layout.h"

#include <arrow/type.h>
#include <parquet/arrow/reader.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "larder/io/write_names.h"
#include "larder/sink/parquet_file.h"

namespace larder {
namespace {

using arrow::Result;

Result<std::optional<std::string>> FindLastFile(FileOps* ops, const std::string& folder,
                                                std::vector<DirectoryEntry> entries) {
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name > b.name; });
  for (const auto& entry : entries) {
    if (IsHiddenFromReaders(entry)) continue;
    std::string path = folder + "/" + entry.name;
    if (!entry.is_directory) return path;
    auto below = ops->List(path);
    if (HasErrno(below.status(), ENOENT)) continue;
    ARROW_RETURN_NOT_OK(below.status());
    ARROW_ASSIGN_OR_RAISE(auto found, FindLastFile(ops, path, std::move(*below)));
    if (found) return found;
  }
  return std::nullopt;
}

}  // namespace

Result<DirectoryLayout> LookAtDirectory(FileOps* ops, const std::string& root,
                                        std::vector<DirectoryEntry> entries) {
  DirectoryLayout layout;
  ARROW_ASSIGN_OR_RAISE(layout.last_file, FindLastFile(ops, root, std::move(entries)));
  if (!layout.last_file) return layout;
  size_t begin = root.size() + 1;
  while (true) {
    const size_t end = layout.last_file->find('/', begin);
    if (end == std::string::npos) return layout;
    const std::string segment = layout.last_file->substr(begin, end - begin);
    const size_t equals = segment.find('=');
    if (equals != std::string::npos && equals > 0) {
      layout.partition_by.push_back(segment.substr(0, equals));
    }
    begin = end + 1;
  }
}

Result<std::shared_ptr<arrow::Schema>> ReadFileSchema(FileOps* ops, const std::string& path,
                                                      arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(const auto reader, OpenParquet(ops, path, pool));
  std::shared_ptr<arrow::Schema> schema;
  const arrow::Status read = reader->GetSchema(&schema);
  if (!read.ok()) return InFile(path, read);
  return schema;
}

}  // namespace larder
