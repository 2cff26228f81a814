// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <utility>

namespace larder::python {

/// Throws the Python exception that says what the status says, without Arrow's code in front:
/// ValueError (Invalid), TypeError, FileExistsError (AlreadyExists), OSError with its errno, so
/// FileNotFoundError and its like (IOError), MemoryError (OutOfMemory), NotImplementedError.
void RaiseIfError(const arrow::Status& status);

template <typename T>
T ValueOrRaise(arrow::Result<T> result) {
  RaiseIfError(result.status());
  return std::move(result).MoveValueUnsafe();
}

}  // namespace larder::python
