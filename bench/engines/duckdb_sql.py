# SPDX-License-Identifier: Apache-2.0
"""DuckDB by hand: the SQL that someone who knows DuckDB well would write for the case."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from bench.cases import EVENT_TIMESTAMP, Operation, view_name
from bench.data import window
from bench.engines import Request


def prepare(request: Request) -> Callable[[], pa.Table]:
    sql = {Operation.JOIN: _asof_join, Operation.LATEST: _arg_max, Operation.RANGE: _range}
    return _prepare(request, sql[request.case.operation](request))


def prepare_qualify(request: Request) -> Callable[[], pa.Table]:
    return _prepare(request, _qualify(request))


def _prepare(request: Request, sql: str) -> Callable[[], pa.Table]:
    db = duckdb.connect()
    db.execute(f"SET threads = {request.threads}")
    db.execute("SET TimeZone = 'UTC'")
    # Answers need no order here; DuckDB is faster when it need not keep one.
    db.execute("SET preserve_insertion_order = false")
    if request.entity_rows is not None:
        db.register("entity_rows", request.entity_rows)
    return lambda: db.execute(sql).to_arrow_table()


def _asof_join(request: Request) -> str:
    case = request.case
    # Rows outside of this can match no entity row: statistics of files let DuckDB skip them.
    start, end = window(case)
    times = _between(start - timedelta(days=case.ttl_days), end) if case.ttl_days else "true"
    keys = case.data.key_type.columns
    columns, joins = [], []
    for view, directory in enumerate(request.sources):
        name = view_name(view)
        fresh = (
            f"{name}.event_timestamp >= e.event_timestamp - INTERVAL {case.ttl_days * 24} HOUR"
            if case.ttl_days
            else "true"
        )
        columns += [
            f"CASE WHEN {fresh} THEN {name}.{column} END AS {case.output_name(view, column)}"
            for column in case.feature_columns()
        ]
        wanted = ", ".join([*keys, EVENT_TIMESTAMP, *case.feature_columns()])
        equal = " AND ".join(f"e.{key} = {name}.{key}" for key in keys)
        joins.append(
            f"ASOF LEFT JOIN (SELECT {wanted} FROM {_files(directory)} WHERE {times}) {name}"
            f" ON {equal} AND e.event_timestamp >= {name}.event_timestamp"
        )
    return f"SELECT e.*, {', '.join(columns)} FROM entity_rows e {' '.join(joins)}"


def _arg_max(request: Request) -> str:
    case = request.case
    keys = ", ".join(case.data.key_type.columns)
    columns = ", ".join(
        f"arg_max({column}, {EVENT_TIMESTAMP}) AS {column}" for column in case.feature_columns()
    )
    return (
        f"SELECT {keys}, max({EVENT_TIMESTAMP}) AS {EVENT_TIMESTAMP}, {columns}"
        f" FROM {_files(request.sources[0])} WHERE {_between(*window(case))} GROUP BY {keys}"
    )


def _qualify(request: Request) -> str:
    keys = ", ".join(request.case.data.key_type.columns)
    return (
        f"{_range(request)} QUALIFY row_number() OVER"
        f" (PARTITION BY {keys} ORDER BY {EVENT_TIMESTAMP} DESC) = 1"
    )


def _range(request: Request) -> str:
    case = request.case
    keys = case.data.key_type.columns
    columns = ", ".join([*keys, EVENT_TIMESTAMP, *case.feature_columns()])
    where = _between(*window(case))
    return f"SELECT {columns} FROM {_files(request.sources[0])} WHERE {where}"


def _between(start: datetime, end: datetime) -> str:
    return f"{EVENT_TIMESTAMP} BETWEEN TIMESTAMPTZ '{start}' AND TIMESTAMPTZ '{end}'"


def _files(directory: Path) -> str:
    return f"read_parquet('{directory}/*.parquet')"
