# SPDX-License-Identifier: Apache-2.0
"""Join keys and times of every type that the two sides may have."""

from datetime import date, timedelta
from itertools import product

import pyarrow as pa
import pytest
from feature_repo import T0, FeatureRepo, at, history, rows, timestamps

INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64()]
UNSIGNED = [pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
STRINGS = [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
BINARIES = [pa.binary(), pa.large_binary()]
DATES = [pa.date32(), pa.date64()]
STAMPS = [pa.timestamp("s"), pa.timestamp("ms", "UTC"), pa.timestamp("ns", "Asia/Tokyo")]
SAMPLES = [
    (INTEGERS + UNSIGNED, [0, 1, 100]),
    (INTEGERS, [-128, -1, 127]),
    (STRINGS, ["", "a", "Ω" * 40]),
    (BINARIES, [b"", b"\x00", b"\xff" * 40]),
    ([pa.bool_()], [False, True]),
    (DATES, [date(1969, 12, 31), date(1970, 1, 1), date(2024, 2, 29)]),
    (STAMPS, [at(-(10**6)), at(0), at(1)]),
]
KEY_PAIRS = [
    pytest.param(left, right, values, id=f"{left}-{right}-{values[0]!r}")
    for types, values in SAMPLES
    for left, right in product(types, types)
]


def typed(values: list[object], key_type: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(key_type):
        return pa.array(values, key_type.value_type).dictionary_encode()
    if pa.types.is_timestamp(key_type):
        return timestamps(*values, unit=key_type.unit, zone=key_type.tz)
    return pa.array(values, key_type)


@pytest.mark.parametrize(("entity_type", "source_type", "values"), KEY_PAIRS)
def test_keys_of_one_class_meet_by_value(
    repo: FeatureRepo, entity_type: pa.DataType, source_type: pa.DataType, values: list[object]
) -> None:
    expected = list(range(len(values)))
    repo.add_view(history(typed(values, source_type), [at(0)] * len(values), value=expected))
    keys = typed([*reversed(values), None], entity_type)
    result = repo.join(rows(keys, [at(1)] * (len(values) + 1)))
    assert result["value"].to_pylist() == [*reversed(expected), None]
    assert result["key"].type == entity_type


def test_integers_beyond_the_other_type_do_not_wrap(repo: FeatureRepo) -> None:
    repo.add_view(history(pa.array([1, -1], pa.int8()), [at(0)] * 2, value=[1, 2]))
    keys = pa.array([257, 255, 2**32 + 1, 1], pa.int64())
    assert repo.values(rows(keys, [at(1)] * 4)) == [None, None, None, 1]


def test_unsigned_keys_above_int64_meet_no_negative(repo: FeatureRepo) -> None:
    repo.add_view(history(pa.array([-1, 5], pa.int64()), [at(0)] * 2, value=[1, 2]))
    keys = pa.array([2**64 - 1, 5], pa.uint64())
    assert repo.values(rows(keys, [at(1)] * 2)) == [None, 2]


def test_floats_meet_integers_by_value(repo: FeatureRepo) -> None:
    repo.add_view(history([0, 2**53 + 1, 7], [at(0)] * 3, value=[1, 2, 3]))
    keys = pa.array([-0.0, 2.0**53, 7.0, 7.5, float("inf")])
    assert repo.values(rows(keys, [at(1)] * 5)) == [1, None, 3, None, None]


@pytest.mark.parametrize(
    ("entity_keys", "source_keys"),
    [
        (pa.array(["1"]), pa.array([1])),
        (pa.array([1]), pa.array([b"1"])),
        (pa.array(["a"]), pa.array([b"a"])),
        (pa.array([1]), pa.array([True])),
        (pa.array([1]), timestamps(at(0))),
        (pa.array([date(2024, 1, 1)]), timestamps(at(0))),
    ],
)
def test_keys_of_different_classes_are_an_error(
    repo: FeatureRepo, entity_keys: pa.Array, source_keys: pa.Array
) -> None:
    repo.add_view(
        history([1], [at(0)], value=[1])
        .rename_columns(["id", "ts", "value"])
        .append_column("key", source_keys)
    )
    with pytest.raises(TypeError, match="key") as error:
        repo.values(rows(entity_keys, [at(1)]))
    assert str(entity_keys.type) in str(error.value)
    assert str(source_keys.type) in str(error.value)


TIME_TYPES = [
    pa.timestamp(unit, zone)
    for unit in ("s", "ms", "us", "ns")
    for zone in (None, "UTC", "America/New_York")
]


@pytest.mark.parametrize("source_type", TIME_TYPES, ids=str)
@pytest.mark.parametrize("entity_type", TIME_TYPES, ids=str)
def test_times_of_every_unit_and_zone_meet_by_instant(
    repo: FeatureRepo, entity_type: pa.DataType, source_type: pa.DataType
) -> None:
    source_times = timestamps(at(0), at(2), unit=source_type.unit, zone=source_type.tz)
    repo.add_view(pa.table({"key": [1, 1], "ts": source_times, "value": [0, 2]}))
    entity_times = timestamps(
        at(-1), at(0), at(1), at(2), unit=entity_type.unit, zone=entity_type.tz
    )
    result = repo.join(pa.table({"key": [1] * 4, "event_timestamp": entity_times}))
    assert result["value"].to_pylist() == [None, 0, 0, 2]
    assert result["event_timestamp"].type == entity_type


@pytest.mark.parametrize("date_type", DATES, ids=str)
def test_dates_are_midnight_utc(repo: FeatureRepo, date_type: pa.DataType) -> None:
    days = pa.array([date(2024, 1, 1), date(2024, 1, 3)], date_type)
    repo.add_view(pa.table({"key": [1, 1], "ts": days, "value": [1, 3]}))
    assert repo.values(rows([1] * 3, [at(0), at(-1, microseconds=1), at(48)])) == [1, None, 3]
    days = pa.array([date(2024, 1, 2), date(2024, 1, 3)], date_type)
    assert repo.values(pa.table({"key": [1, 1], "event_timestamp": days})) == [1, 3]


@pytest.mark.parametrize("string_type", [pa.string(), pa.large_string()], ids=str)
def test_iso_strings_are_times(repo: FeatureRepo, string_type: pa.DataType) -> None:
    texts = ["2024-01-01", "2024-01-01T02:00:00.000001", "2024-01-01 06:00:00+02:00", None]
    source = {"key": [1] * 4, "ts": pa.array(texts, string_type), "value": [0, 2, 4, 9]}
    repo.add_view(pa.table(source))
    asked = ["2024-01-01T00:00:00Z", "2024-01-01T02:00:00", "2024-01-01T04:00:00.000000000Z", None]
    entity_rows = pa.table({"key": [1] * 4, "event_timestamp": pa.array(asked, string_type)})
    assert repo.values(entity_rows) == [0, 0, 4, None]


def test_text_that_is_no_time_is_named(repo: FeatureRepo) -> None:
    repo.add_view(pa.table({"key": [1], "ts": ["soon"], "value": [1]}))
    with pytest.raises(ValueError, match="ts"):
        repo.values(rows([1], [at(0)]))


def test_nanoseconds_are_compared_exactly(repo: FeatureRepo) -> None:
    base = 1_700_000_000_000_000_000
    ts = pa.array([base + 1], pa.timestamp("ns"))
    repo.add_view(pa.table({"key": [1], "ts": ts, "value": [1]}), ttl=timedelta(microseconds=1))
    asked = pa.array([base, base + 1, base + 1001, base + 1002], pa.timestamp("ns"))
    entity_rows = pa.table({"key": [1] * 4, "event_timestamp": asked})
    assert repo.values(entity_rows) == [None, 1, 1, None]


def test_created_time_may_have_another_type(repo: FeatureRepo) -> None:
    created = pa.array(["2024-01-02", "2024-01-05", "2024-01-03"])
    repo.add_view(
        history([1] * 3, [at(0)] * 3, value=[2, 5, 3], created=created),
        created_timestamp_column="created",
    )
    assert repo.values(rows([1], [at(1)])) == [5]


def test_times_before_1970(repo: FeatureRepo) -> None:
    epoch_hours = -(T0.timestamp() / 3600)
    times = [at(epoch_hours - 5), at(epoch_hours), at(epoch_hours + 5)]
    repo.add_view(history([1] * 3, times, value=[-5, 0, 5]))
    asked = [at(epoch_hours + h) for h in (-6, -5, -1, 0, 1, 6)]
    assert repo.values(rows([1] * 6, asked)) == [None, -5, -5, 0, 0, 5]


def test_ends_of_the_type(repo: FeatureRepo) -> None:
    low, high = -(2**63), 2**63 - 1
    ts = pa.array([low, high], pa.timestamp("ns"))
    repo.add_view(pa.table({"key": [1, 1], "ts": ts, "value": [1, 2]}), ttl=timedelta(days=1))
    asked = pa.array([low, 0, high], pa.timestamp("ns"))
    assert repo.values(pa.table({"key": [1] * 3, "event_timestamp": asked})) == [1, None, 2]


@pytest.mark.parametrize("unit", ["s", "us"])
def test_years_beyond_nanoseconds(repo: FeatureRepo, unit: str) -> None:
    year = 365 * 24 * 3600 * {"s": 1, "us": 10**6}[unit]
    ts = pa.array([-1500 * year, 6000 * year], pa.timestamp(unit))
    repo.add_view(pa.table({"key": [1, 1], "ts": ts, "value": [1, 2]}))
    asked = pa.array([-1501 * year, 0, 6000 * year], pa.timestamp(unit))
    assert repo.values(pa.table({"key": [1] * 3, "event_timestamp": asked})) == [None, 1, 2]


def test_event_time_of_a_wrong_type_is_named(repo: FeatureRepo) -> None:
    repo.add_view(pa.table({"key": [1], "ts": [1.5], "value": [1]}))
    with pytest.raises((TypeError, ValueError), match="ts"):
        repo.values(rows([1], [at(0)]))
