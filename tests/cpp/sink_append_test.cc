// SPDX-License-Identifier: Apache-2.0
#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/page_index.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "larder/io/write_names.h"
#include "larder/sink/write.h"
#include "tests/cpp/sink_testing.h"

namespace larder {
namespace {

using arrow::field;
using arrow::int64;
using arrow::utf8;

class AppendTest : public testing::Test {
 protected:
  /// Must fail with a message that has all of `words`, and leave nothing new behind.
  void ExpectRefused(const std::shared_ptr<arrow::RecordBatchReader>& rows,
                     const std::vector<std::string>& words, const WriteOptions& options = {}) {
    const auto before =
        std::filesystem::exists(table_) ? Visible(table_) : std::vector<std::string>();
    const auto result = AppendToDirectory(table_, rows.get(), options);
    ASSERT_FALSE(result.ok());
    EXPECT_TRUE(result.status().IsInvalid() || result.status().IsTypeError()) << result.status();
    for (const auto& word : words) {
      EXPECT_NE(result.status().message().find(word), std::string::npos)
          << word << " in " << result.status();
    }
    if (std::filesystem::exists(table_)) {
      EXPECT_EQ(Visible(table_), before);
    }
    EXPECT_EQ(Leftovers(folder_.path()), std::vector<std::string>());
  }
  void MustAppend(const std::shared_ptr<arrow::RecordBatchReader>& rows,
                  const WriteOptions& options = {}) {
    const auto result = AppendToDirectory(table_, rows.get(), options);
    ASSERT_TRUE(result.ok()) << result.status();
    last_ = *result;
  }

