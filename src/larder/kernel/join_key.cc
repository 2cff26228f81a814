// SPDX-License-Identifier: Apache-2.0
#include "larder/kernel/join_key.h"

#include <arrow/array.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>
#include <arrow/util/float16.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace larder {

using arrow::Array;
using arrow::DataType;
using arrow::Result;
using arrow::Status;
using arrow::Type;

Result<KeyDomain> KeyDomainOf(const DataType& type, const std::string& column) {
  const Type::type id = type.id();
  if (id == Type::DICTIONARY) {
    return KeyDomainOf(*static_cast<const arrow::DictionaryType&>(type).value_type(), column);
  }
  if (arrow::is_integer(id)) return KeyDomain{KeyClass::kNumber, id == Type::UINT64};
  if (arrow::is_floating(id)) return KeyDomain{KeyClass::kNumber, true};
  switch (id) {
    case Type::STRING:
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
      return KeyDomain{KeyClass::kString};
    case Type::BINARY:
    case Type::LARGE_BINARY:
    case Type::BINARY_VIEW:
    case Type::FIXED_SIZE_BINARY:
      return KeyDomain{KeyClass::kBinary};
    case Type::BOOL:
      return KeyDomain{KeyClass::kBoolean};
    case Type::DATE32:
    case Type::DATE64:
      return KeyDomain{KeyClass::kDate};
    case Type::TIMESTAMP:
      return KeyDomain{KeyClass::kTimestamp, false,
                       static_cast<const arrow::TimestampType&>(type).unit()};
    case Type::NA:
      return KeyDomain{};
    default:
      return Status::TypeError(column, " is ", type.ToString(),
                               ": a join key must be an integer, float, string, binary, boolean, "
                               "date or timestamp");
  }
}

