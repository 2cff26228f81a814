// SPDX-License-Identifier: Apache-2.0
#include <arrow/table.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "larder/kernel/range.h"
#include "larder/kernel/time_range.h"
#include "tests/cpp/kernel_testing.h"

namespace larder {
namespace {

using arrow::TimeUnit;
using Values = std::vector<int64_t>;

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

void ExpectInUnit(const TimeRange& range, TimeUnit::type unit, int64_t min, int64_t max) {
  const auto bounds = range.InUnit(unit);
  EXPECT_EQ(bounds.min, min);
  EXPECT_EQ(bounds.max, max);
}

TEST(TimeRange, EndsRoundInwards) {
  ExpectInUnit({1, 1'999}, TimeUnit::MICRO, 1, 1'999);
  ExpectInUnit({1, 1'999}, TimeUnit::NANO, 1'000, 1'999'000);
  ExpectInUnit({1, 1'999}, TimeUnit::MILLI, 1, 1);
  ExpectInUnit({1'000, 2'000}, TimeUnit::MILLI, 1, 2);
  ExpectInUnit({-1'999, -1}, TimeUnit::MILLI, -1, -1);
  ExpectInUnit({-2'000, -1'000}, TimeUnit::MILLI, -2, -1);
  ExpectInUnit({-1, 1}, TimeUnit::SECOND, 0, 0);
}

TEST(TimeRange, OpenEndsHoldEverything) {
  for (const auto unit : {TimeUnit::SECOND, TimeUnit::MILLI, TimeUnit::MICRO, TimeUnit::NANO}) {
    ExpectInUnit({}, unit, kMin, kMax);
  }
  EXPECT_TRUE(TimeRange{}.is_open());
  EXPECT_FALSE((TimeRange{0, std::nullopt}).is_open());
  EXPECT_FALSE((TimeRange{std::nullopt, 0}).is_open());
}

TEST(TimeRange, EndsBeyondTheUnit) {
  ExpectInUnit({kMin, kMax}, TimeUnit::NANO, kMin, kMax);
  const auto after = TimeRange{kMax, std::nullopt}.InUnit(TimeUnit::NANO);
  EXPECT_GT(after.min, after.max);
  const auto before = TimeRange{std::nullopt, kMin}.InUnit(TimeUnit::NANO);
  EXPECT_GT(before.min, before.max);
}

class RangeTest : public SourceTest {
 protected:
  RangeTest() { scan_.event_timestamp = "t"; }

  std::shared_ptr<arrow::Table> ReadOnce(const RunContext& context) {
    arrow::FieldVector fields;
    for (const auto& column : scan_.columns) {
      fields.push_back(scan_.dataset->schema()->GetFieldByName(column));
    }
    const auto schema = arrow::schema(fields);
    ReadCounters counters(*scan_.dataset);
    std::atomic<int64_t> scanned{0};
    const auto batches =
        Unwrap(ReadRange(scan_, RowGroupsToScan(scan_), schema, context, &counters, &scanned));
    row_groups_read_ = counters.row_groups();
    auto table = Unwrap(arrow::Table::FromRecordBatches(schema, batches));
    EXPECT_TRUE(table->ValidateFull().ok());
    return table;
  }

  /// Column "x" of the rows in the range, the same with every setting.
  Values Read(std::optional<int64_t> start_us, std::optional<int64_t> end_us) {
    scan_.dataset = Open();
    scan_.columns = {"x"};
    scan_.range = {start_us, end_us};
    const auto expected = ReadOnce(RunContext{});
    for (const auto& context : AllContexts()) {
      EXPECT_TRUE(ReadOnce(context)->Equals(*expected));
    }
    Values values;
    for (const auto& chunk : expected->column(0)->chunks()) {
      const auto& typed = static_cast<const arrow::Int64Array&>(*chunk);
      for (int64_t i = 0; i < typed.length(); ++i) values.push_back(typed.Value(i));
    }
    return values;
  }

  RangeScan scan_;
  int64_t row_groups_read_ = 0;
};

TEST_F(RangeTest, RowsByPathAndRow) {
  AddFile("b", {Int64Field("x"), TimeField("t")}, {"[3, 4, 5, 6]", "[10, 40, 20, 30]"},
          {.row_group_rows = 3});
  AddFile("a", {Int64Field("x"), TimeField("t")}, {"[1, 2]", "[25, 15]"});
  EXPECT_EQ(Read({}, {}), (Values{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(Read(15, 30), (Values{1, 2, 5, 6}));
  EXPECT_EQ(Read(16, 29), (Values{1, 5}));
  EXPECT_EQ(Read(30, {}), (Values{4, 6}));
  EXPECT_EQ(Read({}, 10), (Values{3}));
  EXPECT_EQ(Read(41, {}), Values{});
  EXPECT_EQ(Read(30, 10), Values{});
}

TEST_F(RangeTest, NullTimesAreThereOnlyWithoutABound) {
  AddFile("a", {Int64Field("x"), TimeField("t")}, {"[1, 2, 3]", "[null, 10, null]"});
  EXPECT_EQ(Read({}, {}), (Values{1, 2, 3}));
  EXPECT_EQ(Read(kMin, {}), Values{2});
  EXPECT_EQ(Read({}, kMax), Values{2});
}

TEST_F(RangeTest, EndsAreExactToTheNanosecond) {
  AddFile("a", {Int64Field("x"), TimeField("t", TimeUnit::NANO)},
          {"[1, 2, 3, 4]", "[999, 1000, 2000, 2001]"});
  EXPECT_EQ(Read(1, 2), (Values{2, 3}));
}

TEST_F(RangeTest, FilesInDifferentUnits) {
  AddFile("a", {Int64Field("x"), TimeField("t", TimeUnit::MILLI)}, {"[1, 2]", "[1, 9]"});
  AddFile("b", {Int64Field("x"), arrow::field("t", arrow::timestamp(TimeUnit::NANO, "UTC"))},
          {"[3, 4]", "[1000000, 9000001]"});
  EXPECT_EQ(Read(1'000, 9'000), (Values{1, 2, 3}));
}

TEST_F(RangeTest, TextAsTimes) {
  AddFile("a", {Int64Field("x"), StringField("t")},
          {"[1, 2, 3]", R"(["1970-01-01T00:00:00.000010Z", "2900-01-01", null])"});
  EXPECT_EQ(Read(10, 10), Values{1});
  EXPECT_EQ(Read(11, {}), Values{2});
}

TEST_F(RangeTest, ColumnsInTheTypesOfTheSource) {
  AddFile("k=1/a", {Int64Field("x"), TimeField("t")}, {"[1]", "[10]"});
  AddFile("k=2/a", {arrow::field("x", arrow::float32()), StringField("s"), TimeField("t")},
          {"[0.5, 2]", R"(["a", "b"])", "[20, 30]"});
  scan_.dataset = Open();
  scan_.columns = {"s", "k", "x", "t", "x"};
  scan_.range = {std::nullopt, 20};
  const auto x = arrow::field("x", arrow::float64());
  const auto expected = TableOf({StringField("s"), Int64Field("k"), x, TimeField("t"), x},
                                {R"([null, "a"])", "[1, 2]", "[1, 0.5]", "[10, 20]", "[1, 0.5]"});
  EXPECT_TRUE(ReadOnce(RunContext{})->Equals(*expected)) << ReadOnce(RunContext{})->ToString();
}

TEST_F(RangeTest, RowGroupsOutOfRangeAreNotRead) {
  AddFile("a", {Int64Field("x"), TimeField("t")}, {"[1, 2, 3]", "[10, 20, 30]"},
          {.row_group_rows = 1});
  EXPECT_EQ(Read(20, 29), Values{2});
  EXPECT_EQ(row_groups_read_, 1);
}

TEST_F(RangeTest, AValueThatTheTypeDoesNotHoldNamesColumnAndFile) {
  AddFile("a", {Int64Field("x"), TimeField("t")}, {"[9007199254740993]", "[1]"});
  AddFile("b", {arrow::field("x", arrow::float64()), TimeField("t")}, {"[0.5]", "[1]"});
  scan_.dataset = Open();
  scan_.columns = {"x"};
  ReadCounters counters(*scan_.dataset);
  std::atomic<int64_t> scanned{0};
  const auto schema = arrow::schema({arrow::field("x", arrow::float64())});
  ExpectError(
      ReadRange(scan_, RowGroupsToScan(scan_), schema, RunContext{}, &counters, &scanned).status(),
      arrow::StatusCode::Invalid, {"'x'", root_ / "a"});
}

}  // namespace
}  // namespace larder
