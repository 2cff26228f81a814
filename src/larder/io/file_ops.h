// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>
#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "larder/io/syscalls.h"

namespace larder {

enum class LockState {
  kOurs,
  kTaken,        ///< Somebody else has it.
  kUnsupported,  ///< The file system knows no locks.
};

/// An open file. Closed by the destructor, which drops the error; writers call Close().
/// Not safe to use from several threads at once.
class File {
 public:
  File(Syscalls* syscalls, int fd, std::string path);
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  /// Writes all of `data` at the end of what was written so far.
  arrow::Status Write(std::string_view data);

  /// Up to `size` bytes from where the file is at; 0 at its end. Of files opened for it.
  arrow::Result<size_t> Read(void* data, size_t size);
  /// Goes to the begin of the file.
  arrow::Status Rewind();

  /// Makes the content durable. After a failure the content is lost to us: the kernel may have
  /// dropped the dirty pages and a second fsync would succeed without them, so every further
  /// Sync() of this file fails too.
  arrow::Status Sync();

  /// Takes the exclusive lock of this file (flock) if nobody has it, and keeps it until the file
  /// and its duplicates are closed, by Close() or the death of the process.
  arrow::Result<LockState> TryLock();

  /// False once the file has no name any more.
  arrow::Result<bool> HasName() const;

  /// A second handle of this file, with the same position and lock.
  arrow::Result<File> Duplicate() const;

  arrow::Status SetMode(mode_t mode);

  arrow::Status Close();

  bool is_open() const { return fd_ >= 0; }
  const std::string& path() const { return path_; }

 private:
  Syscalls* syscalls_;
  int fd_;
  std::string path_;
  bool sync_failed_ = false;
};

/// The one door to the file system for what must be durable. Interrupted calls (EINTR) and
/// short writes are continued; every other failure is an IOError whose message names the path
/// and the system's reason and whose detail holds the errno (arrow::internal::ErrnoFromStatus).
/// Stateless, so safe to use from any thread.
class FileOps {
 public:
  explicit FileOps(Syscalls* syscalls) : syscalls_(syscalls) {}

  /// Over the real system calls.
  static FileOps* Default();

  /// A new empty file; AlreadyExists errno (EEXIST) if the name is taken.
  arrow::Result<File> Create(const std::string& path);
  /// A new file for writing and reading that has no name, in a directory: it is gone when it is
  /// closed, if only by the end of the process.
  arrow::Result<File> CreateUnnamed(const std::string& directory);
  /// An existing file, for its lock; nothing if there is none.
  arrow::Result<std::optional<File>> OpenExisting(const std::string& path);
  /// The file at `path`, made if it is missing; for lock files.
  arrow::Result<File> OpenOrCreate(const std::string& path);
  /// A descriptor for reading; the caller closes it.
  arrow::Result<int> OpenForRead(const std::string& path);
  /// The whole content of a small file.
  arrow::Result<std::string> ReadFile(const std::string& path);

  /// Moves a file or directory in one step, over an existing file or empty directory if any.
  arrow::Status Rename(const std::string& from, const std::string& to);
  /// Swaps two paths in one step; NotImplemented where the file system cannot.
  arrow::Status Exchange(const std::string& a, const std::string& b);
  /// A second name for a file; EEXIST if `to` exists.
  arrow::Status Link(const std::string& from, const std::string& to);
  /// Removes a file; fine if it is gone already.
  arrow::Status Unlink(const std::string& path);
  /// Makes one directory; fine if it exists already.
  arrow::Status MakeDirectory(const std::string& path);
  /// Makes a directory with all its parents. The parents are durable on return; the entry of
  /// `path` itself becomes so by a SyncDirectory(parent).
  arrow::Status MakeDirectories(const std::string& path);
  /// Removes a file or a whole directory; fine if it is gone already.
  arrow::Status RemoveAll(const std::string& path);
  /// Makes the names in a directory durable.
  arrow::Status SyncDirectory(const std::string& path);

  arrow::Result<std::vector<DirectoryEntry>> List(const std::string& path);
  /// Nothing if there is no such file or directory.
  arrow::Result<std::optional<struct stat>> Stat(const std::string& path);

 private:
  arrow::Result<File> Open(const std::string& path, int flags);

  Syscalls* syscalls_;
};

/// True if `status` carries this errno.
bool HasErrno(const arrow::Status& status, int errnum);

/// The folder of a path: "." for a bare name.
std::string ParentPath(const std::string& path);
/// The last component of a path.
std::string BaseName(const std::string& path);

/// `path` with symbolic links, "." and ".." resolved as far as it exists and without a slash at
/// the end, so that a rename replaces what a link points to and not the link.
arrow::Result<std::string> ResolvePath(const std::string& path);

}  // namespace larder
