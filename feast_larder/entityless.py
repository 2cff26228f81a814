# SPDX-License-Identifier: Apache-2.0
"""Retrieval without entity rows: they are made of the keys and times in the views themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
from feast.feature_view import FeatureView
from feast.infra.offline_stores.offline_utils import DEFAULT_ENTITY_DF_EVENT_TIMESTAMP_COL

from feast_larder import _engine
from feast_larder.batches import read_rows
from feast_larder.entity_rows import TableRows
from feast_larder.feature_views import entity_columns
from feast_larder.iso_times import is_text, parse_iso_times
from feast_larder.run import Run
from feast_larder.sources import require_source, source_column
from feast_larder.spool import Need, ask_latest, ask_range, open_sources

EntitylessMode: TypeAlias = Literal["all_rows", "snapshot"]


@dataclass(frozen=True)
class RangeRows:
    """Entity rows made of what the views hold between two times, both inclusive.

    Each distinct combination of join keys and event timestamp is one row, or with ``snapshot``,
    each distinct combination of join keys, at the end of the range. Rows of a view with a null
    join key or event timestamp are left out. A view has nulls in the join keys of other views.
    The rows come ordered by event timestamp, then by join keys.

    Attributes:
        views: the views, none twice.
        start, end: aware; the end is the time of the rows of a snapshot.
    """

    views: Sequence[FeatureView]
    start: datetime
    end: datetime
    mode: EntitylessMode
    sql: str | None = None
    event_timestamp: ClassVar[str] = DEFAULT_ENTITY_DF_EVENT_TIMESTAMP_COL

    @property
    def names(self) -> list[str]:
        """The join keys of all views, as they are called in entity rows, and the time."""
        keys = [column for view in self.views for column in entity_columns(view).values()]
        return [*dict.fromkeys(keys), self.event_timestamp]

    def open(self, run: Run) -> TableRows:
        """Read the keys and times of every view."""
        sources = open_sources([self._need(view) for view in self.views], run)
        parts = [
            self._read(view, source, run) for view, source in zip(self.views, sources, strict=True)
        ]
        names = self.names
        times = [part.schema.field(self.event_timestamp).type for part in parts]
        together = pa.concat_tables(
            [_with_time(part, self.event_timestamp, _finest(times)) for part in parts],
            promote_options="permissive",
        )
        distinct = together.select(names).group_by(names, use_threads=False).aggregate([])
        order = [(name, "ascending") for name in (self.event_timestamp, *names[:-1])]
        return TableRows(distinct.sort_by(order).select(names), self.event_timestamp)

    def _need(self, view: FeatureView) -> Need:
        source = require_source(view.batch_source, f"feature view {view.name!r}")
        time = source_column(source, source.timestamp_field)
        keys = [source_column(source, key) for key in entity_columns(view)]
        columns = list(dict.fromkeys([*keys, time]))
        return Need(source, columns, time, self.start, self.end)

    def _read(self, view: FeatureView, source: _engine.Source, run: Run) -> pa.Table:
        """Read the distinct keys and times of one view, under the names of the entity rows."""
        need = self._need(view)
        keys = (need.columns or ())[:-1]
        if self.mode == "all_rows":
            result = ask_range(need, source, run.options())
        else:
            result = ask_latest(need, source, run.options(), join_keys=keys)
        table = read_rows(result).replace_schema_metadata(None)
        table = table.rename_columns([*entity_columns(view).values(), self.event_timestamp])
        table = _without_dictionaries(table).drop_null()
        if self.mode == "snapshot":
            time = pa.scalar(self.end.astimezone(UTC), pa.timestamp("us", "UTC"))
            table = table.set_column(
                len(keys), self.event_timestamp, pa.repeat(time, table.num_rows)
            )
        return _with_utc_time(table, self.event_timestamp)


def _without_dictionaries(table: pa.Table) -> pa.Table:
    for field in table.schema:
        if pa.types.is_dictionary(field.type):
            table = _set(table, field.name, table[field.name].cast(field.type.value_type))
    return table


def _with_utc_time(table: pa.Table, name: str) -> pa.Table:
    """Make a column of times, whatever their type, one of UTC timestamps."""
    times = table[name]
    if is_text(times.type):
        return _set(table, name, parse_iso_times(times))
    if pa.types.is_date(times.type):
        return _set(table, name, times.cast(pa.timestamp("ms")).cast(pa.timestamp("ms", "UTC")))
    if times.type.tz is None:
        return _set(table, name, pc.assume_timezone(times, "UTC"))
    return _with_time(table, name, pa.timestamp(times.type.unit, "UTC"))


def _finest(types: Sequence[pa.DataType]) -> pa.DataType:
    """Return the type that holds all of them; microseconds at least."""
    units = {data_type.unit for data_type in types}
    return pa.timestamp("ns" if "ns" in units else "us", "UTC")


def _with_time(table: pa.Table, name: str, data_type: pa.DataType) -> pa.Table:
    return _set(table, name, table[name].cast(data_type))


def _set(table: pa.Table, name: str, column: pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)
