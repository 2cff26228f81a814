// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/record_batch.h>
#include <arrow/result.h>
#include <arrow/status.h>

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "larder/sink/parquet_file.h"
#include "larder/sink/write.h"

namespace larder {

/// A finished file under its temporary name, content durable.
struct WrittenFile {
  std::string temporary;
  std::string folder;  ///< Where it belongs, relative to the root; "" for the root itself.
  int64_t rows = 0;
  int64_t bytes = 0;
};

/// What a write of these files returns.
WriteResult Summarize(const std::vector<WrittenFile>& files, std::vector<std::string> paths);

/// Rows of any number of folders into files of bounded size, in bounded memory: rows wait until
/// a row group is full, and the largest heap is written early when all together exceed
/// `buffer_bytes`. Beyond kMaxOpenFiles, the file longest not written to is finished.
class FileSet {
 public:
  /// Opens the index-th new file, counted from 1.
  using Creator = std::function<arrow::Result<File>(int index)>;

  static constexpr size_t kMaxOpenFiles = 64;

  FileSet(std::shared_ptr<arrow::Schema> schema, const WriteOptions& options, Creator create)
      : schema_(std::move(schema)), options_(options), create_(std::move(create)) {}

  arrow::Status Add(const std::string& folder, const std::shared_ptr<arrow::RecordBatch>& rows);

  /// Writes what waits and finishes all files: those made, in the order they were begun. If no
  /// row came, none; or one without rows if `at_least_one`.
  arrow::Result<std::vector<WrittenFile>> Finish(bool at_least_one);

 private:
  struct Folder {
    std::string path;
    std::vector<std::shared_ptr<arrow::RecordBatch>> waiting;
    int64_t waiting_rows = 0;
    int64_t waiting_bytes = 0;
    std::unique_ptr<ParquetFile> file;
    size_t file_number = 0;  ///< Of `file` in files_.
    int64_t last_use = 0;
  };

  arrow::Status Flush(Folder* folder, bool everything);
  arrow::Status WriteRowGroup(Folder* folder, const std::shared_ptr<arrow::Table>& table);
  arrow::Status OpenFile(Folder* folder);
  arrow::Status CloseFile(Folder* folder);
  /// Rows of the next row group.
  int64_t NextRows(const Folder& folder) const;

  std::shared_ptr<arrow::Schema> schema_;
  const WriteOptions& options_;
  Creator create_;
  std::list<Folder> folders_;  ///< In the order they came; a list, so that pointers stay.
  std::map<std::string, Folder*> by_path_;
  std::vector<WrittenFile> files_;
  size_t open_files_ = 0;
  int64_t clock_ = 0;
  int64_t waiting_bytes_ = 0;
};

}  // namespace larder
