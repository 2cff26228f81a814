# SPDX-License-Identifier: Apache-2.0
"""Columns of every Arrow type that Parquet can hold, with the values that break things."""

from decimal import Decimal
from random import Random

import pyarrow as pa

from . import arrow_types
from .oracle import Value

NULL_SHARE = 0.15
TEXTS = ["", "a", "b", "ä", "日本", "a\0b", "thirteen chars", "x" * 40, "NaN", "null"]
FLOATS = [0.0, -0.0, 1.5, -2.25, float("nan"), float("inf"), float("-inf"), 0.125]
# Half of all features are of these; the rest is drawn from all types.
COMMON = [pa.int64(), pa.float32(), pa.float64(), pa.string(), pa.bool_(), pa.int32()]
ALL_TYPES = [
    *COMMON,
    pa.int8(), pa.int16(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(), pa.float16(),
    pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view(),
    pa.binary(3), pa.date32(), pa.date64(),
    pa.timestamp("s"), pa.timestamp("ms", "UTC"), pa.timestamp("us"), pa.timestamp("us", "UTC"),
    pa.timestamp("ns"), pa.timestamp("ns", "Europe/Berlin"),
    pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns"),
    pa.duration("s"), pa.duration("ms"), pa.duration("us"), pa.duration("ns"),
    pa.decimal32(5, 2), pa.decimal64(12, 3), pa.decimal128(20, 5), pa.decimal128(38, 0),
    pa.decimal256(50, 5),
    pa.dictionary(pa.int32(), pa.string()), pa.dictionary(pa.int8(), pa.string()),
    pa.dictionary(pa.int32(), pa.binary()), pa.dictionary(pa.int16(), pa.int64()),
    pa.dictionary(pa.int32(), pa.large_string()),
    pa.list_(pa.int64()), pa.list_(pa.string()), pa.list_(pa.float32()), pa.list_(pa.bool_()),
    pa.list_(pa.list_(pa.int32())), pa.list_(pa.timestamp("us", "UTC")),
    pa.large_list(pa.string()), pa.list_(pa.int16(), 2), pa.list_view(pa.int8()),
    pa.list_(pa.dictionary(pa.int32(), pa.string())),
    pa.list_(pa.struct([("x", pa.int64()), ("y", pa.string())])),
    pa.struct([("a", pa.int8()), ("b", pa.list_(pa.string()))]),
    pa.struct([("s", pa.struct([("t", pa.float64())])), ("d", pa.decimal128(9, 2))]),
    pa.struct([("m", pa.map_(pa.string(), pa.int64()))]),
    pa.map_(pa.string(), pa.int64()), pa.map_(pa.int32(), pa.list_(pa.string())),
    pa.null(), pa.uuid(),
]  # fmt: skip
# Columns that may change their type from file to file, narrow to wide.
FAMILIES = [
    [pa.int8(), pa.int16(), pa.int32(), pa.int64()],
    [pa.int32(), pa.int64()],
    [pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()],
    [pa.uint8(), pa.int16(), pa.int32()],
    [pa.uint32(), pa.int64()],
    [pa.float32(), pa.float64()],
    [pa.int32(), pa.float64()],
    [pa.string(), pa.large_string()],
    [pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("ns")],
    [pa.timestamp("ms", "UTC"), pa.timestamp("us", "UTC")],
]


def random_types(rng: Random, files: int, may_differ: bool) -> list[pa.DataType]:
    """The type that one feature has in each of the files."""
    if may_differ and files > 1 and rng.random() < 0.25:
        family = rng.choice(FAMILIES)
        return [rng.choice(family) for _ in range(files)]
    return [rng.choice(COMMON if rng.random() < 0.5 else ALL_TYPES)] * files


def random_values(rng: Random, type_: pa.DataType, rows: int) -> list[Value]:
    share = rng.choice([0.0, NULL_SHARE, NULL_SHARE, 0.6, 1.0 if rng.random() < 0.1 else 0.3])
    return [None if rng.random() < share else random_value(rng, type_) for _ in range(rows)]


def random_value(rng: Random, type_: pa.DataType) -> Value:
    """One value as pa.array takes it; times, dates and durations as integers."""
    if pa.types.is_integer(type_):
        return random_integer(rng, type_)
    if pa.types.is_floating(type_):
        return rng.choice(FLOATS) if rng.random() < 0.4 else rng.randint(-64, 64) / 8
    if pa.types.is_boolean(type_):
        return rng.random() < 0.5
    if arrow_types.is_text(type_):
        return rng.choice(TEXTS)
    if pa.types.is_fixed_size_binary(type_):
        return rng.randbytes(type_.byte_width)
    if arrow_types.is_bytes(type_):
        return rng.choice([b"", b"\0", b"\xff\xfe", b"abc", b"y" * 20])
    if type_ == pa.uuid():
        return rng.randbytes(16)
    if pa.types.is_decimal(type_):
        return random_decimal(rng, type_)
    if pa.types.is_temporal(type_):
        return random_temporal(rng, type_)
    return random_nested(rng, type_)


def random_integer(rng: Random, type_: pa.DataType) -> int:
    bits = type_.bit_width
    signed = pa.types.is_signed_integer(type_)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    kind = rng.random()
    if kind < 0.15:
        return rng.choice([low, high, high - 1, 0])
    if kind < 0.3 and bits == 64:
        return 2**53 + rng.randint(0, 3)
    return max(low, rng.randint(-5, 100))


def random_decimal(rng: Random, type_: pa.DataType) -> Decimal:
    limit = 10**type_.precision - 1
    unscaled = rng.choice([0, 1, limit, rng.randint(0, limit)])
    sign = rng.choice([0, 1])
    digits = tuple(int(digit) for digit in str(unscaled))
    return Decimal((sign if unscaled else 0, digits, -type_.scale))


def random_temporal(rng: Random, type_: pa.DataType) -> int:
    if pa.types.is_date64(type_):
        return rng.randint(-40_000, 40_000) * arrow_types.MS_PER_DAY
    if pa.types.is_date(type_):
        return rng.randint(-40_000, 40_000)
    per_second = 1000 ** arrow_types.UNITS.index(type_.unit)
    if pa.types.is_time(type_):
        return rng.randint(0, 86_400 * per_second - 1)
    return rng.choice([0, -1, 1, rng.randint(-2 * 10**9, 4 * 10**9) * per_second + 1])


def random_nested(rng: Random, type_: pa.DataType) -> Value:
    if pa.types.is_null(type_):
        return None
    if pa.types.is_dictionary(type_):
        return random_value(rng, type_.value_type)
    if pa.types.is_map(type_):
        keys = rng.sample(["", "a", "b", "ä"] if type_.key_type == pa.string() else range(4), 2)
        return [(key, maybe(rng, type_.item_type)) for key in keys[: rng.randint(0, 2)]]
    if pa.types.is_struct(type_):
        return {field.name: maybe(rng, field.type) for field in type_.fields}
    fixed = pa.types.is_fixed_size_list(type_)
    length = type_.list_size if fixed else rng.choice([0, 0, 1, 2, 3])
    return [maybe(rng, type_.value_type) for _ in range(length)]


def maybe(rng: Random, type_: pa.DataType) -> Value:
    return None if rng.random() < NULL_SHARE else random_value(rng, type_)
