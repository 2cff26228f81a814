# SPDX-License-Identifier: Apache-2.0
"""From the names of Arrow types to Feast's value types, for every type that a file can have."""

import re

from feast.value_type import ValueType

_LIST = re.compile(
    r"(?:large_list|fixed_size_list|list_view|large_list_view|list)"
    r"<[^:<>]*: (?P<item>.*?)(?: not null)?>(?:\[\d+\])?"
)
_DICTIONARY = re.compile(r"dictionary<values=(?P<values>.*), indices=\w+, ordered=\d>")
_NAMES = {
    "null": ValueType.NULL,
    "bool": ValueType.BOOL,
    "int8": ValueType.INT32,
    "int16": ValueType.INT32,
    "int32": ValueType.INT32,
    "int64": ValueType.INT64,
    "uint8": ValueType.INT32,
    "uint16": ValueType.INT32,
    "uint32": ValueType.INT64,
    "uint64": ValueType.INT64,
    "halffloat": ValueType.FLOAT,
    "float": ValueType.FLOAT,
    "double": ValueType.DOUBLE,
    "string": ValueType.STRING,
    "string_view": ValueType.STRING,
    # Feast's own Arrow type of Json, by which it is told from String.
    "large_string": ValueType.JSON,
    "extension<arrow.json>": ValueType.JSON,
    "extension<arrow.uuid>": ValueType.UUID,
    "binary": ValueType.BYTES,
    "large_binary": ValueType.BYTES,
    "binary_view": ValueType.BYTES,
}
_PREFIXES = {
    "timestamp[": ValueType.UNIX_TIMESTAMP,
    "date32[": ValueType.UNIX_TIMESTAMP,
    "date64[": ValueType.UNIX_TIMESTAMP,
    "fixed_size_binary[": ValueType.BYTES,
    "decimal": ValueType.DECIMAL,
    "struct<": ValueType.STRUCT,
    "map<string, ": ValueType.MAP,
    "map<large_string, ": ValueType.MAP,
    # Of maps, only one with other keys than strings is a ScalarMap for certain.
    "map<": ValueType.SCALAR_MAP,
}


def arrow_to_value_type(arrow_type: str) -> ValueType:
    """Return the Feast value type of a column, given its Arrow type as text.

    Sets are lists in Arrow, and UUIDs, decimals and zoned times often strings: a column comes
    back as what its Arrow type says, and a field with a declared type keeps the declared one.

    Raises:
        ValueError: Feast has no value type for it, as for times of day and durations.
    """
    dictionary = _DICTIONARY.fullmatch(arrow_type)
    if dictionary is not None:
        return arrow_to_value_type(dictionary["values"])
    as_list = _LIST.fullmatch(arrow_type)
    if as_list is not None:
        return _list_of(arrow_to_value_type(as_list["item"]), arrow_type)
    if arrow_type in _NAMES:
        return _NAMES[arrow_type]
    for prefix, value_type in _PREFIXES.items():
        if arrow_type.startswith(prefix):
            return value_type
    raise ValueError(f"Feast has no value type for columns of the Arrow type {arrow_type}")


def _list_of(item: ValueType, arrow_type: str) -> ValueType:
    if item is ValueType.VALUE_LIST or item.name.endswith("_LIST"):
        return ValueType.VALUE_LIST
    if item is ValueType.NULL:  # An empty list says nothing of its items.
        return ValueType.STRING_LIST
    try:
        return ValueType[f"{item.name}_LIST"]
    except KeyError:
        raise ValueError(f"Feast has no value type for {arrow_type}") from None
