# SPDX-License-Identifier: Apache-2.0
"""Entity rows by reference: Parquet files and SQL queries."""

import signal
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feast import FileSource
from feast.errors import EntityTimestampInferenceException, FeastEntityDFMissingColumnsError
from feature_repo import FeatureRepo, at, history, rows, timestamps

from feast_larder import LarderSource


@pytest.fixture
def hourly(repo: FeatureRepo) -> FeatureRepo:
    repo.add_view(history([1] * 10, [at(h) for h in range(10)], value=list(range(10))))
    return repo


FORMS = ["relative", "absolute", "Path", "directory", "glob"]


@pytest.mark.parametrize("form", FORMS)
def test_path_of_parquet(hourly: FeatureRepo, form: str) -> None:
    hourly.write(rows([1, 2], [at(3), at(3)], label=["a", "b"]), "labels/0.parquet")
    hourly.write(rows([1], [at(5)], label=["c"]), "labels/1.parquet")
    folder = hourly.path / "labels"
    places: dict[str, tuple[str | Path, list[str]]] = {
        "relative": ("labels/0.parquet", ["a", "b"]),
        "absolute": (str(folder / "0.parquet"), ["a", "b"]),
        "Path": (folder / "0.parquet", ["a", "b"]),
        "directory": (str(folder), ["a", "b", "c"]),
        "glob": ("labels/*.parquet", ["a", "b", "c"]),
    }
    place, labels = places[form]
    result = hourly.join(place)
    assert result.column_names == ["key", "event_timestamp", "label", "value"]
    assert result["label"].to_pylist() == labels
    assert result["value"].to_pylist() == [3, None, 5][: len(labels)]


def test_columns_of_a_file_come_back_untouched(hourly: FeatureRepo) -> None:
    table = pa.table(
        {
            "when": timestamps(at(4), None, unit="ns", zone="Asia/Tokyo"),
            "key": pa.array([1, 1], pa.int16()),
            "kind": pa.array(["x", None]).dictionary_encode(),
            "nested": [[1], None],
            "big": pa.array(["y", None], pa.large_string()),
        }
    )
    hourly.write(table, "labels.parquet")
    result = hourly.join("labels.parquet")
    assert result["value"].to_pylist() == [4, None]
    assert result.drop_columns(["value"]).equals(pq.read_table(hourly.path / "labels.parquet"))


def test_missing_file_is_named_when_the_job_runs(hourly: FeatureRepo) -> None:
    job = hourly.store.get_historical_features("gone.parquet", ["stats:value"])
    with pytest.raises(FileNotFoundError, match=r"gone\.parquet"):
        job.to_arrow()
    hourly.write(rows([1], [at(2)]), "gone.parquet")
    assert job.to_arrow()["value"].to_pylist() == [2]


@pytest.mark.parametrize("table", ["stats", "stats_source", "STATS"])
def test_sql_sees_sources_by_name(hourly: FeatureRepo, table: str) -> None:
    sql = f"SELECT key, ts + INTERVAL 1 HOUR AS event_timestamp FROM {table} WHERE value < 3"
    job = hourly.store.get_historical_features(sql, ["stats:value"])
    assert job.to_arrow()["value"].to_pylist() == [1, 2, 3]
    assert job.to_df()["event_timestamp"].tolist() == [at(1), at(2), at(3)]
    assert job.to_sql() == sql


def test_sql_sees_views_that_are_not_requested(hourly: FeatureRepo) -> None:
    hourly.add_view(history([1, 1], [at(4), at(6)], value=[0, 0]), name="labels")
    hourly.store.apply([FileSource(name="loose", path="labels.parquet", timestamp_field="ts")])
    for table in ("labels", "labels_source", "loose"):
        sql = f"SELECT key, ts AS event_timestamp FROM {table}"
        assert hourly.values(sql) == [4, 6]


