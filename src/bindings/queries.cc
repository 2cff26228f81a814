// SPDX-License-Identifier: Apache-2.0
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "interruptible.h"
#include "larder/query/run.h"
#include "larder/query/validate.h"
#include "python_arrow.h"
#include "python_errors.h"

namespace nb = nanobind;
using nb::literals::operator""_a;

namespace larder::python {
namespace {

/// Options as Python passes them.
struct PyOptions {
  RunOptions run;
  int64_t timeout_ms = 0;
};

/// An answer on its way out: its rows once, its figures at any time.
class PyResult {
 public:
  explicit PyResult(Answer answer)
      : schema_(answer.rows->schema()),
        rows_(std::move(answer.rows)),
        stats_(std::move(answer.stats)) {}

  nb::capsule Stream(const nb::object& /*requested_schema*/) {
    if (rows_ == nullptr) throw nb::value_error("the rows of this result were taken already");
    return ExportStream(std::exchange(rows_, nullptr));
  }
  nb::capsule Schema() const { return ExportSchema(*schema_); }
  const RunStats& stats() const { return stats_; }

 private:
  std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<arrow::RecordBatchReader> rows_;
  RunStats stats_;
};

/// A schema on its way out.
struct PySchema {
  std::shared_ptr<arrow::Schema> schema;
};

nb::dict ToDict(const ViewStats& view) {
  nb::dict dict;
  dict["name"] = view.name;
  dict["rows_matched"] = view.rows_matched;
  dict["rows_expired"] = view.rows_expired;
  dict["rows_absent"] = view.rows_absent;
  dict["files"] = view.files;
  dict["files_read"] = view.files_read;
  dict["row_groups"] = view.row_groups;
  dict["row_groups_read"] = view.row_groups_read;
  dict["rows_scanned"] = view.rows_scanned;
  dict["bytes"] = view.bytes;
  dict["bytes_read"] = view.bytes_read;
  return dict;
}

nb::dict ToDict(const RunStats& stats) {
  nb::list views;
  for (const auto& view : stats.views) views.append(ToDict(view));
  nb::dict stages;
  stages["open"] = stats.stages.open;
  stages["index"] = stats.stages.index;
  stages["scan"] = stats.stages.scan;
  stages["settle"] = stats.stages.settle;
  stages["gather"] = stats.stages.gather;
  nb::dict dict;
  dict["rows"] = stats.rows;
  dict["threads"] = stats.threads;
  dict["peak_memory_bytes"] = stats.peak_memory_bytes;
  dict["total_seconds"] = stats.total_seconds;
  dict["views"] = views;
  dict["stages"] = stages;
  return dict;
}

/// Runs one query; `query` gets the options with the stop token in them.
template <typename Query>
PyResult RunQuery(const PyOptions& options, const Query& query) {
  Answer answer;
  RunInterruptibly(options.timeout_ms, [&](const arrow::StopToken& stop) -> arrow::Status {
    RunOptions run = options.run;
    run.stop = stop;
    ARROW_ASSIGN_OR_RAISE(answer, query(run));
    return arrow::Status::OK();
  });
  return PyResult(std::move(answer));
}

void InitOptions(PyOptions* self, int threads, int64_t memory_limit, int64_t timeout_ms,
                 int64_t batch_rows, int key_hash_bits, bool diagnose_nulls, bool plan_only) {
  if (timeout_ms < 0) throw nb::value_error("timeout_ms must be 0 (none) or more");
  RunOptions run;
  run.threads = threads;
  run.memory_limit = memory_limit;
  run.batch_rows = batch_rows;
  run.key_hash_bits = key_hash_bits;
  run.diagnose_nulls = diagnose_nulls;
  run.plan_only = plan_only;
  RaiseIfError(CheckOptions(run));
  new (self) PyOptions{std::move(run), timeout_ms};
}

void BindRequests(nb::module_& m) {
  nb::class_<SourceSpec>(m, "Source", "Where the Parquet files of a source are; reads nothing.")
      .def(
          "__init__",
          [](SourceSpec* self, std::vector<std::string> paths, bool hive_partitioning) {
            new (self) SourceSpec{std::move(paths), hive_partitioning};
          },
          "paths"_a, "hive_partitioning"_a = true,
          "Name local files, directories (all files below, but those that begin with \"_\" or "
          "\".\") and globs.\n\nArgs:\n    paths: at least one.\n    hive_partitioning: read "
          "folders named \"column=value\" as columns.");
  nb::class_<JoinKeySpec>(m, "JoinKey", "A column of a source that equals one of the entity rows.")
      .def(
          "__init__",
          [](JoinKeySpec* self, std::string column, std::string entity_column) {
            new (self) JoinKeySpec{std::move(column), std::move(entity_column)};
          },
          "column"_a, "entity_column"_a);
  nb::class_<FeatureSpec>(m, "Feature", "A column of a source and its name in the answer.")
      .def(
          "__init__",
          [](FeatureSpec* self, std::string column, std::string name) {
            new (self) FeatureSpec{std::move(column), std::move(name)};
          },
          "column"_a, "name"_a);
  nb::class_<FeatureViewSpec>(m, "FeatureView", "What to join to the entity rows.")
      .def(
          "__init__",
          [](FeatureViewSpec* self, std::string name, SourceSpec source,
             std::vector<JoinKeySpec> join_keys, std::string event_timestamp,
             std::vector<FeatureSpec> features, std::optional<std::string> created_timestamp,
             std::optional<int64_t> ttl_us) {
            new (self) FeatureViewSpec{std::move(name),
                                       std::move(source),
                                       std::move(join_keys),
                                       std::move(event_timestamp),
                                       std::move(features),
                                       std::move(created_timestamp),
                                       ttl_us};
          },
          "name"_a, "source"_a, "join_keys"_a, "event_timestamp"_a, "features"_a,
          "created_timestamp"_a = nb::none(), "ttl_us"_a = nb::none(),
          "Columns are named as in the source; ttl_us None or 0 is unlimited.");
  nb::class_<PyOptions>(m, "Options", "How to run; no option changes an answer.")
      .def("__init__", &InitOptions, "threads"_a = 0, "memory_limit"_a = 0, "timeout_ms"_a = 0,
           "batch_rows"_a = 65536, "key_hash_bits"_a = 64, "diagnose_nulls"_a = false,
           "plan_only"_a = false,
           "Args:\n    threads: 0 for one per core.\n    memory_limit: bytes; 0 for no limit.\n"
           "    timeout_ms: 0 for none.\n    batch_rows: rows to a batch of a scan.\n"
           "    key_hash_bits: bits of a hash in use; fewer than 64 force collisions.\n"
           "    diagnose_nulls: read what a TTL rules out, so that stats() tells expired from "
           "absent rows exactly.\n"
           "    plan_only: only find out what would be read; the result has no rows, and stats() "
           "is the plan.");
}

void BindAnswers(nb::module_& m) {
  nb::class_<PyResult>(m, "Result", "The rows of an answer, as an Arrow stream.")
      .def("__arrow_c_stream__", &PyResult::Stream, "requested_schema"_a = nb::none(),
           "Return the rows as an \"arrow_array_stream\" capsule; only once.")
      .def("__arrow_c_schema__", &PyResult::Schema, "Return the columns of the rows.")
      .def(
          "stats", [](const PyResult& self) { return ToDict(self.stats()); },
          nb::sig("def stats(self) -> dict[str, typing.Any]"),
          "Return rows, threads, peak_memory_bytes, total_seconds, stages and, for each view, "
          "rows matched, expired and absent, and what was read.");
  nb::class_<PySchema>(m, "Schema", "The columns of a source.")
      .def(
          "__arrow_c_schema__", [](const PySchema& self) { return ExportSchema(*self.schema); },
          "Return an \"arrow_schema\" capsule.");
}

void BindFunctions(nb::module_& m) {
  m.def(
      "point_in_time",
      [](nb::handle entity_rows, std::string event_timestamp, std::vector<FeatureViewSpec> views,
         bool filter_by_created_timestamp, const PyOptions& options) {
        auto rows = ImportStream(entity_rows, "entity_rows");
        const PointInTimeRequest request{std::move(event_timestamp), std::move(views),
                                         filter_by_created_timestamp};
        return RunQuery(options, [&](const RunOptions& run) {
          return PointInTime(request, std::move(rows), run);
        });
      },
      "entity_rows"_a, "event_timestamp"_a, "views"_a, nb::kw_only(),
      "filter_by_created_timestamp"_a = false, "options"_a = PyOptions{},
      nb::sig("def point_in_time(entity_rows: typing.Any, event_timestamp: str, "
              "views: collections.abc.Sequence[FeatureView], *, "
              "filter_by_created_timestamp: bool = False, options: Options = ...) -> Result"),
      "Join to each entity row the newest feature values known at its time.\n\n"
      "Args:\n    entity_rows: anything with __arrow_c_stream__.\n"
      "    event_timestamp: its column with the times: timestamp (naive is UTC), date or ISO-8601 "
      "string.\n    views: what to join.\n    filter_by_created_timestamp: count a row only from "
      "its created timestamp on.\n    options: how to run.\n\n"
      "Returns:\n    The entity rows in their order, with the features of each view.\n\n"
      "Raises:\n    ValueError: the request or the data contradicts itself.\n"
      "    TypeError: types that cannot be compared.\n"
      "    OSError: a file is missing, truncated or corrupt.\n"
      "    MemoryError, TimeoutError: a limit of the options was met.");
  m.def(
      "latest",
      [](SourceSpec source, std::vector<std::string> join_keys, std::vector<std::string> columns,
         std::string event_timestamp, std::optional<std::string> created_timestamp,
         std::optional<int64_t> start_us, std::optional<int64_t> end_us, const PyOptions& options) {
        const LatestRequest request{std::move(source),
                                    std::move(join_keys),
                                    std::move(columns),
                                    std::move(event_timestamp),
                                    std::move(created_timestamp),
                                    start_us,
                                    end_us};
        return RunQuery(options, [&](const RunOptions& run) { return Latest(request, run); });
      },
      "source"_a, nb::kw_only(), "join_keys"_a, "columns"_a, "event_timestamp"_a,
      "created_timestamp"_a = nb::none(), "start_us"_a = nb::none(), "end_us"_a = nb::none(),
      "options"_a = PyOptions{},
      nb::sig("def latest(source: Source, *, join_keys: collections.abc.Sequence[str], "
              "columns: collections.abc.Sequence[str], event_timestamp: str, "
              "created_timestamp: str | None = None, start_us: int | None = None, "
              "end_us: int | None = None, options: Options = ...) -> Result"),
      "Return the newest row of each join key, by file path and row.\n\n"
      "Bounds are microseconds since 1970 UTC, inclusive, None = open.");
  m.def(
      "range",
      [](SourceSpec source, std::optional<std::vector<std::string>> columns,
         std::string event_timestamp, std::optional<int64_t> start_us,
         std::optional<int64_t> end_us, const PyOptions& options) {
        const RangeRequest request{std::move(source), std::move(columns),
                                   std::move(event_timestamp), start_us, end_us};
        return RunQuery(options, [&](const RunOptions& run) { return Range(request, run); });
      },
      "source"_a, nb::kw_only(), "columns"_a.none(), "event_timestamp"_a, "start_us"_a = nb::none(),
      "end_us"_a = nb::none(), "options"_a = PyOptions{},
      nb::sig("def range(source: Source, *, columns: collections.abc.Sequence[str] | None, "
              "event_timestamp: str, start_us: int | None = None, end_us: int | None = None, "
              "options: Options = ...) -> Result"),
      "Return every row between two times, by file path and row.\n\n"
      "Bounds are microseconds since 1970 UTC, inclusive, None = open; columns None is all.");
  m.def(
      "schema",
      [](const SourceSpec& source) {
        PySchema schema;
        RunInterruptibly(0, [&](const arrow::StopToken&) -> arrow::Status {
          ARROW_ASSIGN_OR_RAISE(schema.schema, SourceSchema(source));
          return arrow::Status::OK();
        });
        return schema;
      },
      "source"_a, "Read the columns of a source over all its files, partition columns last.");
}

}  // namespace

void BindQueries(nb::module_& module) {
  BindRequests(module);
  BindAnswers(module);
  BindFunctions(module);
}

}  // namespace larder::python
