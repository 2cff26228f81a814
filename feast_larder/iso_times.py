# SPDX-License-Identifier: Apache-2.0
"""ISO-8601 strings to timestamps, where Feast itself needs to order them."""

import pyarrow as pa
import pyarrow.compute as pc

_TIME_OF_DAY = r"[Tt ]\d"
_ZONE = r"[Tt ].*([Zz]|[+-]\d{2}(:?\d{2})?)$"


def is_text(data_type: pa.DataType) -> bool:
    """Say whether a column of this type may hold ISO-8601 strings."""
    if pa.types.is_dictionary(data_type):
        data_type = data_type.value_type
    return bool(pa.types.is_string(data_type) or pa.types.is_large_string(data_type))


def parse_iso_times(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Convert dates and times with or without a zone, which is then UTC, to UTC timestamps.

    They are in nanoseconds, or in microseconds beyond the years 1677 to 2262. pandas is no help
    here: it reads a time without a zone in the zone of the text before it.

    Raises:
        ValueError: a text is no ISO-8601 date or time.
    """
    texts = texts.cast(pa.string())
    midnight = pc.binary_join_element_wise(texts, "T00:00:00", "")
    texts = pc.if_else(pc.match_substring_regex(texts, _TIME_OF_DAY), texts, midnight)
    in_utc = pc.binary_join_element_wise(texts, "Z", "")
    texts = pc.if_else(pc.match_substring_regex(texts, _ZONE), texts, in_utc)
    try:
        return texts.cast(pa.timestamp("ns", "UTC"))
    except pa.ArrowInvalid:
        return texts.cast(pa.timestamp("us", "UTC"))
