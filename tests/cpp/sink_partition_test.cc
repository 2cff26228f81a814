// SPDX-License-Identifier: Apache-2.0
#include <arrow/api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "larder/sink/partition_split.h"
#include "larder/sink/write.h"
#include "tests/cpp/sink_testing.h"

namespace larder {
namespace {

using arrow::field;
using arrow::int64;
using arrow::utf8;

class PartitionTest : public testing::Test {
 protected:
  arrow::Result<WriteResult> Append(const std::shared_ptr<arrow::RecordBatchReader>& rows,
                                    const std::vector<std::string>& partition_by) {
    WriteOptions options;
    options.partition_by = partition_by;
    return AppendToDirectory(table_, rows.get(), options);
  }
  /// The folders of the visible files.
  std::vector<std::string> Folders() const {
    std::vector<std::string> folders;
    for (const auto& path : Visible(table_)) {
      folders.push_back(ParentPath(path).substr(table_.size() + 1));
    }
    return folders;
  }

  TempDir folder_;
  std::string table_ = folder_ / "table";
};

TEST_F(PartitionTest, ValuesBecomeFoldersAndLeaveTheFiles) {
  const auto rows = Rows({field("x", int64()), field("s", utf8()), field("n", int64())},
                         {"[1, 2, 3, 4]", R"(["b", "a", "b", null])", "[7, 7, 7, 8]"});
  const auto result = Append(rows, {"n", "s"});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->rows, 4);
  EXPECT_EQ(Folders(),
            (std::vector<std::string>{"n=7/s=a", "n=7/s=b", "n=8/s=__HIVE_DEFAULT_PARTITION__"}));
  const auto table = *ReadParquet(Visible(table_)[1]);
  EXPECT_EQ(table->schema()->ToString(), "x: int64");
  EXPECT_EQ(Column(Visible(table_)[1], "x"), "[\n  1,\n  3\n]");
}

TEST_F(PartitionTest, ValuesOfEveryTypeAreWritten) {
  const auto us = arrow::timestamp(arrow::TimeUnit::MICRO);
  const auto rows =
      Rows({field("x", int64()), field("b", arrow::boolean()), field("d", arrow::date32()),
            field("t", us), field("m", arrow::decimal128(5, 2)),
            field("c", arrow::dictionary(arrow::int32(), utf8()))},
           {"[1]", "[true]", "[19723]", R"(["2024-01-01 10:20:30"])", R"(["1.50"])", R"(["v"])"});
  const auto result = Append(rows, {"b", "d", "t", "m", "c"});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(Folders()[0], "b=true/d=2024-01-01/t=2024-01-01%2010%3A20%3A30.000000/m=1.50/c=v");
}

TEST_F(PartitionTest, StrangeTextIsEncoded) {
  const auto rows =
      Rows({field("x", int64()), field("s", utf8())},
           {"[1, 2, 3, 4, 5]", R"(["a/../b", "", "50% =&?#", "\u00e4\n\u0000", ".."])"});
  const auto result = Append(rows, {"s"});
  ASSERT_TRUE(result.ok()) << result.status();
  auto folders = Folders();
  std::sort(folders.begin(), folders.end());
  EXPECT_EQ(folders, (std::vector<std::string>{"s=", "s=%C3%A4%0A%00", "s=..",
                                               "s=50%25%20%3D%26%3F%23", "s=a%2F..%2Fb"}));
}

TEST_F(PartitionTest, ValuesThatCannotBeFoldersAreRefused) {
  const auto append = [&](const std::string& value, const std::string& name) {
    return Append(Rows({field("x", int64()), field(name, utf8())}, {"[1]", "[\"" + value + "\"]"}),
                  {name})
        .status();
  };
  EXPECT_TRUE(append("__HIVE_DEFAULT_PARTITION__", "s").IsInvalid());
  EXPECT_TRUE(append(std::string(300, 'x'), "s").IsInvalid());
  EXPECT_TRUE(append("v", "a/b").IsInvalid());
  EXPECT_TRUE(append("v", "a=b").IsInvalid());
  EXPECT_TRUE(append("v", "").IsInvalid());
  EXPECT_TRUE(append("v", "a\tb").IsInvalid());
  const auto nested = Append(
      Rows({field("x", int64()), field("l", arrow::list(int64()))}, {"[1]", "[[1]]"}), {"l"});
  EXPECT_TRUE(nested.status().IsTypeError()) << nested.status();
  const auto nothing_left = Append(Rows({field("s", utf8())}, {R"(["v"])"}), {"s"});
  EXPECT_TRUE(nothing_left.status().IsInvalid()) << nothing_left.status();
  const auto missing = Append(Rows({field("x", int64())}, {"[1]"}), {"s"});
  EXPECT_NE(missing.status().message().find("missing column 's'"), std::string::npos);
  EXPECT_TRUE(!std::filesystem::exists(table_) || Visible(table_).empty());
  EXPECT_EQ(Leftovers(folder_.path()), std::vector<std::string>());
}

TEST_F(PartitionTest, PartitionedDirectoryIsRecognised) {
  const std::vector<arrow::FieldVector> orders = {{field("x", int64()), field("_day", utf8())},
                                                  {field("_day", utf8()), field("x", int64())}};
  ASSERT_TRUE(Append(Rows(orders[0], {"[1]", R"(["a"])"}), {"_day"}).ok());
  ASSERT_TRUE(Append(Rows(orders[1], {R"(["b"])", "[2]"}), {}).ok());
  EXPECT_EQ(Folders(), (std::vector<std::string>{"_day=a", "_day=b"}));
  const auto otherwise = Append(Rows(orders[0], {"[1]", R"(["a"])"}), {"x"});
  EXPECT_TRUE(otherwise.status().IsInvalid()) << otherwise.status();
  EXPECT_NE(otherwise.status().message().find("partitioned otherwise"), std::string::npos);
  const auto missing = Append(Rows({field("x", int64())}, {"[1]"}), {});
  EXPECT_NE(missing.status().message().find("missing column '_day'"), std::string::npos);
}

TEST_F(PartitionTest, PartitionColumnsOfTheGivenSchemaAreCast) {
  WriteOptions options;
  options.partition_by = {"n"};
  options.schema = arrow::schema({field("n", arrow::int32()), field("x", arrow::float64())});
  const auto rows = Rows({field("x", int64()), field("n", utf8())}, {"[1]", R"(["007"])"});
  ASSERT_TRUE(AppendToDirectory(table_, rows.get(), options).ok());
  EXPECT_EQ(Folders()[0], "n=7");
}

TEST_F(PartitionTest, OneAppendToOnePartitionIsOneFileOfItsOwn) {
  const auto rows = Rows({field("x", int64()), field("s", utf8())}, {"[1, 2]", R"(["a", "a"])"});
  const auto result = Append(rows, {"s"});
  ASSERT_EQ(result->paths.size(), 1U);
  EXPECT_EQ(result->paths[0].find("of00"), std::string::npos);
}

TEST_F(PartitionTest, LaterAppendsSortLaterInEachFolder) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(AppendToDirectory(table_, TestRows(i).get(), Partitioned({})).ok());
  }
  std::string folder;
  int64_t last = -1;
  for (const auto& path : Visible(table_)) {
    Writes writes;
    ASSERT_TRUE(AddRows(path, &writes).ok());
    ASSERT_EQ(writes.size(), 1U);
    if (ParentPath(path) != folder) last = -1;
    folder = ParentPath(path);
    EXPECT_GT(writes.begin()->first, last);
    last = writes.begin()->first;
  }
}

TEST_F(PartitionTest, DeletedPartitionLeavesTheOthersVisible) {
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(AppendToDirectory(table_, TestRows(i).get(), Partitioned({})).ok());
  }
  EXPECT_EQ(Visible(table_).size(), 6U);
  std::filesystem::remove_all(table_ + "/part=a");
  EXPECT_EQ(Visible(table_).size(), 4U);
  EXPECT_EQ(Visible(table_ + "/part=b").size(), 2U);
}

}  // namespace
}  // namespace larder
