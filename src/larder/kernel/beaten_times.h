// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <memory>

#include "larder/base/memory_budget.h"
#include "larder/kernel/timeline.h"

namespace larder {

/// For each slot of a timeline an interval of times whose rows are known to be beaten: they would
/// go to the same position as a candidate that is newer than they are. Where rows come from the
/// newest to the oldest, that is true of most of them, and one look at 8 bytes turns them away.
///
/// What is set stays true, for candidates only grow; so nothing hangs on the order of rows. A time
/// is kept as its age, the time from it to the timeline's last position, in 32 bits of floating
/// point. Rounding keeps order, so that ages which differ are those of times that differ.
///
/// Each thread has its own: what it meets next is older than what it met before, but not always
/// than what others did. So that many threads do not take more memory than the timeline itself,
/// none keeps any where there are too many slots for that.
class BeatenTimes {
 public:
  BeatenTimes(const Timeline& timeline, int threads, arrow::MemoryPool* pool)
      : timeline_(timeline),
        last_time_(static_cast<double>(timeline.max_time())),
        intervals_(IsWorthIt(timeline, threads) ? timeline.slots() : 0, Interval{}, pool) {
    for (Slot slot = 0; slot < intervals_.size(); ++slot) {
      // Rows that are later than all positions find none.
      const Position end = timeline.slot_begin()[slot + 1];
      const bool is_empty = timeline.slot_begin()[slot] == end;
      intervals_[slot] = {-kForever, is_empty ? kForever : AgeOf(timeline.times()[end - 1])};
    }
  }

  void Prefetch(Slot slot) const {
    if (!intervals_.empty()) __builtin_prefetch(intervals_.data() + slot);
  }

  /// `time`: in the timeline's unit.
  bool Has(Slot slot, int64_t time) const {
    if (intervals_.empty()) return false;
    const Interval& beaten = intervals_[slot];
    const float age = AgeOf(time);
    return age > beaten.min_age && age < beaten.max_age;
  }

  /// The rows that belong to `position` of the slot and are older than `candidate_time` are beaten.
  void Set(Slot slot, Position position, int64_t candidate_time) {
    if (intervals_.empty()) return;
    const bool is_first = position == timeline_.slot_begin()[slot];
    intervals_[slot] = {AgeOf(candidate_time),
                        is_first ? kForever : AgeOf(timeline_.times()[position - 1])};
  }

 private:
  static constexpr float kForever = std::numeric_limits<float>::infinity();

  struct alignas(8) Interval {
    float min_age;
    float max_age;
  };

  static bool IsWorthIt(const Timeline& timeline, int threads) {
    constexpr size_t kBytesToAPosition = 32;
    constexpr size_t kBytesAtLeast = size_t{1} << 24;
    return size_t{timeline.slots()} * sizeof(Interval) * static_cast<size_t>(threads) <=
           kBytesAtLeast + kBytesToAPosition * timeline.positions();
  }

  float AgeOf(int64_t time) const {
    return static_cast<float>(last_time_ - static_cast<double>(time));
  }

  const Timeline& timeline_;
  const double last_time_;
  PoolVector<Interval> intervals_;
};

}  // namespace larder
