// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "larder/base/run_context.h"

namespace larder {
namespace {

using arrow::Status;

class RunTasksTest : public testing::TestWithParam<int> {
 protected:
  RunTasksTest() { context_.threads = GetParam(); }
  RunContext context_;
};

TEST_P(RunTasksTest, RunsEachTaskOnce) {
  std::vector<std::atomic<int>> calls(1'000);
  ASSERT_TRUE(RunTasks(context_, 1'000, [&](int64_t i) {
                ++calls[static_cast<size_t>(i)];
                return Status::OK();
              }).ok());
  for (const auto& count : calls) EXPECT_EQ(count.load(), 1);
}

TEST_P(RunTasksTest, ReportsTheFirstTaskThatFailed) {
  const Status status = RunTasks(context_, 100, [](int64_t i) {
    return i % 10 == 3 ? Status::Invalid("task ", i) : Status::OK();
  });
  EXPECT_EQ(status.message(), "task 3");
}

TEST_P(RunTasksTest, TurnsExceptionsIntoErrors) {
  EXPECT_TRUE(
      RunTasks(context_, 2, [](int64_t) -> Status { throw std::bad_alloc(); }).IsOutOfMemory());
  EXPECT_TRUE(
      RunTasks(context_, 2, [](int64_t) -> Status { throw std::runtime_error("x"); }).IsIOError());
}

TEST_P(RunTasksTest, StopsWhenAsked) {
  arrow::StopSource source;
  context_.stop = source.token();
  std::atomic<int> calls = 0;
  const Status status = RunTasks(context_, 1'000, [&](int64_t) {
    // Every call from the fifth on, so that no thread can outrun the one that asks first.
    if (++calls >= 5) source.RequestStop();
    return Status::OK();
  });
  EXPECT_TRUE(status.IsCancelled());
  EXPECT_LT(calls.load(), 1'000);
}

INSTANTIATE_TEST_SUITE_P(Threads, RunTasksTest, testing::Values(1, 2, 8));

}  // namespace
}  // namespace larder
