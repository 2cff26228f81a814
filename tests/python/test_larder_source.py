# SPDX-License-Identifier: Apache-2.0
"""LarderSource: several paths, globs, hive partitions and queries; its place in the registry."""

import copy
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feast import Entity, FeatureView, PushSource
from feast.data_source import DataSource
from feast.errors import FeastJoinKeysDuringMaterialization
from feast.protos.feast.core.DataSource_pb2 import DataSource as DataSourceProto
from feast.types import Float64, Int64, String
from feature_repo import FeatureRepo, at, history, rows, timestamps

from feast_larder import LarderOfflineStore, LarderSource

SQL = "SELECT key, ts, value FROM read_parquet('raw/*.parquet') WHERE value <> 3"


@pytest.fixture
def raw(repo: FeatureRepo) -> FeatureRepo:
    for day in range(4):
        hours = [24 * day, 24 * day + 6]
        table = history([1, 2], [at(h) for h in hours], value=[day, 10 + day], spare=["x", "y"])
        repo.write(table, f"raw/day-{day}.parquet")
    return repo


def source(**options: Any) -> LarderSource:  # noqa: ANN401
    return LarderSource(**{"name": "s", "timestamp_field": "ts", **options})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("raw", [0, 1, 2, 3]),
        ("raw/day-1.parquet", [None, 1, 1, 1]),
        (["raw/day-0.parquet", "raw/day-2.parquet"], [0, 0, 2, 2]),
        (["raw/day-[01].parquet"], [0, 1, 1, 1]),
        (["raw/day-3.parquet", "raw/day-[01].parquet"], [0, 1, 1, 3]),
    ],
)
def test_paths(raw: FeatureRepo, path: str | list[str], expected: list[int | None]) -> None:
    raw.add_view(source(path=path))
    assert raw.values(rows([1] * 4, [at(24 * day) for day in range(4)])) == expected


def test_hive_partitions_on_and_off(repo: FeatureRepo) -> None:
    for shop in ("a", "b"):
        repo.write(history([1], [at(0)], value=[ord(shop)]), f"shops/shop={shop}/x.parquet")
    repo.add_view(source(path="shops"), keys=["key", "shop"], types={"shop": String})
    found = repo.values(rows([1, 1], [at(1)] * 2, shop=["b", "a"]))
    assert found == [98, 97]
    plain = source(path="shops", hive_partitioning=False)
    assert [name for name, _ in plain.get_table_column_names_and_types(repo.store.config)] == [
        "key",
        "ts",
        "value",
    ]


