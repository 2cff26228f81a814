// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <vector>

#include "larder/kernel/beaten_times.h"
#include "tests/cpp/parquet_testing.h"

namespace larder {
namespace {

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kGreatest = std::numeric_limits<int64_t>::max();

/// Slot 0 has positions 0, 1, 2 and slot 1 position 3.
std::shared_ptr<const Timeline> Build(const std::string& times) {
  const auto rows = TableOf({Int64Field("k"), TimeField("t")}, {"[1, 1, 1, 2]", times});
  return Unwrap(Timeline::Build(*rows, {"k"}, "t", RunContext{}));
}

TEST(BeatenTimes, RowsAfterTheLastPositionOfTheirSlotAreBeaten) {
  const auto timeline = Build("[10, 20, 30, 25]");
  const BeatenTimes beaten(*timeline, 1, arrow::default_memory_pool());
  for (const int64_t time : {kLeast, int64_t{10}, int64_t{29}, int64_t{30}}) {
    EXPECT_FALSE(beaten.Has(0, time)) << time;
  }
  for (const int64_t time : {int64_t{31}, int64_t{1} << 40, kGreatest}) {
    EXPECT_TRUE(beaten.Has(0, time)) << time;
  }
  EXPECT_FALSE(beaten.Has(1, 25));
  EXPECT_TRUE(beaten.Has(1, 26));
}

TEST(BeatenTimes, OlderRowsOfThePositionAreBeatenAndTiesAreNot) {
  const auto timeline = Build("[10, 20, 30, 25]");
  BeatenTimes beaten(*timeline, 1, arrow::default_memory_pool());
  beaten.Set(0, 1, 18);
  for (const int64_t time : {11, 17}) EXPECT_TRUE(beaten.Has(0, time)) << time;
  for (const int64_t time : {10, 18, 19, 20, 30}) EXPECT_FALSE(beaten.Has(0, time)) << time;
  EXPECT_FALSE(beaten.Has(1, 17));
  beaten.Set(0, 0, 5);
  for (const int64_t time : {kLeast, int64_t{4}}) EXPECT_TRUE(beaten.Has(0, time)) << time;
  for (const int64_t time : {5, 6, 10, 17}) EXPECT_FALSE(beaten.Has(0, time)) << time;
}

TEST(BeatenTimes, TooManyThreadsKeepNone) {
  const auto timeline = Build("[10, 20, 30, 25]");
  BeatenTimes beaten(*timeline, 1 << 24, arrow::default_memory_pool());
  beaten.Prefetch(1);
  beaten.Set(0, 1, 18);
  EXPECT_FALSE(beaten.Has(0, 17));
  EXPECT_FALSE(beaten.Has(0, 31));
}

/// Ages are rounded: times too close to tell apart are not beaten, and the order of others holds.
TEST(BeatenTimes, RoundingBeatsNoRowThatIsNot) {
  const std::array<int64_t, 11> times = {
      kLeast, kLeast + 1, -(int64_t{1} << 60), -1'000'000'007, -1,       0,
      1,      999,        (1LL << 60) - 1,     kGreatest - 1,  kGreatest};
  const auto timeline =
      Build("[-9223372036854775808, 1000, 9223372036854775807, 9223372036854775807]");
  BeatenTimes beaten(*timeline, 1, arrow::default_memory_pool());
  for (const int64_t candidate : times) {
    for (const Position position : {0U, 1U, 2U}) {
      beaten.Set(0, position, candidate);
      const int64_t after = position == 0 ? kLeast : timeline->times()[position - 1];
      for (const int64_t time : times) {
        const bool is_beaten = time < candidate && (position == 0 || time > after);
        EXPECT_LE(beaten.Has(0, time), is_beaten) << time << " beside " << candidate;
      }
    }
  }
  beaten.Set(0, 1, 1000);
  EXPECT_TRUE(beaten.Has(0, -(int64_t{1} << 62)));
}

}  // namespace
}  // namespace larder
