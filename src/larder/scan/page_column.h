// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/buffer.h>
#include <arrow/result.h>
#include <arrow/status.h>
#include <arrow/type_fwd.h>
#include <arrow/util/bit_util.h>
#include <parquet/column_page.h>
#include <parquet/column_reader.h>
#include <parquet/encoding.h>
#include <parquet/exception.h>
#include <parquet/schema.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "larder/base/memory_budget.h"
#include "larder/scan/chunk_pages.h"
#include "larder/scan/flat_column.h"

namespace larder {

/// A buffer that is filled anew once nobody else holds what it was filled with before.
class ReusedBuffer {
 public:
  explicit ReusedBuffer(arrow::MemoryPool* pool) : pool_(pool) {}

  arrow::Result<std::shared_ptr<arrow::ResizableBuffer>> OfSize(int64_t bytes) {
    if (buffer_ == nullptr || buffer_.use_count() > 1) {
      ARROW_ASSIGN_OR_RAISE(buffer_, arrow::AllocateResizableBuffer(bytes, pool_));
      return buffer_;
    }
    // Pairs with the release of the last one who held it, perhaps on another thread.
    std::atomic_thread_fence(std::memory_order_acquire);
    ARROW_RETURN_NOT_OK(buffer_->Resize(bytes, /*shrink_to_fit=*/false));
    return buffer_;
  }

 private:
  arrow::MemoryPool* pool_;
  std::shared_ptr<arrow::ResizableBuffer> buffer_;
};

/// A bitmap of ones.
inline arrow::Result<std::shared_ptr<arrow::ResizableBuffer>> AllValid(ReusedBuffer* buffer,
                                                                       int64_t rows) {
  ARROW_ASSIGN_OR_RAISE(auto valid, buffer->OfSize(arrow::bit_util::BytesForBits(rows)));
  arrow::bit_util::SetBitsTo(valid->mutable_data(), 0, rows, true);
  return valid;
}

/// What flat columns of every type have in common: pages, levels, decoders, and the rows to leave
/// out. A page in hand has left() rows that have not been decoded.
template <typename ParquetType>
class PageColumn : public FlatColumn {
 public:
  using Value = typename ParquetType::c_type;
  using Decoder = parquet::TypedDecoder<ParquetType>;
  static constexpr bool kFixedWidth = std::is_arithmetic_v<Value>;

  PageColumn(ChunkPages pages, arrow::MemoryPool* pool)
      : leaf_(*pages.leaf),
        rows_(pages.rows),
        stream_(std::move(pages.stream)),
        pages_(std::move(pages.reader)),
        dictionary_page_(std::move(pages.dictionary)),
        pool_(pool),
        levels_(pool),
        discarded_indices_(pool),
        discarded_(pool) {
    pages_->set_data_page_filter([this](const parquet::DataPageStats& page) {
      if (page.num_values > skipped_) return false;
      skipped_ -= page.num_values;
      stream_->SkipNextRead();
      return true;
    });
  }

  void Skip(int64_t rows) override { skipped_ += rows; }

 protected:
  /// Reads on until the next row is one that is wanted.
  arrow::Status FindRows() {
    while (true) {
      if (const int64_t unwanted = std::min(skipped_, left_); unwanted > 0) {
        Discard(unwanted);
        skipped_ -= unwanted;
      }
      if (left_ > 0) return arrow::Status::OK();
      ARROW_RETURN_NOT_OK(NextPage());
    }
  }

  int64_t left() const { return left_; }
  bool page_has_nulls() const { return page_has_nulls_; }
  arrow::MemoryPool* pool() const { return pool_; }

  /// The decoder of dictionary indices if the page in hand has those; else null.
  parquet::DictDecoder<ParquetType>* indices() const {
    return decoder_ == dictionary_.get() ? dictionary_.get() : nullptr;
  }

  /// Clears the bits, from `offset` on, of those of the next `count` rows that are null. Returns
  /// how many that are.
  int64_t ClearNulls(int64_t count, uint8_t* valid_bits, int64_t offset) const {
    if (!page_has_nulls_) return 0;
    int64_t nulls = 0;
    const int16_t* levels = levels_of_left();
    for (int64_t i = 0; i < count; ++i) {
      if (levels[i] == leaf_.max_definition_level()) continue;
      arrow::bit_util::ClearBit(valid_bits, offset + i);
      ++nulls;
    }
    return nulls;
  }