class TestQuery:
    def test_features(self, raw: FeatureRepo) -> None:
        raw.add_view(source(query=SQL), ttl=timedelta(days=2))
        found = raw.values(rows([1, 1, 1, 2], [at(24), at(80), at(140), None]))
        assert found == [1, 2, None, None]

    def test_equal_to_the_files(self, raw: FeatureRepo) -> None:
        raw.add_view(source(path="raw"))
        raw.add_view(source(name="q", query="FROM read_parquet('raw/*')"), name="queried")
        keys = [1, 2, 1, 2, 3]
        entity_rows = rows(keys, [at(h) for h in (0, 5, 47, 200, 3)])
        refs = ["stats:value", "queried:value"]
        result = raw.join(entity_rows, refs, full_feature_names=True)
        assert result["queried__value"].equals(result["stats__value"])

    def test_pulls(self, raw: FeatureRepo) -> None:
        arguments: dict[str, Any] = {
            "config": raw.store.config,
            "data_source": source(query=SQL),
            "join_key_columns": ["key"],
            "feature_name_columns": ["value"],
            "timestamp_field": "ts",
            "created_timestamp_column": None,
            "start_date": at(6),
            "end_date": at(72),
        }
        latest = LarderOfflineStore.pull_latest_from_table_or_query(**arguments)
        assert latest.to_arrow().to_pydict()["value"] == [2, 12]
        assert latest.to_sql() == SQL
        everything = LarderOfflineStore.pull_all_from_table_or_query(**arguments)
        assert sorted(everything.to_arrow()["value"].to_pylist()) == [1, 2, 10, 11, 12]
        arguments["feature_name_columns"] = []
        everything = LarderOfflineStore.pull_all_from_table_or_query(**arguments)
        assert everything.to_arrow().column_names == ["key", "ts", "value"]
        arguments["join_key_columns"] = ["gone"]
        job = LarderOfflineStore.pull_latest_from_table_or_query(**arguments)
        with pytest.raises(FeastJoinKeysDuringMaterialization, match="gone"):
            job.to_arrow()

    def test_runs_once_for_several_views(self, raw: FeatureRepo) -> None:
        query = "SELECT *, random() AS luck FROM read_parquet('raw/*.parquet')"
        for name in ("one", "two"):
            raw.add_view(source(name=name, query=query), name=name, features=["luck"])
        refs = ["one:luck", "two:luck"]
        result = raw.join(rows([1, 2], [at(90)] * 2), refs, full_feature_names=True)
        assert result["one__luck"].null_count == 0
        assert result["one__luck"].equals(result["two__luck"])

    def test_reads_only_what_is_needed(
        self, raw: FeatureRepo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        spooled: list[tuple[list[str], int]] = []
        write = pq.ParquetFile  # Any file that the engine is given, as it is found there.
        from feast_larder import spool

        original = spool._engine.write_directory

        def record(directory: str, rows: Any, **options: Any) -> dict[str, Any]:  # noqa: ANN401
            written = original(directory, rows, **options)
            with write(written["paths"][0]) as file:
                spooled.append((file.schema_arrow.names, written["rows"]))
            return written

        monkeypatch.setattr(spool._engine, "write_directory", record)
        query = "SELECT * FROM read_parquet('raw/*.parquet')"
        raw.add_view(source(query=query), ttl=timedelta(hours=24))
        assert raw.values(rows([1, 2], [at(24), at(31)])) == [1, 11]
        assert spooled == [(["key", "ts", "value"], 4)]

    def test_leaves_nothing_behind(self, raw: FeatureRepo, monkeypatch: pytest.MonkeyPatch) -> None:
        temporary = raw.path / "temporary"
        temporary.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(temporary))
        raw.add_view(source(query=SQL))
        job = raw.store.get_historical_features(rows([1], [at(24)]), ["stats:value"])
        job.to_arrow()
        assert job.to_arrow_batches().read_all()["value"].to_pylist() == [1]
        assert list(temporary.iterdir()) == []

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("SELECT 1 AS key", "no column 'ts'"),
            ("SELECT * FROM nowhere", "nowhere"),
            ("SELECT 1; SELECT 2", "one SELECT"),
            ("DROP TABLE x", "one SELECT"),
        ],
    )
    def test_mistakes(self, raw: FeatureRepo, query: str, words: str) -> None:
        data = source(query=query)
        with pytest.raises(ValueError, match=words):
            data.validate(raw.store.config)

    def test_timeout(self, raw: FeatureRepo) -> None:
        query = """SELECT count(*) AS key, TIMESTAMP '2024-01-01' AS ts, 1 AS value
                   FROM range(300000000000) AS r(i) WHERE random() < 0.5"""
        raw.add_view(source(query=query))
        job = raw.store.get_historical_features(rows([1], [at(24)]), ["stats:value"])
        with pytest.raises(TimeoutError):
            job.to_arrow(timeout=1)

    @pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
    @pytest.mark.parametrize("zone", [None, "UTC"])
    def test_bounds_of_every_unit_are_inclusive(
        self, repo: FeatureRepo, unit: str, zone: str | None
    ) -> None:
        times = timestamps(at(1), at(2), at(3), unit=unit, zone=zone)
        repo.write(pa.table({"key": [1, 2, 3], "ts": times, "value": [1, 2, 3]}), "a.parquet")
        repo.add_view(source(query="FROM read_parquet('a.parquet')"), ttl=timedelta(hours=1))
        assert repo.values(rows([1, 2, 3], [at(2), at(2), at(2)])) == [1, 2, None]
        assert repo.values(None, start_date=at(1), end_date=at(2)) == [1, 2]


def test_registry_gives_back_the_same_source(raw: FeatureRepo) -> None:
    sources = [
        source(name="a", path="raw", description="d", tags={"k": "v"}, owner="o"),
        source(name="b", path=["raw/*", "more"], created_timestamp_column="created"),
        source(name="c", query=SQL, field_mapping={"value": "v"}, hive_partitioning=False),
    ]
    for data in sources:
        proto = data.to_proto()
        assert proto.type == DataSourceProto.CUSTOM_SOURCE
        assert DataSource.from_proto(proto) == data
        assert copy.deepcopy(data) == data
        assert hash(copy.deepcopy(data)) == hash(data)
    raw.store.apply(sources)
    assert {data.name: data for data in raw.store.list_data_sources()} == {
        data.name: data for data in sources
    }


