// SPDX-License-Identifier: Apache-2.0
#include "larder/scan/chunk_pages.h"

#include <arrow/io/interfaces.h>
#include <arrow/type.h>
#include <parquet/exception.h>
#include <parquet/metadata.h>
#include <parquet/types.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

/// It would not go back once it had met as many values as it was told of.
constexpr int64_t kEndless = std::numeric_limits<int64_t>::max();

}  // namespace

ChunkPages::ChunkPages(const parquet::ColumnDescriptor& leaf,
                       parquet::Compression::type compression,
                       std::shared_ptr<arrow::io::RandomAccessFile> input, int64_t row_group_rows,
                       const RunContext& context)
    : leaf_(leaf),
      compression_(compression),
      input_(std::move(input)),
      row_group_rows_(row_group_rows),
      pool_(context.pool),
      codec_(parquet::GetCodec(compression)),
      bytes_(context.pool) {}

Result<std::unique_ptr<ChunkPages>> ChunkPages::Open(
    std::shared_ptr<arrow::io::RandomAccessFile> input, const SourceFile& file,
    const RowGroup& group, const parquet::arrow::SchemaField& field, const RunContext& context) {
  using parquet::ApplicationVersion;
  if (!field.is_leaf()) return nullptr;
  const parquet::ColumnDescriptor& leaf = *file.metadata()->schema()->Column(field.column_index);
  if (leaf.max_repetition_level() > 0 || leaf.max_definition_level() > 1) return nullptr;
  const auto chunk = file.metadata()->RowGroup(group.index)->ColumnChunk(field.column_index);
  const ApplicationVersion& writer = file.metadata()->writer_version();
  if (chunk->crypto_metadata() != nullptr || file.metadata()->is_encryption_algorithm_set() ||
      writer.VersionLt(ApplicationVersion::PARQUET_816_FIXED_VERSION()) ||
      writer.VersionLt(ApplicationVersion::PARQUET_CPP_10353_FIXED_VERSION())) {
    return nullptr;
  }

  const int64_t data = chunk->data_page_offset();
  int64_t begin = data;
  if (chunk->has_dictionary_page() && chunk->dictionary_page_offset() > 0) {
    begin = std::min(begin, chunk->dictionary_page_offset());
  }
  const int64_t bytes = chunk->total_compressed_size();
  ARROW_ASSIGN_OR_RAISE(const int64_t file_bytes, input->GetSize());
  if (begin < 0 || bytes < 0 || begin > file_bytes || bytes > file_bytes - begin ||
      data - begin > bytes) {
    return Status::IOError("column '", field.field->name(), "' in row group ", group.index,
                           " lies outside of the file: it is truncated or corrupt");
  }
  std::unique_ptr<ChunkPages> pages(
      new ChunkPages(leaf, chunk->compression(), std::move(input), group.rows, context));
  pages->dictionary_begin_ = begin;
  pages->dictionary_end_ = data;
  pages->OpenDataPages(data, begin + bytes);
  return pages;
}

void ChunkPages::OpenDataPages(int64_t begin, int64_t end) {
  data_begin_ = begin;
  data_end_ = end;
  stream_ = std::make_shared<ChunkStream>(input_, begin, end - begin, pool_);
  reader_ = parquet::PageReader::Open(stream_, kEndless, parquet::Compression::UNCOMPRESSED,
                                      parquet::ReaderProperties(pool_), leaf_);
  reader_->set_data_page_filter([this](const parquet::DataPageStats& page) { return Pass(page); });
}

bool ChunkPages::Pass(const parquet::DataPageStats& page) {
  if (is_sparse_) stream_->DeferNextRead();
  if (!is_walking_) return false;
  const int64_t first_row = places_.empty() ? 0 : places_.back().end_row;
  places_.push_back({stream_->peeked_at(), first_row, first_row + page.num_values});
  if (places_.back().end_row > wanted_row_) return false;
  stream_->SkipNextRead();
  return true;
}

std::shared_ptr<parquet::Page> ChunkPages::Walk(int64_t row) {
  if (const auto at = stream_->Tell(); is_sparse_ || !at.ok() || *at != places_end_) {
    stream_->Seek(places_end_, is_sparse_ ? 0 : kReadAheadBytes);
  }
  wanted_row_ = row;
  is_walking_ = true;
  std::shared_ptr<parquet::Page> page;
  while ((page = reader_->NextPage()) != nullptr &&
         page->type() == parquet::PageType::DICTIONARY_PAGE) {
    // Its writer did not say that it is there, before the data pages.
    dictionary_begin_ = data_begin_ + stream_->peeked_at();
    dictionary_end_ = data_end_;
  }
  is_walking_ = false;
  walked_to_end_ = page == nullptr;
  places_end_ = stream_->Tell().ValueOr(places_end_);
  return page;
}

const ChunkPages::Place* ChunkPages::FindPlace(int64_t row) const {
  const auto found =
      std::upper_bound(places_.begin(), places_.end(), row,
                       [](int64_t r, const Place& place) { return r < place.end_row; });
  return found == places_.end() ? nullptr : &*found;
}

