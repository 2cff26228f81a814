// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "larder/io/syscalls.h"

// The names that Larder's writers use and its readers know.
//
// A write has a token, "<boot>-<random>": 8 hexadecimal digits that tell this start of this
// machine from every other, 16 random ones. Visible in a directory of Parquet files:
//
//   part-<time>-<token>.parquet                        the only file of its write
//   part-<time>-<token>-<i>.parquet                    one file of a folder written at once
//   part-<time>-<token>-<i>of<n>-d<depth>.parquet      one of n files that are published together
//
// <time> is the time of the commit in microseconds since 1970 as 16 digits, raised above every
// name already there, so that names sort as the writes were made even if the clock went back:
// rows that tie exactly are settled by (file path, row), and the later write has to win.
// <depth> is how many folders below the root of the write the file lies. Hidden, all in the
// root of the write and none with the ending .parquet, because DuckDB's globs see hidden files:
//
//   .larder-<token>.tmp          a file or folder being written, or done with
//   .larder-<token>.commit       folder of a write of several files that is being published
//   .larder-<token>.lock         locked while the writer of the folder .tmp lives
//   .larder-<token>.old-<name>   what a new folder <name> is just replacing
//   .larder-lock-<name>          locked by the writer of the single file <name>

namespace larder {

/// A new token. Unique among processes, forks, threads and machines.
std::string NewWriteToken();

/// True if the token was made on this machine since its last start.
bool IsTokenOfThisBoot(std::string_view token);

enum class HiddenKind { kTemporary, kCommit, kLock, kOld };

struct HiddenName {
  HiddenKind kind;
  std::string token;
  std::string replaced;  ///< <name> of kOld.
};

/// ".larder-<token>.<...>" of a kind; `replaced` only with kOld.
std::string MakeHiddenName(HiddenKind kind, std::string_view token, std::string_view replaced = {});
std::optional<HiddenName> ParseHiddenName(std::string_view name);

/// ".larder-lock-<name>", or with a hash in place of a name that is too long for that.
std::string MakeLockName(std::string_view name);
bool IsLockName(std::string_view name);

struct PartName {
  int64_t time;  ///< Microseconds since 1970.
  std::string token;
  int index = 0;  ///< From 1; 0 for the only file of its write.
  int count = 0;  ///< 0 unless the file is published together with others.
  int depth = 0;
};

/// The name of a file that sorts after `greatest`, the greatest name in its directory ("" for
/// none): that takes a prefix of z's where other writers' names sort after "part-".
std::string MakePartName(const PartName& part, std::string_view greatest);
std::optional<PartName> ParsePartName(std::string_view name);

/// What a directory says to the name of the next file in it.
struct DirectoryNames {
  std::string greatest;  ///< The greatest visible name; "" if there is none.
  int64_t time = 0;      ///< The latest time of a part; 0 if there is none.
};
DirectoryNames LookAtNames(const std::vector<DirectoryEntry>& entries);

/// True for what readers skip: names that start with "." or "_", except hive partition folders
/// of a column that starts with "_" ("_day=1").
bool IsHiddenFromReaders(const DirectoryEntry& entry);

}  // namespace larder
