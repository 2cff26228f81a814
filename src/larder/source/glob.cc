// SPDX-License-Identifier: Apache-2.0
#include "larder/source/glob.h"

#include <fnmatch.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "larder/io/file_ops.h"
#include "larder/io/write_names.h"

namespace larder {

using arrow::Result;
using arrow::Status;

using Paths = std::vector<std::string>;

namespace {

/// The entries that readers may see; none if the folder vanished or never was one.
Result<std::vector<DirectoryEntry>> VisibleEntries(const std::string& folder) {
  auto entries = FileOps::Default()->List(folder.empty() ? "." : folder);
  if (HasErrno(entries.status(), ENOENT) || HasErrno(entries.status(), ENOTDIR)) {
    return std::vector<DirectoryEntry>{};
  }
  ARROW_RETURN_NOT_OK(entries.status());
  std::erase_if(*entries, IsHiddenFromReaders);
  return entries;
}

Status TakeAll(const std::string& folder, Paths* found) {
  ARROW_ASSIGN_OR_RAISE(const auto entries, VisibleEntries(folder));
  for (const auto& entry : entries) {
    std::string path = JoinPath(folder, entry.name);
    if (entry.is_directory) {
      ARROW_RETURN_NOT_OK(TakeAll(path, found));
    } else {
      found->push_back(std::move(path));
    }
  }
  return Status::OK();
}

}  // namespace

bool HasWildcard(const std::string& path) { return path.find_first_of("*?[") != std::string::npos; }

std::vector<std::string> SplitPath(const std::string& path) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin <= path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string JoinPath(const std::string& folder, const std::string& name) {
  return folder.empty() || folder.back() == '/' ? folder + name : folder + "/" + name;
}

Glob::Glob(const std::string& pattern) : parts_(SplitPath(pattern)) {
  root_ = pattern.starts_with('/') ? "/" : "";
  while (fixed_ < parts_.size() && !HasWildcard(parts_[fixed_])) {
    root_ = JoinPath(root_, parts_[fixed_++]);
  }
}

Result<Paths> Glob::Expand() const {
  Paths found;
  ARROW_RETURN_NOT_OK(Walk(root_, fixed_, &found));
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

Status Glob::Walk(const std::string& folder, size_t part, Paths* found) const {
  if (part == parts_.size()) return TakeAll(folder, found);
  const bool last = part + 1 == parts_.size();
  const bool any_depth = parts_[part] == "**";
  if (any_depth && last) return TakeAll(folder, found);
  if (any_depth) ARROW_RETURN_NOT_OK(Walk(folder, part + 1, found));
  ARROW_ASSIGN_OR_RAISE(const auto entries, VisibleEntries(folder));
  for (const auto& entry : entries) {
    if (!any_depth && fnmatch(parts_[part].c_str(), entry.name.c_str(), FNM_PERIOD) != 0) {
      continue;
    }
    std::string path = JoinPath(folder, entry.name);
    if (entry.is_directory) {
      ARROW_RETURN_NOT_OK(Walk(path, any_depth ? part : part + 1, found));
    } else if (last) {
      found->push_back(std::move(path));
    }
  }
  return Status::OK();
}

}  // namespace larder
