// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

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
    return SelectRowGroups(*dataset_, "t", created,
                           {nanos(first_event), nanos(last_event), nanos(last_created)});
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
    return SelectRowGroups(*dataset_, "t", std::nullopt, {first, std::nullopt, std::nullopt});
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

}  // namespace
}  // namespace larder
