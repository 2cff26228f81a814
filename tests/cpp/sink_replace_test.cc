// SPDX-License-Identifier: Apache-2.0
#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>
#include <gtest/gtest.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
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

class SingleFileTest : public testing::Test {
 protected:
  TempDir folder_;
  std::string path_ = folder_ / "data.parquet";
};

TEST_F(SingleFileTest, AppendKeepsOldRowsBeforeNewOnes) {
  for (int i = 0; i < 3; ++i) {
    const auto result = AppendToFile(path_, TestRows(i).get());
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->rows, kRows);
    EXPECT_EQ(result->paths, std::vector<std::string>{path_});
    EXPECT_EQ(result->bytes, static_cast<int64_t>(std::filesystem::file_size(path_)));
  }
  const auto batch = *(*ReadParquet(path_))->CombineChunksToBatch();
  const auto& text = static_cast<const arrow::StringArray&>(*batch->GetColumnByName("text"));
  for (int64_t i = 0; i < batch->num_rows(); ++i) {
    EXPECT_EQ(text.GetView(i), std::to_string(i / kRows * 1000 + i % kRows));
  }
  EXPECT_EQ(Leftovers(folder_.path()), std::vector<std::string>());
}

TEST_F(SingleFileTest, AppendKeepsTypesCompressionAndPermissions) {
  const auto ns = arrow::timestamp(arrow::TimeUnit::NANO, "UTC");
  const arrow::FieldVector fields = {field("id", arrow::int32()), field("time", ns),
                                     field("maybe", arrow::null())};
  WriteOptions options;
  options.compression = "zstd";
  ASSERT_TRUE(WriteFile(path_, Rows(fields, {"[1]", "[5]", "[null]"}).get(), false, options).ok());
  chmod(path_.c_str(), 0640);
  const auto appended =
      AppendToFile(path_, Rows({field("maybe", utf8()), field("id", int64()), field("time", ns)},
                               {R"(["x"])", "[2]", "[6]"})
                              .get());
  ASSERT_TRUE(appended.ok()) << appended.status();
  EXPECT_EQ((*ReadParquet(path_))->schema()->ToString(),
            "id: int32\ntime: timestamp[ns, tz=UTC]\nmaybe: string");
  EXPECT_EQ(Column(path_, "time"),
            "[\n  1970-01-01 00:00:00.000000005Z,\n  1970-01-01 00:00:00.000000006Z\n]");
  EXPECT_EQ(*CompressionOf(*parquet::ParquetFileReader::OpenFile(path_)->metadata()), "zstd");
  EXPECT_EQ((*FileOps::Default()->Stat(path_))->st_mode & 0777, 0640U);
}

TEST_F(SingleFileTest, AppendDropsWhatPandasSaidOfTheOldRows) {
  const auto metadata = arrow::key_value_metadata({"pandas", "mine"}, {"{}", "kept"});
  const auto schema = arrow::schema({field("a", int64())}, metadata);
  const auto batch =
      arrow::RecordBatch::Make(schema, 1, {*arrow::json::ArrayFromJSONString(int64(), "[1]")});
  for (int i = 0; i < 2; ++i) {
    const auto reader = *arrow::RecordBatchReader::Make({batch}, schema);
    ASSERT_TRUE(AppendToFile(path_, reader.get()).ok());
    const auto found = (*ReadParquet(path_))->schema()->metadata();
    ASSERT_NE(found, nullptr);
    EXPECT_FALSE(found->Contains("pandas"));
    EXPECT_EQ(*found->Get("mine"), "kept");
  }
}

TEST_F(SingleFileTest, RefusedAppendLeavesTheFile) {
  ASSERT_TRUE(AppendToFile(path_, TestRows(1).get()).ok());
  const auto before = *FileOps::Default()->ReadFile(path_);
  const auto wrong = AppendToFile(path_, Rows({field("x", int64())}, {"[1]"}).get());
  EXPECT_TRUE(wrong.status().IsInvalid()) << wrong.status();
  EXPECT_TRUE(AppendToFile(path_, TestRows(2).get(), Partitioned({})).status().IsInvalid());
  EXPECT_EQ(*FileOps::Default()->ReadFile(path_), before);
  EXPECT_EQ(Leftovers(folder_.path()), std::vector<std::string>());
}

