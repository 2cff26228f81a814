// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "larder/io/file_ops.h"
#include "larder/io/write_names.h"
#include "larder/sink/partition_split.h"
#include "larder/source/file_listing.h"
#include "tests/cpp/sink_testing.h"

namespace larder {
namespace {

using Names = std::vector<std::string>;

constexpr const char* kToken = "0a1b2c3d-0123456789abcdef";

class ListFilesTest : public testing::Test {
 protected:
  void Touch(const Names& names) {
    for (const auto& name : names) {
      std::filesystem::create_directories(ParentPath(root_ / name));
      std::ofstream(root_ / name) << "x";
    }
  }

  arrow::Result<std::vector<ListedFile>> List(const Names& names, bool hive = true) {
    SourceSpec spec;
    for (const auto& name : names) spec.paths.push_back(root_ / name);
    spec.hive_partitioning = hive;
    return ListFiles(spec);
  }

  /// The paths that are found, relative to the root.
  Names Find(const Names& names) {
    const auto files = List(names);
    EXPECT_TRUE(files.ok()) << files.status();
    Names found;
    if (!files.ok()) return found;
    for (const auto& file : *files) {
      EXPECT_TRUE(file.path.starts_with(root_.path() + "/")) << file.path;
      found.push_back(file.path.substr(root_.path().size() + 1));
    }
    return found;
  }

  /// The partitions of the only file that is found.
  std::vector<PartitionValue> Partitions(const std::string& name, bool hive = true) {
    const auto files = List({name}, hive);
    EXPECT_TRUE(files.ok()) << files.status();
    if (!files.ok() || files->size() != 1) {
      ADD_FAILURE() << "not one file";
      return {};
    }
    return files->front().partitions;
  }

  void ExpectNotFound(const std::string& name) {
    const auto files = List({name});
    ASSERT_FALSE(files.ok()) << files->size();
    EXPECT_TRUE(files.status().IsIOError()) << files.status();
    EXPECT_TRUE(HasErrno(files.status(), ENOENT)) << files.status();
    EXPECT_NE(files.status().message().find(root_ / name), std::string::npos) << files.status();
    EXPECT_NE(files.status().message().find("no Parquet files"), std::string::npos);
  }

