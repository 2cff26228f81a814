// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/status.h>

#include <string>
#include <vector>

#include "larder/io/file_ops.h"

// How a write of several files becomes visible in one step.
//
//   1. The files are written, each synced, in the folder ".larder-<token>.tmp" of the root, and
//      with them the file "manifest": which of them goes where. The folder is synced.
//   2. The folder is renamed to ".larder-<token>.commit" and the root synced: this commits.
//   3. Each file is renamed to its place, and the folders of these places are synced.
//   4. The folder is renamed back to ".larder-<token>.tmp" and the root synced: done. What is
//      left in it is rubbish.
//
// Only after 4 does the writer report success. Each name in 3 tells the token and how many
// files belong together, so a reader that sees fewer looks for the folder ".commit": while it is
// there, the write is hidden from him (io/visible_files.h). So readers see nothing of the write
// up to some moment in 3 or 4 and all of it from then on.
//
// A crash before 2 leaves a dead folder ".tmp", which the next writer removes. A crash between 2
// and 4 leaves the folder ".commit": the next writer finishes 3 and 4 before his own work. That
// needs no lock: renames that someone else made are skipped, so the writer and any number of
// helpers may do it at once. A power cut is a crash that also forgets what was not synced; 2
// is not begun before 1 is durable, nor 3 before 2, nor 4 before 3.

namespace larder {

/// The manifest's name in the folder.
inline constexpr const char* kManifestName = "manifest";

struct Move {
  std::string from;  ///< Name in the folder of the write.
  std::string to;    ///< Path relative to the root.
};

/// The manifest's text.
std::string FormatManifest(const std::vector<Move>& moves);

/// Steps 3 and 4 for the write `token` to `root`. Fine if it is done already.
arrow::Status FinishCommit(FileOps* ops, const std::string& root, const std::string& token);

}  // namespace larder
