// SPDX-License-Identifier: Apache-2.0
#include <arrow/table.h>
#include <arrow/type.h>

#include <algorithm>
#include <limits>
#include <span>

#include "larder/kernel/latest.h"
#include "larder/kernel/range.h"
#include "larder/query/answer.h"
#include "larder/query/plan.h"
#include "larder/query/run.h"
#include "larder/query/validate.h"
#include "larder/scan/fetch.h"

// Latest and range: the questions about one source alone.

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

Result<std::shared_ptr<arrow::Schema>> SchemaOf(const Dataset& dataset,
                                                const std::vector<std::string>& columns) {
  arrow::FieldVector fields;
  for (const auto& column : columns) {
    ARROW_ASSIGN_OR_RAISE(auto field, dataset.GetField(column, "column"));
    fields.push_back(std::move(field));
  }
  return arrow::schema(std::move(fields));
}

/// An answer about one source.
class SourceAnswer : public Answer {
 public:
  explicit SourceAnswer(const RunOptions& options) : Answer(options) {}

 protected:
  std::vector<ViewStats> ViewsStats() const override {
    if (plan_) return {*plan_};
    if (reads_ == nullptr) return {};
    ViewStats stats = reads_->Stats(dataset_->name());
    stats.rows_matched = rows_matched_;
    return {stats};
  }

  /// Rows to a block, by what they take.
  size_t BlockRows() const {
    if (context().rows_in_memory > 0) return static_cast<size_t>(context().rows_in_memory);
    return static_cast<size_t>(std::max<int64_t>(1, BlockBytes() / row_bytes_));
  }

  std::shared_ptr<const Dataset> dataset_;
  std::unique_ptr<SourceReads> reads_;
  int64_t row_bytes_ = 1;  ///< Of the answer.
  std::optional<ViewStats> plan_;
  int64_t rows_matched_ = 0;
};

/// The newest rows, by address: found first, then gathered block by block.
class LatestAnswer : public SourceAnswer {
 public:
  LatestAnswer(const LatestRequest& request, const RunOptions& options)
      : SourceAnswer(options), columns_(request.columns), newest_(0, context().pool) {}

  Status Open(const LatestRequest& request, const RunOptions& options) {
    ARROW_ASSIGN_OR_RAISE(dataset_, Dataset::Open(request.source, context()));
    ARROW_RETURN_NOT_OK(CheckTimeColumn(*dataset_, request.event_timestamp, "event timestamp"));
    ARROW_RETURN_NOT_OK(CheckCreatedColumn(*dataset_, request.created_timestamp));
    for (const auto& key : request.join_keys) {
      ARROW_RETURN_NOT_OK(dataset_->CheckInEveryFile(key, "join key"));
    }
    ARROW_ASSIGN_OR_RAISE(schema_, SchemaOf(*dataset_, columns_));
    stages().open = Lap();
    const LatestScan scan{
        {dataset_, request.join_keys, request.event_timestamp, request.created_timestamp},
        {request.start_us, request.end_us}};
    if (options.plan_only) {
      auto read = scan.ScannedColumns();
      read.insert(read.end(), columns_.begin(), columns_.end());
      plan_ = PlanReads(dataset_->name(), *dataset_, RowGroupsToScan(scan), read);
      return Status::OK();
    }
    reads_ = std::make_unique<SourceReads>(dataset_);
    row_bytes_ = EstimateRowBytes(*dataset_, columns_);
    ARROW_ASSIGN_OR_RAISE(newest_,
                          FindLatest(scan, context(), reads_->counters(), reads_->rows_scanned()));
    left_ = newest_.Count();
    stages().scan = Lap();
    return Status::OK();
  }

 protected:
  Result<std::optional<arrow::RecordBatchVector>> NextBlock() override {
    if (left_ == 0) return std::nullopt;
    size_t rows = std::min(BlockRows(), left_);
    uint64_t next = next_;
    ARROW_ASSIGN_OR_RAISE(
        auto block, MakeFittingBlock(&rows, [&](size_t count) { return Gather(count, &next); }));
    next_ = next;
    left_ -= rows;
    rows_matched_ += static_cast<int64_t>(rows);
    stages().gather += Lap();
    return block;
  }