def test_sql_names_are_whole_words_and_may_be_quoted(hourly: FeatureRepo) -> None:
    sources = [
        FileSource(name="t", path="s3://not/local", timestamp_field="ts"),
        FileSource(name="s", path="gone.parquet", timestamp_field="ts"),
        FileSource(name='odd "name" \'here', path="stats.parquet", timestamp_field="ts"),
    ]
    hourly.store.apply(sources)
    odd = '"odd ""name"" \'here"'
    for sql in (
        "SELECT s.key, s.ts AS event_timestamp FROM stats AS s WHERE s.value = 4",
        f"SELECT key, ts AS event_timestamp FROM {odd} WHERE value = 4 AND 'it\"s' <> ''",
    ):
        assert hourly.values(sql) == [4]
    with pytest.raises(FileNotFoundError, match=r"gone\.parquet"):
        hourly.values("SELECT key, ts AS event_timestamp FROM s")
    with pytest.raises(ValueError, match="not local"):
        hourly.values("SELECT key, ts AS event_timestamp FROM t")


def test_sql_sees_partitions_and_queries(hourly: FeatureRepo) -> None:
    hourly.write(history([1], [at(4)], value=[0]), "days/day=2024-01-01/a.parquet")
    hourly.write(history([1], [at(5)], value=[0]), "days/day=2024-01-02/a.parquet")
    hourly.add_view("days", name="days", features=["value"])
    sql = "SELECT key, ts AS event_timestamp FROM days WHERE day = '2024-01-02'"
    assert hourly.values(sql) == [5]
    query = "SELECT * FROM read_parquet('days/*/*.parquet') ORDER BY ts;"
    source = LarderSource(name="queried", query=query, timestamp_field="ts")
    hourly.add_view(source, name="again")
    assert hourly.values("SELECT key, ts AS event_timestamp FROM queried") == [4, 5]


def test_sql_keeps_its_order_and_extra_columns(hourly: FeatureRepo) -> None:
    sql = """
        SELECT 1 AS key, TIMESTAMP '2024-01-01' + i * INTERVAL 1 HOUR AS event_timestamp, i AS i
        FROM range(9) AS r(i) ORDER BY i % 3, i; -- a comment
    """
    result = hourly.join(sql)
    order = [0, 3, 6, 1, 4, 7, 2, 5, 8]
    assert result["i"].to_pylist() == result["value"].to_pylist() == order


