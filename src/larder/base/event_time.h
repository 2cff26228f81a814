// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/memory_pool.h>
#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>

// Times of event and created timestamp columns: int64 counts of a column's own unit since
// 1970-01-01 00:00 UTC. Naive times are UTC, and a zone only says how a time is displayed.

namespace larder {

using TimeUnit = arrow::TimeUnit::type;

/// Nanoseconds in one of a unit.
constexpr int64_t NanosPer(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::SECOND:
      return 1'000'000'000;
    case TimeUnit::MILLI:
      return 1'000'000;
    case TimeUnit::MICRO:
      return 1'000;
    case TimeUnit::NANO:
      break;
  }
  return 1;
}

/// True if a column of this type can be read by ReadTimes.
bool IsTimeType(const arrow::DataType& type);

/// The unit that ReadTimes gives a column of this type: seconds for date32, milliseconds for
/// date64, `string_unit` for ISO-8601 strings; for a dictionary that of its values.
TimeUnit UnitOfTimeType(const arrow::DataType& type, TimeUnit string_unit);

/// A column of times, some of them null.
class TimeColumn {
 public:
  int64_t length() const { return length_; }
  TimeUnit unit() const { return unit_; }
  const int64_t* values() const { return values_; }
  bool IsNull(int64_t i) const {
    if (valid_bits_ == nullptr) return false;
    const int64_t bit = valid_offset_ + i;
    return ((valid_bits_[bit >> 3] >> (bit & 7)) & 1) == 0;
  }

 private:
  friend arrow::Result<TimeColumn> ReadTimes(const std::shared_ptr<arrow::Array>& array,
                                             const std::string& column, TimeUnit string_unit,
                                             arrow::MemoryPool* pool);
  std::shared_ptr<arrow::Array> owner_;
  std::shared_ptr<arrow::Buffer> converted_;
  const int64_t* values_ = nullptr;
  const uint8_t* valid_bits_ = nullptr;
  int64_t valid_offset_ = 0;
  int64_t length_ = 0;
  TimeUnit unit_ = TimeUnit::SECOND;
};

/// Reads a timestamp (without copying), date, ISO-8601 string or dictionary of them; a column of
/// the null type is all null. `column` is for errors: TypeError for any other type, Invalid for
/// a string that is no time in `string_unit`, which IsBeyondUnit() tells apart if microseconds
/// could hold it.
arrow::Result<TimeColumn> ReadTimes(const std::shared_ptr<arrow::Array>& array,
                                    const std::string& column, TimeUnit string_unit,
                                    arrow::MemoryPool* pool);

/// True if nanoseconds, which end in 1677 and 2262, were too fine for a string.
bool IsBeyondUnit(const arrow::Status& status);

/// Calls `read` with the unit to read ISO-8601 strings in: nanoseconds, and if they cannot hold
/// one, microseconds. Read in two units, times could not be compared with each other.
arrow::Status WithStringUnit(const std::function<arrow::Status(TimeUnit)>& read);

/// `time` in another unit; none if that would lose digits or overflow.
std::optional<int64_t> ConvertTimeExactly(int64_t time, TimeUnit from, TimeUnit to);

/// `time` in the unit that all files of a source can be compared in, the finest of theirs.
/// Invalid, which names the column, if it is too far from 1970 for that.
inline arrow::Result<int64_t> ToSourceUnit(int64_t time, TimeUnit from, TimeUnit to,
                                           const std::string& column) {
  if (from == to) return time;
  if (const auto converted = ConvertTimeExactly(time, from, to)) return *converted;
  return arrow::Status::Invalid("column '", column,
                                "' holds a time too far from 1970 for the finer unit of other "
                                "files of the source; write them with one unit");
}

/// The earliest time of unit `to` that is not before `time`; none if there is none.
///
/// For times t of unit `to`: time <= t if and only if there is a CeilTime(time), and it is <= t.
inline std::optional<int64_t> CeilTime(int64_t time, TimeUnit from, TimeUnit to) {
  if (from == to) return time;
  if (from > to) {
    const int64_t ratio = NanosPer(to) / NanosPer(from);
    return time / ratio + (time % ratio > 0 ? 1 : 0);
  }
  int64_t scaled;
  if (!__builtin_mul_overflow(time, NanosPer(from) / NanosPer(to), &scaled)) return scaled;
  if (time > 0) return std::nullopt;
  return std::numeric_limits<int64_t>::min();
}

/// Nanoseconds since 1970: wide enough for every time of every unit.
__extension__ using WideNanos = __int128;
inline WideNanos ToWideNanos(int64_t time, TimeUnit unit) {
  return static_cast<WideNanos>(time) * NanosPer(unit);
}

}  // namespace larder
