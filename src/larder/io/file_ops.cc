// SPDX-License-Identifier: Apache-2.0
#include "larder/io/file_ops.h"

#include <arrow/util/io_util.h>
#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "larder/io/write_names.h"

namespace larder {
namespace {

using arrow::Result;
using arrow::Status;

Status ErrnoStatus(int errnum, const std::string& what) {
  return Status(arrow::StatusCode::IOError, what + ": " + std::generic_category().message(errnum),
                arrow::internal::StatusDetailFromErrno(errnum));
}

std::string Quote(const std::string& path) { return "'" + path + "'"; }

/// Repeats an interrupted call.
template <typename Call>
auto Retry(Call call) -> decltype(call()) {
  while (true) {
    auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

}  // namespace

File::File(Syscalls* syscalls, int fd, std::string path)
    : syscalls_(syscalls), fd_(fd), path_(std::move(path)) {}

File::File(File&& other) noexcept
    : syscalls_(other.syscalls_),
      fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      sync_failed_(other.sync_failed_) {}

File& File::operator=(File&& other) noexcept {
  std::swap(syscalls_, other.syscalls_);
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  std::swap(sync_failed_, other.sync_failed_);
  return *this;
}

File::~File() {
  if (fd_ >= 0) syscalls_->Close(fd_);
}

Status File::Write(std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = Retry([&] { return syscalls_->Write(fd_, data.data(), data.size()); });
    if (written < 0) return ErrnoStatus(errno, "cannot write to " + Quote(path_));
    if (written == 0) return ErrnoStatus(EIO, "cannot write to " + Quote(path_));
    data.remove_prefix(static_cast<size_t>(written));
  }
  return Status::OK();
}

Result<size_t> File::Read(void* data, size_t size) {
  const ssize_t read = Retry([&] { return syscalls_->Read(fd_, data, size); });
  if (read < 0) return ErrnoStatus(errno, "cannot read " + Quote(path_));
  return static_cast<size_t>(read);
}

Status File::Rewind() {
  if (syscalls_->Seek(fd_, 0) == 0) return Status::OK();
  return ErrnoStatus(errno, "cannot rewind " + Quote(path_));
}

Status File::Sync() {
  if (sync_failed_) return ErrnoStatus(EIO, "an earlier fsync failed for " + Quote(path_));
  if (Retry([&] { return syscalls_->Fsync(fd_); }) == 0) return Status::OK();
  sync_failed_ = true;
  return ErrnoStatus(errno, "cannot fsync " + Quote(path_));
}

Result<LockState> File::TryLock() {
  if (Retry([&] { return syscalls_->Flock(fd_, LOCK_EX | LOCK_NB); }) == 0) return LockState::kOurs;
  if (errno == EWOULDBLOCK) return LockState::kTaken;
  if (errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP) return LockState::kUnsupported;
  return ErrnoStatus(errno, "cannot lock " + Quote(path_));
}

Result<bool> File::HasName() const {
  struct stat info;
  if (Retry([&] { return syscalls_->Fstat(fd_, &info); }) != 0) {
    return ErrnoStatus(errno, "cannot look at " + Quote(path_));
  }
  return info.st_nlink > 0;
}

Result<File> File::Duplicate() const {
  const int fd = Retry([&] { return syscalls_->Duplicate(fd_); });
  if (fd < 0) return ErrnoStatus(errno, "cannot duplicate the handle of " + Quote(path_));
  return File(syscalls_, fd, path_);
}

Status File::SetMode(mode_t mode) {
  if (Retry([&] { return syscalls_->Fchmod(fd_, mode); }) == 0) return Status::OK();
  return ErrnoStatus(errno, "cannot set the permissions of " + Quote(path_));
}

Status File::Close() {
  if (fd_ < 0) return Status::OK();
  // Not repeated after EINTR: Linux has closed the descriptor by then.
  if (syscalls_->Close(std::exchange(fd_, -1)) == 0 || errno == EINTR) return Status::OK();
  return ErrnoStatus(errno, "cannot close " + Quote(path_));
}

FileOps* FileOps::Default() {
  static FileOps ops(Syscalls::Real());
  return &ops;
}

Result<File> FileOps::Open(const std::string& path, int flags) {
  const int fd = Retry([&] { return syscalls_->Open(path, flags, 0666); });
  if (fd < 0) {
    const char* verb = (flags & O_EXCL) != 0 ? "cannot create " : "cannot open ";
    return ErrnoStatus(errno, verb + Quote(path));
  }
  return File(syscalls_, fd, path);
}

Result<File> FileOps::Create(const std::string& path) {
  return Open(path, O_WRONLY | O_CREAT | O_EXCL);
}

Result<File> FileOps::CreateUnnamed(const std::string& directory) {
  constexpr mode_t kOwnerOnly = 0600;
  int fd = Retry([&] { return syscalls_->Open(directory, O_RDWR | O_TMPFILE, kOwnerOnly); });
  if (fd >= 0) return File(syscalls_, fd, directory);
  // EISDIR: a kernel that takes O_TMPFILE for O_DIRECTORY alone.
  if (errno != EOPNOTSUPP && errno != EISDIR) {
    return ErrnoStatus(errno, "cannot create a temporary file in " + Quote(directory));
  }
  const std::string path =
      directory + "/" + MakeHiddenName(HiddenKind::kTemporary, NewWriteToken());
  fd = Retry([&] { return syscalls_->Open(path, O_RDWR | O_CREAT | O_EXCL, kOwnerOnly); });
  if (fd < 0) return ErrnoStatus(errno, "cannot create " + Quote(path));
  File file(syscalls_, fd, directory);
  ARROW_RETURN_NOT_OK(Unlink(path));
  return file;
}

Result<std::optional<File>> FileOps::OpenExisting(const std::string& path) {
  auto file = Open(path, O_WRONLY);
  if (HasErrno(file.status(), ENOENT)) return std::nullopt;
  ARROW_RETURN_NOT_OK(file.status());
  return std::optional<File>(std::move(*file));
}

Result<File> FileOps::OpenOrCreate(const std::string& path) {
  return Open(path, O_WRONLY | O_CREAT);
}

Result<int> FileOps::OpenForRead(const std::string& path) {
  const int fd = Retry([&] { return syscalls_->Open(path, O_RDONLY, 0); });
  if (fd < 0) return ErrnoStatus(errno, "cannot open " + Quote(path));
  return fd;
}

Result<std::string> FileOps::ReadFile(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const int fd, OpenForRead(path));
  File closer(syscalls_, fd, path);
  std::string content;
  std::string buffer(size_t{64} << 10, '\0');
  while (true) {
    const ssize_t size = Retry([&] { return syscalls_->Read(fd, buffer.data(), buffer.size()); });
    if (size < 0) return ErrnoStatus(errno, "cannot read " + Quote(path));
    if (size == 0) return content;
    content.append(buffer, 0, static_cast<size_t>(size));
  }
}

Status FileOps::Rename(const std::string& from, const std::string& to) {
  if (Retry([&] { return syscalls_->Rename(from, to); }) == 0) return Status::OK();
  return ErrnoStatus(errno, "cannot rename " + Quote(from) + " to " + Quote(to));
}

Status FileOps::Exchange(const std::string& a, const std::string& b) {
  if (Retry([&] { return syscalls_->Exchange(a, b); }) == 0) return Status::OK();
  if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP) {
    return Status::NotImplemented("the file system of ", Quote(b), " cannot swap two paths");
  }
  return ErrnoStatus(errno, "cannot swap " + Quote(a) + " and " + Quote(b));
}