TEST_F(SingleFileTest, NoRowsChangeNothing) {
  ASSERT_TRUE(AppendToFile(path_, TestRows(1, 0).get()).ok());
  EXPECT_FALSE(std::filesystem::exists(path_));
  ASSERT_TRUE(AppendToFile(path_, TestRows(1).get()).ok());
  const auto inode = (*FileOps::Default()->Stat(path_))->st_ino;
  ASSERT_TRUE(AppendToFile(path_, TestRows(2, 0).get()).ok());
  EXPECT_EQ((*FileOps::Default()->Stat(path_))->st_ino, inode);
}

TEST_F(SingleFileTest, LinkStaysALink) {
  ASSERT_TRUE(AppendToFile(folder_ / "real.parquet", TestRows(1).get()).ok());
  std::filesystem::create_symlink("real.parquet", path_);
  ASSERT_TRUE(AppendToFile(path_, TestRows(2).get()).ok());
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
  EXPECT_EQ(ReadWrites(folder_ / "real.parquet")->size(), 2U);
}

TEST_F(SingleFileTest, BrokenOldFileIsNamedAndKept) {
  std::ofstream(path_) << "PAR1 but not much of it";
  const auto result = AppendToFile(path_, TestRows(1).get());
  EXPECT_FALSE(result.ok());
  EXPECT_NE(result.status().message().find(path_), std::string::npos) << result.status();
  EXPECT_EQ(*FileOps::Default()->ReadFile(path_), "PAR1 but not much of it");
}

TEST_F(SingleFileTest, DirectoryIsNoFile) {
  EXPECT_TRUE(AppendToFile(folder_.path(), TestRows(1).get()).status().IsInvalid());
  EXPECT_TRUE(WriteFile(folder_.path(), TestRows(1).get(), true).status().IsInvalid());
}

TEST_F(SingleFileTest, NewFileIsWrittenOverAnOldOneOnlyIfAsked) {
  ASSERT_TRUE(WriteFile(path_, TestRows(1).get(), false).ok());
  const auto refused = WriteFile(path_, TestRows(2).get(), false);
  EXPECT_TRUE(refused.status().IsAlreadyExists()) << refused.status();
  EXPECT_TRUE(ReadWrites(path_)->contains(1));
  ASSERT_TRUE(WriteFile(path_, Rows({field("x", int64())}, {"[]"}).get(), true).ok());
  EXPECT_EQ((*ReadParquet(path_))->schema()->ToString(), "x: int64");
  EXPECT_EQ((*ReadParquet(path_))->num_rows(), 0);
  EXPECT_EQ(Leftovers(folder_.path()), std::vector<std::string>());
}

TEST_F(SingleFileTest, WaitForTheLockCanBeEnded) {
  auto lock = *FileOps::Default()->Create(folder_ / MakeLockName("data.parquet"));
  ASSERT_EQ(*lock.TryLock(), LockState::kOurs);
  WriteOptions options;
  int calls = 0;
  options.poll = [&] {
    return ++calls < 5 ? arrow::Status::OK() : arrow::Status::Cancelled("deadline");
  };
  EXPECT_TRUE(AppendToFile(path_, TestRows(1).get(), options).status().IsCancelled());
  EXPECT_EQ(calls, 5);
}

/// The holder of a lock goes, and the next one comes, between the opening of the lock file by a
/// third one and his locking of it.
class HandOverSyscalls : public Syscalls {
 public:
  explicit HandOverSyscalls(std::string path) : path_(std::move(path)) {}
  int Flock(int fd, int operation) override {
    if (!next_) {
      EXPECT_TRUE(FileOps::Default()->Unlink(path_).ok());
      next_ = *FileOps::Default()->Create(path_);
      EXPECT_EQ(*next_->TryLock(), LockState::kOurs);
    }
    return Syscalls::Flock(fd, operation);
  }

 private:
  std::string path_;
  std::optional<File> next_;
};

