// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/cpp/kernel_testing.h"

namespace larder {
namespace {

using arrow::TimeUnit;
using Winners64 = std::vector<int64_t>;

const arrow::FieldVector& KeyAndTime() {
  static const arrow::FieldVector fields{Int64Field("k"), TimeField("t")};
  return fields;
}

TEST_F(PointInTimeTest, TheLastRowAtOrBeforeTheEntityTime) {
  AddFile("a", KeyAndTime(), {"[1, 1, 1]", "[30, 10, 20]"});
  EXPECT_EQ(WinnersAt("[9, 10, 19, 20, 29, 30, 31]"), (Winners64{kNone, 1, 1, 2, 2, 0, 0}));
}

TEST_F(PointInTimeTest, RowsOfOtherKeysDoNotCount) {
  AddFile("a", KeyAndTime(), {"[1, 2, 1]", "[10, 20, 30]"});
  EXPECT_EQ(Join(KeyAndTime(), {"[1, 2, 3, 1]", "[20, 20, 20, 30]"}).winners,
            (Winners64{0, 1, kNone, 2}));
}

TEST_F(PointInTimeTest, EqualEntityRowsHaveEqualAnswersInTheirPlaces) {
  AddFile("a", KeyAndTime(), {"[1, 2]", "[10, 20]"});
  EXPECT_EQ(Join(KeyAndTime(), {"[2, 1, 2, 1, 1]", "[20, 10, 20, 10, 9]"}).winners,
            (Winners64{1, 0, 1, 0, kNone}));
}

TEST_F(PointInTimeTest, ANullKeyMatchesNothing) {
  AddFile("a", KeyAndTime(), {"[null, 1]", "[10, 10]"});
  EXPECT_EQ(Join(KeyAndTime(), {"[null, 1]", "[20, 20]"}).winners, (Winners64{kNone, 1}));
}

TEST_F(PointInTimeTest, ANullTextKeyMatchesNeitherNullNorEmptyText) {
  const arrow::FieldVector fields{StringField("k"), TimeField("t")};
  AddFile("a", fields, {R"([null, "", "a"])", "[10, 10, 10]"});
  EXPECT_EQ(Join(fields, {R"([null, "", "a"])", "[20, 20, 20]"}).winners, (Winners64{kNone, 1, 2}));
}

TEST_F(PointInTimeTest, ANullEventTimeIsNeverACandidate) {
  AddFile("a", KeyAndTime(), {"[1, 1, 1]", "[null, 10, null]"});
  EXPECT_EQ(WinnersAt("[0, 9223372036854775807]"), (Winners64{kNone, 1}));
}

TEST_F(PointInTimeTest, ANullEntityTimeKeepsItsRowWithoutAWinner) {
  AddFile("a", KeyAndTime(), {"[1]", "[10]"});
  EXPECT_EQ(WinnersAt("[null, 10, null]"), (Winners64{kNone, 0, kNone}));
}

TEST_F(PointInTimeTest, NoEntityRowsAndNoSourceRows) {
  AddFile("a", KeyAndTime(), {"[]", "[]"});
  EXPECT_EQ(WinnersAt("[10]"), Winners64{kNone});
  AddFile("b", KeyAndTime(), {"[1]", "[10]"});
  EXPECT_EQ(Join(KeyAndTime(), {"[]", "[]"}).winners, Winners64{});
}

TEST_F(PointInTimeTest, WithoutJoinKeysEveryRowBelongsToEveryEntity) {
  AddFile("a", {TimeField("t")}, {"[30, 10, 20]"});
  view_.join_keys = {};
  entity_keys_ = {};
  EXPECT_EQ(Join(KeyAndTime(), {"[1, 2, null, 1]", "[15, 25, 35, 5]"}).winners,
            (Winners64{1, 2, 0, kNone}));
}

TEST_F(PointInTimeTest, CompositeKeysMatchInEveryColumn) {
  const arrow::FieldVector source{StringField("a"), Int64Field("b"), TimeField("t")};
  AddFile("a", source, {R"(["x", "x", "y", null, "x"])", "[1, 2, 1, 1, null]", "[1, 1, 1, 1, 1]"});
  view_.join_keys = {"b", "a"};
  entity_keys_ = {"n", "s"};
  const arrow::FieldVector entities{arrow::field("n", arrow::int32()), StringField("s"),
                                    TimeField("t")};
  EXPECT_EQ(Join(entities, {"[1, 2, 1, 2, 1, null]", R"(["x", "x", "y", "y", null, "x"])",
                            "[1, 1, 1, 1, 1, 1]"})
                .winners,
            (Winners64{0, 1, 2, kNone, kNone, kNone}));
}

TEST_F(PointInTimeTest, EntityTimesInCoarserUnitsRoundEventsUp) {
  AddFile("a", {Int64Field("k"), TimeField("t", TimeUnit::NANO)},
          {"[1, 1, 1]", "[-1, 1, 2000000000]"});
  // In seconds: the first row is known at 0, the second at 1, the third at 2.
  EXPECT_EQ(WinnersAt("[-1, 0, 1, 2]", TimeUnit::SECOND), (Winners64{kNone, 0, 1, 2}));
}

TEST_F(PointInTimeTest, EntityTimesInFinerUnits) {
  AddFile("a", {Int64Field("k"), TimeField("t", TimeUnit::MILLI)}, {"[1, 1]", "[-1, 1]"});
  EXPECT_EQ(WinnersAt("[-1000001, -1000000, 999999, 1000000]", TimeUnit::NANO),
            (Winners64{kNone, 0, 0, 1}));
}

TEST_F(PointInTimeTest, EventsBeyondTheUnitOfTheEntityRowsAreNotKnown) {
  AddFile("a", {Int64Field("k"), TimeField("t", TimeUnit::MILLI)},
          {"[1, 1, 1]", "[9223372036854775807, -9223372036854775808, 9223372036855]"});
  EXPECT_EQ(WinnersAt("[9223372036854775807, -9223372036854775808]", TimeUnit::NANO),
            (Winners64{1, 1}));
}

TEST_F(PointInTimeTest, ZonesAreDisplayOnly) {
  AddFile("a",
          {Int64Field("k"), arrow::field("t", arrow::timestamp(TimeUnit::MICRO, "Asia/Tokyo"))},
          {"[1]", "[10]"});
  EXPECT_EQ(WinnersAt("[9, 10]"), (Winners64{kNone, 0}));
}

TEST_F(PointInTimeTest, FilesInDifferentUnitsCompareByInstant) {
  AddFile("a", {Int64Field("k"), TimeField("t", TimeUnit::MILLI)}, {"[1, 1]", "[1, 3]"});
  AddFile("b", {Int64Field("k"), TimeField("t", TimeUnit::NANO)}, {"[1, 1]", "[1000001, 2999999]"});
  EXPECT_EQ(WinnersAt("[1000, 1001, 2999, 3000]"), (Winners64{0, 2, 2, 1}));
}

TEST_F(PointInTimeTest, DatesAndTextAsEventTimes) {
  AddFile("a", {Int64Field("k"), arrow::field("t", arrow::date32())}, {"[1, 1]", "[0, 1]"});
  EXPECT_EQ(WinnersAt("[-1, 0, 86399, 86400]", TimeUnit::SECOND), (Winners64{kNone, 0, 0, 1}));
  AddFile("a", {Int64Field("k"), StringField("t")},
          {"[1, 1]", R"(["1970-01-01T00:00:00.000000001Z", "1970-01-01T02:00:00+01:00"])"});
  EXPECT_EQ(WinnersAt("[0, 1, 3599, 3600]", TimeUnit::SECOND), (Winners64{kNone, 0, 0, 1}));
}

TEST_F(PointInTimeTest, PartitionsAsKeysAndEventTimes) {
  const auto x = TableOf({Int64Field("x")}, {"[1, 2]"});
  WriteParquet(root_ / "k=1/t=1970-01-02/f", *x);
  WriteParquet(root_ / "k=1/t=1970-01-03/f", *x);
  WriteParquet(root_ / "k=2/t=1970-01-02/f", *x);
  WriteParquet(root_ / "k=__HIVE_DEFAULT_PARTITION__/t=1970-01-01/f", *x);
  const arrow::FieldVector entities{Int64Field("k"), TimeField("t", TimeUnit::SECOND)};
  EXPECT_EQ(
      Join(entities, {"[1, 1, 1, 2, null]", "[86399, 86400, 999999, 999999, 999999]"}).winners,
      (Winners64{kNone, 1, 3, 5, kNone}));
}

TEST_F(PointInTimeTest, FilesOfOtherPartitionsAreNotScanned) {
  const auto rows = TableOf({TimeField("t")}, {"[10]"});
  for (const char* key : {"1", "2", "3", "__HIVE_DEFAULT_PARTITION__"}) {
    WriteParquet(root_ / ("k=" + std::string(key) + "/f"), *rows);
  }
  view_.dataset = Open();
  const auto entities = TableOf(KeyAndTime(), {"[2, null]", "[10, 10]"});
  const auto timeline = Unwrap(Timeline::Build(*entities, {"k"}, "t", RunContext{}));
  EXPECT_EQ(Unwrap(RowGroupsToScan(view_, *timeline, true, RunContext{})),
            (std::vector<size_t>{1}));
}

TEST_F(PointInTimeTest, RowGroupsWithoutAKeyOfTheEntityRowsAreNotScanned) {
  AddFile("a", KeyAndTime(),
          {"[-9, -1, 3, 4, 70, 900, 5000000000, 5000000009]", "[1, 1, 1, 1, 1, 1, 1, 1]"},
          {.row_group_rows = 2});
  AddFile("b", KeyAndTime(), {"[1, 2]", "[1, 1]"}, {.statistics = false});
  view_.dataset = Open();
  const auto groups = [&](const std::string& keys, const std::string& times) {
    const auto entities = TableOf(KeyAndTime(), {keys, times});
    const auto timeline = Unwrap(Timeline::Build(*entities, {"k"}, "t", RunContext{}));
    return Unwrap(RowGroupsToScan(view_, *timeline, true, RunContext{}));
  };
  using Groups = std::vector<size_t>;
  EXPECT_EQ(groups("[4, 80]", "[9, 9]"), (Groups{1, 2, 4}));
  EXPECT_EQ(groups("[5, 69, 901]", "[9, 9, 9]"), (Groups{4}));
  EXPECT_EQ(groups("[-9, 900]", "[9, 9]"), (Groups{0, 2, 4}));
  EXPECT_EQ(groups("[-10, 0, 130, 194]", "[9, 9, 9, 9]"), (Groups{2, 4}));
  // Too far from each other for slots by distance: all between the first and the last.
  EXPECT_EQ(groups("[60, 5000000001]", "[9, 9]"), (Groups{2, 3, 4}));
  EXPECT_EQ(groups("[null]", "[9]"), Groups{});
}

TEST_F(PointInTimeTest, FilesWhosePartitionIsAKeyOfNoEntityRowAreNotScanned) {
  const auto rows = TableOf({Int64Field("k"), TimeField("t")}, {"[1, 2]", "[10, 10]"});
  for (const char* region : {"eu", "us", "__HIVE_DEFAULT_PARTITION__"}) {
    WriteParquet(root_ / ("r=" + std::string(region) + "/f"), *rows);
  }
  view_.dataset = Open();
  view_.join_keys = {"k", "r"};
  const auto entities = TableOf({Int64Field("k"), StringField("r"), TimeField("t")},
                                {"[1, 2]", R"(["us", "us"])", "[10, 10]"});
  const auto timeline = Unwrap(Timeline::Build(*entities, {"k", "r"}, "t", RunContext{}));
  EXPECT_EQ(Unwrap(RowGroupsToScan(view_, *timeline, true, RunContext{})),
            (std::vector<size_t>{2}));
}

TEST_F(PointInTimeTest, OnlyRowGroupsInTheWindowAreScanned) {
  AddFile("a", KeyAndTime(), {"[1, 1, 1, 1, 1]", "[10, 20, 30, 40, 50]"}, {.row_group_rows = 1});
  view_.dataset = Open();
  view_.ttl_us = 10;
  const auto groups = [&](const std::string& times, bool prune_by_ttl) {
    const auto entities = TableOf({TimeField("t")}, {times});
    const auto timeline = Unwrap(Timeline::Build(*entities, {}, "t", RunContext{}));
    return Unwrap(RowGroupsToScan(view_, *timeline, prune_by_ttl, RunContext{}));
  };
  using Groups = std::vector<size_t>;
  EXPECT_EQ(groups("[30, 40]", true), (Groups{1, 2, 3}));
  EXPECT_EQ(groups("[31, 39]", true), (Groups{2}));
  EXPECT_EQ(groups("[31, 39]", false), (Groups{0, 1, 2}));
  EXPECT_EQ(groups("[null]", true), Groups{});
}

TEST_F(PointInTimeTest, DictionariesWithinTheFileAreKeysByValue) {
  const arrow::FieldVector fields{StringField("k"), TimeField("t")};
  AddFile("a", fields, {R"(["x", "y", null, "x", "z"])", "[10, 10, 10, 20, 30]"},
          {.row_group_rows = 3});
  AddFile("b", fields, {R"(["z", "y"])", "[40, 40]"});
  EXPECT_EQ(Join(fields, {R"(["x", "y", "z", null, "w"])", "[50, 39, 50, 50, 50]"}).winners,
            (Winners64{3, 1, 5, kNone, kNone}));
}

TEST_F(PointInTimeTest, ATimeTooFarForTheFinerUnitNamesColumnAndFile) {
  AddFile("a", {Int64Field("k"), TimeField("t", TimeUnit::MILLI)},
          {"[1]", "[-9223372036854775808]"});
  AddFile("b", {Int64Field("k"), TimeField("t", TimeUnit::NANO)}, {"[1]", "[1]"});
  view_.dataset = Open();
  const auto entities = TableOf(KeyAndTime(), {"[1]", "[10]"});
  const RunContext context;
  const auto timeline = Unwrap(Timeline::Build(*entities, {"k"}, "t", context));
  CandidateTable candidates(timeline->positions(), false, false, context.pool);
  ReadCounters counters(*view_.dataset);
  std::atomic<int64_t> scanned{0};
  ExpectError(ScanCandidates(view_, *timeline, false, context, &counters, &scanned, &candidates),
              arrow::StatusCode::Invalid, {"'t'", root_ / "a"});
}

}  // namespace
}  // namespace larder
