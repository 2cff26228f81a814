// SPDX-License-Identifier: Apache-2.0
#include "interruptible.h"

#include <nanobind/nanobind.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "larder/base/run_context.h"
#include "python_errors.h"

namespace nb = nanobind;

namespace larder::python {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPollInterval = std::chrono::milliseconds(50);

/// The end of the body, waited for in steps.
class Completion {
 public:
  void Set(arrow::Status status) {
    const std::lock_guard<std::mutex> lock(mutex_);
    status_ = std::move(status);
    changed_.notify_all();
  }
  /// False if `until` came first.
  bool WaitUntil(Clock::time_point until) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_until(lock, until, [this] { return status_.has_value(); });
  }
  const arrow::Status& status() const { return *status_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<arrow::Status> status_;
};

}  // namespace

void RunInterruptibly(int64_t timeout_ms,
                      const std::function<arrow::Status(const arrow::StopToken&)>& body) {
  arrow::StopSource stop;
  Completion completion;
  const auto deadline = timeout_ms > 0 ? Clock::now() + std::chrono::milliseconds(timeout_ms)
                                       : Clock::time_point::max();
  bool late = false;
  std::optional<nb::python_error> interrupt;  // What the signal's handler raised.
  {
    const nb::gil_scoped_release released;
    std::thread worker(
        [&] { completion.Set(CatchExceptions([&] { return body(stop.token()); })); });
    while (!completion.WaitUntil(std::min(deadline, Clock::now() + kPollInterval))) {
      if (!late && Clock::now() >= deadline) {
        late = true;
        stop.RequestStop();
      }
      if (late || interrupt) {
        completion.WaitUntil(Clock::now() + kPollInterval);
        continue;
      }
      const nb::gil_scoped_acquire acquired;
      if (PyErr_CheckSignals() != 0) {
        interrupt.emplace();
        stop.RequestStop();
      }
    }
    worker.join();
  }
  const arrow::Status& status = completion.status();
  if (interrupt) throw nb::python_error(std::move(*interrupt));
  if (late && status.IsCancelled()) {
    PyErr_Format(PyExc_TimeoutError, "stopped after the timeout of %lld ms",
                 static_cast<long long>(timeout_ms));
    throw nb::python_error();
  }
  RaiseIfError(status);
}

}  // namespace larder::python
