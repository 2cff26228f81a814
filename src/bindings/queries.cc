// SPDX-License-Identifier: Apache-2.0
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "answers.h"
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

/// Runs one query; `query` gets the options with the stop token in them.
template <typename Query>
PyResult RunQuery(const PyOptions& options, const Query& query) {
  std::shared_ptr<Answer> answer;
  const Deadline deadline = options.timeout_ms;
  RunInterruptibly(deadline, [&](const arrow::StopToken& stop) -> arrow::Status {
    RunOptions run = options.run;
    run.stop = stop;
    ARROW_ASSIGN_OR_RAISE(answer, query(run));
    return arrow::Status::OK();
  });
  return PyResult(std::move(answer), deadline);
}

/// Saturates, so that a number that RunOptions cannot hold is seen as too large or too small.
int ToInt(int64_t value) {
  return static_cast<int>(
      std::clamp<int64_t>(value, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
}

void InitOptions(PyOptions* self, int64_t threads, int64_t memory_limit, int64_t timeout_ms,
                 int64_t batch_rows, int64_t key_hash_bits, bool diagnose_nulls, bool plan_only,
                 int64_t rows_in_memory, std::string spill_directory) {
  if (timeout_ms < 0) throw nb::value_error("timeout_ms must be 0 (none) or more");
  RunOptions run;
  run.threads = ToInt(threads);
  run.memory_limit = memory_limit;
  run.batch_rows = batch_rows;
  run.key_hash_bits = ToInt(key_hash_bits);
  run.diagnose_nulls = diagnose_nulls;
  run.plan_only = plan_only;
  run.rows_in_memory = rows_in_memory;
  run.spill_directory = std::move(spill_directory);
  RaiseIfError(CheckOptions(run));
  new (self) PyOptions{std::move(run), timeout_ms};
}

constexpr const char* kSourceDoc = R"(Where the Parquet files of a source are; reads nothing.

Args:
    paths: at least one: local files, directories (all files below, but those whose name begins
        with "_" or ".") and globs with ``*``, ``?``, ``[...]`` and ``**``.
    hive_partitioning: read folders named "column=value" as columns.)";

constexpr const char* kJoinKeyDoc = R"(A column of a source that equals one of the entity rows.

Integers of every width and floats are compared by value, times by instant, text, bytes, booleans
and dates with their like. A null is equal to nothing.

Args:
    column: of the source.
    entity_column: of the entity rows.)";

constexpr const char* kFeatureDoc = R"(A column of a source and its name in the answer.

Args:
    column: of the source.
    name: in the answer, where no two columns may have the same.)";

constexpr const char* kFeatureViewDoc = R"(What to join to the entity rows.

Times may be timestamps of any unit, dates or ISO-8601 strings; without a zone they are UTC.

Args:
    name: for errors and statistics.
    source: where the rows are.
    join_keys: columns that must be equal; none: every row belongs to every entity.
    event_timestamp: column of the source with the time from which a row counts. A row without
        one never does.
    features: columns to add to the entity rows.
    created_timestamp: column of the source that decides between rows of the same event
        timestamp: the latest wins, null is the earliest. None, or a tie: the row that comes later
        by file path and row.
    ttl_us: for how long a row counts, in microseconds, both ends included; None or 0: for ever.)";

constexpr const char* kOptionsDoc = R"(How to run; no option changes an answer.

Args:
    threads: 0 for one for each core that this process may use.
    memory_limit: bytes for all that the engine allocates; 0 for no limit.
    timeout_ms: milliseconds; 0 for no limit.
    batch_rows: rows to a batch of a scan, at least 1.
    key_hash_bits: bits of a hash in use, 0 to 64; fewer force collisions.
    diagnose_nulls: read what a TTL rules out, so that ``Result.stats()`` tells expired from
        absent rows exactly.
    plan_only: only find out what would be read: the result has no rows, and ``Result.stats()`` is
        the plan.
    rows_in_memory: rows to work on at a time; 0 for what memory has room for.
    spill_directory: where temporary files go that nobody else sees; "" for the system's place.

Raises:
    ValueError: a number is out of its range, or the spill_directory is none.)";

constexpr const char* kPointInTimeDoc = R"(Join to each entity row the features known at its time.

Of the rows of a view with the entity row's join key and an event timestamp at or before its time,
but no older than the TTL, the newest gives the values. Where there is none they are null.

Args:
    entity_rows: anything with ``__arrow_c_stream__``, such as a pyarrow.Table; read once.
    event_timestamp: column of the entity rows with the times: timestamps, dates or ISO-8601
        strings; without a zone they are UTC. A row without one gets nulls.
    views: what to join.
    filter_by_created_timestamp: let a row count only if it was created at or before the entity
        row's time, too; one without a created timestamp never does. Views without such a column
        are not affected.
    options: how to run.

Returns:
    One row for each entity row, in its order: the columns of the entity rows untouched, then the
    features of each view.

Raises:
    ValueError: the request or the data contradicts itself; names the column and the file.
    TypeError: types that cannot be compared, or ``entity_rows`` is no Arrow data.
    FileNotFoundError: a path does not exist or has no files.
    OSError: a file cannot be read, is truncated or corrupt; names the file.
    MemoryError: the memory limit is too small.
    TimeoutError: the timeout has passed.
    KeyboardInterrupt: Ctrl-C, in the main thread. The run ends first, and a stream that waits in
        Python code of its own is waited for.)";

