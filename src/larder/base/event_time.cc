// SPDX-License-Identifier: Apache-2.0
#include "larder/base/event_time.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/compute/api_vector.h>
#include <arrow/compute/exec.h>
#include <arrow/type.h>
#include <arrow/util/value_parsing.h>

#include <string_view>

namespace larder {

using arrow::Array;
using arrow::DataType;
using arrow::Result;
using arrow::Status;
using arrow::Type;

namespace {

constexpr int64_t kSecondsPerDay = 86'400;

constexpr const char* kBeyondUnit = "beyond-unit";

class BeyondUnit : public arrow::StatusDetail {
 public:
  const char* type_id() const override { return kBeyondUnit; }
  std::string ToString() const override { return "a time that nanoseconds cannot hold"; }
};

/// False for what is no time, or none that the unit can hold exactly.
bool ParseIsoTime(std::string_view text, TimeUnit unit, int64_t* out) {
  // Arrow's parser takes an upper-case T and Z only, and fails on fractions near the ends of
  // int64: it reads the whole seconds here.
  std::string whole;
  WideNanos fraction = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.') {
      WideNanos scale = NanosPer(TimeUnit::SECOND);
      const size_t first = i + 1;
      for (; i + 1 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '9'; ++i) {
        scale /= 10;
        if (scale == 0) return false;
        fraction += scale * (text[i + 1] - '0');
      }
      if (i + 1 == first) return false;
      continue;
    }
    whole += c == 't' ? 'T' : c == 'z' ? 'Z' : c;
  }
  // A fraction belongs to seconds: "hh:mm:ss.f".
  constexpr size_t kUpToSeconds = 19;
  if (whole.size() < text.size() && text.find('.') != kUpToSeconds) return false;
  int64_t seconds = 0;
  if (!arrow::internal::ParseTimestampISO8601(whole.data(), whole.size(), TimeUnit::SECOND,
                                              &seconds)) {
    return false;
  }
  const WideNanos time = ToWideNanos(seconds, TimeUnit::SECOND) + fraction;
  const WideNanos counted = time / NanosPer(unit);
  *out = static_cast<int64_t>(counted);
  return *out == counted && time % NanosPer(unit) == 0;
}

Status NoTime(std::string_view text, TimeUnit unit, const std::string& column) {
  int64_t micros;
  if (unit == TimeUnit::NANO && ParseIsoTime(text, TimeUnit::MICRO, &micros)) {
    return Status::Invalid("column '", column, "': '", text,
                           "' is a time that nanoseconds cannot hold")
        .WithDetail(std::make_shared<BeyondUnit>());
  }
  if (unit == TimeUnit::MICRO && ParseIsoTime(text, TimeUnit::NANO, &micros)) {
    return Status::Invalid("column '", column, "': '", text,
                           "' has nanoseconds, but other times of the column lie outside of the "
                           "years 1677 to 2262, where nanoseconds end");
  }
  return Status::Invalid("column '", column, "': '", text,
                         "' is not an ISO-8601 time, such as 2024-05-01T12:30:00.5Z");
}

template <typename ArrayType>
Status ParseStrings(const ArrayType& array, const std::string& column, TimeUnit unit,
                    int64_t* out) {
  for (int64_t i = 0; i < array.length(); ++i) {
    out[i] = 0;
    if (array.IsNull(i)) continue;
    const std::string_view text = array.GetView(i);
    if (!ParseIsoTime(text, unit, &out[i])) return NoTime(text, unit, column);
  }
  return Status::OK();
}

Status Convert(const Array& array, const std::string& column, TimeUnit string_unit, int64_t* out) {
  switch (array.type_id()) {
    case Type::DATE32: {
      const auto& dates = static_cast<const arrow::Date32Array&>(array);
      for (int64_t i = 0; i < array.length(); ++i) {
        out[i] = dates.IsNull(i) ? 0 : dates.Value(i) * kSecondsPerDay;
      }
      return Status::OK();
    }
    case Type::STRING:
      return ParseStrings(static_cast<const arrow::StringArray&>(array), column, string_unit, out);
    case Type::STRING_VIEW:
      return ParseStrings(static_cast<const arrow::StringViewArray&>(array), column, string_unit,
                          out);
    default:
      return ParseStrings(static_cast<const arrow::LargeStringArray&>(array), column, string_unit,
                          out);
  }
}

