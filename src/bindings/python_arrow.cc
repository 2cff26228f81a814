// SPDX-License-Identifier: Apache-2.0
#include "python_arrow.h"

#include <arrow/c/abi.h>
#include <arrow/c/bridge.h>
#include <arrow/type.h>

#include <string>
#include <utility>

#include "python_errors.h"

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
  void* pointer = PyCapsule_GetPointer(keep->ptr(), name);
  if (pointer == nullptr) throw nb::python_error();
  return static_cast<CStruct*>(pointer);
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
  return ValueOrRaise(arrow::ImportRecordBatchReader(stream));
}

std::shared_ptr<arrow::Schema> ImportSchema(nb::handle object, const char* what) {
  nb::object keep;
  auto* schema = OpenCapsule<ArrowSchema>(object, "__arrow_c_schema__", kSchemaName, what, &keep);
  return ValueOrRaise(arrow::ImportSchema(schema));
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
