// SPDX-License-Identifier: Apache-2.0
#include "larder/scan/page_bytes.h"

#include <arrow/status.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace larder {

using arrow::Status;

PageBytes::PageBytes(std::shared_ptr<arrow::Buffer> stored, ChunkStream* stream, bool is_deferred,
                     arrow::util::Codec* codec, int64_t levels, int64_t size,
                     std::shared_ptr<arrow::ResizableBuffer> out)
    : stored_(std::move(stored)),
      stream_(stream),
      is_deferred_(is_deferred),
      codec_(codec),
      levels_(levels) {
  if (codec_ == nullptr) {
    bytes_ = stored_;
    is_whole_ = !is_deferred_;
    return;
  }
  out_ = out->mutable_data();
  bytes_ = std::move(out);
  is_whole_ = size == 0;
  if (is_deferred_ && codec_->compression_type() == arrow::Compression::SNAPPY) {
    literals_.emplace(stored_->size() - levels_, size - levels_);
  }
}

Status PageBytes::Fill(int64_t begin, int64_t end) {
  if (is_whole_ || begin >= end) return Status::OK();
  if (codec_ == nullptr) return stream_->Load(begin, end - begin).status();
  if (!literals_) return FillWhole();
  if (begin < levels_) {
    ARROW_ASSIGN_OR_RAISE(const uint8_t* stored, stream_->Load(0, levels_));
    std::memcpy(out_, stored, static_cast<size_t>(levels_));
    begin = levels_;
    if (begin >= end) return Status::OK();
  }
  const auto load = [this](int64_t offset, int64_t count) {
    return stream_->Load(levels_ + offset, count);
  };
  ARROW_ASSIGN_OR_RAISE(const auto offset, literals_->Find(begin - levels_, end - levels_, load));
  if (!offset) return FillWhole();
  ARROW_ASSIGN_OR_RAISE(const uint8_t* stored, load(*offset, end - begin));
  std::memcpy(out_ + begin, stored, static_cast<size_t>(end - begin));
  return Status::OK();
}

Status PageBytes::FillWhole() {
  const int64_t compressed = stored_->size() - levels_;
  const int64_t size = bytes_->size() - levels_;
  if (is_deferred_) ARROW_RETURN_NOT_OK(stream_->Load(0, stored_->size()).status());
  if (levels_ > 0) std::memcpy(out_, stored_->data(), static_cast<size_t>(levels_));
  // Where all values are null, some writers store none, and that is nothing to decompress.
  if (size > 0) {
    const auto decompressed =
        codec_->Decompress(compressed, stored_->data() + levels_, size, out_ + levels_);
    if (!decompressed.ok() || *decompressed != size) {
      return Status::IOError("a page cannot be decompressed: the file is corrupt");
    }
  }
  is_whole_ = true;
  return Status::OK();
}

}  // namespace larder
