// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/buffer.h>
#include <arrow/result.h>
#include <arrow/util/compression.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "larder/scan/chunk_stream.h"
#include "larder/scan/snappy_literals.h"

namespace larder {

/// What is in a page, decompressed where it is asked for: of a page that lies in the file as it is,
/// or that snappy made no smaller, only those bytes are read.
class PageBytes {
 public:
  /// Nothing.
  PageBytes() = default;
  /// `stored`: as the page lies in the file; if `is_deferred`, by the last deferred read of
  /// `stream`, which lives on. It begins with `levels` bytes that are never compressed.
  /// `size`: how many bytes it is decompressed, into `out`, which is ignored without `codec`.
  PageBytes(std::shared_ptr<arrow::Buffer> stored, ChunkStream* stream, bool is_deferred,
            arrow::util::Codec* codec, int64_t levels, int64_t size,
            std::shared_ptr<arrow::ResizableBuffer> out);

  /// As many as the page has when it is decompressed, those that were filled as they are.
  const std::shared_ptr<arrow::Buffer>& bytes() const { return bytes_; }
  /// True if bytes() are good for as long as they are held, and not only as long as the page's
  /// stream stays where it is.
  bool are_own() const { return codec_ != nullptr; }
  /// Puts the bytes `begin` ... `end - 1` there, which lie within. IOError if they cannot be read
  /// or decompressed.
  arrow::Status Fill(int64_t begin, int64_t end);

 private:
  arrow::Status FillWhole();

  std::shared_ptr<arrow::Buffer> stored_;
  ChunkStream* stream_ = nullptr;
  bool is_deferred_ = false;
  arrow::util::Codec* codec_ = nullptr;
  int64_t levels_ = 0;
  std::shared_ptr<arrow::Buffer> bytes_;
  uint8_t* out_ = nullptr;
  bool is_whole_ = true;
  std::optional<SnappyLiterals> literals_;  ///< If those may do.
};

}  // namespace larder
