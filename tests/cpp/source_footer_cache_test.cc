// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gtest/gtest.h>
#include <parquet/metadata.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "larder/source/footer_cache.h"
#include "tests/cpp/parquet_testing.h"

namespace larder {
namespace {

class FooterCacheTest : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& values) {
    WriteParquet(root_ / name, *TableOf({Int64Field("x")}, {values}));
  }

  int64_t RowsOf(const std::string& name) {
    return Unwrap(cache_.Read(root_ / name))->metadata->num_rows();
  }

  TempDir root_;
  // Trusts what has just been written.
  FooterCache cache_{int64_t{1} << 20, std::chrono::nanoseconds(0)};
};

TEST_F(FooterCacheTest, ReadsAFooterOnce) {
  Write("a", "[1, 2]");
  const auto first = Unwrap(cache_.Read(root_ / "a"));
  EXPECT_EQ(cache_.hits(), 0);
  EXPECT_EQ(Unwrap(cache_.Read(root_ / "a")), first);
  EXPECT_EQ(cache_.hits(), 1);
  EXPECT_EQ(first->fields.at("x"), 0);
}

TEST_F(FooterCacheTest, AFileInAnothersPlaceIsRead) {
  Write("a", "[1, 2]");
  EXPECT_EQ(RowsOf("a"), 2);
  Write("b", "[1, 2, 3]");
  std::filesystem::rename(root_ / "b", root_ / "a");
  EXPECT_EQ(RowsOf("a"), 3);
  EXPECT_EQ(cache_.hits(), 0);
}

TEST_F(FooterCacheTest, AFileThatWasRewrittenWithTheSameSizeIsRead) {
  Write("a", "[1, 2]");
  const auto first = Unwrap(cache_.Read(root_ / "a"));
  const std::string bytes = ReadBytes(root_ / "a");
  // The inode stays; mtime is put back, ctime cannot be.
  struct stat before{};
  ASSERT_EQ(::stat((root_ / "a").c_str(), &before), 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  WriteBytes(root_ / "a", bytes);
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, (root_ / "a").c_str(), times, 0), 0);
  EXPECT_NE(Unwrap(cache_.Read(root_ / "a")), first);
}

TEST_F(FooterCacheTest, AFileThatIsGoneIsAnError) {
  Write("a", "[1]");
  EXPECT_EQ(RowsOf("a"), 1);
  std::filesystem::remove(root_ / "a");
  ExpectError(cache_.Read(root_ / "a").status(), arrow::StatusCode::IOError, {root_ / "a"});
  WriteBytes(root_ / "a", "PAR1");
  ExpectError(cache_.Read(root_ / "a").status(), arrow::StatusCode::IOError, {root_ / "a"});
}

TEST_F(FooterCacheTest, AFileModifiedJustNowIsNotTrusted) {
  FooterCache cautious(int64_t{1} << 20, std::chrono::hours(1));
  Write("a", "[1]");
  for (int i = 0; i < 3; ++i) Unwrap(cautious.Read(root_ / "a"));
  EXPECT_EQ(cautious.hits(), 0);
}

TEST_F(FooterCacheTest, ThoseNotUsedForLongestGoFirst) {
  Write("a", "[1]");
  Write("b", "[1]");
  Write("c", "[1]");
  const auto bytes = 8 * int64_t{Unwrap(cache_.Read(root_ / "a"))->metadata->size()};
  FooterCache small(2 * bytes, std::chrono::nanoseconds(0));
  const auto is_hit = [&](const std::string& name) {
    const int64_t before = small.hits();
    Unwrap(small.Read(root_ / name));
    return small.hits() > before;
  };
  EXPECT_FALSE(is_hit("a"));
  EXPECT_FALSE(is_hit("b"));
  EXPECT_TRUE(is_hit("a"));
  EXPECT_FALSE(is_hit("c"));
  EXPECT_TRUE(is_hit("a"));
  EXPECT_FALSE(is_hit("b"));
}

TEST_F(FooterCacheTest, ServesManyThreads) {
  const std::vector<std::string> names{"a", "b", "c", "d"};
  for (const auto& name : names) Write(name, "[1, 2, 3]");
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) EXPECT_EQ(RowsOf(names[static_cast<size_t>(i) % 4]), 3);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_GE(cache_.hits(), 4 * 200 - 16);
}

}  // namespace
}  // namespace larder
