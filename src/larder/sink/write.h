// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/result.h>
#include <arrow/status.h>
#include <arrow/type_fwd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "larder/io/file_ops.h"

// Rows into Parquet files, so that they are there as a whole or not at all: for readers at any
// moment, after a crash, and after a power cut.
//
// What is written grows under a hidden name beside its place, is synced, and is then renamed
// into place in one step, and the folder is synced. A function that returns OK has made its rows
// durable and visible. One that returns an error has changed nothing that readers see, except
// where the message says that the rows are in place and only their durability is not certain.
//
// What a crashed writer left behind is invisible, and the next writer to the same place removes
// it (CleanLeftovers). Any number of threads, processes and machines may write at once.
//
// Columns are matched by name, in any order, and cast to the types that are there already, if
// that is exact (base/cast.h). A missing or unknown column is an Invalid that names it, and
// nothing is written.
//
// Files keep their exact Arrow types (ARROW:schema; nanoseconds stay nanoseconds) and carry
// statistics and a page index.

namespace larder {

struct WriteOptions {
  /// The columns and types to write, partition columns included or not. Null: those of the
  /// files that are there already; if there are none, those of the rows.
  std::shared_ptr<arrow::Schema> schema;

  /// Columns to make hive folders of ("column=value", values URL-encoded, null as
  /// __HIVE_DEFAULT_PARTITION__), which the files themselves then lack. Empty: as the directory
  /// is partitioned already. Directories only.
  std::vector<std::string> partition_by;

  /// Where to begin the next file; 0 means nowhere. Bytes are as written, after compression,
  /// and overshot by less than one row group. Ignored for single files.
  int64_t max_rows_per_file = 0;
  int64_t max_bytes_per_file = 0;

  /// Rows to a row group, at most.
  int64_t row_group_rows = int64_t{1} << 18;
  /// Bytes of rows in memory before a row group is written early, over all open files.
  int64_t buffer_bytes = int64_t{128} << 20;

  /// "snappy", "zstd", "gzip", "brotli", "lz4", "none"; "" for that of the file that is appended
  /// to, and snappy otherwise.
  std::string compression;

  /// Allow timestamps to lose digits that the target's unit cannot hold; an error otherwise.
  bool allow_time_truncation = false;

  /// How old a leftover of another machine (or of this one before its last start) must be before
  /// it is removed. Those of writers that died here are removed at once, those of living never.
  int64_t foreign_leftover_seconds = 86'400;  // A day.

  /// Called between batches, and while waiting for a lock; an error cancels the write and is
  /// returned. For Ctrl-C and deadlines.
  std::function<arrow::Status()> poll;

  arrow::MemoryPool* pool = arrow::default_memory_pool();
  FileOps* ops = FileOps::Default();
};

struct WriteResult {
  std::vector<std::string> paths;  ///< The new files, in the order of their rows.
  int64_t rows = 0;
  int64_t bytes = 0;  ///< Size of the new files.
};

/// Adds rows to a directory of Parquet files, made if need be, as one new file; or as several,
/// if `partition_by` or the limits of WriteOptions ask for them. What is there is not touched.
///
/// New names sort after all that are there, so that on an exact tie the later row wins.
/// Several files become visible together to readers that list through VisibleFiles(); a plain
/// reader that lists at the very moment may see some of them, and sees all once this returns.
/// No rows: no file.
arrow::Result<WriteResult> AppendToDirectory(const std::string& directory,
                                             arrow::RecordBatchReader* rows,
                                             const WriteOptions& options = {});

/// Adds rows to a single Parquet file (made if missing), which is replaced by a longer one:
/// costs as much as rewriting it, row group by row group, so a directory is the better place
/// to append to. Writers take turns by a lock file beside it. The result's `rows` are the new
/// ones, its `bytes` those of the whole file.
arrow::Result<WriteResult> AppendToFile(const std::string& path, arrow::RecordBatchReader* rows,
                                        const WriteOptions& options = {});

/// Writes rows as one new file. If the path exists: AlreadyExists, or with `overwrite`, it is
/// replaced, whatever its columns. Takes turns with AppendToFile.
arrow::Result<WriteResult> WriteFile(const std::string& path, arrow::RecordBatchReader* rows,
                                     bool overwrite, const WriteOptions& options = {});

/// Default of max_bytes_per_file in WriteDirectory.
inline constexpr int64_t kDirectoryFileBytes = int64_t{128} << 20;

/// Writes rows as a new directory of files, at least one, that appears all at once. If there is
/// more than an empty directory at the path: AlreadyExists, or with `overwrite`, it is replaced
/// in one step. (On file systems that cannot swap two paths, such as NFS, the path is missing
/// for a moment, and CleanLeftovers on its parent brings the old directory back if the writer
/// dies in it.) A reader in the midst of the old directory finds its files gone, never other
/// rows under their names.
arrow::Result<WriteResult> WriteDirectory(const std::string& directory,
                                          arrow::RecordBatchReader* rows, bool overwrite,
                                          const WriteOptions& options = {});

/// Finishes the writes to `directory` that were committed but not yet published, and removes
/// what dead writers left right in it. Every function above begins with this. Uses only
/// `foreign_leftover_seconds` and `ops` of the options. Fine if there is no such directory.
arrow::Status CleanLeftovers(const std::string& directory, const WriteOptions& options = {});

}  // namespace larder