namespace {

/// The codes of one column: fixed (with tags if the domain is wide) or views.
struct ColumnCodes {
  std::vector<int64_t> fixed;
  std::vector<uint8_t> tags;
  std::vector<std::string_view> views;
  std::vector<uint8_t> valid;
};

enum NumberTag : uint8_t { kSigned = 0, kBeyondSigned = 1, kOther = 2 };

struct Code {
  int64_t bits = 0;
  NumberTag tag = kSigned;
  bool valid = false;
};

Code EncodeUnsigned(uint64_t value, bool wide) {
  const bool fits = value <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  return {static_cast<int64_t>(value), fits ? kSigned : kBeyondSigned, fits || wide};
}

Code EncodeDouble(double value, bool wide) {
  constexpr double k2To63 = 9223372036854775808.0;
  if (std::isnan(value)) return {};
  if (value == std::trunc(value)) {
    if (value >= -k2To63 && value < k2To63) return {static_cast<int64_t>(value), kSigned, true};
    if (value >= k2To63 && value < 2 * k2To63) {
      return EncodeUnsigned(static_cast<uint64_t>(value), wide);
    }
  }
  Code code{0, kOther, wide};
  std::memcpy(&code.bits, &value, sizeof(value));
  return code;
}

/// Calls put(i, code) for each row that is not null.
template <typename ArrayType, typename Function>
void ForEachValue(const Array& array, Function encode, ColumnCodes* codes, bool wide) {
  const auto& typed = static_cast<const ArrayType&>(array);
  const bool nulls = typed.null_count() > 0;
  for (int64_t i = 0; i < typed.length(); ++i) {
    const auto row = static_cast<size_t>(i);
    const Code code = nulls && typed.IsNull(i) ? Code{} : encode(typed.Value(i));
    codes->fixed[row] = code.valid ? code.bits : 0;
    codes->valid[row] = code.valid ? 1 : 0;
    if (wide) codes->tags[row] = code.tag;
  }
}

template <typename ArrayType>
void ForEachView(const Array& array, ColumnCodes* codes) {
  const auto& typed = static_cast<const ArrayType&>(array);
  codes->views.resize(static_cast<size_t>(array.length()));
  for (int64_t i = 0; i < array.length(); ++i) {
    const auto row = static_cast<size_t>(i);
    codes->valid[row] = typed.IsNull(i) ? 0 : 1;
    codes->views[row] = typed.IsNull(i) ? std::string_view() : typed.GetView(i);
  }
}

template <typename ArrayType>
void EncodeIntegers(const Array& array, bool wide, ColumnCodes* codes) {
  using Value = typename ArrayType::value_type;
  if constexpr (std::is_unsigned_v<Value>) {
    const auto encode = [wide](Value value) { return EncodeUnsigned(value, wide); };
    ForEachValue<ArrayType>(array, encode, codes, wide);
  } else {
    const auto encode = [](Value value) { return Code{value, kSigned, true}; };
    ForEachValue<ArrayType>(array, encode, codes, wide);
  }
}

void EncodeNumbers(const Array& array, bool wide, ColumnCodes* codes) {
  const auto encode = [wide](double value) { return EncodeDouble(value, wide); };
  switch (array.type_id()) {
    case Type::INT8:
      return EncodeIntegers<arrow::Int8Array>(array, wide, codes);
    case Type::INT16:
      return EncodeIntegers<arrow::Int16Array>(array, wide, codes);
    case Type::INT32:
      return EncodeIntegers<arrow::Int32Array>(array, wide, codes);
    case Type::INT64:
      return EncodeIntegers<arrow::Int64Array>(array, wide, codes);
    case Type::UINT8:
      return EncodeIntegers<arrow::UInt8Array>(array, wide, codes);
    case Type::UINT16:
      return EncodeIntegers<arrow::UInt16Array>(array, wide, codes);
    case Type::UINT32:
      return EncodeIntegers<arrow::UInt32Array>(array, wide, codes);
    case Type::UINT64:
      return EncodeIntegers<arrow::UInt64Array>(array, wide, codes);
    case Type::FLOAT:
      return ForEachValue<arrow::FloatArray>(array, encode, codes, wide);
    case Type::DOUBLE:
      return ForEachValue<arrow::DoubleArray>(array, encode, codes, wide);
    default: {
      const auto half = [&](uint16_t bits) {
        return encode(arrow::util::Float16::FromBits(bits).ToDouble());
      };
      return ForEachValue<arrow::HalfFloatArray>(array, half, codes, wide);
    }
  }
}

void EncodeTimestamps(const Array& array, TimeUnit to, ColumnCodes* codes) {
  const TimeUnit from = static_cast<const arrow::TimestampType&>(*array.type()).unit();
  const auto encode = [from, to](int64_t time) {
    const auto converted = ConvertTimeExactly(time, from, to);
    return converted ? Code{*converted, kSigned, true} : Code{};
  };
  ForEachValue<arrow::TimestampArray>(array, encode, codes, false);
}

void EncodeDates(const Array& array, ColumnCodes* codes) {
  if (array.type_id() == Type::DATE32) {
    const auto encode = [](int32_t days) { return Code{days, kSigned, true}; };
    return ForEachValue<arrow::Date32Array>(array, encode, codes, false);
  }
  constexpr int64_t kMillisPerDay = 86'400'000;
  const auto encode = [](int64_t millis) {
    return Code{millis / kMillisPerDay, kSigned, millis % kMillisPerDay == 0};
  };
  ForEachValue<arrow::Date64Array>(array, encode, codes, false);
}

void EncodeBytes(const Array& array, ColumnCodes* codes) {
  switch (array.type_id()) {
    case Type::STRING:
    case Type::BINARY:
      return ForEachView<arrow::BinaryArray>(array, codes);
    case Type::LARGE_STRING:
    case Type::LARGE_BINARY:
      return ForEachView<arrow::LargeBinaryArray>(array, codes);
    case Type::STRING_VIEW:
    case Type::BINARY_VIEW:
      return ForEachView<arrow::BinaryViewArray>(array, codes);
    default:
      return ForEachView<arrow::FixedSizeBinaryArray>(array, codes);
  }
}

Status EncodeColumn(const Array& array, const KeyDomain& domain, ColumnCodes* codes);

/// Encodes each entry of the dictionary once.
Status EncodeDictionary(const arrow::DictionaryArray& array, const KeyDomain& domain,
                        ColumnCodes* codes) {
  ColumnCodes entries;
  ARROW_RETURN_NOT_OK(EncodeColumn(*array.dictionary(), domain, &entries));
  if (!entries.views.empty()) codes->views.resize(static_cast<size_t>(array.length()));
  for (int64_t i = 0; i < array.length(); ++i) {
    const auto row = static_cast<size_t>(i);
    codes->valid[row] = 0;
    if (array.IsNull(i)) continue;
    const auto entry = static_cast<size_t>(array.GetValueIndex(i));
    codes->valid[row] = entries.valid[entry];
    codes->fixed[row] = entries.fixed[entry];
    if (domain.wide) codes->tags[row] = entries.tags[entry];
    if (!entries.views.empty()) codes->views[row] = entries.views[entry];
  }
  return Status::OK();
}

KeyClass ClassOf(const DataType& type) {
  const auto domain = KeyDomainOf(type, "");
  return domain.ok() ? domain->key_class : KeyClass::kNothing;
}

Status EncodeColumn(const Array& array, const KeyDomain& domain, ColumnCodes* codes) {
  const auto rows = static_cast<size_t>(array.length());
  codes->fixed.assign(rows, 0);
  codes->valid.assign(rows, 0);
  if (domain.wide) codes->tags.assign(rows, 0);
  codes->views.clear();
  if (array.type_id() == Type::DICTIONARY) {
    return EncodeDictionary(static_cast<const arrow::DictionaryArray&>(array), domain, codes);
  }
  if (domain.key_class == KeyClass::kNothing || array.type_id() == Type::NA) return Status::OK();
  if (ClassOf(*array.type()) != domain.key_class) {
    return Status::TypeError("a join key of type ", array.type()->ToString(),
                             " cannot be compared with the other side's");
  }
  switch (domain.key_class) {
    case KeyClass::kNumber:
      EncodeNumbers(array, domain.wide, codes);
      break;
    case KeyClass::kString:
    case KeyClass::kBinary:
      EncodeBytes(array, codes);
      break;
    case KeyClass::kBoolean:
      ForEachValue<arrow::BooleanArray>(
          array, [](bool value) { return Code{value ? 1 : 0, kSigned, true}; }, codes, false);
      break;
    case KeyClass::kDate:
      EncodeDates(array, codes);
      break;
    case KeyClass::kTimestamp:
      EncodeTimestamps(array, domain.unit, codes);
      break;
    case KeyClass::kNothing:
      break;
  }
  return Status::OK();
}

/// True if the values of the array are the codes already.
bool IsPlainInt64(const Array& array, const KeyDomain& domain) {
  if (domain.key_class == KeyClass::kNumber) return array.type_id() == Type::INT64;
  return domain.key_class == KeyClass::kTimestamp && array.type_id() == Type::TIMESTAMP &&
         static_cast<const arrow::TimestampType&>(*array.type()).unit() == domain.unit;
}

void SetValidity(const Array& array, EncodedKeys* keys) {
  keys->all_valid = array.null_count() == 0;
  if (keys->all_valid) return;
  keys->valid.resize(static_cast<size_t>(array.length()));
  const uint8_t* bits = array.null_bitmap_data();
  for (int64_t i = 0; i < array.length(); ++i) {
    const auto bit = static_cast<uint64_t>(array.offset() + i);
    keys->valid[static_cast<size_t>(i)] = arrow::bit_util::GetBit(bits, bit) ? 1 : 0;
  }
}

template <typename T>
char* Append(char* out, const T& value) {
  std::memcpy(out, &value, sizeof(value));
  return out + sizeof(value);
}

/// Bytes of one row of a composite key; columns of variable length carry their length, so that
/// ("a", "bc") and ("ab", "c") differ.
size_t RowBytes(const std::vector<ColumnCodes>& columns, const std::vector<KeyDomain>& domains,
                size_t row) {
  size_t bytes = 0;
  for (size_t c = 0; c < columns.size(); ++c) {
    if (columns[c].views.empty()) {
      bytes += sizeof(int64_t) + (domains[c].wide ? 1 : 0);
    } else {
      bytes += sizeof(uint32_t) + columns[c].views[row].size();
    }
  }
  return bytes;
}

char* WriteRow(const std::vector<ColumnCodes>& columns, const std::vector<KeyDomain>& domains,
               size_t row, char* out) {
  for (size_t c = 0; c < columns.size(); ++c) {
    if (columns[c].views.empty()) {
      out = Append(out, columns[c].fixed[row]);
      if (domains[c].wide) out = Append(out, columns[c].tags[row]);
    } else {
      const std::string_view view = columns[c].views[row];
      out = Append(out, static_cast<uint32_t>(view.size()));
      out = std::copy(view.begin(), view.end(), out);
    }
  }
  return out;
}

void WriteComposite(const std::vector<ColumnCodes>& columns, const std::vector<KeyDomain>& domains,
                    EncodedKeys* keys) {
  const auto rows = static_cast<size_t>(keys->length);
  size_t total = 0;
  for (size_t row = 0; row < rows; ++row) total += RowBytes(columns, domains, row);
  keys->bytes.resize(total);
  char* out = keys->bytes.data();
  for (size_t row = 0; row < rows; ++row) {
    char* end = WriteRow(columns, domains, row, out);
    keys->views[row] = std::string_view(out, static_cast<size_t>(end - out));
    out = end;
  }
}

}  // namespace

