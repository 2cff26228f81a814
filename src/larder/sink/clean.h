// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/status.h>

#include <string>
#include <vector>

#include "larder/io/file_ops.h"
#include "larder/sink/write.h"

namespace larder {

/// CleanLeftovers() for a directory whose listing is at hand. Goes on after an error and
/// returns the first one.
arrow::Status CleanEntries(const std::string& directory, const std::vector<DirectoryEntry>& entries,
                           const WriteOptions& options);

}  // namespace larder
