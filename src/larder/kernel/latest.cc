// SPDX-License-Identifier: Apache-2.0
#include "larder/kernel/latest.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "larder/kernel/candidate.h"
#include "larder/kernel/join_key.h"
#include "larder/kernel/latest_table.h"
#include "larder/scan/pruning.h"
#include "larder/source/column_bounds.h"

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

/// The newest row of each key. Those of integers that lie close together, as ids do, have places
/// by their distance from the first, and nothing is hashed; the table has all others.
class NewestRows {
 public:
  NewestRows(const KeyEncoder& encoder, const Bounds<int64_t>& close, TimeUnit event_unit,
             bool has_created, const RunContext& context)
      : close_(close),
        places_(close.is_none() ? 0 : close.Distance(close.max) + 1),
        unit_(event_unit),
        by_distance_(places_, has_created, context.threads > 1, context.pool),
        table_(encoder, context) {}

  /// Not smaller than places() if the key belongs into the table.
  uint64_t PlaceOf(int64_t key) const { return close_.Distance(key); }
  uint64_t places() const { return places_; }
  CandidateTable& by_distance() { return by_distance_; }
  LatestTable& table() { return table_; }

  /// True if each of places() has a row that is newer than `event`, so that no row as old as that
  /// can be the newest of a key with a place.
  bool AreAllNewerThan(WideNanos event) {
    const std::lock_guard<std::mutex> lock(mutex_);
    // Rows only get newer, so where this was true of an event, it is of an older one.
    if (event > newer_than_) newer_ = 0;
    newer_than_ = event;
    while (newer_ < places_ && ToWideNanos(by_distance_.EventAt(newer_), unit_) > event) ++newer_;
    return newer_ == places_;
  }

  /// Adds them to `newest`; the table is empty then.
  Status Finish(RowSet* newest) {
    for (size_t place = 0; place < places_; ++place) {
      if (by_distance_[place].exists()) newest->Insert(by_distance_[place].address());
    }
    return table_.Finish(newest);
  }

 private:
  const Bounds<int64_t> close_;
  const uint64_t places_;
  const TimeUnit unit_;  ///< Of the candidates' events.
  CandidateTable by_distance_;
  LatestTable table_;

  std::mutex mutex_;
  uint64_t newer_ = 0;  ///< How many of the first places have a row that is newer than ...
  WideNanos newer_than_ = 0;
};

/// Scans batches on one thread.
class LatestBatchScan {
 public:
  LatestBatchScan(const LatestScan& scan, const KeyEncoder& encoder, TimeUnit string_unit,
                  const RunContext& context, NewestRows* newest)
      : scan_(scan),
        encoder_(encoder),
        newest_(*newest),
        rows_(scan, string_unit, context.pool),
        keys_(context.pool) {}

  Status Scan(const arrow::RecordBatch& batch, uint64_t first_address) {
    ARROW_RETURN_NOT_OK(rows_.Read(batch, first_address));
    ARROW_RETURN_NOT_OK(ReadKeys(batch));
    others_.clear();
    if (newest_.places() == 0) {
      ARROW_RETURN_NOT_OK(ForEachRow(0, keys_.length, [&](int64_t row, const Candidate& candidate) {
        AddToOthers(row, candidate);
      }));
    } else {
      for (int64_t begin = 0; begin < keys_.length; begin += kBlock) {
        ARROW_RETURN_NOT_OK(RaiseByDistance(begin, std::min(begin + kBlock, keys_.length)));
      }
    }
    return others_.empty() ? Status::OK() : newest_.table().Raise(keys_, others_, &scratch_);
  }

 private:
  /// Rows whose candidates are fetched from memory while others are raised.
  static constexpr int64_t kBlock = 128;

  Status ReadKeys(const arrow::RecordBatch& batch) {
    const auto& columns = batch.columns();
    const auto count = static_cast<int64_t>(scan_.join_keys.size());
    if (count > 0) return encoder_.Encode({columns.begin(), columns.begin() + count}, &keys_);
    // The key that all rows have.
    keys_.length = batch.num_rows();
    keys_.int_storage.assign(static_cast<size_t>(batch.num_rows()), 0);
    keys_.ints = keys_.int_storage.data();
    return Status::OK();
  }

  /// Calls visit(row, candidate) for the rows within the range.
  template <typename Visit>
  Status ForEachRow(int64_t begin, int64_t end, const Visit& visit) const {
    const TimeColumn& event = rows_.event();
    const Bounds<int64_t> range = scan_.range.InUnit(event.unit());
    for (int64_t i = begin; i < end; ++i) {
      const int64_t time = event.values()[i];
      if (event.IsNull(i) || time < range.min || time > range.max) continue;
      Candidate candidate;
      ARROW_RETURN_NOT_OK(rows_.Make(i, &candidate));
      visit(i, candidate);
    }
    return Status::OK();
  }

