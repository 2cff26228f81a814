// SPDX-License-Identifier: Apache-2.0
#include <arrow/buffer.h>
#include <gtest/gtest.h>

#include <new>
#include <string>
#include <utility>

#include "larder/base/memory_budget.h"

namespace larder {
namespace {

TEST(MemoryBudgetTest, RefusesWhatIsBeyondTheLimitAndNamesTheOption) {
  const auto budget = MemoryBudget::Make(1'000);
  auto first = arrow::AllocateBuffer(600, budget.get());
  ASSERT_TRUE(first.ok());
  const auto second = arrow::AllocateBuffer(600, budget.get());
  ASSERT_TRUE(second.status().IsOutOfMemory());
  EXPECT_NE(second.status().message().find("memory_limit of 1000"), std::string::npos);
  first->reset();
  EXPECT_EQ(budget->bytes_allocated(), 0);
  EXPECT_TRUE(arrow::AllocateBuffer(600, budget.get()).ok());
  EXPECT_LE(budget->max_memory(), 1'000);
}

TEST(MemoryBudgetTest, CountsVectorsAndGrowth) {
  const auto budget = MemoryBudget::Make(4'096);
  PoolVector<int64_t> vector(64, int64_t{0}, budget.get());
  EXPECT_GE(budget->bytes_allocated(), 512);
  EXPECT_THROW(vector.resize(4'096), std::bad_alloc);
  EXPECT_EQ(vector.size(), 64);
}

TEST(MemoryBudgetTest, OutlivesItsOwnerWhileBuffersDo) {
  auto budget = MemoryBudget::Make(0);
  auto buffer = *arrow::AllocateBuffer(1 << 20, budget.get());
  budget.reset();
  buffer->mutable_data()[0] = 1;
  buffer.reset();  // Under a sanitizer: neither a use after free nor a leak.
}

}  // namespace
}  // namespace larder