  /// The next `count` rows of the page. Returns how many are null; `valid_bits`, which is needed
  /// if there are any, has ones from bit `offset` on.
  int64_t Decode(int64_t count, uint8_t* valid_bits, int64_t offset, Value* out) {
    const int64_t nulls = ClearNulls(count, valid_bits, offset);
    const int decoded = nulls == 0
                            ? decoder_->Decode(out, static_cast<int>(count))
                            : decoder_->DecodeSpaced(out, static_cast<int>(count),
                                                     static_cast<int>(nulls), valid_bits, offset);
    Take(count, nulls, decoded == count);
    return nulls;
  }

  /// The next `count` rows, of which some are null, have been decoded; `all`: with success.
  void Take(int64_t count, int64_t nulls, bool all) {
    if (!all) throw parquet::ParquetException("a page ends before its last value");
    left_ -= count;
    values_taken_ += count - nulls;
  }

 private:
  /// Of the rows of the page in hand that are left, if it has nulls.
  const int16_t* levels_of_left() const {
    return levels_.data() + levels_.size() - static_cast<size_t>(left_);
  }

  /// Leaves out the next `count` rows of the page in hand, with as little decoding as can be.
  void Discard(int64_t count) {
    if (count == left_) {
      left_ = 0;
      return;
    }
    const int64_t nulls = page_has_nulls_
                              ? count - std::count(levels_of_left(), levels_of_left() + count,
                                                   leaf_.max_definition_level())
                              : 0;
    const auto present = static_cast<size_t>(count - nulls);
    if (indices() != nullptr) {
      discarded_indices_.resize(present);
      const int decoded =
          indices()->DecodeIndices(static_cast<int>(present), discarded_indices_.data());
      Take(count, nulls, decoded == count - nulls);
    } else if (kFixedWidth && decoder_->encoding() == parquet::Encoding::PLAIN) {
      const size_t end = (static_cast<size_t>(values_taken_) + present) * sizeof(Value);
      Take(count, nulls, end <= values_.size());
      const auto rest = values_.subspan(end);
      decoder_->SetData(static_cast<int>(left_), rest.data(), static_cast<int>(rest.size()));
    } else {
      discarded_.resize(static_cast<size_t>(count));
      discarded_valid_.assign(static_cast<size_t>(arrow::bit_util::BytesForBits(count)), 0xff);
      Decode(count, discarded_valid_.data(), 0, discarded_.data());
    }
  }

  arrow::Status NextPage() {
    const std::shared_ptr<parquet::Page> page = pages_->NextPage();
    if (page == nullptr) {
      return arrow::Status::IOError(
          "column '", leaf_.path()->ToDotString(),
          "' ends before the last row of its row group: the file is corrupt");
    }
    if (page->type() == parquet::PageType::DICTIONARY_PAGE) {
      SetDictionary(static_cast<const parquet::DictionaryPage&>(*page));
    } else if (page->type() == parquet::PageType::DATA_PAGE) {
      SetPage(static_cast<const parquet::DataPageV1&>(*page));
    } else if (page->type() == parquet::PageType::DATA_PAGE_V2) {
      SetPage(static_cast<const parquet::DataPageV2&>(*page));
    }
    return arrow::Status::OK();
  }

  void ReadDictionary() {
    const auto reader = std::exchange(dictionary_page_, nullptr);
    const auto page = reader == nullptr ? nullptr : reader->NextPage();
    if (page != nullptr && page->type() == parquet::PageType::DICTIONARY_PAGE) {
      SetDictionary(static_cast<const parquet::DictionaryPage&>(*page));
    }
  }

  void SetDictionary(const parquet::DictionaryPage& page) {
    auto values = parquet::MakeTypedDecoder<ParquetType>(parquet::Encoding::PLAIN, &leaf_, pool_);
    values->SetData(page.num_values(), page.data(), page.size());
    dictionary_ = parquet::MakeDictDecoder<ParquetType>(&leaf_, pool_);
    dictionary_->SetDict(values.get());
  }

