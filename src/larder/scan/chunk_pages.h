// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/buffer.h>
#include <arrow/io/type_fwd.h>
#include <arrow/result.h>
#include <arrow/util/compression.h>
#include <parquet/arrow/schema.h>
#include <parquet/column_page.h>
#include <parquet/column_reader.h>
#include <parquet/schema.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "larder/base/run_context.h"
#include "larder/scan/chunk_stream.h"
#include "larder/scan/page_bytes.h"
#include "larder/source/dataset.h"

namespace larder {

/// A buffer that is filled anew once nobody else holds what it was filled with before. There are
/// two in turn, for the last batch is often held until the next one is there.
class ReusedBuffer {
 public:
  explicit ReusedBuffer(arrow::MemoryPool* pool) : pool_(pool) {}

  arrow::Result<std::shared_ptr<arrow::ResizableBuffer>> OfSize(int64_t bytes) {
    std::swap(buffer_, other_);
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
  std::shared_ptr<arrow::ResizableBuffer> other_;
};

/// A data page: the rows first_row ... end_row - 1 of its row group.
struct DataPage {
  int64_t first_row = 0;
  int64_t end_row = 0;
  std::shared_ptr<parquet::DataPage> header;  ///< Not what is in the page.
  /// Levels and values; good until the next page is read, unless they are their own.
  PageBytes content;
};

/// The pages of one column chunk without nesting, in any order.
///
/// Where pages lie is learned from their headers, on the way to the first page that is asked for
/// and lies behind all others so far. Parquet's exceptions pass through.
class ChunkPages {
 public:
  /// Null if only Arrow's reader can read the pages: nested, encrypted, or written by a program
  /// whose faults that reader knows. IOError, without the file's path, if the chunk lies outside
  /// of the file.
  static arrow::Result<std::unique_ptr<ChunkPages>> Open(
      std::shared_ptr<arrow::io::RandomAccessFile> input, const SourceFile& file,
      const RowGroup& group, const parquet::arrow::SchemaField& field, const RunContext& context);

  ChunkPages(const ChunkPages&) = delete;
  ChunkPages& operator=(const ChunkPages&) = delete;

  const parquet::ColumnDescriptor& leaf() const { return leaf_; }

  /// The page that has a row of the row group. IOError if the chunk ends before it. `sparse`: few
  /// of its bytes will be asked for, so that only those are read from the file if that can be.
  arrow::Result<DataPage> Read(int64_t row, bool sparse);
  /// The first row of the page that has `row`; no page is read for that.
  arrow::Result<int64_t> FirstRowOfPage(int64_t row);
  /// Null if there is none. Good until the next call.
  arrow::Result<std::shared_ptr<parquet::DictionaryPage>> ReadDictionary();
  /// What is in the dictionary page, `width` bytes for each value; nothing if there is none or it
  /// is something else.
  arrow::Result<PageBytes> OpenDictionary(int64_t width);
  /// Passes over all pages, without reading what is in them. Nothing else may be asked.
  void ReadHeaders(const std::function<void(const parquet::DataPageStats&)>& visit);

 private:
  /// Where a data page lies.
  struct Place {
    int64_t begin;  ///< Of its header, from data_begin_.
    int64_t first_row;
    int64_t end_row;
  };

  ChunkPages(const parquet::ColumnDescriptor& leaf, parquet::Compression::type compression,
             std::shared_ptr<arrow::io::RandomAccessFile> input, int64_t row_group_rows,
             const RunContext& context);

  /// `begin` and `end`: in the file.
  void OpenDataPages(int64_t begin, int64_t end);
  std::unique_ptr<parquet::PageReader> OpenDictionaryReader(parquet::Compression::type compression);
  /// True if the page in hand is to be passed over.
  bool Pass(const parquet::DataPageStats& page);
  /// Passes over pages until the one that has `row`, and reads it; null if the chunk ends before.
  std::shared_ptr<parquet::Page> Walk(int64_t row);
  const Place* FindPlace(int64_t row) const;
  arrow::Status EndsBefore(int64_t row) const;
  arrow::Result<DataPage> Begin(const Place& place, const std::shared_ptr<parquet::Page>& stored);

  const parquet::ColumnDescriptor& leaf_;
  const parquet::Compression::type compression_;
  const std::shared_ptr<arrow::io::RandomAccessFile> input_;
  const int64_t row_group_rows_;
  arrow::MemoryPool* pool_;
  std::unique_ptr<arrow::util::Codec> codec_;  ///< Null if the chunk is not compressed.
  ReusedBuffer bytes_;
  int64_t data_begin_ = 0;  ///< Of the data pages in the file.
  int64_t data_end_ = 0;
  std::shared_ptr<ChunkStream> stream_;          ///< Of the data pages.
  std::unique_ptr<parquet::PageReader> reader_;  ///< Gives them as they are stored.
  int64_t dictionary_begin_ = 0;                 ///< In the file.
  int64_t dictionary_end_ = 0;                   ///< The same if there is none.
  std::shared_ptr<ChunkStream> dictionary_stream_;
  std::unique_ptr<parquet::PageReader> dictionary_reader_;

  std::vector<Place> places_;   ///< Of the first pages, as far as they are known.
  int64_t places_end_ = 0;      ///< Where those end, from data_begin_.
  bool walked_to_end_ = false;  ///< If those are all.
  bool is_walking_ = false;
  bool is_sparse_ = false;  ///< Of the page that is read.
  int64_t wanted_row_ = 0;  ///< Which Walk() goes to.
};

}  // namespace larder
