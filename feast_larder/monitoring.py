# SPDX-License-Identifier: Apache-2.0
"""Statistics of feature columns, in the form of Feast's data quality monitoring."""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from feast.monitoring.monitoring_utils import (
    empty_categorical_metric,
    empty_numeric_metric,
    opt_float,
)

from feast_larder import _engine
from feast_larder.batches import read_rows
from feast_larder.entity_rows import time_range_of
from feast_larder.run import Deadline, Run, Settings
from feast_larder.settings import epoch_microseconds
from feast_larder.sources import ReadableSource, source_column, source_schema
from feast_larder.spool import Need, open_sources
from feast_larder.sql import Database, open_database, quote_name

_QUANTILES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_STATISTICS = ("mean", "stddev", "min_val", "max_val")


@dataclass(frozen=True)
class Window:
    """The rows to look at: those of a source between two times, both inclusive and optional."""

    source: ReadableSource
    event_timestamp: str
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True)
class HistogramSizes:
    """Bins of a numeric histogram, and values of a categorical one."""

    bins: int
    top_n: int


def compute_metrics(
    window: Window,
    feature_columns: Sequence[tuple[str, str]],
    sizes: HistogramSizes,
    settings: Settings,
) -> list[dict[str, Any]]:
    """Return one dict for each column that the source has; see compute_monitoring_metrics.

    NaN counts as a value, but not for quantiles, minimum and maximum; a mean or deviation that is
    not finite is None. Infinities are left out of the histogram. Of columns of lists only rows
    and nulls are counted.
    """
    wanted = [pair for pair in feature_columns if pair[1] in ("numeric", "categorical")]
    try:
        schema = source_schema(window.source, settings)
    except FileNotFoundError:
        return [_empty(name, kind) for name, kind in wanted]
    features = [
        (name, kind, column)
        for name, kind in wanted
        for column in [_column(window.source, name, schema)]
        if column in schema.names
    ]
    if not features:
        return []
    columns = {column: f"c{index}" for index, (_, _, column) in enumerate(features)}
    numbers = {
        column
        for _, kind, column in features
        if kind == "numeric" and _is_number(schema.field(column).type)
    }
    with ExitStack() as cleanup:
        run = Run(settings, Deadline(), cleanup)
        database = cleanup.enter_context(open_database(settings))
        _load(database, _rows(window, list(columns), schema, run), columns, numbers)
        return [
            _metric(database, columns[column], _empty(name, kind), column in numbers, sizes)
            for name, kind, column in features
        ]


def max_timestamp(
    source: ReadableSource, event_timestamp: str, settings: Settings
) -> datetime | None:
    """Return the last event timestamp in UTC; None if there is none."""
    with ExitStack() as cleanup:
        run = Run(settings, Deadline(), cleanup)
        try:
            column = _column(source, event_timestamp, source_schema(source, settings))
            (opened,) = open_sources([Need(source, [column], column)], run)
            newest = _engine.latest(
                opened,
                join_keys=[],
                columns=[column],
                event_timestamp=column,
                options=run.options(),
            )
            times = read_rows(newest)[column]
        except FileNotFoundError:
            return None
    return time_range_of(times)[1] if len(times) else None


def _column(source: ReadableSource, name: str, schema: pa.Schema) -> str:
    """Return the column that goes by a name in the source, or else in Feast."""
    return name if name in schema.names else source_column(source, name)


def _rows(window: Window, columns: list[str], schema: pa.Schema, run: Run) -> pa.RecordBatchReader:
    time = _column(window.source, window.event_timestamp, schema)
    needed = list(dict.fromkeys([*columns, time]))
    (source,) = open_sources([Need(window.source, needed, time, window.start, window.end)], run)
    rows = _engine.range(
        source,
        columns=columns,
        event_timestamp=time,
        start_us=epoch_microseconds(window.start),
        end_us=epoch_microseconds(window.end),
        options=run.options(),
    )
    return pa.RecordBatchReader.from_stream(rows)


def _load(
    database: Database, rows: pa.RecordBatchReader, columns: dict[str, str], numbers: set[str]
) -> None:
    """Stream the rows into a table, its columns by new names and numbers as doubles."""
    selected = [
        f"CAST({quote_name(name)} AS DOUBLE) AS {column}"
        if name in numbers
        else f"{quote_name(name)} AS {column}"
        for name, column in columns.items()
    ]
    database.register("given", rows)
    database.execute(f"CREATE TABLE rows AS SELECT {', '.join(selected)} FROM given")


