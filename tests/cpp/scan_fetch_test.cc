// SPDX-License-Identifier: Apache-2.0
#include <arrow/compute/api_vector.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "larder/base/cast.h"
#include "larder/scan/fetch.h"
#include "tests/cpp/parquet_testing.h"

namespace larder {
namespace {

using arrow::StatusCode;
using Addresses = std::vector<uint64_t>;

class FetchRowsTest : public testing::Test {
 protected:
  void Write(const std::string& name, const arrow::FieldVector& fields,
             const std::vector<std::string>& columns, const FileLayout& layout = {}) {
    WriteParquet(root_ / name, *TableOf(fields, columns), layout);
  }

  struct Fetched {
    arrow::ChunkedArrayVector columns;
    int64_t row_groups;
  };

  arrow::Result<Fetched> TryFetch(const Addresses& addresses,
                                  const std::vector<std::string>& columns, int threads,
                                  int64_t batch_rows) {
    const auto dataset = OpenDataset({root_.path()});
    RunContext context;
    context.threads = threads;
    context.batch_rows = batch_rows;
    ReadCounters counters(*dataset);
    Fetched fetched;
    const auto make_sink = [&](const std::shared_ptr<arrow::DataType>& type) {
      return MakeAddressOrderSink(type, context);
    };
    ARROW_ASSIGN_OR_RAISE(fetched.columns,
                          FetchRows(*dataset, addresses, columns, context, &counters, make_sink));
    for (const auto& column : fetched.columns) ARROW_RETURN_NOT_OK(column->ValidateFull());
    fetched.row_groups = counters.row_groups();
    return fetched;
  }

  static bool HasValues(const arrow::ChunkedArray& column,
                        const std::shared_ptr<arrow::DataType>& type, const std::string& values) {
    return column.Equals(arrow::ChunkedArray({FromJson(type, values)}, type));
  }

  /// The values of one column, the same with every setting.
  void ExpectRows(const Addresses& addresses, const std::string& column,
                  const std::shared_ptr<arrow::DataType>& type, const std::string& values) {
    for (const int threads : {1, 3}) {
      for (const int64_t batch_rows : {1, 2, 65536}) {
        const auto fetched = Unwrap(TryFetch(addresses, {column}, threads, batch_rows));
        EXPECT_TRUE(HasValues(*fetched.columns[0], type, values))
            << fetched.columns[0]->type()->ToString() << fetched.columns[0]->ToString();
      }
    }
  }

