// SPDX-License-Identifier: Apache-2.0
#include "answers.h"

#include <arrow/record_batch.h>
#include <cxxabi.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <exception>
#include <utility>

#include "bindings.h"
#include "python_arrow.h"
#include "released_gil.h"

namespace nb = nanobind;
using nb::literals::operator""_a;

namespace larder::python {
namespace {

constexpr const char* kRaiseDoc =
    R"(Raise what the computing of the rows failed with, if it did.

Who reads them through ``__arrow_c_stream__`` gets an error as text only: not the
``KeyboardInterrupt`` or ``TimeoutError`` that it was.)";

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

They are computed block by block while they are read, each block of a size that the option
``memory_limit`` has room for; all in one, before this object exists, where there is room for all.

Anything that speaks the Arrow PyCapsule interface reads it, without a copy:
``pyarrow.table(result)``, ``polars.DataFrame(result)``.)";

constexpr const char* kStreamDoc = R"(Return the rows as a capsule with an ArrowArrayStream.

Args:
    requested_schema: ignored, as the protocol allows: the rows come in their own types.

Raises:
    ValueError: the rows were taken before; they can be taken once.)";

constexpr const char* kStatsDoc =
    R"(Return what the answer holds and what it cost, as far as it has been computed.

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

/// Rows that are computed while they are read: by any thread, with or without the GIL. Ctrl-C and
/// the deadline are heard while it computes.
class AnswerStream : public arrow::RecordBatchReader {
 public:
  AnswerStream(std::shared_ptr<Answer> answer, const Deadline& deadline)
      : answer_(std::move(answer)), deadline_(deadline) {}

  std::shared_ptr<arrow::Schema> schema() const override { return answer_->schema(); }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    if (!answer_->is_prepared()) ARROW_RETURN_NOT_OK(Compute());
    return answer_->ReadNext(batch);
  }

  const std::exception_ptr& error() const { return error_; }

 private:
  arrow::Status Compute() {
    try {
      const nb::gil_scoped_acquire gil;
      try {
        RunInterruptibly(deadline_, [this](const arrow::StopToken& stop) {
          answer_->set_stop(stop);
          return answer_->Prepare();
        });
        return arrow::Status::OK();
      } catch (const std::exception& error) {
        error_ = std::current_exception();
        const arrow::Status& status = answer_->status();
        return status.ok() ? arrow::Status::Cancelled(error.what()) : status;
      }
    } catch (const abi::__forced_unwind&) {
      StayUntilExit();  // It asked for the GIL while the interpreter shuts down.
    }
  }

  std::shared_ptr<Answer> answer_;
  const Deadline deadline_;
  std::exception_ptr error_;
};

PyResult::PyResult(std::shared_ptr<Answer> answer, const Deadline& deadline)
    : answer_(std::move(answer)), stream_(std::make_shared<AnswerStream>(answer_, deadline)) {}

nb::capsule PyResult::TakeRows() {
  if (std::exchange(is_taken_, true)) {
    throw nb::value_error("the rows of this result were taken already");
  }
  return ExportStream(stream_);
}

nb::capsule PyResult::Schema() const { return ExportSchema(*answer_->schema()); }

void PyResult::RaiseIfFailed() const {
  if (stream_->error() != nullptr) std::rethrow_exception(stream_->error());
}

nb::dict PyResult::Stats() const {
  const RunStats stats = answer_->stats();
  nb::list views;
  for (const auto& view : stats.views) views.append(ToDict(view));
  nb::dict dict;
  dict["rows"] = stats.rows;
  dict["threads"] = stats.threads;
  dict["peak_memory_bytes"] = stats.peak_memory_bytes;
  dict["total_seconds"] = stats.total_seconds;
  dict["views"] = views;
  dict["stages"] = ToDict(stats.stages);
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
           kStatsDoc)
      .def("raise_if_failed", &PyResult::RaiseIfFailed, kRaiseDoc);
  nb::class_<PySchema>(module, "Schema",
                       "The columns of a source, such as for ``pyarrow.schema(...)``.")
      .def(
          "__arrow_c_schema__", [](const PySchema& self) { return ExportSchema(*self.schema); },
          "Return the columns as a capsule with an ArrowSchema, any number of times.");
}

}  // namespace larder::python
