// SPDX-License-Identifier: Apache-2.0
#include "larder/sink/temporary.h"

#include <arrow/util/macros.h>

#include <utility>

#include "larder/io/fail_point.h"
#include "larder/io/write_names.h"
#include "larder/sink/fail_points.h"

namespace larder {
namespace {

using arrow::Result;
using arrow::Status;

/// How often a cleaner may come between the making of a file and its locking.
constexpr int kMaxAttempts = 100;

/// True if no cleaner will take the file away. Where there are no locks, they cannot take one
/// either, and leave the file alone until it is old.
Result<bool> LockNew(File* file) {
  ARROW_ASSIGN_OR_RAISE(const LockState state, file->TryLock());
  if (state == LockState::kUnsupported) return true;
  return state == LockState::kOurs ? file->HasName() : Result<bool>(false);
}

}  // namespace

Result<Temporary> Temporary::Make(FileOps* ops, const std::string& folder, Kind kind) {
  const auto hidden = kind == Kind::kLock ? HiddenKind::kLock : HiddenKind::kTemporary;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    std::string token = NewWriteToken();
    const std::string path = folder + "/" + MakeHiddenName(hidden, token);
    ARROW_ASSIGN_OR_RAISE(File file, ops->Create(path));
    Temporary temporary(ops, std::move(token), std::move(file));
    ARROW_ASSIGN_OR_RAISE(const bool ours, LockNew(temporary.file()));
    if (ours) return temporary;
  }
  return Status::IOError("cannot keep a temporary file in '", folder,
                         "': another process removes each new one");
}

Temporary::~Temporary() {
  // A moved-from string may hold anything; the file of a moved-from Temporary is closed.
  if (!file_.is_open() || path_.empty()) return;
  // What cannot be removed now is for the next writer's CleanLeftovers.
  ARROW_UNUSED(ops_->Unlink(path_));
}

Status Temporary::MoveTo(const std::string& path, bool overwrite) {
  if (!overwrite) {
    // The temporary name goes by the destructor.
    return ops_->Link(path_, path);
  }
  ARROW_RETURN_NOT_OK(ops_->Rename(path_, path));
  path_.clear();
  return Status::OK();
}

Status SyncPlace(FileOps* ops, const std::string& path) {
  Status status = fail_point::Hit(kFailRenamed);
  if (status.ok()) status = ops->SyncDirectory(ParentPath(path));
  if (status.ok()) status = fail_point::Hit(kFailFolderSynced);
  if (status.ok()) return status;
  return status.WithMessage("'", path,
                            "' is in place, but perhaps not durable: ", status.message());
}

}  // namespace larder
