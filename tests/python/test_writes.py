# SPDX-License-Identifier: Apache-2.0
"""offline_write_batch: what a push and write_to_offline_store do to a source."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feast import BigQuerySource, Entity, FeatureView, Field, FileSource, PushSource
from feast.data_source import DataSource, PushMode
from feast.types import Int64, String
from feature_repo import FeatureRepo, at, history, rows, timestamps

from feast_larder import LarderOfflineStore, LarderSource

FileOrDirectory = Callable[..., DataSource]


def write(repo: FeatureRepo, table: pa.Table, name: str = "stats", **options: Any) -> None:  # noqa: ANN401
    """Calls the store as Feast's provider does: on the class."""
    view = repo.store.get_feature_view(name)
    LarderOfflineStore.offline_write_batch(repo.store.config, view, table, options.get("progress"))


def files(folder: Path) -> list[str]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(path.name for path in found if path.name[0] not in "._")


@pytest.fixture(params=["file", "directory", "LarderSource file", "LarderSource directory"])
def source(request: pytest.FixtureRequest, repo: FeatureRepo) -> FileOrDirectory:
    """Makes a source over one file or over a directory of one, from a table."""
    kind: str = request.param

    def make(table: pa.Table, **options: Any) -> DataSource:  # noqa: ANN401
        path = repo.write(table, "trips/a.parquet" if "directory" in kind else "a.parquet")
        path = "trips" if "directory" in kind else path
        make_source = LarderSource if "Larder" in kind else FileSource
        return make_source(**{"name": "s", "path": path, "timestamp_field": "ts", **options})

    return make


def test_rows_are_added(repo: FeatureRepo, source: FileOrDirectory) -> None:
    repo.add_view(source(history([1], [at(0)], value=[1])))
    for hour in (1, 2):
        write(repo, history([1, 2], [at(hour)] * 2, value=[10 + hour, 20 + hour]))
    found = repo.values(rows([1, 1, 1, 2], [at(0), at(1), at(2), at(2)]))
    assert found == [1, 11, 12, 22]


def test_directory_is_added_to_and_not_rewritten(repo: FeatureRepo) -> None:
    repo.write(history([1], [at(0)], value=[1]), "trips/a.parquet")
    before = (repo.path / "trips/a.parquet").read_bytes()
    repo.add_view("trips")
    for hour in (1, 2, 3):
        write(repo, history([1], [at(hour)], value=[hour]))
        assert len(files(repo.path / "trips")) == 1 + hour
    assert (repo.path / "trips/a.parquet").read_bytes() == before


def test_later_write_wins_an_exact_tie(repo: FeatureRepo, source: FileOrDirectory) -> None:
    repo.add_view(source(history([1], [at(0)], value=[0])))
    for value in (1, 2, 3):
        write(repo, history([1], [at(0)], value=[value]))
        assert repo.values(rows([1], [at(1)])) == [value]


def test_order_and_types_of_columns_are_the_sources(
    repo: FeatureRepo, source: FileOrDirectory
) -> None:
    exact = pa.table(
        {
            "key": pa.array([1], pa.int32()),
            "ts": timestamps(at(0), unit="ms", zone=None),
            "value": pa.array([1.5], pa.float32()),
            "name": pa.array(["x"], pa.large_string()),
        }
    )
    repo.add_view(source(exact))
    given = pa.table(
        {
            "name": pa.array(["y"]).dictionary_encode(),
            "value": pa.array([2.5]),
            "ts": timestamps(at(1), unit="ns", zone="Asia/Tokyo"),
            "key": pa.array([1], pa.int64()),
        }
    )
    write(repo, given)
    result = repo.join(rows([1, 1], [at(0), at(1)]), ["stats:value"])
    assert result["value"].to_pylist() == [1.5, 2.5]
    written = [path for path in repo.path.rglob("*.parquet") if path.parent.name != "registry"]
    assert all(pq.read_schema(path).equals(exact.schema) for path in written)


@pytest.mark.parametrize("path", ["a.parquet", "trips"])
@pytest.mark.parametrize("round_floats", [False, True])
def test_doubles_for_floats(
    make_repo: Callable[..., FeatureRepo], path: str, round_floats: bool
) -> None:
    repo = make_repo(round_floats=round_floats)
    old = pa.array([1.5, None, float("nan")], pa.float32())
    repo.write(history([1, 2, 3], [at(0)] * 3, value=old), path if "." in path else f"{path}/a")
    repo.add_view(path)
    entity_rows = rows([1, 2, 3], [at(1)] * 3)
    write(repo, history([1, 2], [at(1)] * 2, value=[2.5, float("nan")]))
    assert repo.join(entity_rows)["value"].type == pa.float32()
    write(repo, history([1, 2], [at(1)] * 2, value=[0.1, None]))
    result = repo.join(entity_rows)["value"]
    assert result.type == (pa.float32() if round_floats else pa.float64())
    expected = pa.scalar(0.1).cast(result.type).as_py()
    assert result.to_pylist()[:2] == [expected, None]
    assert math.isnan(result.to_pylist()[2])


