// SPDX-License-Identifier: Apache-2.0
#include "larder/source/column_bounds.h"

#include <arrow/array.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <parquet/metadata.h>
#include <parquet/statistics.h>
#include <parquet/types.h>

namespace larder {
namespace {

/// Statistics of a flat column; null if it has none. Parquet throws on broken ones, and then
/// there is nothing that they could say: reading the column will tell what is wrong.
std::shared_ptr<parquet::Statistics> StatisticsOf(const Dataset& dataset, const RowGroup& group,
                                                  const ColumnPlace& place) {
  if (place.field == nullptr || !place.field->is_leaf()) return nullptr;
  std::shared_ptr<parquet::Statistics> statistics;
  const auto status = CatchExceptions([&] {
    statistics = dataset.file_of(group)
                     .metadata()
                     ->RowGroup(group.index)
                     ->ColumnChunk(place.field->column_index)
                     ->statistics();
    return arrow::Status::OK();
  });
  return status.ok() ? statistics : nullptr;
}

/// The ends as the file holds them, of a column of 32 or 64-bit integers.
std::optional<Bounds<int64_t>> RawBounds(const parquet::Statistics& statistics) {
  if (!statistics.HasMinMax()) return std::nullopt;
  switch (statistics.physical_type()) {
    case parquet::Type::INT32: {
      const auto& typed = static_cast<const parquet::Int32Statistics&>(statistics);
      return Bounds<int64_t>{typed.min(), typed.max()};
    }
    case parquet::Type::INT64: {
      const auto& typed = static_cast<const parquet::Int64Statistics&>(statistics);
      return Bounds<int64_t>{typed.min(), typed.max()};
    }
    default:
      return std::nullopt;
  }
}

int64_t NanosOf(const parquet::ColumnDescriptor& column) {
  const auto& logical = column.logical_type();
  if (logical == nullptr) return 0;
  if (logical->is_date()) return 86'400 * NanosPer(TimeUnit::SECOND);
  if (!logical->is_timestamp()) return 0;
  switch (static_cast<const parquet::TimestampLogicalType&>(*logical).time_unit()) {
    case parquet::LogicalType::TimeUnit::MILLIS:
      return NanosPer(TimeUnit::MILLI);
    case parquet::LogicalType::TimeUnit::MICROS:
      return NanosPer(TimeUnit::MICRO);
    case parquet::LogicalType::TimeUnit::NANOS:
      return NanosPer(TimeUnit::NANO);
    default:
      return 0;
  }
}

}  // namespace

std::optional<Bounds<WideNanos>> TimeBounds(const Dataset& dataset, const RowGroup& group,
                                            const std::string& column) {
  const ColumnPlace place = dataset.Find(dataset.file_of(group), column);
  if (place.constant != nullptr) {
    if (!place.constant->is_valid) return std::nullopt;
    auto array = arrow::MakeArrayFromScalar(*place.constant, 1);
    if (!array.ok()) return std::nullopt;
    WideNanos time = 0;
    const auto status = WithStringUnit([&](TimeUnit unit) -> arrow::Status {
      ARROW_ASSIGN_OR_RAISE(const auto times,
                            ReadTimes(*array, column, unit, arrow::default_memory_pool()));
      time = ToWideNanos(times.values()[0], times.unit());
      return arrow::Status::OK();
    });
    if (!status.ok()) return std::nullopt;  // Scanning says what is wrong.
    return Bounds<WideNanos>{time, time};
  }
  const auto statistics = StatisticsOf(dataset, group, place);
  if (statistics == nullptr) return std::nullopt;
  const int64_t scale = NanosOf(*statistics->descr());
  const auto raw = RawBounds(*statistics);
  if (scale == 0 || !raw) return std::nullopt;
  return Bounds<WideNanos>{static_cast<WideNanos>(raw->min) * scale,
                           static_cast<WideNanos>(raw->max) * scale};
}

int64_t NanosPerUnit(const Dataset& dataset, const RowGroup& group, const std::string& column) {
  const SourceFile& file = dataset.file_of(group);
  const ColumnPlace place = dataset.Find(file, column);
  if (place.field == nullptr || !place.field->is_leaf()) return 0;
  return NanosOf(*file.metadata()->schema()->Column(place.field->column_index));
}

std::optional<Bounds<int64_t>> IntegerBounds(const Dataset& dataset, const RowGroup& group,
                                             const std::string& column) {
  const ColumnPlace place = dataset.Find(dataset.file_of(group), column);
  if (place.field == nullptr || !arrow::is_signed_integer(place.field->field->type()->id())) {
    return std::nullopt;
  }
  const auto statistics = StatisticsOf(dataset, group, place);
  return statistics == nullptr ? std::nullopt : RawBounds(*statistics);
}

bool IsAllNull(const Dataset& dataset, const RowGroup& group, const std::string& column) {
  const ColumnPlace place = dataset.Find(dataset.file_of(group), column);
  if (place.constant != nullptr) return !place.constant->is_valid;
  const auto statistics = StatisticsOf(dataset, group, place);
  return statistics != nullptr && statistics->HasNullCount() &&
         statistics->null_count() == group.rows;
}

namespace {

/// The sum of `bytes_of` over the chunks of a column in a row group.
int64_t SumOverChunks(const Dataset& dataset, const RowGroup& group, const std::string& column,
                      int64_t (parquet::ColumnChunkMetaData::*bytes_of)() const) {
  const auto& file = dataset.file_of(group);
  const ColumnPlace place = dataset.Find(file, column);
  if (place.field == nullptr) return 0;
  const auto metadata = file.metadata()->RowGroup(group.index);
  int64_t bytes = 0;
  for (const int leaf : LeavesOf(*place.field)) {
    bytes += (metadata->ColumnChunk(leaf).get()->*bytes_of)();
  }
  return bytes;
}

}  // namespace

int64_t ColumnBytes(const Dataset& dataset, const RowGroup& group, const std::string& column) {
  return SumOverChunks(dataset, group, column,
                       &parquet::ColumnChunkMetaData::total_compressed_size);
}

int64_t EncodedColumnBytes(const Dataset& dataset, const RowGroup& group,
                           const std::string& column) {
  return SumOverChunks(dataset, group, column,
                       &parquet::ColumnChunkMetaData::total_uncompressed_size);
}

}  // namespace larder
