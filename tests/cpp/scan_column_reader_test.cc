// SPDX-License-Identifier: Apache-2.0
#include <arrow/array/concatenate.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "larder/io/file_ops.h"
#include "larder/scan/column_reader.h"
#include "tests/cpp/parquet_testing.h"

namespace larder {
namespace {

using arrow::StatusCode;

class ColumnBatchesTest : public testing::Test {
 protected:
  void Write(const std::string& name, const arrow::FieldVector& fields,
             const std::vector<std::string>& columns, const FileLayout& layout = {}) {
    WriteParquet(root_ / name, *TableOf(fields, columns), layout);
  }

  /// All batches of a row group.
  static arrow::Result<arrow::RecordBatchVector> TryRead(const Dataset& dataset, size_t group,
                                                         const std::vector<std::string>& columns,
                                                         bool keep_dictionaries = false,
                                                         int64_t batch_rows = 65536) {
    RunContext context;
    context.batch_rows = batch_rows;
    ReadCounters counters(dataset);
    ARROW_ASSIGN_OR_RAISE(auto batches, ColumnBatches::Open(dataset, group, columns,
                                                            keep_dictionaries, context, &counters));
    arrow::RecordBatchVector all;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(auto batch, batches.Next(batch_rows));
      if (batch == nullptr) return all;
      ARROW_RETURN_NOT_OK(batch->ValidateFull());
      all.push_back(std::move(batch));
    }
  }

  std::shared_ptr<arrow::Array> ReadColumn(const std::string& column, bool keep_dictionaries,
                                           size_t group = 0) {
    const auto dataset = OpenDataset({root_.path()});
    const auto batches = Unwrap(TryRead(*dataset, group, {column}, keep_dictionaries));
    EXPECT_EQ(batches.size(), 1U);
    return batches.at(0)->column(0);
  }

  static std::vector<int64_t> Lengths(const arrow::RecordBatchVector& batches) {
    std::vector<int64_t> lengths;
    for (const auto& batch : batches) lengths.push_back(batch->num_rows());
    return lengths;
  }

