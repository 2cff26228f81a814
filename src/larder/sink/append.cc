// SPDX-License-Identifier: Apache-2.0
#include <arrow/type.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "larder/io/write_names.h"
#include "larder/sink/clean.h"
#include "larder/sink/column_plan.h"
#include "larder/sink/directory_layout.h"
#include "larder/sink/partition_split.h"
#include "larder/sink/pump.h"
#include "larder/sink/staging.h"
#include "larder/sink/temporary.h"
#include "larder/sink/write.h"

namespace larder {
namespace {

using arrow::Result;
using arrow::Status;

/// One append to a directory, with what it found there.
struct Append {
  FileOps* ops;
  std::string root;
  const WriteOptions& options;
  std::vector<std::string> partition_by;
  /// Names in the folders that get files, by folder relative to the root.
  std::map<std::string, DirectoryNames> names;

  std::string PathOf(const std::string& folder) const {
    return folder.empty() ? root : root + "/" + folder;
  }
};

/// The columns of the append; finds out how the directory is partitioned on the way.
Result<ColumnPlan> PlanColumns(Append* append, const std::vector<DirectoryEntry>& entries,
                               const arrow::RecordBatchReader& rows) {
  const WriteOptions& options = append->options;
  ARROW_RETURN_NOT_OK(CheckPartitionNames(options.partition_by));
  ARROW_ASSIGN_OR_RAISE(const auto layout, LookAtDirectory(append->ops, append->root, entries));
  append->partition_by = layout.last_file ? layout.partition_by : options.partition_by;
  if (!options.partition_by.empty() && options.partition_by != append->partition_by) {
    return Status::Invalid("'", append->root, "' is partitioned otherwise: see '",
                           *layout.last_file, "'");
  }
  std::shared_ptr<arrow::Schema> target = options.schema;
  if (target == nullptr && layout.last_file) {
    ARROW_ASSIGN_OR_RAISE(target, ReadFileSchema(append->ops, *layout.last_file, options.pool));
  }
  return ColumnPlan::Make(rows.schema(), target, append->partition_by, "'" + append->root + "'",
                          {options.allow_time_truncation, options.pool});
}

/// Looks at the folders that will get files, and makes those that are missing.
Status PrepareFolders(Append* append, const std::vector<WrittenFile>& files) {
  for (const auto& file : files) {
    if (append->names.contains(file.folder)) continue;
    const std::string path = append->PathOf(file.folder);
    auto entries = append->ops->List(path);
    if (HasErrno(entries.status(), ENOENT)) {
      ARROW_RETURN_NOT_OK(append->ops->MakeDirectories(path));
      entries = std::vector<DirectoryEntry>();
    }
    ARROW_RETURN_NOT_OK(entries.status());
    append->names[file.folder] = LookAtNames(*entries);
  }
  return Status::OK();
}

/// Makes durable the way to folders that hold no part yet. A part tells that its writer has done
/// so; without one, the folder may have been made a moment ago by anyone.
Status SyncWays(const Append& append, bool root_is_synced_later) {
  std::set<std::string> folders;
  bool all_new = true;
  for (const auto& [folder, names] : append.names) {
    all_new = all_new && names.time == 0;
    if (names.time != 0) continue;
    for (std::string path = append.PathOf(folder); path != append.root;) {
      path = ParentPath(path);
      folders.insert(path);
    }
  }
  if (root_is_synced_later) folders.erase(append.root);
  if (all_new) folders.insert(ParentPath(append.root));
  for (const auto& folder : folders) ARROW_RETURN_NOT_OK(append.ops->SyncDirectory(folder));
  return Status::OK();
}

/// The commit's time: now, but after every part in the folders it touches.
int64_t CommitTime(const Append& append) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  int64_t time = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  for (const auto& [folder, names] : append.names) time = std::max(time, names.time + 1);
  return time;
}

/// All rows to one file: no more calls than any durable write of a file needs.
Result<WriteResult> AppendOneFile(Append* append, const ColumnPlan& plan,
                                  arrow::RecordBatchReader* rows) {
  const WriteOptions& options = append->options;
  std::optional<Temporary> temporary;
  const auto create = [&](int) -> Result<File> {
    ARROW_ASSIGN_OR_RAISE(auto made,
                          Temporary::Make(append->ops, append->root, Temporary::Kind::kData));
    temporary.emplace(std::move(made));
    // The lock lasts until our own handle is closed, after the rename.
    return temporary->file()->Duplicate();
  };
  FileSet set(plan.file_schema(), options, create);
  ARROW_RETURN_NOT_OK(Pump(rows, plan, {}, options, &set));
  ARROW_ASSIGN_OR_RAISE(const auto files, set.Finish(false));
  if (files.empty()) return WriteResult{};
  ARROW_RETURN_NOT_OK(SyncWays(*append, false));
  const PartName part{.time = CommitTime(*append), .token = temporary->token()};
  const std::string path = append->root + "/" + MakePartName(part, append->names[""].greatest);
  ARROW_RETURN_NOT_OK(temporary->MoveTo(path, true));
  ARROW_RETURN_NOT_OK(SyncPlace(append->ops, path));
  return Summarize(files, {path});
}

/// A commit renames across folders, which works on one file system only; to be known before.
Status CheckFileSystem(const Append& append, const std::string& staging) {
  ARROW_ASSIGN_OR_RAISE(const auto here, append.ops->Stat(staging));
  for (const auto& [folder, names] : append.names) {
    ARROW_ASSIGN_OR_RAISE(const auto there, append.ops->Stat(append.PathOf(folder)));
    if (here && there && here->st_dev != there->st_dev) {
      return Status::IOError("'", append.PathOf(folder), "' is on another file system than '",
                             append.root, "'");
    }
  }
  return Status::OK();
}

/// Where the finished files go.
std::vector<Move> PlanMoves(Append* append, const std::vector<WrittenFile>& files,
                            const std::string& token) {
  const bool many = files.size() > 1;
  PartName part{.time = CommitTime(*append), .token = token};
  part.count = many ? static_cast<int>(files.size()) : 0;
  part.depth = static_cast<int>(append->partition_by.size());
  std::vector<Move> moves;
  for (const auto& file : files) {
    part.index += many ? 1 : 0;
    const std::string name = MakePartName(part, append->names[file.folder].greatest);
    moves.push_back(
        {BaseName(file.temporary), file.folder.empty() ? name : file.folder + "/" + name});
  }
  return moves;
}

/// Rows to partitions or to files of bounded size.
Result<WriteResult> AppendManyFiles(Append* append, const ColumnPlan& plan,
                                    arrow::RecordBatchReader* rows) {
  std::optional<Staging> staging;
  const auto create = [&](int index) -> Result<File> {
    if (!staging) {
      ARROW_ASSIGN_OR_RAISE(auto made, Staging::Make(append->ops, append->root));
      staging.emplace(std::move(made));
    }
    return staging->CreateFile(index);
  };
  FileSet set(plan.file_schema(), append->options, create);
  ARROW_RETURN_NOT_OK(Pump(rows, plan, append->partition_by, append->options, &set));
  ARROW_ASSIGN_OR_RAISE(const auto files, set.Finish(false));
  if (files.empty()) return WriteResult{};
  ARROW_RETURN_NOT_OK(PrepareFolders(append, files));
  ARROW_RETURN_NOT_OK(CheckFileSystem(*append, staging->path()));
  const bool many = files.size() > 1;
  // A commit syncs the root, with the names of new folders, before anything is moved.
  ARROW_RETURN_NOT_OK(SyncWays(*append, many));
  const auto moves = PlanMoves(append, files, staging->token());
  std::vector<std::string> paths;
  paths.reserve(moves.size());
  for (const auto& move : moves) paths.push_back(append->root + "/" + move.to);
  if (many) {
    ARROW_RETURN_NOT_OK(staging->Commit(moves));
  } else {
    ARROW_RETURN_NOT_OK(append->ops->Rename(files[0].temporary, paths[0]));
    ARROW_RETURN_NOT_OK(SyncPlace(append->ops, paths[0]));
  }
  return Summarize(files, std::move(paths));
}

}  // namespace

Result<WriteResult> AppendToDirectory(const std::string& directory, arrow::RecordBatchReader* rows,
                                      const WriteOptions& options) {
  ARROW_ASSIGN_OR_RAISE(std::string root, ResolvePath(directory));
  Append append{options.ops, std::move(root), options, {}, {}};
  auto entries = options.ops->List(append.root);
  const bool is_new = HasErrno(entries.status(), ENOENT);
  if (is_new) entries = std::vector<DirectoryEntry>();
  ARROW_RETURN_NOT_OK(entries.status());
  // Help for others, which our own rows do not depend on: what fails is left to the next writer.
  ARROW_UNUSED(CleanEntries(append.root, *entries, options));
  ARROW_ASSIGN_OR_RAISE(const auto plan, PlanColumns(&append, *entries, *rows));
  if (is_new) ARROW_RETURN_NOT_OK(options.ops->MakeDirectories(append.root));
  const bool one_file = append.partition_by.empty() && options.max_rows_per_file == 0 &&
                        options.max_bytes_per_file == 0;
  if (!one_file) return AppendManyFiles(&append, plan, rows);
  append.names[""] = LookAtNames(*entries);
  return AppendOneFile(&append, plan, rows);
}

}  // namespace larder
