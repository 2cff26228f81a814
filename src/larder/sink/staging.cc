// SPDX-License-Identifier: Apache-2.0
#include "larder/sink/staging.h"

#include <arrow/util/macros.h>

#include <array>
#include <cstdio>

#include "larder/io/fail_point.h"
#include "larder/io/write_names.h"
#include "larder/sink/fail_points.h"

namespace larder {

using arrow::Result;
using arrow::Status;

Result<Staging> Staging::Make(FileOps* ops, const std::string& root) {
  // The lock first, so that a folder without one has no living writer.
  ARROW_ASSIGN_OR_RAISE(auto lock, Temporary::Make(ops, root, Temporary::Kind::kLock));
  const std::string path = root + "/" + MakeHiddenName(HiddenKind::kTemporary, lock.token());
  ARROW_RETURN_NOT_OK(ops->MakeDirectory(path));
  return Staging(ops, root, std::move(lock), path);
}

Staging::~Staging() {
  if (path_.empty()) return;
  // What cannot be removed now is for the next writer's CleanLeftovers.
  ARROW_UNUSED(ops_->RemoveAll(path_));
}

Result<File> Staging::CreateFile(int index) {
  std::array<char, 32> name;
  // Hidden, for the folder may become a visible one; not .parquet, for some readers' globs look
  // into hidden folders and files.
  std::snprintf(name.data(), name.size(), "/.%06d.tmp", index);
  return ops_->Create(path_ + name.data());
}

Status Staging::Commit(const std::vector<Move>& moves) {
  ARROW_ASSIGN_OR_RAISE(File manifest, ops_->Create(path_ + "/" + kManifestName));
  ARROW_RETURN_NOT_OK(manifest.Write(FormatManifest(moves)));
  ARROW_RETURN_NOT_OK(manifest.Sync());
  ARROW_RETURN_NOT_OK(manifest.Close());
  ARROW_RETURN_NOT_OK(ops_->SyncDirectory(path_));
  ARROW_RETURN_NOT_OK(fail_point::Hit(kFailStaged));
  const std::string committed = root_ + "/" + MakeHiddenName(HiddenKind::kCommit, token());
  ARROW_RETURN_NOT_OK(ops_->Rename(path_, committed));
  Status finished = FinishCommit(ops_, root_, token());
  if (finished.ok()) return finished;
  Leave();
  return finished.WithMessage("the write is complete, but not published; the next write to '",
                              root_, "' will publish it, rows and all: ", finished.message());
}

}  // namespace larder