Status ChunkPages::EndsBefore(int64_t row) const {
  return Status::IOError("column '", leaf_.path()->ToDotString(), "' ends before row ", row,
                         " of its row group: the file is corrupt");
}

Result<DataPage> ChunkPages::Read(int64_t row, bool sparse) {
  is_sparse_ = sparse;
  const Place* place = FindPlace(row);
  std::shared_ptr<parquet::Page> page;
  if (place == nullptr) {
    if (!walked_to_end_) page = Walk(row);
    if (page == nullptr) return EndsBefore(row);
    place = &places_.back();
  } else {
    const int64_t end = place == &places_.back() ? places_end_ : (place + 1)->begin;
    stream_->Seek(place->begin, sparse ? 0 : end - place->begin);
    page = reader_->NextPage();
    if (page == nullptr) return EndsBefore(row);
  }
  return Begin(*place, page);
}

Result<int64_t> ChunkPages::FirstRowOfPage(int64_t row) {
  is_sparse_ = false;
  if (FindPlace(row) == nullptr && !walked_to_end_) Walk(std::numeric_limits<int64_t>::max());
  const Place* place = FindPlace(row);
  if (place == nullptr) return EndsBefore(row);
  return place->first_row;
}

std::unique_ptr<parquet::PageReader> ChunkPages::OpenDictionaryReader(
    parquet::Compression::type compression) {
  dictionary_stream_ = std::make_shared<ChunkStream>(input_, dictionary_begin_,
                                                     dictionary_end_ - dictionary_begin_, pool_);
  return parquet::PageReader::Open(dictionary_stream_, kEndless, compression,
                                   parquet::ReaderProperties(pool_), leaf_);
}

Result<std::shared_ptr<parquet::DictionaryPage>> ChunkPages::ReadDictionary() {
  if (dictionary_begin_ == dictionary_end_) return nullptr;
  dictionary_reader_ = OpenDictionaryReader(compression_);
  return std::dynamic_pointer_cast<parquet::DictionaryPage>(dictionary_reader_->NextPage());
}

Result<PageBytes> ChunkPages::OpenDictionary(int64_t width) {
  if (dictionary_begin_ == dictionary_end_) return PageBytes{};
  const auto reader = OpenDictionaryReader(parquet::Compression::UNCOMPRESSED);
  dictionary_stream_->Seek(0, 0);
  dictionary_stream_->DeferNextRead();
  const auto page = std::dynamic_pointer_cast<parquet::DictionaryPage>(reader->NextPage());
  if (page == nullptr || page->num_values() <= 0 || page->num_values() > row_group_rows_) {
    return PageBytes{};
  }
  const int64_t size = page->num_values() * width;
  if (codec_ == nullptr && page->size() != size) return PageBytes{};
  std::shared_ptr<arrow::ResizableBuffer> out;
  if (codec_ != nullptr) {
    ARROW_ASSIGN_OR_RAISE(out, arrow::AllocateResizableBuffer(size, pool_));
  }
  return PageBytes(page->buffer(), dictionary_stream_.get(), /*is_deferred=*/true, codec_.get(),
                   /*levels=*/0, size, std::move(out));
}

Result<DataPage> ChunkPages::Begin(const Place& place,
                                   const std::shared_ptr<parquet::Page>& stored) {
  DataPage page{place.first_row, place.end_row,
                std::dynamic_pointer_cast<parquet::DataPage>(stored), PageBytes{}};
  if (page.header == nullptr || page.header->num_values() != page.end_row - page.first_row) {
    throw parquet::ParquetException("the file was changed while it was read");
  }
  if (page.header->num_values() > row_group_rows_) {
    throw parquet::ParquetException("a page has more rows than its row group");
  }
  arrow::util::Codec* codec = codec_.get();
  int64_t levels = 0;
  if (page.header->type() == parquet::PageType::DATA_PAGE_V2) {
    const auto& v2 = static_cast<const parquet::DataPageV2&>(*page.header);
    if (!v2.is_compressed()) codec = nullptr;
    levels = int64_t{v2.definition_levels_byte_length()} + v2.repetition_levels_byte_length();
  }
  const int64_t size = codec == nullptr ? page.header->size() : page.header->uncompressed_size();
  if (levels > std::min<int64_t>(size, page.header->size())) {
    throw parquet::ParquetException("a page is shorter than its levels");
  }
  std::shared_ptr<arrow::ResizableBuffer> out;
  if (codec != nullptr) {
    ARROW_ASSIGN_OR_RAISE(out, bytes_.OfSize(size));
  }
  page.content = PageBytes(page.header->buffer(), stream_.get(), is_sparse_, codec, levels, size,
                           std::move(out));
  return page;
}

void ChunkPages::ReadHeaders(const std::function<void(const parquet::DataPageStats&)>& visit) {
  reader_->set_data_page_filter([&](const parquet::DataPageStats& page) {
    visit(page);
    stream_->SkipNextRead();
    return true;
  });
  while (reader_->NextPage() != nullptr) {
  }
}

}  // namespace larder