constexpr const char* kLatestDoc = R"(Return the newest row of each join key in a range of time.

Rows with a null in the join key or a null event timestamp do not count. Of the same event
timestamps the latest created one wins, then the row that comes later by file path and row.

Args:
    source: where the rows are.
    join_keys: columns of the source; none: the one newest row of all.
    columns: columns of the source to return, in this order.
    event_timestamp: column of the source; without a zone it is UTC.
    created_timestamp: column of the source, if any.
    start_us: microseconds since 1970 UTC, inclusive; None: no bound.
    end_us: likewise.
    options: how to run.

Returns:
    One row for each join key, by file path and row.

Raises:
    ValueError, TypeError, OSError, MemoryError, TimeoutError, KeyboardInterrupt: as
        ``point_in_time`` does.)";

constexpr const char* kRangeDoc = R"(Return every row in a range of time.

Args:
    source: where the rows are.
    columns: columns of the source to return, in this order; None: all.
    event_timestamp: column of the source; without a zone it is UTC.
    start_us: microseconds since 1970 UTC, inclusive; None: no bound.
    end_us: likewise. Without any bound rows with a null event timestamp are returned, too.
    options: how to run.

Returns:
    The rows, by file path and row.

Raises:
    ValueError, TypeError, OSError, MemoryError, TimeoutError, KeyboardInterrupt: as
        ``point_in_time`` does.)";

constexpr const char* kSchemaDoc = R"(Read the columns of a source.

Args:
    source: where the files are; only their footers are read.

Returns:
    The columns of all files, each with the type that holds it in every file, then those of the
    hive partitions.

Raises:
    ValueError: types of a column have none in common; names the column and a file.
    FileNotFoundError: a path does not exist or has no files.
    OSError: a file cannot be read, is truncated or corrupt; names the file.)";

constexpr const char* kFilesDoc = R"(List the files of a source, as the engine reads them.

Args:
    source: where the files are.

Returns:
    Their paths, sorted, without the files of writes that are not whole.

Raises:
    FileNotFoundError: a path does not exist or has no files.
    OSError: a directory cannot be listed.)";

void BindViews(nb::module_& m) {
  nb::class_<SourceSpec>(m, "Source", kSourceDoc)
      .def(
          "__init__",
          [](SourceSpec* self, std::vector<std::string> paths, bool hive_partitioning) {
            new (self) SourceSpec{std::move(paths), hive_partitioning};
          },
          "paths"_a, "hive_partitioning"_a = true);
  nb::class_<JoinKeySpec>(m, "JoinKey", kJoinKeyDoc)
      .def(
          "__init__",
          [](JoinKeySpec* self, std::string column, std::string entity_column) {
            new (self) JoinKeySpec{std::move(column), std::move(entity_column)};
          },
          "column"_a, "entity_column"_a);
  nb::class_<FeatureSpec>(m, "Feature", kFeatureDoc)
      .def(
          "__init__",
          [](FeatureSpec* self, std::string column, std::string name) {
            new (self) FeatureSpec{std::move(column), std::move(name)};
          },
          "column"_a, "name"_a);
  nb::class_<FeatureViewSpec>(m, "FeatureView", kFeatureViewDoc)
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
          "created_timestamp"_a = nb::none(), "ttl_us"_a = nb::none());
}

void BindOptions(nb::module_& m) {
  nb::class_<PyOptions>(m, "Options", kOptionsDoc)
      .def("__init__", &InitOptions, "threads"_a = 0, "memory_limit"_a = 0, "timeout_ms"_a = 0,
           "batch_rows"_a = 65536, "key_hash_bits"_a = 64, "diagnose_nulls"_a = false,
           "plan_only"_a = false, "rows_in_memory"_a = 0, "spill_directory"_a = "");
}

void BindPointInTime(nb::module_& m) {
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
      "entity_rows"_a.none(), "event_timestamp"_a, "views"_a, nb::kw_only(),
      "filter_by_created_timestamp"_a = false, "options"_a = PyOptions{},
      nb::sig("def point_in_time(entity_rows: typing.Any, event_timestamp: str, "
              "views: collections.abc.Sequence[FeatureView], *, "
              "filter_by_created_timestamp: bool = False, options: Options = ...) -> Result"),
      kPointInTimeDoc);
}

void BindLatest(nb::module_& m) {
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
      kLatestDoc);
}

void BindRange(nb::module_& m) {
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
      kRangeDoc);
}

void BindSchema(nb::module_& m) {
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
      "source"_a, kSchemaDoc);
  m.def(
      "files",
      [](const SourceSpec& source) {
        std::vector<std::string> paths;
        RunInterruptibly(0, [&](const arrow::StopToken&) -> arrow::Status {
          ARROW_ASSIGN_OR_RAISE(paths, SourceFiles(source));
          return arrow::Status::OK();
        });
        return paths;
      },
      "source"_a, kFilesDoc);
}

}  // namespace

void BindQueries(nb::module_& module) {
  BindViews(module);
  BindOptions(module);
  BindPointInTime(module);
  BindLatest(module);
  BindRange(module);
  BindSchema(module);
}

}  // namespace larder::python
