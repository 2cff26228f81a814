// SPDX-License-Identifier: Apache-2.0
#include "larder/scan/chunk_stream.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <cstring>

namespace larder {

using arrow::Result;
using arrow::Status;

ChunkStream::ChunkStream(std::shared_ptr<arrow::io::RandomAccessFile> file, int64_t begin,
                         int64_t length, arrow::MemoryPool* pool)
    : file_(std::move(file)), begin_(begin), end_(begin + length), pool_(pool), position_(begin) {
  set_mode(arrow::io::FileMode::READ);
}

Result<std::string_view> ChunkStream::Hold(int64_t bytes) {
  bytes = std::min(bytes, end_ - position_);
  if (position_ < held_begin_ || position_ > held_end_) held_begin_ = held_end_ = position_;
  if (position_ + bytes > held_end_) {
    const int64_t kept = held_end_ - position_;
    const int64_t wanted = std::min(std::max(bytes, ahead_), end_ - position_);
    if (held_ == nullptr) {
      ARROW_ASSIGN_OR_RAISE(held_, arrow::AllocateResizableBuffer(wanted, pool_));
    }
    const int64_t from = position_ - held_begin_;
    if (from > 0 && kept > 0) {
      std::memmove(held_->mutable_data(), held_->data() + from, static_cast<size_t>(kept));
    }
    ARROW_RETURN_NOT_OK(held_->Resize(std::max(held_->size(), wanted), /*shrink_to_fit=*/false));
    ARROW_ASSIGN_OR_RAISE(const int64_t read, file_->ReadAt(position_ + kept, wanted - kept,
                                                            held_->mutable_data() + kept));
    held_begin_ = position_;
    held_end_ = position_ + kept + read;
    if (position_ + bytes > held_end_) {
      return Status::IOError("the file ends before its column chunk does: it is truncated");
    }
  }
  return std::string_view(reinterpret_cast<const char*>(held_->data()) + (position_ - held_begin_),
                          static_cast<size_t>(held_end_ - position_));
}

Result<std::shared_ptr<arrow::Buffer>> ChunkStream::Read(int64_t bytes) {
  bytes = std::min(bytes, end_ - position_);
  const bool is_header = position_ - begin_ == peeked_at_;
  const bool skip = !is_header && std::exchange(skip_next_read_, false);
  const bool defer = !is_header && std::exchange(defer_next_read_, false);
  if (skip || bytes == 0) {
    position_ += bytes;
    // Perhaps more is left out from here on. What is not is read ahead more and more again.
    ahead_ = 0;
    return std::make_shared<arrow::Buffer>(nullptr, 0);
  }
  if (defer) {
    if (deferred_ == nullptr) {
      ARROW_ASSIGN_OR_RAISE(deferred_, arrow::AllocateResizableBuffer(bytes, pool_));
    }
    ARROW_RETURN_NOT_OK(deferred_->Resize(bytes, /*shrink_to_fit=*/false));
    deferred_begin_ = position_;
    loaded_begin_ = 0;
    loaded_end_ = std::clamp<int64_t>(held_end_ - position_, 0, bytes);
    if (loaded_end_ > 0) {
      std::memcpy(deferred_->mutable_data(), held_->data() + (position_ - held_begin_),
                  static_cast<size_t>(loaded_end_));
    }
    position_ += bytes;
    ahead_ = 0;
    return std::make_shared<arrow::Buffer>(deferred_->data(), bytes);
  }
  ARROW_ASSIGN_OR_RAISE(const auto held, Hold(bytes));
  position_ += bytes;
  ahead_ = std::min(std::max(4 * ahead_, bytes), kReadAheadBytes);
  return std::make_shared<arrow::Buffer>(reinterpret_cast<const uint8_t*>(held.data()), bytes);
}

Result<int64_t> ChunkStream::Read(int64_t bytes, void* out) {
  ARROW_ASSIGN_OR_RAISE(const auto buffer, Read(bytes));
  if (buffer->size() > 0) std::memcpy(out, buffer->data(), static_cast<size_t>(buffer->size()));
  return buffer->size();
}

Result<std::string_view> ChunkStream::Peek(int64_t bytes) {
  // Page headers take far less than their readers ask for at first.
  constexpr int64_t kAskedAtFirst = int64_t{1} << 14;
  constexpr int64_t kHeaderBytes = int64_t{1} << 10;
  peeked_at_ = position_ - begin_;
  if (position_ >= end_ || bytes == 0) return std::string_view();
  ARROW_ASSIGN_OR_RAISE(const auto held, Hold(bytes == kAskedAtFirst ? kHeaderBytes : bytes));
  return held.substr(0, static_cast<size_t>(bytes));
}

Result<const uint8_t*> ChunkStream::Load(int64_t offset, int64_t bytes) {
  // What is looked at next often lies close by.
  constexpr int64_t kAtLeast = 512;
  uint8_t* const out = deferred_->mutable_data() + offset;
  if (offset >= loaded_begin_ && offset + bytes <= loaded_end_) return out;
  const int64_t wanted = std::min(std::max(bytes, kAtLeast), deferred_->size() - offset);
  ARROW_ASSIGN_OR_RAISE(const int64_t read, file_->ReadAt(deferred_begin_ + offset, wanted, out));
  if (read < bytes) {
    return Status::IOError("the file ends before its column chunk does: it is truncated");
  }
  loaded_begin_ = offset;
  loaded_end_ = offset + read;
  return out;
}

void ChunkStream::Seek(int64_t position, int64_t at_once) {
  position_ = begin_ + position;
  ahead_ = at_once;
  skip_next_read_ = defer_next_read_ = false;
}

Status ChunkStream::Close() {
  file_ = nullptr;
  return Status::OK();
}

}  // namespace larder
