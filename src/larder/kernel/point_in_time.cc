// SPDX-License-Identifier: Apache-2.0
#include "larder/kernel/point_in_time.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include <algorithm>
#include <array>

#include "larder/scan/pruning.h"

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

/// Files whose partition values are the join keys of no entity row.
Result<std::vector<bool>> FilesWithoutKeys(const PointInTimeView& view, const Timeline& timeline,
                                           const RunContext& context) {
  const Dataset& dataset = *view.dataset;
  std::vector<bool> without(dataset.files().size(), false);
  if (timeline.keys() == nullptr) return without;
  SlotFinder finder(*timeline.keys(), context.pool);
  for (size_t i = 0; i < without.size(); ++i) {
    arrow::ArrayVector key;
    for (const auto& column : view.join_keys) {
      const auto constant = dataset.Find(dataset.files()[i], column).constant;
      if (constant == nullptr) break;
      ARROW_ASSIGN_OR_RAISE(auto array, arrow::MakeArrayFromScalar(*constant, 1, context.pool));
      key.push_back(std::move(array));
    }
    if (key.size() != view.join_keys.size()) continue;
    ARROW_ASSIGN_OR_RAISE(const Slot* slot, finder.Find(key));
    without[i] = *slot == kNoSlot;
  }
  return without;
}

/// Scans batches of one view on one thread.
class BatchScan {
 public:
  BatchScan(const PointInTimeView& view, const Timeline& timeline, const RunContext& context,
            CandidateTable* candidates)
      : view_(view), timeline_(timeline), context_(context), candidates_(*candidates) {
    if (timeline.keys() != nullptr) finder_.emplace(*timeline.keys(), context.pool);
    view_unit_ = view.UnitOf(view.event_timestamp);
    if (view.created_timestamp) created_unit_ = view.UnitOf(*view.created_timestamp);
  }

  /// Columns: join keys, event timestamp, created timestamp if the view has one.
  Status Scan(const arrow::RecordBatch& batch, uint64_t first_address) {
    const auto keys = static_cast<int>(view_.join_keys.size());
    rows_ = batch.num_rows();
    first_address_ = first_address;
    ARROW_ASSIGN_OR_RAISE(event_, ReadTimes(batch.column(keys), view_.event_timestamp,
                                            view_.string_unit, context_.pool));
    if (view_.created_timestamp) {
      ARROW_ASSIGN_OR_RAISE(created_, ReadTimes(batch.column(keys + 1), *view_.created_timestamp,
                                                view_.string_unit, context_.pool));
    }
    ARROW_RETURN_NOT_OK(FindSlots(batch));
    for (int64_t begin = 0; begin < rows_; begin += kBlock) {
      ARROW_RETURN_NOT_OK(ScanBlock(begin, std::min(begin + kBlock, rows_)));
    }
    return Status::OK();
  }

 private:
  // Each step of a block fetches from memory what the next one reads.
  static constexpr int64_t kBlock = 128;