  TempDir root_;
};

TEST_F(FetchRowsTest, SparseAndDenseRowsOfSeveralFiles) {
  Write("a", {Int64Field("x")}, {"[0, 1, 2, null, 4]"}, {.row_group_rows = 2});
  Write("b", {Int64Field("x")}, {"[5, 6, 7]"});
  ExpectRows({0}, "x", arrow::int64(), "[0]");
  ExpectRows({7}, "x", arrow::int64(), "[7]");
  ExpectRows({1, 3, 4, 6}, "x", arrow::int64(), "[1, null, 4, 6]");
  ExpectRows({5, 6, 7}, "x", arrow::int64(), "[5, 6, 7]");
  ExpectRows({0, 1, 2, 3, 4, 5, 6, 7}, "x", arrow::int64(), "[0, 1, 2, null, 4, 5, 6, 7]");
}

TEST_F(FetchRowsTest, NoRowsAreColumnsOfTheType) {
  Write("a", {Int64Field("x"), StringField("y")}, {"[0]", R"(["a"])"});
  const auto fetched = Unwrap(TryFetch({}, {"x", "y"}, 2, 10));
  ASSERT_EQ(fetched.columns.size(), 2U);
  EXPECT_TRUE(HasValues(*fetched.columns[0], arrow::int64(), "[]"));
  EXPECT_TRUE(HasValues(*fetched.columns[1], arrow::utf8(), "[]"));
  EXPECT_EQ(fetched.row_groups, 0);
}

TEST_F(FetchRowsTest, OnlyRowGroupsWithAWantedRowAreRead) {
  Write("a", {Int64Field("x")}, {"[0, 1, 2, 3, 4, 5]"}, {.row_group_rows = 2});
  EXPECT_EQ(Unwrap(TryFetch({0, 5}, {"x"}, 1, 10)).row_groups, 2);
}

TEST_F(FetchRowsTest, SeveralColumnsInTheirPlaces) {
  Write("a", {Int64Field("x"), StringField("y")}, {"[0, 1]", R"(["a", "b"])"});
  for (const int threads : {1, 4}) {
    const auto columns = Unwrap(TryFetch({1}, {"y", "x", "y"}, threads, 10)).columns;
    EXPECT_TRUE(HasValues(*columns[0], arrow::utf8(), R"(["b"])"));
    EXPECT_TRUE(HasValues(*columns[1], arrow::int64(), "[1]"));
    EXPECT_TRUE(columns[2]->Equals(columns[0]));
  }
}

TEST_F(FetchRowsTest, TypesAreThoseOfTheWholeSource) {
  Write("a", {arrow::field("x", arrow::int16()), TimeField("t", arrow::TimeUnit::MILLI)},
        {"[0, 1]", "[1, 2]"});
  Write("b", {arrow::field("x", arrow::float32()), TimeField("t", arrow::TimeUnit::NANO)},
        {"[0.5]", "[3]"});
  ExpectRows({1, 2}, "x", arrow::float64(), "[1, 0.5]");
  ExpectRows({0, 2}, "t", arrow::timestamp(arrow::TimeUnit::NANO), "[1000000, 3]");
}

TEST_F(FetchRowsTest, MissingColumnsAndPartitions) {
  Write("k=1/a", {Int64Field("x")}, {"[0, 1]"});
  Write("k=2/a", {StringField("y")}, {R"(["a"])"});
  ExpectRows({1, 2}, "x", arrow::int64(), "[1, null]");
  ExpectRows({1, 2}, "y", arrow::utf8(), R"([null, "a"])");
  ExpectRows({0, 1, 2}, "k", arrow::int64(), "[1, 1, 2]");
}

TEST_F(FetchRowsTest, NestedColumns) {
  const auto type = arrow::list(arrow::struct_({Int64Field("a")}));
  Write("a", {arrow::field("x", type)}, {R"([[{"a": 1}], null, [], [{"a": 2}, null]])"});
  ExpectRows({0, 1, 3}, "x", type, R"([[{"a": 1}], null, [{"a": 2}, null]])");
}

TEST_F(FetchRowsTest, DictionaryColumnsKeepTheirType) {
  const auto plain = TableOf({StringField("x")}, {R"(["b", "a", null, "b"])"});
  const auto encoded = Unwrap(arrow::compute::DictionaryEncode(plain->column(0))).chunked_array();
  const auto schema = arrow::schema({arrow::field("x", encoded->type())});
  WriteParquet(root_ / "a", *arrow::Table::Make(schema, {encoded}));
  const auto column = Unwrap(TryFetch({0, 2, 3}, {"x"}, 1, 10)).columns[0];
  ASSERT_EQ(column->type()->id(), arrow::Type::DICTIONARY);
  const auto values = Unwrap(CastColumn(column->chunk(0), arrow::utf8(), "x", {}));
  EXPECT_TRUE(values->Equals(FromJson(arrow::utf8(), R"(["b", null, "b"])")));
}

TEST_F(FetchRowsTest, AValueThatTheTypeDoesNotHoldNamesColumnAndFile) {
  Write("a", {Int64Field("x")}, {"[9007199254740993, 5]"});
  Write("b", {arrow::field("x", arrow::float64())}, {"[0.5]"});
  ExpectError(TryFetch({0}, {"x"}, 1, 10).status(), StatusCode::Invalid, {root_ / "a", "'x'"});
}

TEST_F(FetchRowsTest, AValueThatNobodyAskedForDoesNotMatter) {
  Write("a", {Int64Field("x")}, {"[9007199254740993, 5]"});
  Write("b", {arrow::field("x", arrow::float64())}, {"[0.5]"});
  ExpectRows({1, 2}, "x", arrow::float64(), "[5, 0.5]");
}

TEST_F(FetchRowsTest, AnUnknownColumnIsAnError) {
  Write("a", {Int64Field("x")}, {"[0]"});
  ExpectError(TryFetch({0}, {"z"}, 1, 10).status(), StatusCode::Invalid, {"'z'"});
}

TEST_F(FetchRowsTest, AnErrorOfMakingASinkEndsTheFetch) {
  Write("a", {Int64Field("x")}, {"[0]"});
  const auto dataset = OpenDataset({root_.path()});
  ReadCounters counters(*dataset);
  const Addresses addresses{0};
  const auto refuse = [](const auto&) -> arrow::Result<std::unique_ptr<ColumnSink>> {
    return arrow::Status::OutOfMemory("no");
  };
  EXPECT_TRUE(FetchRows(*dataset, addresses, {"x", "x"}, RunContext{}, &counters, refuse)
                  .status()
                  .IsOutOfMemory());
}

}  // namespace
}  // namespace larder
