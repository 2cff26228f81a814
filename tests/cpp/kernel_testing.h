// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "larder/kernel/latest.h"
#include "larder/kernel/point_in_time.h"
#include "tests/cpp/parquet_testing.h"

namespace larder {

/// Stands for no row where an address is expected.
inline constexpr int64_t kNone = -1;

/// Settings that never change an answer.
inline std::vector<RunContext> AllContexts() {
  std::vector<RunContext> contexts;
  for (const int threads : {1, 3}) {
    for (const int64_t batch_rows : {1, 3, 65536}) {
      for (const int key_hash_bits : {0, 8, 64}) {
        RunContext context;
        context.threads = threads;
        context.batch_rows = batch_rows;
        context.key_hash_bits = key_hash_bits;
        contexts.push_back(context);
        context.rows_in_memory = 2;
        contexts.push_back(context);
      }
    }
  }
  return contexts;
}

/// A source of a few files, as a folder.
class SourceTest : public testing::Test {
 protected:
  void AddFile(const std::string& name, const arrow::FieldVector& fields,
               const std::vector<std::string>& columns, const FileLayout& layout = {}) {
    WriteParquet(root_ / name, *TableOf(fields, columns), layout);
  }
  std::shared_ptr<const Dataset> Open() const { return OpenDataset({root_.path()}); }

  TempDir root_;
};

/// Joins of entity rows with the columns "k" and "t" to a source with "k", "t" and, if
/// view_.created_timestamp says so, "c".
class PointInTimeTest : public SourceTest {
 protected:
  struct Outcome {
    std::vector<int64_t> winners;  ///< The address for each entity row, or kNone.
    int64_t expired = 0;
    int64_t absent = 0;
    bool operator==(const Outcome&) const = default;
  };

  PointInTimeTest() {
    view_.join_keys = {"k"};
    view_.event_timestamp = "t";
  }

  Outcome JoinOnce(const arrow::Table& entities, const RunContext& context, bool prune_by_ttl) {
    const auto timeline = Unwrap(Timeline::Build(entities, entity_keys_, "t", context));
    CandidateTable candidates(timeline->positions(), view_.created_timestamp.has_value(),
                              context.threads > 1, context.pool);
    ReadCounters counters(*view_.dataset);
    std::atomic<int64_t> scanned{0};
    const auto status =
        ScanCandidates(view_, *timeline, prune_by_ttl, context, &counters, &scanned, &candidates);
    if (!status.ok()) throw std::runtime_error(status.ToString());
    const auto winners = Unwrap(Settle(view_, *timeline, candidates, context));
    const auto& choice = *winners.places.choice;
    Outcome outcome{{}, winners.rows_expired, winners.rows_absent};
    for (int64_t i = 0; i < choice.length(); ++i) {
      outcome.winners.push_back(
          choice.IsNull(i) ? kNone : static_cast<int64_t>(winners.addresses[choice.Value(i)]));
    }
    EXPECT_EQ(winners.rows_matched + winners.rows_expired + winners.rows_absent, choice.length());
    return outcome;
  }

  /// The same with every setting. Without pruning, so that expired rows are told from absent ones.
  Outcome Join(const arrow::FieldVector& fields, const std::vector<std::string>& columns) {
    const auto entities = TableOf(fields, columns);
    view_.dataset = Open();
    const Outcome expected = JoinOnce(*entities, RunContext{}, /*prune_by_ttl=*/false);
    for (const auto& context : AllContexts()) {
      EXPECT_EQ(JoinOnce(*entities, context, false), expected) << "threads " << context.threads;
      EXPECT_EQ(JoinOnce(*entities, context, true).winners, expected.winners);
    }
    return expected;
  }

  /// Of entity rows with the key 1.
  std::vector<int64_t> WinnersAt(const std::string& times,
                                 arrow::TimeUnit::type unit = arrow::TimeUnit::MICRO) {
    const auto count = FromJson(arrow::timestamp(unit), times)->length();
    std::string keys;
    for (int64_t i = 0; i < count; ++i) keys += keys.empty() ? "[1" : ", 1";
    return Join({Int64Field("k"), TimeField("t", unit)}, {keys + "]", times}).winners;
  }

  PointInTimeView view_;
  std::vector<std::string> entity_keys_{"k"};
};

}  // namespace larder
