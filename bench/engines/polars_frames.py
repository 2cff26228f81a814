# SPDX-License-Identifier: Apache-2.0
"""Polars by hand: lazy scans of the Parquet files, so that it reads only what it needs."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa

from bench.cases import EVENT_TIMESTAMP, Case, Operation
from bench.data import window
from bench.engines import Request


def prepare(request: Request) -> Callable[[], pa.Table]:
    plan = {Operation.JOIN: _join, Operation.LATEST: _latest, Operation.RANGE: _range}
    build = plan[request.case.operation]
    # Polars takes its number of threads from the cores that the process may run on.
    return lambda: build(request).collect().to_arrow()


def _join(request: Request) -> pl.LazyFrame:
    case = request.case
    keys = case.data.key_type.columns
    start, end = window(case)
    ttl = timedelta(days=case.ttl_days) if case.ttl_days else None
    assert request.entity_rows is not None
    entity_rows = pl.from_arrow(request.entity_rows)
    assert isinstance(entity_rows, pl.DataFrame)
    joined = entity_rows.lazy().sort(EVENT_TIMESTAMP)
    for view, directory in enumerate(request.sources):
        rows = _scan(case, directory)
        if ttl:
            rows = rows.filter(pl.col(EVENT_TIMESTAMP).is_between(start - ttl, end))
        names = {name: case.output_name(view, name) for name in case.feature_columns()}
        joined = joined.join_asof(
            rows.rename(names).sort(EVENT_TIMESTAMP),
            on=EVENT_TIMESTAMP,
            by=keys,
            strategy="backward",
            tolerance=ttl,
            check_sortedness=False,  # sorted on the lines above
        )
    return joined


def _latest(request: Request) -> pl.LazyFrame:
    columns = [EVENT_TIMESTAMP, *request.case.feature_columns()]
    newest = pl.col(EVENT_TIMESTAMP).arg_max()
    keys = request.case.data.key_type.columns
    return _range(request).group_by(keys).agg(pl.col(columns).get(newest))


def _range(request: Request) -> pl.LazyFrame:
    rows = _scan(request.case, request.sources[0])
    return rows.filter(pl.col(EVENT_TIMESTAMP).is_between(*window(request.case)))


def _scan(case: Case, directory: Path) -> pl.LazyFrame:
    columns = [*case.data.key_type.columns, EVENT_TIMESTAMP, *case.feature_columns()]
    return pl.scan_parquet(directory / "*.parquet").select(columns)
