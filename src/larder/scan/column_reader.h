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

/// Some columns of one row group, as batches of rows from its first to its last.
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
  /// can_skip(); null after the last. Errors name the file.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Next(int64_t rows);

  /// True if rows may be left out.
  bool can_skip() const { return batches_ == nullptr; }
  /// Leaves out the next rows, if can_skip(); whole pages of them are not decompressed.
  void Skip(int64_t rows);

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
  int64_t rows_left_ = 0;
  std::unique_ptr<parquet::arrow::FileReader> file_;
  std::shared_ptr<arrow::RecordBatchReader> batches_;  ///< Null if no column needs Arrow's reader.
};

/// Reads columns of rows on all threads. Counts the rows in `rows_scanned`.
///
/// Row groups are cut into pieces, so that one alone keeps all threads at work. Where Arrow's
/// reader has to serve a column, they are read as a whole. The last pieces of the last row groups
/// are read first.
/// `begin(row_group)` is called before each piece is read, on the thread that does it, and returns
/// what takes its batches, in order, with the address of their first row; or null, and the piece is
/// not read. Errors of the visitor get the file's name.
using BatchVisitor =
    std::function<arrow::Status(const arrow::RecordBatch& batch, uint64_t first_address)>;
arrow::Status ScanRowGroups(const Dataset& dataset, std::span<const SelectedRows> rows,
                            const std::vector<std::string>& columns, bool keep_dictionaries,
                            const RunContext& context, ReadCounters* counters,
                            std::atomic<int64_t>* rows_scanned,
                            const std::function<BatchVisitor(size_t row_group)>& begin);

}  // namespace larder
