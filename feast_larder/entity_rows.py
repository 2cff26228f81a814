# SPDX-License-Identifier: Apache-2.0
"""Entity rows: what the caller passes as entity_df, as one Arrow table with its time column."""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from feast.errors import EntityTimestampInferenceException
from feast.infra.offline_stores.offline_utils import DEFAULT_ENTITY_DF_EVENT_TIMESTAMP_COL

from feast_larder.iso_times import is_text, parse_iso_times
from feast_larder.run import Run
from feast_larder.settings import from_epoch_microseconds

_logger = logging.getLogger(__name__)

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TICKS_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_NO_ROWS = datetime(1970, 1, 1, tzinfo=UTC)

TimeRange: TypeAlias = tuple[datetime, datetime]


class OpenRows(Protocol):
    """Entity rows while a run reads them; the methods are called at most once, in this order."""

    @property
    def names(self) -> list[str]: ...  # noqa: D102

    @property
    def event_timestamp(self) -> str: ...  # noqa: D102

    def time_range(self) -> TimeRange:
        """Return the first and last event timestamp in UTC, the epoch twice if there is none."""

    def stream(self) -> object:
        """Return the rows, in the order that the result has, as an Arrow stream."""


class EntityRows(Protocol):
    """The rows to find features for: a table at hand, or where to read them.

    Attributes:
        names: the columns, if they are known before anything is read.
        event_timestamp: the column with the time that features must be known at: a timestamp
            (naive is UTC), a date or an ISO-8601 string; as far as it is known.
        sql: the query that the rows are the answer of, if there is one.
    """

    @property
    def names(self) -> list[str] | None: ...  # noqa: D102

    @property
    def event_timestamp(self) -> str: ...  # noqa: D102

    @property
    def sql(self) -> str | None: ...  # noqa: D102

    def open(self, run: Run) -> OpenRows:
        """Begin to read the rows."""


@dataclass(frozen=True)
class TableRows:
    """Entity rows at hand, as a table whose columns all come back untouched."""

    table: pa.Table
    event_timestamp: str
    sql: str | None = None

    @property
    def names(self) -> list[str]:
        """The columns of the table."""
        return list(self.table.column_names)

    def open(self, run: Run) -> "TableRows":
        """Return the rows themselves."""
        return self

    def time_range(self) -> TimeRange:
        """Return the first and last event timestamp in UTC, the epoch twice if there is none."""
        return time_range_of(self.table[self.event_timestamp])

    def stream(self) -> pa.Table:
        """Return the table."""
        return self.table


def time_range_of(times: pa.ChunkedArray) -> TimeRange:
    """Return the first and last time of a column in UTC, the epoch twice if there is none."""
    ends = pc.min_max(parse_iso_times(times) if is_text(times.type) else times)
    return _to_datetime(ends["min"], up=False), _to_datetime(ends["max"], up=True)


def read_entity_rows(entity_df: Any) -> TableRows:  # noqa: ANN401 - what it may be is the point
    """Convert a pandas DataFrame or anything with an Arrow stream; drops and reorders nothing.

    NaN and NaT of a DataFrame become nulls and its index is ignored.

    Raises:
        TypeError: entity_df is neither.
        ValueError: a DataFrame column mixes types, or a column name occurs twice.
        EntityTimestampInferenceException: no column, or several, could be the event timestamp.
    """
    if isinstance(entity_df, pd.DataFrame):
        table = _from_pandas(entity_df)
        typed_times = [
            str(name)
            for name, dtype in entity_df.dtypes.items()
            if pd.api.types.is_datetime64_any_dtype(dtype)
        ]
    elif hasattr(entity_df, "__arrow_c_stream__"):
        table = _without_views(pa.table(entity_df))
        typed_times = []
    else:
        raise TypeError(
            "entity_df must be a pandas DataFrame, an Arrow table (or have an Arrow stream), the "
            f"path of Parquet files or an SQL query, got {type(entity_df).__name__}"
        )
    repeated = {name for name in table.column_names if table.column_names.count(name) > 1}
    if repeated:
        raise ValueError(f"entity_df has several columns named {sorted(repeated)}")
    return TableRows(table, _event_timestamp_column(table, typed_times))