TEST_F(SingleFileTest, LockOfARemovedFileIsNoLock) {
  HandOverSyscalls syscalls(folder_ / MakeLockName("data.parquet"));
  FileOps ops(&syscalls);
  WriteOptions options;
  options.ops = &ops;
  options.poll = [] { return arrow::Status::Cancelled("it is not our turn"); };
  EXPECT_TRUE(AppendToFile(path_, TestRows(1).get(), options).status().IsCancelled());
  options.poll = nullptr;
  EXPECT_TRUE(AppendToFile(folder_ / "other.parquet", TestRows(1).get(), options).ok());
}

class DirectoryTest : public testing::Test {
 protected:
  TempDir folder_;
  std::string path_ = folder_ / "out";
};

TEST_F(DirectoryTest, FilesOfBoundedSizeAppearAtOnce) {
  const auto result = WriteDirectory(path_, TestRows(1).get(), false, Sized({}));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->rows, kRows);
  EXPECT_EQ(result->paths.size(), 3U);
  EXPECT_EQ(Visible(path_), result->paths);
  EXPECT_EQ(Leftovers(folder_.path()), std::vector<std::string>());
  // Rows appended later sort later.
  const auto appended = AppendToDirectory(path_, TestRows(2).get());
  ASSERT_TRUE(appended.ok()) << appended.status();
  EXPECT_EQ(Visible(path_).back(), appended->paths[0]);
}

TEST_F(DirectoryTest, NoRowsMakeOneFileWithTheColumns) {
  const auto result = WriteDirectory(path_, TestRows(1, 0).get(), false);
  ASSERT_EQ(result->paths.size(), 1U);
  EXPECT_EQ((*ReadParquet(result->paths[0]))->schema()->num_fields(), 4);
}

TEST_F(DirectoryTest, ExistingDirectoryIsReplacedOnlyIfAsked) {
  std::filesystem::create_directory(path_);
  ASSERT_TRUE(WriteDirectory(path_, TestRows(1).get(), false).ok());
  const auto refused = WriteDirectory(path_, TestRows(2).get(), false);
  EXPECT_TRUE(refused.status().IsAlreadyExists()) << refused.status();
  EXPECT_TRUE(ReadWrites(path_)->contains(1));
  ASSERT_TRUE(WriteDirectory(path_, TestRows(2).get(), true, Partitioned({})).ok());
  EXPECT_EQ(ReadWrites(path_)->size(), 1U);
  EXPECT_TRUE(ReadWrites(path_)->contains(2));
  ASSERT_TRUE(WriteFile(folder_ / "file", TestRows(1).get(), false).ok());
  EXPECT_TRUE(
      WriteDirectory(folder_ / "file", TestRows(3).get(), false).status().IsAlreadyExists());
  ASSERT_TRUE(WriteDirectory(folder_ / "file", TestRows(3).get(), true).ok());
  EXPECT_TRUE(std::filesystem::is_directory(folder_ / "file"));
  EXPECT_EQ(Leftovers(folder_.path()), std::vector<std::string>());
}

/// Names of a write that nobody works on.
class LeftoversTest : public testing::Test {
 protected:
  std::string Make(HiddenKind kind, const std::string& token, bool is_directory) {
    const std::string path = folder_ / MakeHiddenName(kind, token, "out");
    if (is_directory) {
      std::filesystem::create_directory(path);
      std::ofstream(path + "/1.tmp") << "x";
    } else {
      std::ofstream(path) << "x";
    }
    return path;
  }
  void Age(const std::string& path, int seconds) {
    const utimbuf times{std::time(nullptr) - seconds, std::time(nullptr) - seconds};
    ASSERT_EQ(utime(path.c_str(), &times), 0);
  }
  bool IsLeftAfterCleaning(const std::string& path) {
    EXPECT_TRUE(CleanLeftovers(folder_.path()).ok());
    return std::filesystem::exists(path);
  }

  TempDir folder_;
  std::string own_ = NewWriteToken();
  std::string foreign_ = "ffffffff-0123456789abcdef";
};

