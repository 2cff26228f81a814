// SPDX-License-Identifier: Apache-2.0
#include <arrow/array.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>

#include <algorithm>
#include <map>
#include <set>

#include "larder/kernel/point_in_time.h"
#include "larder/query/answer.h"
#include "larder/query/plan.h"
#include "larder/query/run.h"
#include "larder/query/validate.h"
#include "larder/scan/fetch.h"

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

/// Rows to a batch of an answer: small enough for strings of 8 KiB in 32-bit offsets.
constexpr int64_t kAnswerBatchRows = int64_t{1} << 18;

/// Bytes that an entity row takes while it is joined: in each timeline, and as a candidate and a
/// winner of the view at hand, the times of its slot that are beaten included.
constexpr int64_t kTimelineRowBytes = 100;
constexpr int64_t kWinnerRowBytes = 132;

/// What became of entity rows in one view.
struct RowCounts {
  int64_t matched = 0;
  int64_t expired = 0;
  int64_t absent = 0;

  void Add(const RowCounts& more) {
    matched += more.matched;
    expired += more.expired;
    absent += more.absent;
  }
};

/// One feature view, over all blocks.
struct View {
  View(const FeatureViewSpec& of, std::shared_ptr<const Dataset> source)
      : spec(of), dataset(std::move(source)), reads(dataset) {}

  const FeatureViewSpec& spec;
  std::shared_ptr<const Dataset> dataset;
  SourceReads reads;
  std::vector<std::string> join_keys;       ///< Columns of the source,
  std::vector<std::string> entity_columns;  ///< and of the entity rows, in the same order.
  std::vector<std::string> feature_columns;
  size_t first_column = 0;   ///< Of its features in the answer.
  std::set<size_t> planned;  ///< Row groups, if it is only planned.
  RowCounts counts;

  /// Views with the same entity columns share a timeline, whatever their own are called.
  void SetKeys() {
    auto keys = spec.join_keys;
    std::sort(keys.begin(), keys.end(), [](const JoinKeySpec& a, const JoinKeySpec& b) {
      return std::tie(a.entity_column, a.column) < std::tie(b.entity_column, b.column);
    });
    for (const auto& key : keys) {
      entity_columns.push_back(key.entity_column);
      join_keys.push_back(key.column);
    }
  }
};

/// True if one scan serves both views: they differ in TTL and features only.
bool ShareScan(const View& a, const View& b) {
  return a.dataset == b.dataset && a.join_keys == b.join_keys &&
         a.entity_columns == b.entity_columns && a.spec.event_timestamp == b.spec.event_timestamp &&
         a.spec.created_timestamp == b.spec.created_timestamp;
}

/// Entity rows in, their features out.
class PointInTimeAnswer : public Answer {
 public:
  PointInTimeAnswer(PointInTimeRequest request,
                    std::shared_ptr<arrow::RecordBatchReader> entity_rows,
                    const RunOptions& options)
      : Answer(options),
        request_(std::move(request)),
        options_(options),
        entity_rows_(std::move(entity_rows)) {}

  Status Open() {
    const arrow::Schema& entity_schema = *entity_rows_->schema();
    ARROW_RETURN_NOT_OK(CheckPointInTime(request_, entity_schema));
    // Views over the same files share the reading of their footers.
    std::map<std::pair<std::vector<std::string>, bool>, std::shared_ptr<const Dataset>> datasets;
    auto fields = entity_schema.fields();
    std::set<std::vector<std::string>> timelines;
    for (const auto& spec : request_.views) {
      auto& dataset = datasets[{spec.source.paths, spec.source.hive_partitioning}];
      if (dataset == nullptr) {
        ARROW_ASSIGN_OR_RAISE(dataset, Dataset::Open(spec.source, context()));
      }
      ARROW_RETURN_NOT_OK(CheckView(spec, *dataset, entity_schema));
      auto view = std::make_unique<View>(spec, dataset);
      view->SetKeys();
      view->first_column = fields.size();
      for (const auto& feature : spec.features) {
        ARROW_ASSIGN_OR_RAISE(const auto field, dataset->GetField(feature.column, "feature"));
        fields.push_back(arrow::field(feature.name, field->type()));
        view->feature_columns.push_back(feature.column);
      }
      timelines.insert(view->entity_columns);
      row_bytes_ += EstimateRowBytes(*dataset, view->feature_columns);
      auto scan = std::find_if(scans_.begin(), scans_.end(), [&](const std::vector<View*>& others) {
        return ShareScan(*others.front(), *view);
      });
      if (scan == scans_.end()) scan = scans_.emplace(scan);
      scan->push_back(view.get());
      views_.push_back(std::move(view));
    }
    row_bytes_ += kTimelineRowBytes * static_cast<int64_t>(timelines.size());
    schema_ = arrow::schema(std::move(fields));
    stages().open = Lap();
    return Status::OK();
  }

