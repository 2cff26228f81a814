// SPDX-License-Identifier: Apache-2.0
#include "larder/scan/flat_bytes.h"

#include <arrow/array.h>
#include <arrow/type.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

namespace larder {

using arrow::Result;
using arrow::Status;
using parquet::ByteArray;

namespace {

template <typename Offset>
class FlatBytes : public PageColumn<parquet::ByteArrayType> {
 public:
  FlatBytes(std::shared_ptr<arrow::DataType> type, std::unique_ptr<ChunkPages> pages,
            int64_t bytes_per_row, bool keep_dictionary, arrow::MemoryPool* pool)
      : PageColumn(std::move(pages), pool),
        type_(std::move(type)),
        bytes_per_row_(bytes_per_row),
        keep_dictionary_(keep_dictionary),
        offsets_(pool),
        bytes_(pool),
        valid_(pool),
        indices_(pool) {}

  void Seek(int64_t row) override {
    // The block ends where the page goes on.
    const int64_t block_begin = next_row() - block_rows_;
    if (row >= block_begin && row < next_row()) {
      block_next_ = row - block_begin;
      return;
    }
    block_rows_ = block_next_ = 0;
    PageColumn::Seek(row);
  }

  Result<std::shared_ptr<arrow::Array>> Read(int64_t rows) override {
    if (block_next_ == block_rows_) {
      ARROW_RETURN_NOT_OK(FindRow(rows));
      if (keep_dictionary_ && indices() != nullptr) return ReadIndices(std::min(rows, left()));
    }
    rows = std::min(rows, block_rows_ - block_next_ + left());
    ARROW_ASSIGN_OR_RAISE(const auto offsets, offsets_.OfSize((rows + 1) * kOffsetBytes));
    ARROW_ASSIGN_OR_RAISE(const auto bytes, bytes_.OfSize(rows * bytes_per_row_));
    std::shared_ptr<arrow::ResizableBuffer> valid;
    if (page_has_nulls()) {
      ARROW_ASSIGN_OR_RAISE(valid, AllValid(&valid_, rows));
    }
    auto* offset = reinterpret_cast<Offset*>(offsets->mutable_data());
    offset[0] = 0;
    int64_t nulls = 0;
    int64_t done = 0;
    while (done < rows) {
      if (block_next_ == block_rows_) DecodeBlock();
      const int64_t end = std::min(block_rows_, block_next_ + rows - done);
      ARROW_ASSIGN_OR_RAISE(const bool fits, Grow(offset[done], end, bytes.get()));
      if (!fits && done > 0) break;
      if (!fits) return Status::CapacityError("strings of more than 2 GiB do not fit an array");
      for (; block_next_ < end; ++block_next_, ++done) {
        const ByteArray& value = block_[static_cast<size_t>(block_next_)];
        if (value.len > 0) std::memcpy(bytes->mutable_data() + offset[done], value.ptr, value.len);
        offset[done + 1] = offset[done] + static_cast<Offset>(value.len);
        if (block_has_nulls_ && IsNullInBlock(block_next_)) {
          arrow::bit_util::ClearBit(valid->mutable_data(), done);
          ++nulls;
        }
      }
    }
    return arrow::MakeArray(
        arrow::ArrayData::Make(type_, done, {nulls > 0 ? valid : nullptr, offsets, bytes}, nulls));
  }

 private:
  static constexpr int64_t kOffsetBytes = sizeof(Offset);
  static constexpr int64_t kBlockRows = 1024;

  /// Some of the page's next values, empty ones for nulls. They stay where they are until the next
  /// page.
  void DecodeBlock() {
    block_rows_ = std::min(left(), kBlockRows);
    block_next_ = 0;
    block_valid_.fill(0xff);
    block_has_nulls_ = Decode(block_rows_, block_valid_.data(), 0, block_.data()) > 0;
    for (int64_t i = 0; block_has_nulls_ && i < block_rows_; ++i) {
      if (IsNullInBlock(i)) block_[static_cast<size_t>(i)] = ByteArray(0, nullptr);
    }
  }

  bool IsNullInBlock(int64_t i) const {
    return !arrow::bit_util::GetBit(block_valid_.data(), static_cast<uint64_t>(i));
  }

  /// Makes room for the rest of the block, up to `end`, behind `used` bytes. False if that is more
  /// than offsets can tell.
  Result<bool> Grow(Offset used, int64_t end, arrow::ResizableBuffer* bytes) const {
    int64_t wanted = used;
    for (int64_t i = block_next_; i < end; ++i) {
      wanted += block_[static_cast<size_t>(i)].len;
    }
    if (wanted > std::numeric_limits<Offset>::max()) return false;
    if (wanted > bytes->size()) {
      const int64_t more = std::max(wanted, bytes->size() + bytes->size() / 2);
      ARROW_RETURN_NOT_OK(bytes->Resize(more, /*shrink_to_fit=*/false));
    }
    return true;
  }

