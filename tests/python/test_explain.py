# SPDX-License-Identifier: Apache-2.0
"""explain(): what a job will read, and that it reads no more."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import Float64

from feast_larder import LarderRetrievalJob

DAYS = 90
FIRST = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    """A store over 90 daily files."""
    daily = tmp_path / "daily"
    daily.mkdir()
    for day in range(DAYS):
        times = [FIRST + timedelta(days=day, hours=hour) for hour in range(24)]
        table = pa.table(
            {
                "user_id": list(range(24)),
                "event_timestamp": pa.array(times, pa.timestamp("us", "UTC")),
                "score": [float(day)] * 24,
            }
        )
        pq.write_table(table, daily / f"day-{day:02}.parquet", row_group_size=12)
    (tmp_path / "feature_store.yaml").write_text(
        "project: explain\nprovider: local\nregistry: registry.db\n"
        "offline_store:\n  type: feast_larder.LarderOfflineStore\n"
        "entity_key_serialization_version: 3\n"
    )
    store = FeatureStore(repo_path=str(tmp_path))
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)
    source = FileSource(name="daily", path=str(daily), timestamp_field="event_timestamp")
    view = FeatureView(
        name="scores",
        entities=[user],
        ttl=timedelta(days=2),
        schema=[Field(name="score", dtype=Float64)],
        source=source,
    )
    store.apply([user, source, view])
    return store


def retrieval(store: FeatureStore) -> LarderRetrievalJob:
    """Features of entity rows in two of the days."""
    times = [FIRST + timedelta(days=50, hours=hour) for hour in range(48)]
    rows = pa.table(
        {
            "user_id": [hour % 24 for hour in range(48)],
            "event_timestamp": pa.array(times, pa.timestamp("us", "UTC")),
        }
    ).to_pandas()
    job = store.get_historical_features(rows, ["scores:score"])
    retrieval_job = getattr(job, "_retrieval_job", job)
    assert isinstance(retrieval_job, LarderRetrievalJob)
    return retrieval_job


def test_reads_few_of_many_files_and_no_more_than_it_says(store: FeatureStore) -> None:
    job = retrieval(store)
    (plan,) = job.explain().views
    assert plan.name == "scores"
    assert plan.files == DAYS
    assert plan.row_groups == 2 * DAYS
    assert 0 < plan.files_to_read <= 5
    assert 0 < plan.bytes_to_read < plan.bytes / 10

    assert job.to_arrow().num_rows == 48
    (view,) = job.stats()["views"]
    assert view["files_read"] <= plan.files_to_read
    assert view["row_groups_read"] <= plan.row_groups_to_read
    assert view["rows_scanned"] <= plan.rows_to_scan
    assert 0 < view["bytes_read"] <= plan.bytes_to_read


def test_is_readable_and_plain_values_too(store: FeatureStore) -> None:
    explanation = retrieval(store).explain()
    header, line = str(explanation).splitlines()
    assert header.split("  ")[0] == "feature view"
    assert line.startswith("scores")
    assert f"of {DAYS}" in line
    assert explanation.to_dict()["views"][0]["files"] == DAYS


def test_reads_nothing_of_the_features(store: FeatureStore) -> None:
    job = retrieval(store)
    job.explain()
    with pytest.raises(RuntimeError, match="has not run yet"):
        job.stats()
