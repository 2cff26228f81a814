# SPDX-License-Identifier: Apache-2.0
"""A whole case as plain data: what is on disk, what is asked, and how to print it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from . import arrow_types
from .oracle import Row


@dataclass
class Column:
    """A column of the entity rows or of one file.

    `values` are what pa.array(values, type) takes; `logical` what the oracle compares (times
    in nanoseconds), empty for columns that are only carried along.
    """

    name: str
    type: pa.DataType
    values: list[Any]
    logical: list[Any] = field(default_factory=list)


@dataclass
class File:
    """One Parquet file. `partition`: hive folder values, text or None, by column."""

    path: str
    columns: list[Column]
    rows: int
    row_groups: list[int]
    options: dict[str, Any]
    partition: dict[str, str | None] = field(default_factory=dict)
    partition_logical: Row = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.columns:  # All are in the folders: Parquet has no rows without columns.
            self.rows, self.row_groups = 0, [0]

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


@dataclass
class Source:
    """The files of a view in the order of writing; `paths` is what the engine is given."""

    files: list[File]
    paths: list[str]
    store_schema: bool
    int96: bool
    partition_types: dict[str, pa.DataType] = field(default_factory=dict)
    stray_files: list[str] = field(default_factory=list)

    def in_order(self) -> list[File]:
        return sorted(self.files, key=lambda file: file.path.encode())

    def logical_rows(self, names: list[str]) -> list[Row]:
        """The rows in source order with the named columns, as the oracle takes them."""
        rows: list[Row] = []
        for file in self.in_order():
            columns = {name: file.column(name) for name in names}
            for row in range(file.rows):
                rows.append(
                    {
                        name: file.partition_logical.get(name)
                        if column is None
                        else column.logical[row]
                        for name, column in columns.items()
                    }
                )
        return rows

    def read_type(self, name: str) -> pa.DataType:
        if name in self.partition_types:
            return self.partition_types[name]
        found = [column for file in self.in_order() if (column := file.column(name))]
        return arrow_types.unify([self.file_type(column.type) for column in found])

    def file_type(self, written: pa.DataType) -> pa.DataType:
        return arrow_types.read_type(written, self.store_schema, self.int96)

    def has_one_zone(self, name: str) -> bool:
        """Whether the files agree on the zone of a column; if not, only its instants count."""
        found = [column for file in self.files if (column := file.column(name))]
        return len({getattr(self.file_type(column.type), "tz", None) for column in found}) < 2

    def read_values(self, name: str) -> list[Any]:
        """The column's values in source order, as pa.array takes them for `read_type`."""
        wide = self.read_type(name)
        values: list[Any] = []
        for file in self.in_order():
            column = file.column(name)
            if name in self.partition_types:
                text = file.partition[name]
                whole = text is not None and pa.types.is_integer(wide)
                values += [int(text) if whole else text] * file.rows
            elif column is None:
                values += [None] * file.rows
            else:
                narrow = self.file_type(column.type)
                read = arrow_types.read_values(column.type, column.values, narrow)
                values += arrow_types.widen_values(narrow, read, wide)
        return values

    def names(self) -> list[str]:
        names = [column.name for file in self.in_order() for column in file.columns]
        return list(dict.fromkeys([*names, *self.partition_types]))


@dataclass
class ViewCase:
    """A feature view: `join_keys` as (source column, entity column), `features` as (source
    column, output column)."""

    name: str
    source: Source
    join_keys: list[tuple[str, str]]
    event: str
    created: str | None
    ttl_us: int | None
    features: list[tuple[str, str]]


@dataclass
class EntityRows:
    """The entity rows: `chunks` are the lengths of their pieces; `padding` rows before each
    piece are sliced away; a reader is consumed while a table is kept."""

    columns: list[Column]
    event: str
    rows: int
    chunks: list[int]
    padding: int
    as_reader: bool

    def logical_rows(self) -> list[Row]:
        compared = [column for column in self.columns if column.logical or not self.rows]
        return [
            {column.name: column.logical[row] for column in compared if column.logical}
            for row in range(self.rows)
        ]


@dataclass
class Case:
    """One request. A point-in-time request has entity rows; the others one view and bounds."""

    seed: int
    kind: str  # point_in_time, latest or range
    views: list[ViewCase]
    entity: EntityRows | None = None
    known_at: bool = False
    join_keys: list[str] = field(default_factory=list)
    columns: list[str] | None = None
    start_us: int | None = None
    end_us: int | None = None


def describe(case: Case) -> str:
    return "\n".join(describe_lines(case))


def describe_lines(case: Case) -> Iterator[str]:
    yield f"case seed={case.seed} kind={case.kind} filter_by_created_timestamp={case.known_at}"
    if case.entity:
        entity = case.entity
        yield (
            f"entity rows: {entity.rows} rows, event timestamp {entity.event!r}, chunks "
            f"{entity.chunks}, padding {entity.padding}, reader={entity.as_reader}"
        )
        yield from describe_columns(entity.columns)
    else:
        yield f"  join_keys={case.join_keys} columns={case.columns}"
        yield f"  start_us={case.start_us} end_us={case.end_us}"
    for view in case.views:
        yield (
            f"view {view.name}: join_keys={view.join_keys} event={view.event!r} "
            f"created={view.created!r} ttl_us={view.ttl_us}"
        )
        yield f"  features={view.features}"
        yield f"  paths={view.source.paths}"
        for file in view.source.in_order():
            yield f"  file {file.path}: {file.rows} rows, row groups {file.row_groups}"
            yield f"    {file.options} partition={file.partition}"
            yield from describe_columns(file.columns)


def describe_columns(columns: list[Column]) -> Iterator[str]:
    for column in columns:
        yield f"    {column.name}: {column.type} = {column.values}"
        if column.logical and column.logical != column.values:
            yield f"        as {column.logical}"
