// SPDX-License-Identifier: Apache-2.0
#include "python_arrow.h"

#include <arrow/c/abi.h>
#include <arrow/c/bridge.h>
#include <arrow/type.h>

#include <string>
#include <utility>

#include "python_errors.h"
#include "released_gil.h"

namespace nb = nanobind;

namespace larder::python {
namespace {

constexpr const char* kStreamName = "arrow_array_stream";
constexpr const char* kSchemaName = "arrow_schema";

/// Calls the object's protocol method and opens the capsule it returns.
template <typename CStruct>
CStruct* OpenCapsule(nb::handle object, const char* method, const char* name, const char* what,
                     nb::object* keep) {
  if (!nb::hasattr(object, method)) {
    throw nb::type_error(
        (std::string(what) + " must be Arrow data, such as a pyarrow.Table: it has no " + method)
            .c_str());
  }
  *keep = object.attr(method)();
  if (!PyCapsule_IsValid(keep->ptr(), name)) {
    throw nb::type_error(
        (std::string(what) + ": its " + method + "() must return a capsule named \"" + name + "\"")
            .c_str());
  }
  return static_cast<CStruct*>(PyCapsule_GetPointer(keep->ptr(), name));
}

/// The result of an import, or its error with the name of what was imported.
template <typename T>
T ImportedOrRaise(arrow::Result<T> result, const char* what) {
  const auto& status = result.status();
  if (!status.ok()) RaiseIfError(status.WithMessage(what, ": ", status.message()));
  return std::move(result).MoveValueUnsafe();
}

/// What a capsule's destructor does: a consumer that took the content has cleared `release`.
template <typename CStruct>
void Destroy(void* pointer) noexcept {
  auto* content = static_cast<CStruct*>(pointer);
  if (content->release != nullptr) content->release(content);
  delete content;
}

template <typename CStruct>
nb::capsule MakeCapsule(std::unique_ptr<CStruct> content, const char* name) {
  return nb::capsule(content.release(), name, &Destroy<CStruct>);
}

}  // namespace

std::shared_ptr<arrow::RecordBatchReader> ImportStream(nb::handle object, const char* what) {
  nb::object keep;
  auto* stream =
      OpenCapsule<ArrowArrayStream>(object, "__arrow_c_stream__", kStreamName, what, &keep);
  auto reader = [stream] {
    const ReleasedGil released;  // The producer may wait for a thread of its own that needs it.
    return arrow::ImportRecordBatchReader(stream);
  }();
  return ImportedOrRaise(std::move(reader), what);
}

std::shared_ptr<arrow::Schema> ImportSchema(nb::handle object, const char* what) {
  nb::object keep;
  auto* schema = OpenCapsule<ArrowSchema>(object, "__arrow_c_schema__", kSchemaName, what, &keep);
  return ImportedOrRaise(arrow::ImportSchema(schema), what);
}

nb::capsule ExportStream(std::shared_ptr<arrow::RecordBatchReader> reader) {
  auto stream = std::make_unique<ArrowArrayStream>();
  RaiseIfError(arrow::ExportRecordBatchReader(std::move(reader), stream.get()));
  return MakeCapsule(std::move(stream), kStreamName);
}

nb::capsule ExportSchema(const arrow::Schema& schema) {
  auto exported = std::make_unique<ArrowSchema>();
  RaiseIfError(arrow::ExportSchema(schema, exported.get()));
  return MakeCapsule(std::move(exported), kSchemaName);
}

}  // namespace larder::python
