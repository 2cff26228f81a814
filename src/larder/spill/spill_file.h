// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "larder/base/memory_budget.h"
#include "larder/io/file_ops.h"

namespace larder {

/// A temporary file that is written from its begin to its end and then read once. It has no name,
/// so that nothing is left of it, however the process ends. Errors are IOErrors that name the
/// directory and the option spill_directory. Not safe to use from several threads at once.
class SpillFile {
 public:
  /// What an open file takes of memory: small enough for a hundred at once in a few MiB.
  static constexpr size_t kBufferBytes = size_t{32} << 10;

  /// `directory`: empty for $TMPDIR, or /tmp.
  static arrow::Result<SpillFile> Create(const std::string& directory, FileOps* files,
                                         arrow::MemoryPool* pool);

  arrow::Status Append(const void* bytes, size_t count);
  /// From now on it is read.
  arrow::Status Rewind();
  /// Fills `bytes`; false at the end of the file. IOError if it ends within them.
  arrow::Result<bool> Read(void* bytes, size_t count);

  int64_t size() const { return size_; }

 private:
  SpillFile(File file, arrow::MemoryPool* pool) : file_(std::move(file)), buffer_(pool) {}

  arrow::Status Flush();
  /// Whose message says what to do.
  arrow::Status Explained(const arrow::Status& status) const;

  File file_;
  PoolVector<char> buffer_;
  size_t next_ = 0;  ///< In the buffer, while it is read.
  int64_t size_ = 0;
};

}  // namespace larder
