// SPDX-License-Identifier: Apache-2.0
#include "larder/kernel/row_set.h"

#include <algorithm>
#include <bit>

namespace larder {

size_t RowSet::Count() const {
  size_t count = 0;
  for (const uint64_t word : words_) count += static_cast<size_t>(std::popcount(word));
  return count;
}

PoolVector<uint64_t> RowSet::From(uint64_t address, size_t most, arrow::MemoryPool* pool) const {
  PoolVector<uint64_t> found(pool);
  for (size_t w = address / 64; w < words_.size() && found.size() < most; ++w) {
    uint64_t word = words_[w];
    if (w == address / 64) word &= ~uint64_t{0} << (address % 64);
    for (; word != 0 && found.size() < most; word &= word - 1) {
      found.push_back(64 * w + static_cast<uint64_t>(std::countr_zero(word)));
    }
  }
  return found;
}

}  // namespace larder
