// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/io/type_fwd.h>
#include <arrow/result.h>
#include <arrow/type_fwd.h>
#include <parquet/arrow/schema.h>
#include <parquet/properties.h>
#include <parquet/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "larder/base/run_context.h"
#include "larder/source/file_listing.h"
#include "larder/source/footer_cache.h"
#include "larder/source/source_spec.h"

namespace larder {

/// One Parquet file of a source, its footer read.
struct SourceFile {
  std::string path;
  std::vector<PartitionValue> partitions;
  std::shared_ptr<const Footer> footer;

  const std::shared_ptr<parquet::FileMetaData>& metadata() const { return footer->metadata; }
};

/// A row group of a source. Its rows have the addresses first_row ... first_row + rows - 1:
/// numbers that ascend with (file path, row), which is what the last tie is settled by.
struct RowGroup {
  int file;
  int index;  ///< Within the file.
  uint64_t first_row;
  int64_t rows;
};

/// Where a column of the source is in one of its files.
struct ColumnPlace {
  const parquet::arrow::SchemaField* field = nullptr;  ///< In the file; null if it is not there.
  std::shared_ptr<arrow::Scalar> constant;             ///< By the partition folders.
  bool missing() const { return field == nullptr && constant == nullptr; }
};

/// More rows than any source has: addresses leave two bits of a word free.
inline constexpr uint64_t kMostRows = (uint64_t{1} << 62) - 1;

/// A source with all its footers read: what there is to scan and to fetch from. Immutable.
class Dataset {
 public:
  /// Lists the files and reads their footers, in parallel, unless they are known already. IOError
  /// for a file that is missing (with errno), truncated or no Parquet; Invalid if the files'
  /// schemas contradict each other.
  static arrow::Result<std::shared_ptr<const Dataset>> Open(const SourceSpec& spec,
                                                            const RunContext& context);

  /// The paths of the spec, for errors.
  const std::string& name() const { return name_; }
  const std::vector<SourceFile>& files() const { return files_; }
  /// By address.
  const std::vector<RowGroup>& row_groups() const { return row_groups_; }
  const SourceFile& file_of(const RowGroup& group) const {
    return files_[static_cast<size_t>(group.file)];
  }
  /// The index in row_groups() of the one that holds an address.
  size_t FindRowGroup(uint64_t address) const;

  /// Over all files; partition columns last.
  const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }
  /// Invalid, which lists the columns there are, if no file has it. `purpose` is for the error:
  /// "join key", "feature".
  arrow::Result<std::shared_ptr<arrow::Field>> GetField(const std::string& column,
                                                        const std::string& purpose) const;
  /// Invalid, which names the first file without the column.
  arrow::Status CheckInEveryFile(const std::string& column, const std::string& purpose) const;

  ColumnPlace Find(const SourceFile& file, const std::string& column) const;

 private:
  arrow::Status ReadFooters(const std::vector<ListedFile>& listed, const RunContext& context);
  arrow::Status UnifySchema();

  std::string name_;
  std::vector<SourceFile> files_;
  std::vector<RowGroup> row_groups_;
  std::shared_ptr<arrow::Schema> schema_;
  std::vector<std::string> partition_columns_;
};

/// The same error, with the path of the file in front.
arrow::Status NamingFile(const std::string& path, const arrow::Status& status);

/// An error of reading a file, with its path; a code that says nothing of files becomes IOError.
arrow::Status InSourceFile(const std::string& path, const arrow::Status& status);

/// Opens a file for reading; `InSourceFile` has been applied to errors.
arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenSourceFile(const std::string& path,
                                                                           arrow::MemoryPool* pool);

/// How Parquet types become Arrow types; the same for all that reads a source.
parquet::ArrowReaderProperties SourceReaderProperties();

/// Parquet leaf columns of a field, in order.
std::vector<int> LeavesOf(const parquet::arrow::SchemaField& field);

}  // namespace larder
