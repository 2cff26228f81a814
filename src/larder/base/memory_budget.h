// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/memory_pool.h>
#include <arrow/stl_allocator.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace larder {

/// Counts what one run allocates, and refuses what would go beyond its limit. Thread-safe.
///
/// Arrow buffers keep a bare pointer to their pool and may outlive the run that made them (the
/// answer is handed to Python), so the budget lives on until its owner and the last of its
/// allocations are gone.
class MemoryBudget final : public arrow::MemoryPool {
 public:
  /// `limit` in bytes; 0 = none.
  static std::shared_ptr<MemoryBudget> Make(int64_t limit);

  using arrow::MemoryPool::Allocate;
  using arrow::MemoryPool::Free;
  using arrow::MemoryPool::Reallocate;
  /// OutOfMemory, which names memory_limit, beyond the limit.
  arrow::Status Allocate(int64_t size, int64_t alignment, uint8_t** out) override;
  arrow::Status Reallocate(int64_t old_size, int64_t new_size, int64_t alignment,
                           uint8_t** ptr) override;
  void Free(uint8_t* buffer, int64_t size, int64_t alignment) override;
  void ReleaseUnused() override { parent_->ReleaseUnused(); }

  int64_t bytes_allocated() const override { return used_.load(); }
  int64_t max_memory() const override { return peak_.load(); }
  int64_t total_bytes_allocated() const override { return total_.load(); }
  int64_t num_allocations() const override { return allocations_.load(); }
  std::string backend_name() const override { return parent_->backend_name(); }

 private:
  explicit MemoryBudget(int64_t limit) : limit_(limit) {}
  ~MemoryBudget() override = default;

  arrow::Status Take(int64_t bytes);
  void GiveBack(int64_t bytes) { used_.fetch_sub(bytes); }
  void Unref();

  /// Not Arrow's default, mimalloc: that gives memory back to the system and has it cleared again
  /// all the time, and keeps twice as much of it where tables of many sizes come and go.
  arrow::MemoryPool* const parent_ = arrow::system_memory_pool();
  const int64_t limit_;
  std::atomic<int64_t> used_{0};
  std::atomic<int64_t> peak_{0};
  std::atomic<int64_t> total_{0};
  std::atomic<int64_t> allocations_{0};
  std::atomic<int64_t> refs_{1};  ///< The owner and each live allocation.
};

/// A vector whose memory counts against a budget: PoolVector<int> v(pool). Throws std::bad_alloc
/// beyond the limit, which RunTasks() and CatchExceptions() turn into OutOfMemory.
template <typename T>
using PoolVector = std::vector<T, arrow::stl::allocator<T>>;

}  // namespace larder
