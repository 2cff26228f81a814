// SPDX-License-Identifier: Apache-2.0
#include <arrow/util/cancel.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "larder/query/run.h"
#include "tests/cpp/parquet_testing.h"

namespace larder {
namespace {

using arrow::StatusCode;

std::shared_ptr<arrow::Table> TableIn(const std::shared_ptr<Answer>& answer) {
  auto table = Unwrap(answer->ToTable());
  EXPECT_TRUE(table->ValidateFull().ok());
  EXPECT_EQ(table->num_rows(), answer->stats().rows);
  return table;
}

class RunTest : public testing::Test {
 protected:
  RunTest() {
    source_ = {{root_ / "d"}, true};
    WriteParquet(root_ / "d/a", *TableOf({Int64Field("k"), TimeField("t"), StringField("x")},
                                         {"[1, 2, 1]", "[10, 20, 30]", R"(["a", "b", null])"}));
    WriteParquet(root_ / "d/b", *TableOf({Int64Field("k"), TimeField("t"), Int64Field("y")},
                                         {"[2, 3]", "[40, null]", "[7, 8]"}));
    view_ = {"v", source_, {{"k", "id"}}, "t", {{"x", "v__x"}, {"y", "v__y"}}, {}, {}};
  }

  static std::shared_ptr<arrow::RecordBatchReader> Entities() {
    return Rows({TimeField("time"), StringField("label"), Int64Field("id")},
                {"[25, 45, null, 5, 45]", R"(["p", null, "q", "r", "s"])", "[1, 2, 1, 1, 9]"});
  }

  arrow::Result<std::shared_ptr<Answer>> Ask(const RunOptions& options = {}) const {
    return PointInTime({"time", {view_}, false}, Entities(), options);
  }

  /// A source too large for a small memory limit.
  void WriteManyRows(int64_t rows) {
    arrow::Int64Builder numbers;
    for (int64_t i = 0; i < rows; ++i) EXPECT_TRUE(numbers.Append(i * 7919).ok());
    const auto column = Unwrap(numbers.Finish());
    const auto times = Unwrap(column->View(arrow::timestamp(arrow::TimeUnit::MICRO)));
    const auto schema = arrow::schema({Int64Field("k"), TimeField("t"), Int64Field("x")});
    WriteParquet(root_ / "many/a", *arrow::Table::Make(schema, {column, times, column}),
                 {.row_group_rows = rows / 4});
    many_ = {{root_ / "many"}, true};
  }

