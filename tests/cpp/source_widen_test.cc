// SPDX-License-Identifier: Apache-2.0
// What UnifyTypes() promises and CastColumn() keeps: values of both types as the union of them.
#include <arrow/array.h>
#include <arrow/json/from_string.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "larder/base/cast.h"
#include "larder/source/type_union.h"

namespace larder {
namespace {

using arrow::date32;
using arrow::decimal128;
using arrow::dictionary;
using arrow::field;
using arrow::float32;
using arrow::float64;
using arrow::int16;
using arrow::int32;
using arrow::int64;
using arrow::int8;
using arrow::large_list;
using arrow::large_utf8;
using arrow::list;
using arrow::map;
using arrow::struct_;
using arrow::timestamp;
using arrow::TimeUnit;
using arrow::uint32;
using arrow::uint64;
using arrow::uint8;
using arrow::utf8;

using TypePtr = std::shared_ptr<arrow::DataType>;
using ArrayPtr = std::shared_ptr<arrow::Array>;

ArrayPtr FromJson(const TypePtr& type, const std::string& json) {
  if (type->id() == arrow::Type::DICTIONARY) {
    const auto& values = static_cast<const arrow::DictionaryType&>(*type).value_type();
    const auto cast = CastColumn(FromJson(values, json), type, "x", {});
    EXPECT_TRUE(cast.ok()) << type->ToString() << ": " << cast.status();
    return cast.ValueOr(nullptr);
  }
  const auto array = arrow::json::ArrayFromJSONString(type, json);
  EXPECT_TRUE(array.ok()) << type->ToString() << " " << json << ": " << array.status();
  return array.ValueOr(nullptr);
}

/// Values of a type, and the same as the union of it with `other`.
struct Widening {
  TypePtr from;
  std::string values;
  TypePtr other;
  std::string expected;
};

void ExpectWidened(const std::vector<Widening>& cases) {
  for (const auto& [from, values, other, expected] : cases) {
    for (const bool from_first : {true, false}) {
      const TypePtr to = from_first ? UnifyTypes(from, other) : UnifyTypes(other, from);
      ASSERT_NE(to, nullptr) << from->ToString() << " and " << other->ToString();
      SCOPED_TRACE(from->ToString() + " " + values + " as " + to->ToString());
      const auto array = FromJson(from, values);
      ASSERT_NE(array, nullptr);
      // Once whole, once as a slice, once without rows.
      for (const auto& piece : {array, array->Slice(1), array->Slice(0, 0)}) {
        const auto cast = CastColumn(piece, to, "x", {});
        ASSERT_TRUE(cast.ok()) << cast.status();
        EXPECT_TRUE((*cast)->ValidateFull().ok());
        EXPECT_TRUE((*cast)->type()->Equals(*to)) << (*cast)->type()->ToString();
        const auto all = FromJson(to, expected);
        const auto wanted = all->Slice(piece->offset() - array->offset(), piece->length());
        // Dictionaries may differ in the order of their values.
        const auto& plain = to->id() == arrow::Type::DICTIONARY
                                ? static_cast<const arrow::DictionaryType&>(*to).value_type()
                                : to;
        const auto one = CastColumn(*cast, plain, "x", {});
        const auto two = CastColumn(wanted, plain, "x", {});
        ASSERT_TRUE(one.ok() && two.ok()) << one.status() << two.status();
        EXPECT_TRUE((*one)->Equals(*two)) << (*cast)->ToString();
      }
    }
  }
}

TEST(Widen, Numbers) {
  ExpectWidened(
      {{int8(), "[-128, null, 127]", int64(), "[-128, null, 127]"},
       {int8(), "[-128, null, 127]", uint8(), "[-128, null, 127]"},
       {uint8(), "[255, null]", int8(), "[255, null]"},
       {uint32(), "[4294967295, null]", int32(), "[4294967295, null]"},
       {uint32(), "[4294967295, null]", uint64(), "[4294967295, null]"},
       {int64(), "[9007199254740992, null, -9007199254740992]", float64(),
        "[9007199254740992, null, -9007199254740992]"},
       {int8(), "[-1, null]", float32(), "[-1, null]"},
       {int16(), "[-1, null]", arrow::float16(), "[-1, null]"},
       {arrow::float16(), "[1.5, null, -0.25]", float32(), "[1.5, null, -0.25]"},
       {arrow::float16(), "[1.5, null, -0.25]", int8(), "[1.5, null, -0.25]"},
       {float32(), "[0.5, null, Inf]", float64(), "[0.5, null, Inf]"},
       {float32(), "[0.5, null]", int64(), "[0.5, null]"},
       {decimal128(4, 2), R"(["1.25", null])", decimal128(30, 2), R"(["1.25", null])"},
       {decimal128(4, 2), R"(["1.25", null])", arrow::decimal256(50, 2), R"(["1.25", null])"},
       {arrow::decimal32(4, 2), R"(["1.25", null])", arrow::decimal64(12, 2), R"(["1.25", null])"},
       {arrow::decimal64(12, 2), R"(["1.25", null])", arrow::decimal32(4, 2),
        R"(["1.25", null])"}});
}

TEST(Widen, TextAndBytes) {
  for (const auto& from : {utf8(), large_utf8(), arrow::utf8_view()}) {
    for (const auto& other : {utf8(), large_utf8(), arrow::utf8_view()}) {
      ExpectWidened({{from, R"(["a", null, "", "longer than a view holds"])", other,
                      R"(["a", null, "", "longer than a view holds"])"}});
    }
  }
  const auto fixed = arrow::fixed_size_binary(2);
  for (const auto& from : {arrow::binary(), arrow::large_binary(), arrow::binary_view(), fixed}) {
    for (const auto& other : {arrow::binary(), arrow::large_binary(), arrow::binary_view(),
                              arrow::fixed_size_binary(3)}) {
      ExpectWidened({{from, R"(["ab", null, "cd"])", other, R"(["ab", null, "cd"])"}});
    }
  }
}

TEST(Widen, Times) {
  const auto ms = timestamp(TimeUnit::MILLI);
  const auto ms_paris = timestamp(TimeUnit::MILLI, "Europe/Paris");
  const auto ns_utc = timestamp(TimeUnit::NANO, "UTC");
  ExpectWidened({{ms, "[-1, null, 2]", timestamp(TimeUnit::NANO), "[-1000000, null, 2000000]"},
                 {ms, "[-1, null, 2]", ns_utc, "[-1000000, null, 2000000]"},
                 {ms_paris, "[-1, null, 2]", ns_utc, "[-1000000, null, 2000000]"},
                 {ms_paris, "[-1, null, 2]", ms, "[-1, null, 2]"},
                 {date32(), "[-1, null]", arrow::date64(), "[-1, null]"},
                 {arrow::date64(), "[-86400000, null]", date32(), "[-1, null]"}});
}

TEST(Widen, NullsAndDictionaries) {
  const auto codes = dictionary(int8(), utf8());
  ExpectWidened(
      {{arrow::null(), "[null, null]", int64(), "[null, null]"},
       {arrow::null(), "[null, null]", codes, "[null, null]"},
       {arrow::null(), "[null, null]", list(codes), "[null, null]"},
       {list(arrow::null()), "[[null], [], null]", list(utf8()), "[[null], [], null]"},
       {codes, R"(["b", null, "a", "b"])", utf8(), R"(["b", null, "a", "b"])"},
       {codes, R"(["b", null, "a", "b"])", large_utf8(), R"(["b", null, "a", "b"])"},
       {utf8(), R"(["b", null, "a", "b"])", codes, R"(["b", null, "a", "b"])"},
       {codes, R"(["b", null, "a"])", dictionary(int32(), utf8()), R"(["b", null, "a"])"},
       {codes, R"(["b", null, "a"])", dictionary(uint8(), utf8()), R"(["b", null, "a"])"},
       {codes, R"(["b", null, "a"])", dictionary(int8(), large_utf8()), R"(["b", null, "a"])"}});
}

TEST(Widen, NestedTypes) {
  const auto a = field("a", int32());
  const auto b = field("b", utf8());
  ExpectWidened({{struct_({a}), R"([{"a": 1}, null, {"a": null}])", struct_({b}),
                  R"([{"a": 1, "b": null}, null, {"a": null, "b": null}])"},
                 {struct_({a, b}), R"([{"a": 1, "b": "x"}, null])", struct_({b, a}),
                  R"([{"a": 1, "b": "x"}, null])"},
                 {struct_({field("a", int8(), false)}), R"([{"a": 1}, {"a": 2}])", struct_({a}),
                  R"([{"a": 1}, {"a": 2}])"},
                 {list(int8()), "[[1, null], null, [], [2]]", large_list(float32()),
                  "[[1, null], null, [], [2]]"},
                 {arrow::fixed_size_list(int8(), 2), "[[1, null], null, [3, 4]]",
                  arrow::fixed_size_list(int8(), 3), "[[1, null], null, [3, 4]]"},
                 {arrow::list_view(int8()), "[[1, null], null, [3]]", list(int16()),
                  "[[1, null], null, [3]]"},
                 {arrow::large_list_view(int8()), "[[1, null], null, [3]]", list(int16()),
                  "[[1, null], null, [3]]"},
                 {map(utf8(), int8()), R"([[["a", 1]], null, [["b", null]]])",
                  map(large_utf8(), int64()), R"([[["a", 1]], null, [["b", null]]])"},
                 {list(struct_({field("a", list(int8()))})), R"([[{"a": [1]}], null, [null]])",
                  list(struct_({field("a", list(int64())), b})),
                  R"([[{"a": [1], "b": null}], null, [null]])"}});
}

TEST(Widen, EqualTypesAreNotTouched) {
  const auto array = FromJson(list(utf8()), R"([["a"], null])");
  const auto cast = CastColumn(array, UnifyTypes(list(utf8()), list(utf8())), "x", {});
  ASSERT_TRUE(cast.ok()) << cast.status();
  EXPECT_EQ(cast->get(), array.get());
}

TEST(Widen, ValuesThatTheUnionDoesNotHoldAreInvalid) {
  const auto expect_invalid = [](const TypePtr& from, const std::string& values,
                                 const TypePtr& other) {
    const auto cast = CastColumn(FromJson(from, values), UnifyTypes(from, other), "x", {});
    EXPECT_TRUE(cast.status().IsInvalid()) << from->ToString() << cast.status();
    EXPECT_NE(cast.status().message().find("'x"), std::string::npos) << cast.status();
  };
  expect_invalid(int64(), "[9007199254740993]", float64());
  expect_invalid(int64(), "[-9007199254740993]", float32());
  expect_invalid(uint64(), "[18446744073709551615]", float64());
  expect_invalid(list(int64()), "[[9007199254740993]]", list(float64()));
  const auto seconds = timestamp(TimeUnit::SECOND);
  expect_invalid(seconds, "[9223372037]", timestamp(TimeUnit::NANO));
  expect_invalid(seconds, "[-9223372037]", timestamp(TimeUnit::NANO, "UTC"));
  expect_invalid(timestamp(TimeUnit::MICRO), "[9223372036854775807]", timestamp(TimeUnit::NANO));
}

}  // namespace
}  // namespace larder
