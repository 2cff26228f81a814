// SPDX-License-Identifier: Apache-2.0
#include <arrow/compute/initialize.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "interruptible.h"
#include "larder/sink/write.h"
#include "python_arrow.h"

namespace nb = nanobind;
using nb::literals::operator""_a;

namespace larder::python {
namespace {

nb::dict ToDict(const WriteResult& result) {
  nb::list paths;
  for (const auto& path : result.paths) paths.append(path);
  nb::dict dict;
  dict["paths"] = paths;
  dict["rows"] = result.rows;
  dict["bytes"] = result.bytes;
  return dict;
}

/// Runs one write; `write` gets the options, in which Ctrl-C is asked for.
template <typename Write>
nb::dict RunWrite(WriteOptions options, const Write& write) {
  WriteResult result;
  RunInterruptibly(0, [&](const arrow::StopToken& stop) -> arrow::Status {
    ARROW_RETURN_NOT_OK(arrow::compute::Initialize());
    options.poll = [&stop] { return stop.Poll(); };
    ARROW_ASSIGN_OR_RAISE(result, write(options));
    return arrow::Status::OK();
  });
  return ToDict(result);
}

void SetSchema(const nb::object& schema, WriteOptions* options) {
  if (!schema.is_none()) options->schema = ImportSchema(schema, "schema");
}

/// Where a directory's next file begins; negative numbers would mean "nowhere" to the sink.
void SetFileLimits(int64_t max_rows_per_file, int64_t max_bytes_per_file, WriteOptions* options) {
  if (max_rows_per_file < 0) throw nb::value_error("max_rows_per_file must be 0 (none) or more");
  if (max_bytes_per_file < 0) throw nb::value_error("max_bytes_per_file must be 0 (none) or more");
  options->max_rows_per_file = max_rows_per_file;
  options->max_bytes_per_file = max_bytes_per_file;
}

constexpr const char* kAppendToDirectoryDoc = R"(Add rows to a directory of Parquet files.

The rows go into a new file (or several), whole or not at all: for readers at any moment and after
a crash. Once this returns they are durable. What is there is not touched. Any number of threads,
processes and machines may write at once.

Columns are matched by name, in any order, and cast to the types that are there already, if that
is exact.

Args:
    directory: made if need be.
    rows: anything with ``__arrow_c_stream__``, such as a pyarrow.Table; read once. No rows: no
        file.
    schema: anything with ``__arrow_c_schema__``: the columns and types to write, with or without
        those of ``partition_by``. None: those that are there already, or else those of the rows.
    partition_by: columns to make folders named "column=value" of. Empty: as the directory is
        partitioned already.
    max_rows_per_file: where to begin the next file; 0: nowhere.
    max_bytes_per_file: likewise, in bytes as written, overshot by less than a row group.
    compression: "snappy", "zstd", "gzip", "brotli", "lz4" or "none"; "" is snappy.
    allow_time_truncation: let times lose digits that the unit of their column cannot hold;
        otherwise that is an error.

Returns:
    ``paths`` of the new files in the order of their rows, ``rows`` and ``bytes`` written.

Raises:
    ValueError: a column is missing or unknown, or a value does not fit; names it.
    TypeError: a column has another type, or ``rows`` or ``schema`` is no Arrow data.
    OSError: the system's reason.
    KeyboardInterrupt: Ctrl-C, in the main thread.

    After an error nothing was written, unless the message says that the rows are in place and
    only their durability is not certain, or Ctrl-C came as the write ended.)";

constexpr const char* kAppendToFileDoc = R"(Add rows to a Parquet file.

The file is replaced by a longer one in one step, which costs as much as writing it anew: a
directory is the better place to append to. Writers take turns by a lock.

Args:
    path: of the file, made if need be.
    rows: see append_to_directory.
    schema: see append_to_directory.
    compression: see append_to_directory; "" is that of the file.
    allow_time_truncation: see append_to_directory.

Returns:
    ``paths`` (the one), the number of new ``rows``, and the ``bytes`` of the whole file.

Raises:
    ValueError, TypeError, OSError, KeyboardInterrupt: as append_to_directory does.)";

constexpr const char* kWriteFileDoc = R"(Write rows as one new Parquet file, in one step.

Args:
    path: of the file.
    rows: see append_to_directory.
    overwrite: replace what is there, whatever its columns.
    compression: see append_to_directory.

Returns:
    ``paths`` (the one), ``rows`` and ``bytes`` written.

Raises:
    FileExistsError: the path exists and ``overwrite`` is False.
    ValueError, TypeError, OSError, KeyboardInterrupt: as append_to_directory does.)";

constexpr const char* kWriteDirectoryDoc = R"(Write rows as a new directory of Parquet files.

The directory appears at once with all its files, at least one. A reader in the midst of one that
is replaced finds its files gone, never other rows under their names.

Args:
    directory: may exist if it is empty.
    rows: see append_to_directory.
    overwrite: replace what is there.
    max_rows_per_file: see append_to_directory.
    max_bytes_per_file: see append_to_directory; 0: 128 MiB.
    partition_by: columns to make folders named "column=value" of.
    compression: see append_to_directory.

Returns:
    ``paths`` of the files in the order of their rows, ``rows`` and ``bytes`` written.

Raises:
    FileExistsError: there is something at the path and ``overwrite`` is False.
    ValueError, TypeError, OSError, KeyboardInterrupt: as append_to_directory does.)";

