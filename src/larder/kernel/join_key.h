// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "larder/base/event_time.h"
#include "larder/base/memory_budget.h"

// Join keys of any type become codes that are equal exactly if the keys are: by value across
// integer widths, units and string layouts. Values that the other side could never hold, and
// nulls, become invalid rows, which match nothing.

namespace larder {

/// Types that compare with each other. Keys of different classes never meet.
enum class KeyClass {
  kNumber,  ///< Integers of every width; floats compare with them by value.
  kString,
  kBinary,
  kBoolean,
  kDate,
  kTimestamp,  ///< Instants; naive is UTC.
  kNothing,    ///< The null type.
};

/// What the codes of one join key column stand for. One side of the join decides (the entity
/// rows, or for the latest rows the source), the other is encoded to meet it.
struct KeyDomain {
  KeyClass key_class = KeyClass::kNothing;
  /// Numbers that int64 cannot hold must be told apart too: unsigned 64-bit or floating.
  bool wide = false;
  TimeUnit unit = TimeUnit::SECOND;  ///< Of timestamps.

  /// True if an int64 holds every key.
  bool fits_int64() const {
    return key_class != KeyClass::kString && key_class != KeyClass::kBinary && !wide;
  }
  bool operator==(const KeyDomain&) const = default;
};

/// TypeError, which names the column, for a type that cannot be a join key. `column` is as it
/// should read in the message.
arrow::Result<KeyDomain> KeyDomainOf(const arrow::DataType& type, const std::string& column);

/// The codes of a batch of keys. Views point into the batch or into `bytes`.
struct EncodedKeys {
  explicit EncodedKeys(arrow::MemoryPool* pool) : int_storage(pool), valid(pool), bytes(pool) {}

  int64_t length = 0;
  /// One int64 a row, if the key is a single column that fits_int64(); else `views`.
  const int64_t* ints = nullptr;
  std::vector<std::string_view> views;
  bool all_valid = true;
  bool IsValid(int64_t i) const { return all_valid || valid[static_cast<size_t>(i)] != 0; }

  PoolVector<int64_t> int_storage;
  PoolVector<uint8_t> valid;  ///< A byte a row; unused if all_valid.
  PoolVector<char> bytes;
};

/// Encodes keys of one or more columns.
class KeyEncoder {
 public:
  explicit KeyEncoder(std::vector<KeyDomain> domains) : domains_(std::move(domains)) {}

  bool single_int64() const { return domains_.size() == 1 && domains_[0].fits_int64(); }
  const std::vector<KeyDomain>& domains() const { return domains_; }

  /// `columns`: one array for each domain, of equal length and of a comparable type, dictionary
  /// arrays of it included. They must outlive the use of `keys`, whose buffers are reused.
  arrow::Status Encode(const arrow::ArrayVector& columns, EncodedKeys* keys) const;

 private:
  std::vector<KeyDomain> domains_;
};

}  // namespace larder
