// SPDX-License-Identifier: Apache-2.0
#include <arrow/compute/api_vector.h>
#include <arrow/compute/cast.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "larder/kernel/join_key.h"
#include "larder/kernel/key_index.h"
#include "tests/cpp/parquet_testing.h"

namespace larder {
namespace {

using arrow::TimeUnit;
using TypePtr = std::shared_ptr<arrow::DataType>;
using ArrayPtr = std::shared_ptr<arrow::Array>;
using Rows64 = std::vector<int64_t>;

constexpr int64_t kNoRow = -1;

/// For each source key the first entity row with the same key, or kNoRow.
Rows64 Match(const arrow::ArrayVector& entity, const arrow::ArrayVector& source,
             int hash_bits = 64) {
  RunContext context;
  context.key_hash_bits = hash_bits;
  arrow::FieldVector fields;
  for (const auto& column : entity) fields.push_back(arrow::field("x", column->type()));
  PoolVector<Slot> entity_slots(context.pool);
  const auto index = Unwrap(
      KeyIndex::Build(*arrow::Table::Make(arrow::schema(fields), entity), context, &entity_slots));
  arrow::MemoryPool* pool = context.pool;
  SlotFinder finder(index, pool);
  const Slot* slots = Unwrap(finder.Find(source));
  Rows64 rows;
  for (int64_t i = 0; i < source[0]->length(); ++i) {
    const auto row = std::find(entity_slots.begin(), entity_slots.end(), slots[i]);
    const bool found = slots[i] != kNoSlot && row != entity_slots.end();
    rows.push_back(found ? row - entity_slots.begin() : kNoRow);
  }
  return rows;
}

ArrayPtr Column(const TypePtr& type, const std::string& json) {
  if (type->id() != arrow::Type::DICTIONARY) return FromJson(type, json);
  const auto& coded = static_cast<const arrow::DictionaryType&>(*type);
  const auto encoded =
      Unwrap(arrow::compute::DictionaryEncode(FromJson(coded.value_type(), json))).make_array();
  const auto& parts = static_cast<const arrow::DictionaryArray&>(*encoded);
  const auto indices = Unwrap(arrow::compute::Cast(*parts.indices(), coded.index_type()));
  return Unwrap(arrow::DictionaryArray::FromArrays(type, indices, parts.dictionary()));
}

void ExpectMatch(const TypePtr& entity, const std::string& entity_keys, const TypePtr& source,
                 const std::string& source_keys, const Rows64& expected) {
  const auto one = Column(entity, entity_keys);
  const auto two = Column(source, source_keys);
  for (const int hash_bits : {0, 8, 64}) {
    EXPECT_EQ(Match({one}, {two}, hash_bits), expected);
    EXPECT_EQ(Match({one}, {two}, hash_bits), expected)
        << entity->ToString() << " " << entity_keys << " and " << source->ToString() << " "
        << source_keys << " by " << hash_bits << " bits";
    // Among the columns of a composite key they are encoded in another way.
    const auto twos = [](const ArrayPtr& keys) {
      return Unwrap(arrow::MakeArrayFromScalar(arrow::StringScalar("2"), keys->length()));
    };
    EXPECT_EQ(Match({one, twos(one)}, {two, twos(two)}, hash_bits), expected)
        << "composite " << entity->ToString() << " and " << source->ToString();
  }
}

TEST(JoinKey, IntegersOfEveryWidthCompareByValue) {
  const std::vector<TypePtr> types{arrow::int8(),   arrow::int16(), arrow::int32(),
                                   arrow::int64(),  arrow::uint8(), arrow::uint16(),
                                   arrow::uint32(), arrow::uint64()};
  for (const auto& entity : types) {
    for (const auto& source : types) {
      ExpectMatch(entity, "[5, 0, 127]", source, "[127, 5, 1, 0]", {2, 0, kNoRow, 1});
    }
  }
}

TEST(JoinKey, NegativeNumbersAreNoUnsignedOnes) {
  ExpectMatch(arrow::int8(), "[-1]", arrow::uint8(), "[255]", {kNoRow});
  ExpectMatch(arrow::int64(), "[-1]", arrow::uint64(), "[18446744073709551615]", {kNoRow});
  ExpectMatch(arrow::uint64(), "[18446744073709551615]", arrow::int64(), "[-1]", {kNoRow});
  ExpectMatch(arrow::float64(), "[-1]", arrow::uint64(), "[18446744073709551615]", {kNoRow});
}

TEST(JoinKey, UnsignedBeyondInt64) {
  ExpectMatch(arrow::uint64(), "[18446744073709551615, 9223372036854775808]", arrow::uint64(),
              "[9223372036854775808, 18446744073709551615, 18446744073709551614]", {1, 0, kNoRow});
  ExpectMatch(arrow::uint64(), "[9223372036854775808]", arrow::float64(), "[9223372036854775808]",
              {0});
  // 2^64 is beyond all integers.
  ExpectMatch(arrow::uint64(), "[18446744073709551615, 0]", arrow::float64(),
              "[18446744073709551616]", {kNoRow});
}

TEST(JoinKey, FloatsCompareWithIntegersByValue) {
  for (const auto& type : {arrow::float16(), arrow::float32(), arrow::float64()}) {
    ExpectMatch(arrow::int64(), "[2, 0, -3]", type, "[-3.0, 2.0, 2.5, 0.0]", {2, 0, kNoRow, 1});
    ExpectMatch(type, "[2, 0.5, -3]", arrow::int32(), "[-3, 2, 0]", {2, 0, kNoRow});
    ExpectMatch(type, "[0.5, 1.5]", arrow::float64(), "[1.5, 0.5, 0.25]", {1, 0, kNoRow});
  }
  ExpectMatch(arrow::float32(), "[0.1]", arrow::float64(), "[0.1]", {kNoRow});
}

TEST(JoinKey, IntegersThatNoDoubleHoldsMatchNone) {
  ExpectMatch(arrow::int64(), "[9007199254740993, 9007199254740992]", arrow::float64(),
              "[9007199254740992]", {1});
  ExpectMatch(arrow::float64(), "[9007199254740992]", arrow::int64(),
              "[9007199254740993, 9007199254740992]", {kNoRow, 0});
  ExpectMatch(arrow::int64(), "[9223372036854775807]", arrow::float64(), "[9223372036854775808]",
              {kNoRow});
  ExpectMatch(arrow::int64(), "[-9223372036854775808]", arrow::float64(), "[-9223372036854775808]",
              {0});
}

TEST(JoinKey, MinusZeroIsZero) {
  ExpectMatch(arrow::float64(), "[0.0]", arrow::float64(), "[-0.0]", {0});
  ExpectMatch(arrow::float64(), "[-0.0]", arrow::int8(), "[0]", {0});
  ExpectMatch(arrow::int8(), "[0]", arrow::float32(), "[-0.0]", {0});
}

TEST(JoinKey, NanMatchesNothingAndInfinityItself) {
  ExpectMatch(arrow::float64(), "[NaN, Inf, -Inf]", arrow::float32(), "[NaN, -Inf, Inf]",
              {kNoRow, 2, 1});
  ExpectMatch(arrow::int64(), "[0, 9223372036854775807, -9223372036854775808]", arrow::float64(),
              "[NaN, Inf, -Inf]", {kNoRow, kNoRow, kNoRow});
}

TEST(JoinKey, NullsMatchNothing) {
  ExpectMatch(arrow::int64(), "[null, 0]", arrow::int64(), "[null, 0]", {kNoRow, 1});
  ExpectMatch(arrow::int64(), "[null, 0]", arrow::int32(), "[null, 0]", {kNoRow, 1});
  ExpectMatch(arrow::float64(), "[null, 0]", arrow::float64(), "[null, 0]", {kNoRow, 1});
  ExpectMatch(arrow::utf8(), R"([null, ""])", arrow::utf8(), R"([null, ""])", {kNoRow, 1});
  ExpectMatch(arrow::boolean(), "[null, false]", arrow::boolean(), "[null, false]", {kNoRow, 1});
  ExpectMatch(arrow::date32(), "[null, 0]", arrow::date32(), "[null, 0]", {kNoRow, 1});
}

TEST(JoinKey, TheNullTypeMatchesNothing) {
  for (const auto& type : {arrow::int64(), arrow::float64(), arrow::boolean()}) {
    ExpectMatch(arrow::null(), "[null]", type, "[0, null]", {kNoRow, kNoRow});
    ExpectMatch(type, "[0, null]", arrow::null(), "[null]", {kNoRow});
  }
  ExpectMatch(arrow::null(), "[null]", arrow::utf8(), R"(["", null])", {kNoRow, kNoRow});
  ExpectMatch(arrow::utf8(), R"(["", null])", arrow::null(), "[null]", {kNoRow});
}

TEST(JoinKey, TextOfEveryLayoutComparesByBytes) {
  const std::vector<TypePtr> types{arrow::utf8(), arrow::large_utf8(), arrow::utf8_view(),
                                   arrow::dictionary(arrow::int8(), arrow::utf8()),
                                   arrow::dictionary(arrow::int32(), arrow::large_utf8())};
  for (const auto& entity : types) {
    for (const auto& source : types) {
      ExpectMatch(entity, R"(["a", "", "longer than a view holds", "é"])", source,
                  R"(["é", "longer than a view holdS", "longer than a view holds", "", "A", null])",
                  {3, kNoRow, 2, 1, kNoRow, kNoRow});
    }
  }
}

TEST(JoinKey, BytesOfEveryLayout) {
  const std::vector<TypePtr> types{arrow::binary(), arrow::large_binary(), arrow::binary_view(),
                                   arrow::fixed_size_binary(2)};
  for (const auto& entity : types) {
    for (const auto& source : types) {
      ExpectMatch(entity, R"(["ab", "cd"])", source, R"(["cd", "ba", null, "ab"])",
                  {1, kNoRow, kNoRow, 0});
    }
  }
}

TEST(JoinKey, Booleans) {
  ExpectMatch(arrow::boolean(), "[true, false]", arrow::boolean(), "[false, true]", {1, 0});
}

TEST(JoinKey, DatesCompareByDay) {
  ExpectMatch(arrow::date32(), "[-1, 0, 1]", arrow::date64(), "[86400000, -86400000, 0]",
              {2, 0, 1});
  ExpectMatch(arrow::date64(), "[86400000]", arrow::date32(), "[0, 1]", {kNoRow, 0});
  // A time of day, which date64 should not have, is no date.
  ExpectMatch(arrow::date32(), "[1, 0]", arrow::date64(), "[86400001, -1]", {kNoRow, kNoRow});
}

TEST(JoinKey, TimestampsCompareByInstant) {
  const auto tokyo = arrow::timestamp(TimeUnit::MILLI, "Asia/Tokyo");
  ExpectMatch(arrow::timestamp(TimeUnit::SECOND), "[1, -1]", tokyo, "[-1000, 1000, 1001]",
              {1, 0, kNoRow});
  ExpectMatch(tokyo, "[1000, 1500]", arrow::timestamp(TimeUnit::SECOND, "UTC"), "[1, 2]",
              {0, kNoRow});
  ExpectMatch(arrow::timestamp(TimeUnit::NANO), "[0]", arrow::timestamp(TimeUnit::SECOND),
              "[9223372036854775807]", {kNoRow});
  ExpectMatch(tokyo, "[5]", tokyo, "[5, 6]", {0, kNoRow});
}

TEST(JoinKey, DictionariesOfNumbersAreTheirValues) {
  const auto coded = arrow::dictionary(arrow::int8(), arrow::int64());
  ExpectMatch(coded, "[7, null, 9]", arrow::int16(), "[9, 7, 8, null]", {2, 0, kNoRow, kNoRow});
  ExpectMatch(arrow::int16(), "[7, 9]", coded, "[9, null, 7]", {1, kNoRow, 0});
  const auto wide = arrow::dictionary(arrow::int8(), arrow::float64());
  ExpectMatch(wide, "[0.5, 2]", arrow::int8(), "[2, 0]", {1, kNoRow});
}

TEST(JoinKey, ADictionaryMayHoldANull) {
  const auto values = FromJson(arrow::utf8(), R"(["a", null])");
  const auto source =
      Unwrap(arrow::DictionaryArray::FromArrays(arrow::dictionary(arrow::int8(), arrow::utf8()),
                                                FromJson(arrow::int8(), "[0, 1, null]"), values));
  const auto entity = FromJson(arrow::utf8(), R"(["", null, "a"])");
  EXPECT_EQ(Match({entity}, {source}), (Rows64{2, kNoRow, kNoRow}));
  const auto ones = FromJson(arrow::int8(), "[1, 1, 1]");
  EXPECT_EQ(Match({entity, ones}, {source, ones}), (Rows64{2, kNoRow, kNoRow}));
}

TEST(JoinKey, SlicesStartAtTheirOffset) {
  const auto ints = FromJson(arrow::int64(), "[9, null, 1, 2, null]")->Slice(2);
  EXPECT_EQ(Match({ints}, {ints}), (Rows64{0, 1, kNoRow}));
  const auto text = FromJson(arrow::utf8(), R"(["x", null, "a", "b", null])")->Slice(2);
  EXPECT_EQ(Match({text}, {text}), (Rows64{0, 1, kNoRow}));
  EXPECT_EQ(Match({text, ints}, {text, ints}), (Rows64{0, 1, kNoRow}));
  const auto flags = FromJson(arrow::boolean(), "[true, null, false, true, null]")->Slice(2);
  EXPECT_EQ(Match({flags}, {flags}), (Rows64{0, 1, kNoRow}));
}

TEST(JoinKey, CompositeTextKeepsItsBorders) {
  const auto text = [](const std::string& json) { return FromJson(arrow::utf8(), json); };
  for (const int hash_bits : {0, 8, 64}) {
    EXPECT_EQ(
        Match({text(R"(["a", "ab", ""])"), text(R"(["bc", "c", "abc"])")},
              {text(R"(["ab", "abc", "a", ""])"), text(R"(["c", "", "bc", "abc"])")}, hash_bits),
        (Rows64{1, kNoRow, 0, 2}));
  }
}

TEST(JoinKey, CompositeTextMayHoldZeroBytes) {
  const auto text = [](const std::string& json) { return FromJson(arrow::utf8(), json); };
  const std::string zeros = R"(\u0000\u0000\u0000\u0000)";
  EXPECT_EQ(Match({text(R"(["a"])"), text(R"(["b)" + zeros + R"(c"])")},
                  {text(R"(["a)" + zeros + R"(b"])"), text(R"(["c"])")}),
            Rows64{kNoRow});
}

TEST(JoinKey, CompositeKeysOfMixedTypes) {
  const arrow::ArrayVector entity{FromJson(arrow::float64(), "[1, 1, 0.5]"),
                                  FromJson(arrow::utf8(), R"(["a", "b", "a"])"),
                                  FromJson(arrow::timestamp(TimeUnit::SECOND), "[1, 1, 1]")};
  const arrow::ArrayVector source{
      FromJson(arrow::int8(), "[1, 1, 0, 1]"),
      FromJson(arrow::large_utf8(), R"(["b", "a", "a", "a"])"),
      FromJson(arrow::timestamp(TimeUnit::MILLI), "[1000, 1000, 1000, 1001]")};
  EXPECT_EQ(Match(entity, source), (Rows64{1, 0, kNoRow, kNoRow}));
}

TEST(JoinKey, ANullInAnyColumnOfACompositeKeyMatchesNothing) {
  const auto a = FromJson(arrow::int64(), "[0, null, 0]");
  const auto b = FromJson(arrow::utf8(), R"([null, "", ""])");
  EXPECT_EQ(Match({a, b}, {a, b}), (Rows64{kNoRow, kNoRow, 2}));
  EXPECT_EQ(Match({b, a}, {b, a}), (Rows64{kNoRow, kNoRow, 2}));
  const auto none = FromJson(arrow::null(), "[null, null, null]");
  EXPECT_EQ(Match({a, b}, {a, none}), (Rows64{kNoRow, kNoRow, kNoRow}));
  EXPECT_EQ(Match({a, none}, {a, b}), (Rows64{kNoRow, kNoRow, kNoRow}));
}

TEST(JoinKey, TypesThatAreNoKeysAreNamed) {
  for (const auto& type :
       {arrow::list(arrow::int8()), arrow::decimal128(5, 2), arrow::duration(TimeUnit::MICRO),
        arrow::time32(TimeUnit::SECOND), arrow::struct_({Int64Field("a")})}) {
    ExpectError(KeyDomainOf(*type, "column 'x'").status(), arrow::StatusCode::TypeError,
                {"column 'x'", type->ToString()});
  }
}

TEST(JoinKey, ClassesNeverMeet) {
  const std::vector<std::pair<TypePtr, std::string>> keys{
      {arrow::int64(), "[1]"},       {arrow::utf8(), R"(["1"])"},
      {arrow::binary(), R"(["1"])"}, {arrow::boolean(), "[true]"},
      {arrow::date32(), "[1]"},      {arrow::timestamp(TimeUnit::SECOND), "[1]"}};
  for (const auto& [entity, entity_keys] : keys) {
    for (const auto& [source, source_keys] : keys) {
      if (entity == source) continue;
      const KeyEncoder encoder({Unwrap(KeyDomainOf(*entity, "x"))});
      EncodedKeys encoded(arrow::default_memory_pool());
      ExpectError(encoder.Encode({FromJson(source, source_keys)}, &encoded),
                  arrow::StatusCode::TypeError, {source->ToString()});
    }
  }
}

}  // namespace
}  // namespace larder
