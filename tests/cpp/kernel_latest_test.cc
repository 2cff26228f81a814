// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "larder/kernel/latest.h"
#include "tests/cpp/kernel_testing.h"

namespace larder {
namespace {

using arrow::TimeUnit;
using Addresses = std::vector<uint64_t>;

class LatestTest : public SourceTest {
 protected:
  LatestTest() {
    scan_.join_keys = {"k"};
    scan_.event_timestamp = "t";
  }

  Addresses FindOnce(const RunContext& context) {
    ReadCounters counters(*scan_.dataset);
    std::atomic<int64_t> scanned{0};
    const auto found =
        Unwrap(FindLatest(scan_, context, &counters, &scanned)).From(0, 1 << 20, context.pool);
    rows_scanned_ = scanned.load();
    return {found.begin(), found.end()};
  }

  /// The same with every setting.
  Addresses Find() {
    scan_.dataset = Open();
    const Addresses expected = FindOnce(RunContext{});
    for (const auto& context : AllContexts()) EXPECT_EQ(FindOnce(context), expected);
    return expected;
  }

  void AddRows(const std::string& name, const std::string& keys, const std::string& events,
               const std::string& created, const FileLayout& layout = {}) {
    AddFile(name, {Int64Field("k"), TimeField("t"), TimeField("c")}, {keys, events, created},
            layout);
  }

  /// By FindOnce() without special settings, on one thread.
  int64_t RowsScanned() {
    FindOnce(RunContext{});
    return rows_scanned_;
  }