  Status RaiseByDistance(int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const uint64_t place = newest_.PlaceOf(keys_.ints[i]);
      if (place < newest_.places()) newest_.by_distance().Prefetch(place);
    }
    return ForEachRow(begin, end, [&](int64_t row, const Candidate& candidate) {
      if (!keys_.IsValid(row)) return;
      const uint64_t place = newest_.PlaceOf(keys_.ints[row]);
      if (place < newest_.places()) {
        newest_.by_distance().Raise(place, candidate);
      } else {
        AddToOthers(row, candidate);
      }
    });
  }

  void AddToOthers(int64_t row, const Candidate& candidate) {
    if (others_.empty()) others_.resize(static_cast<size_t>(keys_.length));
    others_[static_cast<size_t>(row)] = candidate;
  }

  const LatestScan& scan_;
  const KeyEncoder& encoder_;
  NewestRows& newest_;
  RowCandidates rows_;
  EncodedKeys keys_;
  std::vector<Candidate> others_;  ///< For the table: none, or one for each row of the batch.
  LatestTable::Scratch scratch_;
};

/// The bounds of the keys, by statistics, if they are integers and so close together that places
/// for all of them take little memory; else none.
Bounds<int64_t> CloseKeys(const LatestScan& scan, const KeyEncoder& encoder,
                          const std::vector<size_t>& row_groups, const RunContext& context) {
  constexpr auto kNone = Bounds<int64_t>::None();
  // What is forced into pieces or into collisions goes through the table.
  if (scan.join_keys.size() != 1 || !encoder.single_int64() || context.rows_in_memory > 0 ||
      context.key_hash_bits < 64) {
    return kNone;
  }
  Bounds<int64_t> bounds = kNone;
  uint64_t rows = 0;
  for (const size_t i : row_groups) {
    const RowGroup& group = scan.dataset->row_groups()[i];
    rows += static_cast<uint64_t>(group.rows);
    const auto keys = IntegerBounds(*scan.dataset, group, scan.join_keys[0]);
    if (keys) bounds.Add(*keys);
  }
  if (bounds.is_none()) return kNone;
  constexpr uint64_t kPlacesAtLeast = 1024;
  // Perhaps few of the places have a key: 100 MB is what they may cost where a table would not.
  constexpr uint64_t kPlacesAtMost = uint64_t{1} << 22;
  uint64_t most = std::clamp(rows / 4, kPlacesAtLeast, kPlacesAtMost);
  if (context.memory_limit > 0) {
    most = std::min(most, static_cast<uint64_t>(context.memory_limit) / 4 / sizeof(Candidate));
  }
  return bounds.Distance(bounds.max) < most ? bounds : kNone;
}

/// False if by statistics no row of the row group is the newest of its key, given the rows seen.
bool MayBeNewest(const LatestScan& scan, const RowGroup& group, NewestRows* seen) {
  if (seen->places() == 0) return true;
  if (!IntegerBounds(*scan.dataset, group, scan.join_keys[0])) return true;  // Others than places.
  const auto times = TimeBounds(*scan.dataset, group, scan.event_timestamp);
  return !times || !seen->AreAllNewerThan(times->max);
}

Result<KeyEncoder> EncoderOf(const LatestScan& scan) {
  std::vector<KeyDomain> domains;
  if (scan.join_keys.empty()) domains.push_back({.key_class = KeyClass::kNumber});
  for (const auto& column : scan.join_keys) {
    ARROW_ASSIGN_OR_RAISE(const auto field, scan.dataset->GetField(column, "join key"));
    ARROW_ASSIGN_OR_RAISE(
        auto domain,
        KeyDomainOf(*field->type(), scan.dataset->name() + ": column '" + column + "'"));
    domains.push_back(domain);
  }
  return KeyEncoder(std::move(domains));
}

}  // namespace

std::vector<size_t> RowGroupsToScan(const LatestScan& scan) {
  return SelectRowGroups(*scan.dataset, scan.range.filter(scan.event_timestamp));
}

Result<RowSet> FindLatest(const LatestScan& scan, const RunContext& context, ReadCounters* counters,
                          std::atomic<int64_t>* rows_scanned) {
  ARROW_ASSIGN_OR_RAISE(const auto encoder, EncoderOf(scan));
  auto groups = RowGroupsToScan(scan);
  scan.SortByNewest(&groups);
  ARROW_ASSIGN_OR_RAISE(
      const auto rows_in_range,
      SelectRows(*scan.dataset, groups, scan.range.filter(scan.event_timestamp), context));
  const auto& all = scan.dataset->row_groups();
  const uint64_t rows =
      all.empty() ? 0 : all.back().first_row + static_cast<uint64_t>(all.back().rows);

  RowSet newest(rows, context.pool);
  ARROW_RETURN_NOT_OK(WithStringUnit([&](TimeUnit string_unit) -> Status {
    NewestRows rows_of_keys(encoder, CloseKeys(scan, encoder, groups, context),
                            scan.UnitOf(scan.event_timestamp, string_unit),
                            scan.created_timestamp.has_value(), context);
    ARROW_RETURN_NOT_OK(ScanRowGroups(
        *scan.dataset, rows_in_range, ScanOrder::kBackward, scan.ScannedColumns(),
        /*keep_dictionaries=*/true, context, counters, rows_scanned,
        [&](size_t row_group) -> BatchVisitor {
          if (!MayBeNewest(scan, scan.dataset->row_groups()[row_group], &rows_of_keys)) {
            return nullptr;
          }
          auto batches =
              std::make_shared<LatestBatchScan>(scan, encoder, string_unit, context, &rows_of_keys);
          return [batches](const arrow::RecordBatch& batch, uint64_t first_address) {
            return batches->Scan(batch, first_address);
          };
        }));
    return rows_of_keys.Finish(&newest);
  }));
  return newest;
}

}  // namespace larder
