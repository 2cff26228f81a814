// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "larder/base/run_context.h"
#include "larder/kernel/candidate.h"
#include "larder/kernel/key_index.h"
#include "larder/kernel/row_set.h"
#include "larder/spill/spill_file.h"

namespace larder {

/// The newest row of each key, in shards by the first bits of the key's hash. What memory has no
/// room for goes to disk: a shard's keys, and from then on all of its rows, which Finish() reads
/// back one shard at a time, and divides by further bits if a shard alone is too much (hybrid hash
/// aggregation, after DeWitt et al., "Implementation techniques for main memory database
/// systems", 1984). A maximum of maxima is the maximum, so nothing depends on what was spilled.
class LatestTable {
  /// Of a batch of keys, which row, and its key's hash.
  struct HashedRow {
    int64_t row;
    uint64_t hash;
  };

 public:
  /// The rows of a batch on their way to the shards: memory that a thread uses again.
  struct Scratch {
    std::vector<HashedRow> hashed;
    std::vector<HashedRow> by_shard;
  };

  /// `encoder` and `context` must outlive the table. `depth`: how many times the keys have been
  /// divided before.
  LatestTable(const KeyEncoder& encoder, const RunContext& context, int depth = 0);

  /// Raises each valid key by its row's candidate, if that exists. Thread-safe.
  arrow::Status Raise(const EncodedKeys& keys, const std::vector<Candidate>& candidates,
                      Scratch* scratch);

  /// Adds the newest row of each key to `newest`; the table is empty then.
  arrow::Status Finish(RowSet* newest);

 private:
  static constexpr int kShardBits = 6;
  static constexpr size_t kShards = size_t{1} << kShardBits;
  /// The 64 bits of a hash are used up.
  static constexpr int kDeepest = 9;

  /// What one thread at a time works on.
  struct Shard {
    Shard(const KeyEncoder& encoder, int hash_bits, arrow::MemoryPool* pool)
        : keys(MakeKeyTable(encoder, hash_bits, pool)), newest(pool) {}

    std::mutex mutex;
    AnyKeyTable keys;
    PoolVector<Candidate> newest;  ///< One for each slot.
    std::optional<SpillFile> spilled;
  };

  size_t ShardOf(uint64_t hash) const {
    return (hash >> (64 - kShardBits * (depth_ + 1))) % kShards;
  }
  std::unique_ptr<Shard> NewShard() const {
    return std::make_unique<Shard>(encoder_, context_.key_hash_bits, context_.pool);
  }
  arrow::Status RaiseInShard(const EncodedKeys& keys, std::span<const HashedRow> rows,
                             const std::vector<Candidate>& candidates, Shard* shard);
  /// True if the shard should go to disk.
  bool IsTooLarge(const Shard& shard) const;
  arrow::Status Spill(Shard* shard);
  arrow::Status FinishSpilled(SpillFile* file, RowSet* newest);

  const KeyEncoder& encoder_;
  const RunContext& context_;
  const int depth_;
  const AnyKeyTable hasher_;  ///< Empty; hashes as the shards do.
  std::array<std::unique_ptr<Shard>, kShards> shards_;
};

}  // namespace larder
