# SPDX-License-Identifier: Apache-2.0
"""pull_latest and pull_all: what materialization, saved datasets and logs read."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest
from feast import FileSource
from feast.errors import FeastJoinKeysDuringMaterialization
from feast.infra.offline_stores.offline_store import RetrievalJob
from feature_repo import FeatureRepo, at, history, timestamps

from feast_larder import LarderOfflineStore

MICROSECOND = timedelta(microseconds=1)


def pull(
    repo: FeatureRepo, kind: str, path: str = "stats.parquet", **options: object
) -> RetrievalJob:
    arguments: dict[str, Any] = {
        "config": repo.store.config,
        "data_source": FileSource(name="stats", path=path, timestamp_field="ts"),
        "join_key_columns": ["key"],
        "feature_name_columns": ["value"],
        "timestamp_field": "ts",
        "created_timestamp_column": None,
        "start_date": at(-1000),
        "end_date": at(1000),
    }
    store = LarderOfflineStore()
    method = {
        "latest": store.pull_latest_from_table_or_query,
        "all": store.pull_all_from_table_or_query,
    }[kind]
    return method(**{**arguments, **options})


def values(job: RetrievalJob) -> list[object]:
    return sorted(job.to_arrow()["value"].to_pylist())


both = pytest.mark.parametrize("kind", ["latest", "all"])


@both
def test_columns_are_keys_features_and_times(repo: FeatureRepo, kind: str) -> None:
    table = history([1], [at(0)], other=[5], value=[1], created=timestamps(at(1)))
    repo.write(table, "stats.parquet")
    found = pull(repo, kind, created_timestamp_column="created").to_arrow()
    assert found.equals(table.select(["key", "value", "ts", "created"]))
    assert pull(repo, kind).to_arrow().equals(table.select(["key", "value", "ts"]))


@both
@pytest.mark.parametrize("created", [None, ""])
def test_no_created_column(repo: FeatureRepo, kind: str, created: str | None) -> None:
    repo.write(history([1], [at(0)], value=[1]), "stats.parquet")
    assert values(pull(repo, kind, created_timestamp_column=created)) == [1]


@both
def test_both_bounds_are_inclusive(repo: FeatureRepo, kind: str) -> None:
    times = [at(1) - MICROSECOND, at(1), at(2), at(2) + MICROSECOND]
    repo.write(history([1, 2, 3, 4], times, value=[1, 2, 3, 4]), "stats.parquet")
    assert values(pull(repo, kind, start_date=at(1), end_date=at(2))) == [2, 3]


@both
def test_bounds_in_other_zones_and_naive(repo: FeatureRepo, kind: str) -> None:
    repo.write(history([1, 2], [at(1), at(3)], value=[1, 2]), "stats.parquet")
    plus_two = timezone(timedelta(hours=2))
    start, end = at(1).astimezone(plus_two), datetime(2024, 1, 1, 2)
    assert values(pull(repo, kind, start_date=start, end_date=end)) == [1]


@both
@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"start_date": at(2), "end_date": None}, [2, 3]),
        ({"start_date": None, "end_date": at(2)}, [1, 2]),
        ({"start_date": at(9), "end_date": at(10)}, []),
        ({"start_date": at(3), "end_date": at(1)}, []),
    ],
)
def test_open_and_empty_ranges(
    repo: FeatureRepo, kind: str, bounds: dict[str, datetime | None], expected: list[int]
) -> None:
    repo.write(history([1, 2, 3], [at(1), at(2), at(3)], value=[1, 2, 3]), "stats.parquet")
    job = pull(repo, kind, **bounds)
    assert values(job) == expected
    assert job.to_arrow().schema.field("value").type == pa.int64()


def test_all_without_bounds_has_rows_without_time(repo: FeatureRepo) -> None:
    repo.write(history([1, 2], [at(1), None], value=[1, 2]), "stats.parquet")
    assert values(pull(repo, "all", start_date=None, end_date=None)) == [1, 2]
    assert values(pull(repo, "all", start_date=None)) == [1]


def test_latest_takes_the_newest_of_each_key(repo: FeatureRepo) -> None:
    times = [at(1), at(3), at(2), None]
    table = history([1, 1, 2, 2], times, value=[1, 3, 2, 9])
    repo.write(table, "stats.parquet")
    assert values(pull(repo, "latest")) == [2, 3]
    assert values(pull(repo, "latest", end_date=at(2))) == [1, 2]


def test_latest_breaks_ties_like_retrieval(repo: FeatureRepo) -> None:
    created = timestamps(at(5), None, at(3), at(7), at(7))
    table = history([1, 1, 1, 2, 2], [at(1)] * 5, value=[15, 10, 13, 20, 21], created=created)
    repo.write(table, "stats.parquet")
    assert values(pull(repo, "latest", created_timestamp_column="created")) == [15, 21]
    assert values(pull(repo, "latest")) == [13, 21]


def test_latest_has_no_null_keys(repo: FeatureRepo) -> None:
    keys = pa.array([None, 0], pa.int64())
    repo.write(history(keys, [at(1)] * 2, value=[1, 2]), "stats.parquet")
    assert values(pull(repo, "latest")) == [2]
    assert values(pull(repo, "all")) == [1, 2]


@both
def test_dummy_entity_stands_for_no_join_keys(repo: FeatureRepo, kind: str) -> None:
    repo.write(history([1, 2], [at(1), at(2)], value=[1, 2]), "stats.parquet")
    found = pull(repo, kind, join_key_columns=[]).to_arrow()
    assert found.column_names == ["value", "ts", "__dummy_id"]
    assert set(found["__dummy_id"].to_pylist()) == {""}
    assert found["value"].to_pylist() == ([2] if kind == "latest" else [1, 2])
    again = pull(repo, kind, join_key_columns=["__dummy_id"]).to_arrow()
    assert again.equals(found)


@both
def test_no_features_stands_for_all_columns(repo: FeatureRepo, kind: str) -> None:
    table = history([1], [at(0)], a=["x"], b=[[1]])
    repo.write(table, "stats.parquet")
    assert pull(repo, kind, feature_name_columns=[]).to_arrow().equals(table)


@both
def test_index_of_pandas_in_a_file_is_a_column(repo: FeatureRepo, kind: str) -> None:
    frame = history([1], [at(0)], value=[1]).to_pandas().set_index("key")
    repo.write(pa.Table.from_pandas(frame), "stats.parquet")
    job = pull(repo, kind)
    assert job.to_df()["key"].tolist() == [1]
    assert job.to_arrow().to_pandas()["key"].tolist() == [1]


@both
@pytest.mark.parametrize("features", [["value"], []])
def test_missing_join_keys(repo: FeatureRepo, kind: str, features: list[str]) -> None:
    repo.write(history([1], [at(0)], value=[1]), "stats.parquet")
    job = pull(repo, kind, join_key_columns=["key", "gone"], feature_name_columns=features)
    with pytest.raises(FeastJoinKeysDuringMaterialization, match="gone"):
        job.to_arrow()


@both
@pytest.mark.parametrize("option", ["timestamp_field", "created_timestamp_column"])
def test_missing_time_column(repo: FeatureRepo, kind: str, option: str) -> None:
    repo.write(history([1], [at(0)], value=[1]), "stats.parquet")
    with pytest.raises(ValueError, match="gone") as error:
        pull(repo, kind, **{option: "gone"}).to_arrow()
    assert "stats.parquet" in str(error.value)


@both
def test_missing_feature_column(repo: FeatureRepo, kind: str) -> None:
    repo.write(history([1], [at(0)], value=[1]), "stats.parquet")
    with pytest.raises(ValueError, match="gone") as error:
        pull(repo, kind, feature_name_columns=["value", "gone"]).to_arrow()
    assert "stats.parquet" in str(error.value)


@both
def test_result_is_one_chunk(repo: FeatureRepo, kind: str) -> None:
    for day in range(3):
        table = history([day, day + 10], [at(day)] * 2, value=[day, day + 10])
        repo.write(table, f"days/{day}.parquet", row_group_size=1)
    found = pull(repo, kind, "days").to_arrow()
    assert {column.num_chunks for column in found.columns} == {1}
    assert sorted(found["value"].to_pylist()) == [0, 1, 2, 10, 11, 12]


@both
def test_int64_with_nulls_is_exact(repo: FeatureRepo, kind: str) -> None:
    table = history([1, 2], [at(0)] * 2, value=[2**60 + 1, None])
    repo.write(table, "stats.parquet")
    job = pull(repo, kind)
    assert job.to_arrow()["value"].to_pylist() == [2**60 + 1, None]
    assert job.to_df()["value"][0] == 2**60 + 1


@both
def test_times_as_strings_are_parsed(repo: FeatureRepo, kind: str) -> None:
    texts = ["2024-01-01T05:00:00+02:00", "2024-01-01T04:00:00"]
    table = pa.table({"key": [1, 2], "ts": texts, "value": [3, 4]})
    repo.write(table, "stats.parquet")
    found = pull(repo, kind).to_arrow()
    assert dict(zip(found["value"].to_pylist(), found["ts"].to_pylist(), strict=True)) == {
        3: at(3),
        4: at(4),
    }


@both
def test_metadata(repo: FeatureRepo, kind: str) -> None:
    metadata = pull(repo, kind, start_date=at(1), end_date=at(2)).metadata
    assert metadata is not None
    assert (metadata.features, metadata.keys) == (["value"], ["key"])
    bounds = (metadata.min_event_timestamp, metadata.max_event_timestamp)
    assert bounds == (at(1).replace(tzinfo=UTC), at(2))


@both
def test_construction_reads_nothing(repo: FeatureRepo, kind: str) -> None:
    job = pull(repo, kind, "gone.parquet")
    with pytest.raises(FileNotFoundError, match=r"gone\.parquet"):
        job.to_arrow()


@both
def test_timeout(repo: FeatureRepo, kind: str) -> None:
    size = 1_000_000
    table = pa.table(
        {
            "key": [f"{i:020}" for i in range(size)],
            "ts": pa.array([at(0)] * size, pa.timestamp("us", "UTC")),
            "value": range(size),
        }
    )
    repo.write(table, "stats.parquet")
    with pytest.raises(TimeoutError):
        pull(repo, kind).to_arrow(timeout=0.001)  # type: ignore[arg-type]
