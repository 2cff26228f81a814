// SPDX-License-Identifier: Apache-2.0
#include "python_errors.h"

#include <arrow/util/io_util.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <cerrno>

namespace nb = nanobind;

namespace larder::python {
namespace {

[[noreturn]] void Raise(PyObject* type, const std::string& message) {
  PyErr_SetString(type, message.c_str());
  throw nb::python_error();
}

/// OSError picks its subclass by the errno.
[[noreturn]] void RaiseOsError(int errnum, const std::string& message) {
  const nb::tuple arguments = nb::make_tuple(errnum, message);
  PyErr_SetObject(PyExc_OSError, arguments.ptr());
  throw nb::python_error();
}

}  // namespace

void RaiseIfError(const arrow::Status& status) {
  const std::string& message = status.message();
  switch (status.code()) {
    case arrow::StatusCode::OK:
      return;
    case arrow::StatusCode::TypeError:
      Raise(PyExc_TypeError, message);
    case arrow::StatusCode::OutOfMemory:
      Raise(PyExc_MemoryError, message);
    case arrow::StatusCode::NotImplemented:
      Raise(PyExc_NotImplementedError, message);
    case arrow::StatusCode::AlreadyExists:
      RaiseOsError(EEXIST, message);
    case arrow::StatusCode::IOError: {
      const int errnum = arrow::internal::ErrnoFromStatus(status);
      if (errnum != 0) RaiseOsError(errnum, message);
      Raise(PyExc_OSError, message);
    }
    default:
      Raise(PyExc_ValueError, message);
  }
}

}  // namespace larder::python
