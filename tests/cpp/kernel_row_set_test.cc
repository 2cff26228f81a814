// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "larder/kernel/row_set.h"

namespace larder {
namespace {

using Addresses = std::vector<uint64_t>;

Addresses From(const RowSet& set, uint64_t address, size_t most) {
  const auto found = set.From(address, most, arrow::default_memory_pool());
  return {found.begin(), found.end()};
}

TEST(RowSet, MembersComeInOrderFromAnyAddress) {
  RowSet set(200, arrow::default_memory_pool());
  EXPECT_EQ(set.Count(), 0U);
  for (const uint64_t address : Addresses{199, 0, 63, 64, 127, 128, 63}) set.Insert(address);
  EXPECT_EQ(set.Count(), 6U);
  EXPECT_EQ(From(set, 0, 100), (Addresses{0, 63, 64, 127, 128, 199}));
  EXPECT_EQ(From(set, 1, 2), (Addresses{63, 64}));
  EXPECT_EQ(From(set, 64, 1), (Addresses{64}));
  EXPECT_EQ(From(set, 129, 9), (Addresses{199}));
  EXPECT_EQ(From(set, 200, 9), Addresses{});
  EXPECT_EQ(From(RowSet(0, arrow::default_memory_pool()), 0, 9), Addresses{});
}

TEST(RowSet, ChunksOfAnyLengthGiveAllMembers) {
  std::mt19937_64 random(1);
  RowSet set(10'000, arrow::default_memory_pool());
  std::set<uint64_t> members;
  for (int i = 0; i < 3'000; ++i) {
    const uint64_t address = random() % 10'000;
    set.Insert(address);
    members.insert(address);
  }
  for (const size_t most : {size_t{1}, size_t{7}, size_t{64}, size_t{5'000}}) {
    Addresses all;
    for (uint64_t next = 0; all.size() < set.Count(); next = all.back() + 1) {
      const auto chunk = From(set, next, most);
      ASSERT_LE(chunk.size(), most);
      all.insert(all.end(), chunk.begin(), chunk.end());
    }
    EXPECT_EQ(all, Addresses(members.begin(), members.end()));
  }
}

}  // namespace
}  // namespace larder