@pytest.mark.parametrize(
    "change",
    [{"path": "other"}, {"hive_partitioning": False}, {"owner": "o"}, {"timestamp_field": "x"}],
)
def test_other_sources_are_not_equal(change: dict[str, Any]) -> None:
    assert source(path="raw") != source(**{"path": "raw", **change})
    assert source(path="raw") != source(query=SQL)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"path": "a", "query": SQL},
        {"path": []},
        {"path": ["a", ""]},
        {"name": "", "query": SQL},
    ],
)
def test_either_path_or_query(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="LarderSource"):
        source(**options)


def test_name_defaults_to_the_path() -> None:
    assert LarderSource(path="raw", timestamp_field="ts").name == "raw"
    assert LarderSource(path=["a", "b"], timestamp_field="ts").name == "a, b"


def test_apply_infers_schema_and_times(raw: FeatureRepo) -> None:
    data = LarderSource(name="raw", path="raw", timestamp_field="ts")
    entity = Entity(name="key")
    view = FeatureView(name="inferred", entities=[entity], source=data)
    raw.store.apply([data, entity, view])
    inferred = raw.store.get_feature_view("inferred")
    assert {field.name: field.dtype for field in inferred.schema} == {
        "key": Int64,
        "value": Int64,
        "spare": String,
    }
    assert raw.values(rows([1], [at(24)]), "inferred:value") == [1]


def test_infers_types_that_other_sources_refuse(repo: FeatureRepo) -> None:
    days = pa.array([19723], pa.int32()).cast(pa.date32())
    price = pa.array([1], pa.decimal128(9, 2))
    half = pa.array([1.5], pa.float32()).cast(pa.float16())
    table = history([1], [at(0)], day=days, price=price, half=half)
    repo.write(table, "a.parquet")
    types = dict(source(path="a.parquet").get_table_column_names_and_types(repo.store.config))
    to_value_type = LarderSource.source_datatype_to_feast_value_type()
    assert {name: to_value_type(text).name for name, text in types.items()} == {
        "key": "INT64",
        "ts": "UNIX_TIMESTAMP",
        "day": "UNIX_TIMESTAMP",
        "price": "DECIMAL",
        "half": "FLOAT",
    }


@pytest.mark.parametrize(
    "options", [{"path": "raw"}, {"path": ["raw/day-0.parquet", "raw/*"]}, {"query": SQL}]
)
def test_table_query_string_can_be_read(
    raw: FeatureRepo, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(raw.path)
    table = source(**options).get_table_query_string()
    found = duckdb.sql(f"SELECT max(value) FROM {table}").fetchall()
    assert found == [(13,)]


def test_push_source_over_it(raw: FeatureRepo) -> None:
    batch = source(name="batch", path="raw")
    entity = Entity(name="key")
    view = FeatureView(
        name="pushed",
        entities=[entity],
        source=PushSource(name="push", batch_source=batch),
        schema=[],
    )
    raw.store.apply([batch, entity, view])
    assert raw.values(rows([1], [at(24)]), "pushed:value") == [1]


def test_validate_names_a_missing_time_column(raw: FeatureRepo) -> None:
    with pytest.raises(ValueError, match="created_timestamp_column"):
        source(path="raw", created_timestamp_column="gone").validate(raw.store.config)
    source(path="raw").validate(raw.store.config)


def test_materialize(raw: FeatureRepo) -> None:
    raw.add_view(source(path="raw"), types={"value": Int64})
    raw.store.materialize(at(0), at(100))
    found = raw.store.get_online_features(["stats:value"], [{"key": 1}, {"key": 2}]).to_dict()
    assert found["value"] == [3, 13]


def test_floats_in_several_files(repo: FeatureRepo, tmp_path: Path) -> None:
    pq.write_table(
        history([1], [at(0)], value=pa.array([1.5], pa.float32())), tmp_path / "a.parquet"
    )
    pq.write_table(history([2], [at(0)], value=[2.5]), tmp_path / "b.parquet")
    paths = [str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")]
    repo.add_view(source(path=paths), types={"value": Float64})
    assert repo.values(rows([1, 2], [at(1)] * 2)) == [1.5, 2.5]