@pytest.mark.parametrize("mapped", [True, False])
def test_names_of_the_source_and_of_feast(
    repo: FeatureRepo, source: FileOrDirectory, mapped: bool
) -> None:
    table = pa.table({"id": [1], "when": timestamps(at(0)), "v": [1]})
    mapping = {"id": "key", "when": "ts", "v": "value"}
    repo.add_view(source(table, field_mapping=mapping))
    given = pa.table({"id": [1], "when": timestamps(at(1)), "v": [2]})
    if mapped:
        given = given.rename_columns(["key", "ts", "value"])
    write(repo, given)
    assert repo.values(rows([1, 1], [at(0), at(1)])) == [1, 2]


def test_write_to_offline_store_with_field_mapping(
    repo: FeatureRepo, source: FileOrDirectory
) -> None:
    table = pa.table({"id": [1], "when": timestamps(at(0)), "v": [1]})
    repo.add_view(source(table, field_mapping={"id": "key", "when": "ts", "v": "value"}))
    frame = pd.DataFrame({"v": [2], "when": [at(1)], "id": [1]}, index=[17])
    repo.store.write_to_offline_store("stats", frame)
    assert repo.values(rows([1, 1], [at(0), at(1)])) == [1, 2]


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"value": None}, "value"),
    ({"surplus": [1]}, "surplus"),
    ({"value": ["text"]}, "value"),
    ({"value": [1.5]}, "value"),
    ({"key": [2**40]}, "key"),
]


@pytest.mark.parametrize(("change", "named"), MISTAKES)
def test_column_that_does_not_fit_is_named_and_nothing_written(
    repo: FeatureRepo, source: FileOrDirectory, change: dict[str, Any], named: str
) -> None:
    table = history(pa.array([1], pa.int32()), [at(0)], value=[1])
    repo.add_view(source(table))
    before = {path: path.read_bytes() for path in repo.path.rglob("*.parquet")}
    columns: dict[str, Any] = {"key": [1], "ts": timestamps(at(1)), "value": [2], **change}
    given = pa.table({name: column for name, column in columns.items() if column is not None})
    with pytest.raises((ValueError, TypeError), match=named):
        write(repo, given)
    assert {path: path.read_bytes() for path in repo.path.rglob("*.parquet")} == before


def test_no_rows_are_no_file(repo: FeatureRepo) -> None:
    repo.write(history([1], [at(0)], value=[1]), "trips/a.parquet")
    repo.add_view("trips")
    write(repo, history([1], [at(0)], value=[1]).slice(0, 0))
    assert files(repo.path / "trips") == ["a.parquet"]


def test_pandas_leaves_no_trace(repo: FeatureRepo, source: FileOrDirectory) -> None:
    repo.add_view(source(history([1], [at(0)], value=[1])))
    frame = pd.DataFrame({"key": [1], "ts": [at(1)], "value": [2]}, index=["a"])
    table = pa.Table.from_pandas(frame)
    assert "__index_level_0__" in table.column_names
    write(repo, table)
    assert repo.values(rows([1, 1], [at(0), at(1)])) == [1, 2]
    for path in repo.path.rglob("*.parquet"):
        assert b"pandas" not in (pq.read_schema(path).metadata or {})


def test_integers_beyond_doubles_and_nulls(repo: FeatureRepo, source: FileOrDirectory) -> None:
    repo.add_view(source(history([1], [at(0)], value=[2**60 + 1])))
    write(repo, history([1, 1], [at(1), at(2)], value=[2**62 + 1, None]))
    found = repo.values(rows([1, 1, 1], [at(0), at(1), at(2)]))
    assert found == [2**60 + 1, 2**62 + 1, None]


def test_all_null_columns_take_the_sources_type(repo: FeatureRepo, source: FileOrDirectory) -> None:
    nested = pa.array(
        [{"a": 1, "b": ["x"]}], pa.struct({"a": pa.int64(), "b": pa.list_(pa.string())})
    )
    repo.add_view(source(history([1], [at(0)], value=nested)))
    write(repo, history([1], [at(1)], value=pa.nulls(1)))
    write(repo, history([1], [at(2)], value=pa.array([{"b": ["y"], "a": 2}])))
    found = repo.values(rows([1] * 3, [at(0), at(1), at(2)]))
    assert found == [{"a": 1, "b": ["x"]}, None, {"a": 2, "b": ["y"]}]


