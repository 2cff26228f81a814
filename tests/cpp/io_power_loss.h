// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "larder/io/syscalls.h"

namespace larder {

/// Real system calls on the files below `root`, with a record of what a power cut would leave.
///
/// A file's content is durable as of its last fsync; a new, moved or removed name as of the next
/// fsync of the folder it was made in, moved to or removed from. Nothing else is: a power cut
/// may forget each other name change on its own, and any part of unsynced content.
class PowerLossSyscalls : public Syscalls {
 public:
  explicit PowerLossSyscalls(std::string root) : root_(std::move(root)) { Load(root_, 0); }

  /// Called after each call that changes something.
  std::function<void()> on_change;
  /// The fsync that does nothing though it reports success, counted from 1; 0 for none.
  int64_t skipped_fsync = 0;
  int64_t fsyncs() const { return fsyncs_; }

  /// Writes to `out` what is there after a power cut now: without a generator, with everything
  /// forgotten that may be; else with a random part of it.
  void PowerCut(const std::string& out, std::mt19937* random) const {
    std::vector<Folder> folders = durable_;
    for (const auto& change : pending_) {
      if (random != nullptr && (*random)() % 2 == 0) Apply(change, &folders);
    }
    Store(out, 0, folders, random);
  }

  int Open(const std::string& path, int flags, mode_t mode) override {
    struct stat before;
    const bool is_new = Syscalls::Stat(path, &before) != 0;
    const int fd = Syscalls::Open(path, flags, mode);
    if (fd < 0) return fd;
    const auto place = Find(path);
    if (is_new && place) {
      files_.emplace_back();
      Change({{place->folder, place->name, -static_cast<int>(files_.size())}}, place->folder);
    }
    if (path == root_) {
      open_[fd] = 0;
    } else if (place) {
      open_[fd] = current_[Index(place->folder)].at(place->name);
    }
    if (is_new && place && on_change) on_change();
    return fd;
  }
  int Close(int fd) override {
    open_.erase(fd);
    return Syscalls::Close(fd);
  }
  int Duplicate(int fd) override {
    const int copy = Syscalls::Duplicate(fd);
    if (copy >= 0 && open_.contains(fd)) open_[copy] = open_[fd];
    return copy;
  }
  ssize_t Write(int fd, const void* data, size_t size) override {
    const ssize_t written = Syscalls::Write(fd, data, size);
    if (written > 0 && open_.contains(fd)) {
      FileOf(open_[fd]).content.append(static_cast<const char*>(data),
                                       static_cast<size_t>(written));
      if (on_change) on_change();
    }
    return written;
  }
  int Fsync(int fd) override {
    if (++fsyncs_ == skipped_fsync || !open_.contains(fd)) return 0;
    const int node = open_[fd];
    if (node < 0) {
      FileOf(node).durable = FileOf(node).content;
    } else {
      std::vector<NameChange> rest;
      for (const auto& change : std::exchange(pending_, {})) {
        if (change.folder == node) {
          Supersede(change, &rest);
          Apply(change, &durable_);
        } else {
          rest.push_back(change);
        }
      }
      pending_ = std::move(rest);
    }
    if (on_change) on_change();
    return 0;
  }
  int Rename(const std::string& from, const std::string& to) override {
    return Moved(Syscalls::Rename(from, to), from, to, 0);
  }
  int Exchange(const std::string& a, const std::string& b) override {
    const auto there = Find(b);
    return Moved(Syscalls::Exchange(a, b), a, b, there ? NodeAt(*there) : 0);
  }
  int Link(const std::string& from, const std::string& to) override {
    const int result = Syscalls::Link(from, to);
    const auto source = Find(from);
    const auto target = Find(to);
    if (result == 0 && source && target) {
      Change({{target->folder, target->name, NodeAt(*source)}}, target->folder);
      if (on_change) on_change();
    }
    return result;
  }
  int Unlink(const std::string& path) override { return Removed(Syscalls::Unlink(path), path); }
  int Rmdir(const std::string& path) override { return Removed(Syscalls::Rmdir(path), path); }
  int Mkdir(const std::string& path, mode_t mode) override {
    const int result = Syscalls::Mkdir(path, mode);
    const auto place = Find(path);
    if (result == 0 && place) {
      const int node = static_cast<int>(current_.size());
      current_.emplace_back();
      durable_.emplace_back();
      Change({{place->folder, place->name, node}}, place->folder);
      if (on_change) on_change();
    }
    return result;
  }

 private:
  // Nodes: folders are 0 (the root), 1, 2, ...; files are -1, -2, ...
  static constexpr int kNothing = 1 << 30;
  using Folder = std::map<std::string, int>;
  struct FileNode {
    std::string content;
    std::string durable;
  };
  struct Entry {
    int folder;
    std::string name;
    int node;
  };
  struct NameChange {
    std::vector<Entry> entries;
    int folder;  ///< Whose fsync makes the change durable.
  };
  struct Place {
    int folder;
    std::string name;
  };

