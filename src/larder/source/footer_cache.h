// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <parquet/arrow/schema.h>
#include <parquet/type_fwd.h>

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace larder {

/// What the footer of a Parquet file says. Immutable.
struct Footer {
  std::shared_ptr<parquet::FileMetaData> metadata;
  parquet::arrow::SchemaManifest manifest;      ///< Arrow type of each column.
  std::unordered_map<std::string, int> fields;  ///< Manifest index by name.
};

/// The footers of the files read last, for the requests that follow. A file is known again by
/// device, inode, size, and the times of its last modification and change; one that was modified
/// just before it was read is not kept, since it could be modified once more within the clock's
/// granularity (as git treats entries of its index, "racy git"). Thread-safe.
class FooterCache {
 public:
  /// The one of this process.
  static FooterCache* Default();

  /// Keeps up to `most_bytes`, by estimate. Files have to be left alone for `unchanged_for` before
  /// they are trusted.
  explicit FooterCache(int64_t most_bytes,
                       std::chrono::nanoseconds unchanged_for = std::chrono::seconds(2))
      : most_bytes_(most_bytes), unchanged_for_(unchanged_for) {}

  /// IOError for a file that is missing (with errno), truncated or no Parquet; its message names
  /// the file.
  arrow::Result<std::shared_ptr<const Footer>> Read(const std::string& path);

  /// How many were not read from their files.
  int64_t hits() const;

 private:
  /// Of a state of a file.
  struct Identity {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t size = 0;
    int64_t modified_ns = 0;
    int64_t changed_ns = 0;
    bool operator==(const Identity&) const = default;
  };
  struct Entry {
    std::string path;
    Identity identity;
    std::shared_ptr<const Footer> footer;
    int64_t bytes;
  };
  using Entries = std::list<Entry>;

  static std::optional<Identity> Identify(const std::string& path);
  std::shared_ptr<const Footer> Find(const std::string& path, const Identity& identity);
  void Keep(Entry entry);
  void Remove(Entries::iterator entry);

  const int64_t most_bytes_;
  const std::chrono::nanoseconds unchanged_for_;
  mutable std::mutex mutex_;
  Entries entries_;  ///< The last one used first.
  std::unordered_map<std::string, Entries::iterator> by_path_;
  int64_t bytes_ = 0;
  int64_t hits_ = 0;
};

}  // namespace larder