 protected:
  Result<std::optional<arrow::RecordBatchVector>> NextBlock() override {
    if (waiting_ == nullptr) {
      ARROW_ASSIGN_OR_RAISE(waiting_, ReadEntityRows());
      if (waiting_ == nullptr) return std::nullopt;
    }
    auto rows = static_cast<size_t>(waiting_->num_rows());
    ARROW_ASSIGN_OR_RAISE(auto block, MakeFittingBlock(&rows, [&](size_t count) {
                            return Join(waiting_->Slice(0, static_cast<int64_t>(count)));
                          }));
    const auto done = static_cast<int64_t>(rows);
    waiting_ = done < waiting_->num_rows() ? waiting_->Slice(done) : nullptr;
    return block;
  }

  std::vector<ViewStats> ViewsStats() const override {
    std::vector<ViewStats> all;
    for (const auto& view : views_) {
      if (options_.plan_only) {
        auto columns = JoinOf(*view).ScannedColumns();
        columns.insert(columns.end(), view->feature_columns.begin(), view->feature_columns.end());
        all.push_back(PlanReads(view->spec.name, *view->dataset,
                                {view->planned.begin(), view->planned.end()}, columns));
        continue;
      }
      ViewStats stats = view->reads.Stats(view->spec.name);
      stats.rows_matched = view->counts.matched;
      stats.rows_expired = view->counts.expired;
      stats.rows_absent = view->counts.absent;
      all.push_back(std::move(stats));
    }
    return all;
  }

 private:
  using Timelines = std::map<std::vector<std::string>, std::shared_ptr<const Timeline>>;

  /// The entity rows of the next block; null if there are no more. The first may be empty.
  Result<std::shared_ptr<arrow::Table>> ReadEntityRows() {
    const auto most_rows = static_cast<int64_t>(kNoPosition) - 1;
    arrow::RecordBatchVector batches;
    int64_t rows = 0;
    int64_t bytes = 0;
    while (true) {
      if (left_ == nullptr) {
        ARROW_RETURN_NOT_OK(context().stop.Poll());
        ARROW_ASSIGN_OR_RAISE(left_, entity_rows_->Next());
        if (left_ == nullptr) break;
        if (left_->num_rows() == 0) {
          left_ = nullptr;
          continue;
        }
      }
      const int64_t own_bytes = arrow::util::TotalBufferSize(*left_) / left_->num_rows();
      int64_t fitting = (BlockBytes() - bytes) / (row_bytes_ + own_bytes);
      if (context().rows_in_memory > 0) fitting = context().rows_in_memory - rows;
      fitting = std::min(fitting, most_rows - rows);
      if (batches.empty()) fitting = std::max<int64_t>(fitting, 1);
      if (fitting <= 0) break;
      const int64_t taken = std::min(fitting, left_->num_rows());
      batches.push_back(left_->Slice(0, taken));
      left_ = taken < left_->num_rows() ? left_->Slice(taken) : nullptr;
      rows += taken;
      bytes += taken * (row_bytes_ + own_bytes);
    }
    const bool is_first = std::exchange(is_first_, false);
    if (batches.empty() && !is_first) return nullptr;
    return arrow::Table::FromRecordBatches(entity_rows_->schema(), batches);
  }

  Result<arrow::RecordBatchVector> Join(const std::shared_ptr<arrow::Table>& entities) {
    Timelines timelines;
    arrow::ChunkedArrayVector columns = entities->columns();
    columns.resize(static_cast<size_t>(schema_->num_fields()));
    std::vector<std::pair<View*, RowCounts>> counts;
    Lap();
    for (const auto& views : scans_) {
      auto& timeline = timelines[views.front()->entity_columns];
      if (timeline == nullptr) {
        ARROW_ASSIGN_OR_RAISE(timeline, Timeline::Build(*entities, views.front()->entity_columns,
                                                        request_.event_timestamp, context()));
      }
      stages().index += Lap();
      if (options_.plan_only) {
        ARROW_RETURN_NOT_OK(Plan(*timeline, views));
      } else {
        ARROW_RETURN_NOT_OK(AddViews(*timeline, views, &columns, &counts));
      }
    }
    if (options_.plan_only) return arrow::RecordBatchVector{};
    // Counted once the whole block is there.
    for (const auto& [view, rows] : counts) view->counts.Add(rows);
    const auto table = arrow::Table::Make(schema_, std::move(columns), entities->num_rows());
    return BatchesOf(*table, kAnswerBatchRows);
  }

