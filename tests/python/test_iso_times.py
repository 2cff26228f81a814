# SPDX-License-Identifier: Apache-2.0
"""Reading ISO-8601 strings for Feast, which only orders real timestamps rightly."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from feature_repo import T0, at

from feast_larder.iso_times import parse_iso_times

SAMPLES = [
    ("2024-01-01", T0),
    ("2024-01-01T00:00", T0),
    ("2024-01-01 01:00:00Z", at(1)),
    ("2024-01-01T05:00:00+02:00", at(3)),
    ("2024-01-01T05:00:00", at(5)),
    ("2023-12-31T19:00:00-0500", T0),
    ("2024-01-01T02:00:00.000001+02", at(0, microseconds=1)),
    (None, None),
]


@pytest.mark.parametrize("text_type", [pa.string(), pa.large_string()], ids=str)
def test_forms_may_be_mixed(text_type: pa.DataType) -> None:
    texts, expected = zip(*SAMPLES, strict=True)
    parsed = parse_iso_times(pa.chunked_array([pa.array(texts, text_type)]))
    assert parsed.cast(pa.timestamp("us", "UTC")).to_pylist() == list(expected)


def test_nanoseconds_and_distant_years() -> None:
    exact = parse_iso_times(pa.chunked_array([["1969-12-31T23:59:59.999999999Z"]]))
    assert exact.cast(pa.int64()).to_pylist() == [-1]
    distant = parse_iso_times(pa.chunked_array([["9999-12-31", "0001-01-01"]]))
    expected = [datetime(9999, 12, 31, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)]
    assert distant.to_pylist() == expected


def test_dictionary_encoded_texts() -> None:
    texts = pa.array(["2024-01-01", None, "2024-01-01"]).dictionary_encode()
    parsed = parse_iso_times(pa.chunked_array([texts]))
    assert parsed.cast(pa.timestamp("us", "UTC")).to_pylist() == [T0, None, T0]


def test_other_text_is_an_error() -> None:
    with pytest.raises(ValueError, match="soon"):
        parse_iso_times(pa.chunked_array([["soon"]]))