  TempDir folder_;
  std::string table_ = folder_ / "table";
  WriteResult last_;
};

TEST_F(AppendTest, MakesOneFilePerWriteWithNamesInTheOrderOfWrites) {
  std::vector<std::string> paths;
  for (int i = 0; i < 20; ++i) {
    MustAppend(TestRows(i));
    ASSERT_EQ(last_.paths.size(), 1U);
    EXPECT_EQ(last_.rows, kRows);
    EXPECT_EQ(last_.bytes, static_cast<int64_t>(std::filesystem::file_size(last_.paths[0])));
    paths.push_back(last_.paths[0]);
  }
  EXPECT_TRUE(std::is_sorted(paths.begin(), paths.end()));
  EXPECT_EQ(Visible(table_), paths);
  EXPECT_EQ(Leftovers(folder_.path()), std::vector<std::string>());
}

TEST_F(AppendTest, NamesSortLaterThoughTheClockWentBack) {
  std::filesystem::create_directory(table_);
  const PartName future{.time = 4'000'000'000'000'000, .token = NewWriteToken()};
  MustAppend(TestRows(1));
  const std::string last = table_ + "/" + MakePartName(future, "");
  std::filesystem::rename(last_.paths[0], last);
  MustAppend(TestRows(2));
  EXPECT_GT(last_.paths[0], last);
  EXPECT_EQ(ParsePartName(BaseName(last_.paths[0]))->time, future.time + 1);
}

TEST_F(AppendTest, NamesSortAfterFilesOfOthers) {
  MustAppend(TestRows(1));
  std::filesystem::rename(last_.paths[0], table_ + "/yellow.parquet");
  for (int i = 2; i < 5; ++i) MustAppend(TestRows(i));
  const auto files = Visible(table_);
  EXPECT_EQ(BaseName(files[0]), "yellow.parquet");
  EXPECT_EQ(files.back(), last_.paths[0]);
}

TEST_F(AppendTest, NoRowsMakeNoFile) {
  MustAppend(TestRows(1, 0));
  EXPECT_TRUE(last_.paths.empty());
  EXPECT_EQ(last_.rows, 0);
  EXPECT_TRUE(Visible(table_).empty());
  MustAppend(TestRows(1, 0), Partitioned({}));
  MustAppend(TestRows(1));
  ExpectRefused(Rows({field("x", int64())}, {"[]"}), {"'x'", "'write'"});
}

TEST_F(AppendTest, ColumnsAreMatchedByNameAndCastToWhatIsThere) {
  const auto us = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  const auto ns = arrow::timestamp(arrow::TimeUnit::NANO);
  MustAppend(Rows({field("id", arrow::int32()), field("time", us), field("name", utf8())},
                  {"[1]", "[5]", R"(["a"])"}));
  MustAppend(Rows({field("name", arrow::null()), field("id", int64()), field("time", ns)},
                  {"[null]", "[2]", "[6000]"}));
  const auto old_schema = (*ReadParquet(Visible(table_)[0]))->schema();
  const auto new_schema = (*ReadParquet(last_.paths[0]))->schema();
  EXPECT_TRUE(new_schema->Equals(*old_schema)) << new_schema->ToString();
  ExpectRefused(Rows({field("id", int64()), field("time", ns), field("name", utf8())},
                     {"[3000000000]", "[6000]", R"(["a"])"}),
                {"'id'", "int32"});
  ExpectRefused(Rows({field("id", int64()), field("time", ns), field("name", utf8())},
                     {"[1]", "[6001]", R"(["a"])"}),
                {"'time'", "lose data"});
  ExpectRefused(Rows({field("id", int64()), field("time", int64()), field("name", utf8())},
                     {"[1]", "[6]", R"(["a"])"}),
                {"'time'", "unit"});
}

TEST_F(AppendTest, EveryMissingUnknownAndRepeatedColumnIsNamed) {
  MustAppend(Rows({field("a", int64()), field("b", int64())}, {"[1]", "[1]"}));
  ExpectRefused(
      Rows({field("a", int64()), field("c", int64()), field("d", int64())}, {"[1]", "[1]", "[1]"}),
      {"missing column 'b'", "unknown columns 'c', 'd'", table_});
  ExpectRefused(
      Rows({field("a", int64()), field("b", int64()), field("a", int64())}, {"[1]", "[1]", "[1]"}),
      {"repeated column 'a'"});
}

TEST_F(AppendTest, GivenSchemaRulesOverWhatIsThere) {
  WriteOptions options;
  options.schema = arrow::schema({field("a", arrow::float64()), field("b", utf8())});
  MustAppend(Rows({field("b", arrow::null()), field("a", int64())}, {"[null]", "[1]"}), options);
  EXPECT_TRUE((*ReadParquet(last_.paths[0]))->schema()->Equals(*options.schema));
  ExpectRefused(Rows({field("a", int64())}, {"[1]"}), {"'b'"}, options);
}

TEST_F(AppendTest, FailureInALaterBatchLeavesNothing) {
  MustAppend(Rows({field("a", arrow::int8())}, {"[1]"}));
  const auto schema = arrow::schema({field("a", int64())});
  arrow::RecordBatchVector batches;
  for (const std::string values : {"[1, 2]", "[3, 400]"}) {
    batches.push_back(
        arrow::RecordBatch::Make(schema, 2, {*arrow::json::ArrayFromJSONString(int64(), values)}));
  }
  WriteOptions options;
  options.row_group_rows = 1;
  ExpectRefused(*arrow::RecordBatchReader::Make(batches, schema), {"'a'", "400"}, options);
}

TEST_F(AppendTest, NullsWhereThereMustBeNoneAreRefused) {
  WriteOptions options;
  options.schema = arrow::schema({field("a", int64(), false)});
  ExpectRefused(Rows({field("a", int64())}, {"[1, null]"}), {"'a'", "null"}, options);
  MustAppend(Rows({field("a", int64())}, {"[1, 2]"}), options);
}

TEST_F(AppendTest, PollEndsTheWrite) {
  WriteOptions options;
  int calls = 0;
  options.poll = [&] {
    return ++calls < 3 ? arrow::Status::OK() : arrow::Status::Cancelled("Ctrl-C");
  };
  const auto result = AppendToDirectory(table_, TestRows(1).get(), options);
  EXPECT_TRUE(result.status().IsCancelled()) << result.status();
  EXPECT_TRUE(Visible(table_).empty());
  EXPECT_EQ(Leftovers(folder_.path()), std::vector<std::string>());
}

TEST_F(AppendTest, FilesHaveStatisticsAndPageIndexAndTheAskedCompression) {
  for (const std::string name : {"", "zstd", "gzip", "brotli", "lz4", "none", "snappy"}) {
    WriteOptions options;
    options.compression = name;
    MustAppend(TestRows(1), options);
    const auto reader = parquet::ParquetFileReader::OpenFile(last_.paths[0]);
    const auto column = reader->metadata()->RowGroup(0)->ColumnChunk(0);
    EXPECT_TRUE(column->is_stats_set());
    EXPECT_TRUE(column->GetColumnIndexLocation().has_value());
    EXPECT_TRUE(column->GetOffsetIndexLocation().has_value());
    EXPECT_EQ(*CompressionOf(*reader->metadata()), name.empty() ? "snappy" : name);
  }
  WriteOptions options;
  options.compression = "lossy";
  ExpectRefused(TestRows(1), {"lossy"}, options);
}

TEST_F(AppendTest, RowGroupsAndFilesAreCutWhereAsked) {
  WriteOptions options;
  options.row_group_rows = 4;
  options.max_rows_per_file = 10;
  MustAppend(TestRows(1), options);
  ASSERT_EQ(last_.paths.size(), 2U);
  std::vector<int64_t> sizes;
  for (const auto& path : last_.paths) {
    const auto metadata = parquet::ParquetFileReader::OpenFile(path)->metadata();
    for (int i = 0; i < metadata->num_row_groups(); ++i) {
      sizes.push_back(metadata->RowGroup(i)->num_rows());
    }
  }
  EXPECT_EQ(sizes, (std::vector<int64_t>{4, 4, 2, 2}));
  // In the order of the names, the rows stand as they came.
  EXPECT_TRUE(std::is_sorted(last_.paths.begin(), last_.paths.end()));
  EXPECT_EQ((*ReadParquet(last_.paths[0]))->GetColumnByName("row")->ToString().find("10"),
            std::string::npos);
  EXPECT_EQ(Visible(table_), last_.paths);
}

TEST_F(AppendTest, FilesAreCutByTheirSize) {
  WriteOptions options;
  options.row_group_rows = 3;
  options.max_bytes_per_file = 1;
  MustAppend(TestRows(1), options);
  EXPECT_EQ(last_.paths.size(), 4U);
  EXPECT_TRUE(CheckWhole(*ReadWrites(table_)).ok());
}

TEST_F(AppendTest, LittleBufferWritesEarly) {
  WriteOptions options;
  options.buffer_bytes = 1;
  MustAppend(TestRows(1), options);
  EXPECT_EQ(parquet::ParquetFileReader::OpenFile(last_.paths[0])->metadata()->num_row_groups(), 3);
}

/// What a type is after it was in a Parquet file, which knows no seconds, no days in
/// milliseconds and no views of lists, and has its own name for the values of a list.
std::string InParquet(const arrow::DataType& type) {
  std::string text = type.ToString();
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"item: ", "element: "},
           {"list_view", "list"},
           {"[s]", "[ms]"},
           {"date64[ms]", "date32[day]"},
           {"list<element: int64>>", "list<element: int64> ('value')>"}}) {
    const size_t found = text.find(from);
    if (found != std::string::npos) text.replace(found, from.size(), to);
  }
  return text;
}

