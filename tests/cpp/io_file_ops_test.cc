// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "larder/io/fail_point.h"
#include "larder/io/file_ops.h"
#include "tests/cpp/io_faulty_syscalls.h"
#include "tests/cpp/sink_testing.h"

namespace larder {
namespace {

FileOps* Ops() { return FileOps::Default(); }

TEST(FileOps, WrittenContentIsRead) {
  TempDir folder;
  const std::string path = folder / "file";
  {
    auto file = *Ops()->Create(path);
    ASSERT_TRUE(file.Write("one ").ok());
    ASSERT_TRUE(file.Write("two").ok());
    ASSERT_TRUE(file.Sync().ok());
    ASSERT_TRUE(file.Close().ok());
    EXPECT_TRUE(file.Close().ok());
  }
  EXPECT_EQ(*Ops()->ReadFile(path), "one two");
  EXPECT_EQ((*Ops()->Stat(path))->st_size, 7);
  EXPECT_TRUE(HasErrno(Ops()->Create(path).status(), EEXIST));
}

TEST(FileOps, ErrorsNameThePathAndTheReason) {
  TempDir folder;
  const std::string missing = folder / "no/file";
  for (const auto& status :
       {Ops()->Create(missing).status(), Ops()->ReadFile(missing).status(),
        Ops()->Rename(missing, missing + "2"), Ops()->Link(missing, missing + "2"),
        Ops()->List(missing).status(), Ops()->SyncDirectory(missing), Ops()->MakeDirectory(missing),
        Ops()->OpenForRead(missing).status()}) {
    EXPECT_TRUE(status.IsIOError()) << status;
    EXPECT_TRUE(HasErrno(status, ENOENT)) << status;
    EXPECT_NE(status.message().find(missing), std::string::npos) << status;
    EXPECT_NE(status.message().find("No such file or directory"), std::string::npos) << status;
  }
}

TEST(FileOps, MissingThingsAreNoErrorWhereTheyAreExpected) {
  TempDir folder;
  const std::string missing = folder / "none";
  EXPECT_TRUE(Ops()->Unlink(missing).ok());
  EXPECT_TRUE(Ops()->RemoveAll(missing).ok());
  EXPECT_FALSE(Ops()->Stat(missing)->has_value());
  EXPECT_FALSE(Ops()->OpenExisting(missing)->has_value());
}

TEST(FileOps, DirectoriesAreMadeAndRemovedWithAllInThem) {
  TempDir folder;
  const std::string path = folder / "a/b/c";
  ASSERT_TRUE(Ops()->MakeDirectories(path).ok());
  ASSERT_TRUE(Ops()->MakeDirectories(path).ok());
  ASSERT_TRUE(Ops()->MakeDirectory(path).ok());
  ASSERT_TRUE(Ops()->Create(path + "/file").ok());
  EXPECT_EQ(Ops()->List(folder / "a")->size(), 1U);
  EXPECT_TRUE(Ops()->List(folder / "a")->at(0).is_directory);
  EXPECT_TRUE(HasErrno(Ops()->MakeDirectory(path + "/file"), ENOTDIR));
  EXPECT_TRUE(Ops()->RemoveAll(folder / "a").ok());
  EXPECT_FALSE(std::filesystem::exists(folder / "a"));
}

TEST(FileOps, LockIsHeldByOneUntilItsLastHandleIsClosed) {
  TempDir folder;
  const std::string path = folder / "lock";
  auto mine = *Ops()->OpenOrCreate(path);
  auto theirs = *Ops()->OpenOrCreate(path);
  EXPECT_EQ(*mine.TryLock(), LockState::kOurs);
  EXPECT_EQ(*theirs.TryLock(), LockState::kTaken);
  auto copy = *mine.Duplicate();
  ASSERT_TRUE(mine.Close().ok());
  EXPECT_EQ(*theirs.TryLock(), LockState::kTaken);
  ASSERT_TRUE(copy.Close().ok());
  EXPECT_EQ(*theirs.TryLock(), LockState::kOurs);
  EXPECT_TRUE(*theirs.HasName());
  ASSERT_TRUE(Ops()->Unlink(path).ok());
  EXPECT_FALSE(*theirs.HasName());
}

TEST(FileOps, SwapsTwoPaths) {
  TempDir folder;
  ASSERT_TRUE(Ops()->MakeDirectory(folder / "a").ok());
  ASSERT_TRUE(Ops()->Create(folder / "a/x").ok());
  ASSERT_TRUE(Ops()->MakeDirectory(folder / "b").ok());
  ASSERT_TRUE(Ops()->Exchange(folder / "a", folder / "b").ok());
  EXPECT_TRUE(std::filesystem::exists(folder / "b/x"));
  FaultySyscalls syscalls;
  syscalls.ForbidExchange();
  EXPECT_TRUE(FileOps(&syscalls).Exchange(folder / "a", folder / "b").IsNotImplemented());
}

TEST(FileOps, PathsAreResolved) {
  TempDir folder;
  ASSERT_TRUE(Ops()->MakeDirectory(folder / "real").ok());
  std::filesystem::create_symlink("real", folder / "link");
  const std::string real = std::filesystem::canonical(folder.path()).string() + "/real";
  EXPECT_EQ(*ResolvePath(folder / "link"), real);
  EXPECT_EQ(*ResolvePath(folder / "link/"), real);
  EXPECT_EQ(*ResolvePath(folder / "real/../link/new/x"), real + "/new/x");
  EXPECT_EQ(*ResolvePath("new"), std::filesystem::current_path().string() + "/new");
  EXPECT_TRUE(ResolvePath("").status().IsInvalid());
  EXPECT_TRUE(ResolvePath(std::string("a\0b", 3)).status().IsInvalid());
  EXPECT_EQ(ParentPath("/a"), "/");
  EXPECT_EQ(ParentPath("a"), ".");
  EXPECT_EQ(ParentPath("/a/b"), "/a");
  EXPECT_EQ(BaseName("/a/b"), "b");
  EXPECT_EQ(BaseName("b"), "b");
}

TEST(FileOps, DirectorySyncReportsFailure) {
  TempDir folder;
  FaultySyscalls syscalls({.at = 1, .errnum = EIO, .calls = {Call::kFsync}});
  EXPECT_TRUE(HasErrno(FileOps(&syscalls).SyncDirectory(folder.path()), EIO));
}

TEST(FailPoint, DoesWhatIsArmedAndNothingElse) {
  EXPECT_TRUE(fail_point::Hit("here").ok());
  int hits = 0;
  fail_point::Arm("here", [&] {
    ++hits;
    return arrow::Status::IOError("told to");
  });
  EXPECT_TRUE(fail_point::Hit("here").IsIOError());
  EXPECT_TRUE(fail_point::Hit("there").ok());
  fail_point::DisarmAll();
  EXPECT_TRUE(fail_point::Hit("here").ok());
  EXPECT_EQ(hits, 1);
}

}  // namespace
}  // namespace larder
