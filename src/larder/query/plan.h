// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "larder/query/stats.h"
#include "larder/source/dataset.h"

namespace larder {

/// What a run would read at most, if it read `columns` of `row_groups` (indices in
/// dataset.row_groups()); a column that is read twice is named twice.
ViewStats PlanReads(const std::string& name, const Dataset& dataset,
                    const std::vector<size_t>& row_groups, const std::vector<std::string>& columns);

}  // namespace larder
