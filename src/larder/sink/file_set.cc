// SPDX-License-Identifier: Apache-2.0
#include "larder/sink/file_set.h"

#include <arrow/table.h>
#include <arrow/util/byte_size.h>

#include <algorithm>
#include <utility>

#include "larder/io/fail_point.h"
#include "larder/sink/fail_points.h"

namespace larder {

using arrow::Result;
using arrow::Status;

WriteResult Summarize(const std::vector<WrittenFile>& files, std::vector<std::string> paths) {
  WriteResult result;
  result.paths = std::move(paths);
  for (const auto& file : files) {
    result.rows += file.rows;
    result.bytes += file.bytes;
  }
  return result;
}

Status FileSet::Add(const std::string& path, const std::shared_ptr<arrow::RecordBatch>& rows) {
  if (rows->num_rows() == 0) return Status::OK();
  auto [found, is_new] = by_path_.try_emplace(path, nullptr);
  if (is_new) {
    folders_.emplace_back().path = path;
    found->second = &folders_.back();
  }
  Folder* folder = found->second;
  ARROW_ASSIGN_OR_RAISE(const int64_t bytes, arrow::util::ReferencedBufferSize(*rows));
  folder->waiting.push_back(rows);
  folder->waiting_rows += rows->num_rows();
  folder->waiting_bytes += bytes;
  waiting_bytes_ += bytes;
  if (folder->waiting_rows >= NextRows(*folder)) ARROW_RETURN_NOT_OK(Flush(folder, false));
  while (waiting_bytes_ > options_.buffer_bytes) {
    const auto largest = std::max_element(
        folders_.begin(), folders_.end(),
        [](const Folder& a, const Folder& b) { return a.waiting_bytes < b.waiting_bytes; });
    ARROW_RETURN_NOT_OK(Flush(&*largest, true));
  }
  return fail_point::Hit(kFailBatchWritten);
}

Result<std::vector<WrittenFile>> FileSet::Finish(bool at_least_one) {
  for (auto& folder : folders_) {
    ARROW_RETURN_NOT_OK(Flush(&folder, true));
    if (folder.file != nullptr) ARROW_RETURN_NOT_OK(CloseFile(&folder));
  }
  if (files_.empty() && at_least_one) {
    Folder folder;
    ARROW_RETURN_NOT_OK(OpenFile(&folder));
    ARROW_RETURN_NOT_OK(CloseFile(&folder));
  }
  return std::move(files_);
}

int64_t FileSet::NextRows(const Folder& folder) const {
  int64_t rows = std::max<int64_t>(options_.row_group_rows, 1);
  if (options_.max_rows_per_file > 0) {
    const int64_t written = folder.file == nullptr ? 0 : folder.file->rows();
    rows = std::min(rows, options_.max_rows_per_file - written);
  }
  return rows;
}

Status FileSet::Flush(Folder* folder, bool everything) {
  if (folder->waiting_rows == 0) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto table, arrow::Table::FromRecordBatches(
                                              schema_, std::exchange(folder->waiting, {})));
  waiting_bytes_ -= std::exchange(folder->waiting_bytes, 0);
  folder->waiting_rows = 0;
  int64_t begin = 0;
  while (begin < table->num_rows()) {
    const int64_t left = table->num_rows() - begin;
    const int64_t rows = NextRows(*folder);
    if (left < rows && !everything) break;
    ARROW_RETURN_NOT_OK(WriteRowGroup(folder, table->Slice(begin, std::min(left, rows))));
    begin += std::min(left, rows);
  }
  if (begin == table->num_rows()) return Status::OK();
  // Less than a row group: waits on. Its memory is that of the batch it came in.
  arrow::TableBatchReader rest(table->Slice(begin));
  ARROW_ASSIGN_OR_RAISE(folder->waiting, rest.ToRecordBatches());
  folder->waiting_rows = table->num_rows() - begin;
  for (const auto& batch : folder->waiting) {
    ARROW_ASSIGN_OR_RAISE(const int64_t bytes, arrow::util::ReferencedBufferSize(*batch));
    folder->waiting_bytes += bytes;
  }
  waiting_bytes_ += folder->waiting_bytes;
  return Status::OK();
}

Status FileSet::WriteRowGroup(Folder* folder, const std::shared_ptr<arrow::Table>& table) {
  if (options_.poll) ARROW_RETURN_NOT_OK(options_.poll());
  if (folder->file == nullptr) ARROW_RETURN_NOT_OK(OpenFile(folder));
  folder->last_use = ++clock_;
  ARROW_RETURN_NOT_OK(folder->file->WriteRowGroup(*table));
  ARROW_ASSIGN_OR_RAISE(const int64_t size, folder->file->Size());
  const bool rows_full =
      options_.max_rows_per_file > 0 && folder->file->rows() >= options_.max_rows_per_file;
  const bool bytes_full = options_.max_bytes_per_file > 0 && size >= options_.max_bytes_per_file;
  return rows_full || bytes_full ? CloseFile(folder) : Status::OK();
}

Status FileSet::OpenFile(Folder* folder) {
  if (open_files_ >= kMaxOpenFiles) {
    Folder* oldest = nullptr;
    for (auto& other : folders_) {
      if (other.file == nullptr) continue;
      if (oldest == nullptr || other.last_use < oldest->last_use) oldest = &other;
    }
    ARROW_RETURN_NOT_OK(CloseFile(oldest));
  }
  ARROW_ASSIGN_OR_RAISE(File file, create_(static_cast<int>(files_.size()) + 1));
  folder->file_number = files_.size();
  files_.push_back({file.path(), folder->path});
  ARROW_ASSIGN_OR_RAISE(folder->file, ParquetFile::Make(std::move(file), schema_, options_));
  ++open_files_;
  return Status::OK();
}

Status FileSet::CloseFile(Folder* folder) {
  const auto file = std::move(folder->file);
  --open_files_;
  ARROW_RETURN_NOT_OK(fail_point::Hit(kFailFileWritten));
  ARROW_RETURN_NOT_OK(file->Finish());
  ARROW_RETURN_NOT_OK(fail_point::Hit(kFailFileSynced));
  WrittenFile& written = files_[folder->file_number];
  written.rows = file->rows();
  ARROW_ASSIGN_OR_RAISE(written.bytes, file->Size());
  return file->file()->Close();
}

}  // namespace larder
