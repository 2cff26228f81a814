// SPDX-License-Identifier: Apache-2.0
#include "larder/base/run_context.h"

#include <parquet/exception.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

namespace larder {

using arrow::Status;

int CoreCount() {
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof(cores), &cores) == 0) return std::max(1, CPU_COUNT(&cores));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

Status CatchExceptions(const std::function<Status()>& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Status::OutOfMemory(
        "memory_limit, or the machine's memory, is too small for this request: raise "
        "memory_limit or ask for fewer rows at a time");
  } catch (const parquet::ParquetStatusException& error) {
    const Status& status = error.status();
    if (status.IsOutOfMemory() || status.IsCancelled()) return status;
    return Status::IOError(status.message());
  } catch (const std::exception& error) {
    // Nothing of ours throws anything else: this is Parquet reading a broken file.
    return Status::IOError(error.what());
  }
}

namespace {

class TaskRun {
 public:
  TaskRun(const RunContext& context, int64_t count, const std::function<Status(int64_t)>& task)
      : context_(context), count_(count), task_(task) {}

  void Work() {
    while (!failed_.load(std::memory_order_relaxed)) {
      const int64_t index = next_.fetch_add(1);
      if (index >= count_) return;
      Status status = context_.stop.Poll();
      if (status.ok()) status = CatchExceptions([&] { return task_(index); });
      if (!status.ok()) Fail(index, std::move(status));
    }
  }

  Status result() { return std::move(status_); }

 private:
  void Fail(int64_t index, Status status) {
    const std::lock_guard<std::mutex> lock(mutex_);
    failed_.store(true);
    if (status_.ok() || index < failed_index_) {
      status_ = std::move(status);
      failed_index_ = index;
    }
  }

  const RunContext& context_;
  const int64_t count_;
  const std::function<Status(int64_t)>& task_;
  std::atomic<int64_t> next_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  Status status_;
  int64_t failed_index_ = 0;
};

}  // namespace

Status RunTasks(const RunContext& context, int64_t count,
                const std::function<Status(int64_t)>& task) {
  TaskRun run(context, count, task);
  const int64_t helpers = std::min<int64_t>(context.threads, count) - 1;
  std::vector<std::thread> threads;
  for (int64_t i = 0; i < helpers; ++i) {
    try {
      threads.emplace_back([&run] { run.Work(); });
    } catch (const std::system_error&) {
      break;  // The system gives no more threads: those that run do all the work.
    }
  }
  run.Work();
  for (auto& thread : threads) thread.join();
  return run.result();
}

}  // namespace larder