def test_dictionaries_of_python_become_maps(repo: FeatureRepo, source: FileOrDirectory) -> None:
    map_type = pa.map_(pa.string(), pa.string())
    repo.add_view(source(history([1], [at(0)], value=pa.array([[("a", "b")]], map_type))))
    frame = pd.DataFrame(
        {
            "key": [1, 1, 1],
            "ts": [at(1), at(2), at(3)],
            "value": [{"x": "1", "y": "2"}, {"y": "3"}, None],
        }
    )
    repo.store.write_to_offline_store("stats", frame)
    found = repo.values(rows([1] * 4, [at(hour) for hour in range(4)]))
    assert found == [[("a", "b")], [("x", "1"), ("y", "2")], [("y", "3")], None]


def test_hive_partitions_are_kept_up(repo: FeatureRepo) -> None:
    for shop in ("a", "b"):
        repo.write(history([1], [at(0)], value=[0]), f"shops/shop={shop}/x.parquet")
    types = {"shop": String}
    repo.add_view("shops", keys=["key", "shop"], types=types)
    write(repo, history([1, 1, 1], [at(1)] * 3, value=[1, 2, 3], shop=["a", "b", "c"]))
    assert files(repo.path / "shops/shop=c")
    found = repo.values(rows([1] * 3, [at(2)] * 3, shop=["a", "b", "c"]))
    assert found == [1, 2, 3]
    frame = pd.DataFrame({"shop": ["a"], "key": [1], "ts": [at(3)], "value": [4]})
    repo.store.write_to_offline_store("stats", frame)
    assert repo.values(rows([1], [at(3)], shop=["a"])) == [4]


@pytest.mark.parametrize("path", ["new.parquet", "new"])
def test_first_write_makes_the_source(repo: FeatureRepo, path: str) -> None:
    repo.add_view(path, field_mapping={"v": "value"})
    write(repo, history([1], [at(0)], value=[1]))
    write(repo, pa.table({"v": [2], "key": [1], "ts": timestamps(at(1))}))
    assert (repo.path / path).is_file() == path.endswith(".parquet")
    assert repo.values(rows([1, 1], [at(0), at(1)])) == [1, 2]


@pytest.mark.parametrize("mode", [PushMode.OFFLINE, PushMode.ONLINE_AND_OFFLINE])
def test_push(repo: FeatureRepo, source: FileOrDirectory, mode: PushMode) -> None:
    batch = source(history([1], [at(0)], value=[1]))
    entity = Entity(name="key")
    view = FeatureView(
        name="stats",
        entities=[entity],
        source=PushSource(name="push", batch_source=batch),
        schema=[Field(name="key", dtype=Int64), Field(name="value", dtype=Int64)],
    )
    repo.store.apply([batch, entity, view])
    frame = pd.DataFrame({"value": [2], "key": [1], "ts": [at(1)]})
    repo.store.push("push", frame, to=mode)
    assert repo.values(rows([1, 1], [at(0), at(1)])) == [1, 2]
    online = repo.store.get_online_features(["stats:value"], [{"key": 1}]).to_dict()
    assert online["value"] == [2 if mode is PushMode.ONLINE_AND_OFFLINE else None]


def test_progress_is_told_the_rows(repo: FeatureRepo, source: FileOrDirectory) -> None:
    repo.add_view(source(history([1], [at(0)], value=[1])))
    told: list[int] = []
    write(repo, history([1, 2], [at(1)] * 2, value=[1, 2]), progress=told.append)
    assert told == [2]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (LarderSource(name="q", query="SELECT 1"), "cannot be written to.*SELECT 1"),
        (LarderSource(name="g", path="data/*.parquet"), r"cannot be written to.*data/\*"),
        (LarderSource(name="m", path=["a", "b"]), "cannot be written to.*a, b"),
        (BigQuerySource(name="b", table="t"), "BigQuerySource"),
    ],
)
def test_sources_that_cannot_be_written_to(
    repo: FeatureRepo, source: DataSource, words: str
) -> None:
    source.timestamp_field = "ts"
    entity = Entity(name="key")
    schema = [Field(name="value", dtype=Int64), Field(name="key", dtype=Int64)]
    view = FeatureView(name="stats", source=source, entities=[entity], schema=schema)
    with pytest.raises(ValueError, match=words):
        LarderOfflineStore.offline_write_batch(
            repo.store.config, view, history([1], [at(0)], value=[1]), None
        )
