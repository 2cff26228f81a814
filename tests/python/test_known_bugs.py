# SPDX-License-Identifier: Apache-2.0
"""As-of join bugs that other engines had or have, each by the name of its report."""

from collections.abc import Callable
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feature_repo import FeatureRepo, at, history, rows, timestamps

MICROSECOND = timedelta(microseconds=1)


def test_acero_45876_times_on_both_sides_of_1970(repo: FeatureRepo) -> None:
    """Signed times were folded: -1 matched +5, and 0 missed -1."""
    ts = pa.array([-5, 5], pa.timestamp("ns"))
    repo.add_view(pa.table({"key": [1, 1], "ts": ts, "value": [-5, 5]}))
    asked = pa.array([-6, -5, -1, 0, 4, 5, 6, 2**63 - 1, -(2**63)], pa.timestamp("ns"))
    found = repo.values(pa.table({"key": [1] * 9, "event_timestamp": asked}))
    assert found == [None, -5, -5, -5, -5, 5, 5, 5, None]


@pytest.mark.parametrize(
    "zero",
    [
        pa.array([0], pa.int32()),
        pa.array([0], pa.int64()),
        pa.array([0.0]),
        pa.array([False]),
        pa.array([date(1970, 1, 1)]),
        pa.array([0], pa.timestamp("us")),
        pa.array([""]),
        pa.array([b""]),
        pa.array([""]).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_acero_null_key_is_not_key_zero(repo: FeatureRepo, zero: pa.Array) -> None:
    """The hash of null is the hash of 0, and hashes were not checked."""
    repo.add_view(history(zero, [at(0)], value=[1]))
    null = pa.nulls(1, zero.type)
    both = pa.chunked_array([null, zero])
    assert repo.values(rows(both, [at(1)] * 2)) == [None, 1]
    repo.add_view(history(null, [at(0)], value=[1]), name="other")
    assert repo.values(rows(both, [at(1)] * 2), "other:value") == [None, None]


def test_acero_null_in_one_of_several_keys(repo: FeatureRepo) -> None:
    table = history([0, 0], [at(0)] * 2, value=[1, 2], second=[0, 1])
    repo.add_view(table, keys=["key", "second"])
    first, second = pa.array([None, 0, 0]), pa.array([0, None, 0])
    assert repo.values(rows(first, [at(1)] * 3, second=second)) == [None, None, 1]


@pytest.mark.parametrize("bits", [0, 1, 8])
def test_acero_17653_a_hash_is_no_key(make_repo: Callable[..., FeatureRepo], bits: int) -> None:
    repo = make_repo(debug={"key_hash_bits": bits})
    keys = list(range(500))
    table = history(keys, [at(0)] * 500, value=keys, second=[f"s{key % 3}" for key in keys])
    repo.add_view(table, keys=["key", "second"])
    asked = rows(keys * 2, [at(1)] * 1000, second=[f"s{key % 3}" for key in keys] + ["s0"] * 500)
    expected = keys + [key if key % 3 == 0 else None for key in keys]
    assert repo.values(asked) == expected


def test_acero_41149_races_and_duckdb_25536_ties(make_repo: Callable[..., FeatureRepo]) -> None:
    """Runs of one join gave different rows: by races, or because ties went to any row."""
    size = 5000
    table = history(
        [i % 17 for i in range(size)], [at(i % 5) for i in range(size)], value=list(range(size))
    )
    asked = rows([i % 19 for i in range(100)], [at(i % 7) for i in range(100)])
    answers = []
    for threads in (1, 2, 8):
        repo = make_repo(f"threads-{threads}", threads=threads, debug={"batch_rows": 97})
        for file in range(5):
            part = table.slice(file * 1000, 1000)
            repo.write(part, f"files/{file}.parquet", row_group_size=130)
        repo.add_view("files")
        job = repo.store.get_historical_features(asked, ["stats:value"])
        answers += [job.to_arrow()["value"].to_pylist() for _ in range(40)]
    assert all(answer == answers[0] for answer in answers)


def test_acero_39803_order_of_columns(repo: FeatureRepo) -> None:
    names = ["ts", "second", "value", "key"]
    table = history([1, 2], [at(0)] * 2, value=[1, 2], second=["a", "b"])
    repo.write(table.select(names), "files/0.parquet")
    repo.write(table.select(names[::-1]), "files/1.parquet")
    repo.add_view("files", keys=["second", "key"])
    asked = rows([2, 1], [at(1)] * 2, second=["b", "a"]).select(
        ["second", "event_timestamp", "key"]
    )
    assert repo.values(asked) == [2, 1]


def test_acero_units_names_and_null_times(repo: FeatureRepo) -> None:
    """Mixed units, colliding column names and null times were refused or read as zero."""
    table = pa.table(
        {
            "key": [1, 1],
            "event_timestamp": timestamps(None, at(1), unit="ms"),
            "value": [1, 2],
            "label": ["theirs", "theirs"],
        }
    )
    repo.add_view(table, timestamp_field="event_timestamp")
    times = timestamps(None, at(2), unit="ns")
    asked = pa.table({"key": [1, 1], "event_timestamp": times, "label": ["ours", "ours"]})
    result = repo.join(asked)
    assert result["value"].to_pylist() == [None, 2]
    assert result["label"].to_pylist() == ["ours", "ours"]


@pytest.mark.parametrize("size", [1, 63, 64, 65, 129])
def test_duckdb_18303_null_payload_of_few_rows(repo: FeatureRepo, size: int) -> None:
    """Below 64 probe rows another path looked past null payloads; 64 and more could hang."""
    repo.add_view(history([1, 1], [at(0), at(1)], value=[1, None]))
    assert repo.values(rows([1] * size, [at(2)] * size)) == [None] * size


@pytest.mark.parametrize("size", [1, 63, 64, 65])
def test_duckdb_21514_empty_right_side(repo: FeatureRepo, size: int) -> None:
    repo.add_view(history([1], [at(0)], value=[1]).slice(1))
    assert repo.values(rows([1] * size, [at(2)] * size)) == [None] * size


def test_duckdb_15506_left_rows_are_neither_dropped_nor_added(repo: FeatureRepo) -> None:
    size = 3000
    repo.add_view(
        history([i % 50 for i in range(size)], [at(i % 30) for i in range(size)], value=[1] * size),
        ttl=timedelta(hours=2),
    )
    keys = [None if i % 11 == 0 else i % 70 for i in range(size)]
    times = [None if i % 13 == 0 else at(i % 40) for i in range(size)]
    result = repo.join(rows(keys, times, row=list(range(size))))
    assert result["row"].to_pylist() == list(range(size))
    assert result["key"].to_pylist() == keys


def test_duckdb_7272_fractions_of_a_second(repo: FeatureRepo) -> None:
    times = [at(0) + k * MICROSECOND for k in range(0, 2_000_000, 250_000)]
    repo.add_view(history([1] * 8, times, value=list(range(8))))
    asked = [time - MICROSECOND for time in times]
    assert repo.values(rows([1] * 8, asked)) == [None, *range(7)]


def test_polars_18014_sorted_flags_are_not_believed(repo: FeatureRepo) -> None:
    table = history([1] * 4, [at(h) for h in (3, 1, 2, 0)], value=[3, 1, 2, 0])
    sorting = [pq.SortingColumn(1)]
    repo.add_view(repo.write(table, "stats.parquet", sorting_columns=sorting))
    assert repo.values(rows([1] * 4, [at(h) for h in (2, 0, 3, 1)])) == [2, 0, 3, 1]


def test_polars_27526_joins_in_a_chain(repo: FeatureRepo) -> None:
    repo.add_view(history([1, 2], [at(0)] * 2, first=[10, 20]), name="a", features=["first"])
    ids = pa.table({"first": [20, 10], "ts": timestamps(at(0), at(0)), "second": [2, 1]})
    repo.add_view(ids, name="b", keys=["first"], features=["second"])
    chained = repo.join(rows([2, 1, 3], [at(1)] * 3), ["a:first"])
    assert repo.join(chained, ["b:second"])["second"].to_pylist() == [2, 1, None]


@pytest.mark.parametrize("age", [-1, 0, 1])
@pytest.mark.parametrize("ttl", [timedelta(microseconds=1), timedelta(hours=1), timedelta(days=99)])
def test_polars_10534_tolerance(repo: FeatureRepo, ttl: timedelta, age: int) -> None:
    repo.add_view(history([1], [at(0)], value=[1]), ttl=ttl)
    expected = None if age > 0 else 1
    assert repo.values(rows([1], [at(0) + ttl + age * MICROSECOND])) == [expected]


def test_polars_27165_nulls_infinities_and_empty_chunks(repo: FeatureRepo) -> None:
    keys = pa.array([None, float("inf"), float("-inf"), 1.0])
    repo.add_view(history(keys, [at(0)] * 4, value=[0, 1, 2, 3]))
    whole = rows(keys, [at(1), at(1), None, at(1)])
    asked = pa.concat_tables(
        [whole.slice(0, 0), whole.slice(0, 2), whole.slice(2, 0), whole.slice(2)]
    )
    assert repo.values(asked) == [None, 1, None, 3]


def test_daft_7177_match_lies_several_files_back(repo: FeatureRepo) -> None:
    table = history([1], [at(0)], value=[1])
    repo.write(table, "files/0.parquet")
    for file in range(1, 5):
        other = table.slice(1) if file % 2 else history([2], [at(file)], value=[2])
        repo.write(other, f"files/{file}.parquet")
    repo.add_view("files")
    assert repo.values(rows([1], [at(9)])) == [1]


@pytest.mark.parametrize("files", [1, 2, 5])
def test_daft_7281_ties_do_not_depend_on_the_files(repo: FeatureRepo, files: int) -> None:
    table = history([1] * 10, [at(0)] * 10, value=list(range(10)))
    step = 10 // files
    for file in range(files):
        repo.write(table.slice(file * step, step), f"files/{file}.parquet", row_group_size=1)
    repo.add_view("files")
    assert repo.values(rows([1], [at(1)])) == [9]


def test_clickhouse_115530_and_questdb_6183_long_tolerance(repo: FeatureRepo) -> None:
    """A tolerance was scaled twice or narrowed: here beyond 2**32 seconds and 2**63 ns."""
    years = 365 * 24
    unit = {"unit": "s", "zone": None}
    ts = timestamps(at(0), **unit)
    table = pa.table({"key": [1], "ts": ts, "value": [1]})
    repo.add_view(table, ttl=timedelta(hours=200 * years))
    repo.add_view(table, name="longer", ttl=timedelta(hours=1000 * years))
    asked = timestamps(at(199 * years), at(201 * years), at(1001 * years), **unit)
    result = repo.join(
        pa.table({"key": [1] * 3, "event_timestamp": asked}),
        ["stats:value", "longer:value"],
        full_feature_names=True,
    )
    assert result["stats__value"].to_pylist() == [1, None, None]
    assert result["longer__value"].to_pylist() == [1, 1, None]


def test_pandas_13709_ttl_below_the_first_nanosecond(repo: FeatureRepo) -> None:
    """The lower bound of a time near the start of its type wraps to the future."""
    low = -(2**63)
    ts = pa.array([low + 1], pa.timestamp("ns"))
    repo.add_view(pa.table({"key": [1], "ts": ts, "value": [1]}), ttl=timedelta(days=1))
    asked = pa.array([low, low + 1, low + 2], pa.timestamp("ns"))
    assert repo.values(pa.table({"key": [1] * 3, "event_timestamp": asked})) == [None, 1, 1]


@pytest.mark.parametrize("cutoff", [False, True])
def test_feast_6615_rows_created_later_leak(repo: FeatureRepo, cutoff: bool) -> None:
    created = timestamps(at(0), at(10), None)
    table = history([1] * 3, [at(0)] * 3, value=[0, 10, -1], created=created)
    repo.add_view(table, created_timestamp_column="created")
    asked = rows([1, 1], [at(5), at(10)])
    found = repo.values(asked, filter_by_created_timestamp=cutoff)
    assert found == ([0, 10] if cutoff else [10, 10])


def test_feast_6787_rows_of_one_key_and_time(repo: FeatureRepo) -> None:
    repo.add_view(history([1], [at(0)], value=[1]))
    assert repo.values(rows([1, 1, 1], [at(1)] * 3, label=["a", "a", "b"])) == [1, 1, 1]
