// SPDX-License-Identifier: Apache-2.0
#include "larder/kernel/latest_table.h"

#include <type_traits>
#include <utility>
#include <variant>

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

/// Rows of a spilled shard that are read back at a time.
constexpr size_t kRowsAtOnce = 1024;

/// A spilled row: its candidate, then its key, text behind its length.
template <typename Key>
Status AppendRecord(const Key& key, const Candidate& candidate, SpillFile* file) {
  ARROW_RETURN_NOT_OK(file->Append(&candidate, sizeof(candidate)));
  if constexpr (std::is_same_v<Key, int64_t>) {
    return file->Append(&key, sizeof(key));
  } else {
    const auto length = static_cast<uint32_t>(key.size());
    ARROW_RETURN_NOT_OK(file->Append(&length, sizeof(length)));
    return file->Append(key.data(), key.size());
  }
}

/// Up to kRowsAtOnce spilled rows.
class Records {
 public:
  explicit Records(arrow::MemoryPool* pool) : keys(pool) {}

  /// False if there are no more.
  Result<bool> ReadFrom(SpillFile* file, bool integers) {
    candidates.clear();
    keys.int_storage.clear();
    keys.bytes.clear();
    ends_.clear();
    while (candidates.size() < kRowsAtOnce) {
      Candidate candidate;
      ARROW_ASSIGN_OR_RAISE(const bool more, file->Read(&candidate, sizeof(candidate)));
      if (!more) break;
      candidates.push_back(candidate);
      ARROW_RETURN_NOT_OK(integers ? ReadInteger(file) : ReadBytes(file));
    }
    keys.length = static_cast<int64_t>(candidates.size());
    keys.ints = keys.int_storage.data();
    keys.views.clear();
    size_t begin = 0;
    for (const size_t end : ends_) {
      keys.views.emplace_back(keys.bytes.data() + begin, end - begin);
      begin = end;
    }
    return !candidates.empty();
  }

  std::vector<Candidate> candidates;
  EncodedKeys keys;

 private:
  static Status AllOf(const Result<bool>& read) {
    ARROW_RETURN_NOT_OK(read.status());
    return *read ? Status::OK() : Status::IOError("a spilled file ends within a row");
  }

  Status ReadInteger(SpillFile* file) {
    int64_t key = 0;
    ARROW_RETURN_NOT_OK(AllOf(file->Read(&key, sizeof(key))));
    keys.int_storage.push_back(key);
    return Status::OK();
  }

  Status ReadBytes(SpillFile* file) {
    uint32_t length = 0;
    ARROW_RETURN_NOT_OK(AllOf(file->Read(&length, sizeof(length))));
    const size_t begin = keys.bytes.size();
    keys.bytes.resize(begin + length);
    ends_.push_back(keys.bytes.size());
    if (length == 0) return Status::OK();
    return AllOf(file->Read(keys.bytes.data() + begin, length));
  }

  std::vector<size_t> ends_;
};

}  // namespace

LatestTable::LatestTable(const KeyEncoder& encoder, const RunContext& context, int depth)
    : encoder_(encoder),
      context_(context),
      depth_(depth),
      hasher_(MakeKeyTable(encoder, context.key_hash_bits, context.pool)) {
  for (auto& shard : shards_) shard = NewShard();
}

Status LatestTable::Raise(const EncodedKeys& keys, const std::vector<Candidate>& candidates,
                          Scratch* scratch) {
  // Rows by shard, so that each lock is taken once a batch.
  auto& hashed = scratch->hashed;
  hashed.clear();
  std::array<size_t, kShards + 1> begin{};
  std::visit(
      [&](const auto& table) {
        for (int64_t i = 0; i < keys.length; ++i) {
          if (!keys.IsValid(i) || !candidates[static_cast<size_t>(i)].exists()) continue;
          hashed.push_back({i, table.Hash(KeyAt(table, keys, i))});
          ++begin[ShardOf(hashed.back().hash) + 1];
        }
      },
      hasher_);
  for (size_t s = 0; s < kShards; ++s) begin[s + 1] += begin[s];
  auto& by_shard = scratch->by_shard;
  by_shard.resize(hashed.size());
  auto next = begin;
  for (const auto& row : hashed) by_shard[next[ShardOf(row.hash)]++] = row;
  for (size_t s = 0; s < kShards; ++s) {
    if (begin[s] == begin[s + 1]) continue;
    const std::lock_guard<std::mutex> lock(shards_[s]->mutex);
    ARROW_RETURN_NOT_OK(RaiseInShard(keys, {by_shard.data() + begin[s], begin[s + 1] - begin[s]},
                                     candidates, shards_[s].get()));
  }
  return Status::OK();
}

