# SPDX-License-Identifier: Apache-2.0
"""Retrieval by start_date and end_date alone."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from feast import FeatureStore
from feature_repo import FeatureRepo, at, history, timestamps

KEYED = {"start_date": at(1), "end_date": at(3)}


@pytest.fixture
def two_keys(repo: FeatureRepo) -> FeatureRepo:
    keys, times = [1, 1, 2, 1, 2], [at(0), at(1), at(2), at(3), at(4)]
    repo.add_view(history(keys, times, value=[10, 11, 22, 13, 24]))
    return repo


def test_every_row_in_the_range_keeps_its_time(two_keys: FeatureRepo) -> None:
    result = two_keys.join(None, **KEYED)
    assert result.column_names == ["key", "event_timestamp", "value"]
    assert result.to_pydict() == {
        "key": [1, 2, 1],
        "event_timestamp": [at(1), at(2), at(3)],
        "value": [11, 22, 13],
    }


def test_naive_bounds_are_utc(two_keys: FeatureRepo) -> None:
    result = two_keys.values(
        None, start_date=datetime(2024, 1, 1, 2), end_date=datetime(2024, 1, 1, 3)
    )
    assert result == [22, 13]


def test_rows_of_one_key_and_time_are_one(repo: FeatureRepo) -> None:
    created = timestamps(at(5), at(6), at(5))
    table = history([1, 1, 1], [at(1), at(1), at(2)], value=[1, 2, 3], created=created)
    repo.add_view(table, created_timestamp_column="created")
    assert repo.values(None, **KEYED) == [2, 3]


def test_rows_without_key_or_time_are_left_out(repo: FeatureRepo) -> None:
    keys = pa.array([None, 1, 1], pa.int64())
    repo.add_view(history(keys, [at(1), None, at(2)], value=[1, 2, 3]))
    assert repo.values(None, **KEYED) == [3]


def test_nothing_in_the_range(two_keys: FeatureRepo) -> None:
    result = two_keys.join(None, start_date=at(50), end_date=at(60))
    assert result.num_rows == 0
    assert result.schema.field("value").type == pa.int64()


def test_views_with_the_same_key_share_rows(two_keys: FeatureRepo) -> None:
    two_keys.add_view(
        history([1, 3], [at(1), at(2)], other=[5, 6]), name="more", features=["other"]
    )
    result = two_keys.join(None, ["stats:value", "more:other"], **KEYED)
    assert result.to_pydict() == {
        "key": [1, 2, 3, 1],
        "event_timestamp": [at(1), at(2), at(2), at(3)],
        "value": [11, 22, None, 13],
        "other": [5, None, 6, 5],
    }


def test_views_with_other_keys_have_nulls_in_them(two_keys: FeatureRepo) -> None:
    table = pa.table({"shop": ["a"], "ts": timestamps(at(2)), "size": [7]})
    two_keys.add_view(table, name="shops", keys=["shop"], features=["size"])
    result = two_keys.join(None, ["stats:value", "shops:size"], **KEYED)
    assert result.select(["key", "shop", "value", "size"]).to_pylist() == [
        {"key": 1, "shop": None, "value": 11, "size": None},
        {"key": 2, "shop": None, "value": 22, "size": None},
        {"key": None, "shop": "a", "value": None, "size": 7},
        {"key": 1, "shop": None, "value": 13, "size": None},
    ]


def test_view_without_entities(repo: FeatureRepo) -> None:
    table = pa.table({"ts": timestamps(at(0), at(1), at(2)), "value": [1, 2, 3]})
    repo.add_view(table, keys=[])
    result = repo.join(None, **KEYED)
    assert result.to_pydict() == {"event_timestamp": [at(1), at(2)], "value": [2, 3]}


def test_field_mapping_and_types_of_time(repo: FeatureRepo) -> None:
    table = pa.table({"id": [1, 2], "day": ["2024-01-01T01:30:00", "2024-01-03"], "v": [1, 2]})
    repo.write(table, "stats.parquet")
    mapping = {"id": "key", "day": "ts", "v": "value"}
    repo.add_view("stats.parquet", field_mapping=mapping)
    table = history([1], [at(2)], other=[3]).set_column(
        1, "ts", timestamps(at(2), unit="ns", zone=None)
    )
    repo.add_view(table, name="more", features=["other"])
    result = repo.join(None, ["stats:value", "more:other"], **KEYED)
    assert result["event_timestamp"].to_pylist() == [at(1.5), at(2)]
    assert result["value"].to_pylist() == [1, 1]
    assert result["other"].to_pylist() == [None, 3]


def test_dictionary_keys(repo: FeatureRepo) -> None:
    keys = pa.array(["b", "a"]).dictionary_encode()
    repo.add_view(history(keys, [at(1), at(1)], value=[1, 2]))
    assert repo.join(None, **KEYED)["key"].to_pylist() == ["a", "b"]


class TestSnapshot:
    @pytest.fixture
    def snapshot(self, make_repo: Callable[..., FeatureRepo]) -> FeatureRepo:
        return make_repo(entityless_mode="snapshot")

    def test_each_key_once_at_the_end(self, snapshot: FeatureRepo) -> None:
        keys, times = [1, 1, 2, 3, 2], [at(1), at(2), at(2), at(0), at(4)]
        snapshot.add_view(history(keys, times, value=[11, 12, 22, 30, 24]))
        result = snapshot.join(None, **KEYED)
        assert result.to_pydict() == {
            "key": [1, 2],
            "event_timestamp": [at(3)] * 2,
            "value": [12, 22],
        }

    def test_ttl_counts_from_the_end(self, snapshot: FeatureRepo) -> None:
        table = history([1, 2], [at(1), at(2)], value=[1, 2])
        snapshot.add_view(table, ttl=timedelta(hours=1))
        assert snapshot.values(None, **KEYED) == [None, 2]


def test_metadata_is_the_range(two_keys: FeatureRepo) -> None:
    store: FeatureStore = two_keys.store
    (two_keys.path / "stats.parquet").rename(two_keys.path / "elsewhere.parquet")
    metadata = store.get_historical_features(None, ["stats:value"], **KEYED).metadata
    assert metadata is not None
    assert metadata.keys == ["key"]
    assert (metadata.min_event_timestamp, metadata.max_event_timestamp) == (at(1), at(3))
