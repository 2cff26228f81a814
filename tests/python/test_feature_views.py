# SPDX-License-Identifier: Apache-2.0
"""Views, references, aliases, field mappings and on-demand views in one request."""

from datetime import timedelta

import pandas as pd
import pyarrow as pa
import pytest
from feast import BigQuerySource, Entity, FeatureService, FeatureView, Field, FileSource
from feast.data_format import DeltaFormat
from feast.data_source import PushSource, RequestSource
from feast.errors import FeastEntityDFMissingColumnsError, RequestDataNotFoundInEntityDfException
from feast.on_demand_feature_view import OnDemandFeatureView, on_demand_feature_view
from feast.types import Int64
from feature_repo import FeatureRepo, at, history, rows, timestamps


def test_several_views_with_their_own_ttl_and_keys(repo: FeatureRepo) -> None:
    repo.add_view(
        history([1], [at(0)], a=[1]), name="short", features=["a"], ttl=timedelta(hours=1)
    )
    repo.add_view(history([1], [at(0)], b=[2]), name="long", features=["b"], ttl=timedelta(hours=3))
    trips = history([1, 1], [at(0)] * 2, c=[3, 4], city=["x", "y"])
    repo.add_view(trips, name="trips", keys=["key", "city"], features=["c"])
    entity_rows = rows([1, 1], [at(1), at(2)], city=["y", "x"])
    result = repo.join(entity_rows, ["trips:c", "short:a", "long:b"])
    assert result.column_names == ["key", "event_timestamp", "city", "c", "a", "b"]
    assert result.select(["a", "b", "c"]).to_pylist() == [
        {"a": 1, "b": 2, "c": 4},
        {"a": None, "b": 2, "c": 3},
    ]


def test_features_come_in_the_order_of_their_references(repo: FeatureRepo) -> None:
    repo.add_view(history([1], [at(0)], a=[1], b=[2], c=[3]), features=["a", "b", "c"])
    result = repo.join(rows([1], [at(0)]), ["stats:c", "stats:a"])
    assert result.column_names[2:] == ["c", "a"]


def test_fifty_views_at_once(repo: FeatureRepo) -> None:
    features = []
    for i in range(50):
        repo.add_view(history([1], [at(i)], **{f"f{i}": [i]}), name=f"v{i}", features=[f"f{i}"])
        features.append(f"v{i}:f{i}")
    result = repo.join(rows([1], [at(24)]), features)
    assert [result[f"f{i}"][0].as_py() for i in range(50)] == [*range(25), *[None] * 25]


@pytest.mark.parametrize(
    "name",
    ["it's", 'a "b"', "x;--", "../..", "%2e", "שלום", "a b", "日本", "x" * 4096, "a.b", "*", "\\n"],
)
def test_column_names_are_data(repo: FeatureRepo, name: str) -> None:
    key, value, ts = f"{name}1", f"{name}2", f"{name}3"
    table = pa.table({key: ["a", "b"], value: [1, 2], ts: timestamps(at(0), at(0))})
    repo.add_view(table, keys=[key], features=[value], timestamp_field=ts)
    asked = pa.table({key: ["b", "a"], "event_timestamp": [at(1)] * 2})
    assert repo.join(asked, [f"stats:{value}"])[value].to_pylist() == [2, 1]


def test_full_feature_names(repo: FeatureRepo) -> None:
    repo.add_view(history([1], [at(0)], value=[1]), name="one")
    repo.add_view(history([1], [at(0)], value=[2]), name="two")
    features = ["one:value", "two:value"]
    result = repo.join(rows([1], [at(0)]), features, full_feature_names=True)
    assert result.column_names[2:] == ["one__value", "two__value"]
    assert result.select([2, 3]).to_pylist() == [{"one__value": 1, "two__value": 2}]


def test_field_mapping_of_key_feature_and_times(repo: FeatureRepo) -> None:
    table = pa.table(
        {
            "raw_key": [1, 1],
            "raw_ts": timestamps(at(0), at(0)),
            "raw_value": [1, 2],
            "raw_created": timestamps(at(3), at(2)),
        }
    )
    mapping = {f"raw_{name}": name for name in ("key", "ts", "value", "created")}
    repo.add_view(table, field_mapping=mapping, created_timestamp_column="created")
    assert repo.values(rows([1], [at(1)])) == [1]
    asked = rows([1], [at(5)])
    assert repo.join(asked, full_feature_names=True)["stats__value"].to_pylist() == [1]


def test_whole_join_key_map(repo: FeatureRepo) -> None:
    view = repo.add_view(history([1, 2], [at(0)] * 2, value=[1, 2]))
    service = FeatureService(
        name="trips",
        features=[
            view.with_name("origin").with_join_key_map({"key": "from"}),
            view.with_name("destination").with_join_key_map({"key": "to"}),
        ],
    )
    repo.store.apply([service])
    entity_rows = pa.table({"from": [1, 2], "to": [2, 3], "event_timestamp": [at(1)] * 2})
    job = repo.store.get_historical_features(entity_rows, service, full_feature_names=True)
    assert job.to_arrow().select(["origin__value", "destination__value"]).to_pylist() == [
        {"origin__value": 1, "destination__value": 2},
        {"origin__value": 2, "destination__value": None},
    ]


