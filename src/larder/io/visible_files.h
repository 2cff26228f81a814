// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>

#include <functional>
#include <string>
#include <vector>

#include "larder/io/file_ops.h"

namespace larder {

/// Lists the paths of the data files of a source, however it finds them; called up to twice.
using FileLister = std::function<arrow::Result<std::vector<std::string>>()>;

/// What `list` finds, less the files of writes that are not whole: the way for a reader to see
/// each write whole or not at all, while it is published file by file and after a crash in the
/// midst of it (sink/staging.h tells the writer's side).
///
/// Every write that was acknowledged before the call is there. Needs no lock, no write
/// permission, and no system call at all unless a write of several files looks incomplete in the
/// listing: then its root is asked whether the write is still being published (hide its files),
/// and if not, the listing is repeated once, for it may have been published between the first
/// file listed and the last. Files that were deleted later on purpose count as incomplete too,
/// and cost that second listing.
///
/// For a source that is only a part of what the writes went to (a glob, one partition), "whole"
/// means that part. Order and duplicates of the listing are kept.
arrow::Result<std::vector<std::string>> VisibleFiles(FileOps* ops, const FileLister& list);

/// The data files in a directory and below, sorted by path, through VisibleFiles(): all files
/// but those that IsHiddenFromReaders().
arrow::Result<std::vector<std::string>> VisibleFilesUnder(FileOps* ops, const std::string& root);

}  // namespace larder
