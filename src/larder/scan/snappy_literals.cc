// SPDX-License-Identifier: Apache-2.0
#include "larder/scan/snappy_literals.h"

#include <algorithm>

namespace larder {

using arrow::Result;

Result<std::optional<int64_t>> SnappyLiterals::Find(int64_t begin, int64_t end, const Load& load) {
  while (done_ < end) {
    ARROW_ASSIGN_OR_RAISE(const bool went_on, Step(load));
    if (!went_on) return std::nullopt;
  }
  for (size_t i = 0; i < literals_found_; ++i) {
    const Literal& literal = literals_[i];
    if (literal.begin <= begin && end <= literal.end) {
      return literal.offset + (begin - literal.begin);
    }
  }
  return std::nullopt;
}

Result<bool> SnappyLiterals::Step(const Load& load) {
  // A tag or the preamble, and what belongs to it, has up to five bytes.
  constexpr int64_t kMostBytes = 5;
  const int64_t bytes = std::min(kMostBytes, block_bytes_ - next_);
  if (bytes <= 0 || literals_found_ == literals_.size()) return false;
  ARROW_ASSIGN_OR_RAISE(const uint8_t* at, load(next_, bytes));
  if (next_ == 0) return SkipPreamble(at, bytes);

  const uint32_t tag = at[0];
  const auto number = [&](int64_t count) {
    uint32_t value = 0;
    for (int64_t i = count; i > 0; --i) value = value << 8 | at[i];
    return int64_t{value};
  };
  constexpr uint32_t kLiteral = 0;
  constexpr uint32_t kLongLiteral = 60;  // From here on the length follows the tag.
  const uint32_t upper = tag >> 2;
  if ((tag & 3) != kLiteral) {
    constexpr std::array<int64_t, 4> kOffsetBytes = {0, 1, 2, 4};
    done_ += (tag & 3) == 1 ? 4 + (upper & 7) : 1 + upper;
    next_ += 1 + kOffsetBytes[tag & 3];
    return true;
  }
  const int64_t length_bytes = upper < kLongLiteral ? 0 : int64_t{upper} - kLongLiteral + 1;
  if (length_bytes >= bytes) return false;
  const int64_t length = 1 + (length_bytes == 0 ? int64_t{upper} : number(length_bytes));
  const int64_t offset = next_ + 1 + length_bytes;
  if (length > block_bytes_ - offset || length > size_ - done_) return false;
  literals_[literals_found_++] = {done_, done_ + length, offset};
  done_ += length;
  next_ = offset + length;
  return true;
}

bool SnappyLiterals::SkipPreamble(const uint8_t* at, int64_t bytes) {
  int64_t length = 0;
  while (next_ < bytes) {
    const int64_t byte = at[next_];
    length |= (byte & 0x7f) << (7 * next_++);
    if (byte < 0x80) return length == size_;
  }
  return false;
}

}  // namespace larder
