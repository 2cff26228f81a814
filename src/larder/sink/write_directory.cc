// SPDX-License-Identifier: Apache-2.0
#include <arrow/type.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "larder/io/fail_point.h"
#include "larder/io/write_names.h"
#include "larder/sink/clean.h"
#include "larder/sink/column_plan.h"
#include "larder/sink/fail_points.h"
#include "larder/sink/partition_split.h"
#include "larder/sink/pump.h"
#include "larder/sink/staging.h"
#include "larder/sink/temporary.h"
#include "larder/sink/write.h"

namespace larder {
namespace {

using arrow::Result;
using arrow::Status;

Status AlreadyThere(const std::string& path) {
  return Status::AlreadyExists("'", path, "' exists already");
}

/// True if there is more than an empty directory at `path`.
Result<bool> HoldsSomething(FileOps* ops, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto info, ops->Stat(path));
  if (!info) return false;
  if (!S_ISDIR(info->st_mode)) return true;
  ARROW_ASSIGN_OR_RAISE(const auto entries, ops->List(path));
  return !entries.empty();
}

/// Gives the files in the staging folder their names and makes all of it durable. The names are
/// unique, so that a reader of a directory that is replaced never meets other rows under a name
/// that it has listed before.
Result<std::vector<std::string>> NameFiles(FileOps* ops, const Staging& staging,
                                           const std::vector<WrittenFile>& files) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  PartName part{.time = std::chrono::duration_cast<std::chrono::microseconds>(now).count(),
                .token = staging.token()};
  std::vector<std::string> names;
  std::set<std::string> folders{staging.path()};
  for (const auto& file : files) {
    part.index += 1;
    std::string folder = staging.path();
    if (!file.folder.empty()) folder.append("/").append(file.folder);
    if (!folders.contains(folder)) ARROW_RETURN_NOT_OK(ops->MakeDirectories(folder));
    for (std::string path = folder; folders.insert(path).second;) path = ParentPath(path);
    const std::string path = folder.append("/").append(MakePartName(part, ""));
    ARROW_RETURN_NOT_OK(ops->Rename(file.temporary, path));
    names.push_back(path.substr(staging.path().size() + 1));
  }
  for (const auto& folder : folders) ARROW_RETURN_NOT_OK(ops->SyncDirectory(folder));
  return names;
}

/// Puts the new directory in the place of the old one by two renames, for file systems that
/// cannot swap. CleanLeftovers knows what a death in between has left.
Status ReplaceInTwoSteps(FileOps* ops, const std::string& target, const Staging& staging) {
  const std::string old = ParentPath(target) + "/" +
                          MakeHiddenName(HiddenKind::kOld, staging.token(), BaseName(target));
  ARROW_RETURN_NOT_OK(ops->Rename(target, old));
  Status status = fail_point::Hit(kFailMovedAside);
  if (status.ok()) status = ops->Rename(staging.path(), target);
  if (!status.ok()) {
    const Status restored = ops->Rename(old, target);
    if (restored.ok()) return status;
    return status.WithMessage(status.message(), "; and what was there is now '", old,
                              "': ", restored.message());
  }
  ARROW_RETURN_NOT_OK(SyncPlace(ops, target));
  return ops->RemoveAll(old);
}

/// Makes the new directory visible and durable.
Status Publish(FileOps* ops, const std::string& target, bool overwrite, Staging* staging) {
  Status moved = ops->Rename(staging->path(), target);
  if (moved.ok()) return SyncPlace(ops, target);
  const bool taken =
      HasErrno(moved, ENOTEMPTY) || HasErrno(moved, EEXIST) || HasErrno(moved, ENOTDIR);
  if (!taken) return moved;
  if (!overwrite) return AlreadyThere(target);
  const Status swapped = ops->Exchange(staging->path(), target);
  if (swapped.IsNotImplemented()) return ReplaceInTwoSteps(ops, target, *staging);
  ARROW_RETURN_NOT_OK(swapped);
  // The old directory is in the staging now, and must not go before the new one is durable.
  const Status synced = SyncPlace(ops, target);
  if (!synced.ok()) staging->Leave();
  return synced;
}

}  // namespace

Result<WriteResult> WriteDirectory(const std::string& directory, arrow::RecordBatchReader* rows,
                                   bool overwrite, const WriteOptions& given_options) {
  WriteOptions options = given_options;
  if (options.max_bytes_per_file == 0) options.max_bytes_per_file = kDirectoryFileBytes;
  FileOps* ops = options.ops;
  ARROW_ASSIGN_OR_RAISE(const std::string target, ResolvePath(directory));
  const std::string parent = ParentPath(target);
  ARROW_RETURN_NOT_OK(CheckPartitionNames(options.partition_by));
  ARROW_ASSIGN_OR_RAISE(const bool taken, HoldsSomething(ops, target));
  if (taken && !overwrite) return AlreadyThere(target);
  ARROW_ASSIGN_OR_RAISE(
      const auto plan,
      ColumnPlan::Make(rows->schema(), options.schema, options.partition_by, "'" + target + "'",
                       {options.allow_time_truncation, options.pool}));
  ARROW_ASSIGN_OR_RAISE(const auto parent_info, ops->Stat(parent));
  if (!parent_info) {
    ARROW_RETURN_NOT_OK(ops->MakeDirectories(parent));
    ARROW_RETURN_NOT_OK(ops->SyncDirectory(ParentPath(parent)));
  }
  // Help for others, which our own rows do not depend on: what fails is left to the next writer.
  ARROW_UNUSED(CleanLeftovers(parent, options));
  ARROW_ASSIGN_OR_RAISE(auto staging, Staging::Make(ops, parent));
  FileSet set(plan.file_schema(), options, [&](int index) { return staging.CreateFile(index); });
  ARROW_RETURN_NOT_OK(Pump(rows, plan, options.partition_by, options, &set));
  ARROW_ASSIGN_OR_RAISE(const auto files, set.Finish(true));
  ARROW_ASSIGN_OR_RAISE(auto paths, NameFiles(ops, staging, files));
  ARROW_RETURN_NOT_OK(Publish(ops, target, overwrite, &staging));
  for (auto& path : paths) path.insert(0, target + "/");
  return Summarize(files, std::move(paths));
}

}  // namespace larder
