// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/buffer.h>
#include <arrow/result.h>
#include <arrow/status.h>
#include <arrow/type_fwd.h>
#include <arrow/util/bit_util.h>
#include <arrow/util/ubsan.h>
#include <parquet/column_page.h>
#include <parquet/column_reader.h>
#include <parquet/encoding.h>
#include <parquet/exception.h>
#include <parquet/schema.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "larder/base/memory_budget.h"
#include "larder/scan/chunk_pages.h"
#include "larder/scan/flat_column.h"

namespace larder {

/// A bitmap of ones.
inline arrow::Result<std::shared_ptr<arrow::ResizableBuffer>> AllValid(ReusedBuffer* buffer,
                                                                       int64_t rows) {
  ARROW_ASSIGN_OR_RAISE(auto valid, buffer->OfSize(arrow::bit_util::BytesForBits(rows)));
  arrow::bit_util::SetBitsTo(valid->mutable_data(), 0, rows, true);
  return valid;
}

/// What flat columns of every type have in common: pages, levels, decoders, and which row is next.
/// Of the page in hand left() rows, the next one first, have not been decoded.
template <typename ParquetType>
class PageColumn : public FlatColumn {
 public:
  using Value = typename ParquetType::c_type;
  using Decoder = parquet::TypedDecoder<ParquetType>;
  static constexpr bool kFixedWidth = std::is_arithmetic_v<Value>;
  static constexpr int64_t kWidth = sizeof(Value);

  PageColumn(std::unique_ptr<ChunkPages> pages, arrow::MemoryPool* pool)
      : pages_(std::move(pages)),
        leaf_(pages_->leaf()),
        pool_(pool),
        levels_(pool),
        passed_indices_(pool),
        discarded_(pool) {}

  void Seek(int64_t row) override { next_row_ = row; }
  arrow::Result<int64_t> FirstRowOfPage(int64_t row) override {
    return pages_->FirstRowOfPage(row);
  }

 protected:
  /// Takes the page of the next row in hand, if it is not, leaves out the rows before that, and
  /// makes what `rows` rows from there on need be there.
  arrow::Status FindRow(int64_t rows) {
    // For more than this a page is read whole, and for more rows the whole dictionary.
    constexpr int64_t kSparseBytes = 4096;
    constexpr int64_t kSparseEntries = 16;
    const bool sparse = kFixedWidth && rows * kWidth <= kSparseBytes;
    if (next_row_ < page_.first_row || next_row_ >= page_.end_row) {
      page_ = DataPage{};  // Whose memory may serve the next one.
      ARROW_ASSIGN_OR_RAISE(page_, pages_->Read(next_row_, sparse));
      ARROW_RETURN_NOT_OK(OpenPage());
    } else if (next_row_ < page_.end_row - left_) {
      ARROW_RETURN_NOT_OK(OpenPage());
    }
    if (const int64_t passed = next_row_ - (page_.end_row - left_); passed > 0) Discard(passed);
    if (indices() != nullptr) {
      return sparse && rows <= kSparseEntries && !page_has_nulls_ ? arrow::Status::OK()
                                                                  : LoadDictionary();
    }
    if (!kFixedWidth || !is_plain() || page_has_nulls_) return arrow::Status::OK();
    const int64_t size = page_.content.bytes()->size();
    const int64_t begin = size - static_cast<int64_t>(values_.size()) + values_taken_ * kWidth;
    return Fill(begin, std::min(begin + std::min(rows, left_) * kWidth, size));
  }

  int64_t next_row() const { return next_row_; }
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
    next_row_ = page_.end_row - left_;
  }

  /// The next `count` rows as the page has them, not decoded; null if they are not there as an
  /// array needs them, or are too few to keep the page for.
  std::shared_ptr<arrow::Buffer> TakeAsStored(int64_t count) {
    if (!kFixedWidth || page_has_nulls_ || !page_.content.are_own() || !is_plain()) return nullptr;
    const int64_t begin = values_taken_ * kWidth;
    const auto size = static_cast<int64_t>(values_.size());
    if (begin + count * kWidth > size || 2 * count * kWidth < size) return nullptr;
    const uint8_t* first = values_.data() + begin;
    if (reinterpret_cast<uintptr_t>(first) % sizeof(Value) != 0) return nullptr;
    TakePlain(count, count);
    return arrow::SliceBuffer(page_.content.bytes(), first - page_.content.bytes()->data(),
                              count * kWidth);
  }

  /// True if the page in hand refers to a dictionary of which only the entries that rows need are
  /// worth reading.
  bool has_entries_only() const { return indices() != nullptr && !has_dictionary_; }