  TempDir root_;
};

TEST_F(ListFilesTest, DirectoriesInByteOrder) {
  Touch({"d/part-9", "d/part-10.parquet", "d/B.pq", "d/a.parq", "d/z/1", "d/ä.parquet", "d/a/b"});
  const Names sorted{"d/B.pq",   "d/a.parq", "d/a/b",      "d/part-10.parquet",
                     "d/part-9", "d/z/1",    "d/ä.parquet"};
  EXPECT_EQ(Find({"d"}), sorted);
  EXPECT_EQ(Find({"d/"}), sorted);
  EXPECT_EQ(Find({"d//"}), sorted);
}

TEST_F(ListFilesTest, HiddenNamesAreSkipped) {
  Touch({"d/_SUCCESS", "d/_metadata", "d/.a.parquet.crc", "d/_tmp/a", "d/.staging/a", "d/.k=1/a",
         "d/_day=1/a", "d/a"});
  const Names seen{"d/_day=1/a", "d/a"};
  EXPECT_EQ(Find({"d"}), seen);
  EXPECT_EQ(Find({"d/*"}), seen);
  EXPECT_EQ(Find({"d/**"}), seen);
  EXPECT_EQ(Find({"d/**/a"}), seen);
  EXPECT_EQ(Find({"d/?day=1/a"}), Names{"d/_day=1/a"});
  ExpectNotFound("d/_S*");
  ExpectNotFound("d/.*");
  ExpectNotFound("d/.*/a");
  // Whoever names a file or folder means it.
  EXPECT_EQ(Find({"d/_SUCCESS"}), Names{"d/_SUCCESS"});
  EXPECT_EQ(Find({"d/_tmp"}), Names{"d/_tmp/a"});
  EXPECT_EQ(Find({"d/.staging/*"}), Names{"d/.staging/a"});
}

TEST_F(ListFilesTest, Globs) {
  Touch({"d/a1.parquet", "d/a2.parquet", "d/b1.parquet", "d/x/a1.parquet", "d/x/y/a1.parquet",
         "d/x/y/c"});
  EXPECT_EQ(Find({"d/*.parquet"}), (Names{"d/a1.parquet", "d/a2.parquet", "d/b1.parquet"}));
  EXPECT_EQ(Find({"d/a?.parquet"}), (Names{"d/a1.parquet", "d/a2.parquet"}));
  EXPECT_EQ(Find({"d/[!a]1.parquet"}), Names{"d/b1.parquet"});
  EXPECT_EQ(Find({"d/[a-b][2-9].parquet"}), Names{"d/a2.parquet"});
  EXPECT_EQ(Find({"*/x/*1*"}), Names{"d/x/a1.parquet"});
  EXPECT_EQ(Find({"d/**/a1.parquet"}),
            (Names{"d/a1.parquet", "d/x/a1.parquet", "d/x/y/a1.parquet"}));
  EXPECT_EQ(Find({"d/**/y/**/*"}), (Names{"d/x/y/a1.parquet", "d/x/y/c"}));
  EXPECT_EQ(Find({"d/**/**/c"}), Names{"d/x/y/c"});
  EXPECT_EQ(Find({"d/x/**"}), (Names{"d/x/a1.parquet", "d/x/y/a1.parquet", "d/x/y/c"}));
  // A folder that matches stands for what is below it.
  EXPECT_EQ(Find({"d/[x]"}), (Names{"d/x/a1.parquet", "d/x/y/a1.parquet", "d/x/y/c"}));
  EXPECT_EQ(Find({"d/**/y"}), (Names{"d/x/y/a1.parquet", "d/x/y/c"}));
  EXPECT_EQ(Find({"d/**/[xy]"}), (Names{"d/x/a1.parquet", "d/x/y/a1.parquet", "d/x/y/c"}));
  // A file is no folder.
  ExpectNotFound("d/a1.parquet/*");
  ExpectNotFound("d/*/*/*/*");
  ExpectNotFound("none/*");
}

TEST_F(ListFilesTest, PathsThatLookLikeGlobs) {
  Touch({"d/[ab].parquet", "d/a.parquet", "d/x[1]/c", "d/x1/c"});
  EXPECT_EQ(Find({"d/[ab].parquet"}), Names{"d/[ab].parquet"});
  EXPECT_EQ(Find({"d/x[1]"}), Names{"d/x[1]/c"});
  EXPECT_EQ(Find({"d/x[1]/*"}), Names{"d/x1/c"});
  EXPECT_EQ(Find({"d/x\\[1]/*"}), Names{"d/x[1]/c"});
}

TEST_F(ListFilesTest, RelativePaths) {
  Touch({"d/k=1/a", "d/k=2/b"});
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(root_.path());
  const auto find = [](const Names& paths) {
    Names found;
    const auto files = ListFiles({paths, true});
    EXPECT_TRUE(files.ok()) << files.status();
    for (const auto& file : *files) {
      EXPECT_EQ(file.partitions.size(), 1U) << file.path;
      found.push_back(file.path);
    }
    return found;
  };
  EXPECT_EQ(find({"d"}), (Names{"d/k=1/a", "d/k=2/b"}));
  EXPECT_EQ(find({"."}), (Names{"./d/k=1/a", "./d/k=2/b"}));
  EXPECT_EQ(find({"*"}), (Names{"d/k=1/a", "d/k=2/b"}));
  EXPECT_EQ(find({"**/b"}), Names{"d/k=2/b"});
  EXPECT_EQ(find({"d", "./d", root_ / "d"}).size(), 2U);
  std::filesystem::current_path(before);
}

TEST_F(ListFilesTest, EachFileOnce) {
  Touch({"d/k=1/a", "d/k=1/b", "e"});
  std::filesystem::create_directory_symlink(root_ / "d", root_ / "link");
  EXPECT_EQ(Find({"e", "e", "d//k=1/a"}), (Names{"d//k=1/a", "e"}));
  EXPECT_EQ(Find({"d/k=1/a", "d/./k=1/a"}), Names{"d/./k=1/a"});
  EXPECT_EQ(Find({"link", "d"}), (Names{"d/k=1/a", "d/k=1/b"}));
  // The way with the partitions counts, whichever comes first.
  for (const auto& names : {Names{"d", "d/k=1/a"}, Names{"d/k=1/a", "d"}}) {
    const auto files = List(names);
    ASSERT_TRUE(files.ok()) << files.status();
    ASSERT_EQ(files->size(), 2U);
    for (const auto& file : *files) EXPECT_EQ(file.partitions.size(), 1U) << file.path;
  }
}

TEST_F(ListFilesTest, LinksAreFollowed) {
  Touch({"far/a", "far/deep/b", "d/c"});
  std::filesystem::create_directory_symlink(root_ / "far", root_ / "d/far");
  std::filesystem::create_symlink(root_ / "far/a", root_ / "d/z");
  const Names all{"d/c", "d/far/a", "d/far/deep/b", "d/z"};
  EXPECT_EQ(Find({"d"}), all);
  EXPECT_EQ(Find({"d/**"}), all);
  // One set of files as two partitions is nobody's mistake.
  std::filesystem::create_directory_symlink(root_ / "far", root_ / "d/far2");
  EXPECT_EQ(Find({"d"}).size(), 6U);
}

TEST_F(ListFilesTest, WhatIsNotThere) {
  std::filesystem::create_directories(root_ / "empty/below");
  Touch({"hidden/_SUCCESS", "file"});
  ExpectNotFound("none");
  ExpectNotFound("none/*.parquet");
  ExpectNotFound("empty");
  ExpectNotFound("empty/*");
  ExpectNotFound("hidden");
  ExpectNotFound("file/below");
  Touch({"d/a"});
  EXPECT_TRUE(HasErrno(List({"d", "none"}).status(), ENOENT));
  EXPECT_TRUE(ListFiles({}).status().IsInvalid());
  EXPECT_TRUE(HasErrno(ListFiles({{""}, true}).status(), ENOENT));
  EXPECT_TRUE(ListFiles({{std::string("/tmp\0x", 6)}, true}).status().IsInvalid());
}

TEST_F(ListFilesTest, PipesAreNoFiles) {
  ASSERT_EQ(mkfifo((root_ / "pipe").c_str(), 0600), 0);
  const auto files = List({"pipe"});
  EXPECT_TRUE(files.status().IsInvalid()) << files.status();
  EXPECT_NE(files.status().message().find(root_ / "pipe"), std::string::npos);
}

TEST_F(ListFilesTest, FoldersThatMayNotBeRead) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  Touch({"d/locked/a", "d/b"});
  ASSERT_EQ(chmod((root_ / "d/locked").c_str(), 0), 0);
  EXPECT_TRUE(HasErrno(List({"d"}).status(), EACCES));
  EXPECT_TRUE(HasErrno(List({"d/*"}).status(), EACCES));
  chmod((root_ / "d/locked").c_str(), 0700);
}

TEST_F(ListFilesTest, Partitions) {
  Touch({"d/year=2024/plain/day=01/a"});
  using Expected = std::vector<PartitionValue>;
  const Expected both{{"year", "2024"}, {"day", "01"}};
  EXPECT_EQ(Partitions("d"), both);
  EXPECT_EQ(Partitions("d/"), both);
  EXPECT_EQ(Partitions("d/**/a"), both);
  EXPECT_EQ(Partitions("d/*/*/*/*"), both);
  EXPECT_EQ(Partitions("d/year=*/plain/day=01/a"), both);
  // Only what is below the path counts, and nothing for a file.
  EXPECT_EQ(Partitions("d/year=2024"), (Expected{{"day", "01"}}));
  EXPECT_EQ(Partitions("d/year=2024/plain/*/a"), (Expected{{"day", "01"}}));
  EXPECT_EQ(Partitions("d/year=2024/plain/day=01"), Expected{});
  EXPECT_EQ(Partitions("d/year=2024/plain/day=01/*"), Expected{});
  EXPECT_EQ(Partitions("d/year=2024/plain/day=01/a"), Expected{});
  EXPECT_EQ(Partitions("d", /*hive=*/false), Expected{});
}

TEST_F(ListFilesTest, TextOfPartitions) {
  using Expected = std::vector<PartitionValue>;
  Touch({"null/k=__HIVE_DEFAULT_PARTITION__/a", "empty/k=/a", "code/a%2Fb%3D=%C3%A4+%25 %41/a",
         "odd/k=50%/j=%zz/i=a=b/a", "raw/k=ä/a", "none/=1/a", "twice/k=1/k=2/a", "file/d/k=1"});
  EXPECT_EQ(Partitions("null"), (Expected{{"k", std::nullopt}}));
  EXPECT_EQ(Partitions("empty"), (Expected{{"k", ""}}));
  EXPECT_EQ(Partitions("code"), (Expected{{"a/b=", "ä+% A"}}));
  EXPECT_EQ(Partitions("odd"), (Expected{{"k", "50%"}, {"j", "%zz"}, {"i", "a=b"}}));
  EXPECT_EQ(Partitions("raw"), (Expected{{"k", "ä"}}));
  EXPECT_EQ(Partitions("none"), Expected{});
  EXPECT_EQ(Partitions("twice"), (Expected{{"k", "2"}}));
  EXPECT_EQ(Partitions("file"), Expected{});
  for (const char* folder : {"k=%FF", "k=\xFF", "%FF=1"}) {
    Touch({"bad/" + std::string(folder) + "/a"});
    EXPECT_TRUE(List({"bad"}).status().IsInvalid()) << folder;
    EXPECT_TRUE(List({"bad"}, /*hive=*/false).ok()) << folder;
    std::filesystem::remove_all(root_ / "bad");
  }
}

TEST_F(ListFilesTest, TheWriterFoldersComeBack) {
  for (const std::string text :
       {"", " ", "a b", "ä/b=c%", "%41", "\n\r\t", "日本", "+", ".", ".."}) {
    std::filesystem::remove_all(root_ / "d");
    Touch({"d/k=" + UrlEncode(text) + "/a"});
    EXPECT_EQ(Partitions("d"), (std::vector<PartitionValue>{{"k", text}}));
  }
}

TEST_F(ListFilesTest, WritesInProgressAreHidden) {
  const auto part = [](const std::string& folder, int index) {
    const PartName name{.time = 1, .token = kToken, .index = index, .count = 2, .depth = 1};
    return folder + "/" + MakePartName(name, "");
  };
  const std::string one = part("d/k=1", 1);
  const std::string two = part("d/k=2", 2);
  const std::string commit = root_ / ("d/" + MakeHiddenName(HiddenKind::kCommit, kToken));
  Touch({one, "d/k=1/plain"});
  std::filesystem::create_directory(commit);
  for (const char* path : {"d", "d/*", "d/**", "d/*/*", "d/k=*", "d/k=[1-2]/*"}) {
    EXPECT_EQ(Find({path}), Names{"d/k=1/plain"}) << path;
  }
  ExpectNotFound("d/*/part*");
  Touch({two});
  std::filesystem::remove(commit);
  for (const char* path : {"d", "d/*", "d/**", "d/*/*", "d/k=*", "d/k=[1-2]/*"}) {
    EXPECT_EQ(Find({path}), (Names{one, "d/k=1/plain", two})) << path;
  }
  // Half of a write that is done is all that a glob for half of the folders asks for.
  EXPECT_EQ(Find({"d/k=2/*"}), Names{two});
}

TEST_F(ListFilesTest, ManyFiles) {
  Names names;
  for (int i = 0; i < 2000; ++i)
    names.push_back("d/k=" + std::to_string(i % 7) + "/" + std::to_string(i));
  Touch(names);
  EXPECT_EQ(Find({"d"}).size(), names.size());
  EXPECT_EQ(Find(names).size(), names.size());
  names.push_back("d");
  EXPECT_EQ(Find(names).size(), names.size() - 1);
}

}  // namespace
}  // namespace larder