def _metric(
    database: Database, column: str, metric: dict[str, Any], is_number: bool, sizes: HistogramSizes
) -> dict[str, Any]:
    """Fill in the metric of a column."""
    rows, values = database.fetch(f"SELECT count(*), count({column}) FROM rows")[0]
    metric["row_count"] = rows
    metric["null_count"] = rows - values
    metric["null_rate"] = (rows - values) / rows if rows else 0.0
    if not values:
        return metric
    if metric["feature_type"] == "categorical":
        metric["histogram"] = _top_values(database, column, sizes.top_n)
    elif is_number:
        metric.update(_statistics(database, column))
        metric["histogram"] = _histogram(database, column, sizes.bins)
    return metric


def _statistics(database: Database, column: str) -> dict[str, float | None]:
    levels = ", ".join(map(str, _QUANTILES.values()))
    finite = f"bool_and(isfinite({column}))"
    # DuckDB raises where a deviation is not finite.
    mean, deviation, least, greatest, quantiles = database.fetch(
        f"SELECT avg({column}),"
        f" CASE WHEN {finite} THEN stddev_samp({column}) FILTER (isfinite({column})) END,"
        f" min({column}) FILTER (NOT isnan({column})), max({column}) FILTER (NOT isnan({column})),"
        f" quantile_cont({column}, [{levels}]) FILTER (NOT isnan({column}))"
        " FROM rows"
    )[0]
    found = dict(zip(_STATISTICS, (mean, deviation, least, greatest), strict=True))
    found.update(zip(_QUANTILES, quantiles or [None] * len(_QUANTILES), strict=True))
    return {name: opt_float(value) for name, value in found.items()}


def _histogram(database: Database, column: str, bins: int) -> dict[str, Any] | None:
    """Count values in bins of equal width, by the edges and the rounding of NumPy."""
    least, greatest = database.fetch(
        f"SELECT min({column}), max({column}) FROM rows WHERE isfinite({column})"
    )[0]
    if least is None or not math.isfinite(greatest - least):
        return None
    if least == greatest:
        least, greatest = least - 0.5, greatest + 0.5
    edges = np.linspace(least, greatest, bins + 1).tolist()
    database.execute(f"CREATE OR REPLACE TABLE edges AS SELECT {edges}::DOUBLE[] AS edges")
    first, width = edges[0], edges[-1] - edges[0]
    counted = dict(
        database.fetch(
            f"SELECT CASE WHEN guess > 0 AND value < edges[guess + 1] THEN guess - 1"
            f" WHEN guess < {bins - 1} AND value >= edges[guess + 2] THEN guess + 1"
            f" ELSE guess END AS bin, count(*) FROM (SELECT {column} AS value, edges,"
            f" least(floor(({column} - {first!r}) / {width!r} * {bins})::BIGINT, {bins - 1})"
            f" AS guess FROM rows, edges WHERE isfinite({column})) GROUP BY bin"
        )
    )
    return {
        "bins": edges,
        "counts": [counted.get(index, 0) for index in range(bins)],
        "bin_width": edges[1] - edges[0],
    }


def _top_values(database: Database, column: str, top_n: int) -> dict[str, Any]:
    groups = f"SELECT {column} AS value, count(*) AS rows FROM rows WHERE {column} IS NOT NULL"
    groups += " GROUP BY value ORDER BY rows DESC, value"
    unique, total = database.fetch(f"SELECT count(*), sum(rows) FROM ({groups})")[0]
    top = database.fetch(f"{groups} LIMIT {top_n}")
    return {
        "values": [{"value": value, "count": rows} for value, rows in top],
        "other_count": int(total) - sum(rows for _, rows in top),
        "unique_count": unique,
    }


def _empty(name: str, kind: str) -> dict[str, Any]:
    make = empty_numeric_metric if kind == "numeric" else empty_categorical_metric
    metric: dict[str, Any] = make(name)
    return metric


def _is_number(data_type: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(data_type)
        or pa.types.is_floating(data_type)
        or pa.types.is_decimal(data_type)
        or pa.types.is_boolean(data_type)
    )
