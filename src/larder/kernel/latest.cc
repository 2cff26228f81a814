// SPDX-License-Identifier: Apache-2.0
#include "larder/kernel/latest.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <variant>

#include "larder/kernel/candidate.h"
#include "larder/kernel/join_key.h"
#include "larder/kernel/key_index.h"
#include "larder/scan/pruning.h"

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

/// The keys whose hash begins with the same bits, and their newest rows: what one thread at a
/// time works on.
struct Shard {
  Shard(const KeyEncoder& encoder, int hash_bits, arrow::MemoryPool* pool)
      : keys(MakeKeyTable(encoder, hash_bits, pool)), newest(pool) {}

  std::mutex mutex;
  AnyKeyTable keys;
  PoolVector<Candidate> newest;  ///< One for each slot.
};

constexpr int kShardBits = 6;
constexpr size_t kShards = size_t{1} << kShardBits;

struct LatestRow {
  int64_t row;
  uint64_t hash;
};

/// All keys seen so far. Thread-safe.
class LatestTable {
 public:
  LatestTable(KeyEncoder encoder, const RunContext& context)
      : encoder_(std::move(encoder)), keyless_(context.pool) {
    for (auto& shard : shards_) {
      shard = std::make_unique<Shard>(encoder_, context.key_hash_bits, context.pool);
    }
  }

  const KeyEncoder& encoder() const { return encoder_; }

  /// Raises the keys of `rows`, which index into `keys` and `candidates`.
  void Raise(const EncodedKeys& keys, const std::vector<LatestRow>& rows,
             const std::vector<Candidate>& candidates) {
    // Rows by shard, so that each lock is taken once a batch.
    std::array<size_t, kShards + 1> begin{};
    for (const auto& row : rows) ++begin[ShardOf(row.hash) + 1];
    for (size_t s = 0; s < kShards; ++s) begin[s + 1] += begin[s];
    std::vector<LatestRow> sorted(rows.size());
    auto next = begin;
    for (const auto& row : rows) sorted[next[ShardOf(row.hash)]++] = row;
    for (size_t s = 0; s < kShards; ++s) {
      if (begin[s] == begin[s + 1]) continue;
      const std::lock_guard<std::mutex> lock(shards_[s]->mutex);
      RaiseInShard(keys, {sorted.data() + begin[s], begin[s + 1] - begin[s]}, candidates,
                   shards_[s].get());
    }
  }

  /// All rows have the same, empty key.
  void RaiseKeyless(const Candidate& candidate) {
    const std::lock_guard<std::mutex> lock(shards_[0]->mutex);
    if (keyless_.empty()) keyless_.push_back(candidate);
    if (keyless_[0] < candidate) keyless_[0] = candidate;
  }

  PoolVector<uint64_t> Addresses(arrow::MemoryPool* pool) {
    PoolVector<uint64_t> addresses(pool);
    for (const auto& candidate : keyless_) addresses.push_back(candidate.address());
    for (auto& shard : shards_) {
      for (const auto& candidate : shard->newest) addresses.push_back(candidate.address());
      shard.reset();
    }
    std::sort(addresses.begin(), addresses.end());
    return addresses;
  }

 private:
  static size_t ShardOf(uint64_t hash) { return hash >> (64 - kShardBits); }

  static void RaiseInShard(const EncodedKeys& keys, std::span<const LatestRow> rows,
                           const std::vector<Candidate>& candidates, Shard* shard) {
    std::visit(
        [&](auto& table) {
          for (const auto& row : rows) table.Prefetch(row.hash);
          for (const auto& row : rows) {
            const Slot slot = table.FindOrInsert(KeyAt(table, keys, row.row), row.hash);
            const Candidate& candidate = candidates[static_cast<size_t>(row.row)];
            if (slot == shard->newest.size()) shard->newest.push_back(candidate);
            if (shard->newest[slot] < candidate) shard->newest[slot] = candidate;
          }
        },
        shard->keys);
  }

  KeyEncoder encoder_;
  std::array<std::unique_ptr<Shard>, kShards> shards_;
  PoolVector<Candidate> keyless_;
};