  Status FindSlots(const arrow::RecordBatch& batch) {
    if (!finder_) {
      every_row_.resize(static_cast<size_t>(rows_), Slot{0});
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
    for (int64_t i = begin; i < end; ++i) {
      if (slots_[i] == kNoSlot || event_.IsNull(i)) continue;
      __builtin_prefetch(timeline_.slot_begin() + slots_[i]);
      hits_[hits++].row = i;
    }
    for (size_t h = 0; h < hits; ++h) {
      const Slot slot = slots_[hits_[h].row];
      hits_[h].begin = timeline_.slot_begin()[slot];
      hits_[h].end = timeline_.slot_begin()[slot + 1];
      __builtin_prefetch(timeline_.times() + hits_[h].begin + (hits_[h].end - hits_[h].begin) / 2);
    }
    size_t found = 0;
    for (size_t h = 0; h < hits; ++h) {
      const Position position = FirstPositionThatKnows(hits_[h]);
      if (position == hits_[h].end) continue;
      candidates_.Prefetch(position);
      hits_[found].row = hits_[h].row;
      hits_[found++].begin = position;
    }
    for (size_t h = 0; h < found; ++h) {
      Candidate candidate;
      ARROW_RETURN_NOT_OK(MakeCandidate(hits_[h].row, &candidate));
      candidates_.Raise(hits_[h].begin, candidate);
    }
    return Status::OK();
  }

  struct Hit {
    int64_t row;
    Position begin;
    Position end;
  };

  /// The end of the slot's positions if no entity row's time is late enough.
  Position FirstPositionThatKnows(const Hit& hit) const {
    const TimeUnit unit = timeline_.unit();
    auto known = CeilTime(event_.values()[hit.row], event_.unit(), unit);
    if (!known) return hit.end;
    if (view_.known_at_created) {
      if (created_.IsNull(hit.row)) return hit.end;
      const auto created = CeilTime(created_.values()[hit.row], created_.unit(), unit);
      if (!created) return hit.end;
      known = std::max(*known, *created);
    }
    // A binary search without branches: where a slot has several times, no guess is good.
    const int64_t* first = timeline_.times() + hit.begin;
    Position left = hit.end - hit.begin;
    while (left > 0) {
      const Position half = left / 2;
      const bool before = first[half] < *known;
      first += before ? half + 1 : 0;
      left = before ? left - half - 1 : half;
    }
    return static_cast<Position>(first - timeline_.times());
  }

  Status MakeCandidate(int64_t row, Candidate* candidate) const {
    const uint64_t address = first_address_ + static_cast<uint64_t>(row);
    int64_t event = event_.values()[row];
    if (event_.unit() != view_unit_) {
      ARROW_ASSIGN_OR_RAISE(event,
                            ToSourceUnit(event, event_.unit(), view_unit_, view_.event_timestamp));
    }
    if (!view_.created_timestamp || created_.IsNull(row)) {
      *candidate = Candidate::WithoutCreated(event, address);
      return Status::OK();
    }
    int64_t created = created_.values()[row];
    if (created_.unit() != created_unit_) {
      ARROW_ASSIGN_OR_RAISE(
          created, ToSourceUnit(created, created_.unit(), created_unit_, *view_.created_timestamp));
    }
    *candidate = Candidate::WithCreated(event, created, address);
    return Status::OK();
  }

  const PointInTimeView& view_;
  const Timeline& timeline_;
  const RunContext& context_;
  CandidateTable& candidates_;
  std::optional<SlotFinder> finder_;
  TimeUnit view_unit_ = TimeUnit::SECOND;
  TimeUnit created_unit_ = TimeUnit::SECOND;

  int64_t rows_ = 0;
  uint64_t first_address_ = 0;
  TimeColumn event_;
  TimeColumn created_;
  const Slot* slots_ = nullptr;
  std::vector<Slot> every_row_;
  std::array<Hit, kBlock> hits_;
};

}  // namespace

std::vector<std::string> PointInTimeView::ScannedColumns() const {
  std::vector<std::string> columns = join_keys;
  columns.push_back(event_timestamp);
  if (created_timestamp) columns.push_back(*created_timestamp);
  return columns;
}

TimeUnit PointInTimeView::UnitOf(const std::string& column) const {
  return UnitOfTimeType(*dataset->schema()->GetFieldByName(column)->type(), string_unit);
}

Result<std::vector<size_t>> RowGroupsToScan(const PointInTimeView& view, const Timeline& timeline,
                                            bool prune_by_ttl, const RunContext& context) {
  if (timeline.positions() == 0) return std::vector<size_t>{};
  TimeWindow window;
  window.last_event = ToWideNanos(timeline.max_time(), timeline.unit());
  if (prune_by_ttl && view.ttl_us > 0) {
    window.first_event = ToWideNanos(timeline.min_time(), timeline.unit()) -
                         ToWideNanos(view.ttl_us, TimeUnit::MICRO);
  }
  if (view.known_at_created) window.last_created = window.last_event;
  const auto in_window =
      SelectRowGroups(*view.dataset, view.event_timestamp, view.created_timestamp, window);
  ARROW_ASSIGN_OR_RAISE(const auto skipped, FilesWithoutKeys(view, timeline, context));
  std::vector<size_t> selected;
  for (const size_t i : in_window) {
    if (!skipped[static_cast<size_t>(view.dataset->row_groups()[i].file)]) selected.push_back(i);
  }
  return selected;
}

Status ScanCandidates(const PointInTimeView& view, const Timeline& timeline,
                      const std::vector<size_t>& row_groups, const RunContext& context,
                      ReadCounters* counters, std::atomic<int64_t>* rows_scanned,
                      CandidateTable* candidates) {
  const std::vector<std::string> columns = view.ScannedColumns();
  // Slots of a dictionary's entries serve single keys only.
  const bool keep_dictionaries = view.join_keys.size() == 1;

  return RunTasks(context, static_cast<int64_t>(row_groups.size()), [&](int64_t task) {
    const size_t index = row_groups[static_cast<size_t>(task)];
    const RowGroup& group = view.dataset->row_groups()[index];
    const std::string& path = view.dataset->file_of(group).path;
    ARROW_ASSIGN_OR_RAISE(auto batches, ColumnBatches::Open(*view.dataset, index, columns,
                                                            keep_dictionaries, context, counters));
    BatchScan scan(view, timeline, context, candidates);
    uint64_t address = group.first_row;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const auto batch, batches.Next());
      if (batch == nullptr) break;
      ARROW_RETURN_NOT_OK(NamingFile(path, scan.Scan(*batch, address)));
      address += static_cast<uint64_t>(batch->num_rows());
      rows_scanned->fetch_add(batch->num_rows(), std::memory_order_relaxed);
    }
    return Status::OK();
  });
}

}  // namespace larder
