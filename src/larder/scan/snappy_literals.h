// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

namespace larder {

/// Finds stretches of a block compressed by snappy that are stored as they are, without
/// decompressing what lies before them. Numbers that look random, as many features do, are mostly
/// stored so: few of them can then be had for a fraction of the work.
///
/// Follows "Snappy compressed format description" (format_description.txt of google/snappy): a
/// length, then elements, each a literal or a copy of what came before.
class SnappyLiterals {
 public:
  /// Gives `count` bytes of the block from `offset` on, which lie within it, good until the next
  /// call.
  using Load = std::function<arrow::Result<const uint8_t*>(int64_t offset, int64_t count)>;

  /// `block_bytes` compressed ones, `size` decompressed.
  SnappyLiterals(int64_t block_bytes, int64_t size) : block_bytes_(block_bytes), size_(size) {}

  /// Where in the block the decompressed bytes `begin` ... `end - 1` are; none if they are not all
  /// in one literal, if too many elements lie before them, or if the block is broken.
  arrow::Result<std::optional<int64_t>> Find(int64_t begin, int64_t end, const Load& load);

 private:
  struct Literal {
    int64_t begin;  ///< Of the decompressed bytes.
    int64_t end;
    int64_t offset;  ///< In the block.
  };

  /// Walks over one element; false if there is none that makes sense.
  arrow::Result<bool> Step(const Load& load);
  bool SkipPreamble(const uint8_t* at, int64_t bytes);

  int64_t block_bytes_;
  int64_t size_;
  int64_t next_ = 0;  ///< Of the block's bytes.
  int64_t done_ = 0;  ///< Decompressed bytes of the elements so far.
  std::array<Literal, 64> literals_;
  size_t literals_found_ = 0;
};

}  // namespace larder
