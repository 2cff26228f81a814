// SPDX-License-Identifier: Apache-2.0
#include "larder/scan/pruning.h"

namespace larder {
namespace {

bool MayOverlap(const std::optional<Bounds<WideNanos>>& bounds,
                const std::optional<WideNanos>& first, const std::optional<WideNanos>& last) {
  if (!bounds) return true;
  return !(first && bounds->max < *first) && !(last && bounds->min > *last);
}

}  // namespace

std::vector<size_t> SelectRowGroups(const Dataset& dataset, const std::string& event_timestamp,
                                    const std::optional<std::string>& created_timestamp,
                                    const TimeWindow& window) {
  std::vector<size_t> selected;
  const bool events_matter = window.first_event || window.last_event;
  for (size_t i = 0; i < dataset.row_groups().size(); ++i) {
    const RowGroup& group = dataset.row_groups()[i];
    if (events_matter) {
      const auto bounds = TimeBounds(dataset, group, event_timestamp);
      if (!bounds && IsAllNull(dataset, group, event_timestamp)) continue;
      if (!MayOverlap(bounds, window.first_event, window.last_event)) continue;
    }
    if (window.last_created && created_timestamp) {
      const auto bounds = TimeBounds(dataset, group, *created_timestamp);
      if (!MayOverlap(bounds, std::nullopt, window.last_created)) continue;
    }
    selected.push_back(i);
  }
  return selected;
}

}  // namespace larder
