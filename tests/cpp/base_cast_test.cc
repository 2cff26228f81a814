// SPDX-License-Identifier: Apache-2.0
#include <arrow/api.h>
#include <arrow/extension/json.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "larder/base/cast.h"

namespace larder {
namespace {

using arrow::date32;
using arrow::date64;
using arrow::float32;
using arrow::float64;
using arrow::int32;
using arrow::int64;
using arrow::int8;
using arrow::large_list;
using arrow::large_utf8;
using arrow::list;
using arrow::map;
using arrow::null;
using arrow::struct_;
using arrow::timestamp;
using arrow::TimeUnit;
using arrow::uint64;
using arrow::utf8;

using TypePtr = std::shared_ptr<arrow::DataType>;

std::shared_ptr<arrow::Array> FromJson(const TypePtr& type, const std::string& json) {
  auto array = arrow::json::ArrayFromJSONString(type, json);
  EXPECT_TRUE(array.ok()) << array.status();
  return array.ValueOr(nullptr);
}

struct Good {
  TypePtr from;
  std::string values;
  TypePtr to;
  std::string expected;
};

void ExpectGood(const Good& good) {
  SCOPED_TRACE(good.from->ToString() + " " + good.values + " as " + good.to->ToString());
  const auto array = FromJson(good.from, good.values);
  const auto expected = FromJson(good.to, good.expected);
  const auto cast = CastColumn(array, good.to, "x", {});
  ASSERT_TRUE(cast.ok()) << cast.status();
  EXPECT_TRUE((*cast)->ValidateFull().ok());
  const auto nans = arrow::EqualOptions().nans_equal(true);
  EXPECT_TRUE((*cast)->Equals(*expected, nans)) << (*cast)->ToString();
  EXPECT_TRUE((*cast)->type()->Equals(*good.to));
  // A slice has an offset, which nested types must heed.
  if (array->length() < 2) return;
  const auto sliced = CastColumn(array->Slice(1), good.to, "x", {});
  ASSERT_TRUE(sliced.ok()) << sliced.status();
  EXPECT_TRUE((*sliced)->ValidateFull().ok());
  EXPECT_TRUE((*sliced)->Equals(*expected->Slice(1), nans)) << (*sliced)->ToString();
}

TEST(Cast, NumbersThatFit) {
  ExpectGood({int64(), "[1, null, -128]", int8(), "[1, null, -128]"});
  ExpectGood({int8(), "[1, null]", int64(), "[1, null]"});
  ExpectGood({int64(), "[9007199254740992, null]", float64(), "[9007199254740992, null]"});
  ExpectGood({float64(), "[1.5, null, 0.1]", float32(), "[1.5, null, 0.1]"});
  ExpectGood({float64(), "[Inf, NaN, 2]", float32(), "[Inf, NaN, 2]"});
  ExpectGood({float64(), "[3, null]", int64(), "[3, null]"});
  ExpectGood({int64(), "[1, 0]", arrow::boolean(), "[true, false]"});
  ExpectGood({int32(), "[7, null]", arrow::decimal128(38, 2), R"(["7.00", null])"});
  ExpectGood({arrow::decimal128(5, 2), R"(["7.10", null])", arrow::decimal128(10, 3),
              R"(["7.100", null])"});
  ExpectGood({utf8(), R"(["12", null])", int64(), "[12, null]"});
  ExpectGood({int64(), "[12, null]", utf8(), R"(["12", null])"});
}

TEST(Cast, TextOfEveryKind) {
  for (const auto& from : {utf8(), large_utf8(), arrow::utf8_view()}) {
    for (const auto& to : {utf8(), large_utf8()}) {
      ExpectGood({from, R"(["a", null, ""])", to, R"(["a", null, ""])"});
    }
  }
  ExpectGood({arrow::binary(), R"(["a", null])", utf8(), R"(["a", null])"});
  ExpectGood({utf8(), R"(["a", null])", arrow::binary(), R"(["a", null])"});
}

TEST(Cast, TimesThatFit) {
  const auto ns = timestamp(TimeUnit::NANO);
  const auto us = timestamp(TimeUnit::MICRO);
  const auto us_utc = timestamp(TimeUnit::MICRO, "UTC");
  ExpectGood({ns, "[1000, null, -1000]", us, "[1, null, -1]"});
  ExpectGood({us, "[1, null]", ns, "[1000, null]"});
  ExpectGood({us, "[1, null]", us_utc, "[1, null]"});
  ExpectGood({timestamp(TimeUnit::NANO, "Europe/Paris"), "[1000, null]", us_utc, "[1, null]"});
  ExpectGood({us_utc, "[1, null]", us, "[1, null]"});
  ExpectGood({date32(), "[1, null]", us_utc, "[86400000000, null]"});
  ExpectGood({us_utc, "[86400000000, null]", date32(), "[1, null]"});
  ExpectGood({date64(), "[86400000, null]", date32(), "[1, null]"});
  ExpectGood({utf8(), R"(["1970-01-02", null])", us_utc, "[86400000000, null]"});
  ExpectGood({utf8(), R"(["1970-01-02T01:00:00+01:00", null])", us, "[86400000000, null]"});
  ExpectGood({arrow::time32(TimeUnit::SECOND), "[1, null]", arrow::time64(TimeUnit::MICRO),
              "[1000000, null]"});
  ExpectGood({arrow::duration(TimeUnit::NANO), "[1000, null]", arrow::duration(TimeUnit::MICRO),
              "[1, null]"});
}

TEST(Cast, NullTypeBecomesAnything) {
  for (const auto& to : std::vector<TypePtr>{
           int64(), utf8(), list(int64()), struct_({arrow::field("a", list(utf8()))}),
           map(utf8(), float64()), arrow::dictionary(int32(), utf8()), timestamp(TimeUnit::NANO)}) {
    const auto cast = CastColumn(FromJson(null(), "[null, null]"), to, "x", {});
    ASSERT_TRUE(cast.ok()) << cast.status();
    EXPECT_EQ((*cast)->null_count(), 2);
    EXPECT_TRUE((*cast)->type()->Equals(*to));
    EXPECT_TRUE((*cast)->ValidateFull().ok());
  }
  ExpectGood({list(null()), "[[null], null, []]", list(struct_({arrow::field("a", int64())})),
              "[[null], null, []]"});
}

TEST(Cast, StructsByTheNamesOfTheirFields) {
  const auto from = struct_({arrow::field("b", int64()), arrow::field("a", null())});
  const auto to = struct_(
      {arrow::field("a", utf8()), arrow::field("b", int8()), arrow::field("c", list(int64()))});
  ExpectGood({from, R"([{"b": 1}, null, {"b": null}, {"b": 3}])", to,
              R"([{"b": 1}, null, {"b": null}, {"b": 3}])"});
  ExpectGood(
      {struct_({}), "[{}, null]", struct_({arrow::field("a", int64())}), R"([{"a": null}, null])"});
}

TEST(Cast, ListsAndMapsByTheirValues) {
  ExpectGood({list(int64()), "[[1, 2], null, [], [3]]", list(int8()), "[[1, 2], null, [], [3]]"});
  ExpectGood({list(arrow::field("element", int64())), "[[1], null]", list(int64()), "[[1], null]"});
  ExpectGood({large_list(int64()), "[[1, 2], null, [3]]", list(int64()), "[[1, 2], null, [3]]"});
  ExpectGood(
      {list(int64()), "[[1, 2], null, [3]]", large_list(utf8()), R"([["1", "2"], null, ["3"]])"});
  ExpectGood({arrow::fixed_size_list(int64(), 2), "[[1, 2], null, [3, 4]]", list(float64()),
              "[[1, 2], null, [3, 4]]"});
  ExpectGood({list(int64()), "[[1, 2], null, [3, 4]]", arrow::fixed_size_list(float32(), 2),
              "[[1, 2], null, [3, 4]]"});
  ExpectGood(
      {arrow::list_view(int64()), "[[1, 2], null, [3]]", list(float64()), "[[1, 2], null, [3]]"});
  ExpectGood({list(list(int64())), "[[[1], null], null, [[2, 3]]]", list(list(int32())),
              "[[[1], null], null, [[2, 3]]]"});
  ExpectGood({map(utf8(), int64()), R"([[["a", 1]], null, [], [["b", null]]])",
              map(large_utf8(), int8()), R"([[["a", 1]], null, [], [["b", null]]])"});
}

TEST(Cast, DictionariesAreTheirValues) {
  const auto dictionary = arrow::dictionary(int8(), utf8());
  const auto array =
      *arrow::json::DictArrayFromJSONString(dictionary, "[1, null, 0]", R"(["a", "b"])");
  const auto plain = CastColumn(array, large_utf8(), "x", {});
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_TRUE((*plain)->Equals(*FromJson(large_utf8(), R"(["b", null, "a"])")));
  const auto back = CastColumn(*plain, arrow::dictionary(int32(), utf8()), "x", {});
  ASSERT_TRUE(back.ok()) << back.status();
  const auto values = CastColumn(*back, utf8(), "x", {});
  EXPECT_TRUE((*values)->Equals(*FromJson(utf8(), R"(["b", null, "a"])")));
}

TEST(Cast, ExtensionTypesByTheirStorage) {
  const auto json = arrow::extension::json(utf8());
  const auto cast = CastColumn(FromJson(large_utf8(), R"(["{}", null])"), json, "x", {});
  ASSERT_TRUE(cast.ok()) << cast.status();
  EXPECT_TRUE((*cast)->type()->Equals(*json));
  const auto back = CastColumn(*cast, utf8(), "x", {});
  EXPECT_TRUE((*back)->Equals(*FromJson(utf8(), R"(["{}", null])")));
}

struct Bad {
  TypePtr from;
  std::string values;
  TypePtr to;
};

void ExpectBad(const Bad& bad, bool is_type_error) {
  SCOPED_TRACE(bad.from->ToString() + " " + bad.values + " as " + bad.to->ToString());
  const auto cast = CastColumn(FromJson(bad.from, bad.values), bad.to, "the_column", {});
  ASSERT_FALSE(cast.ok()) << (*cast)->ToString();
  EXPECT_EQ(cast.status().IsTypeError(), is_type_error) << cast.status();
  EXPECT_EQ(cast.status().IsInvalid(), !is_type_error) << cast.status();
  EXPECT_NE(cast.status().message().find("'the_column"), std::string::npos) << cast.status();
}

TEST(Cast, ValuesThatDoNotFitAreInvalid) {
  const auto us = timestamp(TimeUnit::MICRO);
  for (const Bad& bad :
       std::vector<Bad>{{int64(), "[1, 300]", int8()},
                        {int64(), "[-1]", uint64()},
                        {uint64(), "[18446744073709551615]", int64()},
                        {int64(), "[9007199254740993]", float64()},
                        {float64(), "[1.5]", int64()},
                        {float64(), "[NaN]", int64()},
                        {float64(), "[1e300]", float32()},
                        {float64(), "[-1e39]", float32()},
                        {utf8(), R"(["x"])", int64()},
                        {arrow::decimal128(5, 2), R"(["7.11"])", arrow::decimal128(5, 1)},
                        {timestamp(TimeUnit::NANO), "[1001]", us},
                        {timestamp(TimeUnit::SECOND), "[9223372036854775807]", us},
                        {us, "[86400000001]", date32()},
                        {date64(), "[86400001]", date32()},
                        {utf8(), R"(["yesterday"])", us},
                        {list(int64()), "[[1], [300]]", list(int8())},
                        {list(int64()), "[[1], [2, 3]]", arrow::fixed_size_list(int64(), 1)},
                        {map(utf8(), int64()), R"([[["a", 300]]])", map(utf8(), int8())},
                        {struct_({arrow::field("a", float64())}), R"([{"a": 0.5}])",
                         struct_({arrow::field("a", int64())})}}) {
    ExpectBad(bad, false);
  }
}

TEST(Cast, TypesThatDoNotGoTogetherAreTypeErrors) {
  const auto us = timestamp(TimeUnit::MICRO);
  for (const Bad& bad : std::vector<Bad>{
           {int64(), "[1]", us},
           {us, "[1]", int64()},
           {float64(), "[1]", date32()},
           {us, "[1]", arrow::time64(TimeUnit::MICRO)},
           {arrow::duration(TimeUnit::SECOND), "[1]", us},
           {arrow::duration(TimeUnit::SECOND), "[1]", int64()},
           {int64(), "[1]", list(int64())},
           {list(int64()), "[[1]]", int64()},
           {struct_({arrow::field("b", int64())}), R"([{"b": 1}])",
            struct_({arrow::field("a", int64())})},
           {struct_({arrow::field("a", int64())}), R"([{"a": 1}])", map(utf8(), int64())}}) {
    ExpectBad(bad, true);
  }
}

TEST(Cast, NestedErrorsNameThePath) {
  const auto from = struct_({arrow::field("a", list(int64()))});
  const auto to = struct_({arrow::field("a", list(int8()))});
  const auto cast = CastColumn(FromJson(from, R"([{"a": [300]}])"), to, "x", {});
  EXPECT_NE(cast.status().message().find("'x.a[]'"), std::string::npos) << cast.status();
}

TEST(Cast, ValuesBehindNullsDoNotCount) {
  // A struct's child may hold anything where the struct itself is null.
  const auto child = FromJson(int64(), "[1, 300]");
  const auto validity = FromJson(arrow::boolean(), "[true, false]");
  const auto array =
      std::make_shared<arrow::StructArray>(struct_({arrow::field("a", int64())}), 2,
                                           arrow::ArrayVector{child}, validity->data()->buffers[1]);
  const auto cast = CastColumn(array, struct_({arrow::field("a", int8())}), "x", {});
  EXPECT_TRUE(cast.ok()) << cast.status();
}

TEST(Cast, TruncatesTimesWhereThatIsAllowed) {
  CastSettings settings;
  settings.allow_time_truncation = true;
  const auto us = timestamp(TimeUnit::MICRO);
  const auto cast = CastColumn(FromJson(timestamp(TimeUnit::NANO), "[1999]"), us, "x", settings);
  EXPECT_TRUE((*cast)->Equals(*FromJson(us, "[1]")));
  const auto day = CastColumn(FromJson(us, "[86400000001]"), date32(), "x", settings);
  EXPECT_TRUE((*day)->Equals(*FromJson(date32(), "[1]")));
}

TEST(Cast, NullTypesAreFilledInFromTheSource) {
  const auto fill = [](const TypePtr& target, const TypePtr& source) {
    return FillNullTypes(target, source)->ToString();
  };
  EXPECT_EQ(fill(null(), int64()), "int64");
  EXPECT_EQ(fill(int64(), null()), "int64");
  EXPECT_EQ(fill(list(null()), large_list(utf8())), list(utf8())->ToString());
  EXPECT_EQ(fill(map(utf8(), null()), map(utf8(), int64())), map(utf8(), int64())->ToString());
  EXPECT_EQ(fill(struct_({arrow::field("a", null()), arrow::field("b", int8())}),
                 struct_({arrow::field("b", int64()), arrow::field("a", utf8())})),
            struct_({arrow::field("a", utf8()), arrow::field("b", int8())})->ToString());
}

}  // namespace
}  // namespace larder
