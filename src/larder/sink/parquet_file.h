// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>
#include <arrow/type_fwd.h>
#include <parquet/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>

#include "larder/io/file_ops.h"
#include "larder/sink/write.h"

namespace parquet::arrow {
class FileReader;
class FileWriter;
}  // namespace parquet::arrow

namespace larder {

class FileStream;

/// A Parquet file being written into an open file. Not thread-safe.
class ParquetFile {
 public:
  /// Of the options, `compression` and `pool` count.
  static arrow::Result<std::unique_ptr<ParquetFile>> Make(
      File file, const std::shared_ptr<arrow::Schema>& schema, const WriteOptions& options);
  ~ParquetFile();

  /// Writes the table, which has the file's schema, as one row group.
  arrow::Status WriteRowGroup(const arrow::Table& table);

  /// Writes the footer and makes the content durable. The file stays open, and locked if it was.
  arrow::Status Finish();

  int64_t rows() const { return rows_; }
  /// Bytes written so far.
  arrow::Result<int64_t> Size() const;

  File* file();

 private:
  ParquetFile();

  // In this order: the writer refers to the streams until it is gone.
  std::shared_ptr<FileStream> stream_;
  std::shared_ptr<arrow::io::OutputStream> buffered_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  int64_t rows_ = 0;
};

/// Reads an existing file through `ops`, with the Arrow types it was written from.
arrow::Result<std::unique_ptr<parquet::arrow::FileReader>> OpenParquet(FileOps* ops,
                                                                       const std::string& path,
                                                                       arrow::MemoryPool* pool);

/// The name of the codec of the file's first column, for WriteOptions; "" if it has no rows.
arrow::Result<std::string> CompressionOf(const parquet::FileMetaData& metadata);

/// `status` with the file's path in front of its message.
arrow::Status InFile(const std::string& path, const arrow::Status& status);

}  // namespace larder
