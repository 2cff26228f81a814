# SPDX-License-Identifier: Apache-2.0
"""What may be passed as entity_df, and what becomes of it."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from feast.errors import EntityTimestampInferenceException, FeastEntityDFMissingColumnsError
from feature_repo import T0, FeatureRepo, at, history, rows, timestamps


@pytest.fixture
def hourly(repo: FeatureRepo) -> FeatureRepo:
    """Key 1 has a value in each of the first ten hours: the hour."""
    repo.add_view(history([1] * 10, [at(h) for h in range(10)], value=list(range(10))))
    return repo


def test_dataframe_index_is_ignored_and_order_kept(hourly: FeatureRepo) -> None:
    frame = pd.DataFrame(
        {"key": [1, 1, 2], "event_timestamp": [at(5), at(2), at(3)], "row": [0, 1, 2]},
        index=[7, 7, 3],
    )
    result = hourly.store.get_historical_features(frame, ["stats:value"]).to_df()
    assert list(result.columns) == ["key", "event_timestamp", "row", "value"]
    assert list(result.index) == [0, 1, 2]
    assert result["row"].tolist() == [0, 1, 2]
    assert result["value"].tolist() == [5, 2, pd.NA]


def test_the_callers_dataframe_is_left_alone(hourly: FeatureRepo) -> None:
    frame = pd.DataFrame({"key": [1], "event_timestamp": [at(5)]})
    before = frame.copy()
    hourly.values(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_nan_keys_become_null_and_match_nothing(repo: FeatureRepo) -> None:
    repo.add_view(history(pa.array([0, None], pa.int64()), [at(0)] * 2, value=[1, 2]))
    frame = pd.DataFrame({"key": [0.0, float("nan")], "event_timestamp": [at(1)] * 2})
    result = repo.join(frame)
    assert result["value"].to_pylist() == [1, None]
    assert result["key"].to_pylist() == [0.0, None]


def test_nat_times_keep_their_rows(hourly: FeatureRepo) -> None:
    frame = pd.DataFrame({"key": [1, 1], "event_timestamp": [pd.Timestamp(at(3)), pd.NaT]})
    assert hourly.values(frame) == [3, None]


def test_nullable_and_arrow_backed_dtypes(hourly: FeatureRepo) -> None:
    frame = pd.DataFrame(
        {
            "key": pd.array([1, None], dtype="Int64"),
            "event_timestamp": pd.array(
                [at(3)] * 2, dtype=pd.ArrowDtype(pa.timestamp("us", "UTC"))
            ),
        }
    )
    assert hourly.values(frame) == [3, None]


def test_objects_of_mixed_zones_become_utc(hourly: FeatureRepo) -> None:
    berlin, seattle = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Los_Angeles")
    times = [at(3), at(4).astimezone(berlin), at(5).astimezone(seattle), None]
    frame = pd.DataFrame({"key": 1, "event_timestamp": pd.Series(times, dtype=object)})
    result = hourly.join(frame)
    assert result["value"].to_pylist() == [3, 4, 5, None]
    assert result["event_timestamp"].type.tz == "UTC"
    assert result["event_timestamp"].to_pylist() == [at(3), at(4), at(5), None]


def test_naive_objects_are_utc(hourly: FeatureRepo) -> None:
    plus_one = timezone(timedelta(hours=1))
    times = [datetime(2024, 1, 1, 3), datetime(2024, 1, 1, 5, tzinfo=plus_one)]
    frame = pd.DataFrame({"key": 1, "event_timestamp": pd.Series(times, dtype=object)})
    assert hourly.values(frame) == [3, 4]


def test_timestamp_objects_keep_their_nanoseconds(repo: FeatureRepo) -> None:
    exact = pa.array([T0], pa.timestamp("ns", "UTC")).cast(pa.int64())[0].as_py() + 1
    repo.add_view(pa.table({"key": [1], "ts": pa.array([exact], pa.timestamp("ns")), "value": [1]}))
    times = [pd.Timestamp(exact - 1, tz="UTC"), pd.Timestamp(exact, tz="Asia/Tokyo")]
    frame = pd.DataFrame({"key": 1, "event_timestamp": pd.Series(times, dtype=object)})
    assert repo.values(frame) == [None, 1]


def test_objects_beyond_nanoseconds_keep_their_year(hourly: FeatureRepo) -> None:
    times = [datetime(1600, 1, 1, tzinfo=UTC), datetime(2500, 1, 1, tzinfo=UTC)]
    frame = pd.DataFrame({"key": 1, "event_timestamp": pd.Series(times, dtype=object)})
    result = hourly.join(frame)
    assert result["value"].to_pylist() == [None, 9]
    assert result["event_timestamp"].to_pylist() == times


def test_arrow_table_of_many_chunks(hourly: FeatureRepo) -> None:
    whole = rows([1] * 6, [at(h) for h in range(6)])
    table = pa.concat_tables([whole.slice(0, 1), whole.slice(1, 0), whole.slice(1, 5)])
    assert hourly.values(table) == [0, 1, 2, 3, 4, 5]


def test_record_batch_reader_serves_several_calls(hourly: FeatureRepo) -> None:
    reader = rows([1], [at(4)]).to_reader()
    job = hourly.store.get_historical_features(reader, ["stats:value"])
    assert job.to_arrow()["value"].to_pylist() == [4]
    assert job.to_df()["value"].tolist() == [4]


def test_polars_dataframe(repo: FeatureRepo) -> None:
    repo.add_view(history(["a", "b"], [at(0)] * 2, value=[1, 2]))
    frame = pl.DataFrame({"key": ["b", "a", None], "event_timestamp": [at(1)] * 3})
    result = repo.join(frame)
    assert result["value"].to_pylist() == [2, 1, None]
    assert result["key"].to_pylist() == ["b", "a", None]


@pytest.mark.parametrize("entity_df", [b"select 1", 7, [{"key": 1}]])
def test_other_types_are_refused(hourly: FeatureRepo, entity_df: object) -> None:
    with pytest.raises(TypeError, match=f"entity_df .*{type(entity_df).__name__}"):
        hourly.store.get_historical_features(entity_df, ["stats:value"])


def test_column_of_mixed_types_is_named(hourly: FeatureRepo) -> None:
    frame = pd.DataFrame({"key": [1, "x"], "event_timestamp": [at(0)] * 2})
    with pytest.raises((ValueError, TypeError), match="key"):
        hourly.values(frame)


@pytest.mark.parametrize("kind", ["pandas", "arrow"])
def test_repeated_column_is_named(hourly: FeatureRepo, kind: str) -> None:
    names = ["key", "event_timestamp", "event_timestamp"]
    table = pa.table([pa.array([1]), timestamps(at(1)), timestamps(at(2))], names)
    frame = pd.DataFrame([[1, at(1), at(2)]], columns=names)
    with pytest.raises(ValueError, match="event_timestamp"):
        hourly.values(table if kind == "arrow" else frame)


class TestEventTimestampColumn:
    def test_named_event_timestamp_wins(self, hourly: FeatureRepo) -> None:
        assert hourly.values(rows([1], [at(2)], aaa=timestamps(at(8)))) == [2]

    def test_only_timestamp_column(self, hourly: FeatureRepo) -> None:
        frame = pd.DataFrame({"key": [1], "when": [at(3)], "day": [date(2024, 1, 9)]})
        assert hourly.values(frame) == [3]
        assert hourly.values(pa.Table.from_pandas(frame)) == [3]

    def test_datetime_dtype_goes_before_objects(self, hourly: FeatureRepo) -> None:
        other = pd.Series([at(8)], dtype=object)
        assert hourly.values(pd.DataFrame({"key": [1], "when": [at(3)], "other": other})) == [3]

    def test_only_date_column(self, hourly: FeatureRepo) -> None:
        frame = pd.DataFrame({"key": [1, 1], "day": [date(2024, 1, 1), date(2024, 1, 2)]})
        assert hourly.values(frame) == [0, 9]

    def test_only_column_of_iso_strings(self, hourly: FeatureRepo) -> None:
        frame = pd.DataFrame({"key": [1], "when": ["2024-01-01T05:30:00Z"], "label": ["x"]})
        assert hourly.values(frame) == [5]

    @pytest.mark.parametrize(
        "columns",
        [
            {"a": timestamps(at(1)), "b": timestamps(at(2))},
            {"label": ["x"]},
            {"day": pa.array([date(2024, 1, 1)]), "other": pa.array([date(2024, 1, 1)])},
        ],
    )
    def test_none_or_several_are_an_error(
        self, hourly: FeatureRepo, columns: dict[str, pa.Array]
    ) -> None:
        with pytest.raises(EntityTimestampInferenceException):
            hourly.values(pa.table({"key": [1], **columns}))


def test_missing_join_key_is_named(hourly: FeatureRepo) -> None:
    with pytest.raises(FeastEntityDFMissingColumnsError, match="key"):
        hourly.values(pa.table({"event_timestamp": timestamps(at(0))}))


def test_entity_column_named_like_a_feature(hourly: FeatureRepo) -> None:
    entity_rows = rows([1], [at(2)], value=[77])
    with pytest.raises(
        ValueError, match=r"'value' is both .*entity_df.*'stats'.*full_feature_names"
    ):
        hourly.values(entity_rows)
    result = hourly.join(entity_rows, full_feature_names=True)
    assert result.select(["value", "stats__value"]).to_pylist() == [
        {"value": 77, "stats__value": 2}
    ]
