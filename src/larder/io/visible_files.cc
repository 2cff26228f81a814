// SPDX-License-Identifier: Apache-2.0
#include "larder/io/visible_files.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <set>

#include "larder/io/write_names.h"

namespace larder {
namespace {

using arrow::Result;
using arrow::Status;

using Paths = std::vector<std::string>;

/// The files of one write of several files that are in a listing.
struct Seen {
  std::set<int> indices;
  int count = 0;
};
/// By the path that exists while the write is being published.
using SeenWrites = std::map<std::string, Seen>;

std::string CommitPath(const std::string& path, const PartName& part) {
  std::string root = ParentPath(path);
  for (int i = 0; i < part.depth; ++i) root = ParentPath(root);
  return root + "/" + MakeHiddenName(HiddenKind::kCommit, part.token);
}

SeenWrites FindWrites(const Paths& paths) {
  SeenWrites writes;
  for (const auto& path : paths) {
    const auto part = ParsePartName(BaseName(path));
    if (!part || part->count == 0) continue;
    Seen& seen = writes[CommitPath(path, *part)];
    seen.indices.insert(part->index);
    seen.count = part->count;
  }
  return writes;
}

std::set<std::string> Incomplete(const SeenWrites& writes) {
  std::set<std::string> keys;
  for (const auto& [key, seen] : writes) {
    if (seen.indices.size() < static_cast<size_t>(seen.count)) keys.insert(key);
  }
  return keys;
}

/// Takes out the writes that are still being published.
Result<std::set<std::string>> TakePending(FileOps* ops, std::set<std::string>* incomplete) {
  std::set<std::string> pending;
  for (const auto& key : *incomplete) {
    ARROW_ASSIGN_OR_RAISE(auto info, ops->Stat(key));
    if (info) pending.insert(key);
  }
  for (const auto& key : pending) incomplete->erase(key);
  return pending;
}

void Hide(const std::set<std::string>& hidden, Paths* paths) {
  if (hidden.empty()) return;
  std::erase_if(*paths, [&](const std::string& path) {
    const auto part = ParsePartName(BaseName(path));
    return part && part->count > 0 && hidden.contains(CommitPath(path, *part));
  });
}

/// Folders that vanish while they are listed held nothing that anyone waits for.
Status ListTree(FileOps* ops, const std::string& root, bool is_top, Paths* out) {
  auto entries = ops->List(root);
  if (!is_top && HasErrno(entries.status(), ENOENT)) return Status::OK();
  ARROW_RETURN_NOT_OK(entries.status());
  for (const auto& entry : *entries) {
    if (IsHiddenFromReaders(entry)) continue;
    std::string path = root + "/" + entry.name;
    if (entry.is_directory) {
      ARROW_RETURN_NOT_OK(ListTree(ops, path, false, out));
    } else {
      out->push_back(std::move(path));
    }
  }
  return Status::OK();
}

}  // namespace

Result<Paths> VisibleFiles(FileOps* ops, const FileLister& list) {
  ARROW_ASSIGN_OR_RAISE(Paths paths, list());
  const SeenWrites first = FindWrites(paths);
  std::set<std::string> incomplete = Incomplete(first);
  ARROW_ASSIGN_OR_RAISE(const auto pending, TakePending(ops, &incomplete));
  std::set<std::string> hidden = pending;
  if (!incomplete.empty()) {
    // Those were published by now, or deleted in part: the second listing shows all there is.
    ARROW_ASSIGN_OR_RAISE(paths, list());
    for (const auto& key : Incomplete(FindWrites(paths))) {
      // Unseen or pending before, so not acknowledged before we came: may be left out whole.
      if (!first.contains(key) || pending.contains(key)) hidden.insert(key);
    }
  }
  Hide(hidden, &paths);
  return paths;
}

Result<Paths> VisibleFilesUnder(FileOps* ops, const std::string& root) {
  return VisibleFiles(ops, [&]() -> Result<Paths> {
    Paths paths;
    ARROW_RETURN_NOT_OK(ListTree(ops, root, true, &paths));
    std::sort(paths.begin(), paths.end());
    return paths;
  });
}

}  // namespace larder
