# SPDX-License-Identifier: Apache-2.0
"""persist, saved datasets, and the export to a staging location."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feast import Field, FileSource
from feast.data_format import DeltaFormat
from feast.errors import SavedDatasetLocationAlreadyExists
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.infra.offline_stores.redshift_source import SavedDatasetRedshiftStorage
from feast.on_demand_feature_view import on_demand_feature_view
from feast.saved_dataset import SavedDatasetStorage
from feast.types import Int64
from feature_repo import FeatureRepo, at, history, rows, timestamps
from pyarrow import fs

from feast_larder import LarderRetrievalJob, LarderSource, SavedDatasetLarderStorage, exports

Storage = type[SavedDatasetFileStorage] | type[SavedDatasetLarderStorage]
storages = pytest.mark.parametrize("storage", [SavedDatasetFileStorage, SavedDatasetLarderStorage])
places = pytest.mark.parametrize("path", ["saved.parquet", "saved", "new/folder/saved"])


@pytest.fixture
def hourly(repo: FeatureRepo) -> FeatureRepo:
    values = [2**60 + hour for hour in range(10)]
    repo.add_view(history([1] * 10, [at(h) for h in range(10)], value=values))
    return repo


def start(repo: FeatureRepo, hours: int = 4) -> LarderRetrievalJob:
    entity_rows = rows([1] * hours, [at(h) for h in range(hours)], label=list(range(hours)))
    job = repo.store.get_historical_features(entity_rows, ["stats:value"])
    assert isinstance(job, LarderRetrievalJob)
    return job


@storages
@places
def test_saved_dataset_comes_back(hourly: FeatureRepo, storage: Storage, path: str) -> None:
    job = start(hourly)
    made = hourly.store.create_saved_dataset(job, "saved", storage(path=path))
    assert (hourly.path / path).is_file() == path.endswith(".parquet")
    expected = job.to_df()[["key", "event_timestamp", "value"]]
    for dataset in (made, hourly.store.get_saved_dataset("saved")):
        found = dataset.to_df()[["key", "event_timestamp", "value"]]
        pd.testing.assert_frame_equal(found, expected)


@storages
@places
def test_existing_place_is_kept_unless_told(
    hourly: FeatureRepo, storage: Storage, path: str
) -> None:
    start(hourly, 2).persist(storage(path=path))
    for _ in range(2):
        with pytest.raises(SavedDatasetLocationAlreadyExists, match="saved"):
            start(hourly, 3).persist(storage(path=path))
        assert pq.read_table(hourly.path / path).num_rows == 2
    start(hourly, 3).persist(storage(path=path), allow_overwrite=True)
    assert pq.read_table(hourly.path / path).num_rows == 3


@places
def test_empty_place(hourly: FeatureRepo, path: str) -> None:
    if not path.endswith(".parquet"):
        (hourly.path / path).mkdir(parents=True)
        with pytest.raises(SavedDatasetLocationAlreadyExists):
            start(hourly).persist(SavedDatasetFileStorage(path=path))
    start(hourly).persist(SavedDatasetFileStorage(path=path), allow_overwrite=True)
    assert pq.read_table(hourly.path / path).num_rows == 4


@places
def test_failed_run_leaves_what_was_there(hourly: FeatureRepo, path: str) -> None:
    storage = SavedDatasetLarderStorage(path=path)
    start(hourly).persist(storage)
    (hourly.path / "stats.parquet").write_bytes(b"no Parquet any more")
    with pytest.raises((OSError, ValueError), match=r"stats\.parquet"):
        start(hourly).persist(storage, allow_overwrite=True)
    assert pq.read_table(hourly.path / path).num_rows == 4


def test_no_rows_are_a_dataset_too(hourly: FeatureRepo) -> None:
    for path in ("saved", "saved.parquet"):
        job = hourly.store.get_historical_features(rows([1], [at(0)]).slice(0, 0), ["stats:value"])
        job.persist(SavedDatasetLarderStorage(path=path))
        found = pq.read_table(hourly.path / path)
        assert (found.num_rows, found.column_names) == (0, ["key", "event_timestamp", "value"])


def test_pulled_rows_can_be_saved(hourly: FeatureRepo) -> None:
    source = LarderSource(path="stats.parquet", timestamp_field="ts")
    job = hourly.store._get_provider().offline_store.pull_all_from_table_or_query(
        hourly.store.config, source, ["key"], ["value"], "ts", None, at(2), at(4)
    )
    job.persist(SavedDatasetLarderStorage(path="pulled"))
    assert pq.read_table(hourly.path / "pulled")["value"].to_pylist() == [
        2**60 + hour for hour in (2, 3, 4)
    ]


def test_on_demand_features_are_saved(hourly: FeatureRepo) -> None:
    view = hourly.store.get_feature_view("stats")

    @on_demand_feature_view(  # type: ignore[untyped-decorator]
        sources=[view], schema=[Field(name="double", dtype=Int64)], mode="pandas"
    )
    def doubled(inputs: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"double": inputs["value"] % 1000 * 2})

    hourly.store.apply([doubled])
    job = hourly.store.get_historical_features(
        rows([1, 1], [at(1), at(2)]), ["stats:value", "doubled:double"]
    )
    job.persist(SavedDatasetLarderStorage(path="saved"))
    saved = pq.read_table(hourly.path / "saved")
    assert saved["double"].to_pylist() == job.to_arrow()["double"].to_pylist()
    reader = job.to_arrow_batches()
    assert reader.schema.names == saved.column_names
    assert reader.read_all().equals(job.to_arrow())


def test_timeout_of_a_saved_dataset(hourly: FeatureRepo) -> None:
    sql = """SELECT count(*) AS key, TIMESTAMP '2024-01-01' AS event_timestamp
             FROM range(300000000000) AS r(i) WHERE random() < 0.5"""
    job = hourly.store.get_historical_features(sql, ["stats:value"])
    with pytest.raises(TimeoutError):
        job.persist(SavedDatasetLarderStorage(path="saved"), timeout=1)
    assert not (hourly.path / "saved").exists()


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        (SavedDatasetRedshiftStorage(table_ref="t"), "SavedDatasetRedshiftStorage"),
        (SavedDatasetFileStorage(path="d", file_format=DeltaFormat()), "DeltaFormat"),
        (SavedDatasetFileStorage(path="s3://bucket/d"), "s3://bucket/d"),
    ],
)
def test_other_storages_are_refused(
    hourly: FeatureRepo, storage: SavedDatasetStorage, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        start(hourly).persist(storage)


def test_registry_gives_back_the_storage(hourly: FeatureRepo) -> None:
    storage = SavedDatasetLarderStorage(path="saved")
    assert SavedDatasetStorage.from_proto(storage.to_proto()) == storage
    source = storage.to_data_source()
    assert isinstance(source, LarderSource)
    assert SavedDatasetLarderStorage.from_data_source(source) == storage
    for other in (FileSource(path="a"), LarderSource(path=["a", "b"])):
        with pytest.raises(ValueError, match="LarderSource of one path"):
            SavedDatasetLarderStorage.from_data_source(other)


def test_sql_and_entityless_retrievals_are_saved(hourly: FeatureRepo) -> None:
    sql = "SELECT key, ts AS event_timestamp FROM stats WHERE ts >= TIMESTAMPTZ '2024-01-01 07:00Z'"
    requests: dict[str, dict[str, Any]] = {
        "sql": {"entity_df": sql},
        "none": {"entity_df": None, "start_date": at(7), "end_date": at(9)},
    }
    for name, request in requests.items():
        job = hourly.store.get_historical_features(features=["stats:value"], **request)
        storage = SavedDatasetLarderStorage(path=name)
        dataset = hourly.store.create_saved_dataset(job, name, storage)
        assert dataset.to_df()["value"].tolist() == [2**60 + hour for hour in (7, 8, 9)]


class TestStaging:
    def export(self, make_repo: Callable[..., FeatureRepo], **options: Any) -> LarderRetrievalJob:  # noqa: ANN401
        repo = make_repo(**options)
        repo.add_view(history([1], [at(0)], value=[7], created=timestamps(at(0))))
        entity_rows = rows([1, 2], [at(1)] * 2)
        job = repo.store.get_historical_features(entity_rows, ["stats:value"])
        assert isinstance(job, LarderRetrievalJob)
        return job

    def test_without_location(self, make_repo: Callable[..., FeatureRepo]) -> None:
        job = self.export(make_repo)
        assert not job.supports_remote_storage_export()
        with pytest.raises(ValueError, match="staging_location"):
            job.to_remote_storage()

    @pytest.mark.parametrize("form", ["staging", "{path}", "file://{path}"])
    def test_local(self, make_repo: Callable[..., FeatureRepo], tmp_path: Path, form: str) -> None:
        job = self.export(make_repo, staging_location=form.format(path=tmp_path / "staging"))
        assert job.supports_remote_storage_export()
        first, second = job.to_remote_storage(), job.to_remote_storage()
        assert not set(first) & set(second)
        for paths in (first, second):
            assert pa.concat_tables(map(pq.read_table, paths)).equals(job.to_arrow())

    def test_uri(
        self,
        make_repo: Callable[..., FeatureRepo],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        (tmp_path / "remote").mkdir()
        remote = fs.SubTreeFileSystem(str(tmp_path / "remote"), fs.LocalFileSystem())

        class Remote:
            @staticmethod
            def from_uri(uri: str) -> tuple[fs.FileSystem, str]:
                return remote, uri.removeprefix("s3://")

        monkeypatch.setattr(exports, "FileSystem", Remote)
        job = self.export(make_repo, staging_location="s3://bucket/folder/")
        uris = job.to_remote_storage()
        assert uris
        assert all(uri.startswith("s3://bucket/folder/larder-") for uri in uris)
        local = [str(tmp_path / "remote" / uri.removeprefix("s3://")) for uri in uris]
        assert pa.concat_tables(map(pq.read_table, local)).equals(job.to_arrow())
