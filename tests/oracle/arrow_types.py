# SPDX-License-Identifier: Apache-2.0
"""What Parquet gives back for an Arrow type, and the type that several files unify to."""

from typing import Any

import pyarrow as pa

MS_PER_DAY = 86_400_000
UNITS = ["s", "ms", "us", "ns"]


def read_type(written: pa.DataType, store_schema: bool, int96: bool) -> pa.DataType:
    """The type a Parquet column reads back as.

    `store_schema`: the file holds the Arrow schema. `int96`: timestamps are written so.
    """
    if pa.types.is_timestamp(written):
        if int96:
            return pa.timestamp("ns")
        unit = "ms" if written.unit == "s" else written.unit
        return pa.timestamp(unit, written.tz if store_schema or not written.tz else "UTC")
    if pa.types.is_date(written):
        return pa.date32()
    if pa.types.is_time32(written):
        return pa.time32("ms")
    if pa.types.is_dictionary(written):
        return read_dictionary_type(written, store_schema, int96)
    if store_schema:
        return written
    return type_without_schema(written, int96)


def read_dictionary_type(written: pa.DataType, store_schema: bool, int96: bool) -> pa.DataType:
    value = written.value_type
    if not (is_text(value) or is_bytes(value)):
        return read_type(value, store_schema, int96)
    plain = pa.string() if is_text(value) else pa.binary()
    if not store_schema:
        return plain
    index = written.index_type if value == plain else pa.int32()
    return pa.dictionary(index, plain)


def type_without_schema(written: pa.DataType, int96: bool) -> pa.DataType:
    if is_text(written):
        return pa.string()
    if is_bytes(written) and not pa.types.is_fixed_size_binary(written):
        return pa.binary()
    if pa.types.is_duration(written):
        return pa.int64()
    if pa.types.is_decimal32(written) or pa.types.is_decimal64(written):
        return pa.decimal128(written.precision, written.scale)
    if pa.types.is_map(written):
        key, item = written.key_type, written.item_type
        return pa.map_(read_type(key, False, int96), read_type(item, False, int96))
    if pa.types.is_struct(written):
        return pa.struct([(f.name, read_type(f.type, False, int96)) for f in written.fields])
    if is_list(written):
        return pa.list_(read_type(written.value_type, False, int96))
    return written


def read_values(written: pa.DataType, values: list[Any], read: pa.DataType) -> list[Any]:
    """The values of a column, as pa.array(values, read) takes them."""
    if pa.types.is_date64(written):
        return [None if v is None else v // MS_PER_DAY for v in values]
    if pa.types.is_time32(written) and written.unit == "s":
        return [None if v is None else v * 1000 for v in values]
    return widen_values(written, values, read)


def widen_values(narrow: pa.DataType, values: list[Any], wide: pa.DataType) -> list[Any]:
    if pa.types.is_timestamp(narrow) and narrow.unit != wide.unit:
        factor = 1000 ** (UNITS.index(wide.unit) - UNITS.index(narrow.unit))
        return [None if v is None else v * factor for v in values]
    if pa.types.is_integer(narrow) and pa.types.is_floating(wide):
        return [None if v is None else float(v) for v in values]
    return values


def unify(types: list[pa.DataType]) -> pa.DataType:
    """The type of a column whose files have these types; the generator makes no others."""
    wide = types[0]
    for other in types[1:]:
        wide = unify_two(wide, other)
    return wide


def unify_two(one: pa.DataType, two: pa.DataType) -> pa.DataType:
    if one == two:
        return one
    if pa.types.is_timestamp(one) and pa.types.is_timestamp(two) and one.tz == two.tz:
        return max(one, two, key=lambda t: UNITS.index(t.unit))
    if is_text(one) and is_text(two):
        return pa.large_string()
    if pa.types.is_floating(one) or pa.types.is_floating(two):
        return pa.float64()
    if pa.types.is_integer(one) and pa.types.is_integer(two):
        return unify_integers(one, two)
    raise AssertionError(f"the generator should not mix {one} and {two}")


def unify_integers(one: pa.DataType, two: pa.DataType) -> pa.DataType:
    wide, other = sorted([one, two], key=lambda type_: -type_.bit_width)
    if pa.types.is_signed_integer(wide) == pa.types.is_signed_integer(other):
        return wide
    if pa.types.is_signed_integer(wide) and wide.bit_width > other.bit_width:
        return wide
    return {8: pa.int16(), 16: pa.int32(), 32: pa.int64()}[wide.bit_width]


def is_text(type_: pa.DataType) -> bool:
    return type_ in (pa.string(), pa.large_string(), pa.string_view())


def is_bytes(type_: pa.DataType) -> bool:
    plain = (pa.binary(), pa.large_binary(), pa.binary_view())
    return type_ in plain or pa.types.is_fixed_size_binary(type_)


def is_list(type_: pa.DataType) -> bool:
    return (
        pa.types.is_list(type_)
        or pa.types.is_large_list(type_)
        or pa.types.is_fixed_size_list(type_)
        or pa.types.is_list_view(type_)
        or pa.types.is_large_list_view(type_)
    )
