# SPDX-License-Identifier: Apache-2.0
"""Compares tables cell by cell, exactly: types, nulls, the sign of zero, every NaN as one."""

from typing import Any

import pyarrow as pa

SAME_BITS = {pa.float32(): pa.int32(), pa.float64(): pa.int64()}


def first_difference(actual: pa.Table, expected: pa.Table) -> str | None:
    """The first cell that differs, in words; None for equal tables."""
    if actual.column_names != expected.column_names:
        return f"columns {actual.column_names}, expected {expected.column_names}"
    if actual.num_rows != expected.num_rows:
        return f"{actual.num_rows} rows, expected {expected.num_rows}"
    for name in expected.column_names:
        difference = column_difference(actual.column(name), expected.column(name))
        if difference:
            return f"column {name!r}: {difference}"
    return None


def column_difference(actual: pa.ChunkedArray, expected: pa.ChunkedArray) -> str | None:
    if actual.type != expected.type:
        return f"type {actual.type}, expected {expected.type}"
    one, two = comparable(actual), comparable(expected)
    if one.equals(two) and not has_nested_floats(one.type):
        return None
    for row, (left, right) in enumerate(zip(cells(one), cells(two), strict=True)):
        if repr(left) != repr(right):
            return f"row {row}: {left!r}, expected {right!r}"
    return None


def has_nested_floats(type_: pa.DataType) -> bool:
    """Whether values hold floats, of which equals() would not see the sign of a zero."""
    return pa.types.is_nested(type_) and ("float" in str(type_) or "double" in str(type_))


def comparable(column: pa.ChunkedArray) -> pa.Array:
    """The column in one piece, dictionaries decoded, floats as their bits."""
    array = pa.concat_arrays([plain(chunk) for chunk in column.chunks]) if column.chunks else None
    if array is None:
        array = plain(pa.array([], column.type))
    return array.view(SAME_BITS[array.type]) if array.type in SAME_BITS else array


def plain(chunk: pa.Array) -> pa.Array:
    chunk.validate(full=True)
    return chunk.dictionary_decode() if pa.types.is_dictionary(chunk.type) else chunk


def cells(array: pa.Array) -> list[Any]:
    """Python values; times as their integers, which datetime could not always hold."""
    if pa.types.is_integer(array.type):
        return array.to_pylist()
    if pa.types.is_temporal(array.type):
        return array.view(pa.int32() if array.type.bit_width == 32 else pa.int64()).to_pylist()
    return array.to_pylist()
