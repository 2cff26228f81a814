# SPDX-License-Identifier: Apache-2.0
"""The few moments around which all times of a case lie, so that edges and ties are common."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import pyarrow as pa

from .times import DAY, SECOND, UNIT_NS, ZONES, TimeType, random_time_type, timestamp_type

MODERN = 1_614_834_367 * SECOND
NEAR_BASES = [MODERN, MODERN, MODERN, 0, 0, -SECOND, -10 * 365 * DAY, -270 * 365 * DAY]
FAR_BASES = [-1_000 * 365 * DAY, 3_000 * 365 * DAY, 7_900 * 365 * DAY]
NS_ENDS = [2**63 - 1, -(2**63), 2**63 - 2, -(2**63) + 1]


@dataclass(frozen=True)
class Clock:
    """`coarse` is the usual distance of two times. `ends`: some times at the ends of int64
    nanoseconds. `far`: no time fits int64 nanoseconds."""

    base: int
    coarse: int
    ends: bool

    def moment(self, rng: Random) -> int:
        if self.ends and rng.random() < 0.1:
            return rng.choice(NS_ENDS)
        return self.base + rng.randint(-5, 5) * self.coarse + self.jitter(rng)

    def jitter(self, rng: Random) -> int:
        if rng.random() < 0.5:
            return 0
        return rng.choice([1, -1]) * rng.choice([1, 1_000, 1_000_000, SECOND])

    def time_type(self, rng: Random) -> TimeType:
        while True:
            time_type = random_time_type(rng)
            if time_type.holds(time_type.floor(self.base)):
                return time_type

    def fit(self, time_type: TimeType, time: int, all_types: Sequence[TimeType] = ()) -> int:
        """The time as the type can hold it: rounded down, or the base where out of reach.

        `all_types`: of the column in all files, which unify to the finest unit.
        """
        floor = time_type.floor(time)
        widens = any(other.unit_ns == 1 for other in all_types)
        reached = time_type.holds(floor) and (not widens or -(2**63) <= floor < 2**63)
        return floor if reached else time_type.floor(self.base)


def random_clock(rng: Random) -> Clock:
    coarse = rng.choice([1, 1_000, 1_000_000, SECOND, SECOND, 3_600 * SECOND, DAY, DAY, 30 * DAY])
    far = rng.random() < 0.02
    base = rng.choice(FAR_BASES if far else NEAR_BASES)
    return Clock(base, coarse, ends=not far and rng.random() < 0.05)


def mixable_time_types(rng: Random, clock: Clock, files: int) -> list[TimeType]:
    """One type a file, such that the files of a view unify."""
    first = clock.time_type(rng)
    if files == 1 or rng.random() < 0.6:
        return [first] * files
    if pa.types.is_timestamp(first.type):
        units = [unit for unit in UNIT_NS if fits(clock, timestamp_type(unit, None))]
        zones = [first.type.tz] if rng.random() < 0.8 else ZONES
        return [timestamp_type(rng.choice(units), rng.choice(zones)) for _ in range(files)]
    if pa.types.is_date(first.type):
        return [TimeType(rng.choice([pa.date32(), pa.date64()]), DAY) for _ in range(files)]
    return [TimeType(rng.choice([pa.string(), pa.large_string()]), 1) for _ in range(files)]


def fits(clock: Clock, time_type: TimeType) -> bool:
    return time_type.holds(time_type.floor(clock.base))


def random_ttl_us(rng: Random, clock: Clock) -> int | None:
    kind = rng.random()
    if kind < 0.25:
        return None
    if kind < 0.32:
        return 0
    if kind < 0.37:
        return rng.choice([1, 1_000_000, 2**32 * 1_000_000 + 1, 2**62, 2**63 - 1])
    return max(1, clock.coarse * rng.randint(1, 4) // 1_000)
