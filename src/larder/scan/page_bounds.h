// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "larder/base/run_context.h"
#include "larder/source/column_bounds.h"
#include "larder/source/dataset.h"

namespace larder {

/// What is known of the values in a data page before it is read.
struct PageBounds {
  int64_t rows;
  bool all_null;
  std::optional<Bounds<int64_t>> values;  ///< Of those that are not null; none: unknown.
};

/// The pages of a column of signed integers, dates or timestamps in a row group, from its first row
/// to its last; values are as the file stores them. From the page index or, in files without one,
/// from the headers of the pages. Empty if nothing can be known, be it because the file is broken:
/// reading the column will tell.
std::vector<PageBounds> ReadPageBounds(const Dataset& dataset, const RowGroup& group,
                                       const std::string& column, const RunContext& context);

}  // namespace larder
