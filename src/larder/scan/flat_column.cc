// SPDX-License-Identifier: Apache-2.0
#include "larder/scan/flat_column.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/type.h>
#include <parquet/metadata.h>

#include <algorithm>
#include <utility>

#include "larder/scan/flat_bytes.h"
#include "larder/scan/page_column.h"

namespace larder {

using arrow::Result;
using arrow::Status;

namespace {

/// Values of fixed width, decoded straight into the array.
template <typename ParquetType>
class FlatNumbers : public PageColumn<ParquetType> {
 public:
  using Value = typename ParquetType::c_type;

  FlatNumbers(std::shared_ptr<arrow::DataType> type, std::unique_ptr<ChunkPages> pages,
              arrow::MemoryPool* pool)
      : PageColumn<ParquetType>(std::move(pages), pool),
        type_(std::move(type)),
        values_(pool),
        valid_(pool) {}

  Result<std::shared_ptr<arrow::Array>> Read(int64_t rows) override {
    ARROW_RETURN_NOT_OK(this->FindRow(rows));
    const int64_t count = std::min(rows, this->left());
    if (auto stored = this->TakeAsStored(count); stored != nullptr) {
      return arrow::MakeArray(
          arrow::ArrayData::Make(type_, count, {nullptr, std::move(stored)}, /*null_count=*/0));
    }
    ARROW_ASSIGN_OR_RAISE(const auto values, values_.OfSize(count * int64_t{sizeof(Value)}));
    auto* out = reinterpret_cast<Value*>(values->mutable_data());
    if (this->has_entries_only()) {
      ARROW_RETURN_NOT_OK(this->DecodeEntries(count, out));
      return arrow::MakeArray(arrow::ArrayData::Make(type_, count, {nullptr, values}, 0));
    }
    std::shared_ptr<arrow::ResizableBuffer> valid;
    if (this->page_has_nulls()) {
      ARROW_ASSIGN_OR_RAISE(valid, AllValid(&valid_, count));
    }
    const int64_t nulls =
        this->Decode(count, valid == nullptr ? nullptr : valid->mutable_data(), 0, out);
    return arrow::MakeArray(
        arrow::ArrayData::Make(type_, count, {nulls > 0 ? valid : nullptr, values}, nulls));
  }

 private:
  const std::shared_ptr<arrow::DataType> type_;
  ReusedBuffer values_;
  ReusedBuffer valid_;
};

/// True if Parquet's values, one after another, are Arrow's. Parquet has no seconds, and keeps
/// small integers in 32 bits.
bool IsStoredAsInArrow(const parquet::ColumnDescriptor& leaf, const arrow::DataType& type) {
  const auto& logical = leaf.logical_type();
  const bool is_integer = logical == nullptr || logical->is_none() || logical->is_int();
  const auto in_unit = [&](arrow::TimeUnit::type unit) {
    using parquet::LogicalType;
    const auto stored =
        logical->is_timestamp()
            ? static_cast<const parquet::TimestampLogicalType&>(*logical).time_unit()
            : LogicalType::TimeUnit::UNKNOWN;
    return (unit == arrow::TimeUnit::MILLI && stored == LogicalType::TimeUnit::MILLIS) ||
           (unit == arrow::TimeUnit::MICRO && stored == LogicalType::TimeUnit::MICROS) ||
           (unit == arrow::TimeUnit::NANO && stored == LogicalType::TimeUnit::NANOS);
  };
  switch (leaf.physical_type()) {
    case parquet::Type::INT32:
      return ((type.id() == arrow::Type::INT32 || type.id() == arrow::Type::UINT32) &&
              is_integer) ||
             (type.id() == arrow::Type::DATE32 && logical != nullptr && logical->is_date());
    case parquet::Type::INT64:
      return ((type.id() == arrow::Type::INT64 || type.id() == arrow::Type::UINT64) &&
              is_integer) ||
             (type.id() == arrow::Type::TIMESTAMP && logical != nullptr &&
              in_unit(static_cast<const arrow::TimestampType&>(type).unit()));
    case parquet::Type::FLOAT:
      return type.id() == arrow::Type::FLOAT;
    case parquet::Type::DOUBLE:
      return type.id() == arrow::Type::DOUBLE;
    case parquet::Type::BYTE_ARRAY:
      return arrow::is_base_binary_like(type.id());
    default:
      return false;
  }
}

}  // namespace

Result<std::unique_ptr<FlatColumn>> FlatColumn::Open(
    const std::shared_ptr<arrow::io::RandomAccessFile>& input, const SourceFile& file,
    const RowGroup& group, const parquet::arrow::SchemaField& field, bool keep_dictionary,
    const RunContext& context) {
  if (!field.is_leaf()) return nullptr;
  const parquet::ColumnDescriptor& leaf = *file.metadata()->schema()->Column(field.column_index);
  const auto& type = field.field->type();
  if (!IsStoredAsInArrow(leaf, *type)) return nullptr;
  ARROW_ASSIGN_OR_RAISE(auto pages, ChunkPages::Open(input, file, group, field, context));
  if (pages == nullptr) return nullptr;
  switch (leaf.physical_type()) {
    case parquet::Type::INT32:
      return std::make_unique<FlatNumbers<parquet::Int32Type>>(type, std::move(pages),
                                                               context.pool);
    case parquet::Type::INT64:
      return std::make_unique<FlatNumbers<parquet::Int64Type>>(type, std::move(pages),
                                                               context.pool);
    case parquet::Type::FLOAT:
      return std::make_unique<FlatNumbers<parquet::FloatType>>(type, std::move(pages),
                                                               context.pool);
    case parquet::Type::DOUBLE:
      return std::make_unique<FlatNumbers<parquet::DoubleType>>(type, std::move(pages),
                                                                context.pool);
    default: {
      // A first guess, and not to be believed blindly.
      constexpr int64_t kLongestGuess = 256;
      const auto chunk = file.metadata()->RowGroup(group.index)->ColumnChunk(field.column_index);
      const int64_t values = std::max<int64_t>(chunk->num_values(), 1);
      const int64_t bytes_per_row =
          std::clamp<int64_t>(chunk->total_uncompressed_size() / values, 1, kLongestGuess);
      return MakeFlatBytes(type, std::move(pages), bytes_per_row, keep_dictionary, context.pool);
    }
  }
}

}  // namespace larder
