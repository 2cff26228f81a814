// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "larder/kernel/timeline.h"
#include "tests/cpp/parquet_testing.h"

namespace larder {
namespace {

using arrow::TimeUnit;
using Times = std::vector<int64_t>;
using Positions = std::vector<Position>;

std::shared_ptr<const Timeline> Build(const arrow::Table& rows,
                                      const std::vector<std::string>& keys = {"k"}) {
  return Unwrap(Timeline::Build(rows, keys, "t", RunContext{}));
}

Times TimesOf(const Timeline& timeline) {
  return {timeline.times(), timeline.times() + timeline.positions()};
}
/// One for each entity row.
Positions PositionsOf(const Timeline& timeline) {
  Positions positions(static_cast<size_t>(timeline.entity_rows()), kNoPosition);
  for (Position p = 0; p < timeline.positions(); ++p) {
    for (auto i = timeline.row_begin()[p]; i < timeline.row_begin()[p + 1]; ++i) {
      positions[timeline.rows()[i]] = p;
    }
  }
  return positions;
}
Positions SlotsOf(const Timeline& timeline) {
  return {timeline.slot_begin(), timeline.slot_begin() + timeline.slots() + 1};
}

TEST(Timeline, EachSlotHasItsDistinctTimesInOrder) {
  const auto timeline = Build(*TableOf({Int64Field("k"), TimeField("t")},
                                       {"[7, 8, 7, 7, 8, 7]", "[30, 5, 10, 30, 5, 20]"}));
  EXPECT_EQ(timeline->slots(), 2U);
  EXPECT_EQ(SlotsOf(*timeline), (Positions{0, 3, 4}));
  EXPECT_EQ(TimesOf(*timeline), (Times{10, 20, 30, 5}));
  EXPECT_EQ(PositionsOf(*timeline), (Positions{2, 3, 0, 2, 3, 1}));
  EXPECT_EQ(timeline->min_time(), 5);
  EXPECT_EQ(timeline->max_time(), 30);
  EXPECT_EQ(timeline->unit(), TimeUnit::MICRO);
}

TEST(Timeline, TheSameTimeInTwoSlotsIsTwoPositions) {
  const auto timeline = Build(*TableOf({Int64Field("k"), TimeField("t")}, {"[1, 2]", "[5, 5]"}));
  EXPECT_EQ(PositionsOf(*timeline), (Positions{0, 1}));
}

TEST(Timeline, RowsWithANullHaveNoPosition) {
  const auto timeline =
      Build(*TableOf({Int64Field("k"), TimeField("t")}, {"[1, null, 1, 2]", "[5, 1, null, null]"}));
  EXPECT_EQ(PositionsOf(*timeline), (Positions{0, kNoPosition, kNoPosition, kNoPosition}));
  EXPECT_EQ(TimesOf(*timeline), Times{5});
  // Times of rows without a key do not widen the window.
  EXPECT_EQ(timeline->min_time(), 5);
}

TEST(Timeline, WithoutKeysThereIsOneSlot) {
  const auto timeline = Build(*TableOf({TimeField("t")}, {"[3, 1, null, 3]"}), {});
  EXPECT_EQ(timeline->keys(), nullptr);
  EXPECT_EQ(timeline->slots(), 1U);
  EXPECT_EQ(PositionsOf(*timeline), (Positions{1, 0, kNoPosition, 1}));
}

TEST(Timeline, NoRows) {
  const auto timeline = Build(*TableOf({Int64Field("k"), TimeField("t")}, {"[]", "[]"}));
  EXPECT_EQ(timeline->positions(), 0U);
  EXPECT_EQ(timeline->slots(), 0U);
}

TEST(Timeline, TimesAreThoseOfTheirColumn) {
  const auto build = [](const std::shared_ptr<arrow::DataType>& type, const std::string& times) {
    return Build(*TableOf({arrow::field("t", type)}, {times}), {});
  };
  const auto days = build(arrow::date32(), "[1]");
  EXPECT_EQ(days->unit(), TimeUnit::SECOND);
  EXPECT_EQ(TimesOf(*days), Times{86'400});
  const auto text = build(arrow::utf8(), R"(["1970-01-01T00:00:01Z"])");
  EXPECT_EQ(text->unit(), TimeUnit::NANO);
  EXPECT_EQ(TimesOf(*text), Times{1'000'000'000});
}

TEST(Timeline, TextBeyondNanosecondsIsInMicroseconds) {
  const auto rows = TableOf({Int64Field("k"), StringField("t")},
                            {"[1, 1, null]", R"(["1970-01-01", "2900-01-01", null])"});
  const auto timeline = Build(*rows);
  EXPECT_EQ(timeline->unit(), TimeUnit::MICRO);
  EXPECT_EQ(timeline->min_time(), 0);
  EXPECT_EQ(PositionsOf(*timeline), (Positions{0, 1, kNoPosition}));
}

TEST(Timeline, ChunksOfTheColumnsNeedNotAgree) {
  const auto keys = arrow::ChunkedArray::Make(
      {FromJson(arrow::int64(), "[1]"), FromJson(arrow::int64(), "[2, 1]")});
  const auto times =
      arrow::ChunkedArray::Make({FromJson(arrow::timestamp(TimeUnit::MICRO), "[9, 8]"),
                                 FromJson(arrow::timestamp(TimeUnit::MICRO), "[7]")});
  const auto schema = arrow::schema({Int64Field("k"), TimeField("t")});
  const auto timeline = Build(*arrow::Table::Make(schema, {Unwrap(keys), Unwrap(times)}));
  EXPECT_EQ(TimesOf(*timeline), (Times{7, 9, 8}));
  EXPECT_EQ(PositionsOf(*timeline), (Positions{1, 2, 0}));
}

TEST(Timeline, AKeyThatIsNoneNamesTheColumn) {
  const auto rows =
      TableOf({arrow::field("k", arrow::list(arrow::int8())), TimeField("t")}, {"[[1]]", "[1]"});
  ExpectError(Timeline::Build(*rows, {"k"}, "t", RunContext{}).status(),
              arrow::StatusCode::TypeError, {"entity rows", "'k'"});
}

TEST(Timeline, TextThatIsNoTimeNamesTheColumn) {
  const auto rows = TableOf({StringField("t")}, {R"(["yesterday"])"});
  ExpectError(Timeline::Build(*rows, {}, "t", RunContext{}).status(), arrow::StatusCode::Invalid,
              {"'t'", "yesterday"});
}

}  // namespace
}  // namespace larder
