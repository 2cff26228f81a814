// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "larder/base/event_time.h"
#include "larder/scan/pruning.h"

namespace larder {

/// A range of event timestamps in microseconds since 1970 UTC; both ends inclusive, none = open.
struct TimeRange {
  std::optional<int64_t> start_us;
  std::optional<int64_t> end_us;

  bool is_open() const { return !start_us && !end_us; }

  /// The rows whose event timestamp is in the range.
  RowFilter filter(const std::string& event_timestamp) const {
    RowFilter filter;
    filter.event_timestamp = event_timestamp;
    if (start_us) filter.window.first_event = ToWideNanos(*start_us, TimeUnit::MICRO);
    if (end_us) filter.window.last_event = ToWideNanos(*end_us, TimeUnit::MICRO);
    return filter;
  }

  /// The first and last time of a unit that lie in the range; first > last if none does.
  Bounds<int64_t> InUnit(TimeUnit unit) const {
    constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
    constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
    const Bounds<int64_t> none{kMax, kMin};
    Bounds<int64_t> bounds{kMin, kMax};
    const int64_t scale = NanosPer(unit);
    if (start_us) {
      const WideNanos start = ToWideNanos(*start_us, TimeUnit::MICRO);
      const WideNanos first = start / scale + (start % scale > 0 ? 1 : 0);
      if (first > kMax) return none;
      bounds.min = static_cast<int64_t>(std::max<WideNanos>(first, kMin));
    }
    if (end_us) {
      const WideNanos end = ToWideNanos(*end_us, TimeUnit::MICRO);
      const WideNanos last = end / scale - (end % scale < 0 ? 1 : 0);
      if (last < kMin) return none;
      bounds.max = static_cast<int64_t>(std::min<WideNanos>(last, kMax));
    }
    return bounds;
  }
};

}  // namespace larder
