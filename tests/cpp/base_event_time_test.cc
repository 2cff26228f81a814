// SPDX-License-Identifier: Apache-2.0
#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "larder/base/event_time.h"

namespace larder {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

std::shared_ptr<arrow::Array> Strings(const std::vector<std::string>& values) {
  arrow::StringBuilder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return *builder.Finish();
}

TEST(EventTimeTest, CeilRoundsUpOnBothSidesOf1970) {
  EXPECT_EQ(CeilTime(1'000, TimeUnit::NANO, TimeUnit::MICRO), 1);
  EXPECT_EQ(CeilTime(1'001, TimeUnit::NANO, TimeUnit::MICRO), 2);
  EXPECT_EQ(CeilTime(-1'001, TimeUnit::NANO, TimeUnit::MICRO), -1);
  EXPECT_EQ(CeilTime(-999, TimeUnit::NANO, TimeUnit::MICRO), 0);
  EXPECT_EQ(CeilTime(-7, TimeUnit::SECOND, TimeUnit::NANO), -7'000'000'000);
}

TEST(EventTimeTest, TimesBeyondAUnit) {
  EXPECT_EQ(CeilTime(kMax, TimeUnit::SECOND, TimeUnit::NANO), std::nullopt);
  EXPECT_EQ(CeilTime(kMin, TimeUnit::SECOND, TimeUnit::NANO), kMin);
  EXPECT_TRUE(CeilTime(kMax, TimeUnit::NANO, TimeUnit::SECOND).has_value());
}

TEST(EventTimeTest, ExactConversionLosesNothing) {
  EXPECT_EQ(ConvertTimeExactly(5, TimeUnit::SECOND, TimeUnit::MICRO), 5'000'000);
  EXPECT_EQ(ConvertTimeExactly(5'000, TimeUnit::NANO, TimeUnit::MICRO), 5);
  EXPECT_EQ(ConvertTimeExactly(5'001, TimeUnit::NANO, TimeUnit::MICRO), std::nullopt);
  EXPECT_EQ(ConvertTimeExactly(kMax, TimeUnit::MICRO, TimeUnit::NANO), std::nullopt);
  EXPECT_EQ(ConvertTimeExactly(kMin, TimeUnit::NANO, TimeUnit::NANO), kMin);
}

TEST(EventTimeTest, StringsAreReadWithTheirZones) {
  const auto times =
      ReadTimes(Strings({"1970-01-02", "1970-01-01T01:00:00+01:00",
                         "1969-12-31 23:59:59.999999999z", "2024-02-29t12:00:00.5-0130"}),
                "t", TimeUnit::NANO, arrow::default_memory_pool());
  ASSERT_TRUE(times.ok()) << times.status();
  EXPECT_EQ(times->unit(), TimeUnit::NANO);
  EXPECT_EQ(times->values()[0], 86'400'000'000'000);
  EXPECT_EQ(times->values()[1], 0);
  EXPECT_EQ(times->values()[2], -1);
  EXPECT_EQ(times->values()[3], 1'709'213'400'500'000'000);
}

TEST(EventTimeTest, AStringThatIsNoTimeIsNamedWithItsColumn) {
  for (const std::string text : {"yesterday", "", "2024-13-01"}) {
    const auto times =
        ReadTimes(Strings({text}), "seen_at", TimeUnit::NANO, arrow::default_memory_pool());
    ASSERT_TRUE(times.status().IsInvalid()) << text;
    EXPECT_NE(times.status().message().find("'seen_at'"), std::string::npos);
    EXPECT_NE(times.status().message().find("'" + text + "'"), std::string::npos);
  }
}

TEST(EventTimeTest, StringsBeyondNanosecondsAreReadInMicroseconds) {
  std::vector<TimeUnit> units;
  const auto read = [&](const std::vector<std::string>& texts) {
    units.clear();
    return WithStringUnit([&](TimeUnit unit) {
      units.push_back(unit);
      return ReadTimes(Strings(texts), "t", unit, arrow::default_memory_pool()).status();
    });
  };
  EXPECT_TRUE(read({"2024-01-01"}).ok());
  EXPECT_EQ(units, std::vector{TimeUnit::NANO});
  EXPECT_TRUE(read({"2024-01-01", "9999-12-31"}).ok());
  EXPECT_EQ(units, (std::vector{TimeUnit::NANO, TimeUnit::MICRO}));
  EXPECT_TRUE(read({"9999-12-31", "2024-01-01T00:00:00.000000001"}).IsInvalid());
}

TEST(EventTimeTest, NullsOfASliceStayInTheirPlaces) {
  arrow::TimestampBuilder builder(arrow::timestamp(TimeUnit::MILLI), arrow::default_memory_pool());
  ASSERT_TRUE(builder.AppendValues({1, 2, 3, 4}, {true, false, true, false}).ok());
  const auto array = *builder.Finish();
  const auto times = ReadTimes(array->Slice(1), "t", TimeUnit::NANO, arrow::default_memory_pool());
  ASSERT_TRUE(times.ok());
  EXPECT_EQ(times->unit(), TimeUnit::MILLI);
  EXPECT_TRUE(times->IsNull(0));
  EXPECT_FALSE(times->IsNull(1));
  EXPECT_EQ(times->values()[1], 3);
  EXPECT_TRUE(times->IsNull(2));
}

TEST(EventTimeTest, NumbersAreNoTimes) {
  arrow::Int64Builder builder;
  ASSERT_TRUE(builder.Append(1).ok());
  const auto times =
      ReadTimes(*builder.Finish(), "t", TimeUnit::NANO, arrow::default_memory_pool());
  EXPECT_TRUE(times.status().IsTypeError());
}

}  // namespace
}  // namespace larder
