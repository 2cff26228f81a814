// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/memory_pool.h>
#include <arrow/result.h>
#include <arrow/type.h>
#include <arrow/type_fwd.h>

#include <memory>
#include <string>

namespace larder {

struct CastSettings {
  bool allow_time_truncation = false;
  arrow::MemoryPool* pool = arrow::default_memory_pool();
};

/// `array` as the type `to`, or an error that names the column (`name`, with the path inside it
/// where it is nested) and both types.
///
/// - Values are kept: integers out of range, fractions to integers, floats beyond the range of
///   the narrower float, digits of a time below the target's unit, and text that is no number
///   are Invalid. Only the rounding of a float64 to a float32 is taken as it is.
/// - A timestamp is an instant: zones are exchanged freely, and none means UTC. Numbers and
///   times are not cast into each other, since their unit would be a guess (TypeError).
/// - Arrays of the null type become nulls of any type. Dictionaries are their values.
/// - Structs are matched by the names of their fields: one missing is null, one unknown is an
///   error. Lists of every kind, and maps, are cast by their values.
arrow::Result<std::shared_ptr<arrow::Array>> CastColumn(const std::shared_ptr<arrow::Array>& array,
                                                        const std::shared_ptr<arrow::DataType>& to,
                                                        const std::string& name,
                                                        const CastSettings& settings);

/// True for lists of every kind but maps: of 32 and 64-bit offsets, of fixed size, and views.
bool IsListLike(arrow::Type::type id);

/// `target` with each null type in it, at any depth, replaced by what `source` has in its place.
std::shared_ptr<arrow::DataType> FillNullTypes(const std::shared_ptr<arrow::DataType>& target,
                                               const std::shared_ptr<arrow::DataType>& source);

}  // namespace larder
