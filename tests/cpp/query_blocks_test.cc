// SPDX-License-Identifier: Apache-2.0
#include <arrow/builder.h>
#include <arrow/util/byte_size.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "larder/query/run.h"
#include "tests/cpp/parquet_testing.h"

namespace larder {
namespace {

using arrow::StatusCode;

constexpr int64_t kRows = 30'000;
constexpr int64_t kKeys = 1'000;

/// Answers that are computed in blocks, beside the same ones in one block.
class BlocksTest : public testing::Test {
 protected:
  BlocksTest() {
    arrow::Int64Builder keys;
    arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::MICRO),
                                  arrow::default_memory_pool());
    arrow::DoubleBuilder values;
    arrow::StringBuilder names;
    for (int64_t i = 0; i < kRows; ++i) {
      Append(&keys, i * 7 % kKeys);
      Append(&times, i * 13 % 5'000);
      Append(&values, 0.5 * static_cast<double>(i));
      Append(&names, "row " + std::to_string(i) + std::string(static_cast<size_t>(i % 90), '.'));
    }
    const auto table =
        arrow::Table::Make(arrow::schema({Int64Field("k"), TimeField("t"),
                                          arrow::field("x", arrow::float64()), StringField("s")}),
                           {Unwrap(keys.Finish()), Unwrap(times.Finish()), Unwrap(values.Finish()),
                            Unwrap(names.Finish())});
    WriteParquet(root_ / "d/a", *table->Slice(0, kRows / 2), {.row_group_rows = 4'000});
    WriteParquet(root_ / "d/b", *table->Slice(kRows / 2), {.row_group_rows = 4'000});
  }

  template <typename Builder, typename Value>
  static void Append(Builder* builder, const Value& value) {
    if (!builder->Append(value).ok()) throw std::runtime_error("no memory");
  }

  /// The keys and times of the source, so that entity rows come in several batches, too.
  std::shared_ptr<arrow::RecordBatchReader> EntityRows() const {
    return Unwrap(Range({source_, {{"k", "t"}}, "t", {}, {}}, {.batch_rows = 900}));
  }

  std::shared_ptr<Answer> Join(const RunOptions& options) const {
    const FeatureViewSpec view{"v", source_, {{"k", "k"}}, "t", {{"x", "x"}, {"s", "s"}}, {}, 300};
    const FeatureViewSpec keyless{"w", source_, {}, "t", {{"k", "newest"}}, {}, {}};
    return Unwrap(PointInTime({"t", {view, keyless}, false}, EntityRows(), options));
  }

  std::vector<std::shared_ptr<Answer>> AskAll(const RunOptions& options) const {
    return {Join(options),
            Unwrap(Latest({source_, {"k"}, {"s", "x", "k"}, "t", {}, 100, 4'000}, options)),
            Unwrap(Range({source_, {}, "t", 100, 4'000}, options))};
  }

  TempDir root_;
  const SourceSpec source_{{root_ / "d"}, true};
};

TEST_F(BlocksTest, GiveTheAnswerOfASingleBlock) {
  const auto whole = AskAll({.threads = 2});
  std::vector<std::shared_ptr<arrow::Table>> expected;
  for (const auto& answer : whole) {
    expected.push_back(Unwrap(answer->ToTable()));
    EXPECT_GT(expected.back()->num_rows(), 0);
  }
  for (const int64_t rows : {97, 1'000, 29'999, 30'000}) {
    const auto answers = AskAll({.threads = 2, .rows_in_memory = rows});
    for (size_t i = 0; i < answers.size(); ++i) {
      const auto table = Unwrap(answers[i]->ToTable());
      ASSERT_TRUE(table->ValidateFull().ok());
      EXPECT_TRUE(table->Equals(*expected[i])) << "question " << i << ", blocks of " << rows;
      const RunStats stats = answers[i]->stats();
      const RunStats once = whole[i]->stats();
      EXPECT_EQ(stats.rows, once.rows);
      for (size_t v = 0; v < once.views.size(); ++v) {
        EXPECT_EQ(stats.views[v].rows_matched, once.views[v].rows_matched);
        EXPECT_EQ(stats.views[v].rows_absent + stats.views[v].rows_expired,
                  once.views[v].rows_absent + once.views[v].rows_expired);
        EXPECT_EQ(stats.views[v].files_read, once.views[v].files_read);
        EXPECT_EQ(stats.views[v].row_groups_read, once.views[v].row_groups_read);
      }
    }
  }
}

TEST_F(BlocksTest, AreComputedAsTheyAreRead) {
  for (const auto& answer : AskAll({.threads = 2, .rows_in_memory = 4'000})) {
    const int64_t first = answer->stats().rows;
    EXPECT_TRUE(answer->is_prepared());
    const auto table = Unwrap(answer->ToTable());
    EXPECT_EQ(answer->stats().rows, table->num_rows());
    EXPECT_TRUE(first < table->num_rows() || table->num_rows() <= 4'000);
  }
}

/// The limit is a fraction of the answer; what was handed out is the caller's and may stay.
TEST_F(BlocksTest, StayWithinTheMemoryLimit) {
  const auto expected = AskAll({.threads = 2});
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto whole = Unwrap(expected[i]->ToTable());
    // Latest rows are found in one piece, whatever their number.
    if (i == 1) continue;
    constexpr int64_t kLimit = 1'500'000;
    const auto answer = AskAll({.threads = 1, .memory_limit = kLimit, .batch_rows = 1'000})[i];
    const auto table = Unwrap(answer->ToTable());
    EXPECT_TRUE(table->Equals(*whole));
    EXPECT_GT(arrow::util::TotalBufferSize(*table), kLimit);
    EXPECT_LE(answer->stats().peak_memory_bytes, kLimit);
  }
}

/// Estimates know nothing of a column with a single huge value.
TEST_F(BlocksTest, AreCutInHalvesWhereAnEstimateIsTooLow) {
  arrow::Int64Builder keys;
  arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::MICRO),
                                arrow::default_memory_pool());
  arrow::StringBuilder names;
  for (int64_t i = 0; i < 2'000; ++i) {
    Append(&keys, i);
    Append(&times, i);
    // One value in the dictionary of the file, and in every row of the answer.
    Append(&names, std::string(2'000, 'x'));
  }
  const auto schema = arrow::schema({Int64Field("k"), TimeField("t"), StringField("s")});
  WriteParquet(root_ / "huge/a",
               *arrow::Table::Make(schema, {Unwrap(keys.Finish()), Unwrap(times.Finish()),
                                            Unwrap(names.Finish())}));
  const SourceSpec huge{{root_ / "huge"}, true};
  const FeatureViewSpec view{"v", huge, {{"k", "k"}}, "t", {{"s", "s"}}, {}, {}};
  const auto entities = [&] {
    return Unwrap(Range({huge, {{"k", "t"}}, "t", {}, {}}, RunOptions{}));
  };
  const auto ask = [&](int64_t limit) {
    return PointInTime({"t", {view}, false}, entities(),
                       {.threads = 1, .memory_limit = limit, .batch_rows = 50});
  };
  const auto whole = Unwrap(Unwrap(ask(0))->ToTable());
  const auto answer = Unwrap(ask(3'000'000));
  EXPECT_TRUE(Unwrap(answer->ToTable())->Equals(*whole));
  EXPECT_EQ(answer->stats().views[0].rows_matched, 2'000);
  EXPECT_LE(answer->stats().peak_memory_bytes, 3'000'000);
  ExpectError(ask(20'000).status(), StatusCode::OutOfMemory, {"memory_limit"});
}

TEST_F(BlocksTest, PlanWhatOneBlockWould) {
  const auto plan = [&](int64_t rows) {
    const auto answer = Join({.rows_in_memory = rows, .plan_only = true});
    EXPECT_EQ(Unwrap(answer->ToTable())->num_rows(), 0);
    return answer->stats();
  };
  const RunStats whole = plan(0);
  const RunStats blocks = plan(500);
  ASSERT_EQ(whole.views.size(), 2U);
  for (size_t v = 0; v < 2; ++v) {
    EXPECT_GT(whole.views[v].bytes_read, 0);
    EXPECT_EQ(blocks.views[v].bytes_read, whole.views[v].bytes_read);
    EXPECT_EQ(blocks.views[v].row_groups_read, whole.views[v].row_groups_read);
  }
}

TEST_F(BlocksTest, AnErrorOfALaterBlockComesAgain) {
  arrow::StopSource stop;
  for (const auto& answer : AskAll({.rows_in_memory = 500})) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ASSERT_TRUE(answer->ReadNext(&batch).ok());
    stop.RequestStop();
    answer->set_stop(stop.token());
    const auto rest = answer->ToTable();
    EXPECT_TRUE(rest.status().IsCancelled()) << rest.status();
    EXPECT_TRUE(answer->ReadNext(&batch).IsCancelled());
    EXPECT_EQ(batch, nullptr);
  }
}

TEST_F(BlocksTest, NoEntityRowsAreAnAnswerOfNoRows) {
  const FeatureViewSpec view{"v", source_, {{"k", "k"}}, "t", {{"x", "x"}}, {}, {}};
  const auto none =
      Unwrap(arrow::RecordBatchReader::Make({}, arrow::schema({Int64Field("k"), TimeField("t")})));
  const auto answer = Unwrap(PointInTime({"t", {view}, false}, none, RunOptions{}));
  EXPECT_EQ(Unwrap(answer->ToTable())->num_rows(), 0);
  EXPECT_EQ(answer->schema()->num_fields(), 3);
  EXPECT_EQ(answer->stats().views.size(), 1U);
}

TEST_F(BlocksTest, OptionsThatMakeNoSense) {
  const RangeRequest range{source_, {}, "t", {}, {}};
  ExpectError(Range(range, {.rows_in_memory = -1}).status(), StatusCode::Invalid,
              {"rows_in_memory"});
  ExpectError(Range(range, {.spill_directory = root_ / "none"}).status(), StatusCode::Invalid,
              {"spill_directory", root_ / "none"});
}

}  // namespace
}  // namespace larder
