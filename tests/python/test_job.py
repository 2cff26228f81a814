# SPDX-License-Identifier: Apache-2.0
"""The retrieval job: lazy, repeatable, with metadata, statistics and a timeout."""

import signal
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pytest
from feast.infra.offline_stores.offline_store import RetrievalJob
from feature_repo import FeatureRepo, at, history, rows, timestamps

from feast_larder import LarderRetrievalJob

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def hourly(repo: FeatureRepo) -> FeatureRepo:
    repo.add_view(history([1] * 10, [at(h) for h in range(10)], value=list(range(10))))
    return repo


def start(repo: FeatureRepo, entity_rows: pa.Table) -> RetrievalJob:
    return repo.store.get_historical_features(entity_rows, ["stats:value"])


def test_construction_reads_nothing(hourly: FeatureRepo) -> None:
    (hourly.path / "stats.parquet").rename(hourly.path / "elsewhere.parquet")
    job = start(hourly, rows([1], [at(2)]))
    assert isinstance(job, LarderRetrievalJob)
    assert job.metadata.features == ["stats:value"]
    with pytest.raises(FileNotFoundError, match=r"stats\.parquet"):
        job.to_arrow()
    (hourly.path / "elsewhere.parquet").rename(hourly.path / "stats.parquet")
    assert job.to_arrow()["value"].to_pylist() == [2]


def test_every_call_runs_again(hourly: FeatureRepo) -> None:
    job = start(hourly, rows([1], [at(2)]))
    assert job.to_arrow().equals(job.to_arrow())
    assert job.to_df()["value"].tolist() == [2]
    assert job.to_feast_df().data["value"].to_pylist() == [2]


def test_metadata(hourly: FeatureRepo) -> None:
    job = start(hourly, rows([1, 1, 1], [at(5), None, at(2)], label=[1, 2, 3]))
    assert job.metadata.features == ["stats:value"]
    assert job.metadata.keys == ["key", "label"]
    assert (job.metadata.min_event_timestamp, job.metadata.max_event_timestamp) == (at(2), at(5))
    assert not job.full_feature_names
    assert job.on_demand_feature_views == []


@pytest.mark.parametrize(
    ("times", "first", "last"),
    [
        (timestamps(at(1), at(3), unit="ns", zone=None), at(1), at(3)),
        (timestamps(at(1), at(3), unit="s", zone="Asia/Tokyo"), at(1), at(3)),
        (pa.array([date(2024, 1, 2), date(2024, 1, 1)]), at(0), at(24)),
        (pa.array(["2024-01-01T03:00:00+02:00", "2024-01-02"]), at(1), at(24)),
        (pa.array([1, 1999], pa.timestamp("ns")), EPOCH, EPOCH + timedelta(microseconds=2)),
        (timestamps(None), EPOCH, EPOCH),
        (
            pa.array([-(2**40), 2**40], pa.timestamp("s")),
            datetime.min.replace(tzinfo=UTC),
            datetime.max.replace(tzinfo=UTC),
        ),
    ],
)
def test_time_range_of_metadata(
    hourly: FeatureRepo, times: pa.Array, first: datetime, last: datetime
) -> None:
    metadata = start(hourly, pa.table({"key": [1] * len(times), "event_timestamp": times})).metadata
    assert (metadata.min_event_timestamp, metadata.max_event_timestamp) == (first, last)


def test_stats_tell_matched_expired_and_absent(repo: FeatureRepo) -> None:
    repo.add_view(history([1, 2], [at(0), at(9)], value=[1, 2]), ttl=timedelta(hours=2))
    job = start(repo, rows([1, 1, 2, 3], [at(1), at(2), at(1), at(1)]))
    assert isinstance(job, LarderRetrievalJob)
    with pytest.raises(RuntimeError, match="not run"):
        job.stats()
    job.to_arrow()
    assert job.stats()["rows"] == 4
    (view,) = job.stats()["views"]
    counts = {name: view[name] for name in ("name", "rows_matched", "rows_expired", "rows_absent")}
    assert counts == {"name": "stats", "rows_matched": 2, "rows_expired": 0, "rows_absent": 2}


