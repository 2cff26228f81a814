# SPDX-License-Identifier: Apache-2.0
"""The questions a retrieval job can ask the engine; asking is what reads the data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pyarrow as pa
from feast.errors import FeastJoinKeysDuringMaterialization
from feast.feature_view import DUMMY_ENTITY_ID, DUMMY_ENTITY_VAL

from feast_larder import _engine
from feast_larder.entity_rows import EntityRows
from feast_larder.feature_views import PlannedView
from feast_larder.iso_times import is_text, parse_iso_times
from feast_larder.run import Run
from feast_larder.sources import ReadableSource, source_query, source_schema
from feast_larder.spool import Need, ask_latest, ask_range, open_sources


class Request(Protocol):
    """A question to the engine, and what its answer still needs before Feast can use it."""

    @property
    def sql(self) -> str | None:
        """The SQL that takes part in the question, if there is any."""

    def run(self, run: Run) -> _engine.Result:
        """Ask the engine. The result may be read once, before the run's cleanup."""

    def finish(self, table: pa.Table) -> pa.Table:
        """Give the answer, or any part of it, the shape that Feast expects."""


@dataclass(frozen=True)
class PointInTimeRequest:
    """Features of several views as they were known at the times of the entity rows.

    Attributes:
        check: called with the columns and the event timestamp of entity rows that are known
            only once they are opened; raises if they do not fit the request.
    """

    rows: EntityRows
    views: Sequence[PlannedView]
    filter_by_created_timestamp: bool
    check: Callable[[Sequence[str], str], None]

    @property
    def sql(self) -> str | None:
        """The query that the entity rows are the answer of."""
        return self.rows.sql

    def run(self, run: Run) -> _engine.Result:
        """Join; the entity rows' columns come first, then the features of each view."""
        rows = self.rows.open(run)
        if self.rows.names is None:
            self.check(rows.names, rows.event_timestamp)
        # Only a source that is a query is read before the engine knows the times.
        has_query = any(source_query(view.source) for view in self.views)
        times = rows.time_range() if has_query else None
        sources = open_sources([view.need(times) for view in self.views], run)
        return _engine.point_in_time(
            rows.stream(),
            rows.event_timestamp,
            [view.engine_view(source) for view, source in zip(self.views, sources, strict=True)],
            filter_by_created_timestamp=self.filter_by_created_timestamp,
            options=run.options(of_answer=True),
        )

    def finish(self, table: pa.Table) -> pa.Table:
        """Leave the answer as it is."""
        return table


@dataclass(frozen=True)
class PullRequest:
    """Rows of one source, by the names that its columns have there.

    Attributes:
        join_keys: the join keys; none for a feature view without entities.
        features: the feature columns; none stands for every column of the source.
        start, end: both inclusive, naive is UTC, to the microsecond; None leaves the side open.
        latest: only the newest row of each join key, instead of every row.
    """

    source: ReadableSource
    join_keys: Sequence[str]
    features: Sequence[str]
    event_timestamp: str
    created_timestamp: str | None
    start: datetime | None
    end: datetime | None
    latest: bool

    @property
    def sql(self) -> str | None:
        """The query that the source is the answer of."""
        return source_query(self.source) or None

    def run(self, run: Run) -> _engine.Result:
        """Read the rows.

        Raises:
            FeastJoinKeysDuringMaterialization: the source lacks a join key.
        """
        columns = self._columns(run)
        need = Need(self.source, columns, self.event_timestamp, self.start, self.end)
        try:
            (source,) = open_sources([need], run)
            options = run.options(of_answer=True)
            if not self.latest:
                return ask_range(need, source, options)
            created = self.created_timestamp
            return ask_latest(
                need, source, options, join_keys=self.join_keys, created_timestamp=created
            )
        except ValueError:
            # Looked into only now: it costs a reading of the files' footers.
            self._require_join_keys(source_schema(self.source, run.settings).names)
            raise

    def finish(self, table: pa.Table) -> pa.Table:
        """Return one chunk with parsed times, and the dummy entity if there are no join keys."""
        # Feast's materialization turns the first chunk into protos and forgets the others.
        table = table.combine_chunks()
        for name in filter(None, (self.event_timestamp, self.created_timestamp)):
            table = _with_parsed_times(table, name)
        if self.join_keys or DUMMY_ENTITY_ID in table.column_names:
            return table
        dummy = pa.repeat(pa.scalar(DUMMY_ENTITY_VAL), table.num_rows)
        return table.append_column(DUMMY_ENTITY_ID, dummy)

    def _columns(self, run: Run) -> list[str]:
        if not self.features:
            columns: list[str] = source_schema(self.source, run.settings).names
            self._require_join_keys(columns)
            return columns
        times = filter(None, (self.event_timestamp, self.created_timestamp))
        return list(dict.fromkeys([*self.join_keys, *self.features, *times]))

    def _require_join_keys(self, columns: list[str]) -> None:
        if not set(self.join_keys) <= set(columns):
            raise FeastJoinKeysDuringMaterialization(
                self.source.path, set(self.join_keys), set(columns)
            )


def _with_parsed_times(table: pa.Table, name: str) -> pa.Table:
    """Turn ISO-8601 strings into UTC timestamps: Feast orders this column as it stands."""
    if not is_text(table.schema.field(name).type):
        return table
    return table.set_column(table.column_names.index(name), name, parse_iso_times(table[name]))
