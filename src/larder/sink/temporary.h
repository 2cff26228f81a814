// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <string>
#include <utility>

#include "larder/io/file_ops.h"

namespace larder {

/// A hidden file that its writer holds locked, so that cleaners know that he lives; removed by
/// the destructor if it still has its name. Names in io/write_names.h.
class Temporary {
 public:
  enum class Kind { kData, kLock };

  /// A new one in `folder`: ".larder-<token>.tmp" for data, ".lock" for the lock of a Staging.
  static arrow::Result<Temporary> Make(FileOps* ops, const std::string& folder, Kind kind);
  Temporary(Temporary&&) = default;
  Temporary& operator=(Temporary&&) = delete;
  ~Temporary();

  const std::string& token() const { return token_; }
  File* file() { return &file_; }

  /// Moves the file to its place; from then on it stays. Over an existing file if `overwrite`,
  /// else EEXIST.
  arrow::Status MoveTo(const std::string& path, bool overwrite);

 private:
  Temporary(FileOps* ops, std::string token, File file)
      : ops_(ops), token_(std::move(token)), file_(std::move(file)), path_(file_.path()) {}

  FileOps* ops_;
  std::string token_;
  File file_;
  std::string path_;  ///< "" once there is nothing to remove.
};

/// Makes durable the name of a file or folder that has just been moved to `path`.
arrow::Status SyncPlace(FileOps* ops, const std::string& path);

}  // namespace larder
