# SPDX-License-Identifier: Apache-2.0
"""Writes to sources and logs: which rows under which names go where."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from feast.feature_logging import LoggingDestination, LoggingSource
from feast.feature_view import FeatureView
from feast.infra.offline_stores.file_source import FileLoggingDestination
from feast.infra.registry.base_registry import BaseRegistry

from feast_larder import _engine
from feast_larder.maps import with_maps
from feast_larder.run import Settings
from feast_larder.sources import (
    ReadableSource,
    local_path,
    require_source,
    source_paths,
    source_query,
    source_schema,
)
from feast_larder.storage import LarderLoggingDestination

_INDEX_COLUMN = "__index_level_"


def append_to_source(view: FeatureView, table: pa.Table, settings: Settings) -> None:
    """Append rows to the batch source of a feature view; see offline_write_batch."""
    source = require_source(view.batch_source, f"feature view {view.name!r}")
    path = _only_path(source, settings.repo_path)
    table = _without_pandas_index(table)
    try:
        schema = source_schema(source, settings)
    except FileNotFoundError:  # The first write decides on the columns.
        schema = None
    known = set(source.field_mapping) if schema is None else set(schema.names)
    table = _with_source_names(table, source.field_mapping, known)
    append = _engine.append_to_file if _is_file(path) else _engine.append_to_directory
    if schema is None:
        append(path, table)
        return
    table = with_maps(table, schema)
    append(path, table, schema=schema if settings.round_floats else _wide_enough(schema, table))


def append_to_log(
    data: pa.Table | Path,
    source: LoggingSource,
    destination: LoggingDestination,
    registry: BaseRegistry,
    settings: Settings,
) -> None:
    """Append logged features to their destination; see write_logged_features."""
    if not isinstance(destination, FileLoggingDestination | LarderLoggingDestination):
        raise ValueError(
            "Larder writes logs to FileLoggingDestination or LarderLoggingDestination, "
            f"not to {type(destination).__name__}"
        )
    path = local_path(destination.path, settings.repo_path)
    time = source.get_log_timestamp_column()
    rows = data if isinstance(data, pa.Table) else _read_directory(data, time)
    schema = None if _has_files(path) else _log_schema(source.get_schema(registry), rows.schema)
    _engine.append_to_directory(
        path,
        rows,
        schema=schema,
        partition_by=destination.partition_by or [],
    )


def _only_path(source: ReadableSource, repo_path: Path | None) -> str:
    """Return the file or directory of a source that can be written to.

    Raises:
        ValueError: the source is a query, a glob or several paths.
    """
    paths = [] if source_query(source) else source_paths(source, repo_path)
    if len(paths) != 1 or (
        any(sign in paths[0] for sign in "*?[") and not os.path.exists(paths[0])
    ):
        raise ValueError(
            f"source {source.name!r} cannot be written to: a source that is written to is "
            f"one file or one directory, this one is {source.path!r}"
        )
    return paths[0]


def _is_file(path: str) -> bool:
    if os.path.exists(path):
        return os.path.isfile(path)
    return path.endswith((".parquet", ".parq"))


def _without_pandas_index(table: pa.Table) -> pa.Table:
    """Drop what pandas notes in a table, and the index that it may add as a column."""
    index = [name for name in table.column_names if name.startswith(_INDEX_COLUMN)]
    return table.drop_columns(index).replace_schema_metadata(None)


def _with_source_names(table: pa.Table, field_mapping: dict[str, str], known: set[str]) -> pa.Table:
    """Rename the columns that go by their names in Feast; those of the source stay."""
    reverse = {mapped: column for column, mapped in field_mapping.items()}
    given = set(table.column_names)
    names = [
        reverse[name]
        if name in reverse and name not in known and reverse[name] not in given
        else name
        for name in table.column_names
    ]
    return table.rename_columns(names)


def _wide_enough(schema: pa.Schema, table: pa.Table) -> pa.Schema:
    """Make columns of floats doubles, where the table has doubles that no float is equal to."""
    for index, field in enumerate(schema):
        if field.name not in table.column_names or not _is_float(field.type):
            continue
        given = table[field.name]
        if pa.types.is_float64(given.type) and not _fits(given, field.type):
            schema = schema.set(index, field.with_type(pa.float64()))
    return schema


def _is_float(data_type: pa.DataType) -> bool:
    return bool(pa.types.is_float32(data_type) or pa.types.is_float16(data_type))


def _fits(doubles: pa.ChunkedArray, narrow: pa.DataType) -> bool:
    again = doubles.cast(narrow, safe=False).cast(pa.float64())
    same = pc.or_(pc.equal(again, doubles), pc.is_nan(doubles))
    return bool(pc.all(same, min_count=0).as_py())


def _read_directory(directory: Path, event_timestamp: str) -> pa.RecordBatchReader:
    source = _engine.Source([str(directory)])
    rows = _engine.range(source, columns=None, event_timestamp=event_timestamp)
    return pa.RecordBatchReader.from_stream(rows)


def _log_schema(declared: pa.Schema, given: pa.Schema) -> pa.Schema:
    """Return the declared columns of a log, with times in the units that they come in."""
    return pa.schema(
        [
            given.field(field.name)
            if field.name in given.names and pa.types.is_timestamp(given.field(field.name).type)
            else field
            for field in declared
        ]
    )


def _has_files(path: str) -> bool:
    try:
        _engine.schema(_engine.Source([path]))
    except FileNotFoundError:
        return False
    return True
