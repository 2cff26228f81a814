// SPDX-License-Identifier: Apache-2.0
#include <arrow/builder.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "larder/kernel/latest.h"
#include "tests/cpp/kernel_testing.h"

namespace larder {
namespace {

using Addresses = std::vector<uint64_t>;

/// Latest rows of many keys, of three kinds of key.
class LatestSpillTest : public SourceTest {
 protected:
  /// Rows with random keys and times.
  void WriteRows(int64_t rows, uint64_t distinct_keys) {
    std::mt19937_64 random(11);
    arrow::Int64Builder integers;
    arrow::StringBuilder texts;
    arrow::Int64Builder numbers;
    std::map<int64_t, std::pair<int64_t, uint64_t>> newest;
    for (int64_t i = 0; i < rows; ++i) {
      const auto key = static_cast<int64_t>(random() % distinct_keys);
      const auto time = static_cast<int64_t>(random() % 500);
      newest[key] = std::max(newest[key], {time, static_cast<uint64_t>(i)});
      EXPECT_TRUE(integers.Append(key - 20'000).ok());
      EXPECT_TRUE(
          texts
              .Append("key " + std::to_string(key) + std::string(static_cast<size_t>(key % 5), '*'))
              .ok());
      EXPECT_TRUE(numbers.Append(time).ok());
    }
    for (const auto& [key, row] : newest) expected_.push_back(row.second);
    std::sort(expected_.begin(), expected_.end());
    const auto times =
        Unwrap(Unwrap(numbers.Finish())->View(arrow::timestamp(arrow::TimeUnit::MICRO)));
    const auto schema = arrow::schema({Int64Field("i"), StringField("s"), TimeField("t")});
    const auto table =
        arrow::Table::Make(schema, {Unwrap(integers.Finish()), Unwrap(texts.Finish()), times});
    WriteParquet(root_ / "a", *table, {.row_group_rows = 9'000});
    scan_.dataset = Open();
    scan_.event_timestamp = "t";
  }

  Addresses Find(const std::vector<std::string>& keys, const RunContext& context) {
    scan_.join_keys = keys;
    ReadCounters counters(*scan_.dataset);
    std::atomic<int64_t> scanned{0};
    const auto found = Unwrap(FindLatest(scan_, context, &counters, &scanned))
                           .From(0, 1 << 20, arrow::default_memory_pool());
    return {found.begin(), found.end()};
  }

  LatestScan scan_;
  Addresses expected_;
};

TEST_F(LatestSpillTest, WhatIsSpilledChangesNothing) {
  WriteRows(20'000, 12'000);
  const TempDir spill;
  for (const auto& keys : {std::vector<std::string>{"i"}, {"s"}, {"s", "i"}}) {
    for (const int64_t rows : {0, 1, 10, 300}) {
      for (const int threads : {1, 2, 8}) {
        RunContext context;
        context.threads = threads;
        context.rows_in_memory = rows;
        context.batch_rows = 4'096;
        context.spill_directory = spill.path();
        EXPECT_EQ(Find(keys, context), expected_) << keys[0] << " " << rows << " " << threads;
        EXPECT_TRUE(std::filesystem::is_empty(spill.path()));
      }
    }
  }
}

TEST_F(LatestSpillTest, KeysWhoseHashesAreAllAlikeAreNotDividedForEver) {
  WriteRows(20'000, 12'000);
  for (const int bits : {8, 20}) {
    RunContext context;
    context.key_hash_bits = bits;
    context.rows_in_memory = 2'000;
    EXPECT_EQ(Find({"i"}, context), expected_);
  }
}

TEST_F(LatestSpillTest, StaysWithinTheMemoryLimit) {
  WriteRows(200'000, 150'000);
  for (const auto& keys : {std::vector<std::string>{"i"}, {"s", "i"}}) {
    const auto unlimited = MemoryBudget::Make(0);
    RunContext context;
    context.batch_rows = 1'024;
    context.pool = unlimited.get();
    EXPECT_EQ(Find(keys, context), expected_);

    // Below what it takes without spilling.
    const int64_t limit = 6'000'000;
    ASSERT_GT(unlimited->max_memory(), limit);
    const auto budget = MemoryBudget::Make(limit);
    context.pool = budget.get();
    context.memory_limit = limit;
    EXPECT_EQ(Find(keys, context), expected_);
    EXPECT_LE(budget->max_memory(), limit);
  }
}

TEST_F(LatestSpillTest, SpillsNoCrumbsWhereOtherThingsHoldTheMemory) {
  WriteRows(50'000, 30'000);
  const int64_t limit = 40'000'000;
  const auto budget = MemoryBudget::Make(limit);
  const PoolVector<char> others(limit / 2 + 1, 'x', budget.get());
  RunContext context;
  context.batch_rows = 1'024;
  context.pool = budget.get();
  context.memory_limit = limit;
  const int64_t before = budget->num_allocations();
  EXPECT_EQ(Find({"i"}, context), expected_);
  EXPECT_LE(budget->max_memory(), limit);
  // In place of seconds: a few for each shard and batch, not some for each key.
  EXPECT_LT(budget->num_allocations() - before, 10'000);
}

TEST_F(LatestSpillTest, ADirectoryThatIsNotThereIsAnError) {
  WriteRows(100, 50);
  RunContext context;
  context.rows_in_memory = 1;
  context.spill_directory = root_ / "none";
  scan_.join_keys = {"i"};
  ReadCounters counters(*scan_.dataset);
  std::atomic<int64_t> scanned{0};
  ExpectError(FindLatest(scan_, context, &counters, &scanned).status(), arrow::StatusCode::IOError,
              {root_ / "none", "spill_directory"});
}

}  // namespace
}  // namespace larder