  TempDir root_;
};

TEST_F(ColumnBatchesTest, ColumnsComeInTheOrderAskedFor) {
  Write("a", {Int64Field("x"), StringField("y"), Int64Field("z")},
        {"[1, 2]", R"(["a", null])", "[3, 4]"});
  const auto dataset = OpenDataset({root_.path()});
  const auto batches = Unwrap(TryRead(*dataset, 0, {"z", "y", "z", "x"}));
  ASSERT_EQ(batches.size(), 1U);
  const auto& batch = *batches[0];
  EXPECT_EQ(batch.schema()->field_names(), (std::vector<std::string>{"z", "y", "z", "x"}));
  EXPECT_TRUE(batch.column(0)->Equals(FromJson(arrow::int64(), "[3, 4]")));
  EXPECT_TRUE(batch.column(1)->Equals(FromJson(arrow::utf8(), R"(["a", null])")));
  EXPECT_TRUE(batch.column(2)->Equals(batch.column(0)));
  EXPECT_TRUE(batch.column(3)->Equals(FromJson(arrow::int64(), "[1, 2]")));
}

TEST_F(ColumnBatchesTest, BatchesAreNoLongerThanAsked) {
  Write("a", {Int64Field("x")}, {"[1, 2, 3, 4, 5, 6, 7]"}, {.row_group_rows = 5});
  const auto dataset = OpenDataset({root_.path()});
  using Sizes = std::vector<int64_t>;
  EXPECT_EQ(Lengths(Unwrap(TryRead(*dataset, 0, {"x"}, false, 2))), (Sizes{2, 2, 1}));
  EXPECT_EQ(Lengths(Unwrap(TryRead(*dataset, 0, {"x"}, false, 1))), (Sizes{1, 1, 1, 1, 1}));
  EXPECT_EQ(Lengths(Unwrap(TryRead(*dataset, 0, {"x"}, false, 100))), (Sizes{5}));
  EXPECT_EQ(Lengths(Unwrap(TryRead(*dataset, 1, {"x"}, false, 100))), (Sizes{2}));
}

TEST_F(ColumnBatchesTest, AMissingColumnIsNull) {
  Write("a", {Int64Field("x")}, {"[1, 2, 3]"});
  Write("b", {Int64Field("x"), StringField("y")}, {"[1]", R"(["a"])"});
  const auto dataset = OpenDataset({root_.path()});
  const auto both = Unwrap(TryRead(*dataset, 0, {"y", "x"}, false, 2));
  EXPECT_EQ(Lengths(both), (std::vector<int64_t>{2, 1}));
  EXPECT_TRUE(both[0]->column(0)->Equals(FromJson(arrow::utf8(), "[null, null]")));
  EXPECT_TRUE(both[0]->column(1)->Equals(FromJson(arrow::int64(), "[1, 2]")));
  const auto alone = Unwrap(TryRead(*dataset, 0, {"y"}, false, 2));
  EXPECT_EQ(Lengths(alone), (std::vector<int64_t>{2, 1}));
}

TEST_F(ColumnBatchesTest, PartitionColumnsAreConstants) {
  Write("k=7/n=a/f", {Int64Field("x")}, {"[1, 2, 3]"});
  Write("k=__HIVE_DEFAULT_PARTITION__/n=b/f", {Int64Field("x")}, {"[4]"});
  const auto dataset = OpenDataset({root_.path()});
  const auto batches = Unwrap(TryRead(*dataset, 0, {"n", "k"}, true, 2));
  EXPECT_EQ(Lengths(batches), (std::vector<int64_t>{2, 1}));
  EXPECT_TRUE(batches[0]->column(0)->Equals(FromJson(arrow::utf8(), R"(["a", "a"])")));
  EXPECT_TRUE(batches[0]->column(1)->Equals(FromJson(arrow::int64(), "[7, 7]")));
  const auto null = Unwrap(TryRead(*dataset, 1, {"k"}));
  EXPECT_TRUE(null[0]->column(0)->Equals(FromJson(arrow::int64(), "[null]")));
}

TEST_F(ColumnBatchesTest, NoColumnsStillHaveRows) {
  Write("a", {Int64Field("x")}, {"[1, 2, 3]"});
  const auto dataset = OpenDataset({root_.path()});
  EXPECT_EQ(Lengths(Unwrap(TryRead(*dataset, 0, {}, false, 2))), (std::vector<int64_t>{2, 1}));
}

TEST_F(ColumnBatchesTest, DictionariesAreKeptIfAskedFor) {
  Write("a", {StringField("x")}, {R"(["b", "a", null, "b"])"});
  const auto kept = ReadColumn("x", true);
  ASSERT_EQ(kept->type_id(), arrow::Type::DICTIONARY);
  EXPECT_EQ(static_cast<const arrow::DictionaryArray&>(*kept).dictionary()->length(), 2);
  EXPECT_EQ(ReadColumn("x", false)->type_id(), arrow::Type::STRING);
}

TEST_F(ColumnBatchesTest, PlainPagesAreNoDictionaries) {
  Write("a", {StringField("x")}, {R"(["b", "a"])"}, {.dictionaries = false});
  EXPECT_EQ(ReadColumn("x", true)->type_id(), arrow::Type::STRING);
}

TEST_F(ColumnBatchesTest, ABatchEndsWhereADictionaryDoes) {
  Write("a", {StringField("x"), Int64Field("n"), arrow::field("b", arrow::boolean())},
        {R"(["abc", "def", "ghi", "jkl", "mno", "pqr"])", "[1, 2, 3, 4, 5, 6]",
         "[true, false, true, true, false, null]"},
        {.dictionary_bytes = 8});
  const auto dataset = OpenDataset({root_.path()});
  const auto batches = Unwrap(TryRead(*dataset, 0, {"n", "x", "b"}, true));
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0]->column(1)->type_id(), arrow::Type::DICTIONARY);
  EXPECT_EQ(batches[1]->column(1)->type_id(), arrow::Type::STRING);
  const auto whole =
      Unwrap(arrow::ConcatenateRecordBatches(Unwrap(TryRead(*dataset, 0, {"n", "x", "b"}, false))));
  EXPECT_EQ(whole->num_rows(), 6);
  for (const int column : {0, 2}) {
    const auto joined =
        Unwrap(arrow::Concatenate({batches[0]->column(column), batches[1]->column(column)}));
    EXPECT_TRUE(joined->Equals(whole->column(column)));
  }
  EXPECT_TRUE(batches[1]->column(1)->Equals(whole->column(1)->Slice(batches[0]->num_rows())));
}

TEST_F(ColumnBatchesTest, NumbersAreNoDictionaries) {
  Write("a", {Int64Field("x")}, {"[1, 1]"});
  EXPECT_EQ(ReadColumn("x", true)->type_id(), arrow::Type::INT64);
}

