// SPDX-License-Identifier: Apache-2.0
#include "larder/scan/column_reader.h"

#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <utility>

#include "larder/scan/chunk_stream.h"

namespace larder {

using arrow::RecordBatch;
using arrow::Result;
using arrow::Status;

ReadCounters::ReadCounters(const Dataset& dataset)
    : dataset_(dataset), touched_(dataset.row_groups().size()) {}

void ReadCounters::Count(size_t row_group, int64_t bytes) {
  touched_[row_group].store(true, std::memory_order_relaxed);
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

int64_t ReadCounters::row_groups() const {
  return std::count_if(touched_.begin(), touched_.end(), [](const auto& t) { return t.load(); });
}

int64_t ReadCounters::files() const {
  int64_t files = 0;
  int last = -1;
  for (size_t i = 0; i < touched_.size(); ++i) {
    const int file = dataset_.row_groups()[i].file;
    if (!touched_[i].load() || file == last) continue;
    last = file;
    ++files;
  }
  return files;
}

Result<ColumnBatches> ColumnBatches::Open(const Dataset& dataset, size_t row_group,
                                          const std::vector<std::string>& columns,
                                          bool keep_dictionaries, const RunContext& context,
                                          ReadCounters* counters) {
  ColumnBatches batches;
  batches.context_ = context;
  batches.group_ = dataset.row_groups()[row_group];
  const SourceFile& file = dataset.file_of(batches.group_);
  batches.path_ = file.path;
  std::set<int> leaves;
  for (const auto& name : columns) {
    Column column;
    column.place = dataset.Find(file, name);
    ARROW_ASSIGN_OR_RAISE(column.field, dataset.GetField(name, "column"));
    if (column.place.field != nullptr) {
      for (const int leaf : LeavesOf(*column.place.field)) leaves.insert(leaf);
    }
    batches.columns_.push_back(std::move(column));
  }
  if (leaves.empty()) return batches;
  const Status status = CatchExceptions([&] { return batches.OpenFile(file, keep_dictionaries); });
  if (!status.ok()) return InSourceFile(file.path, status);
  const auto metadata = file.metadata()->RowGroup(batches.group_.index);
  int64_t bytes = 0;
  for (const int leaf : leaves) bytes += metadata->ColumnChunk(leaf)->total_compressed_size();
  if (counters != nullptr) counters->Count(row_group, bytes);
  return batches;
}

Status ColumnBatches::OpenFile(const SourceFile& file, bool keep_dictionaries) {
  ARROW_ASSIGN_OR_RAISE(auto input, OpenSourceFile(file.path, context_.pool));
  // Fields for Arrow's reader, in the file's order, which is the order that it gives them in.
  std::map<const parquet::arrow::SchemaField*, int> in_batches;
  for (auto& column : columns_) {
    if (column.place.field == nullptr) continue;
    ARROW_ASSIGN_OR_RAISE(column.flat, FlatColumn::Open(input, file, group_, *column.place.field,
                                                        keep_dictionaries, context_));
    if (column.flat == nullptr) in_batches[column.place.field] = 0;
  }
  if (in_batches.empty()) return Status::OK();
  std::vector<int> leaves;
  int index = 0;
  for (auto& [field, place] : in_batches) {
    place = index++;
    for (const int leaf : LeavesOf(*field)) leaves.push_back(leaf);
  }
  for (auto& column : columns_) {
    if (const auto found = in_batches.find(column.place.field); found != in_batches.end()) {
      column.in_batches = found->second;
    }
  }
  return OpenReader(file, leaves, std::move(input));
}

Status ColumnBatches::OpenReader(const SourceFile& file, const std::vector<int>& leaves,
                                 std::shared_ptr<arrow::io::RandomAccessFile> input) {
  auto properties = SourceReaderProperties();
  properties.set_batch_size(std::min(context_.batch_rows, group_.rows));
  // Page by page: fetching column chunks whole costs fresh memory for each, which the system
  // has to clear first.
  parquet::ReaderProperties reading(context_.pool);
  reading.enable_buffered_stream();
  reading.set_buffer_size(kReadAheadBytes);
  auto reader = parquet::ParquetFileReader::Open(std::move(input), reading, file.metadata());
  ARROW_ASSIGN_OR_RAISE(
      file_, parquet::arrow::FileReader::Make(context_.pool, std::move(reader), properties));
  ARROW_ASSIGN_OR_RAISE(batches_, file_->GetRecordBatchReader({group_.index}, leaves));
  return Status::OK();
}

void ColumnBatches::Seek(int64_t row) {
  if (row == next_row_) return;
  next_row_ = row;
  for (auto& column : columns_) {
    column.ahead = nullptr;
    if (column.flat != nullptr) column.flat->Seek(row);
  }
}

Result<int64_t> ColumnBatches::FirstRowOfPages(int64_t end) {
  int64_t first = 0;
  const Status status = CatchExceptions([&]() -> Status {
    for (auto& column : columns_) {
      if (column.flat == nullptr) continue;
      ARROW_ASSIGN_OR_RAISE(const int64_t row, column.flat->FirstRowOfPage(end - 1));
      first = std::max(first, row);
    }
    return Status::OK();
  });
  if (!status.ok()) return InSourceFile(path_, status);
  return first;
}

Result<std::shared_ptr<RecordBatch>> ColumnBatches::ReadBatch() {
  std::shared_ptr<RecordBatch> batch;
  ARROW_RETURN_NOT_OK(batches_->ReadNext(&batch));
  if (batch == nullptr || batch->num_rows() > group_.rows - next_row_) {
    return Status::IOError("row group ", group_.index, " does not have the ", group_.rows,
                           " rows that the footer says: the file is corrupt");
  }
  return batch;
}

Result<std::shared_ptr<arrow::Array>> ColumnBatches::ReadColumn(const Column& column,
                                                                int64_t rows) {
  if (column.flat != nullptr) return column.flat->Read(rows);
  if (column.place.constant != nullptr) {
    return arrow::MakeArrayFromScalar(*column.place.constant, rows, context_.pool);
  }
  return arrow::MakeArrayOfNull(column.field->type(), rows, context_.pool);
}

Result<std::shared_ptr<RecordBatch>> ColumnBatches::Next(int64_t rows) {
  if (next_row_ == group_.rows) return nullptr;
  ARROW_RETURN_NOT_OK(context_.stop.Poll());
  rows = std::min(rows, group_.rows - next_row_);
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  const Status status = CatchExceptions([&]() -> Status {
    std::shared_ptr<RecordBatch> batch;
    const bool is_ahead = std::any_of(columns_.begin(), columns_.end(), [](const Column& column) {
      return column.in_batches >= 0 && column.ahead != nullptr;
    });
    if (batches_ != nullptr && !is_ahead) {
      ARROW_ASSIGN_OR_RAISE(batch, ReadBatch());
      rows = batch->num_rows();
    }
    for (auto& column : columns_) {
      std::shared_ptr<arrow::Array> array;
      if (column.ahead != nullptr) {
        array = std::exchange(column.ahead, nullptr);
      } else if (column.in_batches >= 0) {
        array = batch->column(column.in_batches);
      } else {
        ARROW_ASSIGN_OR_RAISE(array, ReadColumn(column, rows));
      }
      rows = std::min(rows, array->length());
      fields.push_back(column.field->WithType(array->type()));
      arrays.push_back(std::move(array));
    }
    // As many as there are of every column; the rest is the begin of the next batch.
    for (size_t i = 0; i < arrays.size(); ++i) {
      if (arrays[i]->length() == rows) continue;
      columns_[i].ahead = arrays[i]->Slice(rows);
      arrays[i] = arrays[i]->Slice(0, rows);
    }
    return Status::OK();
  });
  if (!status.ok()) return InSourceFile(path_, status);
  next_row_ += rows;
  return RecordBatch::Make(arrow::schema(std::move(fields)), rows, std::move(arrays));
}

namespace {

/// Some rows of one row group, for one task.
struct ScanPiece {
  SelectedRows rows;
  bool is_first;  ///< Of its row group.
};

int64_t CountRows(const SelectedRows& rows) {
  int64_t count = 0;
  for (const auto& [begin, end] : rows.intervals) count += end - begin;
  return count;
}

/// Pieces in the order in which they are read, the last of them so small that all threads end at
/// about the same time.
std::vector<ScanPiece> CutRows(std::span<const SelectedRows> selected, ScanOrder order,
                               const RunContext& context) {
  // Each piece has to find its first page, and may have to read the dictionaries anew.
  constexpr int64_t kPiecesPerThread = 2;
  constexpr int64_t kBatchesAtLeast = 4;
  std::vector<const SelectedRows*> in_order;
  for (const auto& rows : selected) in_order.push_back(&rows);
  if (order == ScanOrder::kBackward) std::reverse(in_order.begin(), in_order.end());
  int64_t rows_left = 0;
  for (const auto& rows : selected) rows_left += CountRows(rows);

  std::vector<ScanPiece> pieces;
  for (const SelectedRows* rows : in_order) {
    const int64_t count = CountRows(*rows);
    const int64_t most_rows = std::max(kBatchesAtLeast * context.batch_rows,
                                       rows_left / (kPiecesPerThread * context.threads) + 1);
    const int64_t piece_rows = count / (context.threads > 1 ? count / most_rows + 1 : 1) + 1;
    rows_left -= count;
    const auto first_piece = static_cast<std::ptrdiff_t>(pieces.size());
    int64_t room = 0;  // In the last piece.
    for (auto [begin, end] : rows->intervals) {
      while (begin < end) {
        if (room == 0) {
          const bool is_first = static_cast<std::ptrdiff_t>(pieces.size()) == first_piece;
          pieces.push_back({{rows->row_group, {}}, is_first});
          room = piece_rows;
        }
        const int64_t taken = std::min(room, end - begin);
        pieces.back().rows.intervals.push_back({begin, begin + taken});
        begin += taken;
        room -= taken;
      }
    }
    if (order == ScanOrder::kBackward) std::reverse(pieces.begin() + first_piece, pieces.end());
  }
  return pieces;
}

using VisitBatch = std::function<Status(const RecordBatch& batch, int64_t first_row)>;

Status ReadForward(const RowInterval& rows, int64_t batch_rows, ColumnBatches* batches,
                   const VisitBatch& visit) {
  if (batches->can_seek()) batches->Seek(rows.begin);
  for (int64_t row = rows.begin; row < rows.end;) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, batches->Next(std::min(rows.end - row, batch_rows)));
    if (batch == nullptr) break;
    ARROW_RETURN_NOT_OK(visit(*batch, row));
    row += batch->num_rows();
  }
  return Status::OK();
}

/// Page by page, so that none is decompressed twice.
Status ReadBackward(const RowInterval& rows, int64_t batch_rows, ColumnBatches* batches,
                    const VisitBatch& visit) {
  for (int64_t end = rows.end; end > rows.begin;) {
    ARROW_ASSIGN_OR_RAISE(const int64_t first, batches->FirstRowOfPages(end));
    const int64_t begin = std::max({rows.begin, first, end - batch_rows});
    ARROW_RETURN_NOT_OK(ReadForward({begin, end}, batch_rows, batches, visit));
    end = begin;
  }
  return Status::OK();
}

}  // namespace

