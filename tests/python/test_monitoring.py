# SPDX-License-Identifier: Apache-2.0
"""Monitoring metrics: computed like Feast's own calculator does, kept by concurrent writers."""

import math
import multiprocessing
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from feast import FileSource
from feast.data_source import DataSource
from feast.monitoring.metrics_calculator import MetricsCalculator
from feast.monitoring.monitoring_service import MonitoringService
from feast.repo_config import RepoConfig
from feast.types import Float64, Int64, String
from feature_repo import FeatureRepo, at, history, timestamps

from feast_larder import LarderOfflineStore, LarderSource

Metric = dict[str, Any]


def metrics(
    repo: FeatureRepo,
    columns: list[tuple[str, str]],
    source: DataSource | None = None,
    **options: Any,  # noqa: ANN401
) -> list[Metric]:
    source = source or LarderSource(path="stats.parquet", timestamp_field="ts")
    return LarderOfflineStore.compute_monitoring_metrics(
        repo.store.config, source, columns, "ts", **options
    )


def assert_alike(found: Any, expected: Any) -> None:  # noqa: ANN401
    """Equal but for the last digits of floats."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            assert_alike(found[key], expected[key])
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_alike(one, other)
    elif isinstance(expected, float):
        assert math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12)
    else:
        assert found == expected


NUMBERS = {
    "floats": np.random.default_rng(1).normal(size=500).tolist(),
    "integers": np.random.default_rng(2).integers(-50, 50, 300).tolist(),
    "tenths": [i / 10 for i in range(101)],
    "constant": [3.0] * 7,
    "single": [5.0],
    "with nulls": [1.0, None, 2.0, None, 4.0],
    "all null": [None, None],
    "none": [],
    "tiny range": [1.0, 1.0 + 1e-9, 1.0 + 2e-9],
}


@pytest.mark.parametrize("values", NUMBERS.values(), ids=NUMBERS.keys())
@pytest.mark.parametrize("bins", [1, 7, 20])
def test_numeric_as_feast_computes_it(
    repo: FeatureRepo, values: list[float | None], bins: int
) -> None:
    column = pa.array(
        values, pa.int64() if "int" in str(values and type(values[0])) else pa.float64()
    )
    repo.write(history([1] * len(values), [at(0)] * len(values), v=column), "stats.parquet")
    (found,) = metrics(repo, [("v", "numeric")], histogram_bins=bins)
    expected = MetricsCalculator(histogram_bins=bins).compute_numeric(pa.chunked_array([column]))
    assert_alike(found, {"feature_name": "v", **expected})


CATEGORIES = {
    "texts": ["a", "b", "a", None, "c", "a", "b"],
    "flags": [True, False, True, None],
    "many": [f"v{i % 17:02}" for i in range(100)] + ["v00"],
    "all null": [None],
    "none": [],
}


@pytest.mark.parametrize("values", CATEGORIES.values(), ids=CATEGORIES.keys())
@pytest.mark.parametrize("top_n", [1, 3, 10])
def test_categorical_as_feast_computes_it(
    repo: FeatureRepo, values: list[object], top_n: int
) -> None:
    column = pa.array(values, pa.bool_() if True in values else pa.string())
    repo.write(history([1] * len(values), [at(0)] * len(values), v=column), "stats.parquet")
    (found,) = metrics(repo, [("v", "categorical")], top_n=top_n)
    expected = MetricsCalculator(top_n=top_n).compute_categorical(pa.chunked_array([column]))
    assert {"feature_name": "v", **expected} == found


def test_values_that_are_not_finite(repo: FeatureRepo) -> None:
    column = pa.array([1.0, math.nan, math.inf, 3.0, None])
    repo.write(history([1] * 5, [at(0)] * 5, v=column), "stats.parquet")
    (found,) = metrics(repo, [("v", "numeric")], histogram_bins=2)
    assert (found["row_count"], found["null_count"]) == (5, 1)
    assert (found["mean"], found["stddev"], found["max_val"]) == (None, None, None)
    assert (found["min_val"], found["p50"]) == (1.0, 3.0)
    assert found["histogram"]["counts"] == [1, 1]


def test_numbers_that_feast_refuses(repo: FeatureRepo) -> None:
    table = history([1] * 3, [at(0)] * 3, v=[2**60, 2**60 + 1, 2**60 + 2048], w=[-1e308, 0, 1e308])
    repo.write(table, "stats.parquet")
    large, wide = metrics(repo, [("v", "numeric"), ("w", "numeric")], histogram_bins=7)
    assert large["min_val"] == 2.0**60
    assert sum(large["histogram"]["counts"]) == 3
    assert (wide["mean"], wide["histogram"]) == (0.0, None)


def test_decimals_lists_and_unknown_columns(repo: FeatureRepo) -> None:
    table = history(
        [1, 2],
        [at(0)] * 2,
        price=pa.array([1, 2], pa.decimal128(9, 2)),
        items=[[1], None],
        words=[["a"], ["a"]],
    )
    repo.write(table, "stats.parquet")
    wanted = [
        ("price", "numeric"),
        ("gone", "numeric"),
        ("items", "numeric"),
        ("words", "categorical"),
        ("key", "other"),
    ]
    found = {metric["feature_name"]: metric for metric in metrics(repo, wanted)}
    assert list(found) == ["price", "items", "words"]
    assert found["price"]["mean"] == 1.5
    assert (found["items"]["null_count"], found["items"]["histogram"]) == (1, None)
    assert found["words"]["histogram"]["values"] == [{"value": ["a"], "count": 2}]


def test_both_bounds_are_inclusive(repo: FeatureRepo) -> None:
    repo.write(history([1] * 4, [at(h) for h in range(4)], v=[1, 2, 4, 8]), "stats.parquet")
    for bounds, mean in (
        ({"start_date": at(1), "end_date": at(2)}, 3.0),
        ({"start_date": at(1)}, 14 / 3),
        ({"end_date": at(1)}, 1.5),
        ({"start_date": at(9)}, None),
    ):
        (found,) = metrics(repo, [("v", "numeric")], **bounds)
        assert found["mean"] == mean


def test_mapped_names_and_queries(repo: FeatureRepo) -> None:
    table = pa.table({"when": timestamps(at(1), at(2)), "v": [1, 3]})
    repo.write(table, "stats.parquet")
    mapping = {"when": "ts", "v": "value"}
    sources = [
        FileSource(path="stats.parquet", timestamp_field="ts", field_mapping=mapping),
        LarderSource(
            name="q",
            query="FROM read_parquet('stats.parquet')",
            timestamp_field="ts",
            field_mapping=mapping,
        ),
    ]
    for source in sources:
        (found,) = metrics(repo, [("value", "numeric")], source, start_date=at(2))
        assert (found["feature_name"], found["mean"]) == ("value", 3.0)
        newest = LarderOfflineStore.get_monitoring_max_timestamp(repo.store.config, source, "ts")
        assert newest == at(2)


def test_source_without_files(repo: FeatureRepo) -> None:
    source = LarderSource(path="gone", timestamp_field="ts")
    (found,) = metrics(repo, [("v", "numeric")], source)
    assert (found["row_count"], found["histogram"]) == (0, None)
    config = repo.store.config
    assert LarderOfflineStore.get_monitoring_max_timestamp(config, source, "ts") is None


@pytest.mark.parametrize(
    ("times", "newest"),
    [
        (timestamps(at(1), at(2), None, zone="Asia/Tokyo"), at(2)),
        (timestamps(at(1), at(2), None, unit="ns", zone=None), at(2)),
        (pa.array([date(2024, 1, 1), date(2024, 1, 2), None]), at(24)),
        (pa.array(["2024-01-01T05:00:00+05:00", "2024-01-01T01:00:00Z", None]), at(1)),
        (timestamps(None, None, None), None),
    ],
)
def test_max_timestamp(repo: FeatureRepo, times: pa.Array, newest: datetime | None) -> None:
    repo.write(pa.table({"ts": times}), "stats.parquet")
    source = LarderSource(path="stats.parquet", timestamp_field="ts")
    config = repo.store.config
    assert LarderOfflineStore.get_monitoring_max_timestamp(config, source, "ts") == newest


def feature_metric(**changes: Any) -> Metric:  # noqa: ANN401
    return {
        "project_id": "test",
        "feature_view_name": "stats",
        "feature_name": "value",
        "metric_date": date(2024, 1, 1),
        "granularity": "daily",
        "data_source_type": "batch",
        "computed_at": at(30),
        "max_event_timestamp": None,
        "is_baseline": False,
        "feature_type": "numeric",
        "row_count": 3,
        "null_count": 1,
        "null_rate": 1 / 3,
        "mean": 1.5,
        "histogram": {"bins": [0.0, 1.0], "counts": [3], "bin_width": 1.0},
        **changes,
    }


def saved(repo: FeatureRepo, metric_type: str = "feature", **options: Any) -> list[Metric]:  # noqa: ANN401
    query = {"project": "test", **options}
    return LarderOfflineStore.query_monitoring_metrics(
        repo.store.config, metric_type=metric_type, **query
    )


def save(repo: FeatureRepo, *rows: Metric, metric_type: str = "feature") -> None:
    LarderOfflineStore.save_monitoring_metrics(repo.store.config, metric_type, list(rows))


class TestStorage:
    def test_nothing_saved(self, repo: FeatureRepo) -> None:
        assert saved(repo) == []
        LarderOfflineStore.ensure_monitoring_tables(repo.store.config)
        LarderOfflineStore.ensure_monitoring_tables(repo.store.config)
        save(repo)
        assert saved(repo) == []

    def test_rows_come_back_as_feast_reads_them(self, repo: FeatureRepo) -> None:
        save(repo, feature_metric(max_event_timestamp=datetime(2024, 1, 1, 5)))
        (found,) = saved(repo)
        assert found["metric_date"] == "2024-01-01"
        assert found["computed_at"] == "2024-01-02T06:00:00+00:00"
        assert found["max_event_timestamp"] == "2024-01-01T05:00:00+00:00"
        assert found["histogram"] == {"bins": [0.0, 1.0], "counts": [3], "bin_width": 1.0}
        assert (found["is_baseline"], found["row_count"], found["p50"]) == (False, 3, None)

    def test_newest_of_a_key_counts(self, repo: FeatureRepo) -> None:
        save(repo, feature_metric(mean=1.0), feature_metric(mean=2.0))
        assert [row["mean"] for row in saved(repo)] == [2.0]
        save(repo, feature_metric(mean=3.0))
        save(repo, feature_metric(mean=9.0, feature_name="other"))
        assert [(row["feature_name"], row["mean"]) for row in saved(repo)] == [
            ("other", 9.0),
            ("value", 3.0),
        ]

    def test_filters_dates_and_order(self, repo: FeatureRepo) -> None:
        days = [date(2024, 1, day) for day in (3, 1, 2)]
        save(repo, *(feature_metric(metric_date=day, mean=float(day.day)) for day in days))
        save(repo, feature_metric(project_id="elsewhere"))

        def means(**options: Any) -> list[float]:  # noqa: ANN401
            return [row["mean"] for row in saved(repo, **options)]

        assert means() == [1.0, 2.0, 3.0]
        assert means(start_date=date(2024, 1, 2)) == [2.0, 3.0]
        assert means(end_date=date(2024, 1, 2)) == [1.0, 2.0]
        assert means(filters={"feature_name": "value", "granularity": None}) == [1.0, 2.0, 3.0]
        assert means(filters={"feature_name": "it's"}) == []
        assert means(filters={"is_baseline": True}) == []
        assert means(filters={"metric_date": date(2024, 1, 2)}) == [2.0]
        assert len(means(project="")) == 4
        with pytest.raises(ValueError, match="nonsense"):
            means(filters={"nonsense": 1})

    def test_other_types(self, repo: FeatureRepo) -> None:
        view = {
            "project_id": "test",
            "feature_view_name": "stats",
            "metric_date": "2024-01-01",
            "granularity": "daily",
            "data_source_type": "batch",
            "computed_at": "2024-01-02T00:00:00+02:00",
            "total_row_count": 5,
            "max_null_rate": 0.5,
        }
        save(repo, view, metric_type="feature_view")
        (found,) = saved(repo, "feature_view")
        assert (found["total_row_count"], found["avg_null_rate"]) == (5, None)
        assert found["computed_at"] == "2024-01-01T22:00:00+00:00"
        with pytest.raises(ValueError, match="nonsense"):
            saved(repo, "nonsense")
        with pytest.raises(ValueError, match="nonsense"):
            save(repo, view, metric_type="nonsense")

    def test_path_is_configured(
        self, make_repo: Callable[..., FeatureRepo], tmp_path: Path
    ) -> None:
        repo = make_repo(monitoring_path=str(tmp_path / "metrics"))
        save(repo, feature_metric())
        assert (tmp_path / "metrics").is_dir()
        assert len(saved(repo)) == 1

    def test_clearing_of_baselines(self, repo: FeatureRepo) -> None:
        names = ("a", "b")
        save(repo, *(feature_metric(feature_name=name, is_baseline=True) for name in names))
        save(repo, feature_metric(feature_view_name="other", is_baseline=True))
        clear = LarderOfflineStore.clear_monitoring_baseline
        config = repo.store.config

        def baselines() -> list[str]:
            found = saved(repo, filters={"is_baseline": True})
            return sorted(f"{row['feature_view_name']}.{row['feature_name']}" for row in found)

        assert baselines() == ["other.value", "stats.a", "stats.b"]
        clear(config, "elsewhere")
        clear(config, "test", data_source_type="log")
        assert baselines() == ["other.value", "stats.a", "stats.b"]
        clear(config, "test", "stats", "a")
        assert baselines() == ["other.value", "stats.b"]
        save(repo, feature_metric(feature_name="a", is_baseline=True))
        assert baselines() == ["other.value", "stats.a", "stats.b"]
        clear(config, "test", feature_view_name="stats")
        assert baselines() == ["other.value"]
        clear(config, "test")
        assert baselines() == []
        assert len(saved(repo)) == 3


def _save_many(config: RepoConfig, writer: int) -> None:
    for number in range(10):
        metric = feature_metric(feature_name=f"{writer} {number}")
        LarderOfflineStore.save_monitoring_metrics(config, "feature", [metric])
        shared = feature_metric(feature_name="shared", mean=float(writer))
        LarderOfflineStore.save_monitoring_metrics(config, "feature", [shared])


def test_processes_save_at_once(repo: FeatureRepo) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=_save_many, args=(repo.store.config, writer)) for writer in range(2)
    ]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
    assert [process.exitcode for process in writers] == [0, 0]
    assert len(saved(repo)) == 21


class TestService:
    @pytest.fixture
    def monitored(self, repo: FeatureRepo) -> FeatureRepo:
        end = datetime.now(UTC).replace(microsecond=0)
        times = [end - timedelta(hours=hour) for hour in range(20)]
        table = history([1] * 20, times, value=[float(i) for i in range(20)], name=["a", "b"] * 10)
        types = {"value": Float64, "name": String, "key": Int64}
        repo.add_view(table, features=["value", "name"], types=types)
        return repo

    def test_auto_compute(self, monitored: FeatureRepo) -> None:
        service = MonitoringService(monitored.store)
        result = service.auto_compute(project="test")
        assert result["status"] == "completed"
        found = {(row["feature_name"], row["granularity"]): row for row in saved(monitored)}
        assert found[("value", "weekly")]["row_count"] == 20
        assert found[("value", "weekly")]["mean"] == 9.5
        assert found[("name", "weekly")]["histogram"]["unique_count"] == 2
        (view, *_) = saved(monitored, "feature_view", filters={"granularity": "weekly"})
        assert (view["total_row_count"], view["total_features"]) == (20, 2)

    def test_baseline_and_jobs(self, monitored: FeatureRepo) -> None:
        service = MonitoringService(monitored.store)
        view = monitored.store.get_feature_view("stats")
        (job,) = service.submit_baseline_for_new_features(project="test", feature_views=[view])
        service.execute_job(job)
        assert service.get_job(job)["status"] == "completed"
        for _ in range(2):
            service.compute_baseline(project="test", feature_view_name="stats")
            baselines = service.get_baseline(project="test", feature_view_name="stats")
            assert sorted(row["feature_name"] for row in baselines) == ["name", "value"]
