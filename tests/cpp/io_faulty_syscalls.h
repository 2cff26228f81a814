// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>

#include <cerrno>
#include <set>
#include <string>
#include <vector>

#include "larder/io/syscalls.h"

namespace larder {

/// The system calls a fault can be limited to.
enum class Call { kOpen, kRead, kWrite, kFsync, kFlock, kStat, kMove, kRemove, kMkdir, kList };

/// Real system calls of which the N-th fails.
class FaultySyscalls : public Syscalls {
 public:
  struct Fault {
    int64_t at = 0;             ///< Counted from 1 among `calls`; 0 for never.
    int errnum = 0;             ///< 0: a write writes only half.
    bool stays = false;         ///< Every later one of `calls` fails too.
    std::set<Call> calls = {};  ///< Empty: all.
  };

  FaultySyscalls() = default;
  explicit FaultySyscalls(Fault fault) : fault_(std::move(fault)) {}

  bool fired() const { return fired_; }
  int64_t count() const { return count_; }
  /// Exchange() answers as a file system that does not know it.
  void ForbidExchange() { no_exchange_ = true; }

  int Open(const std::string& path, int flags, mode_t mode) override {
    return Fails(Call::kOpen) ? -1 : Syscalls::Open(path, flags, mode);
  }
  int Duplicate(int fd) override { return Fails(Call::kOpen) ? -1 : Syscalls::Duplicate(fd); }
  ssize_t Read(int fd, void* data, size_t size) override {
    return Fails(Call::kRead) ? -1 : Syscalls::Read(fd, data, size);
  }
  ssize_t Write(int fd, const void* data, size_t size) override {
    if (!Fails(Call::kWrite)) return Syscalls::Write(fd, data, size);
    return fault_.errnum == 0 ? Syscalls::Write(fd, data, size > 1 ? size / 2 : size) : -1;
  }
  int Fsync(int fd) override { return Fails(Call::kFsync) ? -1 : Syscalls::Fsync(fd); }
  int Flock(int fd, int operation) override {
    return Fails(Call::kFlock) ? -1 : Syscalls::Flock(fd, operation);
  }
  int Fchmod(int fd, mode_t mode) override {
    return Fails(Call::kMove) ? -1 : Syscalls::Fchmod(fd, mode);
  }
  int Fstat(int fd, struct stat* out) override {
    return Fails(Call::kStat) ? -1 : Syscalls::Fstat(fd, out);
  }
  int Stat(const std::string& path, struct stat* out) override {
    return Fails(Call::kStat) ? -1 : Syscalls::Stat(path, out);
  }
  int Rename(const std::string& from, const std::string& to) override {
    return Fails(Call::kMove) ? -1 : Syscalls::Rename(from, to);
  }
  int Exchange(const std::string& a, const std::string& b) override {
    if (no_exchange_) {
      errno = EINVAL;
      return -1;
    }
    return Fails(Call::kMove) ? -1 : Syscalls::Exchange(a, b);
  }
  int Link(const std::string& from, const std::string& to) override {
    return Fails(Call::kMove) ? -1 : Syscalls::Link(from, to);
  }
  int Unlink(const std::string& path) override {
    return Fails(Call::kRemove) ? -1 : Syscalls::Unlink(path);
  }
  int Mkdir(const std::string& path, mode_t mode) override {
    return Fails(Call::kMkdir) ? -1 : Syscalls::Mkdir(path, mode);
  }
  int Rmdir(const std::string& path) override {
    return Fails(Call::kRemove) ? -1 : Syscalls::Rmdir(path);
  }
  int List(const std::string& path, std::vector<DirectoryEntry>* out) override {
    return Fails(Call::kList) ? -1 : Syscalls::List(path, out);
  }

 private:
  bool Fails(Call call) {
    if (!fault_.calls.empty() && !fault_.calls.contains(call)) return false;
    ++count_;
    const bool fails =
        fault_.at > 0 && (count_ == fault_.at || (fault_.stays && count_ > fault_.at));
    if (!fails) return false;
    fired_ = true;
    errno = fault_.errnum;
    return true;
  }

  Fault fault_;
  bool fired_ = false;
  bool no_exchange_ = false;
  int64_t count_ = 0;
};

}  // namespace larder
