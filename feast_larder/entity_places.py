# SPDX-License-Identifier: Apache-2.0
"""Entity rows that are somewhere else: in Parquet files, or the answer of an SQL query."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from feast.feature_view import FeatureView
from feast.infra.registry.base_registry import BaseRegistry

from feast_larder import _engine
from feast_larder.batches import read_rows
from feast_larder.entity_rows import (
    OpenRows,
    TimeRange,
    event_timestamp_column,
    time_range_of,
)
from feast_larder.iso_times import is_text
from feast_larder.run import Run
from feast_larder.source_sql import source_table_sql
from feast_larder.sources import ReadableSource, local_path, require_source
from feast_larder.sql import Database, open_database, quote_name, single_select, subquery

# Texts are left out, for they may have quotes in them.
_WORD = re.compile(r"""'(?:[^']|'')*'|("(?:[^"]|"")*"|\w+)""")
_SELECT = re.compile(r"\s*(\(|select\b|with\b|from\b|values\b|table\b|--|/\*)", re.IGNORECASE)


def is_path(text: str, repo_path: Path | None) -> bool:
    """Say whether a text given as entity rows is the path of Parquet files, rather than SQL."""
    if _SELECT.match(text):
        return False
    return text.endswith((".parquet", ".parq")) or os.path.exists(local_path(text, repo_path))


@dataclass(frozen=True)
class FileRows:
    """Entity rows in Parquet: a file, a directory or a glob, in the order of (file path, row).

    A column of ISO-8601 strings is taken as the event timestamp only by its name.
    """

    path: str
    sql: str | None = None
    names: list[str] | None = None
    event_timestamp: str = ""

    def open(self, run: Run) -> OpenRows:
        """Read the footers of the files.

        Raises:
            OSError: a file is missing, truncated or corrupt.
            EntityTimestampInferenceException: the files have no certain time column.
        """
        source = _engine.Source([self.path])
        schema = pa.schema(_engine.schema(source))
        return _OpenFiles(schema.names, event_timestamp_column(schema), source, run)


@dataclass(frozen=True)
class _OpenFiles:
    names: list[str]
    event_timestamp: str
    source: _engine.Source
    run: Run

    def time_range(self) -> TimeRange:
        times = read_rows(self._read([self.event_timestamp]))
        return time_range_of(times[self.event_timestamp])

    def stream(self) -> object:
        return self._read(self.names)

    def _read(self, columns: list[str]) -> _engine.Result:
        return _engine.range(
            self.source,
            columns=columns,
            event_timestamp=self.event_timestamp,
            options=self.run.options(to_be_joined=True),
        )


@dataclass(frozen=True)
class SqlRows:
    """Entity rows as the answer of a DuckDB query, in its order.

    Attributes:
        sql: one SELECT.
        tables: the sources that the query may name.
    """

    sql: str
    tables: dict[str, ReadableSource]
    names: list[str] | None = None
    event_timestamp: str = ""

    def open(self, run: Run) -> OpenRows:
        """Bind the query to the files of its tables.

        Raises:
            OSError: a file is missing, truncated or corrupt.
            ValueError: the query is wrong, or two of its columns have one name.
            EntityTimestampInferenceException: the query has no certain time column.
        """
        database = run.cleanup.enter_context(open_database(run.settings, run.deadline))
        # The engine reads the rows as long as the run lasts.
        run.cleanup.enter_context(database.errors())
        query = single_select(self.sql)
        failures = self._create_views(database, run.settings.repo_path)
        try:
            schema = database.schema(query)
        except ValueError as error:
            # A name that only looked like a table's, such as an alias, is no matter.
            raise next(iter(failures), error) from error
        time = event_timestamp_column(schema)
        return _OpenQuery(schema.names, time, schema.field(time).type, query, database)

    def _create_views(self, database: Database, repo_path: Path | None) -> list[Exception]:
        """Make a view of every table that can be read; return what was wrong with the others."""
        failures: list[Exception] = []
        for name, source in self.tables.items():
            try:
                table = source_table_sql(source, repo_path)
                database.execute(f"CREATE VIEW {quote_name(name)} AS SELECT * FROM {table}")
            except (OSError, ValueError) as error:
                failures.append(error)
        return failures


@dataclass(frozen=True)
class _OpenQuery:
    names: list[str]
    event_timestamp: str
    time_type: pa.DataType
    query: str
    database: Database

    def time_range(self) -> TimeRange:
        name = quote_name(self.event_timestamp)
        # Texts, whose zones may differ, do not sort as times.
        times = name if is_text(self.time_type) else f"unnest([min({name}), max({name})])"
        ends = f"SELECT {times} AS time FROM {subquery(self.query)}"
        return time_range_of(self.database.stream(ends).read_all()["time"])

    def stream(self) -> object:
        return self.database.stream(self.query)


def named_tables(
    sql: str, views: Sequence[FeatureView], registry: BaseRegistry, project: str
) -> dict[str, ReadableSource]:
    """Find the sources that a query may mean, by the names of feature views and sources.

    Requested views go before the rest of the project, and feature views before sources. Only
    names that are words of the text are looked at, in the registry as it is cached.
    """
    known = [
        *views,
        *registry.list_feature_views(project, allow_cache=True),
        *registry.list_stream_feature_views(project, allow_cache=True),
    ]
    sources = [(view.batch_source.name, view.batch_source) for view in known if view.batch_source]
    sources += [
        (source.name, source) for source in registry.list_data_sources(project, allow_cache=True)
    ]
    named = [(view.projection.name_to_use(), view.batch_source) for view in known]
    named += [(view.name, view.batch_source) for view in known]
    words = _words(sql)
    found: dict[str, ReadableSource] = {}
    taken: set[str] = set()
    for name, source in [*named, *sources]:
        key = name.lower()  # As DuckDB compares names.
        if key in words and key not in taken and _is_readable(source):
            taken.add(key)
            found[name] = require_source(source, f"data source {name!r}")
    return found


def _words(sql: str) -> set[str]:
    """Return the names in a query, in lower case and without quotes, and other words."""
    words = (match.group(1) for match in _WORD.finditer(sql) if match.group(1))
    return {word.strip('"').replace('""', '"').lower() for word in words}


def _is_readable(source: object) -> bool:
    try:
        require_source(source, "")  # type: ignore[arg-type]
    except ValueError:
        return False
    return True
