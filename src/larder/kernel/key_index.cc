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
    const auto count = static_cast<size_t>(std::min(kBlock, keys.length - begin));
    for (size_t i = 0; i < count; ++i) {
      hashes[i] = table.Hash(KeyAt(table, keys, begin + static_cast<int64_t>(i)));
      table.Prefetch(hashes[i]);
    }
    for (size_t i = 0; i < count; ++i) table.PrefetchPlace(hashes[i]);
    for (size_t i = 0; i < count; ++i) table.PrefetchKey(hashes[i]);
    for (size_t i = 0; i < count; ++i) {
      const int64_t row = begin + static_cast<int64_t>(i);
      slots[row] = keys.IsValid(row) ? lookup(KeyAt(table, keys, row), hashes[i]) : kNoSlot;
    }
  }
}

}  // namespace

void KeyIndex::ExpectIntegers(const Bounds<int64_t>& bounds, uint64_t rows) {
  // What is kept for a slot takes 8 bytes, a key in the table 32 and more. And what a core's cache
  // holds is worth it for any number of keys.
  constexpr uint64_t kSlotsPerRow = 4;
  constexpr uint64_t kSlotsAtLeast = uint64_t{1} << 18;
  first_ = static_cast<uint64_t>(bounds.min);
  const uint64_t range = static_cast<uint64_t>(bounds.max) - first_;
  by_distance_ = encoder_.single_int64() && hash_bits_ >= 64 && bounds.min <= bounds.max &&
                 range < std::max(kSlotsPerRow * rows, kSlotsAtLeast) && range < kNoSlot - 1;
  if (!by_distance_) return;
  last_slot_ = static_cast<Slot>(range);
  present_.assign(range / 64 + 1, 0);
}

Slot KeyIndex::size() const {
  if (by_distance_) return last_slot_ + 1;
  return std::visit([](const auto& table) { return table.size(); }, table_);
}

void KeyIndex::Insert(const EncodedKeys& keys, Slot* slots) {
  if (by_distance_) {
    for (int64_t i = 0; i < keys.length; ++i) {
      slots[i] = kNoSlot;
      if (!keys.IsValid(i)) continue;
      const uint64_t distance = static_cast<uint64_t>(keys.ints[i]) - first_;
      present_[distance / 64] |= uint64_t{1} << (distance % 64);
      slots[i] = static_cast<Slot>(distance);
    }
    return;
  }
  std::visit(
      [&](auto& table) {
        InBlocks(table, keys, slots,
                 [&](auto key, uint64_t hash) { return table.FindOrInsert(key, hash); });
      },
      table_);
}

void KeyIndex::Find(const EncodedKeys& keys, Slot* slots) const {
  if (by_distance_) {
    for (int64_t i = 0; i < keys.length; ++i) {
      const uint64_t distance = static_cast<uint64_t>(keys.ints[i]) - first_;
      const bool found = distance <= last_slot_ && keys.IsValid(i) &&
                         (present_[distance / 64] >> (distance % 64) & 1) != 0;
      slots[i] = found ? static_cast<Slot>(distance) : kNoSlot;
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
