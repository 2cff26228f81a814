# SPDX-License-Identifier: Apache-2.0
"""Where files may lie, how their schemas may differ, and what broken ones raise."""

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from feast import FileSource
from feature_repo import FeatureRepo, at, history, rows

from feast_larder.sources import local_path


def test_relative_path_is_of_the_repository(
    repo: FeatureRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.add_view(history([1], [at(0)], value=[1]))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert repo.values(rows([1], [at(0)])) == [1]


@pytest.mark.parametrize(
    "form", ["{path}", "file://{path}", "file://localhost{path}", "file:{path}"]
)
def test_absolute_paths_and_file_uris(repo: FeatureRepo, form: str) -> None:
    file = repo.write(history([1], [at(0)], value=[1]), "some data/a.parquet")
    path = str(repo.path / file)
    repo.add_view(form.format(path=path.replace(" ", "%20") if "file:" in form else path))
    assert repo.values(rows([1], [at(0)])) == [1]


def test_paths_of_other_machines_are_refused() -> None:
    for uri in ("s3://bucket/file", "gs://b/f", "file://other-host/file"):
        with pytest.raises(ValueError, match=r"path .*(not local|other-host)"):
            local_path(uri, "/repo")


@pytest.mark.parametrize("path", ["days", "days/", "days/*.parquet", "{repo}/days"])
def test_directories_and_globs(repo: FeatureRepo, path: str) -> None:
    for day in range(3):
        table = history([1], [at(24 * day)], value=[day])
        repo.write(table, f"days/{day}.parquet")
    repo.add_view(path.format(repo=repo.path))
    assert repo.values(rows([1] * 3, [at(24 * day) for day in range(3)])) == [0, 1, 2]


def test_hidden_and_underscored_names_are_skipped(repo: FeatureRepo) -> None:
    repo.write(history([1], [at(0)], value=[1]), "days/sub/a.parquet")
    for name in ("_b.parquet", ".c.parquet", "_delta_log/d.parquet", ".tmp/e.parquet"):
        repo.write(history([1], [at(1)], value=[9]), f"days/{name}")
    (repo.path / "days/_SUCCESS").write_text("")
    repo.add_view("days")
    assert repo.values(rows([1], [at(2)])) == [1]


@pytest.mark.parametrize(
    "name", ["a'b;--.parquet", "ünï.parquet", "a b%20c.parquet", "x[1].parquet"]
)
def test_names_are_data(repo: FeatureRepo, name: str) -> None:
    repo.add_view(repo.write(history([1], [at(0)], value=[1]), name))
    assert repo.values(rows([1], [at(0)])) == [1]


def test_hive_partitions_are_columns(repo: FeatureRepo) -> None:
    for day, city in ((0, "x"), (1, "x"), (1, "y")):
        table = history([1], [at(24 * day)], value=[10 * day + ord(city)])
        repo.write(table, f"trips/day=2024-01-0{day + 1}/city={city}/part.parquet")
    repo.add_view("trips", keys=["key", "city"], features=["value", "day"])
    entity_rows = rows([1] * 4, [at(30), at(30), at(1), at(1)], city=["x", "y", "x", "y"])
    result = repo.join(entity_rows, ["stats:value", "stats:day"])
    assert result["value"].to_pylist() == [130, 131, 120, None]
    assert [str(day) for day in result["day"].to_pylist()[:3]] == ["2024-01-02"] * 2 + [
        "2024-01-01"
    ]


def test_column_missing_in_an_older_file_is_null(repo: FeatureRepo) -> None:
    repo.write(history([1, 2], [at(0)] * 2), "days/0.parquet")
    repo.write(history([1], [at(1)], value=[1]), "days/1.parquet")
    repo.add_view("days")
    assert repo.values(rows([1, 2, 1], [at(2), at(2), at(0)])) == [1, None, None]


def test_narrow_integers_are_widened(repo: FeatureRepo) -> None:
    narrow = pa.array([1], pa.int32())
    repo.write(history(narrow, [at(0)], value=narrow), "days/0.parquet")
    repo.write(history([2**40], [at(0)], value=[2**60 + 1]), "days/1.parquet")
    repo.add_view("days")
    result = repo.join(rows([1, 2**40], [at(1)] * 2))
    assert result["value"].type == pa.int64()
    assert result["value"].to_pylist() == [1, 2**60 + 1]


def test_contradicting_types_name_file_and_column(repo: FeatureRepo) -> None:
    repo.write(history([1], [at(0)], value=[1]), "days/0.parquet")
    repo.write(history([1], [at(0)], value=["one"]), "days/1.parquet")
    repo.add_view("days")
    with pytest.raises((ValueError, TypeError), match="value") as error:
        repo.values(rows([1], [at(0)]))
    assert "1.parquet" in str(error.value)


def test_empty_files_and_no_row_groups(repo: FeatureRepo) -> None:
    table = history([1], [at(0)], value=[1])
    repo.write(table.slice(1), "days/0.parquet")
    repo.write(table, "days/1.parquet")
    repo.write(table.schema.empty_table(), "days/2.parquet")
    repo.add_view("days")
    assert repo.values(rows([1], [at(0)])) == [1]


def _zero_bytes(path: Path) -> None:
    path.write_bytes(b"")


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _no_parquet(path: Path) -> None:
    path.write_text("key,ts,value\n1,2024-01-01,1\n" * 10)


def _broken_footer(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-40:-8] = b"\xff" * 32
    path.write_bytes(bytes(data))


def _broken_pages(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4:200] = b"\xff" * 196
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    "damage", [_zero_bytes, _truncated, _no_parquet, _broken_footer, _broken_pages]
)
@pytest.mark.parametrize("place", ["stats.parquet", "days/1.parquet"])
def test_broken_file_is_named(
    repo: FeatureRepo, damage: Callable[[Path], None], place: str
) -> None:
    table = history(list(range(100)), [at(0)] * 100, value=list(range(100)))
    repo.write(table, "days/0.parquet")
    repo.write(table, place)
    repo.add_view("days" if "days" in place else place)
    damage(repo.path / place)
    for _ in range(2):
        with pytest.raises((OSError, ValueError), match=Path(place).name):
            repo.values(rows([1], [at(1)]))
    repo.write(table, place)
    assert repo.values(rows([1], [at(1)])) == [1]


