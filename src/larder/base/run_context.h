// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/compute/exec.h>
#include <arrow/memory_pool.h>
#include <arrow/status.h>
#include <arrow/util/cancel.h>

#include <cstdint>
#include <functional>
#include <string>

namespace larder {

/// What every step of one run shares.
struct RunContext {
  arrow::MemoryPool* pool = arrow::default_memory_pool();
  int threads = 1;
  int64_t batch_rows = 65536;
  int key_hash_bits = 64;
  int64_t memory_limit = 0;  ///< Bytes; what `pool` enforces; 0 = none.
  /// Rows or keys that a step holds at most before it works in pieces or spills; 0 = as many as
  /// memory_limit lets. For tests: it changes the road, never the answer.
  int64_t rows_in_memory = 0;
  std::string spill_directory = {};  ///< Of temporary files; empty = the system's.
  arrow::StopToken stop = arrow::StopToken::Unstoppable();

  /// For Arrow's compute functions, on the calling thread.
  arrow::compute::ExecContext exec() const {
    arrow::compute::ExecContext context(pool);
    context.set_use_threads(false);
    return context;
  }
};

/// Cores that this process may use.
int CoreCount();

/// Runs task(0) ... task(count - 1) on up to `threads` threads, the caller's among them; tasks
/// begin in order. After an error or a stop no further task begins. Returns the error of the
/// lowest task that failed, so that messages do not depend on the number of threads.
/// Exceptions of a task become errors.
arrow::Status RunTasks(const RunContext& context, int64_t count,
                       const std::function<arrow::Status(int64_t)>& task);

/// Runs `body`; turns std::bad_alloc into OutOfMemory, Parquet's exceptions into IOError.
arrow::Status CatchExceptions(const std::function<arrow::Status()>& body);

}  // namespace larder
