// SPDX-License-Identifier: Apache-2.0
#include "larder/query/run.h"

#include <arrow/array.h>
#include <arrow/compute/initialize.h>
#include <arrow/table.h>
#include <arrow/type.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <utility>

#include "larder/kernel/latest.h"
#include "larder/kernel/point_in_time.h"
#include "larder/kernel/range.h"
#include "larder/query/plan.h"
#include "larder/query/validate.h"
#include "larder/scan/fetch.h"
#include "larder/source/file_listing.h"

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

/// Rows to a batch of an answer: small enough for strings of 8 KiB in 32-bit offsets.
constexpr int64_t kAnswerBatchRows = int64_t{1} << 18;

class Stopwatch {
 public:
  /// Seconds since the last call.
  double Lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(last_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

/// One request on its way: its memory, its sources, its figures.
class Run {
 public:
  explicit Run(const RunOptions& options) : budget_(MemoryBudget::Make(options.memory_limit)) {
    context_.pool = budget_.get();
    context_.threads = options.threads > 0 ? options.threads : CoreCount();
    context_.batch_rows = options.batch_rows;
    context_.key_hash_bits = options.key_hash_bits;
    context_.stop = options.stop;
  }

  const RunContext& context() const { return context_; }
  StageSeconds& stages() { return stages_; }
  /// Seconds since the last call.
  double Lap() { return stage_.Lap(); }

  /// Views over the same files share the reading of their footers.
  Result<std::shared_ptr<const Dataset>> Open(const SourceSpec& spec) {
    auto& dataset = datasets_[{spec.paths, spec.hive_partitioning}];
    if (dataset == nullptr) {
      ARROW_ASSIGN_OR_RAISE(dataset, Dataset::Open(spec, context_));
    }
    return dataset;
  }

  /// No rows, and what would be read.
  Result<Answer> FinishPlan(std::shared_ptr<arrow::Schema> schema, std::vector<ViewStats> plan) {
    ARROW_ASSIGN_OR_RAISE(auto nothing, arrow::RecordBatchReader::Make({}, std::move(schema)));
    return Finish(std::move(nothing), 0, std::move(plan));
  }

  Answer Finish(std::shared_ptr<arrow::RecordBatchReader> rows, int64_t row_count,
                std::vector<ViewStats> views) {
    RunStats stats;
    stats.rows = row_count;
    stats.threads = context_.threads;
    stats.peak_memory_bytes = budget_->max_memory();
    stats.total_seconds = total_.Lap();
    stats.views = std::move(views);
    stats.stages = stages_;
    return {std::move(rows), std::move(stats)};
  }

 private:
  std::shared_ptr<MemoryBudget> budget_;
  RunContext context_;
  std::map<std::pair<std::vector<std::string>, bool>, std::shared_ptr<const Dataset>> datasets_;
  StageSeconds stages_;
  Stopwatch stage_;
  Stopwatch total_;
};

/// What it cost to read one source.
class SourceReads {
 public:
  explicit SourceReads(std::shared_ptr<const Dataset> dataset)
      : dataset_(std::move(dataset)), counters_(*dataset_) {}

  ReadCounters* counters() { return &counters_; }
  std::atomic<int64_t>* rows_scanned() { return &rows_scanned_; }

  ViewStats Stats(const std::string& name) const {
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

 private:
  std::shared_ptr<const Dataset> dataset_;
  ReadCounters counters_;
  std::atomic<int64_t> rows_scanned_{0};
};

/// The point-in-time join of one request: entity rows in, their features out.
class PointInTimeRun {
 public:
  PointInTimeRun(const PointInTimeRequest& request, const RunOptions& options)
      : request_(request), options_(options), run_(options) {}

  Result<Answer> Execute(arrow::RecordBatchReader* entity_rows) {
    ARROW_RETURN_NOT_OK(CheckPointInTime(request_, *entity_rows->schema()));
    std::vector<std::shared_ptr<const Dataset>> datasets;
    for (const auto& view : request_.views) {
      ARROW_ASSIGN_OR_RAISE(auto dataset, run_.Open(view.source));
      ARROW_RETURN_NOT_OK(CheckView(view, *dataset, *entity_rows->schema()));
      datasets.push_back(std::move(dataset));
    }
    run_.stages().open = run_.Lap();
    ARROW_RETURN_NOT_OK(ReadEntityRows(entity_rows));
    columns_ = entities_->columns();
    fields_ = entities_->schema()->fields();
    for (size_t i = 0; i < request_.views.size(); ++i) {
      ARROW_RETURN_NOT_OK(AddView(request_.views[i], datasets[i]));
    }
    auto schema = arrow::schema(std::move(fields_));
    if (options_.plan_only) return run_.FinishPlan(std::move(schema), std::move(stats_));
    auto table = arrow::Table::Make(std::move(schema), std::move(columns_), entities_->num_rows());
    auto reader = std::make_shared<arrow::TableBatchReader>(std::move(table));
    reader->set_chunksize(kAnswerBatchRows);
    return run_.Finish(std::move(reader), entities_->num_rows(), std::move(stats_));
  }

 private:
  Status ReadEntityRows(arrow::RecordBatchReader* reader) {
    arrow::RecordBatchVector batches;
    while (true) {
      ARROW_RETURN_NOT_OK(run_.context().stop.Poll());
      ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
      if (batch == nullptr) break;
      if (batch->num_rows() > 0) batches.push_back(std::move(batch));
    }
    ARROW_ASSIGN_OR_RAISE(entities_, arrow::Table::FromRecordBatches(reader->schema(), batches));
    return Status::OK();
  }

  Status AddView(const FeatureViewSpec& spec, const std::shared_ptr<const Dataset>& dataset) {
    PointInTimeView view;
    view.dataset = dataset;
    view.event_timestamp = spec.event_timestamp;
    view.created_timestamp = spec.created_timestamp;
    view.ttl_us = spec.ttl_us.value_or(0);
    view.known_at_created = request_.filter_by_created_timestamp && spec.created_timestamp;
    ARROW_ASSIGN_OR_RAISE(const auto timeline, TimelineOf(spec, &view.join_keys));
    run_.stages().index += run_.Lap();

    for (const auto& feature : spec.features) {
      ARROW_ASSIGN_OR_RAISE(const auto field, dataset->GetField(feature.column, "feature"));
      fields_.push_back(arrow::field(feature.name, field->type()));
    }
    ARROW_ASSIGN_OR_RAISE(
        const auto row_groups,
        RowGroupsToScan(view, *timeline, !options_.diagnose_nulls, run_.context()));
    if (options_.plan_only) {
      Plan(spec, view, row_groups);
      return Status::OK();
    }

    SourceReads reads(dataset);
    Winners winners(run_.context().pool);
    ARROW_RETURN_NOT_OK(WithStringUnit([&](TimeUnit string_unit) -> Status {
      view.string_unit = string_unit;
      ARROW_ASSIGN_OR_RAISE(winners, FindWinners(view, *timeline, row_groups, &reads));
      return Status::OK();
    }));
    ARROW_RETURN_NOT_OK(Gather(spec, *dataset, winners, &reads));
    run_.stages().gather += run_.Lap();

    ViewStats stats = reads.Stats(spec.name);
    stats.rows_matched = winners.rows_matched;
    stats.rows_expired = winners.rows_expired;
    stats.rows_absent = winners.rows_absent;
    stats_.push_back(std::move(stats));
    return Status::OK();
  }

  void Plan(const FeatureViewSpec& spec, const PointInTimeView& view,
            const std::vector<size_t>& row_groups) {
    auto columns = view.ScannedColumns();
    for (const auto& feature : spec.features) columns.push_back(feature.column);
    stats_.push_back(PlanReads(spec.name, *view.dataset, row_groups, columns));
  }

  /// Views with the same entity columns share a timeline, whatever their own columns are called.
  Result<std::shared_ptr<const Timeline>> TimelineOf(const FeatureViewSpec& spec,
                                                     std::vector<std::string>* source_columns) {
    auto keys = spec.join_keys;
    std::sort(keys.begin(), keys.end(), [](const JoinKeySpec& a, const JoinKeySpec& b) {
      return std::tie(a.entity_column, a.column) < std::tie(b.entity_column, b.column);
    });
    std::vector<std::string> entity_columns;
    for (const auto& key : keys) {
      entity_columns.push_back(key.entity_column);
      source_columns->push_back(key.column);
    }
    auto& timeline = timelines_[entity_columns];
    if (timeline == nullptr) {
      ARROW_ASSIGN_OR_RAISE(timeline, Timeline::Build(*entities_, entity_columns,
                                                      request_.event_timestamp, run_.context()));
    }
    return timeline;
  }

  Result<Winners> FindWinners(const PointInTimeView& view, const Timeline& timeline,
                              const std::vector<size_t>& row_groups, SourceReads* reads) {
    const RunContext& context = run_.context();
    CandidateTable candidates(timeline.positions(), context.threads > 1, context.pool);
    ARROW_RETURN_NOT_OK(ScanCandidates(view, timeline, row_groups, context, reads->counters(),
                                       reads->rows_scanned(), &candidates));
    run_.stages().scan += run_.Lap();
    auto winners = Settle(view, timeline, candidates, context);
    run_.stages().settle += run_.Lap();
    return winners;
  }

  /// Adds the features to the answer, in the order of the entity rows.
  Status Gather(const FeatureViewSpec& spec, const Dataset& dataset, const Winners& winners,
                SourceReads* reads) {
    std::vector<std::string> names;
    names.reserve(spec.features.size());
    for (const auto& feature : spec.features) names.push_back(feature.column);
    const RunContext& context = run_.context();
    const RowPlaces places(winners.choice, winners.addresses.size(), context.pool);
    const auto make_sink = [&](const std::shared_ptr<arrow::DataType>& type) {
      return MakeOutputOrderSink(type, places, kAnswerBatchRows, context);
    };
    ARROW_ASSIGN_OR_RAISE(auto columns, FetchRows(dataset, winners.addresses, names, context,
                                                  reads->counters(), make_sink));
    std::move(columns.begin(), columns.end(), std::back_inserter(columns_));
    return Status::OK();
  }

  const PointInTimeRequest& request_;
  const RunOptions& options_;
  Run run_;
  std::shared_ptr<arrow::Table> entities_;
  std::map<std::vector<std::string>, std::shared_ptr<const Timeline>> timelines_;
  arrow::FieldVector fields_;
  arrow::ChunkedArrayVector columns_;
  std::vector<ViewStats> stats_;
};

Result<std::shared_ptr<arrow::Schema>> SchemaOf(const Dataset& dataset,
                                                const std::vector<std::string>& columns) {
  arrow::FieldVector fields;
  for (const auto& column : columns) {
    ARROW_ASSIGN_OR_RAISE(auto field, dataset.GetField(column, "column"));
    fields.push_back(std::move(field));
  }
  return arrow::schema(std::move(fields));
}

Result<Answer> RunLatest(const LatestRequest& request, const RunOptions& options) {
  Run run(options);
  ARROW_ASSIGN_OR_RAISE(const auto dataset, run.Open(request.source));
  ARROW_RETURN_NOT_OK(CheckTimeColumn(*dataset, request.event_timestamp, "event timestamp"));
  ARROW_RETURN_NOT_OK(CheckCreatedColumn(*dataset, request.created_timestamp));
  for (const auto& key : request.join_keys) {
    ARROW_RETURN_NOT_OK(dataset->CheckInEveryFile(key, "join key"));
  }
  ARROW_ASSIGN_OR_RAISE(auto schema, SchemaOf(*dataset, request.columns));
  run.stages().open = run.Lap();

  const LatestScan scan{
      {dataset, request.join_keys, request.event_timestamp, request.created_timestamp},
      {request.start_us, request.end_us}};
  if (options.plan_only) {
    auto read = scan.ScannedColumns();
    read.insert(read.end(), request.columns.begin(), request.columns.end());
    return run.FinishPlan(std::move(schema),
                          {PlanReads(dataset->name(), *dataset, RowGroupsToScan(scan), read)});
  }
  SourceReads reads(dataset);
  ARROW_ASSIGN_OR_RAISE(const auto addresses,
                        FindLatest(scan, run.context(), reads.counters(), reads.rows_scanned()));
  run.stages().scan = run.Lap();

  const auto make_sink = [&](const std::shared_ptr<arrow::DataType>& type) {
    return MakeAddressOrderSink(type, run.context());
  };
  ARROW_ASSIGN_OR_RAISE(auto columns, FetchRows(*dataset, addresses, request.columns, run.context(),
                                                reads.counters(), make_sink));
  run.stages().gather = run.Lap();
  const auto rows = static_cast<int64_t>(addresses.size());
  auto table = arrow::Table::Make(std::move(schema), std::move(columns), rows);
  ViewStats stats = reads.Stats(dataset->name());
  stats.rows_matched = rows;
  return run.Finish(std::make_shared<arrow::TableBatchReader>(std::move(table)), rows, {stats});
}

Result<Answer> RunRange(const RangeRequest& request, const RunOptions& options) {
  Run run(options);
  ARROW_ASSIGN_OR_RAISE(const auto dataset, run.Open(request.source));
  ARROW_RETURN_NOT_OK(CheckTimeColumn(*dataset, request.event_timestamp, "event timestamp"));
  const auto columns = request.columns.value_or(dataset->schema()->field_names());
  ARROW_ASSIGN_OR_RAISE(auto schema, SchemaOf(*dataset, columns));
  run.stages().open = run.Lap();

  const RangeScan scan{
      dataset, columns, request.event_timestamp, {request.start_us, request.end_us}};
  if (options.plan_only) {
    return run.FinishPlan(
        std::move(schema),
        {PlanReads(dataset->name(), *dataset, RowGroupsToScan(scan), scan.ScannedColumns())});
  }
  SourceReads reads(dataset);
  ARROW_ASSIGN_OR_RAISE(
      auto batches, ReadRange(scan, schema, run.context(), reads.counters(), reads.rows_scanned()));
  run.stages().scan = run.Lap();
  int64_t rows = 0;
  for (const auto& batch : batches) rows += batch->num_rows();
  ARROW_ASSIGN_OR_RAISE(auto reader, arrow::RecordBatchReader::Make(std::move(batches), schema));
  ViewStats stats = reads.Stats(dataset->name());
  stats.rows_matched = rows;
  return run.Finish(std::move(reader), rows, {stats});
}

/// What a run does, once its options are known to make sense.
template <typename Body>
Result<Answer> Guarded(const RunOptions& options, const Body& body) {
  ARROW_RETURN_NOT_OK(CheckOptions(options));
  ARROW_RETURN_NOT_OK(arrow::compute::Initialize());
  Answer answer;
  ARROW_RETURN_NOT_OK(CatchExceptions([&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(answer, body());
    return Status::OK();
  }));
  return answer;
}

}  // namespace

Result<Answer> PointInTime(const PointInTimeRequest& request,
                           std::shared_ptr<arrow::RecordBatchReader> entity_rows,
                           const RunOptions& options) {
  return Guarded(options,
                 [&] { return PointInTimeRun(request, options).Execute(entity_rows.get()); });
}

Result<Answer> Latest(const LatestRequest& request, const RunOptions& options) {
  return Guarded(options, [&] { return RunLatest(request, options); });
}

Result<Answer> Range(const RangeRequest& request, const RunOptions& options) {
  return Guarded(options, [&] { return RunRange(request, options); });
}

Result<std::shared_ptr<arrow::Schema>> SourceSchema(const SourceSpec& source) {
  RunContext context;
  context.threads = CoreCount();
  ARROW_ASSIGN_OR_RAISE(const auto dataset, Dataset::Open(source, context));
  return dataset->schema();
}

Result<std::vector<std::string>> SourceFiles(const SourceSpec& source) {
  ARROW_ASSIGN_OR_RAISE(auto listed, ListFiles(source));
  std::vector<std::string> paths;
  paths.reserve(listed.size());
  for (auto& file : listed) paths.push_back(std::move(file.path));
  return paths;
}

}  // namespace larder
