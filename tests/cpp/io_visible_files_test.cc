// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "larder/io/visible_files.h"
#include "larder/io/write_names.h"
#include "tests/cpp/sink_testing.h"

namespace larder {
namespace {

using Paths = std::vector<std::string>;

constexpr const char* kToken = "0a1b2c3d-0123456789abcdef";

/// File `index` of a write of `count` files below `folder`.
std::string Part(const std::string& folder, int index, int count, int depth) {
  return folder + "/" +
         MakePartName({.time = 1, .token = kToken, .index = index, .count = count, .depth = depth},
                      "");
}

class VisibleFilesTest : public testing::Test {
 protected:
  /// What a reader sees whose listings are, one after the other, `listings`.
  Paths See(std::vector<Paths> listings) {
    calls_ = 0;
    const auto seen = VisibleFiles(FileOps::Default(), [&]() -> arrow::Result<Paths> {
      return listings.at(static_cast<size_t>(calls_++));
    });
    EXPECT_TRUE(seen.ok()) << seen.status();
    return seen.ValueOr(Paths{});
  }
  void SetPending(bool pending) {
    const std::string path = root_ / MakeHiddenName(HiddenKind::kCommit, kToken);
    if (pending) std::filesystem::create_directory(path);
    if (!pending) std::filesystem::remove(path);
  }

  TempDir root_;
  int calls_ = 0;
  std::string plain_ = root_ / "part-0.parquet";
  std::string a_ = Part(root_ / "x=1", 1, 2, 1);
  std::string b_ = Part(root_ / "x=2", 2, 2, 1);
};

TEST_F(VisibleFilesTest, WholeWritesNeedOneListing) {
  EXPECT_EQ(See({{plain_, a_, b_}}), (Paths{plain_, a_, b_}));
  EXPECT_EQ(See({{}}), Paths{});
  EXPECT_EQ(calls_, 1);
}

TEST_F(VisibleFilesTest, PendingWriteIsHiddenUnlessItIsAllThere) {
  SetPending(true);
  EXPECT_EQ(See({{plain_, a_}}), Paths{plain_});
  EXPECT_EQ(calls_, 1);
  EXPECT_EQ(See({{plain_, a_, b_}}), (Paths{plain_, a_, b_}));
}

TEST_F(VisibleFilesTest, WritePublishedDuringTheListingIsListedAgain) {
  EXPECT_EQ(See({{plain_, a_}, {plain_, a_, b_}}), (Paths{plain_, a_, b_}));
}

TEST_F(VisibleFilesTest, WriteThatLostAFileLaterStaysVisible) {
  EXPECT_EQ(See({{plain_, a_}, {plain_, a_}}), (Paths{plain_, a_}));
  EXPECT_EQ(calls_, 2);
}

TEST_F(VisibleFilesTest, WriteThatBeganBetweenTwoListingsIsHidden) {
  const std::string root = root_ / "other";
  const std::string other = Part(root + "/x=1", 1, 2, 1);
  // The first listing has half of the first write, the second half of another one, too.
  EXPECT_EQ(See({{a_}, {a_, b_, other}}), (Paths{a_, b_}));
}

TEST_F(VisibleFilesTest, WriteThatWasPendingAtFirstStaysHidden) {
  const std::string second = root_ / "second";
  const std::string other = Part(second + "/x=1", 1, 2, 1);
  SetPending(true);
  // The other one, which is not pending, asks for a second listing.
  EXPECT_EQ(See({{a_, other}, {a_, other}}), Paths{other});
}

TEST_F(VisibleFilesTest, SameTokenInTwoRootsIsTwoWrites) {
  const std::string second = root_ / "second";
  const std::string c = Part(second + "/x=1", 1, 2, 1);
  SetPending(true);
  EXPECT_EQ(See({{a_, c}, {a_, c}}), Paths{c});
}

TEST_F(VisibleFilesTest, ErrorsOfTheListingAreReturned) {
  const auto seen = VisibleFiles(FileOps::Default(), []() -> arrow::Result<Paths> {
    return arrow::Status::IOError("no such thing");
  });
  EXPECT_TRUE(seen.status().IsIOError());
  EXPECT_TRUE(VisibleFilesUnder(FileOps::Default(), root_ / "none").status().IsIOError());
}

TEST_F(VisibleFilesTest, TreeIsListedInOrderWithoutHiddenNames) {
  for (const std::string name : {"b/2.parquet", "b/1.parquet", "a.parquet", ".larder-x/1.parquet",
                                 "_log/1.parquet", "_day=1/1.parquet", "c/_SUCCESS"}) {
    std::filesystem::create_directories(std::filesystem::path(root_ / name).parent_path());
    std::ofstream(root_ / name) << "x";
  }
  const auto seen = VisibleFilesUnder(FileOps::Default(), root_.path());
  ASSERT_TRUE(seen.ok());
  EXPECT_EQ(*seen, (Paths{root_ / "_day=1/1.parquet", root_ / "a.parquet", root_ / "b/1.parquet",
                          root_ / "b/2.parquet"}));
}

}  // namespace
}  // namespace larder
