# SPDX-License-Identifier: Apache-2.0
"""From the offline store through Feast's materialization to the online store."""

from collections.abc import Callable
from datetime import timedelta

import pyarrow as pa
import pytest
from feast.types import Float64, String
from feature_repo import FeatureRepo, at, history, timestamps

NEVER = at(-(10**5))


@pytest.fixture(params=[False, True], ids=["pull_all", "pull_latest"])
def repo(make_repo: Callable[..., FeatureRepo], request: pytest.FixtureRequest) -> FeatureRepo:
    """A repository that materializes by either of the two pulls."""
    repo = make_repo()
    repo.store.config.materialization_config.pull_latest_features = request.param
    return repo


def online(repo: FeatureRepo, keys: list[object], feature: str = "stats:value") -> list[object]:
    entity_rows = [{"key": key} for key in keys]
    found = repo.store.get_online_features([feature], entity_rows).to_dict()
    return list(found[feature.split(":")[1]])


def test_newest_rows_reach_the_online_store(repo: FeatureRepo) -> None:
    repo.add_view(history([1, 2, 1], [at(1), at(1), at(2)], value=[1, 2, 3]))
    repo.store.materialize(at(0), at(3))
    assert online(repo, [1, 2, 9]) == [3, 2, None]


def test_rows_of_many_files_and_row_groups(repo: FeatureRepo) -> None:
    for day in range(4):
        keys = list(range(100 * day, 100 * day + 100))
        table = history(keys, [at(day)] * 100, value=keys)
        repo.write(table, f"days/{day}.parquet", row_group_size=7)
    repo.add_view("days")
    repo.store.materialize(NEVER, at(5))
    assert online(repo, list(range(400))) == list(range(400))


def test_range_is_honoured(repo: FeatureRepo) -> None:
    repo.add_view(history([1] * 3, [at(1), at(2), at(3)], value=[1, 2, 3]))
    repo.store.materialize(at(1), at(2))
    assert online(repo, [1]) == [2]
    repo.store.materialize_incremental(at(9))
    assert online(repo, [1]) == [3]


def test_created_breaks_ties_as_in_retrieval(repo: FeatureRepo) -> None:
    created = timestamps(at(7), at(9), None)
    table = history([1] * 3, [at(1)] * 3, value=[7, 9, 1], created=created)
    repo.add_view(table, created_timestamp_column="created")
    repo.store.materialize(NEVER, at(2))
    assert online(repo, [1]) == [9]


def test_field_mapping(repo: FeatureRepo) -> None:
    table = history([1], [at(1)], value=[5]).rename_columns(["raw_key", "raw_ts", "raw_value"])
    mapping = {"raw_key": "key", "raw_ts": "ts", "raw_value": "value"}
    repo.add_view(table, field_mapping=mapping)
    repo.store.materialize(NEVER, at(2))
    assert online(repo, [1]) == [5]


def test_view_without_entities(repo: FeatureRepo) -> None:
    table = pa.table({"ts": timestamps(at(1), at(2)), "value": [1, 2]})
    repo.add_view(table, keys=[])
    repo.store.materialize(NEVER, at(3))
    assert online(repo, [1]) == [2]


TIME_TYPES = [pa.timestamp("ns"), pa.timestamp("s", "Asia/Tokyo")]


@pytest.mark.parametrize("time_type", TIME_TYPES, ids=str)
def test_times_of_other_types(repo: FeatureRepo, time_type: pa.DataType) -> None:
    ts = timestamps(at(2), at(1), unit=time_type.unit, zone=time_type.tz)
    repo.add_view(pa.table({"key": [1, 1], "ts": ts, "value": [2, 1]}))
    repo.store.materialize(at(0), at(3))
    assert online(repo, [1]) == [2]


def test_times_as_strings(repo: FeatureRepo) -> None:
    # Ordered as text the first would win.
    texts = ["2024-01-01T05:00:00+04:00", "2024-01-01T02:00:00+00:00"]
    repo.add_view(pa.table({"key": [1, 1], "ts": texts, "value": [1, 2]}))
    repo.store.materialize(at(0), at(3))
    assert online(repo, [1]) == [2]


def test_nulls_and_strings(repo: FeatureRepo) -> None:
    table = history(["a", "b"], [at(1)] * 2, value=["x", None], score=[None, 0.5])
    types = {"key": String, "value": String, "score": Float64}
    repo.add_view(table, features=["value", "score"], types=types)
    repo.store.materialize(NEVER, at(2))
    assert online(repo, ["a", "b"]) == ["x", None]
    assert online(repo, ["a", "b"], "stats:score") == [None, 0.5]


def test_large_integers(repo: FeatureRepo) -> None:
    large = 2**60 + 1
    repo.add_view(history([1, large], [at(1)] * 2, value=[large, 2]))
    repo.store.materialize(NEVER, at(2))
    assert online(repo, [1, large]) == [large, 2]


def test_nothing_in_range(repo: FeatureRepo) -> None:
    repo.add_view(history([1], [at(1)], value=[1]))
    repo.store.materialize(at(5), at(6))
    assert online(repo, [1]) == [None]


def test_online_and_offline_agree(repo: FeatureRepo) -> None:
    size = 400
    keys = [(i * 7) % 40 for i in range(size)]
    times = [at((i * 13) % 101, seconds=i) for i in range(size)]
    repo.add_view(history(keys, times, value=list(range(size))), ttl=timedelta(days=999))
    repo.store.materialize(NEVER, at(60))
    entity_rows = pa.table({"key": list(range(45)), "event_timestamp": timestamps(*[at(60)] * 45)})
    assert online(repo, list(range(45))) == repo.values(entity_rows)
