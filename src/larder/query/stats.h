// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace larder {

/// What one feature view (or the one source of latest and range) cost and gave; of a plan
/// (RunOptions::plan_only), what it would cost at most.
struct ViewStats {
  std::string name;
  int64_t rows_matched = 0;  ///< Rows of the answer with a row of the view.
  int64_t rows_expired = 0;  ///< Without one, though there is one older than the TTL.
  int64_t rows_absent = 0;   ///< Without one at all.
  int64_t files = 0;
  int64_t files_read = 0;  ///< Of which more than the footer was read.
  int64_t row_groups = 0;
  int64_t row_groups_read = 0;
  /// Rows whose keys and times were looked at; of views that share a scan, the first has them.
  int64_t rows_scanned = 0;
  int64_t bytes = 0;       ///< Of the columns in question in all row groups; only of a plan.
  int64_t bytes_read = 0;  ///< Compressed bytes of the column chunks read, twice if read twice.
};

struct StageSeconds {
  double open = 0;    ///< Listing files and reading footers.
  double index = 0;   ///< Indexing the entity rows.
  double scan = 0;    ///< Keys and times of the sources.
  double settle = 0;  ///< Winners from candidates.
  double gather = 0;  ///< Columns of the winners.
};

struct RunStats {
  int64_t rows = 0;  ///< Of the answer.
  int threads = 0;
  /// Allocated by the engine at most at once, without the blocks of the answer that came before.
  int64_t peak_memory_bytes = 0;
  double total_seconds = 0;
  std::vector<ViewStats> views;
  StageSeconds stages;
};

}  // namespace larder
