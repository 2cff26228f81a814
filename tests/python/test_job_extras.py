# SPDX-License-Identifier: Apache-2.0
"""What a job offers beyond Feast's own: batches, Polars, statistics, a line on the terminal."""

import io
import math
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from feast.dqm.errors import ValidationFailed
from feast.dqm.profilers.profiler import Profile
from feature_repo import FeatureRepo, at, history, rows

from feast_larder import LarderOfflineStore, LarderRetrievalJob, LarderSource
from feast_larder.progress import show_progress


@pytest.fixture
def hourly(repo: FeatureRepo) -> FeatureRepo:
    repo.add_view(history([1] * 10, [at(h) for h in range(10)], value=list(range(10))))
    return repo


def start(repo: FeatureRepo, size: int = 4) -> LarderRetrievalJob:
    entity_rows = rows([1] * size, [at(h % 10) for h in range(size)])
    job = repo.store.get_historical_features(entity_rows, ["stats:value"])
    assert isinstance(job, LarderRetrievalJob)
    return job


def pull(repo: FeatureRepo, path: str, keys: list[str]) -> LarderRetrievalJob:
    source = LarderSource(path=path, timestamp_field="ts")
    return LarderOfflineStore.pull_all_from_table_or_query(
        repo.store.config, source, keys, ["value"], "ts"
    )


class TestBatches:
    def test_are_the_table(self, hourly: FeatureRepo) -> None:
        job = start(hourly)
        reader = job.to_arrow_batches()
        assert isinstance(reader, pa.RecordBatchReader)
        assert reader.schema.equals(job.to_arrow().schema)
        assert reader.read_all().equals(job.to_arrow())

    def test_are_many(self, make_repo: Callable[..., FeatureRepo]) -> None:
        repo = make_repo(debug={"batch_rows": 16})
        repo.add_view(history([1] * 10, [at(h) for h in range(10)], value=list(range(10))))
        job = start(repo, 100_000)
        table = pa.Table.from_batches(job.to_arrow_batches())
        assert table.equals(job.to_arrow())

    def test_of_nothing(self, hourly: FeatureRepo) -> None:
        empty = rows([1], [at(0)]).slice(0, 0)
        job = hourly.store.get_historical_features(empty, ["stats:value"])
        assert isinstance(job, LarderRetrievalJob)
        reader = job.to_arrow_batches()
        assert reader.schema.names == ["key", "event_timestamp", "value"]
        assert reader.read_all().num_rows == 0

    def test_of_a_pull_have_the_dummy_entity(self, hourly: FeatureRepo) -> None:
        job = pull(hourly, "stats.parquet", [])
        assert job.to_arrow_batches().read_all().equals(job.to_arrow())
        assert job.to_arrow().column_names == ["value", "ts", "__dummy_id"]

    @pytest.mark.parametrize("last", ["2024-01-02", "2600-01-01T00:00:00Z"])
    def test_of_times_as_text(self, repo: FeatureRepo, last: str) -> None:
        for day, text in enumerate(("2024-01-01T05:00:00+02:00", last)):
            table = pa.table({"key": [day], "ts": [text], "value": [day]})
            repo.write(table, f"days/{day}.parquet")
        job = pull(repo, "days", ["key"])
        assert job.to_arrow_batches().read_all().equals(job.to_arrow())

    def test_statistics_come_at_the_end(self, hourly: FeatureRepo) -> None:
        job = start(hourly)
        reader = job.to_arrow_batches()
        with pytest.raises(RuntimeError, match="not run"):
            job.stats()
        reader.read_all()
        assert job.stats()["rows"] == 4

    def test_left_unread_disturb_nothing(self, hourly: FeatureRepo) -> None:
        job = start(hourly)
        reader = job.to_arrow_batches()
        del reader
        assert job.to_arrow()["value"].to_pylist() == [0, 1, 2, 3]

    def test_errors_come_as_from_to_arrow(self, hourly: FeatureRepo) -> None:
        (hourly.path / "stats.parquet").write_bytes(b"no Parquet any more")
        with pytest.raises((OSError, ValueError), match=r"stats\.parquet"):
            start(hourly).to_arrow_batches()

    def test_timeout(self, hourly: FeatureRepo) -> None:
        with pytest.raises(ValueError, match="timeout"):
            start(hourly).to_arrow_batches(timeout=0)


class TestBlocks:
    """A memory_limit with room for a part of the answer."""

    @pytest.fixture
    def limited(self, make_repo: Callable[..., FeatureRepo]) -> FeatureRepo:
        repo = make_repo(memory_limit="4MB", threads=1, debug={"batch_rows": 1000})
        repo.add_view(history([1] * 10, [at(h) for h in range(10)], value=list(range(10))))
        return repo

    def test_are_the_table(self, limited: FeatureRepo) -> None:
        job = start(limited, 200_000)
        table = job.to_arrow()
        stats = job.stats()
        assert stats["rows"] == stats["views"][0]["rows_matched"] == 200_000
        assert stats["peak_memory_bytes"] <= 4_000_000 < table.nbytes
        assert table["value"].to_pylist() == [row % 10 for row in range(200_000)]

    def test_stream(self, limited: FeatureRepo) -> None:
        job = start(limited, 200_000)
        reader = job.to_arrow_batches()
        lengths = [batch.num_rows for batch in reader]
        assert len(lengths) > 2
        assert sum(lengths) == 200_000
        assert job.stats()["peak_memory_bytes"] <= 4_000_000

    def test_errors_of_a_later_block_are_what_they_were(self, limited: FeatureRepo) -> None:
        job = start(limited, 200_000)
        reader = job.to_arrow_batches()
        reader.read_next_batch()
        (limited.path / "stats.parquet").write_bytes(b"no Parquet any more")
        with pytest.raises(OSError, match=r"stats\.parquet"):
            reader.read_all()

    def test_spill_directory(self, make_repo: Callable[..., FeatureRepo]) -> None:
        repo = make_repo(spill_directory="/none/such")
        repo.add_view(history([1], [at(0)], value=[1]))
        with pytest.raises(ValueError, match="spill_directory '/none/such'"):
            start(repo).to_arrow()