  /// The next `rows` rows of a page with a dictionary.
  Result<std::shared_ptr<arrow::Array>> ReadIndices(int64_t rows) {
    ARROW_RETURN_NOT_OK(MakeDictionary());
    ARROW_ASSIGN_OR_RAISE(const auto buffer, indices_.OfSize(rows * int64_t{sizeof(int32_t)}));
    ARROW_ASSIGN_OR_RAISE(const auto valid, AllValid(&valid_, rows));
    auto* out = reinterpret_cast<int32_t*>(buffer->mutable_data());
    const int64_t nulls = ClearNulls(rows, valid->mutable_data(), 0);
    const int64_t present = rows - nulls;
    const int decoded = indices()->DecodeIndices(static_cast<int>(present), out);
    Take(rows, nulls, decoded == present);
    for (int64_t i = 0; i < present; ++i) {
      if (out[i] < 0 || out[i] >= dictionary_->length) {
        throw parquet::ParquetException("a page refers to an entry its dictionary has not");
      }
    }
    // Behind the nulls between them, the last first.
    for (int64_t i = rows, next = present; nulls > 0 && i-- > 0;) {
      const bool is_valid = arrow::bit_util::GetBit(valid->data(), static_cast<uint64_t>(i));
      out[i] = is_valid ? out[--next] : 0;
    }
    auto data = arrow::ArrayData::Make(arrow::dictionary(arrow::int32(), type_), rows,
                                       {nulls > 0 ? valid : nullptr, buffer}, nulls);
    data->dictionary = dictionary_;
    return arrow::MakeArray(data);
  }

  /// The dictionary of the page in hand as an array, always the same one.
  Status MakeDictionary() {
    if (indices() == dictionary_of_) return Status::OK();
    const ByteArray* values = nullptr;
    int32_t length = 0;
    indices()->GetDictionary(&values, &length);
    int64_t size = 0;
    for (int32_t i = 0; i < length; ++i) size += values[i].len;
    if (size > std::numeric_limits<Offset>::max()) {
      return Status::CapacityError("a dictionary of more than 2 GiB does not fit an array");
    }
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> offsets,
                          arrow::AllocateBuffer((int64_t{length} + 1) * kOffsetBytes, pool()));
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> bytes,
                          arrow::AllocateBuffer(size, pool()));
    auto* offset = reinterpret_cast<Offset*>(offsets->mutable_data());
    offset[0] = 0;
    for (int32_t i = 0; i < length; ++i) {
      if (values[i].len > 0) {
        std::memcpy(bytes->mutable_data() + offset[i], values[i].ptr, values[i].len);
      }
      offset[i + 1] = offset[i] + static_cast<Offset>(values[i].len);
    }
    dictionary_ = arrow::ArrayData::Make(type_, length, {nullptr, offsets, bytes}, 0);
    dictionary_of_ = indices();
    return Status::OK();
  }

  const std::shared_ptr<arrow::DataType> type_;
  const int64_t bytes_per_row_;
  const bool keep_dictionary_;

  std::array<ByteArray, kBlockRows> block_;
  std::array<uint8_t, kBlockRows / 8> block_valid_;
  bool block_has_nulls_ = false;
  int64_t block_rows_ = 0;
  int64_t block_next_ = 0;  ///< Of the block's rows, which comes next.

  std::shared_ptr<arrow::ArrayData> dictionary_;
  parquet::DictDecoder<parquet::ByteArrayType>* dictionary_of_ = nullptr;

  ReusedBuffer offsets_;
  ReusedBuffer bytes_;
  ReusedBuffer valid_;
  ReusedBuffer indices_;
};

}  // namespace

std::unique_ptr<FlatColumn> MakeFlatBytes(std::shared_ptr<arrow::DataType> type,
                                          std::unique_ptr<ChunkPages> pages, int64_t bytes_per_row,
                                          bool keep_dictionary, arrow::MemoryPool* pool) {
  if (arrow::is_large_binary_like(type->id())) {
    return std::make_unique<FlatBytes<int64_t>>(std::move(type), std::move(pages), bytes_per_row,
                                                keep_dictionary, pool);
  }
  return std::make_unique<FlatBytes<int32_t>>(std::move(type), std::move(pages), bytes_per_row,
                                              keep_dictionary, pool);
}

}  // namespace larder
