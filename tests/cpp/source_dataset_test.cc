// SPDX-License-Identifier: Apache-2.0
#include <arrow/scalar.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "larder/io/file_ops.h"
#include "larder/source/dataset.h"
#include "tests/cpp/parquet_testing.h"

namespace larder {
namespace {

using arrow::StatusCode;

class DatasetTest : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& values, const FileLayout& layout = {}) {
    WriteParquet(root_ / name, *TableOf({Int64Field("x")}, {values}), layout);
  }
  std::shared_ptr<const Dataset> Open() { return OpenDataset({root_.path()}); }
  arrow::Status OpenStatus() {
    return Dataset::Open({{root_.path()}, true}, RunContext{}).status();
  }

  TempDir root_;
};

TEST_F(DatasetTest, AddressesAscendWithPathAndRow) {
  Write("b", "[1, 2, 3]", {.row_group_rows = 2});
  Write("a", "[4, 5, 6, 7, 8]", {.row_group_rows = 3});
  const auto dataset = Open();
  ASSERT_EQ(dataset->files().size(), 2U);
  EXPECT_EQ(dataset->files()[0].path, root_ / "a");
  ASSERT_EQ(dataset->row_groups().size(), 4U);
  std::vector<uint64_t> firsts;
  std::vector<int64_t> rows;
  std::vector<int> indices;
  for (const auto& group : dataset->row_groups()) {
    firsts.push_back(group.first_row);
    rows.push_back(group.rows);
    indices.push_back(group.index);
  }
  EXPECT_EQ(firsts, (std::vector<uint64_t>{0, 3, 5, 7}));
  EXPECT_EQ(rows, (std::vector<int64_t>{3, 2, 2, 1}));
  EXPECT_EQ(indices, (std::vector<int>{0, 1, 0, 1}));
  EXPECT_EQ(dataset->file_of(dataset->row_groups()[2]).path, root_ / "b");
}

TEST_F(DatasetTest, EachAddressHasItsRowGroup) {
  Write("a", "[1, 2, 3, 4, 5]", {.row_group_rows = 3});
  Write("b", "[]");
  Write("c", "[6]");
  const auto dataset = Open();
  ASSERT_EQ(dataset->row_groups().size(), 3U);
  std::vector<size_t> groups;
  groups.reserve(6);
  for (uint64_t address = 0; address < 6; ++address) {
    groups.push_back(dataset->FindRowGroup(address));
  }
  EXPECT_EQ(groups, (std::vector<size_t>{0, 0, 0, 1, 1, 2}));
}

TEST_F(DatasetTest, FilesWithoutRowsStillHaveColumns) {
  Write("a", "[]");
  const auto dataset = Open();
  EXPECT_TRUE(dataset->row_groups().empty());
  EXPECT_EQ(dataset->schema()->ToString(), "x: int64");
}

TEST_F(DatasetTest, AnyNumberOfThreadsReadsTheSameFooters) {
  for (int i = 0; i < 40; ++i) Write("f" + std::to_string(100 + i), "[1]");
  RunContext context;
  context.threads = 8;
  const auto dataset = Unwrap(Dataset::Open({{root_.path()}, true}, context));
  ASSERT_EQ(dataset->files().size(), 40U);
  for (size_t i = 0; i < 40; ++i) {
    EXPECT_EQ(dataset->files()[i].path, root_ / ("f" + std::to_string(100 + i)));
    EXPECT_EQ(dataset->row_groups()[i].first_row, i);
  }
}

TEST_F(DatasetTest, AMissingPathIsAnErrorWithErrno) {
  const auto status = Dataset::Open({{root_ / "none"}, true}, RunContext{}).status();
  ExpectError(status, StatusCode::IOError, {root_ / "none"});
  EXPECT_TRUE(HasErrno(status, ENOENT));
}

TEST_F(DatasetTest, AFileThatIsNotParquetIsNamed) {
  Write("a", "[1]");
  WriteBytes(root_ / "b", std::string(1000, 'x'));
  ExpectError(OpenStatus(), StatusCode::IOError, {root_ / "b"});
}

TEST_F(DatasetTest, AnEmptyFileIsNamed) {
  Write("a", "[1]");
  WriteBytes(root_ / "b", "");
  ExpectError(OpenStatus(), StatusCode::IOError, {root_ / "b"});
}

TEST_F(DatasetTest, ATruncatedFileIsNamed) {
  Write("a", "[1, 2, 3]");
  const std::string bytes = ReadBytes(root_ / "a");
  for (const size_t size : {size_t{3}, size_t{8}, bytes.size() / 2, bytes.size() - 1}) {
    WriteBytes(root_ / "a", bytes.substr(0, size));
    ExpectError(OpenStatus(), StatusCode::IOError, {root_ / "a"});
  }
}

