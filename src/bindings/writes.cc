// SPDX-License-Identifier: Apache-2.0
#include <arrow/compute/initialize.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

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

void BindAppends(nb::module_& m) {
  m.def(
      "append_to_directory",
      [](const std::string& directory, nb::handle rows, const nb::object& schema,
         std::vector<std::string> partition_by, int64_t max_rows_per_file,
         int64_t max_bytes_per_file, std::string compression, bool allow_time_truncation) {
        WriteOptions options;
        SetSchema(schema, &options);
        options.partition_by = std::move(partition_by);
        options.max_rows_per_file = max_rows_per_file;
        options.max_bytes_per_file = max_bytes_per_file;
        options.compression = std::move(compression);
        options.allow_time_truncation = allow_time_truncation;
        const auto reader = ImportStream(rows, "rows");
        return RunWrite(std::move(options), [&](const WriteOptions& run) {
          return AppendToDirectory(directory, reader.get(), run);
        });
      },
      "directory"_a, "rows"_a, nb::kw_only(), "schema"_a = nb::none(),
      "partition_by"_a = std::vector<std::string>{}, "max_rows_per_file"_a = 0,
      "max_bytes_per_file"_a = 0, "compression"_a = "", "allow_time_truncation"_a = false,
      nb::sig("def append_to_directory(directory: str, rows: typing.Any, *, "
              "schema: typing.Any = None, partition_by: collections.abc.Sequence[str] = ..., "
              "max_rows_per_file: int = 0, max_bytes_per_file: int = 0, compression: str = '', "
              "allow_time_truncation: bool = False) -> dict[str, typing.Any]"),
      "Add rows to a directory of Parquet files as new files, seen whole or not at all.\n\n"
      "Args:\n    directory: made if need be.\n    rows: anything with __arrow_c_stream__.\n"
      "    schema: columns and types to write; None for those that are there already.\n"
      "    partition_by: columns to make hive folders of; as the directory is, if empty.\n"
      "    max_rows_per_file, max_bytes_per_file: where to begin the next file; 0 is nowhere.\n"
      "    compression: snappy, zstd, gzip, brotli, lz4, none.\n"
      "    allow_time_truncation: let times lose digits that the target's unit lacks.\n\n"
      "Returns:\n    paths (of the new files), rows and bytes.\n\n"
      "Raises:\n    ValueError, TypeError: columns do not fit; nothing was written.\n"
      "    OSError: the system's reason.");
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
      "path"_a, "rows"_a, nb::kw_only(), "schema"_a = nb::none(), "compression"_a = "",
      "allow_time_truncation"_a = false,
      nb::sig("def append_to_file(path: str, rows: typing.Any, *, schema: typing.Any = None, "
              "compression: str = '', allow_time_truncation: bool = False) "
              "-> dict[str, typing.Any]"),
      "Replace a Parquet file by a longer one, in one step and under a lock; see "
      "append_to_directory.");
}

void BindReplacements(nb::module_& m) {
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
      "path"_a, "rows"_a, nb::kw_only(), "overwrite"_a = false, "compression"_a = "",
      nb::sig("def write_file(path: str, rows: typing.Any, *, overwrite: bool = False, "
              "compression: str = '') -> dict[str, typing.Any]"),
      "Write rows as one new Parquet file.\n\n"
      "Raises:\n    FileExistsError: the path exists and overwrite is False.");
  m.def(
      "write_directory",
      [](const std::string& directory, nb::handle rows, bool overwrite, int64_t max_rows_per_file,
         int64_t max_bytes_per_file, std::vector<std::string> partition_by,
         std::string compression) {
        WriteOptions options;
        options.max_rows_per_file = max_rows_per_file;
        options.max_bytes_per_file = max_bytes_per_file;
        options.partition_by = std::move(partition_by);
        options.compression = std::move(compression);
        const auto reader = ImportStream(rows, "rows");
        return RunWrite(std::move(options), [&](const WriteOptions& run) {
          return WriteDirectory(directory, reader.get(), overwrite, run);
        });
      },
      "directory"_a, "rows"_a, nb::kw_only(), "overwrite"_a = false, "max_rows_per_file"_a = 0,
      "max_bytes_per_file"_a = 0, "partition_by"_a = std::vector<std::string>{},
      "compression"_a = "",
      nb::sig("def write_directory(directory: str, rows: typing.Any, *, overwrite: bool = False, "
              "max_rows_per_file: int = 0, max_bytes_per_file: int = 0, "
              "partition_by: collections.abc.Sequence[str] = ..., compression: str = '') "
              "-> dict[str, typing.Any]"),
      "Write rows as a new directory of Parquet files that appears all at once.\n\n"
      "Raises:\n    FileExistsError: there is something at the path and overwrite is False.");
  m.def(
      "clean_leftovers",
      [](const std::string& directory) {
        RunInterruptibly(0, [&](const arrow::StopToken&) { return CleanLeftovers(directory); });
      },
      "directory"_a, "Remove what writers that died left behind in a directory.");
}

}  // namespace

void BindWrites(nb::module_& module) {
  BindAppends(module);
  BindReplacements(module);
}

}  // namespace larder::python
