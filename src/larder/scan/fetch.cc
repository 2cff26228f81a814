// SPDX-License-Identifier: Apache-2.0
#include "larder/scan/fetch.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <atomic>

#include "larder/base/cast.h"
#include "larder/scan/take.h"

namespace larder {

using arrow::Array;
using arrow::ArrayVector;
using arrow::Result;
using arrow::Status;

namespace {

/// The addresses that lie in one row group.
struct WantedRows {
  size_t row_group;
  std::span<const uint64_t> addresses;
};

std::vector<WantedRows> ByRowGroup(const Dataset& dataset, std::span<const uint64_t> addresses) {
  std::vector<WantedRows> wanted;
  while (!addresses.empty()) {
    const size_t index = dataset.FindRowGroup(addresses.front());
    const RowGroup& group = dataset.row_groups()[index];
    const uint64_t end = group.first_row + static_cast<uint64_t>(group.rows);
    const auto count =
        std::lower_bound(addresses.begin(), addresses.end(), end) - addresses.begin();
    wanted.push_back({index, addresses.first(static_cast<size_t>(count))});
    addresses = addresses.subspan(static_cast<size_t>(count));
  }
  return wanted;
}

/// The wanted rows of one batch.
Result<std::shared_ptr<Array>> TakeWanted(const std::shared_ptr<Array>& column,
                                          std::span<const uint64_t> addresses, uint64_t first_row,
                                          const RunContext& context) {
  const auto count = static_cast<int64_t>(addresses.size());
  if (count == column->length()) return column;
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> buffer,
                        arrow::AllocateBuffer(count * int64_t{sizeof(uint32_t)}, context.pool));
  auto* rows = reinterpret_cast<uint32_t*>(buffer->mutable_data());
  for (size_t i = 0; i < addresses.size(); ++i) {
    rows[i] = static_cast<uint32_t>(addresses[i] - first_row);
  }
  return TakeRows(column, arrow::UInt32Array(count, std::move(buffer)), context);
}

/// One column in one row group.
Status FetchPiece(const Dataset& dataset, const WantedRows& wanted, const std::string& column,
                  const std::shared_ptr<arrow::DataType>& type, const RunContext& context,
                  ReadCounters* counters, ArrayVector* pieces) {
  const RowGroup& group = dataset.row_groups()[wanted.row_group];
  ARROW_ASSIGN_OR_RAISE(auto batches,
                        ColumnBatches::Open(dataset, wanted.row_group, {column},
                                            /*keep_dictionaries=*/false, context, counters));
  auto left = wanted.addresses;
  uint64_t first_row = group.first_row;
  while (!left.empty()) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, batches.Next());
    if (batch == nullptr) break;
    const uint64_t end = first_row + static_cast<uint64_t>(batch->num_rows());
    const auto count =
        static_cast<size_t>(std::lower_bound(left.begin(), left.end(), end) - left.begin());
    if (count > 0) {
      ARROW_ASSIGN_OR_RAISE(auto rows,
                            TakeWanted(batch->column(0), left.first(count), first_row, context));
      auto cast = CastColumn(rows, type, column, CastSettings{.pool = context.pool});
      if (!cast.ok()) return InSourceFile(dataset.file_of(group).path, cast.status());
      pieces->push_back(std::move(*cast));
      left = left.subspan(count);
    }
    first_row = end;
  }
  return Status::OK();
}

}  // namespace

Status FetchRows(const Dataset& dataset, std::span<const uint64_t> addresses,
                 const std::vector<std::string>& columns, const RunContext& context,
                 ReadCounters* counters, const ColumnSink& sink) {
  std::vector<std::shared_ptr<arrow::DataType>> types;
  for (const auto& column : columns) {
    ARROW_ASSIGN_OR_RAISE(const auto field, dataset.GetField(column, "feature"));
    types.push_back(field->type());
  }
  const auto wanted = ByRowGroup(dataset, addresses);
  if (wanted.empty()) {
    for (size_t c = 0; c < columns.size(); ++c) ARROW_RETURN_NOT_OK(sink(c, {}));
    return Status::OK();
  }
  struct Progress {
    std::vector<ArrayVector> pieces;  ///< One for each row group.
    std::atomic<size_t> left;
  };
  std::vector<Progress> progress(columns.size());
  for (auto& column : progress) {
    column.pieces.resize(wanted.size());
    column.left.store(wanted.size());
  }
  const auto tasks = static_cast<int64_t>(columns.size() * wanted.size());
  return RunTasks(context, tasks, [&](int64_t task) {
    const size_t c = static_cast<size_t>(task) / wanted.size();
    const size_t g = static_cast<size_t>(task) % wanted.size();
    ARROW_RETURN_NOT_OK(FetchPiece(dataset, wanted[g], columns[c], types[c], context, counters,
                                   &progress[c].pieces[g]));
    if (progress[c].left.fetch_sub(1) > 1) return Status::OK();
    ArrayVector values;
    for (auto& pieces : progress[c].pieces) {
      for (auto& piece : pieces) values.push_back(std::move(piece));
    }
    progress[c].pieces.clear();
    return sink(c, std::move(values));
  });
}

}  // namespace larder
