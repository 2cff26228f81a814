// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <thread>
#include <tuple>

#include "larder/base/memory_budget.h"

namespace larder {

/// A source row that may be the answer somewhere, in the total order that decides which one is:
/// event timestamp, created timestamp with null lowest, address. Merging by maximum is
/// associative, commutative and idempotent, so no order of work changes the outcome.
struct Candidate {
  int64_t event = std::numeric_limits<int64_t>::min();
  int64_t created = std::numeric_limits<int64_t>::min();
  uint64_t rank = 0;  ///< 0: no row. Else address + 1, the top bit set if created is not null.

  static constexpr uint64_t kCreatedBit = uint64_t{1} << 63;
  /// Set in the rank of a candidate of a table while one thread has it.
  static constexpr uint64_t kLockBit = uint64_t{1} << 62;

  /// A row whose created timestamp is null, or of a view that has none.
  static Candidate WithoutCreated(int64_t event, uint64_t address) {
    return {event, std::numeric_limits<int64_t>::min(), address + 1};
  }
  static Candidate WithCreated(int64_t event, int64_t created, uint64_t address) {
    return {event, created, (address + 1) | kCreatedBit};
  }

  bool exists() const { return rank != 0; }
  uint64_t address() const { return (rank & ~kCreatedBit) - 1; }
  /// A null created timestamp is stored as the least int64; where a real one is that, too, the
  /// bit in the rank tells them apart.
  bool operator<(const Candidate& other) const {
    return std::tie(event, created, rank) < std::tie(other.event, other.created, other.rank);
  }
};

/// The greatest candidate of each position, raised by any number of threads at once.
class CandidateTable {
 public:
  /// `has_created`: if not, every row that is raised is one without a created timestamp.
  /// `shared`: among threads.
  CandidateTable(size_t positions, bool has_created, bool shared, arrow::MemoryPool* pool)
      : held_(positions, EventAndRank{}, pool),
        created_(has_created ? positions : 0, Candidate{}.created, pool),
        shared_(shared) {}

  /// Any position, the one behind the last, too.
  void Prefetch(size_t position) const {
    __builtin_prefetch(held_.data() + position, 1);
    if (!created_.empty()) __builtin_prefetch(created_.data() + position, 1);
  }

  /// Returns the event of the greatest candidate so far, which others may have raised since.
  int64_t Raise(size_t position, const Candidate& row) {
    const std::atomic_ref event(held_[position].event);
    // Events only grow, so that an old value, too, is reason enough to leave.
    const int64_t newest = event.load(std::memory_order_relaxed);
    if (newest > row.event) return newest;
    // The lock lies in the memory that has been fetched already.
    const std::atomic_ref rank(held_[position].rank);
    uint64_t before = shared_ ? Lock(rank) : held_[position].rank;
    if (Held(position, before) < row) {
      event.store(row.event, std::memory_order_relaxed);
      if (!created_.empty()) created_[position] = row.created;
      before = row.rank;
    }
    rank.store(before, std::memory_order_release);
    return row.event;
  }

  /// The event of the greatest candidate so far, the least int64 if there is none. Other threads
  /// may be raising it.
  int64_t EventAt(size_t position) {
    return std::atomic_ref(held_[position].event).load(std::memory_order_relaxed);
  }

  /// Once no thread raises any more.
  Candidate operator[](size_t position) const { return Held(position, held_[position].rank); }

 private:
  /// Created timestamps lie apart: few rows need them, and without them no cache line ends within
  /// a candidate.
  struct alignas(16) EventAndRank {
    int64_t event = Candidate{}.event;
    uint64_t rank = Candidate{}.rank;
  };

  static uint64_t Lock(const std::atomic_ref<uint64_t>& rank) {
    uint64_t before = rank.load(std::memory_order_relaxed) & ~Candidate::kLockBit;
    while (!rank.compare_exchange_weak(before, before | Candidate::kLockBit,
                                       std::memory_order_acquire, std::memory_order_relaxed)) {
      // Its holder may be waiting for this very core.
      if ((before & Candidate::kLockBit) != 0) std::this_thread::yield();
      before &= ~Candidate::kLockBit;
    }
    return before;
  }

  Candidate Held(size_t position, uint64_t rank) const {
    return {held_[position].event, created_.empty() ? Candidate{}.created : created_[position],
            rank};
  }

  PoolVector<EventAndRank> held_;
  PoolVector<int64_t> created_;  ///< Empty if rows have none.
  bool shared_;
};

}  // namespace larder
