// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <parquet/metadata.h>

#include <limits>
#include <optional>
#include <string>

#include "larder/source/column_bounds.h"
#include "tests/cpp/parquet_testing.h"

namespace larder {
namespace {

using arrow::TimeUnit;

constexpr WideNanos kDay = static_cast<WideNanos>(86'400) * 1'000'000'000;

class ColumnBoundsTest : public testing::Test {
 protected:
  /// Of a file of one row group.
  std::shared_ptr<const Dataset> Write(const std::shared_ptr<arrow::DataType>& type,
                                       const std::string& values, const FileLayout& layout = {}) {
    WriteParquet(root_ / "a", *TableOf({arrow::field("x", type)}, {values}), layout);
    return OpenDataset({root_.path()});
  }

  void ExpectTimes(const std::shared_ptr<arrow::DataType>& type, const std::string& values,
                   WideNanos min, WideNanos max) {
    const auto dataset = Write(type, values);
    const auto bounds = TimeBounds(*dataset, dataset->row_groups()[0], "x");
    ASSERT_TRUE(bounds.has_value()) << type->ToString();
    EXPECT_TRUE(bounds->min == min) << type->ToString() << " " << values;
    EXPECT_TRUE(bounds->max == max) << type->ToString() << " " << values;
  }

  void ExpectNoTimes(const Dataset& dataset, const std::string& column = "x") {
    EXPECT_FALSE(TimeBounds(dataset, dataset.row_groups()[0], column).has_value());
  }

  TempDir root_;
};

TEST_F(ColumnBoundsTest, TimesOfEveryUnitInNanoseconds) {
  ExpectTimes(arrow::timestamp(TimeUnit::SECOND), "[3, null, -2]", -2'000'000'000, 3'000'000'000);
  ExpectTimes(arrow::timestamp(TimeUnit::MILLI), "[3, null, -2]", -2'000'000, 3'000'000);
  ExpectTimes(arrow::timestamp(TimeUnit::MICRO), "[3, null, -2]", -2'000, 3'000);
  ExpectTimes(arrow::timestamp(TimeUnit::NANO), "[3, null, -2]", -2, 3);
  ExpectTimes(arrow::timestamp(TimeUnit::MICRO, "Asia/Tokyo"), "[3]", 3'000, 3'000);
}

TEST_F(ColumnBoundsTest, TimesBeyondNanosecondsDoNotOverflow) {
  constexpr auto kMin = std::numeric_limits<int64_t>::min();
  constexpr auto kMax = std::numeric_limits<int64_t>::max();
  ExpectTimes(arrow::timestamp(TimeUnit::MILLI), "[-9223372036854775808, 9223372036854775807]",
              static_cast<WideNanos>(kMin) * 1'000'000, static_cast<WideNanos>(kMax) * 1'000'000);
  ExpectTimes(arrow::timestamp(TimeUnit::NANO), "[-9223372036854775808, 9223372036854775807]", kMin,
              kMax);
}

TEST_F(ColumnBoundsTest, DatesAreMidnights) {
  ExpectTimes(arrow::date32(), "[-1, 10]", -kDay, 10 * kDay);
  ExpectTimes(arrow::date64(), "[-86400000, 864000000]", -kDay, 10 * kDay);
}

TEST_F(ColumnBoundsTest, TextAndNumbersHaveNoTimes) {
  ExpectNoTimes(*Write(arrow::utf8(), R"(["2024-01-01"])"));
  ExpectNoTimes(*Write(arrow::int64(), "[1]"));
}

TEST_F(ColumnBoundsTest, WithoutStatisticsNothingIsKnown) {
  const auto dataset = Write(arrow::timestamp(TimeUnit::MICRO), "[1, 2]", {.statistics = false});
  ExpectNoTimes(*dataset);
  EXPECT_FALSE(IsAllNull(*dataset, dataset->row_groups()[0], "x"));
}

TEST_F(ColumnBoundsTest, AMissingColumnHasNoBounds) {
  const auto dataset = Write(arrow::int64(), "[1]");
  ExpectNoTimes(*dataset, "none");
  EXPECT_FALSE(IntegerBounds(*dataset, dataset->row_groups()[0], "none").has_value());
  EXPECT_EQ(ColumnBytes(*dataset, dataset->row_groups()[0], "none"), 0);
}

TEST_F(ColumnBoundsTest, BoundsAreOfTheRowGroup) {
  const auto dataset =
      Write(arrow::timestamp(TimeUnit::NANO), "[1, 2, 30, 40]", {.row_group_rows = 2});
  ASSERT_EQ(dataset->row_groups().size(), 2U);
  EXPECT_TRUE(TimeBounds(*dataset, dataset->row_groups()[0], "x")->max == 2);
  EXPECT_TRUE(TimeBounds(*dataset, dataset->row_groups()[1], "x")->min == 30);
}

TEST_F(ColumnBoundsTest, NullsOnly) {
  const auto dataset =
      Write(arrow::timestamp(TimeUnit::NANO), "[null, null, null, 1]", {.row_group_rows = 2});
  EXPECT_TRUE(IsAllNull(*dataset, dataset->row_groups()[0], "x"));
  EXPECT_FALSE(TimeBounds(*dataset, dataset->row_groups()[0], "x").has_value());
  EXPECT_FALSE(IsAllNull(*dataset, dataset->row_groups()[1], "x"));
  EXPECT_FALSE(IsAllNull(*dataset, dataset->row_groups()[1], "none"));
}

TEST_F(ColumnBoundsTest, PartitionsAreTheirOnlyTime) {
  const auto table = TableOf({Int64Field("x")}, {"[1]"});
  WriteParquet(root_ / "day=1970-01-02/a", *table);
  WriteParquet(root_ / "day=1970-01-03T00:00:00.000000001Z/a", *table);
  WriteParquet(root_ / "day=__HIVE_DEFAULT_PARTITION__/a", *table);
  WriteParquet(root_ / "day=monday/a", *table);
  const auto dataset = OpenDataset({root_.path()});
  const auto& groups = dataset->row_groups();
  ASSERT_EQ(groups.size(), 4U);
  const auto first = TimeBounds(*dataset, groups[0], "day");
  ASSERT_TRUE(first.has_value());
  EXPECT_TRUE(first->min == kDay && first->max == kDay);
  const auto second = TimeBounds(*dataset, groups[1], "day");
  ASSERT_TRUE(second.has_value());
  EXPECT_TRUE(second->min == 2 * kDay + 1 && second->max == 2 * kDay + 1);
  EXPECT_FALSE(TimeBounds(*dataset, groups[2], "day").has_value());
  EXPECT_TRUE(IsAllNull(*dataset, groups[2], "day"));
  EXPECT_FALSE(TimeBounds(*dataset, groups[3], "day").has_value());
  EXPECT_FALSE(IsAllNull(*dataset, groups[0], "day"));
}

TEST_F(ColumnBoundsTest, IntegersOfEverySignedWidth) {
  for (const auto& type : {arrow::int8(), arrow::int16(), arrow::int32(), arrow::int64()}) {
    const auto dataset = Write(type, "[3, null, -2]");
    const auto bounds = IntegerBounds(*dataset, dataset->row_groups()[0], "x");
    ASSERT_TRUE(bounds.has_value()) << type->ToString();
    EXPECT_EQ(bounds->min, -2) << type->ToString();
    EXPECT_EQ(bounds->max, 3) << type->ToString();
  }
}

TEST_F(ColumnBoundsTest, OtherTypesHaveNoIntegers) {
  for (const auto& type : {arrow::uint64(), arrow::float64(), arrow::timestamp(TimeUnit::MICRO)}) {
    const auto dataset = Write(type, "[3]");
    EXPECT_FALSE(IntegerBounds(*dataset, dataset->row_groups()[0], "x").has_value())
        << type->ToString();
  }
}

TEST_F(ColumnBoundsTest, BytesOfAllLeaves) {
  const auto nested = arrow::struct_({Int64Field("a"), Int64Field("b")});
  const auto dataset = Write(nested, R"([{"a": 1, "b": 2}])");
  const auto& group = dataset->row_groups()[0];
  const auto metadata = dataset->files()[0].metadata()->RowGroup(0);
  EXPECT_EQ(ColumnBytes(*dataset, group, "x"),
            metadata->ColumnChunk(0)->total_compressed_size() +
                metadata->ColumnChunk(1)->total_compressed_size());
}

}  // namespace
}  // namespace larder