  TempDir root_;
  SourceSpec source_;
  SourceSpec many_;
  FeatureViewSpec view_;
};

TEST_F(RunTest, TheEntityRowsThenTheFeatures) {
  const auto expected =
      TableOf({TimeField("time"), StringField("label"), Int64Field("id"), StringField("v__x"),
               Int64Field("v__y")},
              {"[25, 45, null, 5, 45]", R"(["p", null, "q", "r", "s"])", "[1, 2, 1, 1, 9]",
               R"(["a", null, null, null, null])", "[null, 7, null, null, null]"});
  for (const int threads : {1, 4}) {
    const auto table = TableIn(Unwrap(Ask({.threads = threads})));
    EXPECT_TRUE(table->Equals(*expected)) << table->ToString();
  }
}

TEST_F(RunTest, FiguresOfTheRun) {
  view_.ttl_us = 10;
  const auto answer = Unwrap(Ask({.threads = 2, .diagnose_nulls = true}));
  ASSERT_EQ(answer->stats().views.size(), 1U);
  const auto view = answer->stats().views[0];
  EXPECT_EQ(view.name, "v");
  EXPECT_EQ(view.rows_matched, 1);
  EXPECT_EQ(view.rows_expired, 1);
  EXPECT_EQ(view.rows_absent, 3);
  EXPECT_EQ(view.files, 2);
  EXPECT_EQ(view.files_read, 2);
  EXPECT_EQ(view.row_groups, 2);
  EXPECT_EQ(view.rows_scanned, 5);
  EXPECT_GT(view.bytes_read, 0);
  EXPECT_EQ(answer->stats().threads, 2);
  EXPECT_GT(answer->stats().peak_memory_bytes, 0);
}

TEST_F(RunTest, SeveralViewsInTheirOrder) {
  auto second = view_;
  second.name = "w";
  second.join_keys = {};
  second.features = {{"k", "w__k"}};
  const auto answer =
      Unwrap(PointInTime({"time", {second, view_}, false}, Entities(), RunOptions{}));
  const auto table = TableIn(answer);
  EXPECT_EQ(table->schema()->field_names(),
            (std::vector<std::string>{"time", "label", "id", "w__k", "v__x", "v__y"}));
  const auto keys = Unwrap(table->column(3)->GetScalar(1));
  EXPECT_TRUE(keys->Equals(arrow::Int64Scalar(2)));
  EXPECT_EQ(answer->stats().views[0].name, "w");
}

TEST_F(RunTest, ViewsThatDifferInTtlAndFeaturesShareAScan) {
  auto brief = view_;
  brief.name = "brief";
  brief.ttl_us = 10;
  brief.features = {{"x", "brief__x"}};
  auto other = view_;
  other.name = "other";
  other.join_keys = {};
  other.features = {{"k", "other__k"}};
  for (const bool brief_first : {true, false}) {
    const auto& one = brief_first ? brief : view_;
    const auto& two = brief_first ? view_ : brief;
    const auto answer =
        Unwrap(PointInTime({"time", {one, other, two}, false}, Entities(), RunOptions{}));
    const auto table = TableIn(answer);
    const auto expect = [&](const std::string& name, const std::string& json) {
      const auto values = FromJson(table->schema()->GetFieldByName(name)->type(), json);
      EXPECT_TRUE(table->GetColumnByName(name)->Equals(arrow::ChunkedArray(values))) << name;
    };
    expect("brief__x", "[null, null, null, null, null]");
    expect("v__x", R"(["a", null, null, null, null])");
    expect("v__y", "[null, 7, null, null, null]");
    expect("other__k", "[2, 2, null, null, 2]");
    EXPECT_EQ(answer->stats().views[0].rows_scanned, 5);
    EXPECT_EQ(answer->stats().views[1].rows_scanned, 5);
    EXPECT_EQ(answer->stats().views[2].rows_scanned, 0);
  }
}

TEST_F(RunTest, JoinKeysMatchByNameWhateverTheirOrder) {
  WriteParquet(root_ / "e/a", *TableOf({Int64Field("p"), Int64Field("q"), TimeField("t")},
                                       {"[1, 2, 1]", "[2, 1, 1]", "[10, 10, 10]"}));
  const SourceSpec source{{root_ / "e"}, true};
  const auto view = [&](const std::string& name, const std::vector<JoinKeySpec>& keys) {
    return FeatureViewSpec{name, source, keys, "t", {{"p", name + "__p"}}, {}, {}};
  };
  const PointInTimeRequest request{
      "time",
      {view("a", {{"p", "x"}, {"q", "y"}}), view("b", {{"q", "y"}, {"p", "x"}}),
       view("c", {{"p", "y"}, {"q", "x"}}), view("d", {{"p", "x"}, {"q", "x"}})},
      false};
  const auto entities =
      Rows({Int64Field("x"), Int64Field("y"), TimeField("time")}, {"[1, 2]", "[2, 9]", "[20, 20]"});
  const auto table = TableIn(Unwrap(PointInTime(request, entities, RunOptions{})));
  const auto column = [&](int index) { return table->column(index)->chunk(0); };
  EXPECT_TRUE(column(3)->Equals(FromJson(arrow::int64(), "[1, null]")));
  EXPECT_TRUE(column(4)->Equals(FromJson(arrow::int64(), "[1, null]")));
  EXPECT_TRUE(column(5)->Equals(FromJson(arrow::int64(), "[2, null]")));
  EXPECT_TRUE(column(6)->Equals(FromJson(arrow::int64(), "[1, null]")));
}

TEST_F(RunTest, NoEntityRowsAreAnAnswerWithoutRows) {
  const auto none = Rows({TimeField("time"), Int64Field("id")}, {"[]", "[]"});
  const auto table = TableIn(Unwrap(PointInTime({"time", {view_}, false}, none, RunOptions{})));
  EXPECT_EQ(table->num_rows(), 0);
  EXPECT_EQ(table->num_columns(), 4);
}

TEST_F(RunTest, NoViewsGiveTheEntityRowsBack) {
  const auto table = TableIn(Unwrap(PointInTime({"time", {}, false}, Entities(), RunOptions{})));
  EXPECT_TRUE(table->Equals(*Unwrap(Entities()->ToTable())));
}

TEST_F(RunTest, ViewsWithoutCreatedAreNotAffectedByTheFilter) {
  const auto answer = Unwrap(PointInTime({"time", {view_}, true}, Entities(), RunOptions{}));
  EXPECT_EQ(answer->stats().views[0].rows_matched, 2);
}

TEST_F(RunTest, TheFilterByCreatedCountsForViewsThatHaveIt) {
  WriteParquet(root_ / "e/a", *TableOf({Int64Field("k"), TimeField("t"), TimeField("c")},
                                       {"[1, 1]", "[10, 20]", "[10, 30]"}));
  view_ = {"v", {{root_ / "e"}, true}, {{"k", "id"}}, "t", {{"c", "v__c"}}, "c", {}};
  const auto created_at = [&](bool filter) {
    const auto answer = Unwrap(PointInTime({"time", {view_}, filter}, Entities(), RunOptions{}));
    return Unwrap(TableIn(answer)->column(3)->GetScalar(0))->ToString();
  };
  EXPECT_EQ(created_at(true), "1970-01-01 00:00:00.000010");
  EXPECT_EQ(created_at(false), "1970-01-01 00:00:00.000030");
}

TEST_F(RunTest, LatestRowsInTheColumnsAskedFor) {
  const auto answer = Unwrap(Latest({source_, {"k"}, {"x", "k"}, "t", {}, {}, {}}, {}));
  const auto expected = TableOf({StringField("x"), Int64Field("k")}, {"[null, null]", "[1, 2]"});
  EXPECT_TRUE(TableIn(answer)->Equals(*expected));
  EXPECT_EQ(answer->stats().views[0].rows_matched, 2);
}

TEST_F(RunTest, RangeOfAllColumns) {
  const auto answer = Unwrap(Range({source_, {}, "t", 20, 30}, {}));
  const auto expected =
      TableOf({Int64Field("k"), TimeField("t"), StringField("x"), Int64Field("y")},
              {"[2, 1]", "[20, 30]", R"(["b", null])", "[null, null]"});
  EXPECT_TRUE(TableIn(answer)->Equals(*expected));
}

TEST_F(RunTest, TheSchemaOfASource) {
  EXPECT_EQ(Unwrap(SourceSchema(source_))->ToString(),
            "k: int64\nt: timestamp[us]\nx: string\ny: int64");
}

TEST_F(RunTest, AStopEndsEachRun) {
  arrow::StopSource stop;
  stop.RequestStop();
  RunOptions options;
  options.stop = stop.token();
  EXPECT_TRUE(Ask(options).status().IsCancelled()) << Ask(options).status();
  EXPECT_TRUE(Latest({source_, {"k"}, {"x"}, "t", {}, {}, {}}, options).status().IsCancelled());
  EXPECT_TRUE(Range({source_, {}, "t", {}, {}}, options).status().IsCancelled());
}

/// Asks to stop while the entity rows are read, and counts how many batches were taken.
class StoppingReader : public arrow::RecordBatchReader {
 public:
  StoppingReader(const std::shared_ptr<arrow::RecordBatchReader>& rows, arrow::StopSource* stop)
      : schema_(rows->schema()), batch_(Unwrap(rows->Next())), stop_(stop) {}
  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }
  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    *batch = batch_;
    if (++batches_ == 3) stop_->RequestStop();
    return arrow::Status::OK();
  }
  int batches() const { return batches_; }

