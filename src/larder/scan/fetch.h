// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "larder/base/run_context.h"
#include "larder/scan/column_reader.h"
#include "larder/scan/column_sink.h"
#include "larder/source/dataset.h"

namespace larder {

/// Fetches columns of single rows into sinks. `addresses` are distinct and ascending; `columns`
/// are names in the source and come in the types of its unified schema. Only row groups with a
/// wanted row are opened, and read no further than to the last one.
///
/// Columns are worked on one after another by all threads, so that no more of them are in the
/// making than there are threads.
arrow::Result<arrow::ChunkedArrayVector> FetchRows(const Dataset& dataset,
                                                   std::span<const uint64_t> addresses,
                                                   const std::vector<std::string>& columns,
                                                   const RunContext& context,
                                                   ReadCounters* counters,
                                                   const ColumnSinkFactory& make_sink);

}  // namespace larder
