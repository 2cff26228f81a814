// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

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

/// Join keys of the entity rows -> slots.
class KeyIndex {
 public:
  KeyIndex(KeyEncoder encoder, int hash_bits, arrow::MemoryPool* pool)
      : encoder_(std::move(encoder)),
        hash_bits_(hash_bits),
        table_(MakeKeyTable(encoder_, hash_bits, pool)),
        slot_of_integer_(pool) {}

  const KeyEncoder& encoder() const { return encoder_; }
  Slot size() const;

  /// The slot of each key, new ones for keys not seen before; kNoSlot for invalid rows.
  void Insert(const EncodedKeys& keys, Slot* slots);
  /// Once all keys are inserted: where they are integers that lie close together, as ids do, an
  /// array takes the place of hashing.
  void Finish();
  /// The slot of each key; kNoSlot for those that are not there and invalid rows. Thread-safe.
  void Find(const EncodedKeys& keys, Slot* slots) const;

 private:
  KeyEncoder encoder_;
  int hash_bits_;
  AnyKeyTable table_;
  Bounds<int64_t> integers_{std::numeric_limits<int64_t>::max(),
                            std::numeric_limits<int64_t>::min()};  ///< The keys inserted.
  PoolVector<Slot> slot_of_integer_;  ///< By key - integers_.min; empty: use the table.
};

/// Finds the slots of batches for one thread. A dictionary is looked up once, not once a row.
class SlotFinder {
 public:
  SlotFinder(const KeyIndex& index, arrow::MemoryPool* pool) : index_(index), keys_(pool) {}

  /// One slot a row of the key columns, valid until the next call.
  arrow::Result<const Slot*> Find(const arrow::ArrayVector& columns);

 private:
  arrow::Status FindInDictionary(const arrow::Array& array);

  const KeyIndex& index_;
  EncodedKeys keys_;
  std::vector<Slot> slots_;
  std::shared_ptr<arrow::Array> dictionary_;  ///< Whose slots are in dictionary_slots_.
  std::vector<Slot> dictionary_slots_;
};

}  // namespace larder
