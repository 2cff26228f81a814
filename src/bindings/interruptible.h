// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/status.h>
#include <arrow/util/cancel.h>

#include <chrono>
#include <cstdint>
#include <functional>

namespace larder::python {

/// When what Python asked for must be done.
class Deadline {
 public:
  /// `timeout_ms` from now on; 0 = never.
  Deadline(int64_t timeout_ms);  // NOLINT(google-explicit-constructor): a timeout is one.

  std::chrono::steady_clock::time_point end() const { return end_; }
  bool has_passed() const { return std::chrono::steady_clock::now() >= end_; }
  /// Throws Python's TimeoutError.
  [[noreturn]] void RaiseTimeout() const;

 private:
  int64_t timeout_ms_;
  std::chrono::steady_clock::time_point end_;
};

/// Runs `body` on another thread, without the GIL, while this one watches for Ctrl-C and for the
/// deadline; on either the token is set, and the body is waited for. Raises what the body's
/// status says, what a handler of a signal raised (KeyboardInterrupt), or TimeoutError.
void RunInterruptibly(const Deadline& deadline,
                      const std::function<arrow::Status(const arrow::StopToken&)>& body);

}  // namespace larder::python