TEST_F(LeftoversTest, DeadWritersOfThisMachineAreCleanedUpAtOnce) {
  for (const bool is_directory : {false, true}) {
    EXPECT_FALSE(IsLeftAfterCleaning(Make(HiddenKind::kTemporary, own_, is_directory)));
  }
  EXPECT_FALSE(IsLeftAfterCleaning(Make(HiddenKind::kLock, own_, false)));
}

TEST_F(LeftoversTest, LivingWritersAreLeftAlone) {
  const std::string file = Make(HiddenKind::kTemporary, own_, false);
  auto file_lock = *FileOps::Default()->OpenOrCreate(file);
  ASSERT_EQ(*file_lock.TryLock(), LockState::kOurs);
  Age(file, 1000000);
  EXPECT_TRUE(IsLeftAfterCleaning(file));

  const std::string token = NewWriteToken();
  const std::string folder = Make(HiddenKind::kTemporary, token, true);
  auto lock = *FileOps::Default()->Create(folder_ / MakeHiddenName(HiddenKind::kLock, token));
  ASSERT_EQ(*lock.TryLock(), LockState::kOurs);
  EXPECT_TRUE(IsLeftAfterCleaning(folder));
  EXPECT_TRUE(IsLeftAfterCleaning(lock.path()));
  ASSERT_TRUE(lock.Close().ok());
  EXPECT_FALSE(IsLeftAfterCleaning(folder));
  EXPECT_FALSE(IsLeftAfterCleaning(lock.path()));
}

TEST_F(LeftoversTest, OtherMachinesAreCleanedUpAfterByAge) {
  for (const bool is_directory : {false, true}) {
    const std::string path = Make(HiddenKind::kTemporary, foreign_, is_directory);
    EXPECT_TRUE(IsLeftAfterCleaning(path));
    Age(path, 23 * 3600);
    EXPECT_TRUE(IsLeftAfterCleaning(path));
    Age(path, 25 * 3600);
    EXPECT_FALSE(IsLeftAfterCleaning(path));
  }
}

TEST_F(LeftoversTest, ReplacedDirectoryIsRestoredOrRemoved) {
  const std::string place = folder_ / "out";
  std::string old = Make(HiddenKind::kOld, foreign_, true);
  EXPECT_FALSE(IsLeftAfterCleaning(old));
  EXPECT_TRUE(std::filesystem::exists(place + "/1.tmp"));
  old = Make(HiddenKind::kOld, own_, true);
  EXPECT_FALSE(IsLeftAfterCleaning(old));
  EXPECT_TRUE(std::filesystem::exists(place + "/1.tmp"));
}

TEST_F(LeftoversTest, ManifestMovesNothingOutOfItsRoot) {
  ASSERT_TRUE(FileOps::Default()->MakeDirectory(folder_ / "table").ok());
  for (const std::string to : {"../out.parquet", "/out.parquet", "a/../../out.parquet", ""}) {
    const std::string commit = folder_ / "table/" + MakeHiddenName(HiddenKind::kCommit, own_);
    std::filesystem::create_directories(commit);
    std::ofstream(commit + "/1.tmp") << "x";
    std::ofstream(commit + "/manifest") << "larder write 1\n1.tmp\t" << to << "\nend\n";
    EXPECT_TRUE(CleanLeftovers(folder_ / "table").IsIOError()) << to;
    EXPECT_TRUE(std::filesystem::exists(commit + "/1.tmp"));
  }
  std::ofstream(folder_ / "table/" + MakeHiddenName(HiddenKind::kCommit, own_) + "/manifest")
      << "larder write 1\n1.tmp\tx.parquet\n";  // Cut short.
  EXPECT_TRUE(CleanLeftovers(folder_ / "table").IsIOError());
}

TEST_F(LeftoversTest, FilesOfOthersAreNoBusinessOfOurs) {
  for (const std::string name : {".hidden", ".larder", ".larder-x.tmp", "part-0.parquet.tmp"}) {
    std::ofstream(folder_ / name) << "x";
    EXPECT_TRUE(IsLeftAfterCleaning(folder_ / name)) << name;
  }
  EXPECT_TRUE(CleanLeftovers(folder_ / "missing").ok());
}

}  // namespace
}  // namespace larder
