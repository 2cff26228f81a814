// SPDX-License-Identifier: Apache-2.0
#include "larder/io/syscalls.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace larder {

int Syscalls::Open(const std::string& path, int flags, mode_t mode) {
  return ::open(path.c_str(), flags | O_CLOEXEC, mode);
}

int Syscalls::Close(int fd) { return ::close(fd); }

int Syscalls::Duplicate(int fd) { return ::fcntl(fd, F_DUPFD_CLOEXEC, 0); }

ssize_t Syscalls::Read(int fd, void* data, size_t size) { return ::read(fd, data, size); }

ssize_t Syscalls::Write(int fd, const void* data, size_t size) { return ::write(fd, data, size); }

off_t Syscalls::Seek(int fd, off_t offset) { return ::lseek(fd, offset, SEEK_SET); }

int Syscalls::Fsync(int fd) { return ::fsync(fd); }

int Syscalls::Flock(int fd, int operation) { return ::flock(fd, operation); }

int Syscalls::Fchmod(int fd, mode_t mode) { return ::fchmod(fd, mode); }

int Syscalls::Fstat(int fd, struct stat* out) { return ::fstat(fd, out); }

int Syscalls::Stat(const std::string& path, struct stat* out) { return ::stat(path.c_str(), out); }

int Syscalls::Rename(const std::string& from, const std::string& to) {
  return ::rename(from.c_str(), to.c_str());
}

int Syscalls::Exchange(const std::string& a, const std::string& b) {
  return ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE);
}

int Syscalls::Link(const std::string& from, const std::string& to) {
  return ::link(from.c_str(), to.c_str());
}

int Syscalls::Unlink(const std::string& path) { return ::unlink(path.c_str()); }

int Syscalls::Mkdir(const std::string& path, mode_t mode) { return ::mkdir(path.c_str(), mode); }

int Syscalls::Rmdir(const std::string& path) { return ::rmdir(path.c_str()); }

int Syscalls::List(const std::string& path, std::vector<DirectoryEntry>* out) {
  DIR* dir = ::opendir(path.c_str());
  if (dir == nullptr) return -1;
  int error = 0;
  while (true) {
    errno = 0;
    // Each call has a DIR of its own, which is what makes readdir safe here.
    const dirent* entry = ::readdir(dir);  // NOLINT(concurrency-mt-unsafe)
    if (entry == nullptr) {
      error = errno;
      break;
    }
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    bool is_directory = entry->d_type == DT_DIR;
    if (entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK) {
      struct stat info;
      is_directory = ::fstatat(::dirfd(dir), name.c_str(), &info, 0) == 0 && S_ISDIR(info.st_mode);
    }
    out->push_back({std::move(name), is_directory});
  }
  ::closedir(dir);
  errno = error;
  return error == 0 ? 0 : -1;
}

Syscalls* Syscalls::Real() {
  static Syscalls real;
  return &real;
}

}  // namespace larder