Status FileOps::Link(const std::string& from, const std::string& to) {
  if (Retry([&] { return syscalls_->Link(from, to); }) == 0) return Status::OK();
  return ErrnoStatus(errno, "cannot link " + Quote(from) + " to " + Quote(to));
}

Status FileOps::Unlink(const std::string& path) {
  if (Retry([&] { return syscalls_->Unlink(path); }) == 0 || errno == ENOENT) return Status::OK();
  return ErrnoStatus(errno, "cannot remove " + Quote(path));
}

Status FileOps::MakeDirectory(const std::string& path) {
  if (Retry([&] { return syscalls_->Mkdir(path, 0777); }) == 0) return Status::OK();
  if (errno == EEXIST) {
    ARROW_ASSIGN_OR_RAISE(auto info, Stat(path));
    if (info && S_ISDIR(info->st_mode)) return Status::OK();
    errno = ENOTDIR;
  }
  return ErrnoStatus(errno, "cannot make the directory " + Quote(path));
}

Status FileOps::MakeDirectories(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(auto info, Stat(path));
  if (info && S_ISDIR(info->st_mode)) return Status::OK();
  const std::string parent = ParentPath(path);
  ARROW_ASSIGN_OR_RAISE(auto parent_info, Stat(parent));
  if (!parent_info) {
    ARROW_RETURN_NOT_OK(MakeDirectories(parent));
    ARROW_RETURN_NOT_OK(SyncDirectory(ParentPath(parent)));
  }
  return MakeDirectory(path);
}

