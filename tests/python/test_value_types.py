# SPDX-License-Identifier: Apache-2.0
"""The map between Arrow types and Feast's value types, over all of both."""

import pyarrow as pa
import pytest
from feast.type_map import feast_value_type_to_pa
from feast.types import from_feast_to_pyarrow_type, from_value_type
from feast.value_type import ValueType

from feast_larder.value_types import arrow_to_value_type

# Value types that have no Arrow type of their own, and what they come back as.
LIKE_OTHERS = {
    "UUID": "STRING",
    "TIME_UUID": "STRING",
    "DECIMAL": "STRING",
    "ZONED_TIMESTAMP": "UNIX_TIMESTAMP",
    "PDF_BYTES": "BYTES",
    "IMAGE_BYTES": "BYTES",
    "UUID_LIST": "STRING_LIST",
    "TIME_UUID_LIST": "STRING_LIST",
    "DECIMAL_LIST": "STRING_LIST",
    "VALUE_SET": "VALUE_LIST",
}
# Feast itself gives these no Arrow type.
WITHOUT_ARROW_TYPE = {"UNKNOWN", "SCALAR_MAP", "PDF_BYTES", "IMAGE_BYTES", "BYTES_SET"}


def expected(value_type: ValueType) -> str:
    name = value_type.name
    if name.endswith("_SET") and name != "VALUE_SET":
        name = name.removesuffix("_SET") + "_LIST"
    return LIKE_OTHERS.get(name, name)


@pytest.mark.parametrize("value_type", ValueType, ids=lambda value_type: value_type.name)
def test_every_value_type_there_and_back(value_type: ValueType) -> None:
    arrow_types = []
    for convert in (
        feast_value_type_to_pa,
        lambda value_type: from_feast_to_pyarrow_type(from_value_type(value_type)),
    ):
        try:
            arrow_types.append(convert(value_type))
        except (KeyError, ValueError, AssertionError):
            continue
    assert bool(arrow_types) != (value_type.name in WITHOUT_ARROW_TYPE)
    for arrow_type in arrow_types:
        assert arrow_to_value_type(str(arrow_type)).name == expected(value_type)


@pytest.mark.parametrize(
    ("arrow_type", "name"),
    [
        (pa.null(), "NULL"),
        (pa.int8(), "INT32"),
        (pa.int16(), "INT32"),
        (pa.uint8(), "INT32"),
        (pa.uint16(), "INT32"),
        (pa.uint32(), "INT64"),
        (pa.uint64(), "INT64"),
        (pa.float16(), "FLOAT"),
        (pa.string_view(), "STRING"),
        (pa.large_string(), "JSON"),
        (pa.json_(), "JSON"),
        (pa.uuid(), "UUID"),
        (pa.binary(16), "BYTES"),
        (pa.large_binary(), "BYTES"),
        (pa.binary_view(), "BYTES"),
        (pa.date32(), "UNIX_TIMESTAMP"),
        (pa.date64(), "UNIX_TIMESTAMP"),
        (pa.timestamp("ns", "Asia/Tokyo"), "UNIX_TIMESTAMP"),
        (pa.decimal128(9, 2), "DECIMAL"),
        (pa.decimal256(50, 2), "DECIMAL"),
        (pa.dictionary(pa.int8(), pa.string()), "STRING"),
        (pa.dictionary(pa.int32(), pa.int64()), "INT64"),
        (pa.large_list(pa.int32()), "INT32_LIST"),
        (pa.list_(pa.float32(), 3), "FLOAT_LIST"),
        (pa.list_view(pa.string()), "STRING_LIST"),
        (pa.large_list_view(pa.bool_()), "BOOL_LIST"),
        (pa.list_(pa.field("element", pa.float64(), nullable=False)), "DOUBLE_LIST"),
        (pa.list_(pa.date32()), "UNIX_TIMESTAMP_LIST"),
        (pa.list_(pa.decimal128(9, 2)), "DECIMAL_LIST"),
        (pa.list_(pa.null()), "STRING_LIST"),
        (pa.list_(pa.list_(pa.list_(pa.int8()))), "VALUE_LIST"),
        (pa.list_(pa.struct({"a": pa.list_(pa.int8())})), "STRUCT_LIST"),
        (pa.list_(pa.map_(pa.string(), pa.int8())), "MAP_LIST"),
        (pa.struct({"a": pa.int8()}), "STRUCT"),
        (pa.map_(pa.string(), pa.list_(pa.int8())), "MAP"),
        (pa.map_(pa.large_string(), pa.int8()), "MAP"),
        (pa.map_(pa.int64(), pa.string()), "SCALAR_MAP"),
    ],
    ids=str,
)
def test_every_arrow_type(arrow_type: pa.DataType, name: str) -> None:
    assert arrow_to_value_type(str(arrow_type)).name == name


@pytest.mark.parametrize(
    "arrow_type",
    [pa.time32("s"), pa.time64("ns"), pa.duration("us"), pa.list_(pa.time32("s"))],
    ids=str,
)
def test_types_that_feast_has_not(arrow_type: pa.DataType) -> None:
    with pytest.raises(ValueError, match="no value type"):
        arrow_to_value_type(str(arrow_type))
