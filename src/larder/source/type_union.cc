// SPDX-License-Identifier: Apache-2.0
#include "larder/source/type_union.h"

#include <arrow/type.h>
#include <arrow/type_traits.h>
#include <arrow/util/checked_cast.h>

#include <algorithm>

#include "larder/base/cast.h"

namespace larder {

using arrow::Type;
using arrow::internal::checked_cast;

using TypePtr = std::shared_ptr<arrow::DataType>;

namespace {

TypePtr SignedOfBits(int bits) {
  switch (bits) {
    case 16:
      return arrow::int16();
    case 32:
      return arrow::int32();
    case 64:
      return arrow::int64();
    default:
      return nullptr;
  }
}

bool IsBinary(Type::type id) {
  return arrow::is_binary_or_binary_view(id) || id == Type::FIXED_SIZE_BINARY;
}

TypePtr UnifyIntegers(const TypePtr& a, const TypePtr& b) {
  const TypePtr& wider = a->bit_width() >= b->bit_width() ? a : b;
  const TypePtr& other = wider == a ? b : a;
  if (arrow::is_signed_integer(a->id()) == arrow::is_signed_integer(b->id())) return wider;
  if (arrow::is_signed_integer(wider->id()) && wider->bit_width() > other->bit_width()) {
    return wider;
  }
  return SignedOfBits(2 * wider->bit_width());
}

TypePtr UnifyTimestamps(const TypePtr& a, const TypePtr& b) {
  const auto& one = checked_cast<const arrow::TimestampType&>(*a);
  const auto& two = checked_cast<const arrow::TimestampType&>(*b);
  const std::string zone = one.timezone() == two.timezone() ? one.timezone() : "UTC";
  return arrow::timestamp(std::max(one.unit(), two.unit()), zone);
}

bool IsLargeList(Type::type id) { return id == Type::LARGE_LIST || id == Type::LARGE_LIST_VIEW; }

TypePtr UnifyDictionaries(const TypePtr& a, const TypePtr& b) {
  const auto* one =
      a->id() == Type::DICTIONARY ? static_cast<arrow::DictionaryType*>(a.get()) : nullptr;
  const auto* two =
      b->id() == Type::DICTIONARY ? static_cast<arrow::DictionaryType*>(b.get()) : nullptr;
  TypePtr values =
      UnifyTypes(one != nullptr ? one->value_type() : a, two != nullptr ? two->value_type() : b);
  if (values == nullptr || one == nullptr || two == nullptr) return values;
  const TypePtr index = UnifyIntegers(one->index_type(), two->index_type());
  return index == nullptr ? values : arrow::dictionary(index, values);
}

TypePtr UnifyLists(const TypePtr& a, const TypePtr& b) {
  const TypePtr values = UnifyTypes(a->field(0)->type(), b->field(0)->type());
  if (values == nullptr) return nullptr;
  const auto field = arrow::field(a->field(0)->name(), values);
  if (IsLargeList(a->id()) || IsLargeList(b->id())) return arrow::large_list(field);
  return arrow::list(field);
}

/// True if each name is there once, so that it says which field is meant.
bool HasUniqueNames(const arrow::StructType& type) {
  return std::all_of(type.fields().begin(), type.fields().end(),
                     [&](const auto& field) { return type.GetFieldIndex(field->name()) >= 0; });
}

TypePtr UnifyStructs(const TypePtr& a, const TypePtr& b) {
  const auto& one = checked_cast<const arrow::StructType&>(*a);
  const auto& two = checked_cast<const arrow::StructType&>(*b);
  if (!HasUniqueNames(one) || !HasUniqueNames(two)) return nullptr;
  arrow::FieldVector fields;
  for (const auto& field : one.fields()) {
    const auto other = two.GetFieldByName(field->name());
    const TypePtr type = other ? UnifyTypes(field->type(), other->type()) : field->type();
    if (type == nullptr) return nullptr;
    fields.push_back(arrow::field(field->name(), type));
  }
  for (const auto& field : two.fields()) {
    if (one.GetFieldIndex(field->name()) >= 0) continue;
    fields.push_back(arrow::field(field->name(), field->type()));
  }
  return arrow::struct_(fields);
}

TypePtr UnifyMaps(const TypePtr& a, const TypePtr& b) {
  const auto& one = checked_cast<const arrow::MapType&>(*a);
  const auto& two = checked_cast<const arrow::MapType&>(*b);
  const TypePtr keys = UnifyTypes(one.key_type(), two.key_type());
  const TypePtr items = UnifyTypes(one.item_type(), two.item_type());
  if (keys == nullptr || items == nullptr) return nullptr;
  return arrow::map(keys, items);
}

TypePtr UnifyDecimals(const TypePtr& a, const TypePtr& b) {
  const auto& one = checked_cast<const arrow::DecimalType&>(*a);
  const auto& two = checked_cast<const arrow::DecimalType&>(*b);
  if (one.scale() != two.scale()) return nullptr;
  const int32_t precision = std::max(one.precision(), two.precision());
  if (precision <= arrow::Decimal128Type::kMaxPrecision) {
    return arrow::decimal128(precision, one.scale());
  }
  return arrow::decimal256(precision, one.scale());
}

}  // namespace

TypePtr UnifyTypes(const TypePtr& a, const TypePtr& b) {
  if (a->Equals(*b)) return a;
  const Type::type one = a->id();
  const Type::type two = b->id();
  if (one == Type::NA) return b;
  if (two == Type::NA) return a;
  if (one == Type::DICTIONARY || two == Type::DICTIONARY) return UnifyDictionaries(a, b);
  if (arrow::is_integer(one) && arrow::is_integer(two)) return UnifyIntegers(a, b);
  if (arrow::is_floating(one) && arrow::is_floating(two)) {
    return a->bit_width() >= b->bit_width() ? a : b;
  }
  if ((arrow::is_integer(one) && arrow::is_floating(two)) ||
      (arrow::is_floating(one) && arrow::is_integer(two))) {
    return arrow::float64();
  }
  if (arrow::is_string_or_string_view(one) && arrow::is_string_or_string_view(two))
    return arrow::large_utf8();
  if (IsBinary(one) && IsBinary(two)) return arrow::large_binary();
  if (one == Type::TIMESTAMP && two == Type::TIMESTAMP) return UnifyTimestamps(a, b);
  if (arrow::is_date(one) && arrow::is_date(two)) return arrow::date32();
  if (arrow::is_decimal(one) && arrow::is_decimal(two)) return UnifyDecimals(a, b);
  if (one == Type::MAP && two == Type::MAP) return UnifyMaps(a, b);
  if (one == Type::STRUCT && two == Type::STRUCT) return UnifyStructs(a, b);
  if (IsListLike(one) && IsListLike(two)) return UnifyLists(a, b);
  return nullptr;
}

}  // namespace larder
