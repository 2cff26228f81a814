// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/record_batch.h>
#include <arrow/type_fwd.h>
#include <nanobind/nanobind.h>

#include <memory>

// Arrow data across the Python border, by the PyCapsule interface alone: no copies, no knowledge
// of pyarrow. https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html

namespace larder::python {

/// Reads any object with __arrow_c_stream__. `what` is for the TypeError otherwise.
std::shared_ptr<arrow::RecordBatchReader> ImportStream(nanobind::handle object, const char* what);

/// Reads any object with __arrow_c_schema__.
std::shared_ptr<arrow::Schema> ImportSchema(nanobind::handle object, const char* what);

/// A capsule named "arrow_array_stream".
nanobind::capsule ExportStream(std::shared_ptr<arrow::RecordBatchReader> reader);

/// A capsule named "arrow_schema".
nanobind::capsule ExportSchema(const arrow::Schema& schema);

}  // namespace larder::python
