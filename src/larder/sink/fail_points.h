// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

// Where a test can stop, fail or kill a write (io/fail_point.h).

namespace larder {

inline constexpr const char* kFailBatchWritten = "sink:batch_written";
inline constexpr const char* kFailFileWritten = "sink:file_written";
inline constexpr const char* kFailFileSynced = "sink:file_synced";
inline constexpr const char* kFailRenamed = "sink:renamed";
inline constexpr const char* kFailFolderSynced = "sink:folder_synced";
inline constexpr const char* kFailStaged = "sink:staged";
inline constexpr const char* kFailCommitted = "sink:committed";
inline constexpr const char* kFailOnePublished = "sink:one_published";
inline constexpr const char* kFailAllPublished = "sink:all_published";
inline constexpr const char* kFailCommitDone = "sink:commit_done";
inline constexpr const char* kFailMovedAside = "sink:moved_aside";

inline constexpr std::array kSinkFailPoints = {
    kFailBatchWritten, kFailFileWritten, kFailFileSynced, kFailRenamed,
    kFailFolderSynced, kFailStaged,      kFailCommitted,  kFailOnePublished,
    kFailAllPublished, kFailCommitDone,  kFailMovedAside,
};

}  // namespace larder