Status LatestTable::RaiseInShard(const EncodedKeys& keys, std::span<const HashedRow> rows,
                                 const std::vector<Candidate>& candidates, Shard* shard) {
  const Status status = std::visit(
      [&](auto& table) -> Status {
        if (shard->spilled) {
          for (const auto& row : rows) {
            ARROW_RETURN_NOT_OK(AppendRecord(KeyAt(table, keys, row.row),
                                             candidates[static_cast<size_t>(row.row)],
                                             &*shard->spilled));
          }
          return Status::OK();
        }
        for (const auto& row : rows) table.Prefetch(row.hash);
        for (const auto& row : rows) {
          const Slot slot = table.FindOrInsert(KeyAt(table, keys, row.row), row.hash);
          const Candidate& candidate = candidates[static_cast<size_t>(row.row)];
          if (slot == shard->newest.size()) shard->newest.push_back(candidate);
          if (shard->newest[slot] < candidate) shard->newest[slot] = candidate;
        }
        return Status::OK();
      },
      shard->keys);
  ARROW_RETURN_NOT_OK(status);
  return IsTooLarge(*shard) ? Spill(shard) : Status::OK();
}

bool LatestTable::IsTooLarge(const Shard& shard) const {
  if (shard.spilled || shard.newest.empty() || depth_ >= kDeepest) return false;
  if (context_.rows_in_memory > 0) {
    return shard.newest.size() > static_cast<size_t>(context_.rows_in_memory);
  }
  // A smaller one frees less than its file takes, however little memory there is: without this
  // bound every row becomes a file of its own where something else holds the memory.
  const size_t bytes = shard.newest.capacity() * sizeof(Candidate) +
                       std::visit([](const auto& keys) { return keys.bytes(); }, shard.keys);
  if (bytes <= 2 * SpillFile::kBufferBytes) return false;
  // The other half is for the batches being scanned, and for tables that grow by doubling.
  return context_.memory_limit > 0 && context_.pool->bytes_allocated() > context_.memory_limit / 2;
}

Status LatestTable::Spill(Shard* shard) {
  ARROW_ASSIGN_OR_RAISE(
      auto file, SpillFile::Create(context_.spill_directory, FileOps::Default(), context_.pool));
  ARROW_RETURN_NOT_OK(std::visit(
      [&](const auto& table) -> Status {
        Status status;
        table.ForEach([&](auto key, Slot slot) {
          if (status.ok()) status = AppendRecord(key, shard->newest[slot], &file);
        });
        return status;
      },
      shard->keys));
  shard->keys = MakeKeyTable(encoder_, context_.key_hash_bits, context_.pool);
  shard->newest = PoolVector<Candidate>(context_.pool);
  shard->spilled = std::move(file);
  // What the allocator keeps for later is not counted, but resident.
  context_.pool->ReleaseUnused();
  return Status::OK();
}

Status LatestTable::Finish(RowSet* newest) {
  // Those in memory first, to make room for the others.
  for (auto& shard : shards_) {
    if (shard->spilled) continue;
    for (const auto& candidate : shard->newest) newest->Insert(candidate.address());
    shard.reset();
  }
  for (auto& shard : shards_) {
    if (shard == nullptr) continue;
    ARROW_RETURN_NOT_OK(FinishSpilled(&*shard->spilled, newest));
    shard.reset();
  }
  return Status::OK();
}

Status LatestTable::FinishSpilled(SpillFile* file, RowSet* newest) {
  ARROW_RETURN_NOT_OK(file->Rewind());
  LatestTable table(encoder_, context_, depth_ + 1);
  Records records(context_.pool);
  Scratch scratch;
  while (true) {
    ARROW_RETURN_NOT_OK(context_.stop.Poll());
    ARROW_ASSIGN_OR_RAISE(const bool more, records.ReadFrom(file, encoder_.single_int64()));
    if (!more) break;
    ARROW_RETURN_NOT_OK(table.Raise(records.keys, records.candidates, &scratch));
  }
  return table.Finish(newest);
}

}  // namespace larder
