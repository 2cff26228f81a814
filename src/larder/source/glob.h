// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <string>
#include <vector>

namespace larder {

/// True if a path could be meant as a glob.
bool HasWildcard(const std::string& path);

/// The components of a path; none of them empty.
std::vector<std::string> SplitPath(const std::string& path);

/// `folder` and `name` with one slash between them; `name` alone if there is no folder.
std::string JoinPath(const std::string& folder, const std::string& name);

/// A path with *, ? and [...], which match within one component, and **, which as a whole
/// component is any number of folders, none included. A backslash takes the meaning from the
/// character after it. Names that readers skip match nothing; links are followed; a folder that
/// matches stands for all files below it.
class Glob {
 public:
  explicit Glob(const std::string& pattern);

  /// The folder that the wildcards are relative to; "" for the current one.
  const std::string& root() const { return root_; }

  /// The files that match, sorted by path, each once.
  arrow::Result<std::vector<std::string>> Expand() const;

 private:
  /// What matches the components from number `part` on, below `folder`.
  arrow::Status Walk(const std::string& folder, size_t part, std::vector<std::string>* found) const;

  std::vector<std::string> parts_;
  size_t fixed_ = 0;  ///< How many components are in the root.
  std::string root_;
};

}  // namespace larder