Status FileOps::RemoveAll(const std::string& path) {
  if (Retry([&] { return syscalls_->Unlink(path); }) == 0 || errno == ENOENT) return Status::OK();
  if (errno != EISDIR && errno != EPERM) return ErrnoStatus(errno, "cannot remove " + Quote(path));
  auto entries = List(path);
  if (HasErrno(entries.status(), ENOENT)) return Status::OK();
  ARROW_RETURN_NOT_OK(entries.status());
  for (const auto& entry : *entries) {
    ARROW_RETURN_NOT_OK(RemoveAll(path + "/" + entry.name));
  }
  if (Retry([&] { return syscalls_->Rmdir(path); }) == 0 || errno == ENOENT) return Status::OK();
  return ErrnoStatus(errno, "cannot remove " + Quote(path));
}

Status FileOps::SyncDirectory(const std::string& path) {
  const int fd = Retry([&] { return syscalls_->Open(path, O_RDONLY | O_DIRECTORY, 0); });
  if (fd < 0) return ErrnoStatus(errno, "cannot open " + Quote(path));
  File directory(syscalls_, fd, path);
  return directory.Sync();
}

Result<std::vector<DirectoryEntry>> FileOps::List(const std::string& path) {
  std::vector<DirectoryEntry> entries;
  if (Retry([&] {
        entries.clear();
        return syscalls_->List(path, &entries);
      }) != 0) {
    return ErrnoStatus(errno, "cannot list " + Quote(path));
  }
  return entries;
}

Result<std::optional<struct stat>> FileOps::Stat(const std::string& path) {
  struct stat info;
  if (Retry([&] { return syscalls_->Stat(path, &info); }) == 0) return info;
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  return ErrnoStatus(errno, "cannot look at " + Quote(path));
}

bool HasErrno(const Status& status, int errnum) {
  return !status.ok() && arrow::internal::ErrnoFromStatus(status) == errnum;
}

std::string ParentPath(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string BaseName(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

Result<std::string> ResolvePath(const std::string& path) {
  if (path.empty()) return Status::Invalid("the path is empty");
  if (path.find('\0') != std::string::npos) return Status::Invalid("a path holds a NUL byte");
  std::error_code error;
  std::string resolved =
      std::filesystem::weakly_canonical(std::filesystem::absolute(path), error).string();
  if (error) return ErrnoStatus(error.value(), "cannot resolve " + Quote(path));
  if (resolved.size() > 1 && resolved.back() == '/') resolved.pop_back();
  return resolved;
}

}  // namespace larder
