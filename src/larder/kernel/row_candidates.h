// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "larder/base/event_time.h"
#include "larder/kernel/candidate.h"
#include "larder/source/dataset.h"

namespace larder {

/// A source whose rows compete for its join keys.
struct KeyedSource {
  std::shared_ptr<const Dataset> dataset;
  std::vector<std::string> join_keys;  ///< Empty: one key for all rows.
  std::string event_timestamp;
  std::optional<std::string> created_timestamp;

  /// The columns that are scanned: join keys, event timestamp, created timestamp if there is one.
  std::vector<std::string> ScannedColumns() const;
  /// The unit that times of a column are compared in, the finest of all files.
  TimeUnit UnitOf(const std::string& column, TimeUnit string_unit) const;
  /// The last of the row groups become those with the newest rows, by statistics or perhaps.
  void SortByNewest(std::vector<size_t>* row_groups) const;
};

/// The rows of a batch of KeyedSource::ScannedColumns() as candidates. `source` must outlive it.
class RowCandidates {
 public:
  /// `string_unit`: of times that are ISO-8601 strings.
  RowCandidates(const KeyedSource& source, TimeUnit string_unit, arrow::MemoryPool* pool);

  /// `first_address`: of the batch's first row.
  arrow::Status Read(const arrow::RecordBatch& batch, uint64_t first_address);

  const TimeColumn& event() const { return event_; }
  /// Only if the source has a created timestamp.
  const TimeColumn& created() const { return created_; }
  /// Of the events of candidates.
  TimeUnit event_unit() const { return event_unit_; }
  /// True if Make() succeeds for every row, so that none has to be tried for an error's sake.
  bool all_fit() const { return all_fit_; }

  /// For a row whose event timestamp is not null. Invalid, which names the column, if a time is
  /// too far from 1970 for the unit of comparison.
  arrow::Status Make(int64_t row, Candidate* candidate) const {
    const uint64_t address = first_address_ + static_cast<uint64_t>(row);
    int64_t event = event_.values()[row];
    if (event_.unit() != event_unit_) {
      ARROW_ASSIGN_OR_RAISE(
          event, ToSourceUnit(event, event_.unit(), event_unit_, source_.event_timestamp));
    }
    if (!source_.created_timestamp || created_.IsNull(row)) {
      *candidate = Candidate::WithoutCreated(event, address);
      return arrow::Status::OK();
    }
    int64_t created = created_.values()[row];
    if (created_.unit() != created_unit_) {
      ARROW_ASSIGN_OR_RAISE(created, ToSourceUnit(created, created_.unit(), created_unit_,
                                                  *source_.created_timestamp));
    }
    *candidate = Candidate::WithCreated(event, created, address);
    return arrow::Status::OK();
  }

 private:
  const KeyedSource& source_;
  TimeUnit string_unit_;
  arrow::MemoryPool* pool_;
  TimeUnit event_unit_;
  TimeUnit created_unit_ = TimeUnit::SECOND;
  uint64_t first_address_ = 0;
  TimeColumn event_;
  TimeColumn created_;
  bool all_fit_ = true;
};

}  // namespace larder