  /// The next `count` rows, if so.
  arrow::Status DecodeEntries(int64_t count, Value* out) {
    if (!has_entries_) {
      ARROW_ASSIGN_OR_RAISE(entries_, pages_->OpenDictionary(kWidth));
      has_entries_ = true;
    }
    if (entries_.bytes() == nullptr) {
      ARROW_RETURN_NOT_OK(LoadDictionary());
      Decode(count, nullptr, 0, out);
      return arrow::Status::OK();
    }
    passed_indices_.resize(static_cast<size_t>(count));
    const int decoded = indices()->DecodeIndices(static_cast<int>(count), passed_indices_.data());
    Take(count, 0, decoded == count);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t begin = passed_indices_[static_cast<size_t>(i)] * kWidth;
      if (begin < 0 || begin >= entries_.bytes()->size()) {
        throw parquet::ParquetException("a page refers to an entry its dictionary has not");
      }
      ARROW_RETURN_NOT_OK(entries_.Fill(begin, begin + kWidth));
      std::memcpy(out + i, entries_.bytes()->data() + begin, sizeof(Value));
    }
    return arrow::Status::OK();
  }

 private:
  /// Of the rows of the page in hand that are left, if it has nulls.
  const int16_t* levels_of_left() const {
    return levels_.data() + levels_.size() - static_cast<size_t>(left_);
  }

  bool is_plain() const { return decoder_->encoding() == parquet::Encoding::PLAIN; }

  /// Leaves out the next `count` rows, which have `present` plain values of fixed width.
  void TakePlain(int64_t count, int64_t present) {
    const size_t end = static_cast<size_t>(values_taken_ + present) * sizeof(Value);
    Take(count, count - present, end <= values_.size());
    const auto rest = values_.subspan(end);
    decoder_->SetData(static_cast<int>(left_), rest.data(), static_cast<int>(rest.size()));
  }

  /// Leaves out the next `count` rows of the page in hand, with as little decoding as can be.
  void Discard(int64_t count) {
    const int64_t nulls = page_has_nulls_
                              ? count - std::count(levels_of_left(), levels_of_left() + count,
                                                   leaf_.max_definition_level())
                              : 0;
    const auto present = static_cast<size_t>(count - nulls);
    if (indices() != nullptr) {
      passed_indices_.resize(present);
      const int decoded =
          indices()->DecodeIndices(static_cast<int>(present), passed_indices_.data());
      Take(count, nulls, decoded == count - nulls);
    } else if (kFixedWidth && is_plain()) {
      TakePlain(count, count - nulls);
    } else {
      discarded_.resize(static_cast<size_t>(count));
      discarded_valid_.assign(static_cast<size_t>(arrow::bit_util::BytesForBits(count)), 0xff);
      Decode(count, discarded_valid_.data(), 0, discarded_.data());
    }
  }

  arrow::Status LoadDictionary() {
    if (has_dictionary_) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto page, pages_->ReadDictionary());
    if (page == nullptr) {
      throw parquet::ParquetException("a page refers to a dictionary that is not there");
    }
    auto values = parquet::MakeTypedDecoder<ParquetType>(parquet::Encoding::PLAIN, &leaf_, pool_);
    values->SetData(page->num_values(), page->data(), page->size());
    dictionary_->SetDict(values.get());
    has_dictionary_ = true;
    return arrow::Status::OK();
  }

  /// Makes bytes of the page in hand be there.
  arrow::Status Fill(int64_t begin, int64_t end) {
    arrow::Status status = page_.content.Fill(begin, end);
    if (status.ok()) return status;
    return status.WithMessage("column '", leaf_.path()->ToDotString(), "': ", status.message());
  }

  /// At the first row of the page in hand.
  arrow::Status OpenPage() {
    const uint8_t* data = page_.content.bytes()->data();
    const auto size = static_cast<int>(page_.content.bytes()->size());
    const int16_t present = leaf_.max_definition_level();
    const auto rows = static_cast<int>(page_.end_row - page_.first_row);
    const bool needs_all = !kFixedWidth || page_.header->encoding() != parquet::Encoding::PLAIN;
    if (page_.header->type() == parquet::PageType::DATA_PAGE) {
      const auto& page = static_cast<const parquet::DataPageV1&>(*page_.header);
      ARROW_RETURN_NOT_OK(FillLevels(page, needs_all));
      const auto set_levels = [&] {
        return level_decoder_.SetData(page.definition_level_encoding(), present, rows, data, size);
      };
      return OpenValues(present > 0 ? set_levels() : 0, set_levels);
    }
    const auto& page = static_cast<const parquet::DataPageV2&>(*page_.header);
    const int level_bytes = page.definition_levels_byte_length();
    const int repetition_bytes = page.repetition_levels_byte_length();
    if (level_bytes < 0 || repetition_bytes < 0 || repetition_bytes > size ||
        level_bytes > size - repetition_bytes) {
      throw parquet::ParquetException("a page is shorter than its levels");
    }
    ARROW_RETURN_NOT_OK(Fill(0, needs_all ? size : repetition_bytes + level_bytes));
    const auto set_levels = [&] {
      level_decoder_.SetDataV2(level_bytes, present, rows, data + repetition_bytes);
    };
    if (present > 0) set_levels();
    return OpenValues(repetition_bytes + level_bytes, set_levels);
  }

  /// Levels of run lengths begin with how many bytes they have.
  arrow::Status FillLevels(const parquet::DataPageV1& page, bool needs_all) {
    constexpr int64_t kLengthBytes = sizeof(int32_t);
    const int64_t size = page_.content.bytes()->size();
    if (!needs_all && leaf_.max_definition_level() == 0) return arrow::Status::OK();
    if (needs_all || page.definition_level_encoding() != parquet::Encoding::RLE ||
        size < kLengthBytes) {
      return Fill(0, size);
    }
    ARROW_RETURN_NOT_OK(Fill(0, kLengthBytes));
    const auto length = int64_t{arrow::util::SafeLoadAs<int32_t>(page_.content.bytes()->data())};
    return Fill(0, std::clamp(kLengthBytes + length, kLengthBytes, size));
  }

  /// `set_levels` gives the page's levels to their decoder, as has been done already.
  template <typename SetLevels>
  arrow::Status OpenValues(int level_bytes, const SetLevels& set_levels) {
    if (level_bytes > page_.content.bytes()->size()) {
      throw parquet::ParquetException("a page is shorter than its levels");
    }
    const auto rows = static_cast<int>(page_.end_row - page_.first_row);
    page_has_nulls_ = false;
    if (const int16_t present = leaf_.max_definition_level(); present > 0) {
      page_has_nulls_ = level_decoder_.CountUpTo(present, rows).matching_count != rows;
      if (page_has_nulls_) {
        ARROW_RETURN_NOT_OK(Fill(0, page_.content.bytes()->size()));
        set_levels();
        levels_.resize(static_cast<size_t>(rows));
        if (level_decoder_.Decode(rows, levels_.data()) != rows) {
          throw parquet::ParquetException("a page has fewer levels than rows");
        }
      }
    }
    decoder_ = DecoderOf(page_.header->encoding());
    values_ =
        std::span(page_.content.bytes()->data(), static_cast<size_t>(page_.content.bytes()->size()))
            .subspan(static_cast<size_t>(level_bytes));
    decoder_->SetData(rows, values_.data(), static_cast<int>(values_.size()));
    values_taken_ = 0;
    left_ = rows;
    return arrow::Status::OK();
  }

  Decoder* DecoderOf(parquet::Encoding::type encoding) {
    if (encoding == parquet::Encoding::RLE_DICTIONARY ||
        encoding == parquet::Encoding::PLAIN_DICTIONARY) {
      if (dictionary_ == nullptr)
        dictionary_ = parquet::MakeDictDecoder<ParquetType>(&leaf_, pool_);
      return dictionary_.get();
    }
    if (plain_decoder_ == nullptr || plain_decoder_->encoding() != encoding) {
      plain_decoder_ = parquet::MakeTypedDecoder<ParquetType>(encoding, &leaf_, pool_);
    }
    return plain_decoder_.get();
  }

  std::unique_ptr<ChunkPages> pages_;
  const parquet::ColumnDescriptor& leaf_;
  arrow::MemoryPool* pool_;

  int64_t next_row_ = 0;  ///< Of the row group's.
  DataPage page_;         ///< In hand.
  int64_t left_ = 0;      ///< Rows of it that have been neither decoded nor left out.
  bool page_has_nulls_ = false;
  parquet::LevelDecoder level_decoder_;
  std::unique_ptr<parquet::DictDecoder<ParquetType>> dictionary_;
  bool has_dictionary_ = false;             ///< If what `dictionary_` decodes has been read.
  PageBytes entries_;                       ///< Of the dictionary, those that were read,
  bool has_entries_ = false;                ///< if it was opened for that.
  std::unique_ptr<Decoder> plain_decoder_;  ///< Of any encoding without a dictionary.
  Decoder* decoder_ = nullptr;              ///< Of the page in hand.

  std::span<const uint8_t> values_;  ///< Of the page in hand, encoded.
  int64_t values_taken_ = 0;         ///< How many of them have been decoded or left out.
  PoolVector<int16_t> levels_;       ///< Of the page in hand, if it has nulls.
  PoolVector<int32_t> passed_indices_;
  PoolVector<Value> discarded_;
  std::vector<uint8_t> discarded_valid_;
};

}  // namespace larder
