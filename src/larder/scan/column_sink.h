// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "larder/base/memory_budget.h"
#include "larder/base/run_context.h"

namespace larder {

/// Some of the rows that were asked for, in a batch of one column.
struct FetchedRows {
  std::shared_ptr<arrow::Array> values;  ///< The whole batch.
  uint64_t first_address;                ///< Of values[0].
  std::span<const uint64_t> addresses;   ///< The wanted ones in the batch, ascending.
  size_t first_wanted;                   ///< Index of addresses[0] among all that are wanted.
};

/// The wanted rows alone.
arrow::Result<std::shared_ptr<arrow::Array>> TakeWanted(const FetchedRows& rows,
                                                        const RunContext& context);

/// Makes an output column of fetched rows.
class ColumnSink {
 public:
  virtual ~ColumnSink() = default;
  /// Called from several threads at once, with rows in any order of batches.
  virtual arrow::Status Add(const FetchedRows& rows) = 0;
  /// Called once, after the last Add.
  virtual arrow::Result<std::shared_ptr<arrow::ChunkedArray>> Finish() = 0;
};

using ColumnSinkFactory = std::function<arrow::Result<std::unique_ptr<ColumnSink>>(
    const std::shared_ptr<arrow::DataType>& type)>;

/// The wanted rows by address.
arrow::Result<std::unique_ptr<ColumnSink>> MakeAddressOrderSink(
    const std::shared_ptr<arrow::DataType>& type, const RunContext& context);

/// Which output rows have each of the wanted rows.
struct RowPlaces {
  explicit RowPlaces(arrow::MemoryPool* pool) : rows(pool), begin(pool) {}

  std::shared_ptr<arrow::UInt32Array> choice;  ///< For each output row its wanted row, or null.
  PoolVector<uint32_t> rows;   ///< Output rows: those of the first wanted row, of the second...
  PoolVector<uint32_t> begin;  ///< Of each wanted row's in `rows`, and the end of the last one's.

  std::span<const uint32_t> RowsOf(size_t wanted) const {
    return {rows.data() + begin[wanted], begin[wanted + 1] - begin[wanted]};
  }
};

/// The output rows in their order, null where there is no wanted row. Values of fixed width are
/// written straight to their places; others in arrays of at most `chunk_rows` rows. `places` must
/// outlive the sink.
arrow::Result<std::unique_ptr<ColumnSink>> MakeOutputOrderSink(
    const std::shared_ptr<arrow::DataType>& type, const RowPlaces& places, int64_t chunk_rows,
    const RunContext& context);

}  // namespace larder
