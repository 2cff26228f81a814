// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <new>
#include <string>
#include <vector>

#include "larder/base/memory_budget.h"
#include "larder/kernel/key_index.h"
#include "larder/kernel/key_table.h"
#include "tests/cpp/parquet_testing.h"

namespace larder {
namespace {

class KeyTableTest : public testing::TestWithParam<int> {
 protected:
  template <typename Keys>
  void ExpectSlots(const std::vector<typename Keys::Key>& keys) {
    KeyTable<Keys> table(GetParam(), arrow::default_memory_pool());
    for (size_t i = 0; i < keys.size(); ++i) {
      ASSERT_EQ(table.Find(keys[i], table.Hash(keys[i])), kNoSlot);
      ASSERT_EQ(table.FindOrInsert(keys[i], table.Hash(keys[i])), i);
    }
    EXPECT_EQ(table.size(), keys.size());
    for (size_t i = 0; i < keys.size(); ++i) {
      ASSERT_EQ(table.Find(keys[i], table.Hash(keys[i])), i);
      ASSERT_EQ(table.FindOrInsert(keys[i], table.Hash(keys[i])), i);
    }
    EXPECT_EQ(table.size(), keys.size());
  }
};

INSTANTIATE_TEST_SUITE_P(HashBits, KeyTableTest, testing::Values(0, 1, 8, 63, 64));

TEST_P(KeyTableTest, IntegersKeepTheirSlotsWhileItGrows) {
  std::vector<int64_t> keys{0, -1, std::numeric_limits<int64_t>::min(),
                            std::numeric_limits<int64_t>::max()};
  for (int64_t i = 1; i <= 1000; ++i) keys.push_back(i << (i % 40));
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  ExpectSlots<Int64Keys>(keys);
}

TEST_P(KeyTableTest, TextKeepsItsSlotsWhileItGrows) {
  std::vector<std::string> texts{"", std::string(1, '\0'), std::string(2, '\0')};
  for (int i = 0; i < 1000; ++i)
    texts.push_back(std::string(static_cast<size_t>(i % 7), 'x') + std::to_string(i));
  ExpectSlots<BytesKeys>({texts.begin(), texts.end()});
}

TEST(KeyTableMemory, GrowingBeyondTheLimitThrows) {
  const auto budget = MemoryBudget::Make(4096);
  KeyTable<Int64Keys> table(64, budget.get());
  const auto insert = [&] {
    for (int64_t key = 0; key < 1000; ++key) table.FindOrInsert(key, table.Hash(key));
  };
  EXPECT_THROW(insert(), std::bad_alloc);
}

class SlotFinderTest : public testing::Test {
 protected:
  SlotFinderTest() {
    const auto entity = TableOf({arrow::field("k", arrow::utf8())}, {R"(["a", "b"])"});
    PoolVector<Slot> slots(pool_);
    index_ = Unwrap(KeyIndex::Build(*entity, RunContext{}, &slots));
    EXPECT_EQ(std::vector<Slot>(slots.begin(), slots.end()), (std::vector<Slot>{0, 1}));
    finder_.emplace(*index_, pool_);
  }

  static std::shared_ptr<arrow::Array> Coded(const std::string& indices,
                                             const std::shared_ptr<arrow::Array>& values) {
    return Unwrap(arrow::DictionaryArray::FromArrays(
        arrow::dictionary(arrow::int8(), arrow::utf8()), FromJson(arrow::int8(), indices), values));
  }

  std::vector<Slot> Find(const std::shared_ptr<arrow::Array>& column) {
    const Slot* slots = Unwrap(finder_->Find({column}));
    return {slots, slots + column->length()};
  }

  arrow::MemoryPool* pool_ = arrow::default_memory_pool();
  std::optional<KeyIndex> index_;
  std::optional<SlotFinder> finder_;
};

TEST_F(SlotFinderTest, BatchesOfOneDictionaryAndOfOthers) {
  const auto first = FromJson(arrow::utf8(), R"(["b", "c", "a"])");
  const auto second = FromJson(arrow::utf8(), R"(["a", null])");
  EXPECT_EQ(Find(Coded("[0, 1, 2, null]", first)), (std::vector<Slot>{1, kNoSlot, 0, kNoSlot}));
  EXPECT_EQ(Find(Coded("[2, 2]", first)), (std::vector<Slot>{0, 0}));
  EXPECT_EQ(Find(Coded("[0, 1]", second)), (std::vector<Slot>{0, kNoSlot}));
  EXPECT_EQ(Find(FromJson(arrow::utf8(), R"(["b"])")), (std::vector<Slot>{1}));
  EXPECT_EQ(Find(Coded("[0, 1, 2]", first)->Slice(2)), (std::vector<Slot>{0}));
}

TEST_F(SlotFinderTest, ADictionaryWithoutValues) {
  EXPECT_EQ(Find(Coded("[null, null]", FromJson(arrow::utf8(), "[]"))),
            (std::vector<Slot>{kNoSlot, kNoSlot}));
}

}  // namespace
}  // namespace larder
