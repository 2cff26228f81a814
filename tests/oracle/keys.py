# SPDX-License-Identifier: Apache-2.0
"""Join keys: the classes of comparable types, their columns and values that collide."""

from dataclasses import dataclass
from random import Random

import pyarrow as pa

from .oracle import Value
from .times import DAY, SECOND, UNIT_NS, ZONES

SIGNED = [pa.int8(), pa.int16(), pa.int32(), pa.int64()]
UNSIGNED = [pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
INTEGERS = [pa.int64(), pa.int32(), *SIGNED, *UNSIGNED]
FLOATS = [pa.float32(), pa.float64()]
# Each row collides when a width, a sign or a float's 53 bits are not minded.
INTEGER_FAMILIES: list[list[int | float]] = [
    [1, 257, 65_537, 2**32 + 1],
    [-1, 255, 65_535, 2**32 - 1, 2**64 - 1],
    [0, 256, 2**16, 2**32],
    [2**53, 2**53 + 1, 2**53 - 1],
    [2**63, -(2**63), 2**63 - 1, -1],
    [-128, 128, 127, 2**31, -(2**31)],
    [0, 1, 2, 3],
    [1, 2, 3, 4],
]
FLOAT_VALUES: list[int | float] = [
    0.5, -0.5, -0.0, float("inf"), float("-inf"), 1e300, 1.5, 0.1,
    0.10000000149011612,  # the float32 next to 0.1
]  # fmt: skip
# Collide when case, padding or NUL are lost, when columns are concatenated, by prefix.
TEXT_FAMILIES = [
    ["a", "A", "a ", "a\0", "b"],
    ["1", "11", "111"],
    ["", "0", "1", "null"],
    ["thirteen char", "thirteen chaR", "z" * 70, "z" * 71, "ä", "日本"],
]
CONCATENATED = TEXT_FAMILIES[1]
BINARIES = [b"", b"\0", b"\0\0", b"a", b"\xff", b"ab", b"z" * 33]
PAIRS = [b"\0\0", b"ab", b"ba", b"\xff\xff"]
DAYS = [0, -1, 1, 18_000, 18_001, -25_000]
MOMENTS = [0, 1, -1, SECOND, -SECOND, 1_614_834_367 * SECOND, 1_614_834_367 * SECOND + 1_001_000]


@dataclass(frozen=True)
class KeyClass:
    """A class of types that compare with each other, and this case's values of it."""

    name: str
    types: list[pa.DataType]  # of a Parquet column
    entity_only: list[pa.DataType]  # that only the entity rows may have besides
    values: list[Value]  # times as nanoseconds, dates as days

    def holds(self, type_: pa.DataType, value: Value) -> bool:
        """Whether a column of this type can hold the value exactly."""
        if pa.types.is_dictionary(type_):
            type_ = type_.value_type
        if pa.types.is_integer(type_):
            bits = type_.bit_width
            signed = pa.types.is_signed_integer(type_)
            low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
            return value == value // 1 and low <= value < high
        if pa.types.is_float32(type_):
            return abs(value) < 1e30 and pa.scalar(float(value), type_).as_py() == value
        if pa.types.is_floating(type_):
            return float(value) == value
        if pa.types.is_fixed_size_binary(type_):
            return len(value) == type_.byte_width
        if pa.types.is_timestamp(type_):
            return value % UNIT_NS[type_.unit] == 0
        return True

    def write(self, type_: pa.DataType, value: Value) -> Value:
        """The value as pa.array takes it for this type."""
        if value is None:
            return None
        if pa.types.is_dictionary(type_):
            type_ = type_.value_type
        if pa.types.is_timestamp(type_):
            return value // UNIT_NS[type_.unit]
        if pa.types.is_date64(type_):
            return value * (DAY // UNIT_NS["ms"])
        if pa.types.is_floating(type_):
            return float(value)
        return int(value) if self.name == "integer" else value


def random_classes(rng: Random, count: int) -> list[KeyClass]:
    if count > 1 and rng.random() < 0.1:  # pairs that are one text when concatenated
        types = [pa.string(), pa.large_string()]
        return [KeyClass("string", types, [], list(CONCATENATED)) for _ in range(count)]
    return [random_class(rng) for _ in range(count)]


def random_class(rng: Random) -> KeyClass:
    name = rng.choice(["integer"] * 6 + ["string"] * 4 + ["binary", "boolean", "date", "timestamp"])
    return {
        "integer": integer_class,
        "string": string_class,
        "binary": binary_class,
        "boolean": lambda rng: KeyClass("boolean", [pa.bool_()], [], [True, False]),
        "date": date_class,
        "timestamp": timestamp_class,
    }[name](rng)


def integer_class(rng: Random) -> KeyClass:
    values = list(rng.choice(INTEGER_FAMILIES))
    types = [rng.choice(INTEGERS)]  # most columns of a case are of one width
    if rng.random() < 0.6:
        types += rng.sample(INTEGERS, 3)
    if rng.random() < 0.2:
        types += FLOATS
        values += rng.sample(FLOAT_VALUES, 2)
    dictionary = pa.dictionary(pa.int8(), rng.choice(SIGNED[2:]))
    return KeyClass("integer", types, [dictionary, *rng.sample(FLOATS, 1)], values)


def string_class(rng: Random) -> KeyClass:
    types = [pa.string(), pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
    if rng.random() < 0.2:
        types.append(pa.string_view())
    views = [pa.string_view(), pa.dictionary(pa.int8(), pa.large_string())]
    return KeyClass("string", types, views, rng.sample(rng.choice(TEXT_FAMILIES), 3))


def binary_class(rng: Random) -> KeyClass:
    if rng.random() < 0.3:
        return KeyClass("binary", [pa.binary(2), pa.binary()], [], rng.sample(PAIRS, 3))
    types = [pa.binary(), pa.large_binary(), pa.dictionary(pa.int32(), pa.binary())]
    return KeyClass("binary", types, [pa.binary_view()], rng.sample(BINARIES, 3))


def date_class(rng: Random) -> KeyClass:
    return KeyClass("date", [pa.date32(), pa.date64()], [], rng.sample(DAYS, 3))


def timestamp_class(rng: Random) -> KeyClass:
    zone = rng.choice(ZONES)
    types = [pa.timestamp(unit, zone) for unit in UNIT_NS]
    entity_only = [pa.timestamp(rng.choice(list(UNIT_NS)), rng.choice(ZONES))]
    return KeyClass("timestamp", types, entity_only, rng.sample(MOMENTS, 3))


def mixable_types(rng: Random, types: list[pa.DataType], files: int) -> list[pa.DataType]:
    """One type a file, such that the files of a view unify."""
    first = rng.choice(types)
    if files == 1 or rng.random() < 0.7:
        return [first] * files
    if pa.types.is_signed_integer(first):
        pool = [*SIGNED, pa.uint8()] if rng.random() < 0.3 else SIGNED
        return [pa.int64(), *(rng.choice(pool) for _ in range(files - 1))]
    if pa.types.is_unsigned_integer(first):
        return [rng.choice(UNSIGNED) for _ in range(files)]
    if pa.types.is_floating(first):
        return [rng.choice(FLOATS) for _ in range(files)]
    if first in (pa.string(), pa.large_string()):
        return [rng.choice([pa.string(), pa.large_string()]) for _ in range(files)]
    if pa.types.is_date(first):
        return [rng.choice([pa.date32(), pa.date64()]) for _ in range(files)]
    if pa.types.is_timestamp(first):
        return [pa.timestamp(rng.choice(list(UNIT_NS)), first.tz) for _ in range(files)]
    return [first] * files
