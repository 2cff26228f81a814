// SPDX-License-Identifier: Apache-2.0
#include "larder/source/dataset.h"

#include <arrow/io/file.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/util/io_util.h>
#include <parquet/metadata.h>

#include <algorithm>

#include "larder/source/schema_union.h"

namespace larder {

using arrow::Result;
using arrow::Status;

Status NamingFile(const std::string& path, const Status& status) {
  if (status.ok() || status.IsOutOfMemory() || status.IsCancelled()) return status;
  return status.WithMessage("'", path, "': ", status.message());
}

Status InSourceFile(const std::string& path, const Status& status) {
  const Status named = NamingFile(path, status);
  const bool telling = named.IsIOError() || named.IsOutOfMemory() || named.IsCancelled() ||
                       named.IsTypeError() || named.IsNotImplemented();
  return named.ok() || telling ? named : Status::IOError(named.message());
}

Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenSourceFile(const std::string& path,
                                                                    arrow::MemoryPool* pool) {
  // Not memory-mapped: a mapped file that is truncated meanwhile kills the process.
  auto file = arrow::io::ReadableFile::Open(path, pool);
  if (!file.ok()) return InSourceFile(path, file.status());
  return *file;
}

parquet::ArrowReaderProperties SourceReaderProperties() {
  parquet::ArrowReaderProperties properties(/*use_threads=*/false);
  properties.set_pre_buffer(false);
  properties.set_arrow_extensions_enabled(true);  // As pyarrow reads.
  return properties;
}

std::vector<int> LeavesOf(const parquet::arrow::SchemaField& field) {
  if (field.is_leaf()) return {field.column_index};
  std::vector<int> leaves;
  for (const auto& child : field.children) {
    for (const int leaf : LeavesOf(child)) leaves.push_back(leaf);
  }
  return leaves;
}

namespace {

std::shared_ptr<arrow::Schema> SchemaOf(const SourceFile& file) {
  arrow::FieldVector fields;
  for (const auto& field : file.footer->manifest.schema_fields) fields.push_back(field.field);
  return arrow::schema(std::move(fields));
}

}  // namespace

Result<std::shared_ptr<const Dataset>> Dataset::Open(const SourceSpec& spec,
                                                     const RunContext& context) {
  auto dataset = std::make_shared<Dataset>();
  for (const auto& path : spec.paths) {
    dataset->name_ += (dataset->name_.empty() ? "'" : ", '") + path + "'";
  }
  ARROW_ASSIGN_OR_RAISE(const auto listed, ListFiles(spec));
  ARROW_RETURN_NOT_OK(dataset->ReadFooters(listed, context));
  ARROW_RETURN_NOT_OK(dataset->UnifySchema());
  return dataset;
}

Status Dataset::ReadFooters(const std::vector<ListedFile>& listed, const RunContext& context) {
  files_.resize(listed.size());
  ARROW_RETURN_NOT_OK(RunTasks(context, static_cast<int64_t>(listed.size()), [&](int64_t i) {
    const auto& from = listed[static_cast<size_t>(i)];
    auto& file = files_[static_cast<size_t>(i)];
    file.path = from.path;
    file.partitions = from.partitions;
    ARROW_ASSIGN_OR_RAISE(file.footer, FooterCache::Default()->Read(file.path));
    return Status::OK();
  }));
  uint64_t next_row = 0;
  for (size_t i = 0; i < files_.size(); ++i) {
    for (int j = 0; j < files_[i].metadata()->num_row_groups(); ++j) {
      const int64_t rows = files_[i].metadata()->RowGroup(j)->num_rows();
      if (rows < 0 || static_cast<uint64_t>(rows) > kMostRows - next_row) {
        return Status::IOError("'", files_[i].path, "': row group with ", rows,
                               " rows: the footer is corrupt");
      }
      if (rows == 0) continue;
      row_groups_.push_back({static_cast<int>(i), j, next_row, rows});
      next_row += static_cast<uint64_t>(rows);
    }
  }
  return Status::OK();
}

Status Dataset::UnifySchema() {
  std::vector<FileSchema> schemas;
  schemas.reserve(files_.size());
  for (const auto& file : files_) {
    schemas.push_back({file.path, SchemaOf(file), file.partitions});
  }
  ARROW_ASSIGN_OR_RAISE(auto unified, UnifySchemas(schemas));
  schema_ = std::move(unified.schema);
  partition_columns_ = std::move(unified.partition_columns);
  return Status::OK();
}

size_t Dataset::FindRowGroup(uint64_t address) const {
  const auto after =
      std::upper_bound(row_groups_.begin(), row_groups_.end(), address,
                       [](uint64_t a, const RowGroup& group) { return a < group.first_row; });
  return static_cast<size_t>(after - row_groups_.begin()) - 1;
}

Result<std::shared_ptr<arrow::Field>> Dataset::GetField(const std::string& column,
                                                        const std::string& purpose) const {
  const auto indices = schema_->GetAllFieldIndices(column);
  if (indices.size() == 1) return schema_->field(indices[0]);
  if (indices.size() > 1) {
    return Status::Invalid(name_, ": several columns are named '", column, "' (", purpose, ")");
  }
  std::string known;
  for (const auto& name : schema_->field_names()) known += (known.empty() ? "" : ", ") + name;
  return Status::Invalid(name_, ": no column '", column, "' (", purpose, "); there are: ", known);
}

Status Dataset::CheckInEveryFile(const std::string& column, const std::string& purpose) const {
  ARROW_RETURN_NOT_OK(GetField(column, purpose));
  for (const auto& file : files_) {
    if (Find(file, column).missing()) {
      return Status::Invalid("'", file.path, "': no column '", column, "' (", purpose,
                             "), which other files of the source have");
    }
  }
  return Status::OK();
}

ColumnPlace Dataset::Find(const SourceFile& file, const std::string& column) const {
  ColumnPlace place;
  const auto& partitions = partition_columns_;
  if (std::find(partitions.begin(), partitions.end(), column) != partitions.end()) {
    const auto type = schema_->GetFieldByName(column)->type();
    for (const auto& partition : file.partitions) {
      if (partition.column != column) continue;
      auto scalar = partition.value ? arrow::Scalar::Parse(type, *partition.value)
                                    : arrow::MakeNullScalar(type);
      // UnifySchemas chose a type that every value of the column can be read as.
      if (scalar.ok()) place.constant = *scalar;
      return place;
    }
  }
  const auto& fields = file.footer->fields;
  if (const auto found = fields.find(column); found != fields.end()) {
    place.field = &file.footer->manifest.schema_fields[static_cast<size_t>(found->second)];
  }
  return place;
}

}  // namespace larder
