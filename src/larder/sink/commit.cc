// SPDX-License-Identifier: Apache-2.0
#include "larder/sink/commit.h"

#include <arrow/result.h>

#include <cerrno>
#include <set>
#include <string_view>

#include "larder/io/fail_point.h"
#include "larder/io/write_names.h"
#include "larder/sink/fail_points.h"

namespace larder {
namespace {

using arrow::Result;
using arrow::Status;

constexpr std::string_view kHead = "larder write 1";
constexpr std::string_view kEnd = "end";

/// A relative path without "..": a manifest moves nothing out of its root.
bool StaysInside(std::string_view path) {
  if (path.empty() || path.front() == '/') return false;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    if (path.substr(0, slash) == "..") return false;
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return true;
}

Result<std::vector<Move>> ParseManifest(const std::string& path, std::string_view text) {
  std::vector<Move> moves;
  const auto next_line = [&]() -> std::string_view {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return line;
  };
  bool good = next_line() == kHead;
  while (good) {
    const std::string_view line = next_line();
    if (line == kEnd) return moves;
    const size_t tab = line.find('\t');
    good = tab != std::string_view::npos;
    if (!good) break;
    Move move{std::string(line.substr(0, tab)), std::string(line.substr(tab + 1))};
    good = StaysInside(move.from) && StaysInside(move.to);
    moves.push_back(std::move(move));
  }
  return Status::IOError("'", path, "' is no manifest of a write");
}

/// One rename of step 3, which a helper or the writer may have made already.
Status MoveOne(FileOps* ops, const std::string& from, const std::string& to) {
  Status moved = ops->Rename(from, to);
  if (!HasErrno(moved, ENOENT)) return moved;
  ARROW_ASSIGN_OR_RAISE(const auto source, ops->Stat(from));
  if (!source) return Status::OK();
  // The folder was there when the write was committed; someone has removed it.
  const std::string folder = ParentPath(to);
  ARROW_RETURN_NOT_OK(ops->MakeDirectories(folder));
  ARROW_RETURN_NOT_OK(ops->SyncDirectory(ParentPath(folder)));
  moved = ops->Rename(from, to);
  return HasErrno(moved, ENOENT) ? Status::OK() : moved;
}

}  // namespace

std::string FormatManifest(const std::vector<Move>& moves) {
  std::string text(kHead);
  text += '\n';
  for (const auto& move : moves) text.append(move.from).append("\t").append(move.to).append("\n");
  return text.append(kEnd).append("\n");
}

Status FinishCommit(FileOps* ops, const std::string& root, const std::string& token) {
  const std::string folder = root + "/" + MakeHiddenName(HiddenKind::kCommit, token);
  const auto manifest = ops->ReadFile(folder + "/" + kManifestName);
  // Whoever has finished it may not have come to the last sync yet.
  if (HasErrno(manifest.status(), ENOENT)) return ops->SyncDirectory(root);
  ARROW_RETURN_NOT_OK(manifest.status());
  ARROW_ASSIGN_OR_RAISE(const auto moves, ParseManifest(folder, *manifest));
  // The writer may have died between committing and this.
  ARROW_RETURN_NOT_OK(ops->SyncDirectory(root));
  ARROW_RETURN_NOT_OK(fail_point::Hit(kFailCommitted));
  std::set<std::string> places;
  for (const auto& move : moves) {
    const std::string to = root + "/" + move.to;
    ARROW_RETURN_NOT_OK(MoveOne(ops, folder + "/" + move.from, to));
    ARROW_RETURN_NOT_OK(fail_point::Hit(kFailOnePublished));
    places.insert(ParentPath(to));
  }
  for (const auto& place : places) {
    const Status synced = ops->SyncDirectory(place);
    // Removed by someone since, with the files in it.
    if (!HasErrno(synced, ENOENT)) ARROW_RETURN_NOT_OK(synced);
  }
  ARROW_RETURN_NOT_OK(fail_point::Hit(kFailAllPublished));
  const std::string done = root + "/" + MakeHiddenName(HiddenKind::kTemporary, token);
  const Status renamed = ops->Rename(folder, done);
  if (!HasErrno(renamed, ENOENT)) ARROW_RETURN_NOT_OK(renamed);
  ARROW_RETURN_NOT_OK(ops->SyncDirectory(root));
  return fail_point::Hit(kFailCommitDone);
}

}  // namespace larder