Status ScanRowGroups(const Dataset& dataset, std::span<const SelectedRows> rows, ScanOrder order,
                     const std::vector<std::string>& columns, bool keep_dictionaries,
                     const RunContext& context, ReadCounters* counters,
                     std::atomic<int64_t>* rows_scanned,
                     const std::function<BatchVisitor(size_t row_group)>& begin) {
  const auto pieces = CutRows(rows, order, context);
  std::vector<std::atomic<bool>> counted(dataset.row_groups().size());
  return RunTasks(context, static_cast<int64_t>(pieces.size()), [&](int64_t task) {
    const auto& [piece, is_first] = pieces[static_cast<size_t>(task)];
    const RowGroup& group = dataset.row_groups()[piece.row_group];
    const BatchVisitor visit_batch = begin(piece.row_group);
    if (visit_batch == nullptr) return Status::OK();
    ReadCounters* const uncounted = counted[piece.row_group].exchange(true) ? nullptr : counters;
    ARROW_ASSIGN_OR_RAISE(auto batches, ColumnBatches::Open(dataset, piece.row_group, columns,
                                                            keep_dictionaries, context, uncounted));
    const auto visit = [&](const RecordBatch& batch, int64_t first_row) {
      rows_scanned->fetch_add(batch.num_rows(), std::memory_order_relaxed);
      return NamingFile(dataset.file_of(group).path,
                        visit_batch(batch, group.first_row + static_cast<uint64_t>(first_row)));
    };
    const int64_t batch_rows = context.batch_rows;
    if (!batches.can_seek()) {
      return is_first ? ReadForward({0, group.rows}, batch_rows, &batches, visit) : Status::OK();
    }
    if (order == ScanOrder::kForward) {
      for (const auto& interval : piece.intervals) {
        ARROW_RETURN_NOT_OK(ReadForward(interval, batch_rows, &batches, visit));
      }
      return Status::OK();
    }
    for (auto interval = piece.intervals.rbegin(); interval != piece.intervals.rend(); ++interval) {
      ARROW_RETURN_NOT_OK(ReadBackward(*interval, batch_rows, &batches, visit));
    }
    return Status::OK();
  });
}

}  // namespace larder
