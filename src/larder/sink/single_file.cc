// SPDX-License-Identifier: Apache-2.0
#include <arrow/type.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "larder/io/write_names.h"
#include "larder/sink/clean.h"
#include "larder/sink/column_plan.h"
#include "larder/sink/parquet_file.h"
#include "larder/sink/path_lock.h"
#include "larder/sink/pump.h"
#include "larder/sink/temporary.h"
#include "larder/sink/write.h"

namespace larder {
namespace {

using arrow::Result;
using arrow::Status;

/// The successor of a single file, growing beside it.
struct Successor {
  explicit Successor(WriteOptions given) : options(std::move(given)) {
    options.max_rows_per_file = options.max_bytes_per_file = 0;
  }

  WriteOptions options;
  std::string path;
  std::optional<mode_t> mode;  ///< The permissions of the file it replaces, if any.
  std::optional<Temporary> temporary;

  Result<File> Create() {
    ARROW_ASSIGN_OR_RAISE(auto made,
                          Temporary::Make(options.ops, ParentPath(path), Temporary::Kind::kData));
    temporary.emplace(std::move(made));
    if (mode) ARROW_RETURN_NOT_OK(temporary->file()->SetMode(*mode));
    // The lock lasts until our own handle is closed, after the rename.
    return temporary->file()->Duplicate();
  }
};

/// Resolves the path, makes its folder if need be, and takes the lock.
Result<PathLock> Prepare(const std::string& given_path, Successor* successor) {
  const WriteOptions& options = successor->options;
  FileOps* ops = options.ops;
  if (!options.partition_by.empty()) {
    return Status::Invalid("'", given_path, "': a single file cannot be partitioned");
  }
  ARROW_ASSIGN_OR_RAISE(successor->path, ResolvePath(given_path));
  const std::string folder = ParentPath(successor->path);
  ARROW_ASSIGN_OR_RAISE(const auto folder_info, ops->Stat(folder));
  if (!folder_info) {
    ARROW_RETURN_NOT_OK(ops->MakeDirectories(folder));
    ARROW_RETURN_NOT_OK(ops->SyncDirectory(ParentPath(folder)));
  }
  ARROW_ASSIGN_OR_RAISE(auto lock, PathLock::Acquire(ops, successor->path, options.poll));
  ARROW_ASSIGN_OR_RAISE(const auto info, ops->Stat(successor->path));
  if (info && S_ISDIR(info->st_mode)) {
    return Status::Invalid("'", successor->path, "' is a directory, not a file");
  }
  if (info) successor->mode = info->st_mode & mode_t{07777};
  // Help for others, which our own rows do not depend on: what fails is left to the next writer.
  ARROW_UNUSED(CleanLeftovers(folder, options));
  return lock;
}

Result<std::unique_ptr<arrow::RecordBatchReader>> ReadAll(const std::string& path,
                                                          parquet::arrow::FileReader* reader) {
  auto batches = reader->GetRecordBatchReader();
  if (!batches.ok()) return InFile(path, batches.status());
  return batches;
}

/// Moves the finished file to its place.
Result<WriteResult> Replace(Successor* successor, const std::vector<WrittenFile>& files,
                            bool overwrite) {
  const Status moved = successor->temporary->MoveTo(successor->path, overwrite);
  if (HasErrno(moved, EEXIST)) {
    return Status::AlreadyExists("'", successor->path, "' exists already");
  }
  ARROW_RETURN_NOT_OK(moved);
  ARROW_RETURN_NOT_OK(SyncPlace(successor->options.ops, successor->path));
  return Summarize(files, {successor->path});
}

}  // namespace

Result<WriteResult> AppendToFile(const std::string& path, arrow::RecordBatchReader* rows,
                                 const WriteOptions& options) {
  Successor successor(options);
  ARROW_ASSIGN_OR_RAISE(const auto lock, Prepare(path, &successor));
  WriteOptions& own_options = successor.options;
  std::unique_ptr<parquet::arrow::FileReader> old;
  std::shared_ptr<arrow::Schema> old_schema;
  int64_t old_rows = 0;
  if (successor.mode) {
    ARROW_ASSIGN_OR_RAISE(old, OpenParquet(options.ops, successor.path, options.pool));
    const Status read = old->GetSchema(&old_schema);
    if (!read.ok()) return InFile(successor.path, read);
    const auto metadata = old->parquet_reader()->metadata();
    old_rows = metadata->num_rows();
    if (own_options.compression.empty()) {
      ARROW_ASSIGN_OR_RAISE(own_options.compression, CompressionOf(*metadata));
    }
  }
  const CastSettings settings{options.allow_time_truncation, options.pool};
  const std::string place = "'" + successor.path + "'";
  const auto& target = options.schema == nullptr ? old_schema : options.schema;
  ARROW_ASSIGN_OR_RAISE(const auto plan,
                        ColumnPlan::Make(rows->schema(), target, {}, place, settings));
  FileSet set(plan.file_schema(), own_options, [&](int) { return successor.Create(); });
  if (old != nullptr) {
    ARROW_ASSIGN_OR_RAISE(const auto old_plan,
                          ColumnPlan::Make(old_schema, plan.file_schema(), {}, place, settings));
    ARROW_ASSIGN_OR_RAISE(const auto batches, ReadAll(successor.path, old.get()));
    ARROW_RETURN_NOT_OK(Pump(batches.get(), old_plan, {}, own_options, &set));
  }
  ARROW_RETURN_NOT_OK(Pump(rows, plan, {}, own_options, &set));
  ARROW_ASSIGN_OR_RAISE(const auto files, set.Finish(false));
  if (files.empty() || files[0].rows == old_rows) return WriteResult{};
  ARROW_ASSIGN_OR_RAISE(auto result, Replace(&successor, files, true));
  result.rows -= old_rows;
  return result;
}

Result<WriteResult> WriteFile(const std::string& path, arrow::RecordBatchReader* rows,
                              bool overwrite, const WriteOptions& options) {
  Successor successor(options);
  ARROW_ASSIGN_OR_RAISE(const auto lock, Prepare(path, &successor));
  if (successor.mode && !overwrite) {
    return Status::AlreadyExists("'", successor.path, "' exists already");
  }
  ARROW_ASSIGN_OR_RAISE(
      const auto plan,
      ColumnPlan::Make(rows->schema(), options.schema, {}, "'" + successor.path + "'",
                       {options.allow_time_truncation, options.pool}));
  FileSet set(plan.file_schema(), successor.options, [&](int) { return successor.Create(); });
  ARROW_RETURN_NOT_OK(Pump(rows, plan, {}, successor.options, &set));
  ARROW_ASSIGN_OR_RAISE(const auto files, set.Finish(true));
  return Replace(&successor, files, overwrite);
}

}  // namespace larder
