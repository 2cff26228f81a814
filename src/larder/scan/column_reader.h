// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/io/type_fwd.h>
#include <arrow/result.h>
#include <arrow/type_fwd.h>
#include <parquet/arrow/reader.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "larder/base/run_context.h"
#include "larder/scan/flat_column.h"
#include "larder/scan/pruning.h"
#include "larder/source/dataset.h"

namespace larder {

/// What the reads of one source cost. Thread-safe.
class ReadCounters {
 public:
  explicit ReadCounters(const Dataset& dataset);
  void Count(size_t row_group, int64_t bytes);

  int64_t bytes() const { return bytes_.load(); }
  int64_t row_groups() const;
  int64_t files() const;

 private:
  const Dataset& dataset_;
  std::vector<std::atomic<bool>> touched_;  ///< One for each row group.
  std::atomic<int64_t> bytes_{0};
};

/// Some columns of one row group, as batches of rows.
class ColumnBatches {
 public:
  /// `row_group` is an index in dataset.row_groups(). Columns come in the order of `columns`, in
  /// the types of the file: nulls where the file lacks one, constants for partition columns.
  /// With `keep_dictionaries`, strings of pages with a dictionary come as dictionary arrays.
  /// `counters` may be null.
  static arrow::Result<ColumnBatches> Open(const Dataset& dataset, size_t row_group,
                                           const std::vector<std::string>& columns,
                                           bool keep_dictionaries, const RunContext& context,
                                           ReadCounters* counters);

  /// The next batch, of at least one row and up to `rows`, or up to context.batch_rows if not
  /// can_seek(); null after the last. Errors name the file.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Next(int64_t rows);

  /// True if rows may be left out, and read in any order.
  bool can_seek() const { return batches_ == nullptr; }
  /// Makes `row` of the row group the next one, if can_seek(). Pages between are not decompressed.
  void Seek(int64_t row);
  /// Where to begin to read the rows before `end` backwards, if can_seek(): no later rows share a
  /// page with those before that.
  arrow::Result<int64_t> FirstRowOfPages(int64_t end);

 private:
  struct Column {
    std::shared_ptr<arrow::Field> field;
    ColumnPlace place;
    std::unique_ptr<FlatColumn> flat;
    std::shared_ptr<arrow::Array> ahead;  ///< Rows that were read, and other columns had not yet.
    int in_batches = -1;                  ///< Index in the batches of Arrow's reader.
  };

  arrow::Status OpenFile(const SourceFile& file, bool keep_dictionaries);
  arrow::Status OpenReader(const SourceFile& file, const std::vector<int>& leaves,
                           std::shared_ptr<arrow::io::RandomAccessFile> input);
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> ReadBatch();
  arrow::Result<std::shared_ptr<arrow::Array>> ReadColumn(const Column& column, int64_t rows);

  RunContext context_;
  std::string path_;
  RowGroup group_{};
  std::vector<Column> columns_;
  int64_t next_row_ = 0;
  std::unique_ptr<parquet::arrow::FileReader> file_;
  std::shared_ptr<arrow::RecordBatchReader> batches_;  ///< Null if no column needs Arrow's reader.
};

enum class ScanOrder : uint8_t {
  kForward,
  kBackward,  ///< The last batches of the last row groups first, where columns can seek.
};

/// Reads columns of rows on all threads. Counts the rows in `rows_scanned`.
///
/// Row groups are cut into pieces, so that one alone keeps all threads at work. Where Arrow's
/// reader has to serve a column, they are read as a whole.
/// `begin(row_group)` is called before each piece is read, on the thread that does it, and returns
/// what takes its batches, in order, with the address of their first row; or null, and the piece is
/// not read. Errors of the visitor get the file's name.
using BatchVisitor =
    std::function<arrow::Status(const arrow::RecordBatch& batch, uint64_t first_address)>;
arrow::Status ScanRowGroups(const Dataset& dataset, std::span<const SelectedRows> rows,
                            ScanOrder order, const std::vector<std::string>& columns,
                            bool keep_dictionaries, const RunContext& context,
                            ReadCounters* counters, std::atomic<int64_t>* rows_scanned,
                            const std::function<BatchVisitor(size_t row_group)>& begin);

}  // namespace larder
