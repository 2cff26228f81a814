// SPDX-License-Identifier: Apache-2.0
#include "larder/kernel/latest.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <memory>
#include <vector>

#include "larder/kernel/candidate.h"
#include "larder/kernel/join_key.h"
#include "larder/kernel/latest_table.h"
#include "larder/scan/pruning.h"

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

/// Scans batches on one thread.
class LatestBatchScan {
 public:
  LatestBatchScan(const LatestScan& scan, const KeyEncoder& encoder, TimeUnit string_unit,
                  const RunContext& context, LatestTable* table)
      : scan_(scan),
        encoder_(encoder),
        table_(*table),
        rows_(scan, string_unit, context.pool),
        keys_(context.pool) {}

  Status Scan(const arrow::RecordBatch& batch, uint64_t first_address) {
    ARROW_RETURN_NOT_OK(ReadCandidates(batch, first_address));
    ARROW_RETURN_NOT_OK(ReadKeys(batch));
    return table_.Raise(keys_, candidates_, &scratch_);
  }

 private:
  Status ReadKeys(const arrow::RecordBatch& batch) {
    const auto& columns = batch.columns();
    const auto count = static_cast<int64_t>(scan_.join_keys.size());
    if (count > 0) return encoder_.Encode({columns.begin(), columns.begin() + count}, &keys_);
    // The key that all rows have.
    keys_.length = batch.num_rows();
    keys_.int_storage.assign(static_cast<size_t>(batch.num_rows()), 0);
    keys_.ints = keys_.int_storage.data();
    return Status::OK();
  }

  /// One candidate a row; none for rows outside of the range.
  Status ReadCandidates(const arrow::RecordBatch& batch, uint64_t first_address) {
    ARROW_RETURN_NOT_OK(rows_.Read(batch, first_address));
    const TimeColumn& event = rows_.event();
    const Bounds<int64_t> range = scan_.range.InUnit(event.unit());
    candidates_.assign(static_cast<size_t>(batch.num_rows()), Candidate{});
    for (int64_t i = 0; i < batch.num_rows(); ++i) {
      const int64_t time = event.values()[i];
      if (event.IsNull(i) || time < range.min || time > range.max) continue;
      ARROW_RETURN_NOT_OK(rows_.Make(i, &candidates_[static_cast<size_t>(i)]));
    }
    return Status::OK();
  }

  const LatestScan& scan_;
  const KeyEncoder& encoder_;
  LatestTable& table_;
  RowCandidates rows_;
  EncodedKeys keys_;
  std::vector<Candidate> candidates_;
  LatestTable::Scratch scratch_;
};

Result<KeyEncoder> EncoderOf(const LatestScan& scan) {
  std::vector<KeyDomain> domains;
  if (scan.join_keys.empty()) domains.push_back({.key_class = KeyClass::kNumber});
  for (const auto& column : scan.join_keys) {
    ARROW_ASSIGN_OR_RAISE(const auto field, scan.dataset->GetField(column, "join key"));
    ARROW_ASSIGN_OR_RAISE(
        auto domain,
        KeyDomainOf(*field->type(), scan.dataset->name() + ": column '" + column + "'"));
    domains.push_back(domain);
  }
  return KeyEncoder(std::move(domains));
}

}  // namespace

std::vector<size_t> RowGroupsToScan(const LatestScan& scan) {
  return SelectRowGroups(*scan.dataset, scan.event_timestamp, scan.created_timestamp,
                         scan.range.window());
}

Result<RowSet> FindLatest(const LatestScan& scan, const RunContext& context, ReadCounters* counters,
                          std::atomic<int64_t>* rows_scanned) {
  ARROW_ASSIGN_OR_RAISE(const auto encoder, EncoderOf(scan));
  const auto groups = RowGroupsToScan(scan);
  const auto& all = scan.dataset->row_groups();
  const uint64_t rows =
      all.empty() ? 0 : all.back().first_row + static_cast<uint64_t>(all.back().rows);

  RowSet newest(rows, context.pool);
  ARROW_RETURN_NOT_OK(WithStringUnit([&](TimeUnit string_unit) -> Status {
    LatestTable table(encoder, context);
    ARROW_RETURN_NOT_OK(ScanRowGroups(
        *scan.dataset, groups, scan.ScannedColumns(), /*keep_dictionaries=*/true, context, counters,
        rows_scanned, [&](size_t) -> BatchVisitor {
          auto batches =
              std::make_shared<LatestBatchScan>(scan, encoder, string_unit, context, &table);
          return [batches](const arrow::RecordBatch& batch, uint64_t first_address) {
            return batches->Scan(batch, first_address);
          };
        }));
    return table.Finish(&newest);
  }));
  return newest;
}

}  // namespace larder