@pytest.mark.parametrize(
    "when", ["TIMESTAMPTZ '2024-01-01 05:00:00+02'", "TIMESTAMP '2024-01-01 03:00:00'"]
)
def test_sql_times_are_utc_wherever_it_runs(
    hourly: FeatureRepo, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    assert hourly.values(f"SELECT 1 AS key, {when} AS event_timestamp") == [3]


def test_metadata_of_sql_and_files(hourly: FeatureRepo) -> None:
    hourly.write(rows([1, 1], [at(5), at(2)], label=[0, 0]), "labels.parquet")
    sql = "SELECT 1 AS label, * FROM stats_source WHERE value IN (2, 5)"
    for entity_df, keys in (("labels.parquet", ["key", "label"]), (sql, ["label", "key", "value"])):
        features = ["stats:value"]
        job = hourly.store.get_historical_features(entity_df, features, full_feature_names=True)
        metadata = job.metadata
        assert metadata is not None
        assert metadata.features == ["stats:value"]
        assert metadata.keys == keys
        assert (metadata.min_event_timestamp, metadata.max_event_timestamp) == (at(2), at(5))


def test_metadata_of_texts_in_several_zones(hourly: FeatureRepo) -> None:
    sql = """SELECT 1 AS key, unnest(['2024-01-01T05:00:00+04:00', '2024-01-01T02:00:00Z'])
             AS event_timestamp"""
    metadata = hourly.store.get_historical_features(sql, ["stats:value"]).metadata
    assert metadata is not None
    assert (metadata.min_event_timestamp, metadata.max_event_timestamp) == (at(1), at(2))
    assert hourly.values(sql) == [1, 2]


class TestMistakesInSql:
    @pytest.mark.parametrize(
        ("sql", "words"),
        [
            ("SELECT 1 AS key FROM nowhere", "nowhere"),
            ("SELEC 1", "SQL"),
            ("SELECT 1; SELECT 2", "one SELECT"),
            ("COPY stats TO 'stolen.parquet'", "one SELECT"),
            ("SELECT 1 AS a, 2 AS a, now() AS event_timestamp", r"several columns.*'a'"),
            ("no such file", "SQL"),
        ],
    )
    def test_is_an_error_in_words(self, hourly: FeatureRepo, sql: str, words: str) -> None:
        job = hourly.store.get_historical_features(sql, ["stats:value"])
        with pytest.raises(ValueError, match=words):
            job.to_arrow()
        assert not (hourly.path / "stolen.parquet").exists()

    def test_missing_join_key(self, hourly: FeatureRepo) -> None:
        sql = "SELECT 1 AS other, TIMESTAMP '2024-01-01' AS event_timestamp"
        with pytest.raises(FeastEntityDFMissingColumnsError, match="key"):
            hourly.values(sql)

    def test_no_time_column(self, hourly: FeatureRepo) -> None:
        with pytest.raises(EntityTimestampInferenceException):
            hourly.values("SELECT 1 AS key")

    def test_column_named_like_a_feature(self, hourly: FeatureRepo) -> None:
        with pytest.raises(ValueError, match="'value' is both"):
            hourly.values("SELECT key, ts AS event_timestamp, value FROM stats")

    def test_division_of_text_while_it_runs(self, hourly: FeatureRepo) -> None:
        sql = "SELECT CAST('x' || i AS INT) AS key, now() AS event_timestamp FROM range(3) t(i)"
        with pytest.raises((ValueError, OSError), match="x0"):
            hourly.values(sql)


def test_timeout_stops_sql(hourly: FeatureRepo) -> None:
    sql = """SELECT count(*) AS key, TIMESTAMP '2024-01-01' AS event_timestamp
             FROM range(300000000000) AS r(i) WHERE random() < 0.5"""
    job = hourly.store.get_historical_features(sql, ["stats:value"])
    with pytest.raises(TimeoutError):
        job.to_arrow(timeout=1)


@pytest.mark.parametrize("place", ["entity rows", "source"])
def test_ctrl_c_stops_sql(hourly: FeatureRepo, place: str) -> None:
    endless = "FROM range(300000000000) AS r(i) WHERE random() < 0.5"
    if place == "source":
        query = f"SELECT count(*) AS key, TIMESTAMP '2024-01-01' AS ts, 1 AS value {endless}"
        source = LarderSource(name="endless", query=query, timestamp_field="ts")
        hourly.add_view(source, name="endless_view")
        job = hourly.store.get_historical_features(rows([1], [at(0)]), ["endless_view:value"])
    else:
        sql = f"SELECT count(*) AS key, TIMESTAMP '2024-01-01' AS event_timestamp {endless}"
        job = hourly.store.get_historical_features(sql, ["stats:value"])
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        job.to_arrow(timeout=60)
    timer.join()
    assert hourly.values(rows([1], [at(2)])) == [2]


def test_no_sql_without_sql(hourly: FeatureRepo) -> None:
    job = hourly.store.get_historical_features(rows([1], [at(0)]), ["stats:value"])
    with pytest.raises(NotImplementedError, match="no SQL"):
        job.to_sql()


def test_record_batch_and_reader(hourly: FeatureRepo) -> None:
    (batch,) = rows([1], [at(4)]).to_batches()
    assert hourly.values(batch) == [4]


def test_pandas_index_and_attributes_do_not_matter(hourly: FeatureRepo) -> None:
    frame = pd.DataFrame({"key": [1, 1], "event_timestamp": [at(1), at(2)]}, index=[7, 3])
    assert hourly.values(frame) == [1, 2]


def test_without_entity_rows_default_range_is_the_longest_ttl(repo: FeatureRepo) -> None:
    now = datetime.now(UTC)
    times = [now - timedelta(hours=h) for h in (1, 30, 90)]
    table = history([1, 1, 1], times, value=[1, 2, 3])
    repo.add_view(table, ttl=timedelta(hours=48))
    assert repo.values(None, start_date=None, end_date=now) == [2, 1]