constexpr const char* kCleanLeftoversDoc = R"(Remove what dead writers left behind in a directory.

Every write to the directory does so, too. Writes that were committed but not yet visible are
finished. Living writers are not disturbed.

Args:
    directory: need not exist.

Raises:
    OSError: the system's reason.)";

void BindAppendToDirectory(nb::module_& m) {
  m.def(
      "append_to_directory",
      [](const std::string& directory, nb::handle rows, const nb::object& schema,
         std::vector<std::string> partition_by, int64_t max_rows_per_file,
         int64_t max_bytes_per_file, std::string compression, bool allow_time_truncation) {
        WriteOptions options;
        SetFileLimits(max_rows_per_file, max_bytes_per_file, &options);
        SetSchema(schema, &options);
        options.partition_by = std::move(partition_by);
        options.compression = std::move(compression);
        options.allow_time_truncation = allow_time_truncation;
        const auto reader = ImportStream(rows, "rows");
        return RunWrite(std::move(options), [&](const WriteOptions& run) {
          return AppendToDirectory(directory, reader.get(), run);
        });
      },
      "directory"_a, "rows"_a.none(), nb::kw_only(), "schema"_a = nb::none(),
      "partition_by"_a = std::vector<std::string>{}, "max_rows_per_file"_a = 0,
      "max_bytes_per_file"_a = 0, "compression"_a = "", "allow_time_truncation"_a = false,
      nb::sig("def append_to_directory(directory: str, rows: typing.Any, *, "
              "schema: typing.Any = None, partition_by: collections.abc.Sequence[str] = ..., "
              "max_rows_per_file: int = 0, max_bytes_per_file: int = 0, compression: str = '', "
              "allow_time_truncation: bool = False) -> dict[str, typing.Any]"),
      kAppendToDirectoryDoc);
}

void BindAppendToFile(nb::module_& m) {
  m.def(
      "append_to_file",
      [](const std::string& path, nb::handle rows, const nb::object& schema,
         std::string compression, bool allow_time_truncation) {
        WriteOptions options;
        SetSchema(schema, &options);
        options.compression = std::move(compression);
        options.allow_time_truncation = allow_time_truncation;
        const auto reader = ImportStream(rows, "rows");
        return RunWrite(std::move(options), [&](const WriteOptions& run) {
          return AppendToFile(path, reader.get(), run);
        });
      },
      "path"_a, "rows"_a.none(), nb::kw_only(), "schema"_a = nb::none(), "compression"_a = "",
      "allow_time_truncation"_a = false,
      nb::sig("def append_to_file(path: str, rows: typing.Any, *, schema: typing.Any = None, "
              "compression: str = '', allow_time_truncation: bool = False) "
              "-> dict[str, typing.Any]"),
      kAppendToFileDoc);
}

void BindWriteFile(nb::module_& m) {
  m.def(
      "write_file",
      [](const std::string& path, nb::handle rows, bool overwrite, std::string compression) {
        WriteOptions options;
        options.compression = std::move(compression);
        const auto reader = ImportStream(rows, "rows");
        return RunWrite(std::move(options), [&](const WriteOptions& run) {
          return WriteFile(path, reader.get(), overwrite, run);
        });
      },
      "path"_a, "rows"_a.none(), nb::kw_only(), "overwrite"_a = false, "compression"_a = "",
      nb::sig("def write_file(path: str, rows: typing.Any, *, overwrite: bool = False, "
              "compression: str = '') -> dict[str, typing.Any]"),
      kWriteFileDoc);
}

void BindWriteDirectory(nb::module_& m) {
  m.def(
      "write_directory",
      [](const std::string& directory, nb::handle rows, bool overwrite, int64_t max_rows_per_file,
         int64_t max_bytes_per_file, std::vector<std::string> partition_by,
         std::string compression) {
        WriteOptions options;
        SetFileLimits(max_rows_per_file, max_bytes_per_file, &options);
        options.partition_by = std::move(partition_by);
        options.compression = std::move(compression);
        const auto reader = ImportStream(rows, "rows");
        return RunWrite(std::move(options), [&](const WriteOptions& run) {
          return WriteDirectory(directory, reader.get(), overwrite, run);
        });
      },
      "directory"_a, "rows"_a.none(), nb::kw_only(), "overwrite"_a = false,
      "max_rows_per_file"_a = 0, "max_bytes_per_file"_a = 0,
      "partition_by"_a = std::vector<std::string>{}, "compression"_a = "",
      nb::sig("def write_directory(directory: str, rows: typing.Any, *, overwrite: bool = False, "
              "max_rows_per_file: int = 0, max_bytes_per_file: int = 0, "
              "partition_by: collections.abc.Sequence[str] = ..., compression: str = '') "
              "-> dict[str, typing.Any]"),
      kWriteDirectoryDoc);
}

}  // namespace

void BindWrites(nb::module_& module) {
  BindAppendToDirectory(module);
  BindAppendToFile(module);
  BindWriteFile(module);
  BindWriteDirectory(module);
  module.def(
      "clean_leftovers",
      [](const std::string& directory) {
        RunInterruptibly(0, [&](const arrow::StopToken&) { return CleanLeftovers(directory); });
      },
      "directory"_a, kCleanLeftoversDoc);
}

}  // namespace larder::python
