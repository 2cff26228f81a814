// SPDX-License-Identifier: Apache-2.0
#include "larder/scan/fetch.h"

#include <arrow/array.h>
#include <arrow/chunked_array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <numeric>

#include "larder/base/cast.h"

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

/// The addresses that lie in one row group.
struct WantedRows {
  size_t row_group;
  size_t first;  ///< Index of addresses[0] among all.
  std::span<const uint64_t> addresses;
};

std::vector<WantedRows> ByRowGroup(const Dataset& dataset, std::span<const uint64_t> addresses) {
  std::vector<WantedRows> wanted;
  size_t first = 0;
  while (!addresses.empty()) {
    const size_t index = dataset.FindRowGroup(addresses.front());
    const RowGroup& group = dataset.row_groups()[index];
    const uint64_t end = group.first_row + static_cast<uint64_t>(group.rows);
    const auto count =
        std::lower_bound(addresses.begin(), addresses.end(), end) - addresses.begin();
    wanted.push_back({index, first, addresses.first(static_cast<size_t>(count))});
    first += static_cast<size_t>(count);
    addresses = addresses.subspan(static_cast<size_t>(count));
  }
  return wanted;
}

/// Makes the wanted rows what the source calls the column, if the file has another type. Not the
/// whole batch: a value that nobody asked for may not fit.
Status CastWanted(const arrow::Field& field, const RunContext& context, FetchedRows* rows,
                  std::vector<uint64_t>* numbers) {
  if (rows->values->type()->Equals(*field.type())) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto taken, TakeWanted(*rows, context));
  ARROW_ASSIGN_OR_RAISE(rows->values,
                        CastColumn(taken, field.type(), field.name(), {.pool = context.pool}));
  numbers->resize(rows->addresses.size());
  std::iota(numbers->begin(), numbers->end(), uint64_t{0});
  rows->first_address = 0;
  rows->addresses = *numbers;
  return Status::OK();
}

/// Where wanted rows lie further apart than this, those between them are left out: reading a few
/// more of a page that is decompressed anyway is cheaper than stopping. Where pages have a row or
/// two they are not decompressed, and only neighbours are read together.
uint64_t LongestGap(const WantedRows& wanted, const RowGroup& group) {
  constexpr uint64_t kGap = 1024;
  constexpr uint64_t kSparseGap = 16;
  const uint64_t rows_to_each = static_cast<uint64_t>(group.rows) / wanted.addresses.size();
  return rows_to_each > 4 * kGap ? kSparseGap : kGap;
}

/// How many of the first addresses lie close together, within `most_rows` rows.
size_t LengthOfRun(std::span<const uint64_t> addresses, uint64_t longest_gap, uint64_t most_rows) {
  size_t length = 1;
  while (length < addresses.size() && addresses[length] - addresses[length - 1] <= longest_gap &&
         addresses[length] - addresses[0] < most_rows) {
    ++length;
  }
  return length;
}

/// Reads one column in one row group.
Status FetchPiece(const Dataset& dataset, const WantedRows& wanted, const arrow::Field& field,
                  const RunContext& context, ReadCounters* counters, ColumnSink* sink) {
  const RowGroup& group = dataset.row_groups()[wanted.row_group];
  ARROW_ASSIGN_OR_RAISE(auto batches,
                        ColumnBatches::Open(dataset, wanted.row_group, {field.name()},
                                            /*keep_dictionaries=*/false, context, counters));
  const uint64_t longest_gap = LongestGap(wanted, group);
  auto left = wanted.addresses;
  size_t first_wanted = wanted.first;
  uint64_t first_address = group.first_row;
  std::vector<uint64_t> numbers;
  while (!left.empty()) {
    int64_t most_rows = context.batch_rows;
    if (batches.can_seek()) {
      batches.Seek(static_cast<int64_t>(left.front() - group.first_row));
      first_address = left.front();
      const size_t run = LengthOfRun(left, longest_gap, static_cast<uint64_t>(most_rows));
      most_rows = static_cast<int64_t>(left[run - 1] - left.front()) + 1;
    }
    ARROW_ASSIGN_OR_RAISE(const auto batch, batches.Next(most_rows));
    if (batch == nullptr) break;
    const uint64_t end = first_address + static_cast<uint64_t>(batch->num_rows());
    const auto count =
        static_cast<size_t>(std::lower_bound(left.begin(), left.end(), end) - left.begin());
    if (count > 0) {
      FetchedRows rows{batch->column(0), first_address, left.first(count), first_wanted};
      const Status cast = CastWanted(field, context, &rows, &numbers);
      if (!cast.ok()) return NamingFile(dataset.file_of(group).path, cast);
      ARROW_RETURN_NOT_OK(sink->Add(rows));
      left = left.subspan(count);
      first_wanted += count;
    }
    first_address = end;
  }
  return Status::OK();
}

/// A column on its way into the answer.
struct Column {
  std::shared_ptr<arrow::Field> field;
  std::once_flag begun;
  std::unique_ptr<ColumnSink> sink;
  Status status;  ///< Of making the sink.
  std::atomic<size_t> pieces_left{0};
};

}  // namespace

Result<arrow::ChunkedArrayVector> FetchRows(const Dataset& dataset,
                                            std::span<const uint64_t> addresses,
                                            const std::vector<std::string>& columns,
                                            const RunContext& context, ReadCounters* counters,
                                            const ColumnSinkFactory& make_sink) {
  const auto wanted = ByRowGroup(dataset, addresses);
  // A column without a wanted row is made in one task, too.
  const size_t pieces = std::max<size_t>(wanted.size(), 1);
  std::vector<Column> made(columns.size());
  for (size_t c = 0; c < columns.size(); ++c) {
    ARROW_ASSIGN_OR_RAISE(made[c].field, dataset.GetField(columns[c], "feature"));
    made[c].pieces_left.store(pieces);
  }
  arrow::ChunkedArrayVector fetched(columns.size());
  const auto tasks = static_cast<int64_t>(columns.size() * pieces);
  ARROW_RETURN_NOT_OK(RunTasks(context, tasks, [&](int64_t task) -> Status {
    const size_t c = static_cast<size_t>(task) / pieces;
    const size_t piece = static_cast<size_t>(task) % pieces;
    Column& column = made[c];
    std::call_once(column.begun, [&] {
      auto sink = make_sink(column.field->type());
      column.status = sink.status();
      if (sink.ok()) column.sink = std::move(*sink);
    });
    ARROW_RETURN_NOT_OK(column.status);
    if (!wanted.empty()) {
      ARROW_RETURN_NOT_OK(
          FetchPiece(dataset, wanted[piece], *column.field, context, counters, column.sink.get()));
    }
    if (column.pieces_left.fetch_sub(1) > 1) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(fetched[c], column.sink->Finish());
    column.sink.reset();
    return Status::OK();
  }));
  return fetched;
}

}  // namespace larder