Status KeyEncoder::Encode(const arrow::ArrayVector& columns, EncodedKeys* keys) const {
  keys->length = columns[0]->length();
  keys->ints = nullptr;
  if (single_int64() && IsPlainInt64(*columns[0], domains_[0])) {
    keys->ints = columns[0]->data()->GetValues<int64_t>(1);
    SetValidity(*columns[0], keys);
    return Status::OK();
  }
  const auto rows = static_cast<size_t>(keys->length);
  std::vector<ColumnCodes> codes(columns.size());
  for (size_t c = 0; c < columns.size(); ++c) {
    ARROW_RETURN_NOT_OK(EncodeColumn(*columns[c], domains_[c], &codes[c]));
  }
  keys->all_valid = false;
  keys->valid.assign(codes[0].valid.begin(), codes[0].valid.end());
  for (size_t c = 1; c < codes.size(); ++c) {
    for (size_t row = 0; row < rows; ++row) keys->valid[row] &= codes[c].valid[row];
  }
  if (single_int64()) {
    keys->int_storage.assign(codes[0].fixed.begin(), codes[0].fixed.end());
    keys->ints = keys->int_storage.data();
    return Status::OK();
  }
  if (codes.size() == 1 && !domains_[0].wide) {
    keys->views = std::move(codes[0].views);
    keys->views.resize(rows);  // A column of the null type has none.
    return Status::OK();
  }
  keys->views.resize(rows);
  WriteComposite(codes, domains_, keys);
  return Status::OK();
}

}  // namespace larder
