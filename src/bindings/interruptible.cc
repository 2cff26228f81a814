// SPDX-License-Identifier: Apache-2.0
#include "interruptible.h"

#include <cxxabi.h>
#include <nanobind/nanobind.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include "larder/base/run_context.h"
#include "python_errors.h"
#include "released_gil.h"

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

/// What the worker does. The body may call into Python, for rows that a Python iterator makes.
void Work(const std::function<arrow::Status()>& body, Completion* completion) {
  try {
    completion->Set(CatchExceptions(body));
  } catch (const abi::__forced_unwind&) {
    StayUntilExit();  // It asked for the GIL while the interpreter shuts down.
  } catch (...) {
    completion->Set(arrow::Status::UnknownError("an exception of unknown type"));
  }
}

std::thread StartThread(std::function<void()> body) {
  try {
    return std::thread(std::move(body));
  } catch (const std::system_error& error) {
    throw std::runtime_error(std::string("cannot start a thread: ") + error.what());
  }
}

/// The clock's end if `timeout_ms` is 0, or longer than the clock can count.
Clock::time_point EndAfter(int64_t timeout_ms) {
  const auto now = Clock::now();
  const auto longest =
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::time_point::max() - now);
  if (timeout_ms <= 0 || timeout_ms >= longest.count()) return Clock::time_point::max();
  return now + std::chrono::milliseconds(timeout_ms);
}

}  // namespace

Deadline::Deadline(int64_t timeout_ms) : timeout_ms_(timeout_ms), end_(EndAfter(timeout_ms)) {}

void Deadline::RaiseTimeout() const {
  PyErr_Format(PyExc_TimeoutError, "stopped after the timeout of %lld ms",
               static_cast<long long>(timeout_ms_));
  throw nb::python_error();
}

void RunInterruptibly(const Deadline& deadline,
                      const std::function<arrow::Status(const arrow::StopToken&)>& body) {
  // Calls that are over before the first look would never hear either, however many there are.
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
  if (deadline.has_passed()) deadline.RaiseTimeout();
  arrow::StopSource stop;
  Completion completion;
  bool late = false;
  std::optional<nb::python_error> interrupt;  // What the signal's handler raised.
  {
    ReleasedGil released;
    std::thread worker =
        StartThread([&] { Work([&] { return body(stop.token()); }, &completion); });
    while (!completion.WaitUntil(std::min(deadline.end(), Clock::now() + kPollInterval))) {
      if (!late && deadline.has_passed()) {
        late = true;
        stop.RequestStop();
      }
      if (late || interrupt) {
        completion.WaitUntil(Clock::now() + kPollInterval);
        continue;
      }
      released.WithGil([&] {
        if (PyErr_CheckSignals() == 0) return;
        interrupt.emplace();
        stop.RequestStop();
      });
    }
    worker.join();
  }
  const arrow::Status& status = completion.status();
  if (interrupt) throw nb::python_error(std::move(*interrupt));
  if (late && status.IsCancelled()) deadline.RaiseTimeout();
  RaiseIfError(status);
}

}  // namespace larder::python
