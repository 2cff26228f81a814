// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arrow/type_fwd.h>

#include <memory>

namespace larder {

/// The type that holds every value of both:
/// - integers the wider one, of mixed sign a signed one wider than the unsigned; floats the
///   wider; an integer and a float float64, though it does not hold integers beyond 2^53;
/// - string, large string and string view: large string; the same for binary, fixed-size too;
/// - timestamps the finer unit, though it does not hold the ends of the coarser; where the zones
///   differ UTC, naive times being UTC;
/// - dates date32; decimals of one scale the greater precision;
/// - a dictionary with plain values those values, two dictionaries the wider index;
/// - lists, maps and structs by their parts, a missing field being null; null with anything.
/// None (nullptr) for all others. CastColumn() (base/cast.h) makes the one the other and refuses
/// values that are not held.
std::shared_ptr<arrow::DataType> UnifyTypes(const std::shared_ptr<arrow::DataType>& a,
                                            const std::shared_ptr<arrow::DataType>& b);

}  // namespace larder
