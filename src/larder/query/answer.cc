// SPDX-License-Identifier: Apache-2.0
#include "larder/query/answer.h"

#include <arrow/compute/initialize.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <unistd.h>

#include <algorithm>

#include "larder/query/validate.h"
#include "larder/source/column_bounds.h"

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

ViewStats SourceReads::Stats(const std::string& name) const {
  ViewStats stats;
  stats.name = name;
  stats.files = static_cast<int64_t>(dataset_->files().size());
  stats.files_read = counters_.files();
  stats.row_groups = static_cast<int64_t>(dataset_->row_groups().size());
  stats.row_groups_read = counters_.row_groups();
  stats.rows_scanned = rows_scanned_.load();
  stats.bytes_read = counters_.bytes();
  return stats;
}

Answer::Answer(const RunOptions& options) : lasting_(MemoryBudget::Make(options.memory_limit)) {
  context_.pool = lasting_.get();
  context_.threads = options.threads > 0 ? options.threads : CoreCount();
  context_.batch_rows = options.batch_rows;
  context_.key_hash_bits = options.key_hash_bits;
  context_.memory_limit = options.memory_limit;
  context_.rows_in_memory = options.rows_in_memory;
  context_.spill_directory = options.spill_directory;
  context_.stop = options.stop;
}

Status Answer::Prepare() {
  lap_ = Clock::now();
  const auto begin = std::exchange(opened_, std::nullopt).value_or(lap_);
  while (status_.ok() && !is_prepared()) {
    NewBudget();
    std::optional<arrow::RecordBatchVector> block;
    status_ = CatchExceptions([&]() -> Status {
      ARROW_ASSIGN_OR_RAISE(block, NextBlock());
      return Status::OK();
    });
    if (!status_.ok()) break;
    finished_ = !block.has_value();
    if (finished_) break;
    for (auto& batch : *block) {
      rows_ += batch->num_rows();
      if (batch->num_rows() > 0) ready_.push_back(std::move(batch));
    }
  }
  seconds_ += SecondsSince(begin);
  return status_;
}

Status Answer::ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) {
  batch->reset();
  ARROW_RETURN_NOT_OK(Prepare());
  if (ready_.empty()) return Status::OK();
  *batch = std::move(ready_.front());
  ready_.pop_front();
  return Status::OK();
}

void Answer::NewBudget() {
  peak_ = PeakMemory();
  // What the allocator keeps for later is not counted, but resident.
  if (context_.memory_limit > 0) lasting_->ReleaseUnused();
  int64_t limit = 0;
  if (context_.memory_limit > 0) {
    limit = std::max<int64_t>(1, context_.memory_limit - lasting_->bytes_allocated());
  }
  // The old one lives on until the rows that the caller holds are gone.
  block_ = MemoryBudget::Make(limit);
  context_.pool = block_.get();
}

int64_t Answer::PeakMemory() const {
  const int64_t lasting = std::max(peak_, lasting_->max_memory());
  if (block_ == nullptr) return lasting;
  return std::max(lasting, lasting_->bytes_allocated() + block_->max_memory());
}

int64_t Answer::BlockBytes() const {
  const int64_t all = context_.memory_limit > 0
                          ? context_.memory_limit
                          : int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  return std::max<int64_t>(1, (all - lasting_->bytes_allocated()) / 2);
}

double Answer::Lap() {
  const double seconds = SecondsSince(lap_);
  lap_ = Clock::now();
  return seconds;
}

RunStats Answer::stats() const {
  RunStats stats;
  stats.rows = rows_;
  stats.threads = context_.threads;
  stats.peak_memory_bytes = PeakMemory();
  stats.total_seconds = seconds_;
  stats.views = ViewsStats();
  stats.stages = stages_;
  return stats;
}

Result<std::shared_ptr<Answer>> BeginAnswer(
    const RunOptions& options, const std::function<Result<std::shared_ptr<Answer>>()>& open) {
  ARROW_RETURN_NOT_OK(CheckOptions(options));
  ARROW_RETURN_NOT_OK(arrow::compute::Initialize());
  std::shared_ptr<Answer> answer;
  ARROW_RETURN_NOT_OK(CatchExceptions([&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(answer, open());
    return answer->Prepare();
  }));
  return answer;
}

Result<arrow::RecordBatchVector> BatchesOf(const arrow::Table& table, int64_t most_rows) {
  arrow::TableBatchReader reader(table);
  reader.set_chunksize(most_rows);
  return reader.ToRecordBatches();
}

int64_t EstimateRowBytes(const Dataset& dataset, const std::vector<std::string>& columns) {
  int64_t all = 1;
  for (const auto& name : columns) {
    const auto field = dataset.schema()->GetFieldByName(name);
    if (field != nullptr && arrow::is_fixed_width(field->type()->id())) {
      all += std::max(1, field->type()->bit_width() / 8);
      continue;
    }
    // Such columns are held as they are read and as they are given out.
    constexpr int64_t kCopies = 3;
    int64_t bytes = 0;
    int64_t rows = 0;
    for (const auto& group : dataset.row_groups()) {
      rows += group.rows;
      bytes += EncodedColumnBytes(dataset, group, name);
    }
    all += kCopies * (16 + (rows > 0 ? bytes / rows : 0));
  }
  return all;
}

}  // namespace larder
