// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

namespace larder::python {

/// Gives up the GIL for as long as it lives. Instead of nanobind's guard, because this one is
/// safe in daemon threads: until Python 3.14 a thread that asks for the GIL while the interpreter
/// shuts down is unwound by pthread_exit, which ends the process at the first noexcept function.
/// Here such a thread stays where it is until the process ends, as in Python 3.14.
class ReleasedGil {
 public:
  ReleasedGil() : state_(PyEval_SaveThread()) {}
  ~ReleasedGil() { TakeBack(); }
  ReleasedGil(const ReleasedGil&) = delete;
  ReleasedGil& operator=(const ReleasedGil&) = delete;

  /// Calls `body`, which must not throw, with the GIL.
  template <typename Body>
  void WithGil(const Body& body) {
    TakeBack();
    body();
    state_ = PyEval_SaveThread();
  }

 private:
  void TakeBack() noexcept;

  PyThreadState* state_;
};

/// Never returns; for threads that the interpreter wants to end.
[[noreturn]] void StayUntilExit() noexcept;

}  // namespace larder::python
