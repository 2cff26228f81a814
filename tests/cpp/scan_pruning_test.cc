// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "larder/scan/pruning.h"
#include "tests/cpp/parquet_testing.h"

namespace larder {
namespace {

using Groups = std::vector<size_t>;

/// Row groups of two rows each.
class SelectRowGroupsTest : public testing::Test {
 protected:
  void Write(const std::string& events, const std::string& created, bool statistics = true) {
    WriteParquet(root_ / "a", *TableOf({TimeField("t"), TimeField("c")}, {events, created}),
                 {.row_group_rows = 2, .statistics = statistics});
    dataset_ = OpenDataset({root_.path()});
  }

  /// Of microseconds, as the files have them.
  Groups Select(std::optional<int64_t> first_event, std::optional<int64_t> last_event,
                std::optional<int64_t> last_created = std::nullopt,
                const std::optional<std::string>& created = "c") {
    const auto nanos = [](std::optional<int64_t> time) -> std::optional<WideNanos> {
      if (!time) return std::nullopt;
      return ToWideNanos(*time, TimeUnit::MICRO);
    };
    RowFilter filter;
    filter.event_timestamp = "t";
    filter.created_timestamp = created;
    filter.window = {nanos(first_event), nanos(last_event), nanos(last_created)};
    return SelectRowGroups(*dataset_, filter);
  }

  TempDir root_;
  std::shared_ptr<const Dataset> dataset_;
};

TEST_F(SelectRowGroupsTest, BothEndsAreInclusive) {
  Write("[10, 20, 30, 40, 50, 60]", "[1, 1, 1, 1, 1, 1]");
  EXPECT_EQ(Select({}, {}), (Groups{0, 1, 2}));
  EXPECT_EQ(Select(20, 50), (Groups{0, 1, 2}));
  EXPECT_EQ(Select(21, 49), (Groups{1}));
  EXPECT_EQ(Select(40, {}), (Groups{1, 2}));
  EXPECT_EQ(Select(41, {}), (Groups{2}));
  EXPECT_EQ(Select({}, 30), (Groups{0, 1}));
  EXPECT_EQ(Select({}, 29), (Groups{0}));
  EXPECT_EQ(Select(61, {}), Groups{});
  EXPECT_EQ(Select({}, 9), Groups{});
  EXPECT_EQ(Select(21, 29), Groups{});
}

TEST_F(SelectRowGroupsTest, EdgesAreExactToTheNanosecond) {
  Write("[10, 20]", "[1, 1]");
  const auto last = ToWideNanos(20, TimeUnit::MICRO);
  const auto select = [&](WideNanos first) {
    RowFilter filter;
    filter.event_timestamp = "t";
    filter.window.first_event = first;
    return SelectRowGroups(*dataset_, filter);
  };
  EXPECT_EQ(select(last), Groups{0});
  EXPECT_EQ(select(last + 1), Groups{});
}

TEST_F(SelectRowGroupsTest, NullEventsAreInNoWindow) {
  Write("[null, null, null, 40]", "[1, 1, 1, 1]");
  EXPECT_EQ(Select(0, {}), Groups{1});
  EXPECT_EQ(Select({}, 100), Groups{1});
  EXPECT_EQ(Select({}, {}), (Groups{0, 1}));
}

TEST_F(SelectRowGroupsTest, CreatedTooLateIsLeftOut) {
  Write("[1, 1, 1, 1, 1, 1]", "[10, 20, 30, 40, null, null]");
  EXPECT_EQ(Select({}, {}, 30), (Groups{0, 1, 2}));
  EXPECT_EQ(Select({}, {}, 29), (Groups{0, 2}));
  EXPECT_EQ(Select({}, {}, 9), Groups{2});
  EXPECT_EQ(Select({}, {}, 9, std::nullopt), (Groups{0, 1, 2}));
}

TEST_F(SelectRowGroupsTest, WithoutStatisticsEveryRowGroupMayMatter) {
  Write("[10, 20, 30, 40]", "[1, 1, 1, 1]", /*statistics=*/false);
  EXPECT_EQ(Select(100, 200, 0), (Groups{0, 1}));
}

TEST_F(SelectRowGroupsTest, PartitionsCount) {
  for (const char* day : {"1970-01-01", "1970-01-02", "__HIVE_DEFAULT_PARTITION__"}) {
    WriteParquet(root_ / ("t=" + std::string(day) + "/f"), *TableOf({Int64Field("x")}, {"[1]"}));
  }
  dataset_ = OpenDataset({root_.path()});
  constexpr int64_t kDay = 86'400'000'000;
  EXPECT_EQ(Select({}, kDay, {}, {}), (Groups{0, 1}));
  EXPECT_EQ(Select({}, kDay - 1, {}, {}), Groups{0});
  EXPECT_EQ(Select(1, {}, {}, {}), Groups{1});
  EXPECT_EQ(Select({}, {}, {}, {}), (Groups{0, 1, 2}));
}

using Rows = std::vector<std::array<int64_t, 3>>;  ///< Row group, begin, end.

/// Pages of two rows each, described by a page index or by their headers.
class SelectRowsTest : public testing::TestWithParam<bool> {
 protected:
  void Write(const arrow::FieldVector& fields, const std::vector<std::string>& columns,
             int64_t row_group_rows = 1000, bool statistics = true) {
    WriteParquet(root_ / "a", *TableOf(fields, columns),
                 {.row_group_rows = row_group_rows,
                  .statistics = statistics,
                  .page_rows = 2,
                  .page_index = GetParam()});
    dataset_ = OpenDataset({root_.path()});
  }

