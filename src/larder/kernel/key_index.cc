// SPDX-License-Identifier: Apache-2.0
#include "larder/kernel/key_index.h"

#include <arrow/array.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <arrow/util/hashing.h>

#include <algorithm>
#include <array>
#include <bit>

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

void KeyColumnIndex::ExpectIntegers(const Bounds<int64_t>& bounds, uint64_t rows) {
  // What is kept for a slot takes 8 bytes, a key in the table 32 and more. And what a core's cache
  // holds is worth it for any number of keys.
  constexpr uint64_t kSlotsPerRow = 4;
  constexpr uint64_t kSlotsAtLeast = uint64_t{1} << 18;
  bounds_ = bounds;
  if (bounds.is_none() || !encoder_.single_int64() || hash_bits_ < 64) return;
  const uint64_t last_slot = bounds.Distance(bounds.max);
  if (last_slot < std::max(kSlotsPerRow * rows, kSlotsAtLeast) && last_slot < kNoSlot - 1) {
    present_.assign(last_slot / 64 + 1, 0);
  }
}

uint64_t KeyColumnIndex::CountWithin(const Bounds<int64_t>& bounds, uint64_t limit) const {
  if (bounds.max < bounds_.min || bounds.min > bounds_.max) return 0;
  if (!by_distance()) return std::min<uint64_t>(size(), limit);
  const uint64_t begin = bounds_.Distance(std::max(bounds.min, bounds_.min));
  const uint64_t end = bounds_.Distance(std::min(bounds.max, bounds_.max));
  uint64_t count = 0;
  for (uint64_t word = begin / 64; word <= end / 64 && count < limit; ++word) {
    uint64_t bits = present_[word];
    if (word == begin / 64) bits &= ~uint64_t{0} << (begin % 64);
    if (word == end / 64) bits &= ~uint64_t{0} >> (63 - end % 64);
    count += static_cast<uint64_t>(std::popcount(bits));
  }
  return std::min(count, limit);
}

Slot KeyColumnIndex::size() const {
  if (by_distance()) return static_cast<Slot>(bounds_.Distance(bounds_.max)) + 1;
  return std::visit([](const auto& table) { return table.size(); }, table_);
}

