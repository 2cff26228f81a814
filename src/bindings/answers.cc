// SPDX-License-Identifier: Apache-2.0
#include "answers.h"

#include <arrow/record_batch.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <utility>

#include "bindings.h"
#include "python_arrow.h"

namespace nb = nanobind;
using nb::literals::operator""_a;

namespace larder::python {
namespace {

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

nb::dict ToDict(const StageSeconds& seconds) {
  nb::dict dict;
  dict["open"] = seconds.open;
  dict["index"] = seconds.index;
  dict["scan"] = seconds.scan;
  dict["settle"] = seconds.settle;
  dict["gather"] = seconds.gather;
  return dict;
}

constexpr const char* kResultDoc = R"(The rows of an answer, and what they cost.

Anything that speaks the Arrow PyCapsule interface reads it, without a copy:
``pyarrow.table(result)``, ``polars.DataFrame(result)``.)";

constexpr const char* kStreamDoc = R"(Return the rows as a capsule with an ArrowArrayStream.

Args:
    requested_schema: ignored, as the protocol allows: the rows come in their own types.

Raises:
    ValueError: the rows were taken before; they can be taken once.)";

constexpr const char* kStatsDoc = R"(Return what the answer holds and what it cost.

Returns:
    ``rows`` of the answer, ``threads``, ``peak_memory_bytes``, ``total_seconds``; ``stages``, the
    seconds of ``open``, ``index``, ``scan``, ``settle`` and ``gather``; and ``views``, one
    dictionary for each feature view (for ``latest`` and ``range`` one for the source):

    * ``name``
    * ``rows_matched``, ``rows_expired``, ``rows_absent``: rows of the answer with a row of the
      view, with none but one that is older than the TTL, and with none at all. The latter two
      are exact if the option ``diagnose_nulls`` is set.
    * ``files``, ``row_groups``: of the source. ``files_read``, ``row_groups_read``: those of
      which more than the footer was read.
    * ``rows_scanned``: whose keys and times were looked at.
    * ``bytes_read``: compressed, twice if read twice. ``bytes``: of the columns in question in
      all row groups, counted for a plan only (the option ``plan_only``).)";

}  // namespace

PyResult::PyResult(Answer answer)
    : schema_(answer.rows->schema()),
      rows_(std::move(answer.rows)),
      stats_(std::move(answer.stats)) {}

nb::capsule PyResult::TakeRows() {
  if (rows_ == nullptr) throw nb::value_error("the rows of this result were taken already");
  return ExportStream(std::exchange(rows_, nullptr));
}

nb::capsule PyResult::Schema() const { return ExportSchema(*schema_); }

nb::dict PyResult::Stats() const {
  nb::list views;
  for (const auto& view : stats_.views) views.append(ToDict(view));
  nb::dict dict;
  dict["rows"] = stats_.rows;
  dict["threads"] = stats_.threads;
  dict["peak_memory_bytes"] = stats_.peak_memory_bytes;
  dict["total_seconds"] = stats_.total_seconds;
  dict["views"] = views;
  dict["stages"] = ToDict(stats_.stages);
  return dict;
}

void BindAnswers(nb::module_& module) {
  nb::class_<PyResult>(module, "Result", kResultDoc)
      .def(
          "__arrow_c_stream__",
          [](PyResult& self, const nb::object& /*requested_schema*/) { return self.TakeRows(); },
          "requested_schema"_a = nb::none(), kStreamDoc)
      .def("__arrow_c_schema__", &PyResult::Schema,
           "Return the columns of the rows as a capsule with an ArrowSchema, any number of times.")
      .def("stats", &PyResult::Stats, nb::sig("def stats(self) -> dict[str, typing.Any]"),
           kStatsDoc);
  nb::class_<PySchema>(module, "Schema",
                       "The columns of a source, such as for ``pyarrow.schema(...)``.")
      .def(
          "__arrow_c_schema__", [](const PySchema& self) { return ExportSchema(*self.schema); },
          "Return the columns as a capsule with an ArrowSchema, any number of times.");
}

}  // namespace larder::python
