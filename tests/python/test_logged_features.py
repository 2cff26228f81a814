# SPDX-License-Identifier: Apache-2.0
"""write_logged_features, and reading the logs back as Feast does."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feast import FeatureService
from feast.feature_logging import (
    LOG_DATE_FIELD,
    LOG_TIMESTAMP_FIELD,
    REQUEST_ID_FIELD,
    LoggingConfig,
    LoggingDestination,
)
from feast.infra.offline_stores.file_source import FileLoggingDestination
from feast.infra.offline_stores.redshift_source import RedshiftLoggingDestination
from feature_repo import FeatureRepo, at, history, timestamps

from feast_larder import LarderLoggingDestination

DESTINATIONS = [FileLoggingDestination, LarderLoggingDestination]
destinations = pytest.mark.parametrize("kind", DESTINATIONS)


def log(*times: datetime, **changes: Any) -> pa.Table:  # noqa: ANN401
    """A log of the service, a row for each time."""
    size = len(times)
    columns: dict[str, Any] = {
        "key": pa.array(range(size), pa.int64()),
        "stats__value": pa.array([2**60 + i for i in range(size)], pa.int64()),
        "stats__value__timestamp": timestamps(*times),
        "stats__value__status": pa.array([2] * size, pa.int32()),
        LOG_TIMESTAMP_FIELD: timestamps(*times),
        LOG_DATE_FIELD: pa.array([time.date() for time in times], pa.date32()),
        REQUEST_ID_FIELD: [f"request {i}" for i in range(size)],
    }
    columns.update(changes)
    return pa.table({name: column for name, column in columns.items() if column is not None})


def service(repo: FeatureRepo, destination: LoggingDestination) -> FeatureService:
    view = repo.add_view(history([1], [at(0)], value=[1]))
    made = FeatureService(
        name="service",
        features=[view],
        logging_config=LoggingConfig(destination=destination),
    )
    repo.store.apply([made])
    return repo.store.get_feature_service("service")


def read_back(repo: FeatureRepo, made: FeatureService, **bounds: datetime) -> pa.Table:
    job = repo.store._get_provider().retrieve_feature_service_logs(
        feature_service=made,
        start_date=bounds.get("start", at(-1000)),
        end_date=bounds.get("end", at(1000)),
        config=repo.store.config,
        registry=repo.store.registry,
    )
    return job.to_arrow()


def same_rows(found: pa.Table, expected: pa.Table) -> bool:
    order = [(LOG_TIMESTAMP_FIELD, "ascending")]
    columns = expected.column_names
    found = found.select(columns).cast(expected.schema)
    return bool(found.sort_by(order).equals(expected.sort_by(order)))


@destinations
@pytest.mark.parametrize("partition_by", [None, [LOG_DATE_FIELD]])
def test_logs_come_back_whole(
    repo: FeatureRepo, kind: type[LoggingDestination], partition_by: list[str] | None
) -> None:
    made = service(repo, kind(path="logs", partition_by=partition_by))
    first, second = log(at(0), at(1), at(25)), log(at(49), at(50))
    repo.store.write_logged_features(first, made)
    repo.store.write_logged_features(second, made)
    assert same_rows(read_back(repo, made), pa.concat_tables([first, second]))
    assert same_rows(
        read_back(repo, made, start=at(25), end=at(49)),
        pa.concat_tables([first.slice(2), second.slice(0, 1)]),
    )
    folders = sorted(path.name for path in (repo.path / "logs").iterdir() if path.is_dir())
    days = [f"{LOG_DATE_FIELD}=2024-01-0{day}" for day in (1, 2, 3)]
    assert folders == (days if partition_by else [])


@destinations
def test_directory_of_files_is_a_log(
    repo: FeatureRepo, tmp_path: Path, kind: type[LoggingDestination]
) -> None:
    made = service(repo, kind(path="logs"))
    directory = tmp_path / "written"
    directory.mkdir()
    pq.write_table(log(at(0)), directory / "a.parquet")
    pq.write_table(log(at(1)), directory / "b.parquet")
    for _ in range(2):
        repo.store.write_logged_features(directory, made)
    found = read_back(repo, made)
    assert sorted(found[LOG_TIMESTAMP_FIELD].to_pylist()) == [at(0), at(0), at(1), at(1)]


def test_columns_of_one_flush_may_be_all_null(repo: FeatureRepo) -> None:
    made = service(repo, LarderLoggingDestination(path="logs"))
    repo.store.write_logged_features(log(at(0), stats__value=pa.nulls(1)), made)
    repo.store.write_logged_features(log(at(1)), made)
    found = read_back(repo, made).sort_by(LOG_TIMESTAMP_FIELD)
    assert found["stats__value"].to_pylist() == [None, 2**60]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"stats__value": None}, "stats__value"),
        ({"surplus": [1]}, "surplus"),
        ({"stats__value": ["text"]}, "stats__value"),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_log_that_does_not_fit_is_refused_whole(
    repo: FeatureRepo, changes: dict[str, Any], named: str, is_first: bool
) -> None:
    made = service(repo, LarderLoggingDestination(path="logs"))
    if not is_first:
        repo.store.write_logged_features(log(at(0)), made)
    before = sorted((repo.path / "logs").rglob("*.parquet"))
    with pytest.raises((ValueError, TypeError), match=named):
        repo.store.write_logged_features(log(at(0), **changes), made)
    assert sorted((repo.path / "logs").rglob("*.parquet")) == before


def test_destinations_of_other_stores_are_refused(repo: FeatureRepo) -> None:
    made = service(repo, RedshiftLoggingDestination(table_name="t"))
    with pytest.raises(ValueError, match="RedshiftLoggingDestination"):
        repo.store.write_logged_features(log(at(0)), made)


def test_registry_gives_back_the_destination(repo: FeatureRepo) -> None:
    made = service(repo, LarderLoggingDestination(path="logs", partition_by=[LOG_DATE_FIELD]))
    assert made.logging_config is not None
    destination = made.logging_config.destination
    assert isinstance(destination, LarderLoggingDestination)
    assert (destination.path, destination.partition_by) == ("logs", [LOG_DATE_FIELD])