const DataType* PlainType(const DataType& type) {
  if (type.id() != Type::DICTIONARY) return &type;
  return static_cast<const arrow::DictionaryType&>(type).value_type().get();
}

}  // namespace

bool IsTimeType(const DataType& type) {
  switch (PlainType(type)->id()) {
    case Type::TIMESTAMP:
    case Type::DATE32:
    case Type::DATE64:
    case Type::STRING:
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
    case Type::NA:
      return true;
    default:
      return false;
  }
}

TimeUnit UnitOfTimeType(const DataType& type, TimeUnit string_unit) {
  const DataType& plain = *PlainType(type);
  switch (plain.id()) {
    case Type::TIMESTAMP:
      return static_cast<const arrow::TimestampType&>(plain).unit();
    case Type::DATE64:
      return TimeUnit::MILLI;
    case Type::STRING:
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
      return string_unit;
    default:
      return TimeUnit::SECOND;
  }
}

bool IsBeyondUnit(const Status& status) {
  return status.detail() != nullptr && status.detail()->type_id() == kBeyondUnit;
}

Status WithStringUnit(const std::function<Status(TimeUnit)>& read) {
  const Status status = read(TimeUnit::NANO);
  return IsBeyondUnit(status) ? read(TimeUnit::MICRO) : status;
}

Result<TimeColumn> ReadTimes(const std::shared_ptr<Array>& array, const std::string& column,
                             TimeUnit string_unit, arrow::MemoryPool* pool) {
  if (!IsTimeType(*array->type())) {
    return Status::TypeError("column '", column, "' is ", array->type()->ToString(),
                             ": a time must be a timestamp, a date or an ISO-8601 string");
  }
  if (array->type_id() == Type::DICTIONARY) {
    const auto& dictionary = static_cast<const arrow::DictionaryArray&>(*array);
    arrow::compute::ExecContext context(pool);
    context.set_use_threads(false);
    ARROW_ASSIGN_OR_RAISE(auto plain,
                          arrow::compute::Take(*dictionary.dictionary(), *dictionary.indices(),
                                               arrow::compute::TakeOptions::Defaults(), &context));
    return ReadTimes(plain, column, string_unit, pool);
  }
  TimeColumn times;
  times.owner_ = array;
  times.length_ = array->length();
  times.unit_ = UnitOfTimeType(*array->type(), string_unit);
  if (array->type_id() == Type::NA) {
    ARROW_ASSIGN_OR_RAISE(times.owner_, MakeArrayOfNull(arrow::int64(), array->length(), pool));
  } else if (array->type_id() != Type::TIMESTAMP && array->type_id() != Type::DATE64) {
    const auto bytes = array->length() * static_cast<int64_t>(sizeof(int64_t));
    ARROW_ASSIGN_OR_RAISE(times.converted_, arrow::AllocateBuffer(bytes, pool));
    auto* out = reinterpret_cast<int64_t*>(times.converted_->mutable_data());
    ARROW_RETURN_NOT_OK(Convert(*array, column, string_unit, out));
    times.values_ = out;
  }
  if (times.values_ == nullptr) times.values_ = times.owner_->data()->GetValues<int64_t>(1);
  if (times.owner_->null_count() > 0) {
    times.valid_bits_ = times.owner_->null_bitmap_data();
    times.valid_offset_ = times.owner_->offset();
  }
  return times;
}

std::optional<int64_t> ConvertTimeExactly(int64_t time, TimeUnit from, TimeUnit to) {
  if (from >= to) {
    const int64_t ratio = NanosPer(to) / NanosPer(from);
    if (time % ratio != 0) return std::nullopt;
    return time / ratio;
  }
  int64_t scaled;
  if (__builtin_mul_overflow(time, NanosPer(from) / NanosPer(to), &scaled)) return std::nullopt;
  return scaled;
}

}  // namespace larder
