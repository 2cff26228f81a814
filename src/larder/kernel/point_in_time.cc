// SPDX-License-Identifier: Apache-2.0
#include "larder/kernel/point_in_time.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "larder/kernel/beaten_times.h"
#include "larder/scan/pruning.h"
#include "larder/source/column_bounds.h"

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

/// Files with a partition value that is the join key of no entity row.
Result<std::vector<bool>> FilesWithoutKeys(const PointInTimeView& view, const Timeline& timeline,
                                           const RunContext& context) {
  const Dataset& dataset = *view.dataset;
  std::vector<bool> without(dataset.files().size(), false);
  if (timeline.keys() == nullptr) return without;
  SlotFinder finder(*timeline.keys(), context.pool);
  for (size_t i = 0; i < without.size(); ++i) {
    arrow::ArrayVector keys;
    for (size_t column = 0; column < view.join_keys.size() && !without[i]; ++column) {
      const auto constant = dataset.Find(dataset.files()[i], view.join_keys[column]).constant;
      if (constant == nullptr) continue;
      ARROW_ASSIGN_OR_RAISE(keys.emplace_back(),
                            arrow::MakeArrayFromScalar(*constant, 1, context.pool));
      ARROW_ASSIGN_OR_RAISE(const bool has_key, finder.HasKey(column, keys.back()));
      without[i] = !has_key;
    }
    if (without[i] || keys.size() != view.join_keys.size()) continue;
    ARROW_ASSIGN_OR_RAISE(const Slot* slot, finder.Find(keys));
    without[i] = *slot == kNoSlot;
  }
  return without;
}

/// Rows that may be the answer at some position.
RowFilter FilterOf(const PointInTimeView& view, const Timeline& timeline, bool prune_by_ttl) {
  RowFilter filter;
  filter.event_timestamp = view.event_timestamp;
  filter.created_timestamp = view.created_timestamp;
  TimeWindow& window = filter.window;
  window.last_event = ToWideNanos(timeline.max_time(), timeline.unit());
  if (prune_by_ttl && view.ttl_us > 0) {
    window.first_event = ToWideNanos(timeline.min_time(), timeline.unit()) -
                         ToWideNanos(view.ttl_us, TimeUnit::MICRO);
  }
  if (view.known_at_created) window.last_created = window.last_event;
  if (const KeyIndex* keys = timeline.keys(); keys != nullptr) {
    filter.join_keys = view.join_keys;
    filter.count_keys = [keys](size_t column, const Bounds<int64_t>& bounds, uint64_t limit) {
      return keys->CountWithin(column, bounds, limit);
    };
  }
  return filter;
}

/// Scans batches of one view on one thread. Those that come from the newest to the oldest make it
/// turn away most rows early.
class BatchScan {
 public:
  BatchScan(const PointInTimeView& view, const Timeline& timeline, const RunContext& context,
            CandidateTable* candidates)
      : view_(view),
        timeline_(timeline),
        candidates_(*candidates),
        rows_(view, view.string_unit, context.pool),
        beaten_(timeline, context.threads, context.pool) {
    if (timeline.keys() != nullptr) finder_.emplace(*timeline.keys(), context.pool);
  }

  /// Columns: view.ScannedColumns().
  Status Scan(const arrow::RecordBatch& batch, uint64_t first_address) {
    ARROW_RETURN_NOT_OK(rows_.Read(batch, first_address));
    ARROW_RETURN_NOT_OK(FindSlots(batch));
    for (int64_t end = batch.num_rows(); end > 0; end -= kBlock) {
      ARROW_RETURN_NOT_OK(ScanBlock(std::max<int64_t>(end - kBlock, 0), end));
    }
    return Status::OK();
  }

 private:
  // Each step of a block fetches from memory what the next one reads, and keeps of the rows those
  // that go on: without a branch, for which rows do is as good as random.
  static constexpr int64_t kBlock = 128;

  Status FindSlots(const arrow::RecordBatch& batch) {
    if (!finder_) {
      every_row_.resize(static_cast<size_t>(batch.num_rows()), Slot{0});
      slots_ = every_row_.data();
      return Status::OK();
    }
    const auto& columns = batch.columns();
    const auto keys = static_cast<int64_t>(view_.join_keys.size());
    ARROW_ASSIGN_OR_RAISE(slots_, finder_->Find({columns.begin(), columns.begin() + keys}));
    return Status::OK();
  }

  Status ScanBlock(int64_t begin, int64_t end) {
    size_t hits = 0;
    for (int64_t i = end; i-- > begin;) {
      hits_[hits].row = i;
      hits_[hits].slot = slots_[i];
      hits += static_cast<size_t>(slots_[i] != kNoSlot && !rows_.event().IsNull(i));
    }
    for (size_t h = 0; h < hits; ++h) beaten_.Prefetch(hits_[h].slot);
    // An error must not hang on which rows came first.
    const bool no_errors = rows_.all_fit();
    size_t left = 0;
    for (size_t h = 0; h < hits; ++h) {
      Hit hit = hits_[h];
      const bool is_known = FindKnownTime(&hit);
      hits_[left] = hit;
      const bool is_beaten = no_errors && beaten_.Has(hit.slot, hit.known);
      left += static_cast<size_t>(is_known && !is_beaten);
    }
    for (size_t h = 0; h < left; ++h) {
      __builtin_prefetch(timeline_.slot_begin() + hits_[h].slot);
    }
    for (size_t h = 0; h < left; ++h) {
      const auto [first, size] = PositionsOf(hits_[h].slot);
      __builtin_prefetch(timeline_.times() + first + size / 2);
    }
    size_t found = 0;
    for (size_t h = 0; h < left; ++h) {
      Hit hit = hits_[h];
      const auto [first, size] = PositionsOf(hit.slot);
      hit.position = first + CountBefore(hit.known, timeline_.times() + first, size);
      candidates_.Prefetch(hit.position);
      hits_[found] = hit;
      found += static_cast<size_t>(hit.position != first + size);
    }
    for (size_t h = 0; h < found; ++h) ARROW_RETURN_NOT_OK(RaiseHit(hits_[h]));
    return Status::OK();
  }