def test_missing_file_is_named(repo: FeatureRepo) -> None:
    repo.add_view("nowhere.parquet")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.parquet"):
        repo.values(rows([1], [at(0)]))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_unreadable_file_is_named(repo: FeatureRepo) -> None:
    repo.add_view(history([1], [at(0)], value=[1]))
    (repo.path / "stats.parquet").chmod(0)
    with pytest.raises(OSError, match=r"stats\.parquet"):
        repo.values(rows([1], [at(0)]))


def test_empty_directory_is_named(repo: FeatureRepo) -> None:
    (repo.path / "empty/sub").mkdir(parents=True)
    repo.add_view("empty")
    with pytest.raises((OSError, ValueError), match="empty"):
        repo.values(rows([1], [at(0)]))


@pytest.mark.parametrize("column", ["key", "ts", "value", "created"])
def test_missing_column_names_file_and_column(repo: FeatureRepo, column: str) -> None:
    table = history([1], [at(0)], value=[1]).append_column("created", pa.array([at(0)]))
    repo.add_view(table.drop_columns(column), created_timestamp_column="created")
    with pytest.raises(ValueError, match=column) as error:
        repo.values(rows([1], [at(0)]))
    assert "stats.parquet" in str(error.value)


def _validate(repo: FeatureRepo, **options: str) -> None:
    source = FileSource(name="s", **{"path": "stats.parquet", "timestamp_field": "ts", **options})
    repo.store._get_provider().validate_data_source(repo.store.config, source)


def test_validation_warns_of_files_that_are_not_there_yet(
    repo: FeatureRepo, caplog: pytest.LogCaptureFixture
) -> None:
    (repo.path / "empty").mkdir()
    for path in ("gone.parquet", "empty"):
        _validate(repo, path=path)
        assert path in caplog.messages[-1]


def test_validate_data_source(repo: FeatureRepo) -> None:
    repo.write(history([1], [at(0)], value=[1]), "stats.parquet")
    _validate(repo)
    with pytest.raises(ValueError, match=r"stats\.parquet.*'when'.*timestamp_field"):
        _validate(repo, timestamp_field="when")
    with pytest.raises(ValueError, match=r"'born'.*created_timestamp_column"):
        _validate(repo, created_timestamp_column="born")
    (repo.path / "stats.parquet").write_text("broken")
    with pytest.raises((OSError, ValueError), match=r"stats\.parquet"):
        _validate(repo)


def test_column_names_and_types(repo: FeatureRepo) -> None:
    table = history(
        pa.array([1], pa.int32()),
        [at(0)],
        kind=pa.array(["a"]).dictionary_encode(),
        words=pa.array([["a"]], pa.large_list(pa.large_string())),
    )
    repo.write(table, "trips/city=x/0.parquet")
    source = FileSource(name="s", path="trips", timestamp_field="ts")
    provider = repo.store._get_provider()
    found = dict(
        provider.get_table_column_names_and_types_from_data_source(repo.store.config, source)
    )
    assert found == {
        "key": "int32",
        "ts": "timestamp[us, tz=UTC]",
        "kind": "string",
        "words": "list<item: large_string>",
        "city": "string",
    }


def test_feast_infers_a_schema(repo: FeatureRepo) -> None:
    from feast import Entity, FeatureView
    from feast.types import Array, Int32, String
    from feast.value_type import ValueType

    table = history([1], [at(0)], count=pa.array([1], pa.int32()), words=[["a"]])
    repo.write(table, "trips/city=x/0.parquet")
    entity = Entity(name="key", value_type=ValueType.INT64)
    source = FileSource(name="s", path="trips", timestamp_field="ts")
    view = FeatureView(name="trips", source=source, entities=[entity])
    repo.store.apply([entity, view])
    fields = {f.name: f.dtype for f in repo.store.get_feature_view("trips").features}
    assert fields == {"count": Int32, "words": Array(String), "city": String}
