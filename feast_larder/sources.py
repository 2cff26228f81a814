# SPDX-License-Identifier: Apache-2.0
"""Feast's data sources as the engine sees them: where the files are, what columns they have."""

import logging
import os
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote, urlparse

import pyarrow as pa
from feast.data_format import ParquetFormat
from feast.data_source import DataSource
from feast.infra.offline_stores.file_source import FileSource
from feast.repo_config import RepoConfig

from feast_larder import _engine
from feast_larder.run import Settings
from feast_larder.source import LarderSource
from feast_larder.sql import open_database, single_select

_logger = logging.getLogger(__name__)

ReadableSource: TypeAlias = FileSource | LarderSource


def require_source(source: DataSource | None, owner: str) -> ReadableSource:
    """Return the source if Larder can read it.

    Args:
        source: the batch source of a feature view, or a data source by itself.
        owner: who names the source, for the error: ``"feature view 'driver_stats'"``.

    Raises:
        ValueError: there is no source, or it is neither a LarderSource nor a FileSource of
            Parquet files.
    """
    if source is None:
        raise ValueError(
            f"{owner} has no batch_source: Larder reads features from a FileSource or LarderSource"
        )
    if isinstance(source, LarderSource):
        return source
    if not isinstance(source, FileSource):
        raise ValueError(
            f"{owner} has a source of type {type(source).__name__} ({source.name!r}): "
            "offline_store.type feast_larder.LarderOfflineStore reads FileSource and LarderSource"
        )
    if source.file_format is not None and not isinstance(source.file_format, ParquetFormat):
        raise ValueError(
            f"{owner} has a FileSource with file_format={type(source.file_format).__name__} "
            f"({source.path!r}): Larder reads file_format=ParquetFormat()"
        )
    return source


def local_path(uri: str, repo_path: Path | str | None) -> str:
    """Resolve a path of the configuration: file, directory or glob, relative to the repository.

    Raises:
        ValueError: the path is a URI of another machine or of a remote file system.
    """
    if uri.startswith("file:"):
        parsed = urlparse(uri)
        if parsed.netloc not in ("", "localhost"):
            raise ValueError(f"path {uri!r} is on host {parsed.netloc!r}, not local")
        return unquote(parsed.path)
    if "://" in uri:
        raise ValueError(f"path {uri!r} is not local: Larder reads and writes local files")
    # join() leaves an absolute path as it is, and keeps a trailing slash.
    return os.path.join(repo_path, uri) if repo_path is not None else uri


def source_paths(source: ReadableSource, repo_path: Path | str | None) -> list[str]:
    """Return the source's files, directories and globs; none for a query."""
    paths = source.paths if isinstance(source, LarderSource) else [source.path]
    return [local_path(path, repo_path) for path in paths]


def source_query(source: ReadableSource) -> str:
    """Return the SELECT that a source is the answer of, or "" if it consists of files.

    Raises:
        ValueError: the source's query is not one SELECT.
    """
    if isinstance(source, LarderSource) and source.query:
        return single_select(source.query)
    return ""


def open_files(source: ReadableSource, repo_path: Path | str | None) -> _engine.Source:
    """Name the files of a source, which is no query, to the engine; reads nothing."""
    hive = source.hive_partitioning if isinstance(source, LarderSource) else True
    return _engine.Source(source_paths(source, repo_path), hive_partitioning=hive)


def source_column(source: DataSource, name: str) -> str:
    """Return the column in the files that the source's field_mapping calls by this name."""
    reverse = {mapped: column for column, mapped in source.field_mapping.items()}
    return reverse.get(name, name)


def source_schema(source: ReadableSource, settings: Settings) -> pa.Schema:
    """Read the unified schema of the source's files, partition columns included.

    Raises:
        OSError: a file is missing, truncated or corrupt.
        ValueError: the files' schemas contradict each other, or the query is wrong.
    """
    query = source_query(source)
    if query:
        with open_database(settings) as database:
            return database.schema(query)
    return pa.schema(_engine.schema(open_files(source, settings.repo_path)))


def column_names_and_types(source: ReadableSource, config: RepoConfig) -> list[tuple[str, str]]:
    """List the columns of a source with their types in the words of Feast's type map."""
    schema = source_schema(source, Settings(config.repo_path))
    return [(field.name, str(_plain_type(field.type))) for field in schema]


def validate_source(source: ReadableSource, config: RepoConfig) -> None:
    """Check that the source is readable and holds the time columns that it names.

    Files that are not there yet are only warned of: a push may be what first writes them.

    Raises:
        OSError: a file is truncated or corrupt.
        ValueError: the query is wrong, or a time column is missing.
    """
    kind = type(source).__name__
    try:
        columns = source_schema(source, Settings(config.repo_path)).names
    except FileNotFoundError as error:
        _logger.warning("%s %r has no files yet: %s", kind, source.path, error)
        return
    options = {
        "timestamp_field": source.timestamp_field,
        "created_timestamp_column": source.created_timestamp_column,
    }
    for option, name in options.items():
        if name and source_column(source, name) not in columns:
            raise ValueError(
                f"{kind} {source.path!r} has no column {source_column(source, name)!r}, "
                f"named by {option}; it has {columns}"
            )


def _plain_type(data_type: pa.DataType) -> pa.DataType:
    """Rewrite types that Feast's type map cannot read as the equal ones that it can."""
    if pa.types.is_dictionary(data_type):
        return _plain_type(data_type.value_type)
    if pa.types.is_string_view(data_type):
        return pa.string()
    if _is_binary(data_type):
        return pa.binary()
    if pa.types.is_date(data_type):
        return pa.timestamp("s")
    if pa.types.is_float16(data_type):
        return pa.float32()
    if _is_list(data_type):
        return pa.list_(pa.field("item", _plain_type(data_type.value_type)))
    return data_type


def _is_binary(data_type: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary_view(data_type)
        or pa.types.is_large_binary(data_type)
        or pa.types.is_fixed_size_binary(data_type)
    )


def _is_list(data_type: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(data_type)
        or pa.types.is_large_list(data_type)
        or pa.types.is_fixed_size_list(data_type)
        or pa.types.is_list_view(data_type)
        or pa.types.is_large_list_view(data_type)
    )