 private:
  /// The first `count` of the rows that are left; `next` becomes where those behind them begin.
  Result<arrow::RecordBatchVector> Gather(size_t count, uint64_t* next) {
    const auto make_sink = [&](const std::shared_ptr<arrow::DataType>& type) {
      return MakeAddressOrderSink(type, context());
    };
    const auto addresses = newest_.From(next_, count, context().pool);
    *next = addresses.back() + 1;
    ARROW_ASSIGN_OR_RAISE(auto columns, FetchRows(*dataset_, addresses, columns_, context(),
                                                  reads_->counters(), make_sink));
    const auto table = arrow::Table::Make(schema_, std::move(columns), static_cast<int64_t>(count));
    return BatchesOf(*table, std::numeric_limits<int64_t>::max());
  }

  const std::vector<std::string> columns_;
  RowSet newest_;
  uint64_t next_ = 0;  ///< Addresses before it are done.
  size_t left_ = 0;    ///< Members of newest_ from there on.
};

/// The rows in a time range, some row groups at a time.
class RangeAnswer : public SourceAnswer {
 public:
  using SourceAnswer::SourceAnswer;

  Status Open(const RangeRequest& request, const RunOptions& options) {
    ARROW_ASSIGN_OR_RAISE(dataset_, Dataset::Open(request.source, context()));
    ARROW_RETURN_NOT_OK(CheckTimeColumn(*dataset_, request.event_timestamp, "event timestamp"));
    const auto columns = request.columns.value_or(dataset_->schema()->field_names());
    ARROW_ASSIGN_OR_RAISE(schema_, SchemaOf(*dataset_, columns));
    stages().open = Lap();
    scan_ = {dataset_, columns, request.event_timestamp, {request.start_us, request.end_us}};
    row_groups_ = RowGroupsToScan(scan_);
    if (options.plan_only) {
      plan_ = PlanReads(dataset_->name(), *dataset_, row_groups_, scan_.ScannedColumns());
      row_groups_.clear();
      return Status::OK();
    }
    reads_ = std::make_unique<SourceReads>(dataset_);
    row_bytes_ = EstimateRowBytes(*dataset_, scan_.ScannedColumns());
    return Status::OK();
  }

 protected:
  Result<std::optional<arrow::RecordBatchVector>> NextBlock() override {
    if (next_ == row_groups_.size()) return std::nullopt;
    size_t groups = GroupsThatFit();
    ARROW_ASSIGN_OR_RAISE(auto block, MakeFittingBlock(&groups, [&](size_t count) {
                            return ReadRange(scan_, std::span(row_groups_).subspan(next_, count),
                                             schema_, context(), reads_->counters(),
                                             reads_->rows_scanned());
                          }));
    next_ += groups;
    for (const auto& batch : block) rows_matched_ += batch->num_rows();
    stages().scan += Lap();
    return block;
  }

 private:
  /// How many of the next row groups have as many rows as a block, at least one.
  size_t GroupsThatFit() const {
    const auto most_rows = static_cast<int64_t>(std::min(BlockRows(), size_t{1} << 62));
    int64_t rows = 0;
    size_t groups = 0;
    for (size_t i = next_; i < row_groups_.size(); ++i, ++groups) {
      rows += dataset_->row_groups()[row_groups_[i]].rows;
      if (groups > 0 && rows > most_rows) break;
    }
    return groups;
  }

  RangeScan scan_;
  std::vector<size_t> row_groups_;
  size_t next_ = 0;  ///< Of the row groups, which comes next.
};

}  // namespace

Result<std::shared_ptr<Answer>> Latest(const LatestRequest& request, const RunOptions& options) {
  return BeginAnswer(options, [&]() -> Result<std::shared_ptr<Answer>> {
    auto answer = std::make_shared<LatestAnswer>(request, options);
    ARROW_RETURN_NOT_OK(answer->Open(request, options));
    return answer;
  });
}

Result<std::shared_ptr<Answer>> Range(const RangeRequest& request, const RunOptions& options) {
  return BeginAnswer(options, [&]() -> Result<std::shared_ptr<Answer>> {
    auto answer = std::make_shared<RangeAnswer>(options);
    ARROW_RETURN_NOT_OK(answer->Open(request, options));
    return answer;
  });
}

}  // namespace larder
