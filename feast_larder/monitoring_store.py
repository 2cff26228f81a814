# SPDX-License-Identifier: Apache-2.0
"""Monitoring metrics as directories of Parquet files that are only ever added to.

Each kind of metric has a directory, and the clearing of baselines has one. Every save is a file
of its own. Of metrics with one key the newest counts, by the clock of who saved it, and a metric
is no baseline once a later clearing matches it. So writers need not know of each other.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
from feast.monitoring.monitoring_utils import (
    MONITORING_TIMESTAMP_FIELDS,
    monitoring_table_meta,
    normalize_monitoring_row,
)

from feast_larder import _engine
from feast_larder.run import Settings
from feast_larder.source_sql import table_sql
from feast_larder.sql import open_database, quote_name, quote_text

_SAVED_AT = "saved_at_ns"
_CLEARED = "feast_monitoring_cleared_baselines"
_TIME = pa.timestamp("us", "UTC")
_TYPES = {
    "metric_date": pa.date32(),
    "computed_at": _TIME,
    "max_event_timestamp": _TIME,
    "started_at": _TIME,
    "completed_at": _TIME,
    "is_baseline": pa.bool_(),
    "row_count": pa.int64(),
    "null_count": pa.int64(),
    "total_row_count": pa.int64(),
    "total_features": pa.int64(),
    "features_with_nulls": pa.int64(),
    "total_feature_views": pa.int64(),
}
_DOUBLES = {"null_rate", "avg_null_rate", "max_null_rate", "mean", "stddev", "min_val", "max_val"}
_DOUBLES |= {"p50", "p75", "p90", "p95", "p99"}
_CLEARING_NAMES = ("feature_view_name", "feature_name", "data_source_type")


@dataclass(frozen=True)
class Selection:
    """Which metrics to return; the dates are inclusive, and None and "" stand for any."""

    project: str
    filters: Mapping[str, Any]
    start: date | None
    end: date | None


def make_directories(base: str) -> None:
    """Make the directory of each kind of metric."""
    for metric_type in ("feature", "feature_view", "feature_service", "job"):
        os.makedirs(_directory(base, metric_type), exist_ok=True)
    os.makedirs(os.path.join(base, _CLEARED), exist_ok=True)


def save(base: str, metric_type: str, metrics: Sequence[Mapping[str, Any]]) -> None:
    """Add metrics, which take the place of earlier ones with their keys.

    Raises:
        ValueError: there is no such type of metric.
    """
    _, columns, _ = monitoring_table_meta(metric_type)
    if metrics:
        _append(_directory(base, metric_type), columns, metrics)


def clear_baseline(base: str, project: str, names: Mapping[str, str | None]) -> None:
    """Note that feature metrics saved so far are no baseline, where all given names match."""
    columns = ["project_id", *_CLEARING_NAMES]
    _append(os.path.join(base, _CLEARED), columns, [{"project_id": project, **names}])


def query(base: str, metric_type: str, selection: Selection) -> list[dict[str, Any]]:
    """Return the metrics of a selection, by date, as Feast's monitoring reads them.

    Raises:
        ValueError: there is no such type of metric, or no column of a filter's name.
    """
    _, columns, key = monitoring_table_meta(metric_type)
    unknown = sorted(set(selection.filters) - set(columns))
    if unknown:
        raise ValueError(f"metrics of type {metric_type!r} have no column {unknown[0]!r}")
    table = _table(_directory(base, metric_type))
    if table is None:
        return []
    cleared = _table(os.path.join(base, _CLEARED)) if metric_type == "feature" else None
    newest = (
        f"SELECT * FROM {table} QUALIFY row_number() OVER (PARTITION BY {_names(key)}"
        f" ORDER BY {_SAVED_AT} DESC, filename DESC, file_row_number DESC) = 1"
    )
    statement = (
        f"SELECT * FROM (SELECT {_output(columns, cleared)} FROM ({newest}) AS metric)"
        f" WHERE {' AND '.join(_conditions(selection, columns))}"
        f" ORDER BY {'metric_date' if metric_type != 'job' else 'job_id'}, {_names(key)}"
    )
    with open_database(Settings(None)) as database:
        rows = database.stream(statement).read_all().to_pylist()
    return [_as_feast_reads(row) for row in rows]


def _directory(base: str, metric_type: str) -> str:
    return os.path.join(base, str(monitoring_table_meta(metric_type)[0]))


def _append(directory: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    saved_at = time.time_ns()
    arrays = {
        name: pa.array([_value(row.get(name), _type(name)) for row in rows], _type(name))
        for name in columns
    }
    arrays[_SAVED_AT] = pa.array([saved_at] * len(rows), pa.int64())
    _engine.append_to_directory(directory, pa.table(arrays))


def _type(column: str) -> pa.DataType:
    return pa.float64() if column in _DOUBLES else _TYPES.get(column, pa.string())


def _value(value: Any, data_type: pa.DataType) -> Any:  # noqa: ANN401
    """Convert a value of a metric to one of its column's type."""
    if value is None:
        return None
    if pa.types.is_string(data_type):
        return value if isinstance(value, str) else json.dumps(value)
    if pa.types.is_timestamp(data_type):
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    if pa.types.is_date(data_type):
        day = datetime.fromisoformat(value) if isinstance(value, str) else value
        return day.date() if isinstance(day, datetime) else day
    return value


def _table(directory: str) -> str | None:
    try:
        files = _engine.files(_engine.Source([directory]))
    except FileNotFoundError:
        return None
    listed = table_sql(files, "", False)
    return f"{listed[:-1]}, filename = true, file_row_number = true)"


def _output(columns: Sequence[str], cleared: str | None) -> str:
    if cleared is None:
        return _names(columns)
    matches = " AND ".join(
        f"coalesce(c.{name} = metric.{name}, c.{name} IS NULL)" for name in _CLEARING_NAMES
    )
    is_cleared = (
        f"EXISTS (SELECT 1 FROM {cleared} AS c WHERE c.project_id = metric.project_id"
        f" AND c.{_SAVED_AT} >= metric.{_SAVED_AT} AND {matches})"
    )
    baseline = f"(is_baseline AND NOT {is_cleared}) AS is_baseline"
    return ", ".join(baseline if name == "is_baseline" else quote_name(name) for name in columns)


def _conditions(selection: Selection, columns: Sequence[str]) -> list[str]:
    conditions = ["true"]
    if selection.project:
        conditions.append(f"project_id = {quote_text(selection.project)}")
    for name, value in selection.filters.items():
        if value is not None:
            conditions.append(f"{quote_name(name)} = {_literal(value)}")
    if "metric_date" in columns:
        bounds = {">=": selection.start, "<=": selection.end}
        conditions += [
            f"metric_date {sign} DATE {quote_text(day.isoformat()[:10])}"
            for sign, day in bounds.items()
            if day is not None
        ]
    return conditions


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = value.isoformat() if isinstance(value, date) else str(value)
    return quote_text(text)


def _names(columns: Sequence[str]) -> str:
    return ", ".join(map(quote_name, columns))


def _as_feast_reads(row: dict[str, Any]) -> dict[str, Any]:
    normal: dict[str, Any] = normalize_monitoring_row(row)
    for name in (*MONITORING_TIMESTAMP_FIELDS, "started_at", "completed_at"):
        if isinstance(normal.get(name), date):
            normal[name] = normal[name].isoformat()
    return normal
