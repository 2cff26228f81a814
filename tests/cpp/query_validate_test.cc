// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "larder/query/run.h"
#include "tests/cpp/parquet_testing.h"

// Requests that cannot be answered, and what their errors name.

namespace larder {
namespace {

using arrow::StatusCode;

class ValidationTest : public testing::Test {
 protected:
  ValidationTest() {
    source_ = {{root_ / "d"}, true};
    WriteSource("a", {Int64Field("k"), TimeField("t"), TimeField("c"), Int64Field("x")},
                {"[1]", "[10]", "[10]", "[5]"});
    view_ = {"hourly", source_, {{"k", "id"}}, "t", {{"x", "hourly__x"}}, "c", 60};
  }

  void WriteSource(const std::string& name, const arrow::FieldVector& fields,
                   const std::vector<std::string>& columns) {
    WriteParquet(root_ / ("d/" + name), *TableOf(fields, columns));
  }

  arrow::Status Ask(const arrow::FieldVector& entity_fields = {Int64Field("id"), TimeField("time")},
                    const std::vector<std::string>& entity_columns = {"[1]", "[20]"}) {
    const PointInTimeRequest request{"time", {view_}, false};
    return PointInTime(request, Rows(entity_fields, entity_columns), options_).status();
  }

  arrow::Status AskLatest(const std::vector<std::string>& keys,
                          const std::vector<std::string>& columns, const std::string& event = "t",
                          const std::optional<std::string>& created = std::nullopt) {
    return Latest({source_, keys, columns, event, created, {}, {}}, options_).status();
  }

