// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <string>
#include <utility>
#include <vector>

#include "larder/io/file_ops.h"
#include "larder/sink/commit.h"
#include "larder/sink/temporary.h"

namespace larder {

/// The hidden folder in which a write of several files grows; the destructor removes it with
/// what is left in it. Locked like a Temporary.
class Staging {
 public:
  static arrow::Result<Staging> Make(FileOps* ops, const std::string& root);
  Staging(Staging&& other) noexcept
      : ops_(other.ops_),
        root_(std::move(other.root_)),
        lock_(std::move(other.lock_)),
        path_(std::exchange(other.path_, "")) {}
  Staging& operator=(Staging&&) = delete;
  ~Staging();

  /// The index-th data file, made in the folder.
  arrow::Result<File> CreateFile(int index);

  /// Publishes the files (commit.h, from the manifest on). They must be durable, and so must the
  /// folders they go to. After an error that says that the write may still take effect, the next
  /// writer will publish it.
  arrow::Status Commit(const std::vector<Move>& moves);

  /// Leaves whatever is under the folder's name to the next writer's CleanLeftovers.
  void Leave() { path_.clear(); }

  const std::string& token() const { return lock_.token(); }
  const std::string& path() const { return path_; }

 private:
  Staging(FileOps* ops, std::string root, Temporary lock, std::string path)
      : ops_(ops), root_(std::move(root)), lock_(std::move(lock)), path_(std::move(path)) {}

  FileOps* ops_;
  std::string root_;
  Temporary lock_;
  std::string path_;
};

}  // namespace larder
