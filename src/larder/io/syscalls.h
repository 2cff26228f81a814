// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

namespace larder {

/// One entry of a directory.
struct DirectoryEntry {
  std::string name;
  bool is_directory;  ///< Of the target, where the entry is a symbolic link.
};

/// The system calls that Larder's writes are made of, one virtual method each.
///
/// This is where tests put faults: a subclass fails the N-th call, returns a short write or
/// forgets what was not synced, and everything above runs as it would on a broken disk.
/// Each method behaves like the call it is named after: -1 and errno on failure, no retry.
/// Stateless, so safe to call from any thread.
class Syscalls {
 public:
  virtual ~Syscalls() = default;

  virtual int Open(const std::string& path, int flags, mode_t mode);
  virtual int Close(int fd);
  virtual int Duplicate(int fd);
  virtual ssize_t Read(int fd, void* data, size_t size);
  virtual ssize_t Write(int fd, const void* data, size_t size);
  /// To `offset` from the begin (lseek).
  virtual off_t Seek(int fd, off_t offset);
  virtual int Fsync(int fd);
  virtual int Flock(int fd, int operation);
  virtual int Fchmod(int fd, mode_t mode);
  virtual int Fstat(int fd, struct stat* out);
  virtual int Stat(const std::string& path, struct stat* out);
  virtual int Rename(const std::string& from, const std::string& to);
  /// Swaps two paths in one step (renameat2 with RENAME_EXCHANGE).
  virtual int Exchange(const std::string& a, const std::string& b);
  virtual int Link(const std::string& from, const std::string& to);
  virtual int Unlink(const std::string& path);
  virtual int Mkdir(const std::string& path, mode_t mode);
  virtual int Rmdir(const std::string& path);
  /// All entries but "." and "..", in no particular order.
  virtual int List(const std::string& path, std::vector<DirectoryEntry>* out);

  /// The real ones.
  static Syscalls* Real();
};

}  // namespace larder
