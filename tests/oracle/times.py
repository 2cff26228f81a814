# SPDX-License-Identifier: Apache-2.0
"""The ways a column may hold times, and how a whole nanosecond is written in each."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import pyarrow as pa

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
UNIT_NS = {"s": SECOND, "ms": 1_000_000, "us": 1_000, "ns": 1}
ZONES = [None, None, "UTC", "UTC", "Europe/Berlin", "+05:30", "-11:00"]
# The first and the last moment that ISO-8601 strings of four-digit years can hold.
FIRST_ISO = -62_135_596_800 * SECOND
LAST_ISO = 253_402_300_800 * SECOND - 1
# Texts of one column are read in one unit; this is well before the last int64 of nanoseconds.
NANOSECONDS_END = 9 * 10**18
EPOCH = datetime(1970, 1, 1)  # offsets are added to the text by hand


@dataclass(frozen=True)
class TimeType:
    """A column type that holds times: timestamps, dates or ISO-8601 strings."""

    type: pa.DataType
    unit_ns: int

    @property
    def is_text(self) -> bool:
        return not (pa.types.is_timestamp(self.type) or pa.types.is_date(self.type))

    def floor(self, time: int) -> int:
        unit_ns = self.unit_at(time)
        return time // unit_ns * unit_ns

    def unit_at(self, time: int) -> int:
        """The finest unit near a time: where nanoseconds do not reach, texts have microseconds."""
        return UNIT_NS["us"] if self.is_text and abs(time) > NANOSECONDS_END else self.unit_ns

    def holds(self, time: int) -> bool:
        """Whether a column of this type can hold exactly this time, on disk too."""
        if time % self.unit_at(time):
            return False
        if self.is_text:
            return FIRST_ISO + DAY <= time <= LAST_ISO - DAY
        if pa.types.is_date(self.type):
            return -(2**31) <= time // DAY < 2**31  # Parquet has days of 32 bits only
        stored_unit_ns = min(self.unit_ns, UNIT_NS["ms"])  # Parquet has no seconds
        return -(2**63) <= time // stored_unit_ns < 2**63

    def write(self, rng: Random, time: int | None) -> int | str | None:
        """The value that stands for `time` in an Arrow array of this type."""
        if time is None:
            return None
        if self.is_text:
            return iso_text(rng, time)
        if pa.types.is_date64(self.type):
            return time // UNIT_NS["ms"]
        return time // self.unit_ns


def timestamp_type(unit: str, zone: str | None) -> TimeType:
    return TimeType(pa.timestamp(unit, zone), UNIT_NS[unit])


def random_time_type(rng: Random) -> TimeType:
    kind = rng.random()
    if kind < 0.72:
        return timestamp_type(rng.choice(["s", "ms", "us", "us", "ns", "ns"]), rng.choice(ZONES))
    if kind < 0.82:
        return TimeType(pa.date32(), DAY)
    if kind < 0.88:
        return TimeType(pa.date64(), DAY)
    return TimeType(
        rng.choice([pa.string(), pa.string(), pa.large_string(), dictionary_of_text()]), 1
    )


def dictionary_of_text() -> pa.DataType:
    return pa.dictionary(pa.int32(), pa.string())


def iso_text(rng: Random, time: int) -> str:
    """One of the many ISO-8601 texts of the time, with or without an offset."""
    if time % DAY == 0 and rng.random() < 0.4:
        return iso_day(time)
    offset_minutes = rng.choice([None, None, 0, 0, 330, -480, 60])
    local = time + (offset_minutes or 0) * 60 * SECOND
    moment = EPOCH + timedelta(microseconds=local // 1000)
    text = moment.isoformat(sep=rng.choice("T "), timespec="minutes")
    fraction = local % SECOND
    if moment.second or fraction or rng.random() < 0.7:
        text += f":{moment.second:02}"
        text += iso_fraction(rng, fraction)
    if offset_minutes is None:
        return text
    if offset_minutes == 0 and rng.random() < 0.7:
        return text + "Z"
    sign = "-" if offset_minutes < 0 else "+"
    hours, minutes = divmod(abs(offset_minutes), 60)
    return f"{text}{sign}{hours:02}:{minutes:02}"


def iso_day(time: int) -> str:
    return (EPOCH + timedelta(microseconds=time // 1000)).date().isoformat()


def iso_fraction(rng: Random, fraction: int) -> str:
    """The fraction of a second with as many digits as it needs, or more."""
    digits = f"{fraction:09}"
    needed = len(digits.rstrip("0"))
    written = rng.choice([d for d in (0, 3, 6, 9, needed) if d >= needed])
    return f".{digits[:written]}" if written else ""
