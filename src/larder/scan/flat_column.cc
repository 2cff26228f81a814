// SPDX-License-Identifier: Apache-2.0
#include "larder/scan/flat_column.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>
#include <parquet/column_page.h>
#include <parquet/column_reader.h>
#include <parquet/encoding.h>
#include <parquet/exception.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "larder/base/memory_budget.h"
#include "larder/scan/chunk_stream.h"

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

/// A buffer that is filled anew once nobody else holds what it was filled with before.
class ReusedBuffer {
 public:
  explicit ReusedBuffer(arrow::MemoryPool* pool) : pool_(pool) {}

  Result<std::shared_ptr<arrow::ResizableBuffer>> OfSize(int64_t bytes) {
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

template <typename ParquetType>
class FlatColumnOf : public FlatColumn {
 public:
  using Value = typename ParquetType::c_type;
  using Decoder = parquet::TypedDecoder<ParquetType>;

  FlatColumnOf(std::shared_ptr<arrow::DataType> type, const parquet::ColumnDescriptor& leaf,
               int64_t rows, std::shared_ptr<ChunkStream> stream,
               std::unique_ptr<parquet::PageReader> pages, arrow::MemoryPool* pool)
      : type_(std::move(type)),
        leaf_(leaf),
        rows_(rows),
        stream_(std::move(stream)),
        pages_(std::move(pages)),
        pool_(pool),
        values_(pool),
        valid_(pool),
        levels_(pool),
        discarded_(pool) {
    pages_->set_data_page_filter([this](const parquet::DataPageStats& page) {
      if (page.num_values > skipped_) return false;
      skipped_ -= page.num_values;
      stream_->SkipNextRead();
      return true;
    });
  }

  void Skip(int64_t rows) override { skipped_ += rows; }

  Result<std::shared_ptr<arrow::Array>> Read(int64_t rows) override {
    ARROW_ASSIGN_OR_RAISE(const auto values, values_.OfSize(rows * int64_t{sizeof(Value)}));
    std::shared_ptr<arrow::ResizableBuffer> valid;
    int64_t nulls = 0;
    for (int64_t done = 0; done < rows;) {
      ARROW_RETURN_NOT_OK(FindRows());
      const int64_t count = std::min(rows - done, left_);
      auto* out = reinterpret_cast<Value*>(values->mutable_data()) + done;
      if (page_has_nulls_ && valid == nullptr) {
        ARROW_ASSIGN_OR_RAISE(valid, valid_.OfSize(arrow::bit_util::BytesForBits(rows)));
        arrow::bit_util::SetBitsTo(valid->mutable_data(), 0, rows, true);
      }
      nulls += Decode(count, valid == nullptr ? nullptr : valid->mutable_data(), done, out);
      done += count;
    }
    auto data = arrow::ArrayData::Make(type_, rows, {nulls > 0 ? valid : nullptr, values}, nulls);
    return arrow::MakeArray(data);
  }

 private:
  /// A page in hand whose next row is wanted.
  Status FindRows() {
    while (true) {
      if (const int64_t unwanted = std::min(skipped_, left_); unwanted > 0) {
        discarded_.resize(static_cast<size_t>(unwanted));
        discarded_valid_.assign(static_cast<size_t>(arrow::bit_util::BytesForBits(unwanted)), 0xff);
        Decode(unwanted, discarded_valid_.data(), 0, discarded_.data());
        skipped_ -= unwanted;
      }
      if (left_ > 0) return Status::OK();
      ARROW_RETURN_NOT_OK(NextPage());
    }
  }

  /// The next `count` rows of the page. Returns how many are null; `valid_bits`, which is needed
  /// if there are any, has ones from bit `offset` on.
  int64_t Decode(int64_t count, uint8_t* valid_bits, int64_t offset, Value* out) {
    int64_t nulls = 0;
    if (page_has_nulls_) {
      const int16_t* levels = levels_.data() + levels_.size() - static_cast<size_t>(left_);
      for (int64_t i = 0; i < count; ++i) {
        if (levels[i] == leaf_.max_definition_level()) continue;
        arrow::bit_util::ClearBit(valid_bits, offset + i);
        ++nulls;
      }
    }
    const int decoded = nulls == 0
                            ? decoder_->Decode(out, static_cast<int>(count))
                            : decoder_->DecodeSpaced(out, static_cast<int>(count),
                                                     static_cast<int>(nulls), valid_bits, offset);
    if (decoded != count) throw parquet::ParquetException("a page ends before its last value");
    left_ -= count;
    return nulls;
  }

  Status NextPage() {
    const std::shared_ptr<parquet::Page> page = pages_->NextPage();
    if (page == nullptr) {
      return Status::IOError("column '", leaf_.path()->ToDotString(),
                             "' ends before the last row of its row group: the file is corrupt");
    }
    if (page->type() == parquet::PageType::DICTIONARY_PAGE) {
      SetDictionary(static_cast<const parquet::DictionaryPage&>(*page));
    } else if (page->type() == parquet::PageType::DATA_PAGE) {
      SetPage(static_cast<const parquet::DataPageV1&>(*page));
    } else if (page->type() == parquet::PageType::DATA_PAGE_V2) {
      SetPage(static_cast<const parquet::DataPageV2&>(*page));
    }
    return Status::OK();
  }

  void SetDictionary(const parquet::DictionaryPage& page) {
    auto values = parquet::MakeTypedDecoder<ParquetType>(parquet::Encoding::PLAIN, &leaf_, pool_);
    values->SetData(page.num_values(), page.data(), page.size());
    auto decoder = parquet::MakeDictDecoder<ParquetType>(&leaf_, pool_);
    decoder->SetDict(values.get());
    dictionary_decoder_ = std::move(decoder);
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
    decoder_->SetData(page.num_values(), page.data() + level_bytes, page.size() - level_bytes);
    left_ = page.num_values();
  }

  Decoder* DecoderOf(parquet::Encoding::type encoding) {
    if (encoding == parquet::Encoding::RLE_DICTIONARY ||
        encoding == parquet::Encoding::PLAIN_DICTIONARY) {
      if (dictionary_decoder_ == nullptr) {
        throw parquet::ParquetException("a page refers to a dictionary that is not there");
      }
      return dictionary_decoder_.get();
    }
    if (plain_decoder_ == nullptr || plain_decoder_->encoding() != encoding) {
      plain_decoder_ = parquet::MakeTypedDecoder<ParquetType>(encoding, &leaf_, pool_);
    }
    return plain_decoder_.get();
  }

  const std::shared_ptr<arrow::DataType> type_;
  const parquet::ColumnDescriptor& leaf_;
  const int64_t rows_;
  std::shared_ptr<ChunkStream> stream_;
  std::unique_ptr<parquet::PageReader> pages_;
  arrow::MemoryPool* pool_;

  int64_t skipped_ = 0;  ///< Rows to leave out before the next one that is read.
  int64_t left_ = 0;     ///< Rows of the page in hand.
  bool page_has_nulls_ = false;
  parquet::LevelDecoder level_decoder_;
  std::unique_ptr<Decoder> dictionary_decoder_;
  std::unique_ptr<Decoder> plain_decoder_;  ///< Of any encoding without a dictionary.
  Decoder* decoder_ = nullptr;              ///< Of the page in hand.

  ReusedBuffer values_;
  ReusedBuffer valid_;
  PoolVector<int16_t> levels_;  ///< Of the page in hand, if it has nulls.
  PoolVector<Value> discarded_;
  std::vector<uint8_t> discarded_valid_;
};

/// True if Parquet's values, one after another, are Arrow's. Parquet has no seconds, and keeps
/// small integers in 32 bits.
bool IsStoredAsInArrow(const parquet::ColumnDescriptor& leaf, const arrow::DataType& type) {
  const auto& logical = leaf.logical_type();
  const bool is_integer = logical == nullptr || logical->is_none() || logical->is_int();
  const auto in_unit = [&](arrow::TimeUnit::type unit) {
    using parquet::LogicalType;
    const auto stored =
        logical->is_timestamp()
            ? static_cast<const parquet::TimestampLogicalType&>(*logical).time_unit()
            : LogicalType::TimeUnit::UNKNOWN;
    return (unit == arrow::TimeUnit::MILLI && stored == LogicalType::TimeUnit::MILLIS) ||
           (unit == arrow::TimeUnit::MICRO && stored == LogicalType::TimeUnit::MICROS) ||
           (unit == arrow::TimeUnit::NANO && stored == LogicalType::TimeUnit::NANOS);
  };
  switch (leaf.physical_type()) {
    case parquet::Type::INT32:
      return ((type.id() == arrow::Type::INT32 || type.id() == arrow::Type::UINT32) &&
              is_integer) ||
             (type.id() == arrow::Type::DATE32 && logical != nullptr && logical->is_date());
    case parquet::Type::INT64:
      return ((type.id() == arrow::Type::INT64 || type.id() == arrow::Type::UINT64) &&
              is_integer) ||
             (type.id() == arrow::Type::TIMESTAMP && logical != nullptr &&
              in_unit(static_cast<const arrow::TimestampType&>(type).unit()));
    case parquet::Type::FLOAT:
      return type.id() == arrow::Type::FLOAT;
    case parquet::Type::DOUBLE:
      return type.id() == arrow::Type::DOUBLE;
    default:
      return false;
  }
}

}  // namespace

Result<std::unique_ptr<FlatColumn>> FlatColumn::Open(
    const std::shared_ptr<arrow::io::RandomAccessFile>& input, const SourceFile& file,
    const RowGroup& group, const parquet::arrow::SchemaField& field, const RunContext& context) {
  using parquet::ApplicationVersion;
  if (!field.is_leaf()) return nullptr;
  const parquet::ColumnDescriptor& leaf = *file.metadata->schema()->Column(field.column_index);
  const auto& type = field.field->type();
  if (leaf.max_repetition_level() > 0 || leaf.max_definition_level() > 1 ||
      !IsStoredAsInArrow(leaf, *type)) {
    return nullptr;
  }
  const auto chunk = file.metadata->RowGroup(group.index)->ColumnChunk(field.column_index);
  const ApplicationVersion& writer = file.metadata->writer_version();
  if (chunk->crypto_metadata() != nullptr || file.metadata->is_encryption_algorithm_set() ||
      writer.VersionLt(ApplicationVersion::PARQUET_816_FIXED_VERSION()) ||
      writer.VersionLt(ApplicationVersion::PARQUET_CPP_10353_FIXED_VERSION())) {
    return nullptr;
  }

  int64_t begin = chunk->data_page_offset();
  if (chunk->has_dictionary_page() && chunk->dictionary_page_offset() > 0) {
    begin = std::min(begin, chunk->dictionary_page_offset());
  }
  const int64_t bytes = chunk->total_compressed_size();
  ARROW_ASSIGN_OR_RAISE(const int64_t file_bytes, input->GetSize());
  if (begin < 0 || bytes < 0 || begin > file_bytes || bytes > file_bytes - begin) {
    return Status::IOError("column '", field.field->name(), "' in row group ", group.index,
                           " lies outside of the file: it is truncated or corrupt");
  }
  auto stream = std::make_shared<ChunkStream>(input, begin, bytes, context.pool);
  auto pages = parquet::PageReader::Open(stream, chunk->num_values(), chunk->compression(),
                                         parquet::ReaderProperties(context.pool), leaf);
  const auto make = [&]<typename ParquetType>(ParquetType) -> std::unique_ptr<FlatColumn> {
    return std::make_unique<FlatColumnOf<ParquetType>>(type, leaf, group.rows, std::move(stream),
                                                       std::move(pages), context.pool);
  };
  switch (leaf.physical_type()) {
    case parquet::Type::INT32:
      return make(parquet::Int32Type());
    case parquet::Type::INT64:
      return make(parquet::Int64Type());
    case parquet::Type::FLOAT:
      return make(parquet::FloatType());
    default:
      return make(parquet::DoubleType());
  }
}

}  // namespace larder
