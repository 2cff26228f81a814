# SPDX-License-Identifier: Apache-2.0
"""Sources opened for the engine, queries as the Parquet files of their answer, and asked."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from feast_larder import _engine
from feast_larder.run import Run
from feast_larder.settings import as_utc, epoch_microseconds
from feast_larder.sources import ReadableSource, open_files, source_query
from feast_larder.sql import Database, open_database, quote_name, subquery

_MICROSECOND = timedelta(microseconds=1)
# Nanoseconds of 64 bits reach from 1677 to 2262.
_FIRST, _LAST = datetime(1678, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Need:
    """What a request reads of one source.

    Attributes:
        columns: by their names in the source; None for all.
        event_timestamp: the column that start and end are about.
        start, end: no row outside of them matters; both inclusive, None leaves the side open.
    """

    source: ReadableSource
    columns: Sequence[str] | None
    event_timestamp: str
    start: datetime | None = None
    end: datetime | None = None


def open_sources(needs: Sequence[Need], run: Run) -> list[_engine.Source]:
    """Return a source of the engine for each need.

    Each query runs once, with the columns and the time range that its needs have together, and
    its answer is kept in a temporary directory until the run is over.

    Raises:
        TimeoutError: the run's deadline has passed.
        ValueError: a query is wrong, or has not the needed columns.
    """
    together: dict[str, list[Need]] = {}
    for need in needs:
        together.setdefault(source_query(need.source), []).append(need)
    spooled = {query: _spool(query, group, run) for query, group in together.items() if query}
    return [
        spooled[query] if query else open_files(need.source, run.settings.repo_path)
        for need in needs
        for query in [source_query(need.source)]
    ]


def ask_range(need: Need, source: _engine.Source, options: _engine.Options) -> _engine.Result:
    """Ask for every row that a need is about."""
    return _engine.range(
        source,
        columns=need.columns,
        event_timestamp=need.event_timestamp,
        start_us=epoch_microseconds(need.start),
        end_us=epoch_microseconds(need.end),
        options=options,
    )


def ask_latest(
    need: Need,
    source: _engine.Source,
    options: _engine.Options,
    *,
    join_keys: Sequence[str],
    created_timestamp: str | None = None,
) -> _engine.Result:
    """Ask for the newest row of each join key among those that a need with columns is about."""
    return _engine.latest(
        source,
        join_keys=join_keys,
        columns=need.columns or (),
        event_timestamp=need.event_timestamp,
        created_timestamp=created_timestamp,
        start_us=epoch_microseconds(need.start),
        end_us=epoch_microseconds(need.end),
        options=options,
    )


def _spool(query: str, needs: Sequence[Need], run: Run) -> _engine.Source:
    directory = run.cleanup.enter_context(tempfile.TemporaryDirectory(prefix="larder-query-"))
    with open_database(run.settings, run.deadline) as database, database.errors():
        statement = _select(query, needs, database)
        rows = os.path.join(directory, "rows")
        _engine.write_directory(rows, database.stream(statement))
    return _engine.Source([rows], hive_partitioning=False)


def _select(query: str, needs: Sequence[Need], database: Database) -> str:
    schema = database.schema(query)
    columns = _columns(needs, schema)
    statement = f"SELECT {', '.join(map(quote_name, columns))} FROM {subquery(query)}"
    names = {need.event_timestamp for need in needs}
    if len(names) > 1:
        return statement
    name = names.pop()
    conditions = _conditions(needs, name, schema.field(name).type)
    return f"{statement} WHERE {' AND '.join(conditions)}" if conditions else statement


def _columns(needs: Sequence[Need], schema: pa.Schema) -> list[str]:
    wanted: set[str] = set()
    for need in needs:
        wanted.update(schema.names if need.columns is None else need.columns)
        wanted.add(need.event_timestamp)
    missing = sorted(wanted - set(schema.names))
    if missing:
        raise ValueError(
            f"the query of LarderSource {needs[0].source.name!r} has no column "
            f"{missing[0]!r}; it has {schema.names}"
        )
    return [name for name in schema.names if name in wanted]


def _conditions(needs: Sequence[Need], name: str, data_type: pa.DataType) -> list[str]:
    """Bound the event time, if it is a timestamp; the engine looks at every row again."""
    if not pa.types.is_timestamp(data_type):
        return []
    literal = "TIMESTAMP"
    if data_type.tz is not None:
        literal = "TIMESTAMPTZ_NS" if data_type.unit == "ns" else "TIMESTAMPTZ"
    starts = [as_utc(need.start) for need in needs if need.start is not None]
    ends = [as_utc(need.end) for need in needs if need.end is not None]
    start = min(starts) if len(starts) == len(needs) else None
    end = max(ends) if len(ends) == len(needs) else None
    conditions = []
    if start is not None and _FIRST < start < _LAST:
        conditions.append(f"{quote_name(name)} >= {literal} '{start}'")
    if end is not None and _FIRST < end < _LAST:
        # The bound is a whole microsecond, the column may have nanoseconds.
        conditions.append(f"{quote_name(name)} <= {literal} '{end + _MICROSECOND}'")
    return conditions