TEST_F(AppendTest, EveryTypeComesBack) {
  const auto item = arrow::struct_({field("x", arrow::float32()), field("y", utf8())});
  for (const auto& type : std::vector<std::shared_ptr<arrow::DataType>>{
           arrow::boolean(),
           arrow::int8(),
           arrow::uint64(),
           arrow::float16(),
           arrow::float64(),
           arrow::decimal128(20, 3),
           arrow::decimal256(50, 3),
           utf8(),
           arrow::large_utf8(),
           arrow::binary(),
           arrow::fixed_size_binary(3),
           arrow::date32(),
           arrow::date64(),
           arrow::timestamp(arrow::TimeUnit::SECOND),
           arrow::timestamp(arrow::TimeUnit::NANO),
           arrow::timestamp(arrow::TimeUnit::MILLI, "Europe/Paris"),
           arrow::time32(arrow::TimeUnit::SECOND),
           arrow::time64(arrow::TimeUnit::NANO),
           arrow::duration(arrow::TimeUnit::NANO),
           arrow::list(int64()),
           arrow::large_list(utf8()),
           arrow::fixed_size_list(arrow::float32(), 2),
           item,
           arrow::list(item),
           arrow::map(utf8(), arrow::list(int64())),
           arrow::null(),
           arrow::utf8_view(),
           arrow::binary_view(),
           arrow::list_view(int64()),
           arrow::dictionary(arrow::int8(), utf8())}) {
    SCOPED_TRACE(type->ToString());
    std::filesystem::remove_all(table_);
    const auto schema = arrow::schema({field("id", int64()), field("value", type)});
    const auto batch = arrow::RecordBatch::Make(
        schema, 2,
        {*arrow::json::ArrayFromJSONString(int64(), "[1, 2]"), *arrow::MakeArrayOfNull(type, 2)});
    const auto reader = *arrow::RecordBatchReader::Make({batch, batch}, schema);
    MustAppend(reader);
    EXPECT_EQ((*ReadParquet(last_.paths[0]))->schema()->field(1)->type()->ToString(),
              InParquet(*type));
    MustAppend(*arrow::RecordBatchReader::Make({batch}, schema));
  }
}

TEST_F(AppendTest, NullTypedColumnTakesTheFirstTypeThatComes) {
  MustAppend(Rows({field("a", int64()), field("b", arrow::null())}, {"[1]", "[null]"}));
  MustAppend(Rows({field("a", int64()), field("b", utf8())}, {"[1]", R"(["x"])"}));
  EXPECT_EQ((*ReadParquet(last_.paths[0]))->schema()->field(1)->type()->ToString(), "string");
  MustAppend(Rows({field("a", int64()), field("b", arrow::null())}, {"[1]", "[null]"}));
  EXPECT_EQ((*ReadParquet(last_.paths[0]))->schema()->field(1)->type()->ToString(), "string");
}

TEST_F(AppendTest, DirectoryBehindALinkIsWritten) {
  std::filesystem::create_directory(folder_ / "real");
  std::filesystem::create_directory_symlink("real", table_);
  MustAppend(TestRows(1));
  EXPECT_EQ(Visible(folder_ / "real").size(), 1U);
}

TEST_F(AppendTest, PlaceThatIsAFileIsRefused) {
  ASSERT_TRUE(WriteFile(table_, TestRows(1).get(), false).ok());
  const auto result = AppendToDirectory(table_, TestRows(2).get());
  EXPECT_TRUE(result.status().IsIOError()) << result.status();
  EXPECT_TRUE(HasErrno(result.status(), ENOTDIR));
}

}  // namespace
}  // namespace larder
