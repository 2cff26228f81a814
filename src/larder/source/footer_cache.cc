// SPDX-License-Identifier: Apache-2.0
#include "larder/source/footer_cache.h"

#include <arrow/io/interfaces.h>
#include <arrow/memory_pool.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "larder/base/run_context.h"
#include "larder/io/file_ops.h"
#include "larder/source/dataset.h"

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

constexpr int64_t kMostBytes = int64_t{64} << 20;

/// Bytes in memory to a byte of a serialized footer, about.
constexpr int64_t kBytesPerByte = 8;

int64_t NanosOf(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + int64_t{time.tv_nsec};
}

}  // namespace

FooterCache* FooterCache::Default() {
  // Never destroyed: requests may still run on other threads when the process ends.
  static auto* const cache = new FooterCache(kMostBytes);
  return cache;
}

std::optional<FooterCache::Identity> FooterCache::Identify(const std::string& path) {
  // Whatever keeps a file from being examined, reading it tells.
  const auto found = FileOps::Default()->Stat(path);
  if (!found.ok() || !found->has_value()) return std::nullopt;
  const struct stat& file = **found;
  return Identity{static_cast<uint64_t>(file.st_dev), static_cast<uint64_t>(file.st_ino),
                  static_cast<int64_t>(file.st_size), NanosOf(file.st_mtim), NanosOf(file.st_ctim)};
}

Result<std::shared_ptr<const Footer>> FooterCache::Read(const std::string& path) {
  const auto before = Identify(path);
  if (before) {
    if (auto footer = Find(path, *before)) return footer;
  }
  // What is kept outlives the request, and so must not be of its memory.
  arrow::MemoryPool* pool = arrow::system_memory_pool();
  ARROW_ASSIGN_OR_RAISE(const auto input, OpenSourceFile(path, pool));
  auto footer = std::make_shared<Footer>();
  const Status status = CatchExceptions([&] {
    auto reader = parquet::ParquetFileReader::Open(input, parquet::ReaderProperties(pool));
    footer->metadata = reader->metadata();
    return parquet::arrow::SchemaManifest::Make(footer->metadata->schema(),
                                                footer->metadata->key_value_metadata(),
                                                SourceReaderProperties(), &footer->manifest);
  });
  if (!status.ok()) return InSourceFile(path, status);
  const auto& fields = footer->manifest.schema_fields;
  for (size_t i = 0; i < fields.size(); ++i) {
    footer->fields.emplace(fields[i].field->name(), static_cast<int>(i));
  }
  // The same before and after: what was read between them was this file, in this state.
  if (before && before == Identify(path)) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const std::chrono::nanoseconds last(std::max(before->modified_ns, before->changed_ns));
    const auto bytes = kBytesPerByte * int64_t{footer->metadata->size()};
    if (now - last >= unchanged_for_) Keep({path, *before, footer, bytes});
  }
  return footer;
}

std::shared_ptr<const Footer> FooterCache::Find(const std::string& path, const Identity& identity) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return nullptr;
  if (found->second->identity != identity) {
    Remove(found->second);
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, found->second);
  ++hits_;
  return found->second->footer;
}

void FooterCache::Keep(Entry entry) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (const auto found = by_path_.find(entry.path); found != by_path_.end()) Remove(found->second);
  bytes_ += entry.bytes;
  entries_.push_front(std::move(entry));
  by_path_[entries_.front().path] = entries_.begin();
  while (bytes_ > most_bytes_) Remove(std::prev(entries_.end()));
}

void FooterCache::Remove(Entries::iterator entry) {
  bytes_ -= entry->bytes;
  by_path_.erase(entry->path);
  entries_.erase(entry);
}

int64_t FooterCache::hits() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return hits_;
}

}  // namespace larder
