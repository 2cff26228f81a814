// SPDX-License-Identifier: Apache-2.0
#include "larder/kernel/row_candidates.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "larder/source/column_bounds.h"

namespace larder {

std::vector<std::string> KeyedSource::ScannedColumns() const {
  std::vector<std::string> columns = join_keys;
  columns.push_back(event_timestamp);
  if (created_timestamp) columns.push_back(*created_timestamp);
  return columns;
}

TimeUnit KeyedSource::UnitOf(const std::string& column, TimeUnit string_unit) const {
  return UnitOfTimeType(*dataset->schema()->GetFieldByName(column)->type(), string_unit);
}

void KeyedSource::SortByNewest(std::vector<size_t>* row_groups) const {
  std::vector<std::pair<WideNanos, size_t>> newest;
  newest.reserve(row_groups->size());
  for (const size_t i : *row_groups) {
    const auto times = TimeBounds(*dataset, dataset->row_groups()[i], event_timestamp);
    newest.emplace_back(times ? times->max : std::numeric_limits<WideNanos>::max(), i);
  }
  std::sort(newest.begin(), newest.end());
  std::transform(newest.begin(), newest.end(), row_groups->begin(),
                 [](const auto& group) { return group.second; });
}

RowCandidates::RowCandidates(const KeyedSource& source, TimeUnit string_unit,
                             arrow::MemoryPool* pool)
    : source_(source),
      string_unit_(string_unit),
      pool_(pool),
      event_unit_(source.UnitOf(source.event_timestamp, string_unit)) {
  if (source.created_timestamp) {
    created_unit_ = source.UnitOf(*source.created_timestamp, string_unit);
  }
}

namespace {

/// True if every time, those behind nulls too, can be told in another unit.
bool AllFit(const TimeColumn& times, TimeUnit unit) {
  if (times.unit() == unit || times.length() == 0) return true;
  const auto [min, max] = std::minmax_element(times.values(), times.values() + times.length());
  return ConvertTimeExactly(*min, times.unit(), unit) &&
         ConvertTimeExactly(*max, times.unit(), unit);
}

}  // namespace

arrow::Status RowCandidates::Read(const arrow::RecordBatch& batch, uint64_t first_address) {
  const auto keys = static_cast<int>(source_.join_keys.size());
  first_address_ = first_address;
  ARROW_ASSIGN_OR_RAISE(
      event_, ReadTimes(batch.column(keys), source_.event_timestamp, string_unit_, pool_));
  if (source_.created_timestamp) {
    ARROW_ASSIGN_OR_RAISE(created_, ReadTimes(batch.column(keys + 1), *source_.created_timestamp,
                                              string_unit_, pool_));
  }
  all_fit_ = AllFit(event_, event_unit_) &&
             (!source_.created_timestamp || AllFit(created_, created_unit_));
  return arrow::Status::OK();
}

}  // namespace larder
