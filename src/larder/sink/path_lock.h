// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <functional>
#include <string>
#include <utility>

#include "larder/io/file_ops.h"

namespace larder {

/// The right to replace one file, among all processes: the lock of the file
/// ".larder-lock-<name>" beside it, which goes when the holder is done.
class PathLock {
 public:
  /// Waits for the lock; `poll`, if any, is called in the meantime and can end it with an error.
  static arrow::Result<PathLock> Acquire(FileOps* ops, const std::string& path,
                                         const std::function<arrow::Status()>& poll);
  PathLock(PathLock&&) = default;
  PathLock& operator=(PathLock&&) = delete;
  ~PathLock();

 private:
  PathLock(FileOps* ops, File file) : ops_(ops), file_(std::move(file)) {}

  FileOps* ops_;
  File file_;
};

}  // namespace larder