  void SetPage(const parquet::DataPageV1& page) {
    const auto set_levels = [&] {
      return level_decoder_.SetData(page.definition_level_encoding(), leaf_.max_definition_level(),
                                    page.num_values(), page.data(), page.size());
    };
    const int level_bytes = leaf_.max_definition_level() > 0 ? set_levels() : 0;
    SetPage(page, level_bytes, set_levels);
  }

  void SetPage(const parquet::DataPageV2& page) {
    const int level_bytes = page.definition_levels_byte_length();
    const int repetition_bytes = page.repetition_levels_byte_length();
    if (level_bytes < 0 || repetition_bytes < 0 || repetition_bytes > page.size() ||
        level_bytes > page.size() - repetition_bytes) {
      throw parquet::ParquetException("a page is shorter than its levels");
    }
    const auto set_levels = [&] {
      level_decoder_.SetDataV2(level_bytes, leaf_.max_definition_level(), page.num_values(),
                               page.data() + repetition_bytes);
    };
    if (leaf_.max_definition_level() > 0) set_levels();
    SetPage(page, repetition_bytes + level_bytes, set_levels);
  }

  /// `set_levels` gives the page's levels to their decoder, as has been done already.
  template <typename SetLevels>
  void SetPage(const parquet::DataPage& page, int level_bytes, const SetLevels& set_levels) {
    if (page.num_values() > rows_ || level_bytes > page.size()) {
      throw parquet::ParquetException("a page has more rows than its row group, or no values");
    }
    page_has_nulls_ = false;
    if (const int16_t present = leaf_.max_definition_level(); present > 0) {
      page_has_nulls_ =
          level_decoder_.CountUpTo(present, page.num_values()).matching_count != page.num_values();
      if (page_has_nulls_) {
        set_levels();
        levels_.resize(static_cast<size_t>(page.num_values()));
        if (level_decoder_.Decode(page.num_values(), levels_.data()) != page.num_values()) {
          throw parquet::ParquetException("a page has fewer levels than rows");
        }
      }
    }
    decoder_ = DecoderOf(page.encoding());
    values_ = std::span(page.data(), static_cast<size_t>(page.size()))
                  .subspan(static_cast<size_t>(level_bytes));
    decoder_->SetData(page.num_values(), values_.data(), static_cast<int>(values_.size()));
    values_taken_ = 0;
    left_ = page.num_values();
  }

  Decoder* DecoderOf(parquet::Encoding::type encoding) {
    if (encoding == parquet::Encoding::RLE_DICTIONARY ||
        encoding == parquet::Encoding::PLAIN_DICTIONARY) {
      if (dictionary_ == nullptr) ReadDictionary();
      if (dictionary_ == nullptr) {
        throw parquet::ParquetException("a page refers to a dictionary that is not there");
      }
      return dictionary_.get();
    }
    if (plain_decoder_ == nullptr || plain_decoder_->encoding() != encoding) {
      plain_decoder_ = parquet::MakeTypedDecoder<ParquetType>(encoding, &leaf_, pool_);
    }
    return plain_decoder_.get();
  }

  const parquet::ColumnDescriptor& leaf_;
  const int64_t rows_;
  std::shared_ptr<ChunkStream> stream_;
  std::unique_ptr<parquet::PageReader> pages_;
  /// Null if there is none, or it was read.
  std::unique_ptr<parquet::PageReader> dictionary_page_;
  arrow::MemoryPool* pool_;

  int64_t skipped_ = 0;  ///< Rows to leave out before the next one that is read.
  int64_t left_ = 0;     ///< Rows of the page in hand.
  bool page_has_nulls_ = false;
  parquet::LevelDecoder level_decoder_;
  std::unique_ptr<parquet::DictDecoder<ParquetType>> dictionary_;
  std::unique_ptr<Decoder> plain_decoder_;  ///< Of any encoding without a dictionary.
  Decoder* decoder_ = nullptr;              ///< Of the page in hand.

  std::span<const uint8_t> values_;  ///< Of the page in hand, encoded.
  int64_t values_taken_ = 0;         ///< How many of them have been decoded or left out.
  PoolVector<int16_t> levels_;       ///< Of the page in hand, if it has nulls.
  PoolVector<int32_t> discarded_indices_;
  PoolVector<Value> discarded_;
  std::vector<uint8_t> discarded_valid_;
};

}  // namespace larder
