# SPDX-License-Identifier: Apache-2.0
"""Computes the training set again in plain SQL, by DuckDB, and compares every cell.

Nothing of Larder or Feast takes part: keys, times, TTLs and ties are written out here once more.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa


@dataclass(frozen=True)
class View:
    """A feature view in the terms of SQL."""

    name: str
    files: str
    key: str
    event: str
    features: dict[str, str]  # feature: column of the files
    ttl_hours: int | None = None
    created: str | None = None  # a row counts only from this time on


VIEWS = [
    View(
        "weather",
        "weather.parquet",
        "origin",
        "observed_at",
        {name: name for name in ("temp", "wind_speed", "precip", "visib")},
        ttl_hours=3,
    ),
    View(
        "airport_yesterday",
        "airport_days.parquet",
        "origin",
        "day_ended_at",
        {name: name for name in ("departures", "mean_departure_delay", "not_departed")},
        ttl_hours=25,
    ),
    View(
        "plane_last_flight",
        "plane_flights/*.parquet",
        "tailnum",
        "departed_at",
        {
            "last_dest": "dest",
            "last_departure_delay": "dep_delay",
            "last_arrival_delay": "arr_delay",
        },
        ttl_hours=7 * 24,
        created="landed_at",
    ),
    View(
        "plane_facts",
        "planes.parquet",
        "tailnum",
        "recorded_at",
        {name: name for name in ("manufacturer", "year_built", "seats")},
    ),
]


class DifferenceError(Exception):
    """The training set is not what SQL computes."""


def check_training_set(
    training_set: pa.Table, rows: pd.DataFrame, stats: list[dict[str, Any]], data: Path
) -> int:
    """Compare every cell of the training set, and the counts of each view; return the cells.

    Args:
        training_set: what was retrieved, one row for each of ``rows`` in their order.
        rows: the entity rows, with ``flight_id`` counting from 0.
        stats: what the retrieval said of each view: rows_matched, rows_expired, rows_absent.
        data: the folder of the Parquet files.

    Raises:
        DifferenceError: names every column that differs, and how often.
    """
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        db.register("training_set", training_set)
        db.register("given", rows)
        db.execute(
            "CREATE TABLE flights AS SELECT flight_id, origin, tailnum,"
            " event_timestamp::TIMESTAMPTZ AS event_timestamp FROM given"
        )
        ids = db.execute("SELECT flight_id FROM training_set").fetchnumpy()["flight_id"]
        if list(ids) != list(range(len(rows))):
            raise DifferenceError("the rows are not those that were given, in their order")
        differences = _compare(db, "given", {name: f"e.{_name(name)}" for name in rows})
        for view in VIEWS:
            db.execute(f"CREATE TABLE {view.name} AS {_newest_rows(view, data)}")
            differences |= _compare(db, view.name, _expected_features(view))
            differences |= _compare_counts(db, view, stats)
    columns = len(rows.columns) + sum(len(view.features) for view in VIEWS)
    if training_set.num_columns != columns:
        raise DifferenceError(f"{training_set.num_columns} columns, expected {columns}")
    if differences:
        lines = (f"  {name}: {what}" for name, what in differences.items())
        raise DifferenceError("\n".join(["the training set differs:", *lines]))
    return len(rows) * columns


def _newest_rows(view: View, data: Path) -> str:
    """For each flight: the newest row known at its time, however old; found_at is its time."""
    files = f"read_parquet('{data / view.files}', filename = true, file_row_number = true)"
    columns = ", ".join(f"{column} AS {feature}" for feature, column in view.features.items())
    if view.created is None:
        # Of rows with the same key and time the one counts that stands last in the files.
        return f"""
            WITH source AS (
              SELECT {view.key}, {view.event} AS found_at, {columns} FROM {files}
              QUALIFY row_number() OVER (
                PARTITION BY {view.key}, {view.event}
                ORDER BY filename DESC, file_row_number DESC) = 1)
            SELECT flight_id, source.* EXCLUDE ({view.key})
            FROM flights ASOF LEFT JOIN source
              ON flights.{view.key} = source.{view.key} AND event_timestamp >= found_at"""
    # With a time from which a row is known, the newest known row need not be the newest row.
    features = ", ".join(f"newest.{feature}" for feature in view.features)
    return f"""
        WITH source AS (
          SELECT {view.key}, {view.event} AS found_at, {view.created} AS known_at,
            filename, file_row_number, {columns} FROM {files}),
        known AS (
          SELECT flight_id,
            max_by(source, row(found_at, known_at, filename, file_row_number)) AS newest
          FROM flights JOIN source ON flights.{view.key} = source.{view.key}
            AND found_at <= event_timestamp AND known_at <= event_timestamp
          GROUP BY flight_id)
        SELECT flight_id, newest.found_at, {features}
        FROM flights LEFT JOIN known USING (flight_id)"""


def _expected_features(view: View) -> dict[str, str]:
    return {
        f"{view.name}__{feature}": f"CASE WHEN {_fresh(view)} THEN e.{_name(feature)} END"
        for feature in view.features
    }


def _fresh(view: View) -> str:
    if view.ttl_hours is None:
        return "e.found_at IS NOT NULL"
    # A row exactly as old as the TTL still counts.
    age = f"INTERVAL {view.ttl_hours} HOUR"
    return f"coalesce(e.found_at >= t.event_timestamp::TIMESTAMPTZ - {age}, false)"


def _compare(db: duckdb.DuckDBPyConnection, table: str, expected: dict[str, str]) -> dict[str, str]:
    counts = ", ".join(
        f"count(*) FILTER (t.{_name(column)} IS DISTINCT FROM {value})"
        for column, value in expected.items()
    )
    found = db.execute(f"SELECT {counts} FROM training_set t JOIN {table} e USING (flight_id)")
    differing = dict(zip(expected, found.fetchone() or (), strict=True))
    return {name: f"{count} cells" for name, count in differing.items() if count}


def _compare_counts(
    db: duckdb.DuckDBPyConnection, view: View, stats: list[dict[str, Any]]
) -> dict[str, str]:
    [said] = (entry for entry in stats if entry["name"] == view.name)
    expected = db.execute(
        f"SELECT count(*) FILTER ({_fresh(view)}),"
        f" count(*) FILTER (e.found_at IS NOT NULL AND NOT {_fresh(view)}),"
        " count(*) FILTER (e.found_at IS NULL)"
        f" FROM {view.name} e JOIN flights t USING (flight_id)"
    ).fetchone()
    given = (said["rows_matched"], said["rows_expired"], said["rows_absent"])
    if given == expected:
        return {}
    return {view.name: f"matched, expired, absent are {given}, expected {expected}"}


def _name(column: str) -> str:
    return f'"{column}"'