def test_diagnose_nulls_tells_expired_from_absent(make_repo: Callable[..., FeatureRepo]) -> None:
    repo = make_repo(diagnose_nulls=True)
    repo.add_view(history([1, 2], [at(0), at(9)], value=[1, 2]), ttl=timedelta(hours=2))
    job = start(repo, rows([1, 1, 2, 3], [at(1), at(800), at(1), at(1)]))
    assert isinstance(job, LarderRetrievalJob)
    job.to_arrow()
    (view,) = job.stats()["views"]
    assert (view["rows_matched"], view["rows_expired"], view["rows_absent"]) == (1, 1, 2)


@pytest.mark.parametrize("timeout", [0, -1])
def test_timeout_must_be_positive(hourly: FeatureRepo, timeout: int) -> None:
    with pytest.raises(ValueError, match="timeout"):
        start(hourly, rows([1], [at(0)])).to_arrow(timeout=timeout)


def test_generous_timeout_changes_nothing(hourly: FeatureRepo) -> None:
    job = start(hourly, rows([1], [at(4)]))
    assert job.to_arrow(timeout=600)["value"].to_pylist() == [4]
    assert job.to_df(timeout=600)["value"].tolist() == [4]


def wide_history(repo: FeatureRepo) -> None:
    """A view that takes the engine far longer than the limits of the tests that use it."""
    size = 1_000_000
    keys = pa.array(range(size), pa.int64())
    text = pa.array([f"key {i:020}" for i in range(size)])
    ts = pa.array([at(0)] * size, pa.timestamp("us", "UTC"))
    repo.add_view(pa.table({"key": text, "ts": ts, "value": keys}))


def test_timeout_stops_the_engine(repo: FeatureRepo) -> None:
    wide_history(repo)
    text = [f"key {i:020}" for i in range(200_000)]
    job = start(repo, rows(text, [at(1)] * len(text)))
    with pytest.raises(TimeoutError):
        job.to_arrow(timeout=0.001)  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        job.to_df(timeout=0.001)  # type: ignore[arg-type]


def test_ctrl_c_stops_the_engine(repo: FeatureRepo) -> None:
    wide_history(repo)
    text = [f"key {i:020}" for i in range(200_000)]
    job = start(repo, rows(text, [at(1)] * len(text)))
    timer = threading.Timer(0.02, signal.raise_signal, [signal.SIGINT])
    timer.start()

    def ask_for_ever() -> None:
        while True:
            job.to_arrow()

    with pytest.raises(KeyboardInterrupt):
        ask_for_ever()
    timer.join()
    assert job.to_arrow().num_rows == len(text)


def test_threads_of_python_get_the_same_answer(hourly: FeatureRepo) -> None:
    job = start(hourly, rows([1] * 10, [at(h) for h in range(10)]))
    expected = job.to_arrow()
    answers: list[bool] = []

    def ask() -> None:
        answers.extend(job.to_arrow().equals(expected) for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 160


def test_memory_goes_back(hourly: FeatureRepo) -> None:
    job = start(hourly, rows([1] * 1000, [at(3)] * 1000))
    job.to_arrow()
    before = pa.total_allocated_bytes()
    for _ in range(50):
        job.to_arrow()
    assert pa.total_allocated_bytes() == before


def test_dataframe_equals_the_table(hourly: FeatureRepo) -> None:
    job = start(hourly, rows([1, 2], [at(3)] * 2, text=["a", None]))
    expected = pd.DataFrame({"key": [1, 2], "text": ["a", None]})
    expected.insert(1, "event_timestamp", pd.Series([at(3)] * 2).dt.as_unit("us"))
    expected["value"] = pd.array([3, None], dtype="Int64")
    pd.testing.assert_frame_equal(job.to_df(), expected)
