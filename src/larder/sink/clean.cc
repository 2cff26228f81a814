// SPDX-License-Identifier: Apache-2.0
#include "larder/sink/clean.h"

#include <arrow/result.h>

#include <cerrno>
#include <ctime>
#include <string>

#include "larder/io/write_names.h"
#include "larder/sink/commit.h"

namespace larder {
namespace {

using arrow::Result;
using arrow::Status;

/// Removes what writers left in one directory.
class Cleaner {
 public:
  Cleaner(const std::string& directory, const WriteOptions& options)
      : directory_(directory), options_(options), ops_(options.ops) {}

  Status Clean(const DirectoryEntry& entry, const HiddenName& name) {
    const std::string path = directory_ + "/" + entry.name;
    if (name.kind == HiddenKind::kCommit) return Finish(name.token);
    // A data file is locked itself; everything else goes by the lock of its write.
    const bool locks_itself = name.kind == HiddenKind::kTemporary && !entry.is_directory;
    const std::string lock_path =
        locks_itself ? path : directory_ + "/" + MakeHiddenName(HiddenKind::kLock, name.token);
    ARROW_ASSIGN_OR_RAISE(auto lock, ops_->OpenExisting(lock_path));
    // Another machine's lock may not reach us: then only its age tells that nobody works on it.
    bool must_be_old = !IsTokenOfThisBoot(name.token);
    if (lock) {
      ARROW_ASSIGN_OR_RAISE(const LockState state, lock->TryLock());
      if (state == LockState::kTaken) return Status::OK();
      must_be_old = must_be_old || state == LockState::kUnsupported;
    }
    // The lock, if any, is ours until it has been removed.
    if (name.kind == HiddenKind::kOld) {
      ARROW_ASSIGN_OR_RAISE(const bool restored, Restore(path, name.replaced));
      if (restored) return Status::OK();
    }
    if (must_be_old) {
      ARROW_ASSIGN_OR_RAISE(const auto info, ops_->Stat(path));
      if (info && std::time(nullptr) - info->st_mtime <= options_.foreign_leftover_seconds) {
        return Status::OK();
      }
    }
    return ops_->RemoveAll(path);
  }

  /// A lock file goes under its own lock, as when its holder removes it.
  Status CleanLock(const std::string& path) {
    ARROW_ASSIGN_OR_RAISE(auto lock, ops_->OpenExisting(path));
    if (!lock) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const LockState state, lock->TryLock());
    if (state != LockState::kOurs) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const bool has_name, lock->HasName());
    return has_name ? ops_->Unlink(path) : Status::OK();
  }

 private:
  Status Finish(const std::string& token) {
    ARROW_RETURN_NOT_OK(FinishCommit(ops_, directory_, token));
    return ops_->RemoveAll(directory_ + "/" + MakeHiddenName(HiddenKind::kTemporary, token));
  }

  /// Puts back what was moved away for a successor that never came; false if it did come.
  Result<bool> Restore(const std::string& path, const std::string& name) {
    const std::string place = directory_ + "/" + name;
    ARROW_ASSIGN_OR_RAISE(const auto successor, ops_->Stat(place));
    if (successor) return false;
    ARROW_RETURN_NOT_OK(ops_->Rename(path, place));
    ARROW_RETURN_NOT_OK(ops_->SyncDirectory(directory_));
    return true;
  }

  const std::string& directory_;
  const WriteOptions& options_;
  FileOps* ops_;
};

}  // namespace

Status CleanEntries(const std::string& directory, const std::vector<DirectoryEntry>& entries,
                    const WriteOptions& options) {
  Cleaner cleaner(directory, options);
  Status first = Status::OK();
  const auto note = [&first](const Status& status) {
    if (first.ok()) first = status;
  };
  // Locks last: what they guard is judged by them.
  for (const bool locks : {false, true}) {
    for (const auto& entry : entries) {
      const auto name = ParseHiddenName(entry.name);
      if (name && (name->kind == HiddenKind::kLock) == locks) note(cleaner.Clean(entry, *name));
      if (locks && IsLockName(entry.name)) note(cleaner.CleanLock(directory + "/" + entry.name));
    }
  }
  return first;
}

Status CleanLeftovers(const std::string& directory, const WriteOptions& options) {
  ARROW_ASSIGN_OR_RAISE(const std::string resolved, ResolvePath(directory));
  const auto entries = options.ops->List(resolved);
  if (HasErrno(entries.status(), ENOENT)) return Status::OK();
  ARROW_RETURN_NOT_OK(entries.status());
  return CleanEntries(resolved, *entries, options);
}

}  // namespace larder
