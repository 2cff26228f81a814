# SPDX-License-Identifier: Apache-2.0
"""Arrow alone: its asof join, and the floor of merely reading what a case needs."""

from collections.abc import Callable
from datetime import timedelta

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from bench.cases import EVENT_TIMESTAMP, Case
from bench.data import source_files, window
from bench.engines import Request

# Acero's join wants some tolerance: for no TTL, one that reaches past all data.
_UNLIMITED = timedelta(days=36_500)


def prepare_acero(request: Request) -> Callable[[], pa.Table]:
    case = request.case
    start, end = window(case)
    ttl = timedelta(days=case.ttl_days) if case.ttl_days else _UNLIMITED
    assert request.entity_rows is not None
    entity_rows = request.entity_rows

    def run() -> pa.Table:
        joined = entity_rows.sort_by(EVENT_TIMESTAMP)
        for view, directory in enumerate(request.sources):
            dataset = ds.dataset(source_files(directory))
            time = ds.field(EVENT_TIMESTAMP)
            rows = dataset.to_table(_columns(case), (time >= start - ttl) & (time <= end))
            joined = joined.join_asof(
                rows.rename_columns(_output_names(case, view)).sort_by(EVENT_TIMESTAMP),
                on=EVENT_TIMESTAMP,
                by=case.data.key_type.columns,
                tolerance=-(ttl // timedelta(microseconds=1)),
            )
        return joined

    return run


def prepare_scan(request: Request) -> Callable[[], None]:
    columns = _columns(request.case)

    def run() -> None:
        for directory in request.sources:
            for file in source_files(directory):
                pq.read_table(file, columns=columns)

    return run


def _columns(case: Case) -> list[str]:
    return [*case.data.key_type.columns, EVENT_TIMESTAMP, *case.feature_columns()]


def _output_names(case: Case, view: int) -> list[str]:
    features = [case.output_name(view, name) for name in case.feature_columns()]
    return [*case.data.key_type.columns, EVENT_TIMESTAMP, *features]
