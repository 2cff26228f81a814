// SPDX-License-Identifier: Apache-2.0
#include "larder/spill/spill_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <list>
#include <string>
#include <vector>

#include "tests/cpp/io_faulty_syscalls.h"
#include "tests/cpp/parquet_testing.h"

namespace larder {
namespace {

using arrow::StatusCode;

class SpillFileTest : public testing::Test {
 protected:
  arrow::Result<SpillFile> Create(Syscalls* syscalls = Syscalls::Real()) {
    files_.emplace_back(syscalls);
    return SpillFile::Create(root_.path(), &files_.back(), arrow::default_memory_pool());
  }

  bool IsEmpty() const { return std::filesystem::is_empty(root_.path()); }

  TempDir root_;
  std::list<FileOps> files_;
};

TEST_F(SpillFileTest, GivesBackWhatWasWritten) {
  auto file = Unwrap(Create());
  std::string written;
  for (int i = 0; i < 20'000; ++i) {
    const std::string record = std::to_string(i * i) + std::string(static_cast<size_t>(i % 7), '-');
    ASSERT_TRUE(file.Append(record.data(), record.size()).ok());
    written += record;
  }
  EXPECT_EQ(file.size(), static_cast<int64_t>(written.size()));
  ASSERT_TRUE(file.Rewind().ok());
  std::string read(written.size(), '\0');
  for (size_t at = 0; at < read.size();) {
    const size_t count = std::min<size_t>(read.size() - at, 1 + at % 977);
    ASSERT_TRUE(Unwrap(file.Read(read.data() + at, count)));
    at += count;
  }
  EXPECT_EQ(read, written);
  EXPECT_FALSE(Unwrap(file.Read(read.data(), 1)));
}

TEST_F(SpillFileTest, AnEndWithinARecordIsAnError) {
  auto file = Unwrap(Create());
  ASSERT_TRUE(file.Append("abc", 3).ok());
  ASSERT_TRUE(file.Rewind().ok());
  std::string read(4, '\0');
  ExpectError(file.Read(read.data(), 4).status(), StatusCode::IOError,
              {root_.path(), "ends within"});
}

TEST_F(SpillFileTest, HasNoNameAndTakesNothingFromTheNext) {
  auto one = Unwrap(Create());
  auto two = Unwrap(Create());
  const std::string bytes(100'000, 'x');
  ASSERT_TRUE(one.Append(bytes.data(), bytes.size()).ok());
  EXPECT_TRUE(IsEmpty());
  ASSERT_TRUE(two.Rewind().ok());
  char byte = 0;
  EXPECT_FALSE(Unwrap(two.Read(&byte, 1)));
}

/// A file system that knows no files without a name.
class NoUnnamedFiles : public Syscalls {
 public:
  int Open(const std::string& path, int flags, mode_t mode) override {
    if ((flags & O_TMPFILE) != O_TMPFILE) return Syscalls::Open(path, flags, mode);
    errno = EOPNOTSUPP;
    return -1;
  }
};

TEST_F(SpillFileTest, IsUnlinkedAtOnceWhereFilesNeedANameAtFirst) {
  NoUnnamedFiles syscalls;
  auto file = Unwrap(Create(&syscalls));
  EXPECT_TRUE(IsEmpty());
  ASSERT_TRUE(file.Append("abc", 3).ok());
  ASSERT_TRUE(file.Rewind().ok());
  std::string read(3, '\0');
  EXPECT_TRUE(Unwrap(file.Read(read.data(), 3)));
  EXPECT_EQ(read, "abc");
}

TEST_F(SpillFileTest, ErrorsNameTheDirectoryAndTheOption) {
  FileOps files(Syscalls::Real());
  const auto missing =
      SpillFile::Create(root_ / "none", &files, arrow::default_memory_pool()).status();
  ExpectError(missing, StatusCode::IOError, {root_ / "none", "spill_directory"});

  FaultySyscalls full({.at = 1, .errnum = ENOSPC, .stays = true, .calls = {Call::kWrite}});
  auto file = Unwrap(Create(&full));
  const std::string bytes(100'000, 'x');
  const auto status = file.Append(bytes.data(), bytes.size());
  ExpectError(status.ok() ? file.Rewind() : status, StatusCode::IOError,
              {root_.path(), "spill_directory", "memory_limit"});
  EXPECT_TRUE(IsEmpty());

  FaultySyscalls broken({.at = 1, .errnum = EIO, .calls = {Call::kRead}});
  auto unread = Unwrap(Create(&broken));
  ASSERT_TRUE(unread.Append("abc", 3).ok());
  ASSERT_TRUE(unread.Rewind().ok());
  char byte = 0;
  ExpectError(unread.Read(&byte, 1).status(), StatusCode::IOError, {root_.path()});
}

}  // namespace
}  // namespace larder