class TestPolars:
    def test_frame(self, hourly: FeatureRepo) -> None:
        frame = start(hourly).to_polars()
        assert isinstance(frame, pl.DataFrame)
        assert frame["value"].to_list() == [0, 1, 2, 3]
        assert frame["event_timestamp"].to_list() == [at(h) for h in range(4)]

    def test_not_installed(self, hourly: FeatureRepo, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "polars", None)
        with pytest.raises(ImportError, match="pip install polars"):
            start(hourly).to_polars()


class Typed(Profile):
    """Expects the dtypes that the reference had."""

    def __init__(self, dtypes: dict[str, str]) -> None:
        self.dtypes = dtypes

    def validate(self, dataset: pd.DataFrame) -> Any:  # noqa: ANN401
        found = dataset.dtypes.astype(str).to_dict()
        return SimpleNamespace(is_success=found == self.dtypes, report=SimpleNamespace(errors=[]))

    def to_proto(self) -> Any:  # noqa: ANN401
        raise NotImplementedError

    @classmethod
    def from_proto(cls, proto: Any) -> Any:  # noqa: ANN401
        raise NotImplementedError


def test_validation_sees_what_to_df_gives(hourly: FeatureRepo) -> None:
    entity_rows = rows([1, 2], [at(3), at(3)])
    job = hourly.store.get_historical_features(entity_rows, ["stats:value"])
    dtypes = job.to_df().dtypes.astype(str).to_dict()
    assert dtypes["value"] == "Int64"
    reference = SimpleNamespace(profile=Typed(dtypes))
    assert job.to_df(validation_reference=reference)["value"][0] == 3
    reference = SimpleNamespace(profile=Typed({**dtypes, "value": "float64"}))
    for convert in (job.to_arrow, job.to_df, job.to_feast_df):
        with pytest.raises(ValidationFailed):
            convert(validation_reference=reference)


class Torch(SimpleNamespace):
    """As much of torch as is needed: torch itself is too large to install for a test."""

    cuda = SimpleNamespace(is_available=lambda: False)

    @staticmethod
    def tensor(values: np.ndarray, device: str) -> np.ndarray:
        assert isinstance(values, np.ndarray)
        assert device == "cpu"
        return values


class TestTensors:
    def test_nulls_of_every_kind(
        self, hourly: FeatureRepo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("feast_larder.tensors.get_torch", Torch)
        entity_rows = rows(
            [1, 2], [at(3), at(3)], label=["a", None], score=[float("nan"), 2.5], flag=[True, False]
        )
        job = hourly.store.get_historical_features(entity_rows, ["stats:value"])
        tensors = job.to_tensor(default_value=-1)
        assert {name: list(values) for name, values in tensors.items()} == {
            "key": [1, 2],
            "event_timestamp": [at(3), at(3)],
            "label": ["a", -1],
            "score": [-1.0, 2.5],
            "flag": [True, False],
            "value": [3, -1],
        }
        assert tensors["value"].dtype == np.int64
        assert math.isnan(job.to_tensor()["value"][1])

    def test_other_kinds(self, hourly: FeatureRepo) -> None:
        with pytest.raises(ValueError, match="jax"):
            start(hourly).to_tensor(kind="jax")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestProgress:
    @pytest.mark.parametrize(
        ("seconds", "enabled", "stream", "shown"),
        [
            (0.05, True, Terminal, True),
            (0.0, True, Terminal, False),
            (0.05, False, Terminal, False),
            (0.05, True, io.StringIO, False),
        ],
    )
    def test_shows_on_a_terminal_after_a_while(
        self,
        monkeypatch: pytest.MonkeyPatch,
        seconds: float,
        enabled: bool,
        stream: type[io.StringIO],
        shown: bool,
    ) -> None:
        output = stream()
        monkeypatch.setattr(sys, "stderr", output)
        monkeypatch.setattr("feast_larder.progress._QUIET_SECONDS", seconds / 10 or 60)
        with show_progress("Larder", enabled=enabled):
            deadline = time.monotonic() + 30
            while shown and "Larder" not in output.getvalue() and time.monotonic() < deadline:
                time.sleep(0.01)
        assert ("Larder" in output.getvalue()) == shown

    def test_is_configured(self, make_repo: Callable[..., FeatureRepo]) -> None:
        assert make_repo("a").store.config.offline_store.progress == "auto"
        assert make_repo("b", progress="never").store.config.offline_store.progress == "never"