  /// A row that may be the answer at some position.
  struct Hit {
    int64_t row;
    int64_t known;  ///< When it gets known, in the timeline's unit.
    Slot slot;
    Position position;  ///< The first that knows it.
  };

  /// False if it is never known.
  bool FindKnownTime(Hit* hit) const {
    const TimeColumn& event = rows_.event();
    auto known = CeilTime(event.values()[hit->row], event.unit(), timeline_.unit());
    if (!known) return false;
    if (view_.known_at_created) {
      const TimeColumn& created = rows_.created();
      if (created.IsNull(hit->row)) return false;
      const auto at = CeilTime(created.values()[hit->row], created.unit(), timeline_.unit());
      if (!at) return false;
      known = std::max(*known, *at);
    }
    hit->known = *known;
    return true;
  }

  std::pair<Position, Position> PositionsOf(Slot slot) const {
    const Position first = timeline_.slot_begin()[slot];
    return {first, timeline_.slot_begin()[slot + 1] - first};
  }

  Status RaiseHit(const Hit& hit) {
    Candidate candidate;
    ARROW_RETURN_NOT_OK(rows_.Make(hit.row, &candidate));
    const int64_t newest = candidates_.Raise(hit.position, candidate);
    if (const auto time = CeilTime(newest, rows_.event_unit(), timeline_.unit())) {
      beaten_.Set(hit.slot, hit.position, *time);
    }
    return Status::OK();
  }

  /// How many of a slot's times are earlier. Binary search by arithmetic (Khuong and Morin, "Array
  /// layouts for comparison-based searching", 2017): no branch is predicted well.
  static Position CountBefore(int64_t time, const int64_t* times, size_t count) {
    if (count == 0) return 0;
    const int64_t* first = times;
    for (; count > 8; count -= count / 2) {
      first += static_cast<size_t>(first[count / 2 - 1] < time) * (count / 2);
    }
    // As many steps however many times are left, or the end would be a branch like that.
    for (int step = 0; step < 3; ++step) {
      const size_t half = count / 2;
      first += static_cast<size_t>(first[half - size_t{half > 0}] < time) * half;
      count -= half;
    }
    return static_cast<Position>(first - times) + static_cast<Position>(*first < time);
  }

  const PointInTimeView& view_;
  const Timeline& timeline_;
  CandidateTable& candidates_;
  RowCandidates rows_;
  std::optional<SlotFinder> finder_;
  const Slot* slots_ = nullptr;
  std::vector<Slot> every_row_;
  BeatenTimes beaten_;
  std::array<Hit, kBlock> hits_;
};

/// The scans of all threads: each takes one for a piece, and gives back what it has learned.
class BatchScans {
 public:
  template <typename Make>
  std::shared_ptr<BatchScan> Take(const Make& make) {
    std::unique_ptr<BatchScan> scan;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!idle_.empty()) {
        scan = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (scan == nullptr) scan = make();
    return {scan.release(), [this](BatchScan* done) {
              const std::lock_guard<std::mutex> lock(mutex_);
              idle_.emplace_back(done);
            }};
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<BatchScan>> idle_;
};

}  // namespace

Result<std::vector<size_t>> RowGroupsToScan(const PointInTimeView& view, const Timeline& timeline,
                                            bool prune_by_ttl, const RunContext& context) {
  if (timeline.positions() == 0) return std::vector<size_t>{};
  const auto may_matter = SelectRowGroups(*view.dataset, FilterOf(view, timeline, prune_by_ttl));
  ARROW_ASSIGN_OR_RAISE(const auto skipped, FilesWithoutKeys(view, timeline, context));
  std::vector<size_t> selected;
  for (const size_t i : may_matter) {
    if (!skipped[static_cast<size_t>(view.dataset->row_groups()[i].file)]) selected.push_back(i);
  }
  return selected;
}

Status ScanCandidates(const PointInTimeView& view, const Timeline& timeline, bool prune_by_ttl,
                      const RunContext& context, ReadCounters* counters,
                      std::atomic<int64_t>* rows_scanned, CandidateTable* candidates) {
  ARROW_ASSIGN_OR_RAISE(auto row_groups, RowGroupsToScan(view, timeline, prune_by_ttl, context));
  view.SortByNewest(&row_groups);
  ARROW_ASSIGN_OR_RAISE(
      const auto rows,
      SelectRows(*view.dataset, row_groups, FilterOf(view, timeline, prune_by_ttl), context));
  BatchScans scans;
  return ScanRowGroups(*view.dataset, rows, ScanOrder::kBackward, view.ScannedColumns(),
                       /*keep_dictionaries=*/true, context, counters, rows_scanned,
                       [&](size_t) -> BatchVisitor {
                         const auto scan = scans.Take([&] {
                           return std::make_unique<BatchScan>(view, timeline, context, candidates);
                         });
                         return [scan](const arrow::RecordBatch& batch, uint64_t first_address) {
                           return scan->Scan(batch, first_address);
                         };
                       });
}

}  // namespace larder