def _from_pandas(frame: pd.DataFrame) -> pa.Table:
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    for index, field in enumerate(table.schema):
        series = frame.iloc[:, index]
        if pd.api.types.is_object_dtype(series.dtype) and pa.types.is_timestamp(field.type):
            table = table.set_column(index, field.name, _exact_times(series, field))
    return table


def _exact_times(series: "pd.Series[Any]", field: pa.Field) -> pa.Array:
    """Convert a column of time objects, whose zones may differ, to UTC (naive if all are).

    Arrow takes the zone of the first object and cuts nanoseconds off unless told otherwise.
    """
    zone = "UTC" if field.type.tz is not None else None
    try:
        return pa.array(series, type=pa.timestamp("ns", zone), from_pandas=True)
    except pa.ArrowInvalid:  # beyond the years 1677 to 2262 of nanoseconds
        return pa.array(series, type=pa.timestamp("us", zone), from_pandas=True)


def _without_views(table: pa.Table) -> pa.Table:
    """Rewrite string and binary views, which Polars exports, in the layout that all can read."""
    plain = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
    fields = [field.with_type(plain.get(field.type, field.type)) for field in table.schema]
    return table.replace_schema_metadata(None).cast(pa.schema(fields))


def _event_timestamp_column(table: pa.Table, typed_times: list[str]) -> str:
    """Find the event timestamp as Feast does, then by dates and ISO-8601 strings.

    Args:
        table: the entity rows.
        typed_times: the columns that Feast itself would look at, those of a datetime dtype.
    """
    texts = [name for name in table.column_names if _starts_with_iso_date(table[name])]
    return event_timestamp_column(table.schema, typed_times, texts)


def event_timestamp_column(
    schema: pa.Schema, typed_times: Iterable[str] = (), texts: Iterable[str] = ()
) -> str:
    """Find the event timestamp: by its usual name, or as the only column that can be one.

    Args:
        schema: the columns of the entity rows.
        typed_times: the columns to prefer, before any with the type of a timestamp or date.
        texts: the columns to consider last.

    Raises:
        EntityTimestampInferenceException: no column, or several, could be the one.
    """
    default: str = DEFAULT_ENTITY_DF_EVENT_TIMESTAMP_COL
    if default in schema.names:
        return default
    candidates: Iterable[list[str]] = (
        list(typed_times),
        [field.name for field in schema if pa.types.is_timestamp(field.type)],
        [field.name for field in schema if pa.types.is_date(field.type)],
        list(texts),
    )
    found = next((names for names in candidates if names), [])
    if len(found) != 1:
        raise EntityTimestampInferenceException(default)
    _logger.info("Using %s as the event timestamp; name it %s to say so", found[0], default)
    return found[0]


def _starts_with_iso_date(column: pa.ChunkedArray) -> bool:
    if not is_text(column.type):
        return False
    first = next((value for value in column.drop_null().slice(0, 1).to_pylist()), None)
    return first is not None and _ISO_DATE.match(first) is not None


def _to_datetime(time: pa.Scalar, *, up: bool) -> datetime:
    """Convert a date or timestamp to microseconds, rounded outwards."""
    if not time.is_valid:
        return _NO_ROWS
    if pa.types.is_date(time.type):
        time = time.cast(pa.timestamp("s"))
    scale = 10**6 / _TICKS_PER_SECOND[time.type.unit]
    ticks = int(time.value)
    if scale >= 1:
        return from_epoch_microseconds(ticks * int(scale))
    return from_epoch_microseconds(-(-ticks // 1000) if up else ticks // 1000)
