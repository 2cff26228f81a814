// SPDX-License-Identifier: Apache-2.0
#include "larder/sink/path_lock.h"

#include <arrow/util/macros.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "larder/io/write_names.h"

namespace larder {
namespace {

using arrow::Result;
using arrow::Status;

constexpr std::chrono::milliseconds kFirstWait{1};
constexpr std::chrono::milliseconds kLongestWait{20};

}  // namespace

Result<PathLock> PathLock::Acquire(FileOps* ops, const std::string& path,
                                   const std::function<Status()>& poll) {
  const std::string lock_path = ParentPath(path) + "/" + MakeLockName(BaseName(path));
  for (auto wait = kFirstWait;; wait = std::min(wait * 2, kLongestWait)) {
    ARROW_ASSIGN_OR_RAISE(File file, ops->OpenOrCreate(lock_path));
    ARROW_ASSIGN_OR_RAISE(const LockState state, file.TryLock());
    if (state == LockState::kUnsupported) {
      return Status::IOError("the file system of '", path, "' has no locks, and a single file ",
                             "cannot be written to safely without; use a directory");
    }
    if (state == LockState::kOurs) {
      // The last holder removes the file; who opened it before holds the lock of nothing.
      ARROW_ASSIGN_OR_RAISE(const bool has_name, file.HasName());
      if (has_name) return PathLock(ops, std::move(file));
      continue;
    }
    if (poll) ARROW_RETURN_NOT_OK(poll());
    std::this_thread::sleep_for(wait);
  }
}

PathLock::~PathLock() {
  // One that stays behind does no harm: the next holder takes it over.
  if (file_.is_open()) ARROW_UNUSED(ops_->Unlink(file_.path()));
}

}  // namespace larder
