// SPDX-License-Identifier: Apache-2.0
#include "larder/query/run.h"

#include <utility>

#include "larder/source/dataset.h"
#include "larder/source/file_listing.h"

namespace larder {

using arrow::Result;

Result<std::shared_ptr<arrow::Schema>> SourceSchema(const SourceSpec& source) {
  RunContext context;
  context.threads = CoreCount();
  ARROW_ASSIGN_OR_RAISE(const auto dataset, Dataset::Open(source, context));
  return dataset->schema();
}

Result<std::vector<std::string>> SourceFiles(const SourceSpec& source) {
  ARROW_ASSIGN_OR_RAISE(auto listed, ListFiles(source));
  std::vector<std::string> paths;
  paths.reserve(listed.size());
  for (auto& file : listed) paths.push_back(std::move(file.path));
  return paths;
}

}  // namespace larder
