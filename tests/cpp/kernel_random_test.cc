// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "tests/cpp/kernel_testing.h"

// The join and the latest rows beside a direct reading of their rules, on small random data.

namespace larder {
namespace {

using arrow::TimeUnit;
using Cell = std::optional<int64_t>;

struct Row {
  Cell key;
  Cell event;    ///< Nanoseconds.
  Cell created;  ///< Nanoseconds.
};

std::string Json(const std::vector<Cell>& cells) {
  std::string json;
  for (const auto& cell : cells) {
    json += (json.empty() ? "[" : ", ") + (cell ? std::to_string(*cell) : "null");
  }
  return json.empty() ? "[]" : json + "]";
}

/// Any tie goes to the later row.
bool Beats(const Row& row, const Row& best) {
  const auto order = [](const Row& r) {
    return std::tuple(*r.event, r.created.has_value(), r.created);
  };
  return !(order(row) < order(best));
}

class RandomTest : public PointInTimeTest, public testing::WithParamInterface<int> {
 protected:
  RandomTest() : random_(static_cast<unsigned>(GetParam())) {}

  int64_t Pick(int64_t first, int64_t last) {
    return std::uniform_int_distribution<int64_t>(first, last)(random_);
  }
  Cell PickOrNull(int64_t first, int64_t last) {
    return Pick(0, 9) == 0 ? std::nullopt : Cell(Pick(first, last));
  }

  /// Times around 1970 that several units can hold, where ties are many.
  Cell PickTime(int64_t unit) {
    const auto time = PickOrNull(-8, 8);
    return time ? Cell(*time * 500 / unit * unit) : time;
  }

  void AddRandomFile(const std::string& name) {
    const bool nanos = Pick(0, 1) == 0;
    const int64_t unit = nanos ? 1 : 1'000;
    std::vector<Cell> keys;
    std::vector<Cell> events;
    std::vector<Cell> created;
    for (int64_t left = Pick(0, 20); left > 0; --left) {
      const Row row{PickOrNull(0, 3), PickTime(unit), PickTime(unit)};
      rows_.push_back(row);
      keys.push_back(row.key);
      events.push_back(row.event ? Cell(*row.event / unit) : row.event);
      created.push_back(row.created ? Cell(*row.created / unit) : row.created);
    }
    const auto type = nanos ? TimeUnit::NANO : TimeUnit::MICRO;
    AddFile(
        name, {Int64Field("k"), TimeField("t", type), TimeField("c", type)},
        {Json(keys), Json(events), Json(created)},
        {.row_group_rows = Pick(1, 8), .page_rows = 2 * Pick(1, 3), .page_index = Pick(0, 1) == 0});
  }

  int64_t ExpectedWinner(const Cell& key, const Cell& time) const {
    int64_t best = kNone;
    for (size_t i = 0; i < rows_.size(); ++i) {
      const Row& row = rows_[i];
      if (!key || !time || !row.key || !row.event || *row.key != *key || *row.event > *time) {
        continue;
      }
      if (view_.known_at_created && (!row.created || *row.created > *time)) continue;
      if (best == kNone || Beats(row, rows_[static_cast<size_t>(best)])) {
        best = static_cast<int64_t>(i);
      }
    }
    if (best == kNone || view_.ttl_us == 0) return best;
    const int64_t oldest = *time - view_.ttl_us * 1'000;
    return *rows_[static_cast<size_t>(best)].event < oldest ? kNone : best;
  }

  std::mt19937 random_;
  std::vector<Row> rows_;  ///< By address.
};

INSTANTIATE_TEST_SUITE_P(Seeds, RandomTest, testing::Range(0, 30));

TEST_P(RandomTest, WinnersAreThoseOfTheRules) {
  for (const char* name : {"a", "b", "c"}) AddRandomFile(name);
  view_.created_timestamp = "c";
  view_.known_at_created = Pick(0, 1) == 0;
  view_.ttl_us = Pick(0, 3);
  std::vector<Cell> keys;
  std::vector<Cell> times;
  std::vector<int64_t> expected;
  for (int i = 0; i < 60; ++i) {
    keys.push_back(PickOrNull(0, 4));
    const auto time = PickOrNull(-10, 10);
    times.push_back(time ? Cell(*time * 500 + Pick(-1, 1)) : time);
    expected.push_back(ExpectedWinner(keys.back(), times.back()));
  }
  EXPECT_EQ(
      Join({Int64Field("k"), TimeField("t", TimeUnit::NANO)}, {Json(keys), Json(times)}).winners,
      expected);
}

TEST_P(RandomTest, LatestRowsAreThoseOfTheRules) {
  for (const char* name : {"a", "b", "c"}) AddRandomFile(name);
  const int64_t start = Pick(-5, 2);
  const int64_t end = start + Pick(0, 5);
  std::vector<std::optional<size_t>> newest(5);
  for (size_t i = 0; i < rows_.size(); ++i) {
    const Row& row = rows_[i];
    if (!row.key || !row.event || *row.event < start * 1'000 || *row.event > end * 1'000) continue;
    auto& best = newest[static_cast<size_t>(*row.key)];
    if (!best || Beats(row, rows_[*best])) best = i;
  }
  std::vector<uint64_t> expected;
  for (const auto& best : newest) {
    if (best) expected.push_back(*best);
  }
  std::sort(expected.begin(), expected.end());
  const LatestScan scan{{Open(), {"k"}, "t", "c"}, {start, end}};
  for (const auto& context : AllContexts()) {
    ReadCounters counters(*scan.dataset);
    std::atomic<int64_t> scanned{0};
    const auto found =
        Unwrap(FindLatest(scan, context, &counters, &scanned)).From(0, 1 << 20, context.pool);
    EXPECT_EQ(std::vector<uint64_t>(found.begin(), found.end()), expected);
  }
}

}  // namespace
}  // namespace larder
