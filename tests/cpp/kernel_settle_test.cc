// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/cpp/kernel_testing.h"

// Which row wins: TTL, ties and the created timestamp.

namespace larder {
namespace {

using arrow::TimeUnit;
using Winners64 = std::vector<int64_t>;

class SettleTest : public PointInTimeTest {
 protected:
  void AddRows(const std::string& name, const std::string& events, const std::string& created,
               TimeUnit::type unit = TimeUnit::MICRO, const FileLayout& layout = {}) {
    const auto count = FromJson(arrow::timestamp(unit), events)->length();
    std::string keys;
    for (int64_t i = 0; i < count; ++i) keys += keys.empty() ? "[1" : ", 1";
    AddFile(name, {Int64Field("k"), TimeField("t", unit), TimeField("c", unit)},
            {keys + "]", events, created}, layout);
  }

  void AddEvents(const std::string& events, TimeUnit::type unit) {
    const auto count = FromJson(arrow::timestamp(unit), events)->length();
    std::string nulls;
    for (int64_t i = 0; i < count; ++i) nulls += nulls.empty() ? "[null" : ", null";
    AddRows("a", events, nulls + "]", unit);
  }

  Outcome OutcomeAt(const std::string& times, TimeUnit::type unit) {
    const auto count = FromJson(arrow::timestamp(unit), times)->length();
    std::string keys;
    for (int64_t i = 0; i < count; ++i) keys += keys.empty() ? "[1" : ", 1";
    return Join({Int64Field("k"), TimeField("t", unit)}, {keys + "]", times});
  }
};

TEST_F(SettleTest, TheTtlIsInclusiveAndExactToTheNanosecond) {
  AddEvents("[5000]", TimeUnit::NANO);
  view_.ttl_us = 1;
  const auto outcome = OutcomeAt("[4999, 5000, 5999, 6000, 6001]", TimeUnit::NANO);
  EXPECT_EQ(outcome.winners, (Winners64{kNone, 0, 0, 0, kNone}));
  EXPECT_EQ(outcome.expired, 1);
  EXPECT_EQ(outcome.absent, 1);
}

TEST_F(SettleTest, TheTtlIsExactAcrossUnits) {
  AddEvents("[5]", TimeUnit::MILLI);
  view_.ttl_us = 1;
  EXPECT_EQ(WinnersAt("[5001000, 5001001]", TimeUnit::NANO), (Winners64{0, kNone}));
  EXPECT_EQ(WinnersAt("[5000, 5001, 5002]", TimeUnit::MICRO), (Winners64{0, 0, kNone}));
  EXPECT_EQ(WinnersAt("[5, 6]", TimeUnit::MILLI), (Winners64{0, kNone}));
  AddEvents("[4999999999]", TimeUnit::NANO);
  view_.ttl_us = 1'000'000;
  EXPECT_EQ(WinnersAt("[5, 6]", TimeUnit::SECOND), (Winners64{0, kNone}));
}

TEST_F(SettleTest, TheTtlIsExactBefore1970) {
  AddEvents("[-5000]", TimeUnit::NANO);
  view_.ttl_us = 1;
  EXPECT_EQ(WinnersAt("[-5001, -5000, -4000, -3999]", TimeUnit::NANO),
            (Winners64{kNone, 0, 0, kNone}));
}

TEST_F(SettleTest, NoTtlNeverExpires) {
  AddEvents("[-9223372036854775808]", TimeUnit::MICRO);
  view_.ttl_us = 0;
  EXPECT_EQ(WinnersAt("[9223372036854775807]"), Winners64{0});
}

TEST_F(SettleTest, TheTtlReachesOverAllOfInt64) {
  AddEvents("[-9223372036854775808]", TimeUnit::NANO);
  const std::string ends = "[-9223372036854775808, 9223372036854775807]";
  view_.ttl_us = 1;
  EXPECT_EQ(WinnersAt(ends, TimeUnit::NANO), (Winners64{0, kNone}));
  // 2^64 - 1 ns lie between them.
  view_.ttl_us = 18'446'744'073'709'551;
  EXPECT_EQ(WinnersAt(ends, TimeUnit::NANO), (Winners64{0, kNone}));
  view_.ttl_us = 18'446'744'073'709'552;
  EXPECT_EQ(WinnersAt(ends, TimeUnit::NANO), (Winners64{0, 0}));
  view_.ttl_us = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(WinnersAt(ends, TimeUnit::NANO), (Winners64{0, 0}));
}

TEST_F(SettleTest, TheTtlOfTimesBeyondNanoseconds) {
  // Between the event and the entity time lies the end of int64 in nanoseconds.
  AddEvents("[9223372036854775]", TimeUnit::MICRO);
  view_.ttl_us = 1;
  EXPECT_EQ(WinnersAt("[9223372036854776, 9223372036854777]"), (Winners64{0, kNone}));
}

TEST_F(SettleTest, TheLeastTimeIsATime) {
  AddEvents("[-9223372036854775808]", TimeUnit::MICRO);
  EXPECT_EQ(WinnersAt("[-9223372036854775808, -9223372036854775807]"), (Winners64{0, 0}));
}

TEST_F(SettleTest, TheLatestCreatedWinsATie) {
  AddRows("a", "[10, 10, 10]", "[2, 3, 1]");
  view_.created_timestamp = "c";
  EXPECT_EQ(WinnersAt("[10, 20]"), (Winners64{1, 1}));
}

TEST_F(SettleTest, CreatedDoesNotMatterWithoutATie) {
  AddRows("a", "[11, 10]", "[1, 9]");
  view_.created_timestamp = "c";
  EXPECT_EQ(WinnersAt("[20]"), Winners64{0});
}

TEST_F(SettleTest, CreatedDoesNotMatterIfTheViewHasNone) {
  AddRows("a", "[10, 10]", "[9, 1]");
  EXPECT_EQ(WinnersAt("[20]"), Winners64{1});
}

TEST_F(SettleTest, ANullCreatedIsTheLowest) {
  AddRows("a", "[10, 10, 10]", "[null, -9223372036854775808, null]");
  view_.created_timestamp = "c";
  EXPECT_EQ(WinnersAt("[20]"), Winners64{1});
}

TEST_F(SettleTest, CreatedOfFilesInDifferentUnitsComparesByInstant) {
  AddRows("a", "[1]", "[5]", TimeUnit::MILLI);
  AddRows("b", "[1000000]", "[4999999]", TimeUnit::NANO);
  view_.created_timestamp = "c";
  EXPECT_EQ(WinnersAt("[20000]"), Winners64{0});
}

TEST_F(SettleTest, AnExactTieGoesToTheLaterRow) {
  AddRows("b", "[10, 10, 10]", "[5, 5, 5]", TimeUnit::MICRO, {.row_group_rows = 2});
  view_.created_timestamp = "c";
  EXPECT_EQ(WinnersAt("[20]"), Winners64{2});
  view_.created_timestamp.reset();
  EXPECT_EQ(WinnersAt("[20]"), Winners64{2});
  // Written later, but before it by path.
  AddRows("a", "[10]", "[5]");
  EXPECT_EQ(WinnersAt("[20]"), Winners64{3});
}

TEST_F(SettleTest, AnExactTieOfNullCreatedGoesToTheLaterRow) {
  AddRows("a", "[10, 10]", "[null, null]");
  view_.created_timestamp = "c";
  EXPECT_EQ(WinnersAt("[20]"), Winners64{1});
}

TEST_F(SettleTest, AMissingCreatedColumnIsNull) {
  AddRows("a", "[10]", "[1]");
  AddFile("b", {Int64Field("k"), TimeField("t")}, {"[1]", "[10]"});
  view_.created_timestamp = "c";
  EXPECT_EQ(WinnersAt("[20]"), Winners64{0});
}

class KnownAtCreatedTest : public SettleTest {
 protected:
  KnownAtCreatedTest() {
    view_.created_timestamp = "c";
    view_.known_at_created = true;
  }
};

TEST_F(KnownAtCreatedTest, ARowCountsFromItsCreationOn) {
  AddRows("a", "[10, 20]", "[12, 35]");
  EXPECT_EQ(WinnersAt("[10, 11, 12, 20, 34, 35]"), (Winners64{kNone, kNone, 0, 0, 0, 1}));
}

TEST_F(KnownAtCreatedTest, ARowCreatedEarlyCountsFromItsEventOn) {
  AddRows("a", "[20]", "[5]");
  EXPECT_EQ(WinnersAt("[19, 20]"), (Winners64{kNone, 0}));
}

TEST_F(KnownAtCreatedTest, WithoutTheFilterItCountsAtOnce) {
  AddRows("a", "[10, 10]", "[99, 12]");
  view_.known_at_created = false;
  EXPECT_EQ(WinnersAt("[10]"), Winners64{0});
}

TEST_F(KnownAtCreatedTest, ANullCreatedNeverCounts) {
  AddRows("a", "[10, 11]", "[10, null]");
  EXPECT_EQ(WinnersAt("[20, 9223372036854775807]"), (Winners64{0, 0}));
}

TEST_F(KnownAtCreatedTest, AmongTiesTheLatestThatIsKnownWins) {
  AddRows("a", "[10, 10, 10]", "[30, 12, 20]");
  EXPECT_EQ(WinnersAt("[12, 19, 20, 29, 30]"), (Winners64{1, 1, 2, 2, 0}));
}

TEST_F(KnownAtCreatedTest, ANewerEventStaysAheadOfALaterCreation) {
  AddRows("a", "[20, 10]", "[21, 30]");
  EXPECT_EQ(WinnersAt("[25, 35]"), (Winners64{0, 0}));
}

TEST_F(KnownAtCreatedTest, CreatedIsExactInCoarserEntityTimes) {
  AddRows("a", "[0, 0]", "[-1, 1000000001]", TimeUnit::NANO);
  EXPECT_EQ(WinnersAt("[-1, 0, 1, 2]", TimeUnit::SECOND), (Winners64{kNone, 0, 0, 1}));
}

TEST_F(KnownAtCreatedTest, CreatedBeyondTheUnitOfTheEntityRowsIsNotKnown) {
  AddRows("a", "[0, 1]", "[0, 9223372036854775807]", TimeUnit::MILLI);
  EXPECT_EQ(WinnersAt("[9223372036854775807]", TimeUnit::NANO), Winners64{0});
}

TEST_F(KnownAtCreatedTest, TheTtlCountsFromTheEvent) {
  AddRows("a", "[10]", "[15]");
  view_.ttl_us = 5;
  EXPECT_EQ(WinnersAt("[14, 15, 16]"), (Winners64{kNone, 0, kNone}));
}

TEST_F(KnownAtCreatedTest, RowGroupsCreatedTooLateAreNotScanned) {
  AddRows("a", "[10, 10]", "[20, 30]", TimeUnit::MICRO, {.row_group_rows = 1});
  view_.dataset = Open();
  const auto entities = TableOf({Int64Field("k"), TimeField("t")}, {"[1]", "[20]"});
  const auto timeline = Unwrap(Timeline::Build(*entities, {"k"}, "t", RunContext{}));
  using Groups = std::vector<size_t>;
  EXPECT_EQ(Unwrap(RowGroupsToScan(view_, *timeline, true, RunContext{})), (Groups{0}));
  view_.known_at_created = false;
  EXPECT_EQ(Unwrap(RowGroupsToScan(view_, *timeline, true, RunContext{})), (Groups{0, 1}));
}

}  // namespace
}  // namespace larder
