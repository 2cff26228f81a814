// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "larder/base/memory_budget.h"

namespace larder {

/// Addresses of rows of a source, as bits: an eighth of a byte for each row of the source, whatever
/// the number of members.
class RowSet {
 public:
  /// Of addresses below `rows`.
  RowSet(uint64_t rows, arrow::MemoryPool* pool) : words_((rows + 63) / 64, uint64_t{0}, pool) {}

  /// Thread-safe.
  void Insert(uint64_t address) {
    const uint64_t bit = uint64_t{1} << (address % 64);
    std::atomic_ref(words_[address / 64]).fetch_or(bit, std::memory_order_relaxed);
  }

  /// How many members there are; reads all of it.
  size_t Count() const;
  /// The first `most` members at or after `address`, ascending.
  PoolVector<uint64_t> From(uint64_t address, size_t most, arrow::MemoryPool* pool) const;

 private:
  PoolVector<uint64_t> words_;
};

}  // namespace larder
