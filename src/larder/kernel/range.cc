// SPDX-License-Identifier: Apache-2.0
#include "larder/kernel/range.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <map>
#include <mutex>

#include "larder/base/cast.h"
#include "larder/scan/pruning.h"
#include "larder/scan/take.h"

namespace larder {

using arrow::Array;
using arrow::RecordBatch;
using arrow::Result;
using arrow::Status;

namespace {

/// Indices of the rows in the range.
Result<std::shared_ptr<Array>> RowsInRange(const RangeScan& scan,
                                           const std::shared_ptr<Array>& event,
                                           const RunContext& context) {
  TimeColumn times;
  ARROW_RETURN_NOT_OK(WithStringUnit([&](TimeUnit string_unit) -> Status {
    ARROW_ASSIGN_OR_RAISE(times, ReadTimes(event, scan.event_timestamp, string_unit, context.pool));
    return Status::OK();
  }));
  const Bounds<int64_t> range = scan.range.InUnit(times.unit());
  ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(
                                         times.length() * int64_t{sizeof(uint32_t)}, context.pool));
  auto* rows = reinterpret_cast<uint32_t*>(buffer->mutable_data());
  int64_t count = 0;
  for (int64_t i = 0; i < times.length(); ++i) {
    const int64_t time = times.values()[i];
    if (times.IsNull(i) || time < range.min || time > range.max) continue;
    rows[count++] = static_cast<uint32_t>(i);
  }
  return std::make_shared<arrow::UInt32Array>(count, std::move(buffer));
}

/// The output columns of a batch, whose last column is the event timestamp if there is a range.
Result<std::shared_ptr<RecordBatch>> TakeInRange(const RangeScan& scan, const RecordBatch& batch,
                                                 const std::shared_ptr<arrow::Schema>& schema,
                                                 const RunContext& context) {
  std::shared_ptr<Array> rows;
  int64_t count = batch.num_rows();
  if (!scan.range.is_open()) {
    ARROW_ASSIGN_OR_RAISE(rows, RowsInRange(scan, batch.column(batch.num_columns() - 1), context));
    count = rows->length();
    if (count == batch.num_rows()) rows = nullptr;
  }
  arrow::ArrayVector columns;
  for (int c = 0; c < schema->num_fields(); ++c) {
    auto column = batch.column(c);
    if (rows != nullptr) {
      ARROW_ASSIGN_OR_RAISE(column, TakeRows(column, *rows, context));
    }
    const auto& field = *schema->field(c);
    ARROW_ASSIGN_OR_RAISE(column,
                          CastColumn(column, field.type(), field.name(), {.pool = context.pool}));
    columns.push_back(std::move(column));
  }
  return RecordBatch::Make(schema, count, std::move(columns));
}

}  // namespace

std::vector<std::string> RangeScan::ScannedColumns() const {
  std::vector<std::string> scanned = columns;
  if (!range.is_open()) scanned.push_back(event_timestamp);
  return scanned;
}

std::vector<size_t> RowGroupsToScan(const RangeScan& scan) {
  return SelectRowGroups(*scan.dataset, scan.range.filter(scan.event_timestamp));
}

Result<arrow::RecordBatchVector> ReadRange(const RangeScan& scan,
                                           std::span<const size_t> row_groups,
                                           const std::shared_ptr<arrow::Schema>& schema,
                                           const RunContext& context, ReadCounters* counters,
                                           std::atomic<int64_t>* rows_scanned) {
  std::mutex mutex;
  std::map<uint64_t, std::shared_ptr<RecordBatch>> found;  // By the address of the first row.
  ARROW_ASSIGN_OR_RAISE(
      const auto rows,
      SelectRows(*scan.dataset, row_groups, scan.range.filter(scan.event_timestamp), context));
  ARROW_RETURN_NOT_OK(ScanRowGroups(
      *scan.dataset, rows, ScanOrder::kForward, scan.ScannedColumns(), /*keep_dictionaries=*/false,
      context, counters, rows_scanned, [&](size_t) -> BatchVisitor {
        return [&](const RecordBatch& batch, uint64_t first_address) {
          ARROW_ASSIGN_OR_RAISE(auto selected, TakeInRange(scan, batch, schema, context));
          if (selected->num_rows() == 0) return Status::OK();
          const std::lock_guard<std::mutex> lock(mutex);
          found.emplace(first_address, std::move(selected));
          return Status::OK();
        };
      }));

  arrow::RecordBatchVector all;
  all.reserve(found.size());
  for (auto& [address, batch] : found) all.push_back(std::move(batch));
  return all;
}

}  // namespace larder
