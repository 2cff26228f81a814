// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/status.h>
#include <arrow/util/cancel.h>

#include <cstdint>
#include <functional>

namespace larder::python {

/// Runs `body` on another thread, without the GIL, while this one watches for Ctrl-C and for the
/// deadline; on either the token is set, and the body is waited for. Raises what the body's
/// status says, what a handler of a signal raised (KeyboardInterrupt), or TimeoutError.
/// `timeout_ms` 0 = none.
void RunInterruptibly(int64_t timeout_ms,
                      const std::function<arrow::Status(const arrow::StopToken&)>& body);

}  // namespace larder::python
