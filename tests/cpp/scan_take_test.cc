// SPDX-License-Identifier: Apache-2.0
#include <arrow/chunked_array.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "larder/base/cast.h"
#include "larder/scan/take.h"
#include "tests/cpp/parquet_testing.h"

namespace larder {
namespace {

using TypePtr = std::shared_ptr<arrow::DataType>;

std::shared_ptr<arrow::Array> Indices(const std::string& json) {
  return FromJson(arrow::uint32(), json);
}

/// `type` may be what JSON cannot be read as.
std::shared_ptr<arrow::Array> ArrayOf(const TypePtr& type, const TypePtr& plain,
                                      const std::string& json) {
  return Unwrap(CastColumn(FromJson(plain, json), type, "x", {}));
}

TEST(TakeRows, ANullIndexGivesANull) {
  const auto values = FromJson(arrow::int64(), "[10, null, 30]");
  const auto taken = Unwrap(TakeRows(values, *Indices("[2, null, 1, 0, 2]"), RunContext{}));
  EXPECT_TRUE(taken->Equals(FromJson(arrow::int64(), "[30, null, null, 10, 30]")));
}

TEST(TakeRows, NothingOfNothing) {
  const auto values = FromJson(arrow::utf8(), "[]");
  const auto taken = Unwrap(TakeRows(values, *Indices("[null, null]"), RunContext{}));
  EXPECT_TRUE(taken->Equals(FromJson(arrow::utf8(), "[null, null]")));
  EXPECT_EQ(Unwrap(TakeRows(values, *Indices("[]"), RunContext{}))->length(), 0);
}

TEST(TakeRows, ViewsOfEveryDepthKeepTheirType) {
  const auto check = [](const TypePtr& type, const std::string& json, const std::string& expected) {
    const auto taken =
        Unwrap(TakeRows(FromJson(type, json), *Indices("[1, null, 0]"), RunContext{}));
    EXPECT_TRUE(taken->ValidateFull().ok());
    EXPECT_TRUE(taken->Equals(FromJson(type, expected))) << taken->ToString();
  };
  const auto& text = arrow::utf8_view();
  check(text, R"(["a", "longer than a view holds"])", R"(["longer than a view holds", null, "a"])");
  check(arrow::binary_view(), R"(["a", "b"])", R"(["b", null, "a"])");
  check(arrow::list(text), R"([["a"], []])", R"([[], null, ["a"]])");
  check(arrow::large_list(text), R"([["a"], []])", R"([[], null, ["a"]])");
  check(arrow::fixed_size_list(text, 1), R"([["a"], ["b"]])", R"([["b"], null, ["a"]])");
  check(arrow::struct_({arrow::field("f", text)}), R"([{"f": "a"}, {"f": "b"}])",
        R"([{"f": "b"}, null, {"f": "a"}])");
  check(arrow::map(text, arrow::int8()), R"([[["a", 1]], []])", R"([[], null, [["a", 1]]])");
}

TEST(ConcatenateColumn, PiecesInTheirOrder) {
  const auto a = FromJson(arrow::int64(), "[1, null]");
  const auto b = FromJson(arrow::int64(), "[3]");
  const auto all = Unwrap(ConcatenateColumn({a, b, a}, arrow::int64(), RunContext{}));
  EXPECT_TRUE(all->Equals(FromJson(arrow::int64(), "[1, null, 3, 1, null]")));
  EXPECT_EQ(Unwrap(ConcatenateColumn({a}, arrow::int64(), RunContext{})), a);
}

TEST(ConcatenateColumn, NoPiecesAreAnEmptyColumn) {
  const auto none = Unwrap(ConcatenateColumn({}, arrow::utf8(), RunContext{}));
  EXPECT_EQ(none->length(), 0);
  EXPECT_TRUE(none->type()->Equals(arrow::utf8()));
}

TEST(ConcatenateColumn, ShortStringsKeepTheirType) {
  const auto a = FromJson(arrow::utf8(), R"(["a", null])");
  const auto all = Unwrap(ConcatenateColumn({a, a->Slice(1)}, arrow::utf8(), RunContext{}));
  EXPECT_TRUE(all->Equals(FromJson(arrow::utf8(), R"(["a", null, null])")));
}

TEST(ConcatenateColumn, DictionariesWithDifferentValues) {
  const auto type = arrow::dictionary(arrow::int8(), arrow::utf8());
  const auto a = ArrayOf(type, arrow::utf8(), R"(["a", "b"])");
  const auto b = ArrayOf(type, arrow::utf8(), R"(["c", null, "a"])");
  const auto all = Unwrap(ConcatenateColumn({a, b}, type, RunContext{}));
  const auto plain = Unwrap(CastColumn(all, arrow::utf8(), "x", {}));
  EXPECT_TRUE(plain->Equals(FromJson(arrow::utf8(), R"(["a", "b", "c", null, "a"])")));
}

TEST(TakeInChunks, ChunksHaveTheRowsAskedFor) {
  const auto values = FromJson(arrow::int64(), "[10, 20]");
  const auto taken =
      Unwrap(TakeInChunks(values, Indices("[0, 1, null, 1, 0]"), arrow::int64(), 2, RunContext{}));
  ASSERT_EQ(taken->num_chunks(), 3);
  EXPECT_TRUE(taken->chunk(0)->Equals(FromJson(arrow::int64(), "[10, 20]")));
  EXPECT_TRUE(taken->chunk(1)->Equals(FromJson(arrow::int64(), "[null, 20]")));
  EXPECT_TRUE(taken->chunk(2)->Equals(FromJson(arrow::int64(), "[10]")));
}

TEST(TakeInChunks, NoRowsAreAColumnOfTheType) {
  const auto values = FromJson(arrow::utf8(), R"(["a"])");
  const auto taken = Unwrap(TakeInChunks(values, Indices("[]"), arrow::utf8(), 2, RunContext{}));
  EXPECT_EQ(taken->length(), 0);
  EXPECT_TRUE(taken->type()->Equals(arrow::utf8()));
}

TEST(TakeInChunks, LargeStringsBecomeTheTypeOfTheAnswer) {
  const auto values = FromJson(arrow::large_utf8(), R"(["a", "b"])");
  const auto taken =
      Unwrap(TakeInChunks(values, Indices("[1, null]"), arrow::utf8(), 10, RunContext{}));
  EXPECT_TRUE(taken->chunk(0)->Equals(FromJson(arrow::utf8(), R"(["b", null])")));
}

}  // namespace
}  // namespace larder
