// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/status.h>

namespace larder::python {

/// Throws the Python exception that says what the status says, without Arrow's code in front:
/// ValueError (Invalid), TypeError, FileExistsError (AlreadyExists), OSError with its errno, so
/// FileNotFoundError and its like (IOError), MemoryError (OutOfMemory), NotImplementedError,
/// RuntimeError (UnknownError).
void RaiseIfError(const arrow::Status& status);

}  // namespace larder::python