/// Scans batches on one thread.
class LatestBatchScan {
 public:
  LatestBatchScan(const LatestScan& scan, TimeUnit string_unit, const RunContext& context,
                  LatestTable* table)
      : scan_(scan), table_(*table), rows_(scan, string_unit, context.pool), keys_(context.pool) {
    // A table only to hash with, as the shards do.
    if (!scan.join_keys.empty()) {
      hasher_ = MakeKeyTable(table->encoder(), context.key_hash_bits, context.pool);
    }
  }

  Status Scan(const arrow::RecordBatch& batch, uint64_t first_address) {
    const auto key_columns = static_cast<int>(scan_.join_keys.size());
    ARROW_RETURN_NOT_OK(ReadCandidates(batch, first_address));
    if (key_columns == 0) {
      for (const auto& candidate : candidates_) {
        if (candidate.exists()) table_.RaiseKeyless(candidate);
      }
      return Status::OK();
    }
    const auto& columns = batch.columns();
    ARROW_RETURN_NOT_OK(
        table_.encoder().Encode({columns.begin(), columns.begin() + key_columns}, &keys_));
    hashed_.clear();
    std::visit(
        [&](const auto& table) {
          for (int64_t i = 0; i < batch.num_rows(); ++i) {
            if (!keys_.IsValid(i) || !candidates_[static_cast<size_t>(i)].exists()) continue;
            hashed_.push_back({i, table.Hash(KeyAt(table, keys_, i))});
          }
        },
        *hasher_);
    table_.Raise(keys_, hashed_, candidates_);
    return Status::OK();
  }

 private:
  /// One candidate a row; none for rows outside of the range.
  Status ReadCandidates(const arrow::RecordBatch& batch, uint64_t first_address) {
    ARROW_RETURN_NOT_OK(rows_.Read(batch, first_address));
    const TimeColumn& event = rows_.event();
    const Bounds<int64_t> range = scan_.range.InUnit(event.unit());
    candidates_.assign(static_cast<size_t>(batch.num_rows()), Candidate{});
    for (int64_t i = 0; i < batch.num_rows(); ++i) {
      const int64_t time = event.values()[i];
      if (event.IsNull(i) || time < range.min || time > range.max) continue;
      ARROW_RETURN_NOT_OK(rows_.Make(i, &candidates_[static_cast<size_t>(i)]));
    }
    return Status::OK();
  }

  const LatestScan& scan_;
  LatestTable& table_;
  RowCandidates rows_;
  EncodedKeys keys_;
  std::optional<AnyKeyTable> hasher_;
  std::vector<Candidate> candidates_;
  std::vector<LatestRow> hashed_;
};

Result<KeyEncoder> EncoderOf(const LatestScan& scan) {
  std::vector<KeyDomain> domains;
  for (const auto& column : scan.join_keys) {
    ARROW_ASSIGN_OR_RAISE(const auto field, scan.dataset->GetField(column, "join key"));
    ARROW_ASSIGN_OR_RAISE(
        auto domain,
        KeyDomainOf(*field->type(), scan.dataset->name() + ": column '" + column + "'"));
    domains.push_back(domain);
  }
  return KeyEncoder(std::move(domains));
}

}  // namespace

std::vector<size_t> RowGroupsToScan(const LatestScan& scan) {
  return SelectRowGroups(*scan.dataset, scan.event_timestamp, scan.created_timestamp,
                         scan.range.window());
}

Result<PoolVector<uint64_t>> FindLatest(const LatestScan& scan, const RunContext& context,
                                        ReadCounters* counters,
                                        std::atomic<int64_t>* rows_scanned) {
  ARROW_ASSIGN_OR_RAISE(const auto encoder, EncoderOf(scan));
  const auto groups = RowGroupsToScan(scan);

  PoolVector<uint64_t> addresses(context.pool);
  ARROW_RETURN_NOT_OK(WithStringUnit([&](TimeUnit string_unit) -> Status {
    LatestTable table(encoder, context);
    ARROW_RETURN_NOT_OK(ScanRowGroups(
        *scan.dataset, groups, scan.ScannedColumns(), /*keep_dictionaries=*/true, context, counters,
        rows_scanned, [&](size_t) -> BatchVisitor {
          auto batches = std::make_shared<LatestBatchScan>(scan, string_unit, context, &table);
          return [batches](const arrow::RecordBatch& batch, uint64_t first_address) {
            return batches->Scan(batch, first_address);
          };
        }));
    addresses = table.Addresses(context.pool);
    return Status::OK();
  }));
  return addresses;
}

}  // namespace larder
