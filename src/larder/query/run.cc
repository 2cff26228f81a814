// SPDX-License-Identifier: Apache-2.0
#include "larder/query/run.h"

#include <arrow/compute/initialize.h>

#include <utility>

#include "larder/query/answers.h"
#include "larder/query/validate.h"
#include "larder/source/dataset.h"
#include "larder/source/file_listing.h"

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

/// An answer with its first block computed, so that most errors are those of the call.
template <typename Open>
Result<std::shared_ptr<Answer>> Begin(const RunOptions& options, const Open& open) {
  ARROW_RETURN_NOT_OK(CheckOptions(options));
  ARROW_RETURN_NOT_OK(arrow::compute::Initialize());
  std::shared_ptr<Answer> answer;
  ARROW_RETURN_NOT_OK(CatchExceptions([&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(answer, open());
    return answer->Prepare();
  }));
  return answer;
}

}  // namespace

Result<std::shared_ptr<Answer>> PointInTime(const PointInTimeRequest& request,
                                            std::shared_ptr<arrow::RecordBatchReader> entity_rows,
                                            const RunOptions& options) {
  return Begin(options, [&] { return OpenPointInTime(request, std::move(entity_rows), options); });
}

Result<std::shared_ptr<Answer>> Latest(const LatestRequest& request, const RunOptions& options) {
  return Begin(options, [&] { return OpenLatest(request, options); });
}

Result<std::shared_ptr<Answer>> Range(const RangeRequest& request, const RunOptions& options) {
  return Begin(options, [&] { return OpenRange(request, options); });
}

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
