// SPDX-License-Identifier: Apache-2.0
#include "larder/source/schema_union.h"

#include <arrow/type.h>
#include <arrow/type_traits.h>
#include <arrow/util/checked_cast.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

namespace larder {

using arrow::DataType;
using arrow::Result;
using arrow::Status;
using arrow::Type;
using arrow::internal::checked_cast;

namespace {

using TypePtr = std::shared_ptr<DataType>;

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

bool IsText(Type::type id) {
  return id == Type::STRING || id == Type::LARGE_STRING || id == Type::STRING_VIEW;
}

bool IsBinary(Type::type id) {
  return id == Type::BINARY || id == Type::LARGE_BINARY || id == Type::BINARY_VIEW ||
         id == Type::FIXED_SIZE_BINARY;
}

bool IsDate(Type::type id) { return id == Type::DATE32 || id == Type::DATE64; }

bool IsList(Type::type id) {
  return id == Type::LIST || id == Type::LARGE_LIST || id == Type::FIXED_SIZE_LIST ||
         id == Type::LIST_VIEW || id == Type::LARGE_LIST_VIEW;
}

TypePtr UnifyDictionaries(const TypePtr& a, const TypePtr& b) {
  const auto* one =
      a->id() == Type::DICTIONARY ? static_cast<arrow::DictionaryType*>(a.get()) : nullptr;
  const auto* two =
      b->id() == Type::DICTIONARY ? static_cast<arrow::DictionaryType*>(b.get()) : nullptr;
  const TypePtr values =
      UnifyTypes(one != nullptr ? one->value_type() : a, two != nullptr ? two->value_type() : b);
  if (values == nullptr || one == nullptr || two == nullptr) return values;
  const TypePtr index = UnifyIntegers(one->index_type(), two->index_type());
  return index == nullptr ? values : arrow::dictionary(index, values);
}

TypePtr UnifyLists(const TypePtr& a, const TypePtr& b) {
  const TypePtr values = UnifyTypes(a->field(0)->type(), b->field(0)->type());
  if (values == nullptr) return nullptr;
  const auto field = a->field(0)->WithType(values)->WithNullable(true);
  if (a->id() == Type::LARGE_LIST || b->id() == Type::LARGE_LIST) return arrow::large_list(field);
  return arrow::list(field);
}

TypePtr UnifyStructs(const TypePtr& a, const TypePtr& b) {
  const auto& one = checked_cast<const arrow::StructType&>(*a);
  const auto& two = checked_cast<const arrow::StructType&>(*b);
  arrow::FieldVector fields;
  for (const auto& field : one.fields()) {
    const auto other = two.GetFieldByName(field->name());
    const TypePtr type = other ? UnifyTypes(field->type(), other->type()) : field->type();
    if (type == nullptr) return nullptr;
    fields.push_back(arrow::field(field->name(), type));
  }
  for (const auto& field : two.fields()) {
    if (one.GetFieldIndex(field->name()) >= 0) continue;
    fields.push_back(field->WithNullable(true));
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

/// True if `text` is how an int64 is written.
bool IsInteger(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::to_string(value) == text;
}

/// The partition columns in order of first appearance, with their types.
arrow::FieldVector PartitionFields(const std::vector<FileSchema>& files) {
  struct Column {
    std::string name;
    bool any = false;
    bool all_integers = true;
  };
  std::vector<Column> columns;
  for (const auto& file : files) {
    for (const auto& partition : file.partitions) {
      auto column = std::find_if(columns.begin(), columns.end(), [&](const Column& known) {
        return known.name == partition.column;
      });
      if (column == columns.end()) column = columns.insert(columns.end(), Column{partition.column});
      if (!partition.value) continue;
      column->any = true;
      column->all_integers = column->all_integers && IsInteger(*partition.value);
    }
  }
  arrow::FieldVector fields;
  for (const auto& column : columns) {
    const bool integers = column.any && column.all_integers;
    fields.push_back(arrow::field(column.name, integers ? arrow::int64() : arrow::utf8()));
  }
  return fields;
}

/// The columns of the files so far.
class Union {
 public:
  Status Add(const FileSchema& file) {
    // Most files of a source look like the one before.
    if (previous_ != nullptr && previous_->Equals(*file.schema, /*check_metadata=*/false)) {
      return Status::OK();
    }
    previous_ = file.schema;
    for (const auto& field : file.schema->fields()) {
      const auto [place, is_new] = index_.emplace(field->name(), columns_.size());
      if (is_new) {
        columns_.push_back({arrow::field(field->name(), field->type()), file.path});
        continue;
      }
      ARROW_RETURN_NOT_OK(Merge(*field, file.path, &columns_[place->second]));
    }
    return Status::OK();
  }

  arrow::FieldVector FieldsWithout(const std::vector<std::string>& names) const {
    arrow::FieldVector fields;
    for (const auto& column : columns_) {
      if (std::find(names.begin(), names.end(), column.field->name()) == names.end()) {
        fields.push_back(column.field);
      }
    }
    return fields;
  }

 private:
  struct Column {
    std::shared_ptr<arrow::Field> field;
    std::string path;  ///< The first file with the type of the field.
  };

  static Status Merge(const arrow::Field& field, const std::string& path, Column* column) {
    if (field.type()->Equals(*column->field->type())) return Status::OK();
    TypePtr type = UnifyTypes(column->field->type(), field.type());
    if (type == nullptr) {
      return Status::Invalid("column '", field.name(), "' is ", column->field->type()->ToString(),
                             " in '", column->path, "' but ", field.type()->ToString(), " in '",
                             path, "': rewrite one of them");
    }
    if (!type->Equals(*column->field->type())) {
      *column = {column->field->WithType(std::move(type)), path};
    }
    return Status::OK();
  }

  std::shared_ptr<arrow::Schema> previous_;
  std::vector<Column> columns_;
  std::unordered_map<std::string, size_t> index_;
};

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
  if (IsText(one) && IsText(two)) return arrow::large_utf8();
  if (IsBinary(one) && IsBinary(two)) return arrow::large_binary();
  if (one == Type::TIMESTAMP && two == Type::TIMESTAMP) return UnifyTimestamps(a, b);
  if (IsDate(one) && IsDate(two)) return arrow::date32();
  if (arrow::is_decimal(one) && arrow::is_decimal(two)) return UnifyDecimals(a, b);
  if (one == Type::MAP && two == Type::MAP) return UnifyMaps(a, b);
  if (one == Type::STRUCT && two == Type::STRUCT) return UnifyStructs(a, b);
  if (IsList(one) && IsList(two)) return UnifyLists(a, b);
  return nullptr;
}

Result<UnifiedSchema> UnifySchemas(const std::vector<FileSchema>& files) {
  Union columns;
  for (const auto& file : files) ARROW_RETURN_NOT_OK(columns.Add(file));
  UnifiedSchema unified;
  const auto partitions = PartitionFields(files);
  for (const auto& field : partitions) unified.partition_columns.push_back(field->name());
  auto fields = columns.FieldsWithout(unified.partition_columns);
  fields.insert(fields.end(), partitions.begin(), partitions.end());
  unified.schema = arrow::schema(std::move(fields));
  return unified;
}

}  // namespace larder