 private:
  std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  arrow::StopSource* stop_;
  int batches_ = 0;
};

TEST_F(RunTest, AStopEndsTheReadingOfEndlessEntityRows) {
  arrow::StopSource stop;
  RunOptions options;
  options.stop = stop.token();
  const auto reader = std::make_shared<StoppingReader>(Entities(), &stop);
  const auto status = PointInTime({"time", {view_}, false}, reader, options).status();
  EXPECT_TRUE(status.IsCancelled()) << status;
  EXPECT_EQ(reader->batches(), 3);
}

TEST_F(RunTest, ATooSmallMemoryLimitNamesItselfAndALaterRunWorks) {
  WriteManyRows(40'000);
  const LatestRequest latest{many_, {"k"}, {"x"}, "t", {}, {}, {}};
  const RangeRequest range{many_, {}, "t", 1, {}};
  for (const int threads : {1, 4}) {
    const RunOptions small{.threads = threads, .memory_limit = 300'000};
    ExpectError(Latest(latest, small).status(), StatusCode::OutOfMemory, {"memory_limit"});
    ExpectError(Range(range, small).status(), StatusCode::OutOfMemory, {"memory_limit"});
    const RunOptions large{.threads = threads, .memory_limit = int64_t{1} << 30};
    EXPECT_EQ(TableIn(Unwrap(Latest(latest, large)))->num_rows(), 40'000);
    EXPECT_EQ(TableIn(Unwrap(Range(range, large)))->num_rows(), 39'999);
  }
}

TEST_F(RunTest, ATooSmallMemoryLimitOfAJoin) {
  WriteManyRows(40'000);
  const FeatureViewSpec view{"v", many_, {{"k", "k"}}, "t", {{"x", "v__x"}}, {}, {}};
  const auto entities = [&] {
    return Unwrap(Range({many_, {{"k", "t"}}, "t", {}, {}}, RunOptions{}));
  };
  for (const int64_t limit : {1, 1000, 20'000}) {
    const auto answer =
        PointInTime({"t", {view}, false}, entities(), {.threads = 2, .memory_limit = limit});
    ExpectError(answer.status(), StatusCode::OutOfMemory, {"memory_limit"});
  }
  const auto answer = Unwrap(PointInTime({"t", {view}, false}, entities(), RunOptions{}));
  EXPECT_EQ(answer->stats().views[0].rows_matched, 40'000);
}

TEST_F(RunTest, AnAnswerOutlivesItsRunAndLeavesNothing) {
  const int64_t before = arrow::system_memory_pool()->bytes_allocated();
  {
    const auto answer = Unwrap(Ask());
    std::filesystem::remove_all(root_ / "d");
    EXPECT_EQ(TableIn(answer)->num_rows(), 5);
  }
  EXPECT_FALSE(Ask().ok());
  EXPECT_EQ(arrow::system_memory_pool()->bytes_allocated(), before);
}

TEST_F(RunTest, BrokenPagesAreAnErrorOfEachQuestion) {
  WriteManyRows(1000);
  BreakPages(root_ / "many/a");
  for (const int threads : {1, 4}) {
    const RunOptions options{.threads = threads};
    ExpectError(Latest({many_, {"k"}, {"x"}, "t", {}, {}, {}}, options).status(),
                StatusCode::IOError, {root_ / "many/a"});
    ExpectError(Range({many_, {}, "t", {}, {}}, options).status(), StatusCode::IOError,
                {root_ / "many/a"});
  }
}

}  // namespace
}  // namespace larder
