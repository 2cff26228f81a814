// SPDX-License-Identifier: Apache-2.0
#include "larder/base/cast.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/array/util.h>
#include <arrow/compute/cast.h>
#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <arrow/type_traits.h>
#include <arrow/util/checked_cast.h>

#include <cmath>
#include <utility>

namespace larder {
namespace {

using arrow::Array;
using arrow::DataType;
using arrow::Result;
using arrow::Status;
using arrow::Type;
using arrow::internal::checked_cast;

using ArrayPtr = std::shared_ptr<Array>;
using TypePtr = std::shared_ptr<DataType>;

Status Refuse(const Array& array, const DataType& to, const std::string& name,
              const std::string& why) {
  return Status::TypeError("column '", name, "': cannot convert ", array.type()->ToString(), " to ",
                           to.ToString(), ": ", why);
}

/// Arrow's own cast of plain types, with its reason put behind the column's name.
Result<ArrayPtr> PlainCast(const ArrayPtr& array, const TypePtr& to, const std::string& name,
                           const CastSettings& settings) {
  auto options = arrow::compute::CastOptions::Safe(to);
  options.allow_time_truncate = settings.allow_time_truncation;
  arrow::compute::ExecContext context(settings.pool);
  auto cast = arrow::compute::Cast(*array, to, options, &context);
  if (cast.ok()) return cast;
  const Status& status = cast.status();
  if (status.IsOutOfMemory() || status.IsCancelled()) return status;
  if (status.IsNotImplemented()) return Refuse(*array, *to, name, "no such conversion");
  return Status::Invalid("column '", name, "': cannot convert ", array->type()->ToString(), " to ",
                         to->ToString(), ": ", status.message());
}

/// The same values without an offset, and without child values that no list refers to.
Result<ArrayPtr> Compact(const ArrayPtr& array, arrow::MemoryPool* pool) {
  return arrow::Concatenate({array}, pool);
}

// ---- nested types -------------------------------------------------------------------------

Result<ArrayPtr> CastStruct(const ArrayPtr& array, const TypePtr& to, const std::string& name,
                            const CastSettings& settings) {
  ARROW_ASSIGN_OR_RAISE(const ArrayPtr compact, Compact(array, settings.pool));
  const auto& source = checked_cast<const arrow::StructArray&>(*compact);
  for (const auto& field : source.type()->fields()) {
    if (source.struct_type()->GetFieldIndex(field->name()) < 0) {
      return Refuse(*array, *to, name, "the field '" + field->name() + "' is there twice");
    }
    if (checked_cast<const arrow::StructType&>(*to).GetFieldIndex(field->name()) < 0) {
      return Refuse(*array, *to, name, "the latter has no field '" + field->name() + "'");
    }
  }
  arrow::ArrayVector children;
  for (const auto& field : to->fields()) {
    const int index = source.struct_type()->GetFieldIndex(field->name());
    ArrayPtr child;
    if (index >= 0) {
      ARROW_ASSIGN_OR_RAISE(child, source.GetFlattenedField(index, settings.pool));
      ARROW_ASSIGN_OR_RAISE(child,
                            CastColumn(child, field->type(), name + "." + field->name(), settings));
    } else {
      ARROW_ASSIGN_OR_RAISE(child,
                            arrow::MakeArrayOfNull(field->type(), source.length(), settings.pool));
    }
    children.push_back(std::move(child));
  }
  return std::make_shared<arrow::StructArray>(to, source.length(), std::move(children),
                                              source.null_bitmap(), source.null_count());
}

/// The list type of the same kind as `like` with the values of `value_field`.
TypePtr SameKindOfList(const DataType& like, const std::shared_ptr<arrow::Field>& value_field) {
  switch (like.id()) {
    case Type::LARGE_LIST:
      return arrow::large_list(value_field);
    case Type::FIXED_SIZE_LIST:
      return arrow::fixed_size_list(
          value_field, checked_cast<const arrow::FixedSizeListType&>(like).list_size());
    default:
      return arrow::list(value_field);
  }
}

Result<ArrayPtr> CastList(const ArrayPtr& array, const TypePtr& to, const std::string& name,
                          const CastSettings& settings) {
  ARROW_ASSIGN_OR_RAISE(ArrayPtr compact, Compact(array, settings.pool));
  // Arrow 26.0 casts views to lists wrongly where there are nulls, and converts slices wrongly.
  if (compact->type_id() == Type::LIST_VIEW) {
    const auto& views = checked_cast<const arrow::ListViewArray&>(*compact);
    ARROW_ASSIGN_OR_RAISE(compact, arrow::ListArray::FromListView(views, settings.pool));
  } else if (compact->type_id() == Type::LARGE_LIST_VIEW) {
    const auto& views = checked_cast<const arrow::LargeListViewArray&>(*compact);
    ARROW_ASSIGN_OR_RAISE(compact, arrow::LargeListArray::FromListView(views, settings.pool));
  }
  const auto value_field = to->field(0);
  const ArrayPtr values = arrow::MakeArray(compact->data()->child_data[0]);
  ARROW_ASSIGN_OR_RAISE(const ArrayPtr cast,
                        CastColumn(values, value_field->type(), name + "[]", settings));
  auto data = compact->data()->Copy();
  data->type = SameKindOfList(*compact->type(), value_field);
  data->child_data = {cast->data()};
  ArrayPtr list = arrow::MakeArray(data);
  if (list->type()->Equals(*to)) return list;
  return PlainCast(list, to, name, settings);
}

Result<ArrayPtr> CastMap(const ArrayPtr& array, const TypePtr& to, const std::string& name,
                         const CastSettings& settings) {
  ARROW_ASSIGN_OR_RAISE(const ArrayPtr compact, Compact(array, settings.pool));
  const auto& source = checked_cast<const arrow::MapArray&>(*compact);
  const auto& type = checked_cast<const arrow::MapType&>(*to);
  ARROW_ASSIGN_OR_RAISE(const ArrayPtr keys,
                        CastColumn(source.keys(), type.key_type(), name + ".key", settings));
  ARROW_ASSIGN_OR_RAISE(const ArrayPtr items,
                        CastColumn(source.items(), type.item_type(), name + ".value", settings));
  const auto entries = std::make_shared<arrow::StructArray>(type.value_type(), keys->length(),
                                                            arrow::ArrayVector{keys, items});
  auto data = compact->data()->Copy();
  data->type = to;
  data->child_data = {entries->data()};
  return arrow::MakeArray(data);
}

// ---- times and numbers --------------------------------------------------------------------

/// The same instants under another zone's name.
ArrayPtr WithZone(const ArrayPtr& array, const std::string& zone) {
  const auto& type = checked_cast<const arrow::TimestampType&>(*array->type());
  auto data = array->data()->Copy();
  data->type = arrow::timestamp(type.unit(), zone);
  return arrow::MakeArray(data);
}

Result<ArrayPtr> CastTextToTimestamp(const ArrayPtr& array, const TypePtr& to,
                                     const std::string& name, const CastSettings& settings) {
  const auto& type = checked_cast<const arrow::TimestampType&>(*to);
  // Arrow wants a zone in the text if, and only if, the type has one.
  auto parsed = PlainCast(array, arrow::timestamp(type.unit()), name, settings);
  if (!parsed.ok()) parsed = PlainCast(array, arrow::timestamp(type.unit(), "UTC"), name, settings);
  ARROW_RETURN_NOT_OK(parsed.status());
  return WithZone(*parsed, type.timezone());
}

/// For casts that Arrow makes without a word about what they drop: it must come back.
Result<ArrayPtr> CastThereAndBack(const ArrayPtr& array, const TypePtr& to, const std::string& name,
                                  const CastSettings& settings) {
  ARROW_ASSIGN_OR_RAISE(ArrayPtr cast, PlainCast(array, to, name, settings));
  ARROW_ASSIGN_OR_RAISE(const ArrayPtr back, PlainCast(cast, array->type(), name, settings));
  if (back->Equals(*array)) return cast;
  return Status::Invalid("column '", name, "': cannot convert ", array->type()->ToString(), " to ",
                         to->ToString(), ": a value has a time of day");
}

bool IsNumber(Type::type id) {
  return arrow::is_integer(id) || arrow::is_floating(id) || arrow::is_decimal(id) ||
         id == Type::BOOL;
}

Result<ArrayPtr> CastTime(const ArrayPtr& array, const TypePtr& to, const std::string& name,
                          const CastSettings& settings) {
  const Type::type source = array->type_id();
  const Type::type target = to->id();
  if (source == Type::TIMESTAMP && target == Type::TIMESTAMP) {
    const auto& type = checked_cast<const arrow::TimestampType&>(*to);
    return PlainCast(WithZone(array, type.timezone()), to, name, settings);
  }
  if (arrow::is_date(target) && (arrow::is_date(source) || source == Type::TIMESTAMP)) {
    const ArrayPtr naive = source == Type::TIMESTAMP ? WithZone(array, "") : array;
    if (settings.allow_time_truncation) return PlainCast(naive, to, name, settings);
    return CastThereAndBack(naive, to, name, settings);
  }
  if (arrow::is_date(source) && target == Type::TIMESTAMP) {
    const auto& type = checked_cast<const arrow::TimestampType&>(*to);
    ARROW_ASSIGN_OR_RAISE(const ArrayPtr naive,
                          PlainCast(array, arrow::timestamp(type.unit()), name, settings));
    return WithZone(naive, type.timezone());
  }
  const bool same_kind = (arrow::is_time(source) && arrow::is_time(target)) || source == target;
  if (!same_kind) return Refuse(*array, *to, name, "they are different kinds of time");
  return PlainCast(array, to, name, settings);
}

template <typename Source, typename Target>
bool Overflowed(const Array& source, const Array& target) {
  const auto& before = checked_cast<const Source&>(source);
  const auto& after = checked_cast<const Target&>(target);
  for (int64_t i = 0; i < before.length(); ++i) {
    if (before.IsValid(i) && std::isfinite(static_cast<double>(before.Value(i))) &&
        !std::isfinite(static_cast<double>(after.Value(i)))) {
      return true;
    }
  }
  return false;
}

Result<ArrayPtr> CastPlain(const ArrayPtr& array, const TypePtr& to, const std::string& name,
                           const CastSettings& settings) {
  const Type::type source = array->type_id();
  const Type::type target = to->id();
  const bool from_time = arrow::is_temporal(source) || source == Type::DURATION;
  const bool to_time = arrow::is_temporal(target) || target == Type::DURATION;
  if ((from_time && IsNumber(target)) || (to_time && IsNumber(source))) {
    return Refuse(*array, *to, name, "a number has no unit of time");
  }
  if (from_time && to_time) return CastTime(array, to, name, settings);
  if (target == Type::TIMESTAMP) return CastTextToTimestamp(array, to, name, settings);
  ARROW_ASSIGN_OR_RAISE(ArrayPtr cast, PlainCast(array, to, name, settings));
  if (source == Type::DOUBLE && target == Type::FLOAT &&
      Overflowed<arrow::DoubleArray, arrow::FloatArray>(*array, *cast)) {
    return Status::Invalid("column '", name,
                           "': cannot convert double as float: a value is beyond ", "its range");
  }
  return cast;
}

std::shared_ptr<arrow::Field> FillNullTypes(const std::shared_ptr<arrow::Field>& target,
                                            const TypePtr& source) {
  return target->WithType(larder::FillNullTypes(target->type(), source));
}

}  // namespace

bool IsListLike(Type::type id) {
  return (arrow::is_list_like(id) && id != Type::MAP) || arrow::is_list_view(id);
}

Result<ArrayPtr> CastColumn(const ArrayPtr& array, const TypePtr& to, const std::string& name,
                            const CastSettings& settings) {
  const TypePtr& from = array->type();
  if (from->Equals(*to)) return array;
  if (from->id() == Type::NA || (to->id() == Type::NA && array->null_count() == array->length())) {
    return arrow::MakeArrayOfNull(to, array->length(), settings.pool);
  }
  if (from->id() == Type::EXTENSION) {
    return CastColumn(checked_cast<const arrow::ExtensionArray&>(*array).storage(), to, name,
                      settings);
  }
  if (to->id() == Type::EXTENSION) {
    const auto& type = checked_cast<const arrow::ExtensionType&>(*to);
    ARROW_ASSIGN_OR_RAISE(const ArrayPtr storage,
                          CastColumn(array, type.storage_type(), name, settings));
    return arrow::ExtensionType::WrapArray(to, storage);
  }
  if (from->id() == Type::DICTIONARY) {
    const auto& type = checked_cast<const arrow::DictionaryType&>(*from);
    ARROW_ASSIGN_OR_RAISE(const ArrayPtr values,
                          PlainCast(array, type.value_type(), name, settings));
    return CastColumn(values, to, name, settings);
  }
  if (to->id() == Type::DICTIONARY) {
    const auto& type = checked_cast<const arrow::DictionaryType&>(*to);
    ARROW_ASSIGN_OR_RAISE(const ArrayPtr values,
                          CastColumn(array, type.value_type(), name, settings));
    return PlainCast(values, to, name, settings);
  }
  if (from->id() == Type::STRUCT && to->id() == Type::STRUCT) {
    return CastStruct(array, to, name, settings);
  }
  if (from->id() == Type::MAP && to->id() == Type::MAP) return CastMap(array, to, name, settings);
  if (IsListLike(from->id()) && IsListLike(to->id())) return CastList(array, to, name, settings);
  if (from->num_fields() > 0 || to->num_fields() > 0) {
    return Refuse(*array, *to, name, "no such conversion");
  }
  return CastPlain(array, to, name, settings);
}

TypePtr FillNullTypes(const TypePtr& target, const TypePtr& source) {
  if (target->id() == Type::NA) return source;
  if (target->id() == Type::STRUCT && source->id() == Type::STRUCT) {
    arrow::FieldVector fields = target->fields();
    for (auto& field : fields) {
      const auto other =
          checked_cast<const arrow::StructType&>(*source).GetFieldByName(field->name());
      if (other != nullptr) field = FillNullTypes(field, other->type());
    }
    return arrow::struct_(fields);
  }
  if (IsListLike(target->id()) && IsListLike(source->id())) {
    return SameKindOfList(*target, FillNullTypes(target->field(0), source->field(0)->type()));
  }
  if (target->id() == Type::MAP && source->id() == Type::MAP) {
    const auto& to = checked_cast<const arrow::MapType&>(*target);
    const auto& from = checked_cast<const arrow::MapType&>(*source);
    return std::make_shared<arrow::MapType>(
        to.key_field(), FillNullTypes(to.item_field(), from.item_type()), to.keys_sorted());
  }
  return target;
}

}  // namespace larder
