// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>
#include <vector>

#include "larder/io/write_names.h"

namespace larder {
namespace {

constexpr const char* kToken = "0a1b2c3d-0123456789abcdef";

TEST(WriteNames, TokensAreUniqueAlsoAfterAFork) {
  std::set<std::string> tokens;
  for (int i = 0; i < 1000; ++i) tokens.insert(NewWriteToken());
  EXPECT_EQ(tokens.size(), 1000U);
  EXPECT_TRUE(IsTokenOfThisBoot(*tokens.begin()));
  EXPECT_FALSE(IsTokenOfThisBoot("zzzzzzzz-0123456789abcdef"));

  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const std::string token = NewWriteToken();
    _exit(write(ends[1], token.data(), token.size()) == static_cast<ssize_t>(token.size()) ? 0 : 1);
  }
  std::string other(25, ' ');
  ASSERT_EQ(read(ends[0], other.data(), other.size()), 25);
  waitpid(child, nullptr, 0);
  EXPECT_NE(other, NewWriteToken());
  EXPECT_TRUE(IsTokenOfThisBoot(other));
  close(ends[0]);
  close(ends[1]);
}

TEST(WriteNames, HiddenNamesComeBack) {
  for (const auto kind : {HiddenKind::kTemporary, HiddenKind::kCommit, HiddenKind::kLock}) {
    const auto parsed = ParseHiddenName(MakeHiddenName(kind, kToken));
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->kind, kind);
    EXPECT_EQ(parsed->token, kToken);
  }
  const auto old = ParseHiddenName(MakeHiddenName(HiddenKind::kOld, kToken, "a.tmp"));
  ASSERT_TRUE(old.has_value());
  EXPECT_EQ(old->kind, HiddenKind::kOld);
  EXPECT_EQ(old->replaced, "a.tmp");
  for (const std::string name :
       {"", ".larder-", ".larder-lock-data.parquet", ".larder-0a1b2c3d.tmp",
        ".larder-0a1b2c3d-0123456789abcdeX.tmp", ".larder-0a1b2c3d-0123456789abcdef",
        ".larder-0a1b2c3d-0123456789abcdef.old-",
        ".larder-0a1b2c3d-0123456789abcdef.tmp.parquet"}) {
    EXPECT_FALSE(ParseHiddenName(name).has_value()) << name;
  }
}

TEST(WriteNames, PartNamesComeBack) {
  const std::vector<PartName> parts = {
      {.time = 5, .token = kToken},
      {.time = 5, .token = kToken, .index = 7},
      {.time = 5, .token = kToken, .index = 7, .count = 9, .depth = 2}};
  for (const auto& part : parts) {
    for (const std::string greatest : {"", "zebra", "~x"}) {
      const std::string name = MakePartName(part, greatest);
      const auto parsed = ParsePartName(name);
      ASSERT_TRUE(parsed.has_value()) << name;
      EXPECT_EQ(parsed->time, part.time);
      EXPECT_EQ(parsed->token, part.token);
      EXPECT_EQ(parsed->index, part.index);
      EXPECT_EQ(parsed->count, part.count);
      EXPECT_EQ(parsed->depth, part.depth);
    }
  }
  EXPECT_EQ(MakePartName(parts[0], ""), "part-0000000000000005-0a1b2c3d-0123456789abcdef.parquet");
  for (const std::string name :
       {"", "part-0.parquet", "part-5-0a1b2c3d-0123456789abcdef.parquet",
        "part-0000000000000005-0a1b2c3d-0123456789abcdef.parquet.tmp",
        "part-0000000000000005-0a1b2c3d-0123456789abcdef-000003of000002-d0.parquet",
        "part-0000000000000005-0a1b2c3d-0123456789abcdef-000001of000002.parquet",
        "xpart-0000000000000005-0a1b2c3d-0123456789abcdef.parquet"}) {
    EXPECT_FALSE(ParsePartName(name).has_value()) << name;
  }
}

TEST(WriteNames, PartsSortAfterWhatIsThere) {
  const PartName part{.time = 1'700'000'000'000'000, .token = kToken};
  EXPECT_TRUE(MakePartName(part, "data.parquet").starts_with("part-"));
  for (const std::string greatest :
       {"", "data.parquet", "part-9.parquet", "sales.parquet", "year=2024", "z.parquet",
        "z-part-1800000000000000.parquet", "zebra.parquet", "zzz", "~", "~~~ last"}) {
    EXPECT_GT(MakePartName(part, greatest), greatest);
  }
  // What nothing readable sorts after is left before it.
  EXPECT_TRUE(MakePartName(part, "\xC3\xA4.parquet").starts_with("part-"));
}

TEST(WriteNames, DirectorySaysWhatTheNextNameMustExceed) {
  const std::string part = MakePartName({.time = 42, .token = kToken}, "");
  const auto names = LookAtNames(
      {{part, false}, {"a.parquet", false}, {".z", false}, {"_z", false}, {"_day=1", true}});
  EXPECT_EQ(names.greatest, part);
  EXPECT_EQ(names.time, 42);
}

TEST(WriteNames, ReadersSkipDotsAndUnderscoresButNotPartitions) {
  EXPECT_TRUE(IsHiddenFromReaders({".larder-x", false}));
  EXPECT_TRUE(IsHiddenFromReaders({"_SUCCESS", false}));
  EXPECT_TRUE(IsHiddenFromReaders({"_delta_log", true}));
  EXPECT_TRUE(IsHiddenFromReaders({".a=1", true}));
  EXPECT_TRUE(IsHiddenFromReaders({"_a=1.parquet", false}));
  EXPECT_FALSE(IsHiddenFromReaders({"__log_date=2024-01-01", true}));
  EXPECT_FALSE(IsHiddenFromReaders({"a.parquet", false}));
}

TEST(WriteNames, LockOfALongNameIsAName) {
  EXPECT_EQ(MakeLockName("a.parquet"), ".larder-lock-a.parquet");
  const std::string lock = MakeLockName(std::string(255, 'x'));
  EXPECT_LT(lock.size(), 255U);
  EXPECT_NE(lock, MakeLockName(std::string(254, 'x') + "y"));
  EXPECT_TRUE(IsLockName(lock));
}

}  // namespace
}  // namespace larder