def test_partial_join_key_map(repo: FeatureRepo) -> None:
    table = history([1, 1], [at(0)] * 2, value=[5, 6], city=["x", "y"])
    view = repo.add_view(table, keys=["key", "city"])
    renamed = view.with_name("renamed").with_join_key_map({"key": "driver"})
    service = FeatureService(name="one", features=[renamed])
    repo.store.apply([service])
    entity_rows = pa.table(
        {"driver": [1, 1, 2], "city": ["y", "x", "x"], "event_timestamp": [at(1)] * 3}
    )
    job = repo.store.get_historical_features(entity_rows, service)
    assert job.to_arrow()["value"].to_pylist() == [6, 5, None]
    with pytest.raises(FeastEntityDFMissingColumnsError, match="driver"):
        repo.store.get_historical_features(entity_rows.drop_columns("driver"), service)


def test_view_without_entities(repo: FeatureRepo) -> None:
    table = pa.table({"ts": timestamps(at(0), at(2)), "value": [0, 2]})
    repo.add_view(table, keys=[], ttl=timedelta(hours=5))
    times = [at(-1), at(1), at(2), at(8)]
    result = repo.join(pa.table({"event_timestamp": times, "row": [0, 1, 2, 3]}))
    assert result.column_names == ["event_timestamp", "row", "value"]
    assert result["value"].to_pylist() == [None, 0, 2, None]


def test_versioned_reference(repo: FeatureRepo) -> None:
    repo.add_view(history([1], [at(0)], value=[1]))
    for ref in ("stats@latest:value", "stats@v0:value"):
        assert repo.values(rows([1], [at(0)]), ref) == [1]
    result = repo.join(rows([1], [at(0)]), ["stats@v0:value"], full_feature_names=True)
    assert result.column_names[-1] == "stats__value"


def test_versions_of_a_view_are_told_apart(repo: FeatureRepo) -> None:
    repo.add_view(history([1], [at(0)], value=[1]))
    newer = repo.write(history([1], [at(0)], value=[1], more=[2]), "newer.parquet")
    repo.add_view(newer, features=["value", "more"])
    result = repo.join(rows([1], [at(0)]), ["stats@v0:value", "stats@v1:more"])
    assert result.select(["value", "more"]).to_pylist() == [{"value": 1, "more": 2}]
    with pytest.raises(ValueError, match=r"stats__value.*stats@v0.*stats@v1"):
        repo.join(rows([1], [at(0)]), ["stats@v0:value", "stats@v1:value"], full_feature_names=True)


def test_push_source_reads_its_batch_source(repo: FeatureRepo) -> None:
    path = repo.write(history([1], [at(0)], value=[1]), "pushed.parquet")
    batch = FileSource(name="batch", path=path, timestamp_field="ts")
    entity = Entity(name="key", value_type=Int64.to_value_type())
    view = FeatureView(
        name="stats",
        source=PushSource(name="pushed", batch_source=batch),
        entities=[entity],
        schema=[Field(name="key", dtype=Int64), Field(name="value", dtype=Int64)],
    )
    repo.store.apply([entity, view])
    assert repo.values(rows([1], [at(0)])) == [1]


def _sum_view(repo: FeatureRepo) -> None:
    stats = repo.add_view(history([1], [at(0)], b=[1], a=[2], c=[9]), features=["b", "a", "c"])
    request = RequestSource(name="asked", schema=[Field(name="plus", dtype=Int64)])

    def add_up(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"sum": frame["a"] + frame["b"] + frame["plus"]})

    view = on_demand_feature_view(
        name="add_up",
        sources=[stats[["b", "a"]], request],
        schema=[Field(name="sum", dtype=Int64)],
    )(add_up)
    assert isinstance(view, OnDemandFeatureView)
    repo.store.apply([view])


def test_on_demand_view_gets_its_inputs_untouched(repo: FeatureRepo) -> None:
    _sum_view(repo)
    result = repo.join(rows([1], [at(1)], plus=[10]), ["stats:c", "add_up:sum"])
    assert result.column_names == ["key", "event_timestamp", "plus", "c", "a", "b", "sum"]
    assert result["sum"].to_pylist() == [13]
    full = repo.join(rows([1], [at(1)], plus=[10]), ["add_up:sum"], full_feature_names=True)
    assert full.column_names[3:] == ["stats__a", "stats__b", "add_up__sum"]
    assert full["add_up__sum"].to_pylist() == [13]


def test_missing_request_data_is_named(repo: FeatureRepo) -> None:
    _sum_view(repo)
    with pytest.raises(RequestDataNotFoundInEntityDfException, match="plus"):
        repo.join(rows([1], [at(1)]), ["add_up:sum"])


UNREADABLE = [
    (BigQuerySource(name="q", table="t"), "BigQuerySource.*FileSource"),
    (FileSource(name="d", path="d", file_format=DeltaFormat()), "file_format=DeltaFormat"),
    (FileSource(name="s", path="s3://bucket/x.parquet"), "path 's3://"),
]


@pytest.mark.parametrize(("source", "words"), UNREADABLE)
def test_sources_that_larder_cannot_read(
    repo: FeatureRepo, source: FileSource | BigQuerySource, words: str
) -> None:
    source.timestamp_field = "ts"
    entity = Entity(name="key", value_type=Int64.to_value_type())
    fields = [Field(name="key", dtype=Int64), Field(name="value", dtype=Int64)]
    view = FeatureView(name="stats", source=source, entities=[entity], schema=fields)
    repo.store.apply([entity, view])
    with pytest.raises(ValueError, match=words):
        repo.join(rows([1], [at(0)]))
    with pytest.raises(ValueError, match=words):
        repo.store._get_provider().validate_data_source(repo.store.config, source)
