# SPDX-License-Identifier: Apache-2.0
"""Features of every type that Parquet can hold come back as they were written."""

import math
from datetime import date, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from feature_repo import FeatureRepo, at, history, rows

BIG = 2**60 + 1
POINT = pa.struct([("x", pa.float32()), ("tags", pa.list_(pa.string()))])
# Each with two values; the third row of the history is null.
FEATURES = [
    pa.array([-128, 127], pa.int8()),
    pa.array([0, 2**16 - 1], pa.uint16()),
    pa.array([BIG, -BIG], pa.int64()),
    pa.array([2**64 - 1, 0], pa.uint64()),
    pa.array([1.5, float("inf")], pa.float16()),
    pa.array([1.1, -1e-40], pa.float32()),
    pa.array([1.1, -0.0], pa.float64()),
    pa.array([True, False]),
    pa.array(["", "Ω" * 100]),
    pa.array(["x", "y"], pa.large_string()),
    pa.array([b"", b"\x00\xff"]),
    pa.array([b"abc", b"xyz"], pa.binary(3)),
    pa.array([date(1960, 1, 1), date(2024, 2, 29)]),
    pa.array([time(1, 2, 3), time(23, 59)], pa.time64("us")),
    pa.array([at(0), at(1)], pa.timestamp("ns", "UTC")),
    pa.array([at(0), at(1)], pa.timestamp("ms")),
    pa.array([timedelta(days=1), timedelta(0)], pa.duration("us")),
    pa.array([Decimal("1.25"), Decimal("-99.99")], pa.decimal128(10, 2)),
    pa.array([Decimal(10**40), Decimal(-1)], pa.decimal256(50, 0)),
    pa.array([[1, None], []], pa.list_(pa.int64())),
    pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float32(), 2)),
    pa.array([["a"], [None, "b"]], pa.large_list(pa.string())),
    pa.array([[[1], []], [None]], pa.list_(pa.list_(pa.int32()))),
    pa.array([{"x": 1.0, "tags": ["a"]}, {"x": None, "tags": None}], POINT),
    pa.array([[{"x": 1.0, "tags": []}], []], pa.list_(POINT)),
    pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
    pa.array(["red", "blue"]).dictionary_encode(),
    pa.nulls(2),
]


@pytest.mark.parametrize("feature", FEATURES, ids=lambda array: str(array.type))
def test_round_trip(repo: FeatureRepo, feature: pa.Array) -> None:
    column = pa.chunked_array([feature, pa.nulls(1, feature.type)])
    table = history([1, 2, 3], [at(0)] * 3, value=column)
    repo.add_view(repo.write(table, "stats.parquet", row_group_size=2))
    found = repo.join(rows([3, 2, 9, 1, 2], [at(1)] * 5))["value"].combine_chunks()
    found.validate(full=True)
    expected = column.take(pa.array([2, 1, None, 0, 1])).combine_chunks()
    assert found.equals(expected)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda array: str(array.type))
def test_no_match_gives_typed_nulls(repo: FeatureRepo, feature: pa.Array) -> None:
    repo.add_view(history([1, 2], [at(0)] * 2, value=feature))
    found = repo.join(rows([8, 9], [at(1)] * 2))["value"]
    assert found.type == feature.type
    assert found.null_count == 2


def test_nan_is_a_value_and_no_null(repo: FeatureRepo) -> None:
    repo.add_view(history([1], [at(0)], value=pa.array([float("nan")])))
    found = repo.join(rows([1, 2], [at(1)] * 2))["value"]
    assert found.is_valid().to_pylist() == [True, False]
    assert math.isnan(found[0].as_py())


def test_many_string_dictionaries(repo: FeatureRepo) -> None:
    kinds = [pa.array(["a", "b"]), pa.array(["b", "c"]), pa.array(["c", None])]
    for day, kind in enumerate(kinds):
        table = history([1, 2], [at(day)] * 2, value=kind.dictionary_encode())
        repo.write(table, f"days/{day}.parquet")
    repo.add_view("days")
    result = repo.join(rows([1, 2] * 3, [at(0), at(0), at(1), at(1), at(2), at(2)]))
    assert result["value"].to_pylist() == ["a", "b", "b", "c", "c", None]


def test_a_column_is_join_key_and_feature(repo: FeatureRepo) -> None:
    mapping = {"key": "copy"}
    table = history([1, 2], [at(0)] * 2).append_column("id", pa.array([1, 2]))
    repo.add_view(table, keys=["id"], features=["copy", "ts"], field_mapping=mapping)
    result = repo.join(
        pa.table({"id": [2], "event_timestamp": [at(1)]}), ["stats:copy", "stats:ts"]
    )
    assert result.select(["copy", "ts"]).to_pylist() == [{"copy": 2, "ts": at(0)}]


class TestDataFrame:
    def test_integers_without_nulls_are_plain(self, repo: FeatureRepo) -> None:
        repo.add_view(history([1], [at(0)], value=[BIG]))
        job = repo.store.get_historical_features(rows([1], [at(1)]), ["stats:value"])
        frame = job.to_df()
        assert str(frame["value"].dtype) == "int64"
        assert frame["value"].tolist() == [BIG]

    @pytest.mark.parametrize("width", [pa.int32(), pa.int64(), pa.uint64()], ids=str)
    def test_integers_with_nulls_are_exact(self, repo: FeatureRepo, width: pa.DataType) -> None:
        large = 2 ** (width.bit_width - 1) - 1
        repo.add_view(history([1], [at(0)], value=pa.array([large], width)))
        job = repo.store.get_historical_features(rows([1, 2], [at(1)] * 2), ["stats:value"])
        frame = job.to_df()
        assert str(frame["value"].dtype).lower() == str(width)
        assert frame["value"][0] == large
        assert frame["value"].isna().tolist() == [False, True]
        assert list(frame.columns) == ["key", "event_timestamp", "value"]

    def test_integers_in_lists_are_exact(self, repo: FeatureRepo) -> None:
        repo.add_view(history([1], [at(0)], value=pa.array([[BIG, None]])))
        job = repo.store.get_historical_features(rows([1], [at(1)]), ["stats:value"])
        assert list(job.to_df()["value"][0]) == [BIG, None]

    def test_floats_and_strings_with_nulls(self, repo: FeatureRepo) -> None:
        table = history([1], [at(0)], value=[1.5], text=["x"])
        repo.add_view(table, features=["value", "text"])
        features = ["stats:value", "stats:text"]
        frame = repo.store.get_historical_features(rows([1, 2], [at(1)] * 2), features).to_df()
        assert str(frame["value"].dtype) == "float64"
        assert frame["text"].tolist() == ["x", None]