  Rows Select(const RowFilter& filter) {
    const auto selected =
        Unwrap(SelectRows(*dataset_, SelectRowGroups(*dataset_, filter), filter, {.threads = 2}));
    Rows rows;
    for (const auto& [row_group, intervals] : selected) {
      for (const auto& [begin, end] : intervals) {
        rows.push_back({static_cast<int64_t>(row_group), begin, end});
      }
    }
    return rows;
  }

  /// Of units of the column t.
  static RowFilter Between(std::optional<int64_t> first, std::optional<int64_t> last,
                           TimeUnit unit = TimeUnit::MICRO) {
    RowFilter filter;
    filter.event_timestamp = "t";
    if (first) filter.window.first_event = ToWideNanos(*first, unit);
    if (last) filter.window.last_event = ToWideNanos(*last, unit);
    return filter;
  }

  TempDir root_;
  std::shared_ptr<const Dataset> dataset_;
};

TEST_P(SelectRowsTest, PagesOutsideTheWindowAreLeftOut) {
  Write({TimeField("t")}, {"[10, 20, 30, 40, 50, 60]"});
  EXPECT_EQ(Select(Between({}, {})), (Rows{{0, 0, 6}}));
  EXPECT_EQ(Select(Between(20, 50)), (Rows{{0, 0, 6}}));
  EXPECT_EQ(Select(Between(21, 50)), (Rows{{0, 2, 6}}));
  EXPECT_EQ(Select(Between(21, 49)), (Rows{{0, 2, 4}}));
  EXPECT_EQ(Select(Between({}, 29)), (Rows{{0, 0, 2}}));
  EXPECT_EQ(Select(Between(41, {})), (Rows{{0, 4, 6}}));
  EXPECT_EQ(Select(Between(21, 29)), Rows{});
}

TEST_P(SelectRowsTest, PagesInNoOrderLeaveSeveralIntervals) {
  Write({TimeField("t")}, {"[10, 11, 90, 91, 12, 13, 14, 80, 95, 96, 15, 15, 7]"}, 8);
  EXPECT_EQ(Select(Between({}, 20)), (Rows{{0, 0, 2}, {0, 4, 8}, {1, 2, 5}}));
  EXPECT_EQ(Select(Between(10, 20)), (Rows{{0, 0, 2}, {0, 4, 8}, {1, 2, 4}}));
}

TEST_P(SelectRowsTest, TimesOfEveryUnit) {
  for (const auto unit : {TimeUnit::MILLI, TimeUnit::MICRO, TimeUnit::NANO}) {
    Write({TimeField("t", unit)}, {"[-3, -2, -1, 0, 1, 2]"});
    EXPECT_EQ(Select(Between(-1, 0, unit)), (Rows{{0, 2, 4}}));
  }
  Write({TimeField("t", TimeUnit::SECOND)}, {"[-3, -2, -1, 0, 1, 2]"});
  EXPECT_EQ(Select(Between(-1, 0, TimeUnit::SECOND)), (Rows{{0, 2, 4}}));
  Write({arrow::field("t", arrow::date32())}, {"[-3, -2, -1, 0, 1, 2]"});
  EXPECT_EQ(Select(Between(-86'400, 0, TimeUnit::SECOND)), (Rows{{0, 2, 4}}));
}

TEST_P(SelectRowsTest, PagesWithoutAnEventTimeAreLeftOut) {
  Write({TimeField("t")}, {"[10, null, null, null, null, 30, 40, 50]"});
  EXPECT_EQ(Select(Between(10, 40)), (Rows{{0, 0, 2}, {0, 4, 8}}));
  EXPECT_EQ(Select(Between(10, 50)), (Rows{{0, 0, 8}}));  // No page is worth a look.
}

TEST_P(SelectRowsTest, CreatedTooLateIsLeftOut) {
  Write({TimeField("t"), TimeField("c")}, {"[1, 1, 1, 1, 1, 1]", "[10, 20, 30, 40, null, 20]"});
  RowFilter filter = Between({}, 1);
  filter.created_timestamp = "c";
  filter.window.last_created = ToWideNanos(29, TimeUnit::MICRO);
  EXPECT_EQ(Select(filter), (Rows{{0, 0, 2}, {0, 4, 6}}));
}

TEST_P(SelectRowsTest, PagesWithoutAKeyAreLeftOut) {
  Write({TimeField("t"), Int64Field("k"), arrow::field("l", arrow::int32())},
        {"[1, 2, 3, 4, 5, 6, 7, 8]", "[1, 2, 3, 4, 5, 6, null, null]", "[8, 1, 7, 2, 9, 9, 7, 8]"});
  RowFilter filter = Between({}, {});
  filter.join_keys = {"k", "l"};
  filter.count_keys = [](size_t i, const Bounds<int64_t>& bounds, uint64_t) -> uint64_t {
    const int64_t key = i == 0 ? 4 : 8;
    return bounds.min <= key && key <= bounds.max ? 1 : 0;
  };
  EXPECT_EQ(Select(filter), Rows{});  // By one column the first page, by the other the second.
  filter.join_keys = {"k"};
  EXPECT_EQ(Select(filter), (Rows{{0, 2, 4}}));
  filter.window = Between(1, 2).window;
  EXPECT_EQ(Select(filter), Rows{});
}

TEST_P(SelectRowsTest, WithManyKeysPagesAreNotLookedAt) {
  Write({TimeField("t"), Int64Field("k")}, {"[1, 2, 3, 4]", "[1, 2, 3, 4]"});
  RowFilter filter = Between({}, {});
  filter.join_keys = {"k"};
  filter.count_keys = [](size_t, const Bounds<int64_t>& bounds, uint64_t) -> uint64_t {
    return bounds.min == 1 && bounds.max == 4 ? 2 : 0;
  };
  EXPECT_EQ(Select(filter), (Rows{{0, 0, 4}}));
}

TEST_P(SelectRowsTest, WithoutStatisticsEveryRowMayMatter) {
  Write({TimeField("t")}, {"[10, 20, 30, 40]"}, 1000, /*statistics=*/false);
  EXPECT_EQ(Select(Between(35, 50)), (Rows{{0, 0, 4}}));
}

TEST_P(SelectRowsTest, WhatCannotBeReadMayMatter) {
  Write({TimeField("t")}, {"[10, 20, 30, 40]"});
  std::filesystem::resize_file(root_ / "a", 20);
  EXPECT_EQ(Select(Between(35, 50)), (Rows{{0, 0, 4}}));
  std::filesystem::remove(root_ / "a");
  EXPECT_EQ(Select(Between(35, 50)), (Rows{{0, 0, 4}}));
}

INSTANTIATE_TEST_SUITE_P(PageIndexOrHeaders, SelectRowsTest, testing::Bool());

}  // namespace
}  // namespace larder
