// SPDX-License-Identifier: Apache-2.0
#include "larder/source/file_listing.h"

#include <arrow/util/io_util.h>
#include <arrow/util/uri.h>
#include <fnmatch.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <string_view>

#include "larder/io/visible_files.h"
#include "larder/io/write_names.h"

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

std::vector<std::string> Split(const std::string& path) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin <= path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool HasWildcard(const std::string& text) { return text.find_first_of("*?[") != std::string::npos; }

std::string Join(const std::string& folder, const std::string& name) {
  return folder.empty() || folder.back() == '/' ? folder + name : folder + "/" + name;
}

/// Expands a glob component by component; "**" is any number of folders, none included.
class Glob {
 public:
  explicit Glob(const std::string& pattern) : parts_(Split(pattern)) {
    root_ = pattern.starts_with('/') ? "/" : "";
    while (fixed_ < parts_.size() && !HasWildcard(parts_[fixed_])) {
      root_ = Join(root_, parts_[fixed_++]);
    }
  }

  /// The folder that the wildcards are relative to; "" for the current one.
  const std::string& root() const { return root_; }

  Result<Paths> Expand() const {
    Paths found;
    ARROW_RETURN_NOT_OK(Walk(root_, fixed_, &found));
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
  }

 private:
  Status Walk(const std::string& folder, size_t part, Paths* found) const {
    const bool last = part + 1 == parts_.size();
    const bool any_depth = parts_[part] == "**";
    if (any_depth && !last) ARROW_RETURN_NOT_OK(Walk(folder, part + 1, found));
    auto entries = FileOps::Default()->List(folder.empty() ? "." : folder);
    if (HasErrno(entries.status(), ENOENT) || HasErrno(entries.status(), ENOTDIR)) {
      return Status::OK();
    }
    ARROW_RETURN_NOT_OK(entries.status());
    for (const auto& entry : *entries) {
      if (IsHiddenFromReaders(entry)) continue;
      const std::string path = Join(folder, entry.name);
      if (any_depth) {
        if (entry.is_directory) {
          ARROW_RETURN_NOT_OK(Walk(path, part, found));
        } else if (last) {
          found->push_back(path);
        }
        continue;
      }
      if (fnmatch(parts_[part].c_str(), entry.name.c_str(), FNM_PERIOD) != 0) continue;
      if (!last) {
        if (entry.is_directory) ARROW_RETURN_NOT_OK(Walk(path, part + 1, found));
      } else if (entry.is_directory) {
        ARROW_ASSIGN_OR_RAISE(auto below, VisibleFilesUnder(FileOps::Default(), path));
        found->insert(found->end(), below.begin(), below.end());
      } else {
        found->push_back(path);
      }
    }
    return Status::OK();
  }

  std::vector<std::string> parts_;
  size_t fixed_ = 0;
  std::string root_;
};

/// The partitions of a file by the folders between `root` and its name.
std::vector<PartitionValue> PartitionsOf(const std::string& path, const std::string& root) {
  std::vector<PartitionValue> partitions;
  auto folders = Split(path.substr(root.size()));
  if (!folders.empty()) folders.pop_back();
  for (const auto& folder : folders) {
    const size_t equals = folder.find('=');
    if (equals == std::string::npos || equals == 0) continue;
    PartitionValue partition;
    partition.column = arrow::util::UriUnescape(folder.substr(0, equals));
    const std::string value = arrow::util::UriUnescape(folder.substr(equals + 1));
    if (value != kNullPartition) partition.value = value;
    // Of two folders for one column the inner one says more.
    std::erase_if(partitions,
                  [&](const PartitionValue& other) { return other.column == partition.column; });
    partitions.push_back(std::move(partition));
  }
  return partitions;
}

struct Listing {
  Paths paths;
  std::optional<std::string> partition_root;  ///< None for a single file.
};

Result<Listing> List(const std::string& given) {
  FileOps* ops = FileOps::Default();
  std::string path = given;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  ARROW_ASSIGN_OR_RAISE(const auto info, ops->Stat(path));
  if (info && S_ISDIR(info->st_mode)) {
    ARROW_ASSIGN_OR_RAISE(auto paths, VisibleFilesUnder(ops, path));
    if (paths.empty()) return NotFound(given, "the directory holds no Parquet files");
    return Listing{std::move(paths), path};
  }
  if (info) return Listing{{path}, std::nullopt};
  if (!HasWildcard(path)) return NotFound(given, "there is no such file or directory");
  const Glob glob(path);
  ARROW_ASSIGN_OR_RAISE(auto paths, VisibleFiles(ops, [&] { return glob.Expand(); }));
  if (paths.empty()) return NotFound(given, "no files match the pattern");
  return Listing{std::move(paths), glob.root()};
}

}  // namespace

Result<std::vector<ListedFile>> ListFiles(const SourceSpec& spec) {
  if (spec.paths.empty()) return Status::Invalid("a source needs at least one path");
  std::map<std::string, ListedFile> by_path;
  for (const auto& given : spec.paths) {
    ARROW_ASSIGN_OR_RAISE(auto listing, List(given));
    for (auto& path : listing.paths) {
      ListedFile file{path, {}};
      if (spec.hive_partitioning && listing.partition_root) {
        file.partitions = PartitionsOf(path, *listing.partition_root);
      }
      by_path.emplace(std::move(path), std::move(file));
    }
  }
  std::vector<ListedFile> files;
  files.reserve(by_path.size());
  for (auto& [path, file] : by_path) files.push_back(std::move(file));
  return files;
}

}  // namespace larder
