// SPDX-License-Identifier: Apache-2.0
#include "larder/kernel/key_index.h"

#include <arrow/array.h>
#include <arrow/util/hashing.h>

#include <algorithm>
#include <array>

namespace larder {

using arrow::Result;
using arrow::Status;

uint64_t HashBytes(std::string_view key) {
  return arrow::internal::ComputeStringHash<0>(key.data(), static_cast<int64_t>(key.size()));
}

AnyKeyTable MakeKeyTable(const KeyEncoder& encoder, int hash_bits, arrow::MemoryPool* pool) {
  if (encoder.single_int64()) return KeyTable<Int64Keys>(hash_bits, pool);
  return KeyTable<BytesKeys>(hash_bits, pool);
}

namespace {

/// Rows whose table entries are fetched from memory while others are looked up.
constexpr int64_t kBlock = 128;

template <typename Table, typename Lookup>
void InBlocks(const Table& table, const EncodedKeys& keys, Slot* slots, const Lookup& lookup) {
  std::array<uint64_t, kBlock> hashes;
  for (int64_t begin = 0; begin < keys.length; begin += kBlock) {
    const int64_t end = std::min(begin + kBlock, keys.length);
    for (int64_t i = begin; i < end; ++i) {
      const uint64_t hash = table.Hash(KeyAt(table, keys, i));
      hashes[static_cast<size_t>(i - begin)] = hash;
      table.Prefetch(hash);
    }
    for (int64_t i = begin; i < end; ++i) {
      slots[i] = keys.IsValid(i)
                     ? lookup(KeyAt(table, keys, i), hashes[static_cast<size_t>(i - begin)])
                     : kNoSlot;
    }
  }
}

}  // namespace

Slot KeyIndex::size() const {
  return std::visit([](const auto& table) { return table.size(); }, table_);
}

void KeyIndex::Insert(const EncodedKeys& keys, Slot* slots) {
  if (encoder_.single_int64()) {
    for (int64_t i = 0; i < keys.length; ++i) {
      if (!keys.IsValid(i)) continue;
      integers_.min = std::min(integers_.min, keys.ints[i]);
      integers_.max = std::max(integers_.max, keys.ints[i]);
    }
  }
  std::visit(
      [&](auto& table) {
        InBlocks(table, keys, slots,
                 [&](auto key, uint64_t hash) { return table.FindOrInsert(key, hash); });
      },
      table_);
}

void KeyIndex::Finish() {
  // An entry of the hash table costs as much as 8 places of an array: 16 bytes, half of them full.
  // And a megabyte, which a core's cache holds, is worth it for any number of keys.
  constexpr uint64_t kPlacesPerKey = 8;
  constexpr uint64_t kPlacesAtLeast = uint64_t{1} << 18;
  const auto* table = std::get_if<KeyTable<Int64Keys>>(&table_);
  if (table == nullptr || table->size() == 0 || hash_bits_ < 64) return;
  const uint64_t range =
      static_cast<uint64_t>(integers_.max) - static_cast<uint64_t>(integers_.min);
  if (range >= std::max(kPlacesPerKey * table->size(), kPlacesAtLeast)) return;
  slot_of_integer_.assign(range + 1, kNoSlot);
  table->ForEach([&](int64_t key, Slot slot) {
    slot_of_integer_[static_cast<uint64_t>(key) - static_cast<uint64_t>(integers_.min)] = slot;
  });
}

void KeyIndex::Find(const EncodedKeys& keys, Slot* slots) const {
  if (!slot_of_integer_.empty()) {
    const auto first = static_cast<uint64_t>(integers_.min);
    for (int64_t i = 0; i < keys.length; ++i) {
      const uint64_t place = static_cast<uint64_t>(keys.ints[i]) - first;
      const bool found = place < slot_of_integer_.size() && keys.IsValid(i);
      slots[i] = found ? slot_of_integer_[place] : kNoSlot;
    }
    return;
  }
  std::visit(
      [&](const auto& table) {
        InBlocks(table, keys, slots,
                 [&](auto key, uint64_t hash) { return table.Find(key, hash); });
      },
      table_);
}

Result<const Slot*> SlotFinder::Find(const arrow::ArrayVector& columns) {
  slots_.resize(static_cast<size_t>(columns[0]->length()));
  if (columns.size() == 1 && columns[0]->type_id() == arrow::Type::DICTIONARY) {
    ARROW_RETURN_NOT_OK(FindInDictionary(*columns[0]));
  } else {
    ARROW_RETURN_NOT_OK(index_.encoder().Encode(columns, &keys_));
    index_.Find(keys_, slots_.data());
  }
  return slots_.data();
}

Status SlotFinder::FindInDictionary(const arrow::Array& array) {
  const auto& encoded = static_cast<const arrow::DictionaryArray&>(array);
  if (encoded.dictionary() != dictionary_) {
    ARROW_RETURN_NOT_OK(index_.encoder().Encode({encoded.dictionary()}, &keys_));
    dictionary_slots_.resize(static_cast<size_t>(keys_.length));
    index_.Find(keys_, dictionary_slots_.data());
    dictionary_ = encoded.dictionary();
  }
  for (int64_t i = 0; i < array.length(); ++i) {
    slots_[static_cast<size_t>(i)] =
        encoded.IsNull(i) ? kNoSlot
                          : dictionary_slots_[static_cast<size_t>(encoded.GetValueIndex(i))];
  }
  return Status::OK();
}

}  // namespace larder
