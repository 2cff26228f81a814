// SPDX-License-Identifier: Apache-2.0
#include <arrow/chunked_array.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "larder/base/cast.h"
#include "larder/scan/column_sink.h"
#include "tests/cpp/parquet_testing.h"

namespace larder {
namespace {

using TypePtr = std::shared_ptr<arrow::DataType>;
using Addresses = std::vector<uint64_t>;

/// The places of `wanted` rows, by the choice of each output row.
class Places {
 public:
  Places(const std::string& choice, size_t wanted) : places_(arrow::default_memory_pool()) {
    places_.choice =
        std::static_pointer_cast<arrow::UInt32Array>(FromJson(arrow::uint32(), choice));
    for (uint32_t w = 0; w < wanted; ++w) {
      places_.begin.push_back(static_cast<uint32_t>(places_.rows.size()));
      for (int64_t row = 0; row < places_.choice->length(); ++row) {
        if (places_.choice->IsValid(row) && places_.choice->Value(row) == w) {
          places_.rows.push_back(static_cast<uint32_t>(row));
        }
      }
    }
    places_.begin.push_back(static_cast<uint32_t>(places_.rows.size()));
  }

  const RowPlaces& operator*() const { return places_; }

 private:
  RowPlaces places_;
};

/// Wanted are rows 10, 12 and 13 of a source: values[0], values[2] and values[3]. They come in two
/// batches, the second first.
std::shared_ptr<arrow::ChunkedArray> Collect(ColumnSink* sink, const TypePtr& type,
                                             const std::string& values) {
  const auto all = FromJson(type, values);
  const Addresses addresses{10, 12, 13};
  const std::span<const uint64_t> wanted = addresses;
  EXPECT_TRUE(sink->Add({all->Slice(2), 12, wanted.subspan(1), 1}).ok());
  EXPECT_TRUE(sink->Add({all->Slice(0, 2), 10, wanted.first(1), 0}).ok());
  auto column = Unwrap(sink->Finish());
  EXPECT_TRUE(column->ValidateFull().ok());
  return column;
}

void ExpectOutput(const TypePtr& type, const std::string& values, const std::string& choice,
                  const std::string& expected) {
  const RunContext context;
  const Places places(choice, 3);
  for (const int64_t chunk_rows : {1, 2, 100}) {
    const auto sink = Unwrap(MakeOutputOrderSink(type, *places, chunk_rows, context));
    const auto column = Collect(sink.get(), type, values);
    EXPECT_TRUE(column->Equals(arrow::ChunkedArray({FromJson(type, expected)}, type)))
        << type->ToString() << column->ToString();
  }
}

TEST(OutputOrderSink, ValuesOfEveryWidth) {
  for (const auto& type :
       {arrow::int8(), arrow::uint16(), arrow::int32(), arrow::int64(), arrow::float32(),
        arrow::float64(), arrow::date32(), arrow::timestamp(arrow::TimeUnit::NANO)}) {
    ExpectOutput(type, "[5, 6, 7, 8]", "[2, null, 0, 2, 1]", "[8, null, 5, 8, 7]");
    ExpectOutput(type, "[5, 6, 7, 8]", "[1, 0]", "[7, 5]");
    ExpectOutput(type, "[5, null, null, 8]", "[1, 0, null, 1, 2]", "[null, 5, null, null, 8]");
    ExpectOutput(type, "[5, null, null, 8]", "[1, 0]", "[null, 5]");
    ExpectOutput(type, "[5, 6, 7, 8]", "[null, null]", "[null, null]");
    ExpectOutput(type, "[5, 6, 7, 8]", "[]", "[]");
  }
}

TEST(OutputOrderSink, WiderValues) {
  ExpectOutput(arrow::decimal128(10, 2), R"(["1.00", "2.00", "3.00", null])", "[1, 0, 2, null, 1]",
               R"(["3.00", "1.00", null, null, "3.00"])");
  ExpectOutput(arrow::fixed_size_binary(3), R"(["abc", "def", null, "jkl"])", "[2, 0, 1]",
               R"(["jkl", "abc", null])");
  ExpectOutput(arrow::fixed_size_binary(0), R"(["", "", null, ""])", "[2, 1]", R"(["", null])");
}

TEST(OutputOrderSink, ValuesThatAreNotOfWholeBytes) {
  ExpectOutput(arrow::boolean(), "[true, false, null, false]", "[2, 0, null, 1, 0]",
               "[false, true, null, null, true]");
  ExpectOutput(arrow::utf8(), R"(["a", "b", null, "d"])", "[2, 0, null, 1, 0]",
               R"(["d", "a", null, null, "a"])");
  ExpectOutput(arrow::utf8_view(), R"(["a", "b", null, "d"])", "[2, 0]", R"(["d", "a"])");
  ExpectOutput(arrow::list(arrow::int8()), "[[1], [2], null, []]", "[2, 0, 1]", "[[], [1], null]");
  ExpectOutput(arrow::null(), "[null, null, null, null]", "[2, null]", "[null, null]");
}

TEST(OutputOrderSink, StringsComeInChunks) {
  const RunContext context;
  const Places places("[0, 1, 2, 0, null]", 3);
  const auto sink = Unwrap(MakeOutputOrderSink(arrow::utf8(), *places, 2, context));
  EXPECT_EQ(Collect(sink.get(), arrow::utf8(), R"(["a", "b", "c", "d"])")->num_chunks(), 3);
}

TEST(OutputOrderSink, Dictionaries) {
  const RunContext context;
  const auto type = arrow::dictionary(arrow::int8(), arrow::utf8());
  const Places places("[1, 0, null]", 2);
  const auto sink = Unwrap(MakeOutputOrderSink(type, *places, 100, context));
  const Addresses addresses{4, 9};
  const std::span<const uint64_t> wanted = addresses;
  const auto batch = [&](const std::string& json) {
    return Unwrap(CastColumn(FromJson(arrow::utf8(), json), type, "x", {}));
  };
  ASSERT_TRUE(sink->Add({batch(R"(["a", "b"])"), 3, wanted.first(1), 0}).ok());
  ASSERT_TRUE(sink->Add({batch(R"(["c"])"), 9, wanted.subspan(1), 1}).ok());
  const auto column = Unwrap(sink->Finish());
  ASSERT_EQ(column->num_chunks(), 1);
  const auto plain = Unwrap(CastColumn(column->chunk(0), arrow::utf8(), "x", {}));
  EXPECT_TRUE(plain->Equals(FromJson(arrow::utf8(), R"(["c", "b", null])")));
}

TEST(AddressOrderSink, RowsByAddressWhateverTheOrderOfBatches) {
  const RunContext context;
  for (const auto& type : {arrow::int64(), arrow::float32()}) {
    const auto sink = Unwrap(MakeAddressOrderSink(type, context));
    const auto column = Collect(sink.get(), type, "[5, 6, null, 8]");
    EXPECT_TRUE(column->Equals(arrow::ChunkedArray({FromJson(type, "[5, null, 8]")}, type)));
  }
}

TEST(AddressOrderSink, NoRowsAreAColumnOfTheType) {
  const RunContext context;
  const auto column = Unwrap(Unwrap(MakeAddressOrderSink(arrow::utf8(), context))->Finish());
  EXPECT_EQ(column->length(), 0);
  EXPECT_TRUE(column->type()->Equals(arrow::utf8()));
}

}  // namespace
}  // namespace larder