TEST_F(ColumnBatchesTest, CountersCountRowGroupsFilesAndBytes) {
  Write("a", {Int64Field("x")}, {"[1, 2, 3, 4]"}, {.row_group_rows = 2});
  Write("b", {Int64Field("x")}, {"[5]"});
  const auto dataset = OpenDataset({root_.path()});
  ReadCounters counters(*dataset);
  EXPECT_EQ(counters.files(), 0);
  RunContext context;
  for (const size_t group : {size_t{1}, size_t{1}, size_t{2}}) {
    ASSERT_TRUE(ColumnBatches::Open(*dataset, group, {"x"}, false, context, &counters).ok());
  }
  EXPECT_EQ(counters.row_groups(), 2);
  EXPECT_EQ(counters.files(), 2);
  EXPECT_GT(counters.bytes(), 0);
}

TEST_F(ColumnBatchesTest, BrokenPagesAreAnErrorThatNamesTheFile) {
  std::string values = "[0";
  for (int i = 1; i < 1000; ++i) values += ", " + std::to_string(i * 7919);
  Write("a", {Int64Field("x")}, {values + "]"}, {.dictionaries = false});
  BreakPages(root_ / "a");
  const auto dataset = OpenDataset({root_.path()});
  ExpectError(TryRead(*dataset, 0, {"x"}).status(), StatusCode::IOError, {root_ / "a"});
}

TEST_F(ColumnBatchesTest, AFileThatVanishedIsAnErrorWithErrno) {
  Write("a", {Int64Field("x")}, {"[1]"});
  const auto dataset = OpenDataset({root_.path()});
  std::filesystem::remove(root_ / "a");
  const auto status = TryRead(*dataset, 0, {"x"}).status();
  ExpectError(status, StatusCode::IOError, {root_ / "a"});
  EXPECT_TRUE(HasErrno(status, ENOENT));
}

TEST_F(ColumnBatchesTest, AFileTruncatedMeanwhileIsAnError) {
  Write("a", {Int64Field("x")}, {"[1, 2, 3]"});
  const auto dataset = OpenDataset({root_.path()});
  std::filesystem::resize_file(root_ / "a", 20);
  ExpectError(TryRead(*dataset, 0, {"x"}).status(), StatusCode::IOError, {root_ / "a"});
}

/// Every row that a scan hands out, by address, and how many visitors took some.
struct Scanned {
  std::map<uint64_t, int64_t> values;
  std::vector<uint64_t> batches;  ///< The address of the first row of each.
  int visitors = 0;
  int64_t bytes = 0;
};

Scanned ScanRows(const Dataset& dataset, const std::vector<SelectedRows>& selected,
                 const std::vector<std::string>& columns, const RunContext& context,
                 ScanOrder order = ScanOrder::kForward) {
  Scanned scanned;
  std::mutex mutex;
  ReadCounters counters(dataset);
  std::atomic<int64_t> rows{0};
  const auto status = ScanRowGroups(
      dataset, selected, order, columns, false, context, &counters, &rows, [&](size_t) {
        return [&, is_first = true](const arrow::RecordBatch& batch,
                                    uint64_t first_address) mutable {
          const std::lock_guard<std::mutex> lock(mutex);
          scanned.visitors += std::exchange(is_first, false) ? 1 : 0;
          scanned.batches.push_back(first_address);
          const auto& values = static_cast<const arrow::Int64Array&>(*batch.column(0));
          for (int64_t i = 0; i < batch.num_rows(); ++i) {
            const bool is_new =
                scanned.values.emplace(first_address + static_cast<uint64_t>(i), values.Value(i))
                    .second;
            EXPECT_TRUE(is_new);
          }
          return arrow::Status::OK();
        };
      });
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(rows.load(), static_cast<int64_t>(scanned.values.size()));
  scanned.bytes = counters.bytes();
  return scanned;
}

/// All rows of row groups.
std::vector<SelectedRows> Whole(const Dataset& dataset, const std::vector<size_t>& row_groups) {
  std::vector<SelectedRows> selected;
  selected.reserve(row_groups.size());
  for (const size_t i : row_groups) selected.push_back({i, {{0, dataset.row_groups()[i].rows}}});
  return selected;
}