void KeyColumnIndex::Insert(const EncodedKeys& keys, Slot* slots) {
  if (by_distance()) {
    for (int64_t i = 0; i < keys.length; ++i) {
      slots[i] = kNoSlot;
      if (!keys.IsValid(i)) continue;
      const uint64_t distance = bounds_.Distance(keys.ints[i]);
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

void KeyColumnIndex::Find(const EncodedKeys& keys, Slot* slots) const {
  if (by_distance()) {
    const uint64_t last_slot = bounds_.Distance(bounds_.max);
    for (int64_t i = 0; i < keys.length; ++i) {
      const uint64_t distance = bounds_.Distance(keys.ints[i]);
      const bool found = distance <= last_slot && keys.IsValid(i) &&
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

namespace {

/// The bounds of the valid keys.
Bounds<int64_t> BoundsOf(const EncodedKeys& keys) {
  auto bounds = Bounds<int64_t>::None();
  for (int64_t i = 0; i < keys.length; ++i) {
    if (keys.IsValid(i)) bounds.Add({keys.ints[i], keys.ints[i]});
  }
  return bounds;
}

/// `pairs` becomes one integer for each row; invalid where either slot is none.
void PairUp(const Slot* left, const Slot* right, int64_t rows, Slot right_size,
            EncodedKeys* pairs) {
  const auto count = static_cast<size_t>(rows);
  pairs->length = rows;
  pairs->all_valid = false;
  pairs->int_storage.resize(count);
  pairs->valid.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const bool valid = left[i] != kNoSlot && right[i] != kNoSlot;
    // Slots have 32 bits, so that their product has room in 64.
    const uint64_t pair = uint64_t{left[i]} * right_size + right[i];
    pairs->int_storage[i] = valid ? static_cast<int64_t>(pair) : 0;
    pairs->valid[i] = static_cast<uint8_t>(valid);
  }
  pairs->ints = pairs->int_storage.data();
}

}  // namespace

Result<KeyIndex> KeyIndex::Build(const arrow::Table& columns, const RunContext& context,
                                 PoolVector<Slot>* slots) {
  KeyIndex index;
  slots->assign(static_cast<size_t>(columns.num_rows()), kNoSlot);
  PoolVector<Slot> column_slots(context.pool);
  for (int i = 0; i < columns.num_columns(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const auto column, columns.SelectColumns({i}));
    if (i == 0) {
      ARROW_RETURN_NOT_OK(index.AddColumn(*column, context, slots));
      continue;
    }
    column_slots.assign(slots->size(), kNoSlot);
    ARROW_RETURN_NOT_OK(index.AddColumn(*column, context, &column_slots));
    index.AddPairs(column_slots, context, slots);
  }
  return index;
}

Status KeyIndex::AddColumn(const arrow::Table& column, const RunContext& context,
                           PoolVector<Slot>* slots) {
  const auto& field = *column.schema()->field(0);
  ARROW_ASSIGN_OR_RAISE(const auto domain,
                        KeyDomainOf(*field.type(), "entity rows: column '" + field.name() + "'"));
  KeyColumnIndex& index = columns_.emplace_back(domain, context.key_hash_bits, context.pool);
  EncodedKeys keys(context.pool);
  const auto for_each_batch = [&](const auto& visit) -> Status {
    arrow::TableBatchReader batches(column);
    batches.set_chunksize(context.batch_rows);
    std::shared_ptr<arrow::RecordBatch> batch;
    while (true) {
      ARROW_RETURN_NOT_OK(context.stop.Poll());
      ARROW_RETURN_NOT_OK(batches.ReadNext(&batch));
      if (batch == nullptr) return Status::OK();
      ARROW_RETURN_NOT_OK(index.encoder().Encode(batch->columns(), &keys));
      visit();
    }
  };
  if (domain.fits_int64()) {
    auto all = Bounds<int64_t>::None();
    ARROW_RETURN_NOT_OK(for_each_batch([&] { all.Add(BoundsOf(keys)); }));
    index.ExpectIntegers(all, slots->size());
  }
  Slot* out = slots->data();
  return for_each_batch([&] {
    index.Insert(keys, out);
    out += keys.length;
  });
}

void KeyIndex::AddPairs(const PoolVector<Slot>& column_slots, const RunContext& context,
                        PoolVector<Slot>* slots) {
  EncodedKeys pairs(context.pool);
  PairUp(slots->data(), column_slots.data(), static_cast<int64_t>(slots->size()),
         columns_.back().size(), &pairs);
  KeyColumnIndex& index = pairs_.emplace_back(KeyDomain{.key_class = KeyClass::kNumber},
                                              context.key_hash_bits, context.pool);
  index.ExpectIntegers(BoundsOf(pairs), slots->size());
  index.Insert(pairs, slots->data());
}

uint64_t KeyIndex::CountWithin(size_t column, const Bounds<int64_t>& bounds, uint64_t limit) const {
  const KeyColumnIndex& index = columns_[column];
  const KeyDomain& domain = index.encoder().domains()[0];
  const bool integers = domain.key_class == KeyClass::kNumber && domain.fits_int64();
  return integers ? index.CountWithin(bounds, limit) : limit;
}

SlotFinder::SlotFinder(const KeyIndex& index, arrow::MemoryPool* pool)
    : index_(index), keys_(pool), pairs_(pool), dictionaries_(index.columns_.size()) {}

Result<const Slot*> SlotFinder::Find(const arrow::ArrayVector& columns) {
  ARROW_RETURN_NOT_OK(FindInColumn(0, columns[0], &slots_));
  for (size_t i = 1; i < columns.size(); ++i) {
    ARROW_RETURN_NOT_OK(FindInColumn(i, columns[i], &column_slots_));
    PairUp(slots_.data(), column_slots_.data(), columns[i]->length(), index_.columns_[i].size(),
           &pairs_);
    index_.pairs_[i - 1].Find(pairs_, slots_.data());
  }
  return slots_.data();
}

Result<bool> SlotFinder::HasKey(size_t column, const std::shared_ptr<arrow::Array>& key) {
  ARROW_RETURN_NOT_OK(FindInColumn(column, key, &column_slots_));
  return column_slots_[0] != kNoSlot;
}

Status SlotFinder::FindInColumn(size_t column, const std::shared_ptr<arrow::Array>& keys,
                                std::vector<Slot>* slots) {
  slots->resize(static_cast<size_t>(keys->length()));
  if (keys->type_id() == arrow::Type::DICTIONARY) {
    return FindInDictionary(column, static_cast<const arrow::DictionaryArray&>(*keys), slots);
  }
  const KeyColumnIndex& index = index_.columns_[column];
  ARROW_RETURN_NOT_OK(index.encoder().Encode({keys}, &keys_));
  index.Find(keys_, slots->data());
  return Status::OK();
}

Status SlotFinder::FindInDictionary(size_t column, const arrow::DictionaryArray& keys,
                                    std::vector<Slot>* slots) {
  Dictionary& known = dictionaries_[column];
  if (keys.data()->dictionary != known.values) {
    const KeyColumnIndex& index = index_.columns_[column];
    ARROW_RETURN_NOT_OK(index.encoder().Encode({keys.dictionary()}, &keys_));
    known.slots.resize(static_cast<size_t>(keys_.length));
    index.Find(keys_, known.slots.data());
    known.values = keys.data()->dictionary;
  }
  for (int64_t i = 0; i < keys.length(); ++i) {
    (*slots)[static_cast<size_t>(i)] =
        keys.IsNull(i) ? kNoSlot : known.slots[static_cast<size_t>(keys.GetValueIndex(i))];
  }
  return Status::OK();
}

}  // namespace larder
