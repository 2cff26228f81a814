// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "larder/base/run_context.h"
#include "larder/kernel/join_key.h"
#include "larder/kernel/key_table.h"
#include "larder/source/column_bounds.h"

namespace larder {

using AnyKeyTable = std::variant<KeyTable<Int64Keys>, KeyTable<BytesKeys>>;
AnyKeyTable MakeKeyTable(const KeyEncoder& encoder, int hash_bits, arrow::MemoryPool* pool);

/// The keys of a batch as a table of keys wants them.
template <typename Keys>
auto KeyAt(const KeyTable<Keys>&, const EncodedKeys& keys, int64_t row) {
  if constexpr (std::is_same_v<Keys, Int64Keys>) {
    return keys.ints[row];
  } else {
    return keys.views[static_cast<size_t>(row)];
  }
}

/// The values of one join key column of the entity rows -> slots.
class KeyColumnIndex {
 public:
  KeyColumnIndex(KeyDomain domain, int hash_bits, arrow::MemoryPool* pool)
      : encoder_({domain}),
        hash_bits_(hash_bits),
        table_(MakeKeyTable(encoder_, hash_bits, pool)),
        present_(pool) {}

  const KeyEncoder& encoder() const { return encoder_; }
  /// Slots are smaller. By distance, some may belong to no key that was inserted.
  Slot size() const;

  /// Before the first key, if all are int64: that there will be up to `rows` of them, within
  /// `bounds`. Where they lie close together, as ids do, a key's slot is then its distance from the
  /// first, and nothing is hashed.
  void ExpectIntegers(const Bounds<int64_t>& bounds, uint64_t rows);
  /// The slot of each key, new ones for keys not seen before; kNoSlot for invalid rows.
  void Insert(const EncodedKeys& keys, Slot* slots);
  /// The slot of each key; kNoSlot for those that are not there and invalid rows. Thread-safe.
  void Find(const EncodedKeys& keys, Slot* slots) const;
  /// How many keys, all of them integers, may lie within the bounds; counts up to `limit`.
  uint64_t CountWithin(const Bounds<int64_t>& bounds, uint64_t limit) const;

 private:
  bool by_distance() const { return !present_.empty(); }

  KeyEncoder encoder_;
  int hash_bits_;
  AnyKeyTable table_;
  Bounds<int64_t> bounds_ = Bounds<int64_t>::None();  ///< As they were expected.
  /// A bit for each slot by distance, set if its key was inserted; empty: the table has the keys.
  PoolVector<uint64_t> present_;
};

/// Join keys of the entity rows -> slots. A key of several columns is indexed column by column:
/// the pair of the slots of the columns so far and of the next one is an integer, whose slot is
/// that of them all. So each column is looked up in its own way, and nothing is copied together.
class KeyIndex {
 public:
  /// `columns`: the key columns of the entity rows, at least one. `slots` becomes one for each
  /// row, kNoSlot if any of its keys is null. TypeError, which names the column, for a type that
  /// cannot be a join key.
  static arrow::Result<KeyIndex> Build(const arrow::Table& columns, const RunContext& context,
                                       PoolVector<Slot>* slots);

  /// Slots are smaller.
  Slot size() const { return pairs_.empty() ? columns_[0].size() : pairs_.back().size(); }
  /// How many keys of the column may be integers within the bounds; counts up to `limit`. If none,
  /// no row with such statistics has the key of an entity row.
  uint64_t CountWithin(size_t column, const Bounds<int64_t>& bounds, uint64_t limit) const;

 private:
  friend class SlotFinder;

  arrow::Status AddColumn(const arrow::Table& column, const RunContext& context,
                          PoolVector<Slot>* slots);
  void AddPairs(const PoolVector<Slot>& column_slots, const RunContext& context,
                PoolVector<Slot>* slots);

  std::vector<KeyColumnIndex> columns_;
  std::vector<KeyColumnIndex> pairs_;  ///< The i-th: with the slots of columns_[i + 1].
};

/// Finds the slots of batches for one thread. A dictionary is looked up once, not once a row.
class SlotFinder {
 public:
  SlotFinder(const KeyIndex& index, arrow::MemoryPool* pool);

  /// One slot a row of the key columns, valid until the next call.
  arrow::Result<const Slot*> Find(const arrow::ArrayVector& columns);
  /// True if the one key is among those of its column.
  arrow::Result<bool> HasKey(size_t column, const std::shared_ptr<arrow::Array>& key);

 private:
  struct Dictionary {
    std::shared_ptr<arrow::ArrayData> values;
    std::vector<Slot> slots;
  };

  arrow::Status FindInColumn(size_t column, const std::shared_ptr<arrow::Array>& keys,
                             std::vector<Slot>* slots);
  arrow::Status FindInDictionary(size_t column, const arrow::DictionaryArray& keys,
                                 std::vector<Slot>* slots);

  const KeyIndex& index_;
  EncodedKeys keys_;
  EncodedKeys pairs_;
  std::vector<Slot> slots_;
  std::vector<Slot> column_slots_;
  std::vector<Dictionary> dictionaries_;  ///< The last one of each column.
};

}  // namespace larder
