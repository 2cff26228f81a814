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
#include <map>

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

namespace {

constexpr int64_t kReadAheadBytes = int64_t{1} << 18;

/// True if every data page of the chunk refers to a dictionary, so that reading it as a
/// dictionary array costs nothing.
bool IsDictionaryEncoded(const parquet::ColumnChunkMetaData& chunk) {
  if (!chunk.has_dictionary_page() || chunk.type() != parquet::Type::BYTE_ARRAY) return false;
  bool known = false;
  for (const auto& pages : chunk.encoding_stats()) {
    if (pages.page_type == parquet::PageType::DICTIONARY_PAGE) continue;
    known = true;
    if (pages.encoding != parquet::Encoding::RLE_DICTIONARY &&
        pages.encoding != parquet::Encoding::PLAIN_DICTIONARY) {
      return false;
    }
  }
  return known;
}

}  // namespace

Result<ColumnBatches> ColumnBatches::Open(const Dataset& dataset, size_t row_group,
                                          const std::vector<std::string>& columns,
                                          bool keep_dictionaries, const RunContext& context,
                                          ReadCounters* counters) {
  ColumnBatches batches;
  batches.context_ = context;
  batches.group_ = dataset.row_groups()[row_group];
  batches.rows_left_ = batches.group_.rows;
  const SourceFile& file = dataset.file_of(batches.group_);
  batches.path_ = file.path;

  // Fields in the file, in its order, which is the order that the reader gives them in.
  std::map<int, int> position_of;
  for (const auto& name : columns) {
    Column column;
    column.place = dataset.Find(file, name);
    ARROW_ASSIGN_OR_RAISE(column.field, dataset.GetField(name, "column"));
    if (column.place.field != nullptr) position_of[file.fields.at(name)] = 0;
    batches.columns_.push_back(std::move(column));
  }
  std::vector<int> leaves;
  int position = 0;
  for (auto& [field, index] : position_of) {
    index = position++;
    for (const int leaf : LeavesOf(file.manifest->schema_fields[static_cast<size_t>(field)])) {
      leaves.push_back(leaf);
    }
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    auto& column = batches.columns_[i];
    if (column.place.field != nullptr) {
      column.from_file = position_of[file.fields.at(columns[i])];
    }
  }
  if (!leaves.empty()) {
    const Status status =
        CatchExceptions([&] { return batches.OpenFile(file, leaves, keep_dictionaries); });
    if (!status.ok()) return InSourceFile(file.path, status);
    const auto metadata = file.metadata->RowGroup(batches.group_.index);
    int64_t bytes = 0;
    for (const int leaf : leaves) bytes += metadata->ColumnChunk(leaf)->total_compressed_size();
    counters->Count(row_group, bytes);
  }
  return batches;
}

Status ColumnBatches::OpenFile(const SourceFile& file, const std::vector<int>& leaves,
                               bool keep_dictionaries) {
  ARROW_ASSIGN_OR_RAISE(auto input, OpenSourceFile(file.path, context_.pool));
  auto properties = SourceReaderProperties();
  properties.set_batch_size(std::min(context_.batch_rows, group_.rows));
  if (keep_dictionaries) {
    const auto metadata = file.metadata->RowGroup(group_.index);
    for (const int leaf : leaves) {
      if (IsDictionaryEncoded(*metadata->ColumnChunk(leaf))) {
        properties.set_read_dictionary(leaf, true);
      }
    }
  }
  // Page by page: fetching column chunks whole costs fresh memory for each, which the system
  // has to clear first.
  parquet::ReaderProperties reading(context_.pool);
  reading.enable_buffered_stream();
  reading.set_buffer_size(kReadAheadBytes);
  auto reader = parquet::ParquetFileReader::Open(std::move(input), reading, file.metadata);
  ARROW_ASSIGN_OR_RAISE(
      file_, parquet::arrow::FileReader::Make(context_.pool, std::move(reader), properties));
  ARROW_ASSIGN_OR_RAISE(batches_, file_->GetRecordBatchReader({group_.index}, leaves));
  return Status::OK();
}

Result<std::shared_ptr<RecordBatch>> ColumnBatches::ReadFile() {
  std::shared_ptr<RecordBatch> batch;
  const Status status = CatchExceptions([&] { return batches_->ReadNext(&batch); });
  if (!status.ok()) return InSourceFile(path_, status);
  if (batch == nullptr || batch->num_rows() > rows_left_) {
    return Status::IOError("'", path_, "': row group ", group_.index, " does not have the ",
                           group_.rows, " rows that the footer says: the file is corrupt");
  }
  return batch;
}

Result<std::shared_ptr<RecordBatch>> ColumnBatches::Next() {
  if (rows_left_ == 0) return nullptr;
  ARROW_RETURN_NOT_OK(context_.stop.Poll());
  std::shared_ptr<RecordBatch> from_file;
  int64_t rows = std::min(context_.batch_rows, rows_left_);
  if (batches_ != nullptr) {
    ARROW_ASSIGN_OR_RAISE(from_file, ReadFile());
    rows = from_file->num_rows();
  }
  rows_left_ -= rows;
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const auto& column : columns_) {
    std::shared_ptr<arrow::Array> array;
    if (column.from_file >= 0) {
      array = from_file->column(column.from_file);
    } else if (column.place.constant != nullptr) {
      ARROW_ASSIGN_OR_RAISE(
          array, arrow::MakeArrayFromScalar(*column.place.constant, rows, context_.pool));
    } else {
      ARROW_ASSIGN_OR_RAISE(array,
                            arrow::MakeArrayOfNull(column.field->type(), rows, context_.pool));
    }
    fields.push_back(column.field->WithType(array->type()));
    arrays.push_back(std::move(array));
  }
  return RecordBatch::Make(arrow::schema(std::move(fields)), rows, std::move(arrays));
}

Status ScanRowGroups(const Dataset& dataset, const std::vector<size_t>& row_groups,
                     const std::vector<std::string>& columns, bool keep_dictionaries,
                     const RunContext& context, ReadCounters* counters,
                     std::atomic<int64_t>* rows_scanned,
                     const std::function<BatchVisitor(size_t i)>& begin) {
  return RunTasks(context, static_cast<int64_t>(row_groups.size()), [&](int64_t task) {
    const auto i = static_cast<size_t>(task);
    const RowGroup& group = dataset.row_groups()[row_groups[i]];
    ARROW_ASSIGN_OR_RAISE(auto batches, ColumnBatches::Open(dataset, row_groups[i], columns,
                                                            keep_dictionaries, context, counters));
    const BatchVisitor visit = begin(i);
    uint64_t address = group.first_row;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const auto batch, batches.Next());
      if (batch == nullptr) return Status::OK();
      ARROW_RETURN_NOT_OK(NamingFile(dataset.file_of(group).path, visit(*batch, address)));
      address += static_cast<uint64_t>(batch->num_rows());
      rows_scanned->fetch_add(batch->num_rows(), std::memory_order_relaxed);
    }
  });
}

}  // namespace larder