TEST_F(ColumnBatchesTest, AScanLeavesOutWhatNobodyWants) {
  Write("a", {Int64Field("x")}, {"[0, 1, 2, 3, 4, 5]"}, {.row_group_rows = 2});
  const auto dataset = OpenDataset({root_.path()});
  ReadCounters counters(*dataset);
  std::atomic<int64_t> rows{0};
  std::vector<uint64_t> addresses;
  const auto status =
      ScanRowGroups(*dataset, Whole(*dataset, {2, 0, 1}), ScanOrder::kBackward, {"x"}, false,
                    RunContext{}, &counters, &rows, [&](size_t row_group) -> BatchVisitor {
                      if (row_group == 0) return nullptr;
                      return [&](const arrow::RecordBatch&, uint64_t first_address) {
                        addresses.push_back(first_address);
                        return arrow::Status::OK();
                      };
                    });
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(addresses, (std::vector<uint64_t>{2, 4}));  // The last row groups first.
  EXPECT_EQ(rows.load(), 4);
  EXPECT_EQ(counters.row_groups(), 2);
}

TEST_F(ColumnBatchesTest, ABackwardScanGoesFromPageToPage) {
  std::string numbers = "[0";
  for (int i = 1; i < 100; ++i) numbers += ", " + std::to_string(i);
  Write("a", {Int64Field("x")}, {numbers + "]"},
        {.row_group_rows = 70, .dictionaries = false, .page_rows = 20});
  const auto dataset = OpenDataset({root_.path()});
  const std::vector<SelectedRows> some{{0, {{5, 6}, {30, 70}}}, {1, {{0, 30}}}};
  RunContext context;
  const auto backward = ScanRows(*dataset, some, {"x"}, context, ScanOrder::kBackward);
  EXPECT_EQ(backward.batches, (std::vector<uint64_t>{90, 70, 60, 40, 30, 5}));
  EXPECT_EQ(backward.values, ScanRows(*dataset, some, {"x"}, context).values);
  context.batch_rows = 15;
  EXPECT_EQ(ScanRows(*dataset, some, {"x"}, context, ScanOrder::kBackward).batches,
            (std::vector<uint64_t>{90, 75, 70, 60, 45, 40, 30, 5}));
}

TEST_F(ColumnBatchesTest, AScanCutsRowGroupsAndReadsEachRowOnce) {
  std::string numbers = "[0";
  std::string flags = "[true";
  for (int i = 1; i < 1000; ++i) {
    numbers += ", " + std::to_string(i);
    flags += i % 3 == 0 ? ", true" : ", false";
  }
  Write("a", {Int64Field("x"), arrow::field("b", arrow::boolean())}, {numbers + "]", flags + "]"},
        {.row_group_rows = 700});
  const auto dataset = OpenDataset({root_.path()});
  RunContext one;
  one.batch_rows = 7;
  RunContext many = one;
  many.threads = 3;
  std::map<uint64_t, int64_t> expected;
  for (int i = 0; i < 1000; ++i) expected[static_cast<uint64_t>(i)] = i;

  const auto all = Whole(*dataset, {0, 1});
  const auto whole = ScanRows(*dataset, all, {"x"}, one);
  EXPECT_EQ(whole.values, expected);
  EXPECT_EQ(whole.visitors, 2);
  const auto cut = ScanRows(*dataset, all, {"x"}, many);
  EXPECT_EQ(cut.values, expected);
  EXPECT_GE(cut.visitors, 6);
  EXPECT_EQ(cut.bytes, whole.bytes);
  EXPECT_EQ(ScanRows(*dataset, all, {"x"}, many, ScanOrder::kBackward).values, expected);
  // Arrow's reader, which has to serve the booleans, begins at the begin.
  const auto uncut = ScanRows(*dataset, all, {"x", "b"}, many);
  EXPECT_EQ(uncut.values, expected);
  EXPECT_EQ(uncut.visitors, 2);

  const std::vector<SelectedRows> some{{0, {{5, 6}, {100, 400}, {699, 700}}}, {1, {{10, 200}}}};
  std::map<uint64_t, int64_t> selected;
  for (const auto& [begin, end] : {std::pair{5, 6}, {100, 400}, {699, 700}, {710, 900}}) {
    for (int i = begin; i < end; ++i) selected[static_cast<uint64_t>(i)] = i;
  }
  EXPECT_EQ(ScanRows(*dataset, some, {"x"}, one).values, selected);
  const auto some_cut = ScanRows(*dataset, some, {"x"}, many);
  EXPECT_EQ(some_cut.values, selected);
  EXPECT_GE(some_cut.visitors, 6);
  // It has no way to leave rows out, either.
  EXPECT_EQ(ScanRows(*dataset, some, {"x", "b"}, many).values, expected);
}

}  // namespace
}  // namespace larder
