// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "larder/base/memory_budget.h"

namespace larder {

/// The place of a key: 0, 1, 2 ... in order of first insertion.
using Slot = uint32_t;
inline constexpr Slot kNoSlot = std::numeric_limits<Slot>::max();

/// Scrambles an int64 so that its low and high bits both serve: the finalizer of MurmurHash3
/// (Austin Appleby, public domain).
inline uint64_t HashInt64(int64_t key) {
  auto h = static_cast<uint64_t>(key);
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdULL;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return h ^ (h >> 33);
}
uint64_t HashBytes(std::string_view key);

/// Keeps int64 keys in the entries themselves.
class Int64Keys {
 public:
  using Key = int64_t;
  explicit Int64Keys(arrow::MemoryPool*) {}
  static uint64_t Hash(Key key) { return HashInt64(key); }
  static uint64_t Tag(Key key, uint64_t) { return static_cast<uint64_t>(key); }
  static uint64_t HashOfTag(uint64_t tag) { return HashInt64(static_cast<int64_t>(tag)); }
  bool Equals(Slot, Key) const { return true; }  // The tag is the key.
  void Add(Key) {}
  static Key KeyOf(uint64_t tag, Slot) { return static_cast<Key>(tag); }
  static void PrefetchPlace(Slot) {}
  static void PrefetchKey(Slot) {}
  static size_t bytes() { return 0; }
};

/// Copies byte strings into one run of memory.
class BytesKeys {
 public:
  using Key = std::string_view;
  explicit BytesKeys(arrow::MemoryPool* pool) : ends_(pool), bytes_(pool) {}
  static uint64_t Hash(Key key) { return HashBytes(key); }
  static uint64_t Tag(Key, uint64_t hash) { return hash; }
  static uint64_t HashOfTag(uint64_t tag) { return tag; }
  bool Equals(Slot slot, Key key) const { return KeyOf(0, slot) == key; }
  void Add(Key key) {
    bytes_.insert(bytes_.end(), key.begin(), key.end());
    ends_.push_back(bytes_.size());
  }
  Key KeyOf(uint64_t, Slot slot) const {
    const size_t begin = slot == 0 ? 0 : ends_[slot - 1];
    return {bytes_.data() + begin, ends_[slot] - begin};
  }
  void PrefetchPlace(Slot slot) const { __builtin_prefetch(&ends_[slot]); }
  void PrefetchKey(Slot slot) const { __builtin_prefetch(KeyOf(0, slot).data()); }
  size_t bytes() const { return bytes_.capacity() + ends_.capacity() * sizeof(size_t); }

 private:
  PoolVector<size_t> ends_;
  PoolVector<char> bytes_;
};

/// Finds the slot of a key: open addressing with linear probing, at most half full. Keys are
/// compared in full; a hash only says where to look. Hashes are passed in so that batches can
/// prefetch. Finding is thread-safe while nothing is inserted.
template <typename Keys>
class KeyTable {
 public:
  using Key = typename Keys::Key;

  /// `hash_bits`: how many bits of a hash to use; for tests of collisions.
  KeyTable(int hash_bits, arrow::MemoryPool* pool)
      : hash_mask_(hash_bits >= 64 ? ~uint64_t{0} : (uint64_t{1} << hash_bits) - 1),
        keys_(pool),
        entries_(kMinimumEntries, Entry{}, pool) {}

  uint64_t Hash(Key key) const { return Keys::Hash(key) & hash_mask_; }
  /// The three steps to a key, each of which reads what the one before fetched.
  void Prefetch(uint64_t hash) const { __builtin_prefetch(&entries_[hash & entry_mask()]); }
  void PrefetchPlace(uint64_t hash) const {
    const Slot slot = entries_[hash & entry_mask()].slot;
    if (slot != kNoSlot) keys_.PrefetchPlace(slot);
  }
  void PrefetchKey(uint64_t hash) const {
    const Slot slot = entries_[hash & entry_mask()].slot;
    if (slot != kNoSlot) keys_.PrefetchKey(slot);
  }
  Slot size() const { return size_; }
  /// Of memory.
  size_t bytes() const { return entries_.capacity() * sizeof(Entry) + keys_.bytes(); }

  /// kNoSlot if it is not there.
  Slot Find(Key key, uint64_t hash) const { return entries_[Probe(key, hash)].slot; }

  /// Calls visit(key, slot) for each key, in no order.
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (const Entry& entry : entries_) {
      if (entry.slot != kNoSlot) visit(keys_.KeyOf(entry.tag, entry.slot), entry.slot);
    }
  }

  Slot FindOrInsert(Key key, uint64_t hash) {
    size_t place = Probe(key, hash);
    if (entries_[place].slot != kNoSlot) return entries_[place].slot;
    if (2 * (size_t{size_} + 1) > entries_.size()) {
      Grow();
      place = Probe(key, hash);
    }
    keys_.Add(key);
    entries_[place] = {Keys::Tag(key, hash), size_};
    return size_++;
  }

 private:
  struct Entry {
    uint64_t tag = 0;
    Slot slot = kNoSlot;
  };
  static constexpr size_t kMinimumEntries = 16;

  size_t entry_mask() const { return entries_.size() - 1; }

  /// The entry of the key, or the empty one where it belongs.
  size_t Probe(Key key, uint64_t hash) const {
    const uint64_t tag = Keys::Tag(key, hash);
    size_t place = hash & entry_mask();
    while (entries_[place].slot != kNoSlot &&
           !(entries_[place].tag == tag && keys_.Equals(entries_[place].slot, key))) {
      place = (place + 1) & entry_mask();
    }
    return place;
  }

  void Grow() {
    PoolVector<Entry> larger(entries_.size() * 2, Entry{}, entries_.get_allocator());
    const size_t mask = larger.size() - 1;
    for (const Entry& entry : entries_) {
      if (entry.slot == kNoSlot) continue;
      size_t place = Keys::HashOfTag(entry.tag) & hash_mask_ & mask;
      while (larger[place].slot != kNoSlot) place = (place + 1) & mask;
      larger[place] = entry;
    }
    entries_ = std::move(larger);
  }

  uint64_t hash_mask_;
  Slot size_ = 0;
  Keys keys_;
  PoolVector<Entry> entries_;
};

}  // namespace larder
