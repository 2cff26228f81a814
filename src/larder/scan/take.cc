// SPDX-License-Identifier: Apache-2.0
#include "larder/scan/take.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/array/util.h>
#include <arrow/chunked_array.h>
#include <arrow/compute/api_vector.h>
#include <arrow/type.h>
#include <arrow/util/checked_cast.h>

#include <limits>

#include "larder/base/cast.h"

namespace larder {

using arrow::Array;
using arrow::ArrayVector;
using arrow::DataType;
using arrow::Result;
using arrow::Type;
using arrow::internal::checked_cast;

namespace {

using TypePtr = std::shared_ptr<DataType>;

std::shared_ptr<arrow::Field> WithoutViews(const std::shared_ptr<arrow::Field>& field);

/// `type` with the string and binary views in it, which Arrow 26.0 cannot take, in the layout
/// that it can.
TypePtr WithoutViews(const TypePtr& type) {
  switch (type->id()) {
    case Type::STRING_VIEW:
      return arrow::large_utf8();
    case Type::BINARY_VIEW:
      return arrow::large_binary();
    case Type::LIST:
      return arrow::list(WithoutViews(type->field(0)));
    case Type::LARGE_LIST:
      return arrow::large_list(WithoutViews(type->field(0)));
    case Type::FIXED_SIZE_LIST:
      return arrow::fixed_size_list(
          WithoutViews(type->field(0)),
          checked_cast<const arrow::FixedSizeListType&>(*type).list_size());
    case Type::LIST_VIEW:
      return arrow::list_view(WithoutViews(type->field(0)));
    case Type::LARGE_LIST_VIEW:
      return arrow::large_list_view(WithoutViews(type->field(0)));
    case Type::STRUCT: {
      arrow::FieldVector fields;
      for (const auto& field : type->fields()) fields.push_back(WithoutViews(field));
      return arrow::struct_(fields);
    }
    case Type::MAP: {
      const auto& map = checked_cast<const arrow::MapType&>(*type);
      return std::make_shared<arrow::MapType>(WithoutViews(map.key_field()),
                                              WithoutViews(map.item_field()), map.keys_sorted());
    }
    default:
      return type;
  }
}

std::shared_ptr<arrow::Field> WithoutViews(const std::shared_ptr<arrow::Field>& field) {
  return field->WithType(WithoutViews(field->type()));
}

/// The type with 64-bit offsets, if there is one.
TypePtr LargeTypeOf(const DataType& type) {
  if (type.id() == Type::STRING) return arrow::large_utf8();
  if (type.id() == Type::BINARY) return arrow::large_binary();
  return nullptr;
}

CastSettings InPool(const RunContext& context) { return {.pool = context.pool}; }

}  // namespace

Result<std::shared_ptr<Array>> TakeRows(const std::shared_ptr<Array>& values, const Array& indices,
                                        const RunContext& context) {
  const TypePtr plain = WithoutViews(values->type());
  if (!plain->Equals(values->type())) {
    ARROW_ASSIGN_OR_RAISE(const auto cast, CastColumn(values, plain, "", InPool(context)));
    ARROW_ASSIGN_OR_RAISE(const auto taken, TakeRows(cast, indices, context));
    return CastColumn(taken, values->type(), "", InPool(context));
  }
  auto exec = context.exec();
  return arrow::compute::Take(*values, indices, arrow::compute::TakeOptions::NoBoundsCheck(),
                              &exec);
}

Result<std::shared_ptr<Array>> ConcatenateColumn(const ArrayVector& pieces, const TypePtr& type,
                                                 const RunContext& context) {
  if (pieces.empty()) return arrow::MakeEmptyArray(type, context.pool);
  if (pieces.size() == 1) return pieces[0];
  const TypePtr large = LargeTypeOf(*type);
  if (large == nullptr) return arrow::Concatenate(pieces, context.pool);
  int64_t bytes = 0;
  for (const auto& piece : pieces) {
    bytes += checked_cast<const arrow::BinaryArray&>(*piece).total_values_length();
  }
  if (bytes <= std::numeric_limits<int32_t>::max()) {
    return arrow::Concatenate(pieces, context.pool);
  }
  ArrayVector large_pieces;
  for (const auto& piece : pieces) {
    ARROW_ASSIGN_OR_RAISE(auto cast, CastColumn(piece, large, "", InPool(context)));
    large_pieces.push_back(std::move(cast));
  }
  return arrow::Concatenate(large_pieces, context.pool);
}

Result<std::shared_ptr<arrow::ChunkedArray>> TakeInChunks(const std::shared_ptr<Array>& values,
                                                          const std::shared_ptr<Array>& indices,
                                                          const TypePtr& type, int64_t chunk_rows,
                                                          const RunContext& context) {
  ArrayVector chunks;
  for (int64_t begin = 0; begin < indices->length(); begin += chunk_rows) {
    ARROW_RETURN_NOT_OK(context.stop.Poll());
    ARROW_ASSIGN_OR_RAISE(auto chunk,
                          TakeRows(values, *indices->Slice(begin, chunk_rows), context));
    ARROW_ASSIGN_OR_RAISE(chunk, CastColumn(chunk, type, "", InPool(context)));
    chunks.push_back(std::move(chunk));
  }
  return std::make_shared<arrow::ChunkedArray>(std::move(chunks), type);
}

}  // namespace larder