  Status Plan(const Timeline& timeline, const std::vector<View*>& views) {
    for (View* view : views) {
      ARROW_ASSIGN_OR_RAISE(const auto row_groups,
                            RowGroupsToScan(JoinOf(*view), timeline, PruneByTtl(), context()));
      view->planned.insert(row_groups.begin(), row_groups.end());
    }
    return Status::OK();
  }

  /// Adds the features of views that share a scan to the columns of the block.
  Status AddViews(const Timeline& timeline, const std::vector<View*>& views,
                  arrow::ChunkedArrayVector* columns,
                  std::vector<std::pair<View*, RowCounts>>* counts) {
    // What the view with the longest TTL has to read is enough for the others, too.
    PointInTimeView scan = JoinOf(*views.front());
    for (const View* view : views) {
      const int64_t ttl_us = view->spec.ttl_us.value_or(0);
      scan.ttl_us = scan.ttl_us == 0 || ttl_us == 0 ? 0 : std::max(scan.ttl_us, ttl_us);
    }
    std::optional<CandidateTable> candidates;
    SourceReads& reads = views.front()->reads;
    ARROW_RETURN_NOT_OK(WithStringUnit([&](TimeUnit string_unit) -> Status {
      scan.string_unit = string_unit;
      candidates.emplace(timeline.positions(), scan.created_timestamp.has_value(),
                         context().threads > 1, context().pool);
      return ScanCandidates(scan, timeline, PruneByTtl(), context(), reads.counters(),
                            reads.rows_scanned(), &*candidates);
    }));
    stages().scan += Lap();
    for (View* view : views) {
      PointInTimeView join = JoinOf(*view);
      join.string_unit = scan.string_unit;
      ARROW_ASSIGN_OR_RAISE(const auto winners, Settle(join, timeline, *candidates, context()));
      if (view == views.back()) candidates.reset();
      stages().settle += Lap();
      ARROW_RETURN_NOT_OK(Gather(winners, view, columns));
      stages().gather += Lap();
      counts->emplace_back(
          view, RowCounts{winners.rows_matched, winners.rows_expired, winners.rows_absent});
    }
    return Status::OK();
  }

  bool PruneByTtl() const { return !options_.diagnose_nulls; }

  PointInTimeView JoinOf(const View& view) const {
    PointInTimeView join;
    join.dataset = view.dataset;
    join.join_keys = view.join_keys;
    join.event_timestamp = view.spec.event_timestamp;
    join.created_timestamp = view.spec.created_timestamp;
    join.ttl_us = view.spec.ttl_us.value_or(0);
    join.known_at_created = request_.filter_by_created_timestamp && view.spec.created_timestamp;
    return join;
  }

  /// Adds the features to the answer, in the order of the entity rows.
  Status Gather(const Winners& winners, View* view, arrow::ChunkedArrayVector* columns) {
    const auto make_sink = [&](const std::shared_ptr<arrow::DataType>& type) {
      return MakeOutputOrderSink(type, winners.places, kAnswerBatchRows, context());
    };
    ARROW_ASSIGN_OR_RAISE(
        auto fetched, FetchRows(*view->dataset, winners.addresses, view->feature_columns, context(),
                                view->reads.counters(), make_sink));
    std::move(fetched.begin(), fetched.end(),
              columns->begin() + static_cast<int64_t>(view->first_column));
    return Status::OK();
  }

  const PointInTimeRequest request_;
  const RunOptions options_;
  std::shared_ptr<arrow::RecordBatchReader> entity_rows_;
  int64_t row_bytes_ = kWinnerRowBytes;       ///< Of an entity row while it is joined.
  std::shared_ptr<arrow::RecordBatch> left_;  ///< Of the last batch that was read.
  bool is_first_ = true;
  std::shared_ptr<arrow::Table> waiting_;  ///< Entity rows of the block at hand, still to join.
  std::vector<std::unique_ptr<View>> views_;
  std::vector<std::vector<View*>> scans_;  ///< The views, those together that share a scan.
};

}  // namespace

Result<std::shared_ptr<Answer>> PointInTime(const PointInTimeRequest& request,
                                            std::shared_ptr<arrow::RecordBatchReader> entity_rows,
                                            const RunOptions& options) {
  return BeginAnswer(options, [&]() -> Result<std::shared_ptr<Answer>> {
    auto answer = std::make_shared<PointInTimeAnswer>(request, std::move(entity_rows), options);
    ARROW_RETURN_NOT_OK(answer->Open());
    return answer;
  });
}

}  // namespace larder
