// SPDX-License-Identifier: Apache-2.0
#include "released_gil.h"

#include <cxxabi.h>
#include <unistd.h>

namespace larder::python {

void StayUntilExit() noexcept {
  for (;;) pause();
}

void ReleasedGil::TakeBack() noexcept {
  try {
    PyEval_RestoreThread(state_);
  } catch (const abi::__forced_unwind&) {
    StayUntilExit();
  }
}

}  // namespace larder::python
