// SPDX-License-Identifier: Apache-2.0
#include "larder/base/memory_budget.h"

#include <arrow/status.h>

#include <algorithm>

namespace larder {

using arrow::Status;

std::shared_ptr<MemoryBudget> MemoryBudget::Make(int64_t limit) {
  return std::shared_ptr<MemoryBudget>(new MemoryBudget(limit),
                                       [](MemoryBudget* budget) { budget->Unref(); });
}

Status MemoryBudget::Take(int64_t bytes) {
  const int64_t now = used_.fetch_add(bytes) + bytes;
  if (bytes > 0 && limit_ > 0 && now > limit_) {
    used_.fetch_sub(bytes);
    return Status::OutOfMemory("memory_limit of ", limit_, " bytes is too small: ", now - bytes,
                               " are in use and ", bytes,
                               " more are needed; raise memory_limit or ask for fewer rows or "
                               "features at a time");
  }
  int64_t peak = peak_.load();
  while (now > peak && !peak_.compare_exchange_weak(peak, now)) {
  }
  return Status::OK();
}

Status MemoryBudget::Allocate(int64_t size, int64_t alignment, uint8_t** out) {
  ARROW_RETURN_NOT_OK(Take(size));
  Status status = parent_->Allocate(size, alignment, out);
  if (!status.ok()) {
    GiveBack(size);
    return status;
  }
  total_.fetch_add(size);
  allocations_.fetch_add(1);
  refs_.fetch_add(1);
  return Status::OK();
}

Status MemoryBudget::Reallocate(int64_t old_size, int64_t new_size, int64_t alignment,
                                uint8_t** ptr) {
  ARROW_RETURN_NOT_OK(Take(new_size - old_size));
  Status status = parent_->Reallocate(old_size, new_size, alignment, ptr);
  if (!status.ok()) {
    GiveBack(new_size - old_size);
    return status;
  }
  total_.fetch_add(std::max<int64_t>(new_size - old_size, 0));
  allocations_.fetch_add(1);
  return Status::OK();
}

void MemoryBudget::Free(uint8_t* buffer, int64_t size, int64_t alignment) {
  parent_->Free(buffer, size, alignment);
  GiveBack(size);
  Unref();
}

void MemoryBudget::Unref() {
  if (refs_.fetch_sub(1) == 1) delete this;
}

}  // namespace larder
