// SPDX-License-Identifier: Apache-2.0
#include "python_errors.h"

#include <arrow/util/io_util.h>
#include <nanobind/nanobind.h>

#include <cerrno>
#include <string>

namespace nb = nanobind;

namespace larder::python {
namespace {

/// A message as text. It may name files and columns that are not UTF-8, which must not replace
/// the error by one of decoding.
nb::object ToText(const std::string& message) {
  return nb::steal(PyUnicode_DecodeUTF8(message.data(), static_cast<Py_ssize_t>(message.size()),
                                        "backslashreplace"));
}

[[noreturn]] void Raise(PyObject* type, const std::string& message) {
  const nb::object text = ToText(message);
  if (text.is_valid()) PyErr_SetObject(type, text.ptr());
  throw nb::python_error();
}

/// OSError picks its subclass by the errno.
[[noreturn]] void RaiseOsError(int errnum, const std::string& message) {
  const nb::object text = ToText(message);
  if (!text.is_valid()) throw nb::python_error();
  const nb::tuple arguments = nb::make_tuple(errnum, text);
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
    case arrow::StatusCode::UnknownError:
      Raise(PyExc_RuntimeError, message);
    default:
      Raise(PyExc_ValueError, message);
  }
}

}  // namespace larder::python
