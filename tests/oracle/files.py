# SPDX-License-Identifier: Apache-2.0
"""Puts a case on disk and its entity rows into Arrow."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .case import Case, Column, EntityRows, File, Source


def write_case(case: Case, root: Path) -> None:
    for view in case.views:
        for file in view.source.files:
            write_file(file, view.source, root)
        for stray in view.source.stray_files:
            path = root / stray
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"not Parquet, and not to be read")


def write_file(file: File, source: Source, root: Path) -> None:
    path = root / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({column.name: written_array(column) for column in file.columns})
    write_row_groups(path, table, file.row_groups, source, file.options)
    if not is_readable(path, table.num_rows):
        write_row_groups(path, table, file.row_groups, source, {})


def write_row_groups(
    path: Path, table: pa.Table, row_groups: list[int], source: Source, options: dict[str, Any]
) -> None:
    with pq.ParquetWriter(
        path,
        table.schema,
        store_schema=source.store_schema,
        use_deprecated_int96_timestamps=source.int96,
        **options,
    ) as writer:
        start = 0
        for length in row_groups:
            writer.write_table(table.slice(start, length))
            start += length


def is_readable(path: Path, rows: int) -> bool:
    """Whether pyarrow reads what it wrote: 26.0 does not always, with lists in tiny pages."""
    with pq.ParquetFile(path) as file:
        try:
            return bool(file.read().num_rows == rows)
        except (pa.ArrowException, OSError):
            return False


def written_array(column: Column) -> pa.Array:
    return pa.array(column.values, column.type)


def entity_table(entity: EntityRows) -> pa.Table:
    """The entity rows in their chunks, each a slice whose first row is not its buffer's."""
    chunks: dict[str, pa.ChunkedArray] = {}
    for column in entity.columns:
        pieces = []
        start = 0
        for length in entity.chunks:
            values = column.values[start : start + length]
            padded = [*filler(values, entity.padding), *values]
            pieces.append(pa.array(padded, column.type).slice(entity.padding))
            start += length
        chunks[column.name] = pa.chunked_array(pieces, column.type)
    return pa.table(chunks)


def filler(values: list[Any], rows: int) -> list[Any]:
    """Rows that no answer may show: copies of real ones, so that a wrong offset goes astray."""
    return [values[(row * 7 + 1) % len(values)] for row in range(rows)] if values else []
