// SPDX-License-Identifier: Apache-2.0
#include "larder/scan/pruning.h"

#include <algorithm>
#include <utility>

#include "larder/scan/page_bounds.h"

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

/// Times from `first` to `last`, none = open.
struct TimeSpan {
  std::optional<WideNanos> first;
  std::optional<WideNanos> last;

  bool MayHave(const Bounds<WideNanos>& times) const {
    return !(first && times.max < *first) && !(last && times.min > *last);
  }
  bool HasAll(const Bounds<WideNanos>& times) const {
    return !(first && times.min < *first) && !(last && times.max > *last);
  }
};

bool MayMatter(const Dataset& dataset, const RowGroup& group, const RowFilter& filter) {
  const TimeWindow& window = filter.window;
  if (window.has_events()) {
    const auto times = TimeBounds(dataset, group, filter.event_timestamp);
    if (!times && IsAllNull(dataset, group, filter.event_timestamp)) return false;
    if (times && !TimeSpan{window.first_event, window.last_event}.MayHave(*times)) return false;
  }
  if (window.last_created && filter.created_timestamp) {
    const auto times = TimeBounds(dataset, group, *filter.created_timestamp);
    if (times && !TimeSpan{std::nullopt, window.last_created}.MayHave(*times)) return false;
  }
  if (filter.count_keys == nullptr) return true;
  for (size_t i = 0; i < filter.join_keys.size(); ++i) {
    const auto keys = IntegerBounds(dataset, group, filter.join_keys[i]);
    if (keys && filter.count_keys(i, *keys, 1) == 0) return false;
  }
  return true;
}

/// The pages of one row group, and what is left of its rows.
class PageSelection {
 public:
  PageSelection(const Dataset& dataset, const RowGroup& group, const RunContext& context)
      : dataset_(dataset), group_(group), context_(context), left_{{0, group.rows}} {}

  void KeepTimes(const std::string& column, const TimeSpan& span) {
    const auto all = TimeBounds(dataset_, group_, column);
    const int64_t nanos = NanosPerUnit(dataset_, group_, column);
    if (!all || nanos == 0 || span.HasAll(*all)) return;
    KeepPages(column, [&](const Bounds<int64_t>& times) {
      return span.MayHave(
          {static_cast<WideNanos>(times.min) * nanos, static_cast<WideNanos>(times.max) * nanos});
    });
  }

  template <typename CountKeys>
  void KeepKeys(const std::string& column, const CountKeys& count_keys) {
    // What most writers put into a page. With more keys than pages, hardly a page has none.
    constexpr uint64_t kRowsOfPage = 20'000;
    const auto all = IntegerBounds(dataset_, group_, column);
    const uint64_t too_many = static_cast<uint64_t>(group_.rows) / kRowsOfPage + 2;
    if (!all || count_keys(*all, too_many) == too_many) return;
    KeepPages(column, [&](const Bounds<int64_t>& keys) { return count_keys(keys, 1) > 0; });
  }

  std::vector<RowInterval> Finish() { return std::move(left_); }

 private:
  /// Nulls never matter: they are no event timestamp, nor a key or a time when a row was known.
  template <typename MayMatter>
  void KeepPages(const std::string& column, const MayMatter& may_matter) {
    if (left_.empty()) return;
    const auto pages = ReadPageBounds(dataset_, group_, column, context_);
    if (pages.empty()) return;
    std::vector<RowInterval> kept;
    int64_t begin = 0;
    for (const PageBounds& page : pages) {
      const int64_t end = begin + page.rows;
      if (!page.all_null && (!page.values || may_matter(*page.values))) {
        if (kept.empty() || kept.back().end < begin) {
          kept.push_back({begin, end});
        } else {
          kept.back().end = end;
        }
      }
      begin = end;
    }
    left_ = Intersect(left_, kept);
  }

  static std::vector<RowInterval> Intersect(const std::vector<RowInterval>& left,
                                            const std::vector<RowInterval>& right) {
    std::vector<RowInterval> both;
    for (size_t l = 0, r = 0; l < left.size() && r < right.size();) {
      const RowInterval common{std::max(left[l].begin, right[r].begin),
                               std::min(left[l].end, right[r].end)};
      if (common.begin < common.end) both.push_back(common);
      ++(left[l].end < right[r].end ? l : r);
    }
    return both;
  }

  const Dataset& dataset_;
  const RowGroup& group_;
  const RunContext& context_;
  std::vector<RowInterval> left_;
};

}  // namespace

std::vector<size_t> SelectRowGroups(const Dataset& dataset, const RowFilter& filter) {
  std::vector<size_t> selected;
  for (size_t i = 0; i < dataset.row_groups().size(); ++i) {
    if (MayMatter(dataset, dataset.row_groups()[i], filter)) selected.push_back(i);
  }
  return selected;
}

Result<std::vector<SelectedRows>> SelectRows(const Dataset& dataset,
                                             std::span<const size_t> row_groups,
                                             const RowFilter& filter, const RunContext& context) {
  std::vector<SelectedRows> selected(row_groups.size());
  const TimeWindow& window = filter.window;
  const auto tasks = static_cast<int64_t>(row_groups.size());
  ARROW_RETURN_NOT_OK(RunTasks(context, tasks, [&](int64_t task) {
    const size_t index = row_groups[static_cast<size_t>(task)];
    PageSelection rows(dataset, dataset.row_groups()[index], context);
    if (window.has_events()) {
      rows.KeepTimes(filter.event_timestamp, {window.first_event, window.last_event});
    }
    if (window.last_created && filter.created_timestamp) {
      rows.KeepTimes(*filter.created_timestamp, {std::nullopt, window.last_created});
    }
    for (size_t i = 0; filter.count_keys != nullptr && i < filter.join_keys.size(); ++i) {
      rows.KeepKeys(filter.join_keys[i], [&](const Bounds<int64_t>& keys, uint64_t limit) {
        return filter.count_keys(i, keys, limit);
      });
    }
    selected[static_cast<size_t>(task)] = {index, rows.Finish()};
    return Status::OK();
  }));
  std::erase_if(selected, [](const SelectedRows& rows) { return rows.intervals.empty(); });
  return selected;
}

}  // namespace larder
