// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/io/interfaces.h>
#include <arrow/result.h>

#include <cstdint>
#include <memory>
#include <string_view>

namespace larder {

/// Fits into a core's cache, and is long enough to make a system call cheap.
inline constexpr int64_t kReadAheadBytes = int64_t{1} << 18;

/// The bytes of one column chunk, read ahead in blocks into memory that is used again and again.
/// Buffers and views are good until the next call.
class ChunkStream : public arrow::io::InputStream {
 public:
  /// Of the bytes `begin` ... `begin + length - 1` of `file`.
  ChunkStream(std::shared_ptr<arrow::io::RandomAccessFile> file, int64_t begin, int64_t length,
              arrow::MemoryPool* pool);

  /// The next Read() returns an empty buffer, and what it would have returned is not read from
  /// the file. Parquet's page readers pass over a page by reading it; see set_data_page_filter().
  void SkipNextRead() { skip_next_read_ = true; }
  /// The next Read() of what was not peeked at, as headers are, returns a buffer of the right size
  /// with nothing in it, until Load() puts it there; good until the next Read() that is deferred.
  void DeferNextRead() { defer_next_read_ = true; }
  /// Some of the bytes of the last Read() that was deferred. Returns the first of them.
  arrow::Result<const uint8_t*> Load(int64_t offset, int64_t bytes);
  /// Goes on at a byte of the chunk, and reads from there `at_once` bytes first.
  void Seek(int64_t position, int64_t at_once);
  /// The byte of the chunk where the last Peek() was: the begin of the last page header.
  int64_t peeked_at() const { return peeked_at_; }

  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t bytes) override;
  arrow::Result<int64_t> Read(int64_t bytes, void* out) override;
  arrow::Result<std::string_view> Peek(int64_t bytes) override;
  bool supports_zero_copy() const override { return true; }
  arrow::Result<int64_t> Tell() const override { return position_ - begin_; }
  arrow::Status Close() override;
  bool closed() const override { return file_ == nullptr; }

 private:
  /// At least `bytes` of what comes next in memory, less at the end of the chunk.
  arrow::Result<std::string_view> Hold(int64_t bytes);

  std::shared_ptr<arrow::io::RandomAccessFile> file_;
  const int64_t begin_;
  const int64_t end_;
  arrow::MemoryPool* pool_;
  int64_t position_;  ///< Of the next byte, in the file.
  int64_t peeked_at_ = -1;
  bool skip_next_read_ = false;
  bool defer_next_read_ = false;
  int64_t ahead_ = kReadAheadBytes;  ///< How much is read at least.
  std::unique_ptr<arrow::ResizableBuffer> held_;
  int64_t held_begin_ = 0;  ///< Where in the file the held bytes are.
  int64_t held_end_ = 0;
  std::unique_ptr<arrow::ResizableBuffer> deferred_;
  int64_t deferred_begin_ = 0;  ///< Where in the file it is from.
  int64_t loaded_begin_ = 0;    ///< Which bytes of it were loaded last.
  int64_t loaded_end_ = 0;
};

}  // namespace larder
