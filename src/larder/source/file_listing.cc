// SPDX-License-Identifier: Apache-2.0
#include "larder/source/file_listing.h"

#include <arrow/util/io_util.h>
#include <arrow/util/uri.h>
#include <arrow/util/utf8.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "larder/io/visible_files.h"
#include "larder/source/glob.h"

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

using Paths = std::vector<std::string>;

constexpr std::string_view kNullPartition = "__HIVE_DEFAULT_PARTITION__";

Status NotFound(const std::string& path, const std::string& why) {
  return arrow::internal::StatusFromErrno(ENOENT, arrow::StatusCode::IOError, "'", path,
                                          "': ", why);
}

bool IsUtf8(const std::string& text) {
  arrow::util::InitializeUTF8();
  return arrow::util::ValidateUTF8(text);
}

/// The partitions of a file by the folders between `root` and its name.
Result<std::vector<PartitionValue>> PartitionsOf(const std::string& path, const std::string& root) {
  std::vector<PartitionValue> partitions;
  auto folders = SplitPath(path.substr(root.size()));
  if (!folders.empty()) folders.pop_back();
  for (const auto& folder : folders) {
    const size_t equals = folder.find('=');
    if (equals == std::string::npos || equals == 0) continue;
    PartitionValue partition;
    partition.column = arrow::util::UriUnescape(folder.substr(0, equals));
    std::string value = arrow::util::UriUnescape(folder.substr(equals + 1));
    if (!IsUtf8(partition.column) || !IsUtf8(value)) {
      return Status::Invalid("'", path, "': the partition folder '", folder, "' is not UTF-8");
    }
    if (value != kNullPartition) partition.value = std::move(value);
    // Of two folders for one column the inner one says more.
    std::erase_if(partitions,
                  [&](const PartitionValue& other) { return other.column == partition.column; });
    partitions.push_back(std::move(partition));
  }
  return partitions;
}

struct Found {
  Paths paths;
  std::optional<std::string> partition_root;  ///< None for a single file.
};

Result<Found> Find(const std::string& given) {
  if (given.find('\0') != std::string::npos) return Status::Invalid("a path holds a NUL byte");
  FileOps* ops = FileOps::Default();
  std::string path = given;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  ARROW_ASSIGN_OR_RAISE(const auto info, ops->Stat(path));
  if (info && S_ISDIR(info->st_mode)) {
    ARROW_ASSIGN_OR_RAISE(auto paths, VisibleFilesUnder(ops, path));
    if (paths.empty()) return NotFound(given, "no Parquet files in the directory");
    return Found{std::move(paths), path};
  }
  // To open a pipe could wait for ever, and none can be read from its end.
  if (info && !S_ISREG(info->st_mode)) {
    return Status::Invalid("'", given, "' is neither a file nor a directory");
  }
  if (info) return Found{{path}, std::nullopt};
  if (!HasWildcard(path)) return NotFound(given, "no Parquet files: the path does not exist");
  const Glob glob(path);
  ARROW_ASSIGN_OR_RAISE(auto paths, VisibleFiles(ops, [&] { return glob.Expand(); }));
  if (paths.empty()) return NotFound(given, "no Parquet files match the pattern");
  return Found{std::move(paths), glob.root()};
}

Result<std::vector<ListedFile>> List(const std::string& given, bool hive_partitioning) {
  ARROW_ASSIGN_OR_RAISE(auto found, Find(given));
  std::vector<ListedFile> files;
  files.reserve(found.paths.size());
  for (auto& path : found.paths) {
    ListedFile file;
    if (hive_partitioning && found.partition_root) {
      ARROW_ASSIGN_OR_RAISE(file.partitions, PartitionsOf(path, *found.partition_root));
    }
    file.path = std::move(path);
    files.push_back(std::move(file));
  }
  return files;
}

/// Files that several paths of a source lead to, each once, by whatever names: "data",
/// "./data/a.parquet", "/link/to/data/*". Not within one path, where somebody made two names.
class Merged {
 public:
  Status Add(std::vector<ListedFile> files) {
    std::vector<std::pair<std::string, size_t>> keys;
    for (auto& file : files) {
      ARROW_ASSIGN_OR_RAISE(std::string key, KeyOf(file.path));
      const auto known = known_.find(key);
      if (known == known_.end()) {
        keys.emplace_back(std::move(key), files_.size());
        files_.push_back(std::move(file));
      } else if (IsBetter(file, files_[known->second])) {
        files_[known->second] = std::move(file);
      }
    }
    known_.insert(std::make_move_iterator(keys.begin()), std::make_move_iterator(keys.end()));
    return Status::OK();
  }

  std::vector<ListedFile> Take() { return std::move(files_); }

 private:
  /// Which way to a file counts must not hang on the order of the paths.
  static bool IsBetter(const ListedFile& a, const ListedFile& b) {
    if (a.partitions.size() != b.partitions.size()) {
      return a.partitions.size() > b.partitions.size();
    }
    return a.path < b.path;
  }

  /// The path with its folder resolved.
  Result<std::string> KeyOf(const std::string& path) {
    const std::string folder = ParentPath(path);
    auto resolved = resolved_.find(folder);
    if (resolved == resolved_.end()) {
      ARROW_ASSIGN_OR_RAISE(std::string real, ResolvePath(folder));
      resolved = resolved_.emplace(folder, std::move(real)).first;
    }
    return JoinPath(resolved->second, BaseName(path));
  }

  std::vector<ListedFile> files_;
  std::unordered_map<std::string, size_t> known_;
  std::unordered_map<std::string, std::string> resolved_;
};

}  // namespace

Result<std::vector<ListedFile>> ListFiles(const SourceSpec& spec) {
  if (spec.paths.empty()) return Status::Invalid("a source needs at least one path");
  std::vector<ListedFile> files;
  if (spec.paths.size() == 1) {
    ARROW_ASSIGN_OR_RAISE(files, List(spec.paths[0], spec.hive_partitioning));
  } else {
    Merged merged;
    for (const auto& given : spec.paths) {
      ARROW_ASSIGN_OR_RAISE(auto some, List(given, spec.hive_partitioning));
      ARROW_RETURN_NOT_OK(merged.Add(std::move(some)));
    }
    files = merged.Take();
  }
  std::sort(files.begin(), files.end(),
            [](const ListedFile& a, const ListedFile& b) { return a.path < b.path; });
  return files;
}

}  // namespace larder
