// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/type_fwd.h>
#include <nanobind/nanobind.h>

#include <memory>

#include "interruptible.h"
#include "larder/query/run.h"

namespace larder::python {

/// An answer on its way out: its rows once, its columns and figures at any time.
class PyResult {
 public:
  /// By the deadline all rows must have been computed.
  PyResult(std::shared_ptr<Answer> answer, const Deadline& deadline);

  /// A capsule with the rows; throws a ValueError the second time.
  nanobind::capsule TakeRows();
  nanobind::capsule Schema() const;
  nanobind::dict Stats() const;
  /// Throws what the computing of the rows failed with, as a stream can only tell by its text.
  void RaiseIfFailed() const;

 private:
  std::shared_ptr<Answer> answer_;
  std::shared_ptr<class AnswerStream> stream_;
  bool is_taken_ = false;
};

/// The columns of a source on their way out.
struct PySchema {
  std::shared_ptr<arrow::Schema> schema;
};

}  // namespace larder::python
