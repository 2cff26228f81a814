// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "larder/base/event_time.h"
#include "larder/base/run_context.h"
#include "larder/kernel/candidate.h"
#include "larder/kernel/row_candidates.h"
#include "larder/kernel/timeline.h"
#include "larder/scan/column_reader.h"
#include "larder/scan/column_sink.h"
#include "larder/source/dataset.h"

// The point-in-time join, winners first: only keys and times of a source are read, and of its
// rows only one candidate is kept for each position of the timeline.
//
// A row with time e is kept, or beaten, at the first position with time >= e of its key's slot.
// The winner at a position is then the greatest candidate at it or before it in the slot: every
// row that is known at time t is kept at, or was beaten at, a position <= t.

namespace larder {

/// Its join keys are columns of the source, as the timeline's keys.
struct PointInTimeView : KeyedSource {
  int64_t ttl_us = 0;  ///< 0 = unlimited.
  /// A row is known at the later of its event and created timestamps, never if the latter is
  /// null. Only with a created timestamp.
  bool known_at_created = false;
  TimeUnit string_unit = TimeUnit::NANO;  ///< Of times that are ISO-8601 strings.
};

/// The winners of one view.
struct Winners {
  explicit Winners(arrow::MemoryPool* pool) : addresses(pool), places(pool) {}

  PoolVector<uint64_t> addresses;  ///< Distinct, ascending.
  RowPlaces places;                ///< Of each address, among the entity rows.
  int64_t rows_matched = 0;
  int64_t rows_expired = 0;
  int64_t rows_absent = 0;
};

/// The row groups that can hold a winner, by partition and by statistics of times and integer keys.
/// With `prune_by_ttl` what the TTL rules out at every position is left out, too.
arrow::Result<std::vector<size_t>> RowGroupsToScan(const PointInTimeView& view,
                                                   const Timeline& timeline, bool prune_by_ttl,
                                                   const RunContext& context);

/// Streams keys and times of the row groups to scan, but for pages that cannot hold a winner, into
/// one candidate for each position. Adds to `rows_scanned`.
arrow::Status ScanCandidates(const PointInTimeView& view, const Timeline& timeline,
                             bool prune_by_ttl, const RunContext& context, ReadCounters* counters,
                             std::atomic<int64_t>* rows_scanned, CandidateTable* candidates);

/// Makes winners of candidates: the running maximum of each slot, unless it is older than the
/// TTL. Takes up to 60 bytes a position while it runs.
arrow::Result<Winners> Settle(const PointInTimeView& view, const Timeline& timeline,
                              const CandidateTable& candidates, const RunContext& context);

}  // namespace larder
