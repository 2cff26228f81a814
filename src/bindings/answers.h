// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/type_fwd.h>
#include <nanobind/nanobind.h>

#include <memory>

#include "larder/query/run.h"

namespace larder::python {

/// An answer on its way out: its rows once, its columns and figures at any time.
class PyResult {
 public:
  explicit PyResult(Answer answer);

  /// A capsule with the rows; throws a ValueError the second time.
  nanobind::capsule TakeRows();
  nanobind::capsule Schema() const;
  nanobind::dict Stats() const;

 private:
  std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<arrow::RecordBatchReader> rows_;
  RunStats stats_;
};

/// The columns of a source on their way out.
struct PySchema {
  std::shared_ptr<arrow::Schema> schema;
};

}  // namespace larder::python
