// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/record_batch.h>
#include <arrow/result.h>
#include <arrow/status.h>
#include <arrow/type_fwd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "larder/base/memory_budget.h"
#include "larder/base/run_context.h"
#include "larder/query/request.h"
#include "larder/query/stats.h"
#include "larder/scan/column_reader.h"
#include "larder/source/dataset.h"

namespace larder {

/// What it cost to read one source.
class SourceReads {
 public:
  explicit SourceReads(std::shared_ptr<const Dataset> dataset)
      : dataset_(std::move(dataset)), counters_(*dataset_) {}

  ReadCounters* counters() { return &counters_; }
  std::atomic<int64_t>* rows_scanned() { return &rows_scanned_; }
  ViewStats Stats(const std::string& name) const;

 private:
  std::shared_ptr<const Dataset> dataset_;
  ReadCounters counters_;
  std::atomic<int64_t> rows_scanned_{0};
};

/// The rows of an answer, computed block by block while they are read: each block of a size that
/// memory_limit has room for, and all in one where there is room for all. Rows that were handed
/// out are the caller's, and no longer count. One thread at a time.
class Answer : public arrow::RecordBatchReader {
 public:
  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }
  /// Null after the last batch. After an error, that error again.
  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override;

  /// Computes a block unless there are rows that nobody has read yet.
  arrow::Status Prepare();
  /// True if ReadNext() will not compute anything.
  bool is_prepared() const { return finished_ || !ready_.empty(); }

  /// What the last block ended with.
  const arrow::Status& status() const { return status_; }

  /// Asked from now on, in place of RunOptions::stop.
  void set_stop(arrow::StopToken stop) { context_.stop = std::move(stop); }
  /// Of what has been computed so far; `rows` are those of all blocks.
  RunStats stats() const;

 protected:
  explicit Answer(const RunOptions& options);

  /// Some more rows, perhaps none of them; none if there are no more blocks.
  virtual arrow::Result<std::optional<arrow::RecordBatchVector>> NextBlock() = 0;
  virtual std::vector<ViewStats> ViewsStats() const = 0;

  /// `make(pieces)` for the next block of `size` pieces, and, where memory_limit turns out too
  /// small for it, for ever smaller ones. `size` becomes that of the block that was made.
  template <typename Make>
  arrow::Result<arrow::RecordBatchVector> MakeFittingBlock(size_t* size, const Make& make) {
    while (true) {
      *size = std::min(*size, most_pieces_);
      arrow::Result<arrow::RecordBatchVector> block = arrow::RecordBatchVector{};
      arrow::Status status = CatchExceptions([&] {
        block = make(*size);
        return block.status();
      });
      if (!status.IsOutOfMemory() || *size <= 1) {
        ARROW_RETURN_NOT_OK(status);
        return block;
      }
      most_pieces_ = *size / 2;
      NewBudget();
    }
  }

  const RunContext& context() const { return context_; }
  /// Bytes that a block may take by estimate: half of what is left of memory_limit, or of the
  /// machine's memory.
  int64_t BlockBytes() const;
  StageSeconds& stages() { return stages_; }
  /// Seconds since the last call.
  double Lap();

  std::shared_ptr<arrow::Schema> schema_;

 private:
  void NewBudget();
  int64_t PeakMemory() const;

  RunContext context_;
  /// What lasts from block to block, and what the block at hand takes of the rest.
  std::shared_ptr<MemoryBudget> lasting_;
  std::shared_ptr<MemoryBudget> block_;
  int64_t peak_ = 0;                                         ///< Of the blocks before.
  size_t most_pieces_ = std::numeric_limits<size_t>::max();  ///< Of a block, as far as is known.
  std::deque<std::shared_ptr<arrow::RecordBatch>> ready_;
  bool finished_ = false;
  arrow::Status status_;
  int64_t rows_ = 0;
  StageSeconds stages_;
  using Clock = std::chrono::steady_clock;
  Clock::time_point lap_ = Clock::now();
  std::optional<Clock::time_point> opened_ = lap_;  ///< None once the first block is made.
  double seconds_ = 0;
};

/// The answer that `open` opens, with its first block computed, so that most errors are those of
/// the call. Checks the options first.
arrow::Result<std::shared_ptr<Answer>> BeginAnswer(
    const RunOptions& options, const std::function<arrow::Result<std::shared_ptr<Answer>>()>& open);

/// The rows of a table as batches.
arrow::Result<arrow::RecordBatchVector> BatchesOf(const arrow::Table& table, int64_t most_rows);

/// Bytes that a row of the columns takes in an answer, by their types and the footers.
int64_t EstimateRowBytes(const Dataset& dataset, const std::vector<std::string>& columns);

}  // namespace larder