  TempDir root_;
  SourceSpec source_;
  FeatureViewSpec view_;
  RunOptions options_;
};

TEST_F(ValidationTest, AGoodRequestIsAnswered) {
  EXPECT_TRUE(Ask().ok()) << Ask();
  EXPECT_TRUE(AskLatest({"k"}, {"x"}).ok());
}

TEST_F(ValidationTest, OptionsAreNamed) {
  const auto expect = [&](const RunOptions& options, const std::string& name) {
    options_ = options;
    ExpectError(Ask(), StatusCode::Invalid, {name});
    ExpectError(AskLatest({"k"}, {"x"}), StatusCode::Invalid, {name});
    ExpectError(Range({source_, {}, "t", {}, {}}, options).status(), StatusCode::Invalid, {name});
  };
  expect({.threads = -1}, "threads");
  expect({.memory_limit = -1}, "memory_limit");
  expect({.batch_rows = 0}, "batch_rows");
  expect({.key_hash_bits = 65}, "key_hash_bits");
  expect({.key_hash_bits = -1}, "key_hash_bits");
}

TEST_F(ValidationTest, EntityColumnsThatAreNotThere) {
  ExpectError(Ask({Int64Field("id"), TimeField("when")}), StatusCode::Invalid,
              {"entity rows", "'time'", "event timestamp", "id, when"});
  ExpectError(Ask({Int64Field("key"), TimeField("time")}), StatusCode::Invalid,
              {"entity rows", "'id'", "join key", "key, time"});
}

TEST_F(ValidationTest, EntityColumnsThatAreThereTwice) {
  ExpectError(Ask({Int64Field("id"), Int64Field("id"), TimeField("time")}, {"[1]", "[1]", "[1]"}),
              StatusCode::Invalid, {"entity rows", "'id'", "several"});
}

TEST_F(ValidationTest, AnEventTimestampThatIsNoTime) {
  ExpectError(Ask({Int64Field("id"), Int64Field("time")}), StatusCode::TypeError,
              {"entity rows", "'time'", "int64"});
  view_.event_timestamp = "x";
  ExpectError(Ask(), StatusCode::TypeError, {"'x'", "event timestamp", "int64", root_.path()});
  view_.event_timestamp = "t";
  view_.created_timestamp = "x";
  ExpectError(Ask(), StatusCode::TypeError, {"'x'", "created timestamp", "int64"});
}

TEST_F(ValidationTest, SourceColumnsThatAreNotThere) {
  const auto expect = [&](const std::string& purpose) {
    ExpectError(Ask(), StatusCode::Invalid, {root_ / "d", "'none'", purpose, "k, t, c, x"});
  };
  view_.features = {{"none", "n"}};
  expect("feature");
  view_.features = {};
  view_.created_timestamp = "none";
  expect("created timestamp");
  view_.event_timestamp = "none";
  expect("event timestamp");
  view_.join_keys = {{"none", "id"}};
  expect("join key");
}

TEST_F(ValidationTest, KeysAndEventTimesAreInEveryFile) {
  WriteSource("b", {TimeField("t")}, {"[1]"});
  ExpectError(Ask(), StatusCode::Invalid, {root_ / "d/b", "'k'"});
  ExpectError(AskLatest({"k"}, {"x"}), StatusCode::Invalid, {root_ / "d/b", "'k'"});
  WriteSource("b", {Int64Field("k")}, {"[1]"});
  ExpectError(Ask(), StatusCode::Invalid, {root_ / "d/b", "'t'"});
  ExpectError(AskLatest({"k"}, {"x"}), StatusCode::Invalid, {root_ / "d/b", "'t'"});
  ExpectError(Range({source_, {}, "t", {}, {}}, options_).status(), StatusCode::Invalid,
              {root_ / "d/b", "'t'"});
  WriteSource("b", {Int64Field("k"), TimeField("t")}, {"[1]", "[1]"});
  EXPECT_TRUE(Ask().ok()) << Ask();
}

TEST_F(ValidationTest, JoinKeysThatCannotBeComparedNameBothSides) {
  ExpectError(Ask({StringField("id"), TimeField("time")}, {R"(["1"])", "[1]"}),
              StatusCode::TypeError, {"hourly", "'id'", "string", "'k'", "int64", root_ / "d"});
  ExpectError(
      Ask({arrow::field("id", arrow::list(arrow::int8())), TimeField("time")}, {"[[1]]", "[1]"}),
      StatusCode::TypeError, {"entity rows", "'id'", "list"});
}

TEST_F(ValidationTest, TwoOutputColumnsOfOneName) {
  view_.features = {{"x", "id"}};
  ExpectError(Ask(), StatusCode::Invalid, {"hourly", "'id'"});
  view_.features = {{"x", "y"}, {"k", "y"}};
  ExpectError(Ask(), StatusCode::Invalid, {"hourly", "'y'"});
}

TEST_F(ValidationTest, ANegativeTtlNamesTheView) {
  view_.ttl_us = -1;
  ExpectError(Ask(), StatusCode::Invalid, {"hourly", "TTL"});
}

TEST_F(ValidationTest, ColumnsOfLatestAndRange) {
  ExpectError(AskLatest({"k"}, {"none"}), StatusCode::Invalid, {"'none'", "k, t, c, x"});
  ExpectError(AskLatest({"none"}, {"x"}), StatusCode::Invalid, {"'none'", "join key"});
  ExpectError(AskLatest({"k"}, {"x"}, "none"), StatusCode::Invalid, {"'none'"});
  ExpectError(AskLatest({"k"}, {"x"}, "t", "none"), StatusCode::Invalid,
              {"'none'", "created timestamp"});
  ExpectError(AskLatest({"k"}, {"x"}, "x"), StatusCode::TypeError, {"'x'", "int64"});
  ExpectError(Range({source_, {{"none"}}, "t", {}, {}}, options_).status(), StatusCode::Invalid,
              {"'none'"});
}

TEST_F(ValidationTest, ASourceThatIsNotThereIsNamed) {
  view_.source = {{root_ / "none"}, true};
  ExpectError(Ask(), StatusCode::IOError, {root_ / "none"});
  ExpectError(SourceSchema(view_.source).status(), StatusCode::IOError, {root_ / "none"});
}

TEST_F(ValidationTest, ATextThatIsNoTimeNamesColumnAndFile) {
  WriteSource("a", {Int64Field("k"), StringField("t"), TimeField("c"), Int64Field("x")},
              {"[1]", R"(["soon"])", "[10]", "[5]"});
  ExpectError(Ask(), StatusCode::Invalid, {root_ / "d/a", "'t'", "soon"});
  ExpectError(AskLatest({"k"}, {"x"}), StatusCode::Invalid, {root_ / "d/a", "'t'", "soon"});
}

}  // namespace
}  // namespace larder
