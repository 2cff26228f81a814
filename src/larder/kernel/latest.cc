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
      : scan_(scan),
        string_unit_(string_unit),
        context_(context),
        table_(*table),
        keys_(context.pool) {
    event_unit_ = UnitOf(scan.event_timestamp);
    if (scan.created_timestamp) created_unit_ = UnitOf(*scan.created_timestamp);
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
    rows_.clear();
    std::visit(
        [&](const auto& table) {
          for (int64_t i = 0; i < batch.num_rows(); ++i) {
            if (!keys_.IsValid(i) || !candidates_[static_cast<size_t>(i)].exists()) continue;
            rows_.push_back({i, table.Hash(KeyAt(table, keys_, i))});
          }
        },
        *hasher_);
    table_.Raise(keys_, rows_, candidates_);
    return Status::OK();
  }

 private:
  TimeUnit UnitOf(const std::string& column) const {
    return UnitOfTimeType(*scan_.dataset->schema()->GetFieldByName(column)->type(), string_unit_);
  }

  /// One candidate a row; none for rows outside of the range.
  Status ReadCandidates(const arrow::RecordBatch& batch, uint64_t first_address) {
    const auto key_columns = static_cast<int>(scan_.join_keys.size());
    ARROW_ASSIGN_OR_RAISE(
        const auto event,
        ReadTimes(batch.column(key_columns), scan_.event_timestamp, string_unit_, context_.pool));
    TimeColumn created;
    if (scan_.created_timestamp) {
      ARROW_ASSIGN_OR_RAISE(
          created, ReadTimes(batch.column(key_columns + 1), *scan_.created_timestamp, string_unit_,
                             context_.pool));
    }
    const Bounds<int64_t> range = scan_.range.InUnit(event.unit());
    candidates_.assign(static_cast<size_t>(batch.num_rows()), Candidate{});
    for (int64_t i = 0; i < batch.num_rows(); ++i) {
      const int64_t time = event.values()[i];
      if (event.IsNull(i) || time < range.min || time > range.max) continue;
      ARROW_ASSIGN_OR_RAISE(const int64_t in_unit,
                            ToSourceUnit(time, event.unit(), event_unit_, scan_.event_timestamp));
      const uint64_t address = first_address + static_cast<uint64_t>(i);
      auto& candidate = candidates_[static_cast<size_t>(i)];
      if (!scan_.created_timestamp || created.IsNull(i)) {
        candidate = Candidate::WithoutCreated(in_unit, address);
        continue;
      }
      ARROW_ASSIGN_OR_RAISE(const int64_t created_in_unit,
                            ToSourceUnit(created.values()[i], created.unit(), created_unit_,
                                         *scan_.created_timestamp));
      candidate = Candidate::WithCreated(in_unit, created_in_unit, address);
    }
    return Status::OK();
  }

  const LatestScan& scan_;
  const TimeUnit string_unit_;
  const RunContext& context_;
  LatestTable& table_;
  EncodedKeys keys_;
  std::optional<AnyKeyTable> hasher_;
  TimeUnit event_unit_ = TimeUnit::SECOND;
  TimeUnit created_unit_ = TimeUnit::SECOND;
  std::vector<Candidate> candidates_;
  std::vector<LatestRow> rows_;
};

Status ScanRowGroup(const LatestScan& scan, size_t index, TimeUnit string_unit,
                    const std::vector<std::string>& columns, const RunContext& context,
                    ReadCounters* counters, std::atomic<int64_t>* rows_scanned,
                    LatestTable* table) {
  const RowGroup& group = scan.dataset->row_groups()[index];
  ARROW_ASSIGN_OR_RAISE(auto batches,
                        ColumnBatches::Open(*scan.dataset, index, columns,
                                            /*keep_dictionaries=*/true, context, counters));
  LatestBatchScan batch_scan(scan, string_unit, context, table);
  uint64_t address = group.first_row;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, batches.Next());
    if (batch == nullptr) return Status::OK();
    ARROW_RETURN_NOT_OK(
        NamingFile(scan.dataset->file_of(group).path, batch_scan.Scan(*batch, address)));
    address += static_cast<uint64_t>(batch->num_rows());
    rows_scanned->fetch_add(batch->num_rows(), std::memory_order_relaxed);
  }
}

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

std::vector<std::string> LatestScan::ScannedColumns() const {
  std::vector<std::string> columns = join_keys;
  columns.push_back(event_timestamp);
  if (created_timestamp) columns.push_back(*created_timestamp);
  return columns;
}

std::vector<size_t> RowGroupsToScan(const LatestScan& scan) {
  return SelectRowGroups(*scan.dataset, scan.event_timestamp, scan.created_timestamp,
                         scan.range.window());
}

Result<PoolVector<uint64_t>> FindLatest(const LatestScan& scan, const RunContext& context,
                                        ReadCounters* counters,
                                        std::atomic<int64_t>* rows_scanned) {
  ARROW_ASSIGN_OR_RAISE(const auto encoder, EncoderOf(scan));
  const std::vector<std::string> columns = scan.ScannedColumns();
  const auto groups = RowGroupsToScan(scan);

  PoolVector<uint64_t> addresses(context.pool);
  ARROW_RETURN_NOT_OK(WithStringUnit([&](TimeUnit string_unit) -> Status {
    LatestTable table(encoder, context);
    ARROW_RETURN_NOT_OK(RunTasks(context, static_cast<int64_t>(groups.size()), [&](int64_t task) {
      return ScanRowGroup(scan, groups[static_cast<size_t>(task)], string_unit, columns, context,
                          counters, rows_scanned, &table);
    }));
    addresses = table.Addresses(context.pool);
    return Status::OK();
  }));
  return addresses;
}

}  // namespace larder
