// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "larder/kernel/candidate.h"

namespace larder {
namespace {

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
constexpr uint64_t kLastAddress = (uint64_t{1} << 62) - 2;

/// From the least to the greatest.
std::vector<Candidate> InOrder() {
  return {Candidate{},
          Candidate::WithoutCreated(kLeast, 0),
          Candidate::WithoutCreated(kLeast, 1),
          Candidate::WithoutCreated(kLeast, kLastAddress),
          Candidate::WithCreated(kLeast, kLeast, 0),
          Candidate::WithCreated(kLeast, kLeast, kLastAddress),
          Candidate::WithCreated(kLeast, kLeast + 1, 0),
          Candidate::WithoutCreated(5, 9),
          Candidate::WithCreated(5, kLeast, 3),
          Candidate::WithCreated(5, -1, 2),
          Candidate::WithCreated(5, 0, 1),
          Candidate::WithCreated(5, 0, 2),
          Candidate::WithoutCreated(6, 0),
          Candidate::WithCreated(std::numeric_limits<int64_t>::max(), 0, 0)};
}

TEST(Candidate, EventThenCreatedThenAddress) {
  const auto order = InOrder();
  for (size_t i = 0; i < order.size(); ++i) {
    for (size_t j = 0; j < order.size(); ++j) {
      EXPECT_EQ(order[i] < order[j], i < j) << i << " and " << j;
    }
  }
}

TEST(Candidate, AddressesAreKept) {
  for (const uint64_t address : {uint64_t{0}, uint64_t{1}, kLastAddress}) {
    EXPECT_EQ(Candidate::WithoutCreated(1, address).address(), address);
    EXPECT_EQ(Candidate::WithCreated(1, 2, address).address(), address);
    EXPECT_TRUE(Candidate::WithoutCreated(1, address).exists());
  }
  EXPECT_FALSE(Candidate{}.exists());
}

TEST(CandidateTable, TheGreatestStaysInWhateverOrder) {
  auto order = InOrder();
  const Candidate greatest = order.back();
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (const bool shared : {false, true}) {
      CandidateTable table(2, /*has_created=*/true, shared, arrow::default_memory_pool());
      for (const auto& candidate : order) table.Raise(1, candidate);
      EXPECT_EQ(table[1].event, greatest.event);
      EXPECT_EQ(table[1].rank, greatest.rank);
      EXPECT_FALSE(table[0].exists());
    }
  }
}

TEST(CandidateTable, ThreadsRaiseTheSamePositions) {
  constexpr size_t kPositions = 5000;
  constexpr int kThreads = 4;
  CandidateTable table(kPositions, /*has_created=*/true, /*shared=*/true,
                       arrow::default_memory_pool());
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&table, t] {
      for (int64_t event = 0; event < 20; ++event) {
        for (size_t p = 0; p < kPositions; ++p) {
          const auto created = static_cast<int64_t>((p + static_cast<size_t>(t)) % kThreads);
          table.Raise(p, Candidate::WithCreated(event, created, static_cast<uint64_t>(t)));
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (size_t p = 0; p < kPositions; ++p) {
    ASSERT_EQ(table[p].event, 19);
    ASSERT_EQ(table[p].created, kThreads - 1);
    ASSERT_EQ((p + table[p].address()) % kThreads, kThreads - 1);
  }
}

}  // namespace
}  // namespace larder