  LatestScan scan_;
  int64_t rows_scanned_ = 0;
};

TEST_F(LatestTest, TheNewestRowOfEachKey) {
  AddRows("a", "[1, 2, 1, 3]", "[30, 10, 20, 5]", "[1, 1, 1, 1]");
  AddRows("b", "[2, 1]", "[11, 29]", "[1, 1]");
  EXPECT_EQ(Find(), (Addresses{0, 3, 4}));
}

TEST_F(LatestTest, TiesGoToCreatedThenToTheLaterRow) {
  AddRows("a", "[1, 1, 1, 2, 2, 3, 3]", "[9, 9, 9, 9, 9, 9, 9]",
          "[1, 3, 2, null, -9223372036854775808, null, null]", {.row_group_rows = 2});
  scan_.created_timestamp = "c";
  EXPECT_EQ(Find(), (Addresses{1, 4, 6}));
  scan_.created_timestamp.reset();
  EXPECT_EQ(Find(), (Addresses{2, 4, 6}));
}

TEST_F(LatestTest, KeysFarFromEachOtherAndThoseThatNoStatisticsTellOf) {
  AddRows("a", "[5, 7, -3, 7]", "[1, 2, 3, 4]", "[1, 1, 1, 1]");
  AddRows("b", "[6, 900, -4, 7]", "[9, 5, 5, 3]", "[1, 1, 1, 1]", {.statistics = false});
  EXPECT_EQ(Find(), (Addresses{0, 2, 3, 4, 5, 6}));
  AddRows("c", "[9223372036854775807, -9223372036854775808, 6]", "[1, 1, 10]", "[1, 1, 1]");
  EXPECT_EQ(Find(), (Addresses{0, 2, 3, 5, 6, 8, 9, 10}));
}

TEST_F(LatestTest, RowsWithANullKeyOrTimeDoNotCount) {
  AddRows("a", "[null, 1, 1, 2]", "[99, 5, null, null]", "[1, 1, 1, 1]");
  EXPECT_EQ(Find(), Addresses{1});
}

TEST_F(LatestTest, WithoutKeysThereIsOneRow) {
  AddRows("a", "[1, null, 3, 4]", "[5, 9, 9, null]", "[1, 2, 1, 3]");
  scan_.join_keys = {};
  EXPECT_EQ(Find(), Addresses{2});
  scan_.created_timestamp = "c";
  EXPECT_EQ(Find(), Addresses{1});
}

TEST_F(LatestTest, WithoutRowsThereIsNone) {
  AddRows("a", "[]", "[]", "[]");
  EXPECT_EQ(Find(), Addresses{});
  scan_.join_keys = {};
  EXPECT_EQ(Find(), Addresses{});
}

TEST_F(LatestTest, TheRangeIsInclusive) {
  AddRows("a", "[1, 1, 1, 1]", "[10, 20, 30, 40]", "[1, 1, 1, 1]", {.row_group_rows = 1});
  scan_.range = {20, 30};
  EXPECT_EQ(Find(), Addresses{2});
  scan_.range = {21, 29};
  EXPECT_EQ(Find(), Addresses{});
  scan_.range = {std::nullopt, 29};
  EXPECT_EQ(Find(), Addresses{1});
  scan_.range = {40, std::nullopt};
  EXPECT_EQ(Find(), Addresses{3});
  scan_.range = {41, std::nullopt};
  EXPECT_EQ(Find(), Addresses{});
  scan_.range = {30, 20};
  EXPECT_EQ(Find(), Addresses{});
}

TEST_F(LatestTest, CompositeKeys) {
  AddFile("a", {StringField("a"), StringField("b"), TimeField("t")},
          {R"(["x", "xy", "x", "x", null])", R"(["yz", "z", "yz", null, "z"])", "[1, 1, 2, 9, 9]"});
  scan_.join_keys = {"b", "a"};
  EXPECT_EQ(Find(), (Addresses{1, 2}));
}

TEST_F(LatestTest, KeysCompareByValueAcrossFiles) {
  AddFile("a", {arrow::field("k", arrow::int8()), TimeField("t")}, {"[1, 2]", "[10, 10]"});
  AddFile("b", {arrow::field("k", arrow::float32()), TimeField("t")},
          {"[2, 0.5, NaN, -0.0]", "[20, 10, 10, 10]"});
  AddFile("c", {Int64Field("k"), TimeField("t")}, {"[0]", "[11]"});
  EXPECT_EQ(Find(), (Addresses{0, 2, 3, 6}));
}

TEST_F(LatestTest, PartitionsAndDictionariesAreKeys) {
  const arrow::FieldVector fields{StringField("s"), TimeField("t")};
  AddFile("k=1/f", fields, {R"(["a", "b", "a", null])", "[1, 1, 2, 9]"}, {.row_group_rows = 2});
  AddFile("k=2/f", fields, {R"(["a", "a"])", "[5, 1]"}, {.dictionaries = false});
  AddFile("k=__HIVE_DEFAULT_PARTITION__/f", fields, {R"(["a"])", "[99]"});
  scan_.join_keys = {"s"};
  EXPECT_EQ(Find(), (Addresses{1, 6}));
  scan_.join_keys = {"k", "s"};
  EXPECT_EQ(Find(), (Addresses{1, 2, 4}));
  scan_.join_keys = {"k"};
  EXPECT_EQ(Find(), (Addresses{3, 4}));
}

TEST_F(LatestTest, UnitsOfFilesCompareByInstant) {
  AddFile("a", {Int64Field("k"), TimeField("t", TimeUnit::MILLI)}, {"[1, 2]", "[2, 1]"});
  AddFile("b", {Int64Field("k"), TimeField("t", TimeUnit::NANO)}, {"[1, 2]", "[1999999, 1000001]"});
  EXPECT_EQ(Find(), (Addresses{0, 3}));
}

TEST_F(LatestTest, ManyKeysInAllShards) {
  std::string keys = "[0";
  std::string events = "[0";
  constexpr int kKeys = 3000;
  for (int i = 1; i < 2 * kKeys; ++i) {
    keys += ", " + std::to_string(i % kKeys * 7919);
    events += ", " + std::to_string(i);
  }
  AddFile("a", {Int64Field("k"), TimeField("t")}, {keys + "]", events + "]"},
          {.row_group_rows = 1000});
  scan_.dataset = Open();
  Addresses expected;
  for (uint64_t i = 0; i < kKeys; ++i) expected.push_back(kKeys + i);
  for (const int threads : {1, 4}) {
    RunContext context;
    context.threads = threads;
    context.batch_rows = 128;
    EXPECT_EQ(FindOnce(context), expected);
  }
}

TEST_F(LatestTest, RowsOlderThanThoseOfEveryKeyAreNotRead) {
  AddRows("a", "[3, 2, 1]", "[30, 21, 20]", "[1, 1, 1]");  // The newest file comes first.
  AddRows("b", "[1, 2, 3, 1]", "[19, 1, 2, 3]", "[1, 1, 1, 1]");
  AddRows("c", "[1, 2, null]", "[1, 2, 3]", "[1, 1, 1]");
  EXPECT_EQ(Find(), (Addresses{0, 1, 2}));
  EXPECT_EQ(RowsScanned(), 3);
  // Rows as old as one that is held may win.
  AddRows("d", "[1, 2]", "[20, 20]", "[1, 1]");
  EXPECT_EQ(Find(), (Addresses{0, 1, 10}));
  EXPECT_EQ(RowsScanned(), 5);
  // Without statistics of times a file may have newer rows, without those of keys any key.
  AddRows("e", "[1]", "[2]", "[1]", {.statistics = false});
  EXPECT_EQ(Find(), (Addresses{0, 1, 10}));
  EXPECT_EQ(RowsScanned(), 6);
  // A key that only old rows have.
  AddRows("f", "[4, 5]", "[1, 1]", "[1, 1]");
  EXPECT_EQ(Find(), (Addresses{0, 1, 10, 13, 14}));
  EXPECT_EQ(RowsScanned(), 15);
}

TEST_F(LatestTest, RowsOfTheRangeAloneMakeOlderOnesNeedless) {
  AddRows("a", "[1, 2]", "[5, 5]", "[1, 1]");
  AddRows("b", "[1, 2, 1, 2]", "[8, 8, 20, 20]", "[1, 1, 1, 1]");
  AddRows("c", "[1, 2]", "[30, 30]", "[1, 1]");
  scan_.range.end_us = 10;
  EXPECT_EQ(Find(), (Addresses{2, 3}));
  EXPECT_EQ(RowsScanned(), 4);
  scan_.range.end_us = 7;
  EXPECT_EQ(Find(), (Addresses{0, 1}));
}

TEST_F(LatestTest, AKeyThatIsNoneNamesColumnAndSource) {
  AddFile("a", {arrow::field("k", arrow::list(arrow::int8())), TimeField("t")}, {"[[1]]", "[1]"});
  scan_.dataset = Open();
  ReadCounters counters(*scan_.dataset);
  std::atomic<int64_t> scanned{0};
  ExpectError(FindLatest(scan_, RunContext{}, &counters, &scanned).status(),
              arrow::StatusCode::TypeError, {"'k'", root_.path()});
}

}  // namespace
}  // namespace larder
