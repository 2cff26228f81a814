// SPDX-License-Identifier: Apache-2.0
#include "larder/query/plan.h"

#include <set>

#include "larder/source/column_bounds.h"

namespace larder {
namespace {

int64_t BytesOf(const Dataset& dataset, const RowGroup& group,
                const std::vector<std::string>& columns) {
  int64_t bytes = 0;
  for (const auto& column : columns) bytes += ColumnBytes(dataset, group, column);
  return bytes;
}

}  // namespace

ViewStats PlanReads(const std::string& name, const Dataset& dataset,
                    const std::vector<size_t>& row_groups,
                    const std::vector<std::string>& columns) {
  ViewStats plan;
  plan.name = name;
  plan.files = static_cast<int64_t>(dataset.files().size());
  plan.row_groups = static_cast<int64_t>(dataset.row_groups().size());
  for (const auto& group : dataset.row_groups()) plan.bytes += BytesOf(dataset, group, columns);
  std::set<int> files;
  for (const size_t index : row_groups) {
    const RowGroup& group = dataset.row_groups()[index];
    files.insert(group.file);
    plan.rows_scanned += group.rows;
    plan.bytes_read += BytesOf(dataset, group, columns);
  }
  plan.files_read = static_cast<int64_t>(files.size());
  plan.row_groups_read = static_cast<int64_t>(row_groups.size());
  return plan;
}

}  // namespace larder