  static size_t Index(int node) { return static_cast<size_t>(node); }
  FileNode& FileOf(int node) { return files_[static_cast<size_t>(-node - 1)]; }
  const FileNode& FileOf(int node) const { return files_[static_cast<size_t>(-node - 1)]; }

  int NodeAt(const Place& place) const {
    const auto& folder = current_[Index(place.folder)];
    const auto found = folder.find(place.name);
    return found == folder.end() ? kNothing : found->second;
  }

  std::optional<Place> Find(const std::string& path) const {
    if (!path.starts_with(root_ + "/")) return std::nullopt;
    int folder = 0;
    size_t begin = root_.size() + 1;
    while (true) {
      const size_t end = path.find('/', begin);
      if (end == std::string::npos) return Place{folder, path.substr(begin)};
      folder = NodeAt({folder, path.substr(begin, end - begin)});
      if (folder == kNothing) return std::nullopt;
      begin = end + 1;
    }
  }

  static void Apply(const NameChange& change, std::vector<Folder>* folders) {
    for (const auto& entry : change.entries) {
      Folder& folder = (*folders)[Index(entry.folder)];
      if (entry.node == kNothing) {
        folder.erase(entry.name);
      } else {
        folder[entry.name] = entry.node;
      }
    }
  }

  /// What happened earlier to the same names must not come back after the later change.
  static void Supersede(const NameChange& change, std::vector<NameChange>* earlier) {
    for (auto& other : *earlier) {
      std::erase_if(other.entries, [&](const Entry& entry) {
        return std::any_of(change.entries.begin(), change.entries.end(), [&](const Entry& e) {
          return e.folder == entry.folder && e.name == entry.name;
        });
      });
    }
  }

  void Change(std::vector<Entry> entries, int folder) {
    pending_.push_back({std::move(entries), folder});
    Apply(pending_.back(), &current_);
  }

  int Moved(int result, const std::string& from, const std::string& to, int swapped) {
    const auto source = Find(from);
    const auto target = Find(to);
    if (result != 0 || !source || !target) return result;
    const int back = swapped == 0 ? kNothing : swapped;
    Change({{source->folder, source->name, back}, {target->folder, target->name, NodeAt(*source)}},
           target->folder);
    if (on_change) on_change();
    return result;
  }

  int Removed(int result, const std::string& path) {
    const auto place = Find(path);
    if (result != 0 || !place) return result;
    Change({{place->folder, place->name, kNothing}}, place->folder);
    if (on_change) on_change();
    return result;
  }

  /// Takes in what is there at the beginning, as durable.
  void Load(const std::string& path, int node) {
    if (current_.size() <= Index(node)) {
      current_.resize(Index(node) + 1);
      durable_.resize(Index(node) + 1);
    }
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      const std::string name = entry.path().filename().string();
      int child = 0;
      if (entry.is_directory()) {
        child = static_cast<int>(current_.size());
        Load(entry.path().string(), child);
      } else {
        std::ifstream file(entry.path(), std::ios::binary);
        std::string content((std::istreambuf_iterator<char>(file)), {});
        files_.push_back({content, content});
        child = -static_cast<int>(files_.size());
      }
      current_[Index(node)][name] = durable_[Index(node)][name] = child;
    }
  }

  std::string ContentAfterCut(const FileNode& file, std::mt19937* random) const {
    if (random == nullptr || file.content == file.durable) return file.durable;
    switch ((*random)() % 4) {
      case 0:
        return file.durable;
      case 1:
        return file.content;
      case 2:
        return file.content.substr(
            0, file.durable.size() + (*random)() % (file.content.size() - file.durable.size() + 1));
      default:
        return file.durable + std::string(file.content.size() - file.durable.size(), '\0');
    }
  }

  void Store(const std::string& path, int node, const std::vector<Folder>& folders,
             std::mt19937* random) const {
    std::filesystem::create_directories(path);
    for (const auto& [name, child] : folders[Index(node)]) {
      const std::filesystem::path place = std::filesystem::path(path) / name;
      if (child >= 0) {
        Store(place, child, folders, random);
      } else {
        std::ofstream(place, std::ios::binary) << ContentAfterCut(FileOf(child), random);
      }
    }
  }

  std::string root_;
  std::vector<Folder> current_;
  std::vector<Folder> durable_;
  std::vector<NameChange> pending_;  ///< In the order they were made.
  std::vector<FileNode> files_;
  std::map<int, int> open_;  ///< Descriptor to node.
  int64_t fsyncs_ = 0;
};

}  // namespace larder