TEST_F(DatasetTest, ABrokenFooterIsNamed) {
  Write("a", "[1, 2, 3]");
  std::string bytes = ReadBytes(root_ / "a");
  // The footer is before its length and the magic bytes.
  for (size_t i = bytes.size() - 60; i < bytes.size() - 8; ++i) bytes[i] = '\xFF';
  WriteBytes(root_ / "a", bytes);
  ExpectError(OpenStatus(), StatusCode::IOError, {root_ / "a"});
  bytes[bytes.size() - 5] = '\x7F';  // A footer longer than the file.
  WriteBytes(root_ / "a", bytes);
  ExpectError(OpenStatus(), StatusCode::IOError, {root_ / "a"});
}

TEST_F(DatasetTest, OfSeveralBrokenFilesTheFirstIsNamed) {
  for (const char* name : {"c", "b", "d"}) WriteBytes(root_ / name, "nothing");
  Write("a", "[1]");
  RunContext context;
  context.threads = 4;
  const auto status = Dataset::Open({{root_.path()}, true}, context).status();
  ExpectError(status, StatusCode::IOError, {root_ / "b"});
}

TEST_F(DatasetTest, ContradictingSchemasNameColumnAndFiles) {
  Write("a", "[1]");
  WriteParquet(root_ / "b", *TableOf({StringField("x")}, {R"(["1"])"}));
  ExpectError(OpenStatus(), StatusCode::Invalid, {"'x'", root_ / "a", root_ / "b"});
}

TEST_F(DatasetTest, AnUnknownColumnIsNamedWithThoseThereAre) {
  WriteParquet(root_ / "a", *TableOf({Int64Field("x"), Int64Field("y")}, {"[1]", "[2]"}));
  const auto dataset = Open();
  EXPECT_TRUE(dataset->GetField("y", "feature").ok());
  ExpectError(dataset->GetField("z", "feature").status(), StatusCode::Invalid,
              {root_.path(), "'z'", "feature", "x, y"});
}

TEST_F(DatasetTest, AColumnThatIsThereTwiceIsRefused) {
  WriteParquet(root_ / "a", *TableOf({Int64Field("x"), Int64Field("x")}, {"[1]", "[2]"}));
  ExpectError(Open()->GetField("x", "join key").status(), StatusCode::Invalid, {"'x'", "several"});
}

TEST_F(DatasetTest, TheFirstFileWithoutAColumnIsNamed) {
  Write("a", "[1]");
  for (const char* name : {"b", "c"}) {
    WriteParquet(root_ / name, *TableOf({Int64Field("y")}, {"[1]"}));
  }
  const auto dataset = Open();
  ExpectError(dataset->CheckInEveryFile("x", "join key"), StatusCode::Invalid,
              {root_ / "b", "'x'", "join key"});
  ExpectError(dataset->CheckInEveryFile("z", "join key"), StatusCode::Invalid, {"'z'"});
}

TEST_F(DatasetTest, PlacesOfColumns) {
  Write("k=7/a", "[1]");
  Write("k=__HIVE_DEFAULT_PARTITION__/a", "[1]");
  WriteParquet(root_ / "plain", *TableOf({Int64Field("k")}, {"[1]"}));
  const auto dataset = Open();
  EXPECT_EQ(dataset->schema()->ToString(), "x: int64\nk: int64");
  const auto& seven = dataset->files()[0];
  EXPECT_TRUE(dataset->Find(seven, "k").constant->Equals(arrow::Int64Scalar(7)));
  EXPECT_EQ(dataset->Find(seven, "x").field->field->name(), "x");
  const auto null = dataset->Find(dataset->files()[1], "k");
  ASSERT_NE(null.constant, nullptr);
  EXPECT_FALSE(null.constant->is_valid);
  EXPECT_FALSE(null.missing());
  const auto in_file = dataset->Find(dataset->files()[2], "k");
  EXPECT_EQ(in_file.constant, nullptr);
  EXPECT_NE(in_file.field, nullptr);
  EXPECT_TRUE(dataset->Find(dataset->files()[2], "x").missing());
  EXPECT_TRUE(dataset->CheckInEveryFile("k", "join key").ok());
}

TEST_F(DatasetTest, TheFolderCountsMoreThanTheFile) {
  WriteParquet(root_ / "k=7/a", *TableOf({Int64Field("k")}, {"[1]"}));
  const auto dataset = Open();
  EXPECT_TRUE(dataset->Find(dataset->files()[0], "k").constant->Equals(arrow::Int64Scalar(7)));
  const auto plain = OpenDataset({root_.path()}, /*hive_partitioning=*/false);
  EXPECT_NE(plain->Find(plain->files()[0], "k").field, nullptr);
}

TEST_F(DatasetTest, LeavesOfNestedColumns) {
  const auto nested = arrow::struct_({Int64Field("a"), StringField("b")});
  WriteParquet(root_ / "a", *TableOf({Int64Field("x"), arrow::field("s", nested)},
                                     {"[1]", R"([{"a": 1, "b": "c"}])"}));
  const auto dataset = Open();
  const auto& file = dataset->files()[0];
  EXPECT_EQ(LeavesOf(*dataset->Find(file, "x").field), std::vector<int>{0});
  EXPECT_EQ(LeavesOf(*dataset->Find(file, "s").field), (std::vector<int>{1, 2}));
}

}  // namespace
}  // namespace larder
