# SPDX-License-Identifier: Apache-2.0
"""Feast's data sources as the engine sees them: where the files are, what columns they have."""

import logging
import os
from pathlib import Path
from urllib.parse import unquote, urlparse

import pyarrow as pa
from feast.data_format import ParquetFormat
from feast.data_source import DataSource
from feast.infra.offline_stores.file_source import FileSource
from feast.repo_config import RepoConfig

from feast_larder import _engine

_logger = logging.getLogger(__name__)


def require_file_source(source: DataSource | None, owner: str) -> FileSource:
    """Return the source if Larder can read it.

    Args:
        source: the batch source of a feature view, or a data source by itself.
        owner: who names the source, for the error: ``"feature view 'driver_stats'"``.

    Raises:
        ValueError: there is no source, or it is not a FileSource of Parquet files.
    """
    if source is None:
        raise ValueError(f"{owner} has no batch_source: Larder reads features from a FileSource")
    if not isinstance(source, FileSource):
        raise ValueError(
            f"{owner} has a source of type {type(source).__name__} ({source.name!r}): "
            "offline_store.type feast_larder.LarderOfflineStore reads FileSource"
        )
    if source.file_format is not None and not isinstance(source.file_format, ParquetFormat):
        raise ValueError(
            f"{owner} has a FileSource with file_format={type(source.file_format).__name__} "
            f"({source.path!r}): Larder reads file_format=ParquetFormat()"
        )
    return source


def local_path(uri: str, repo_path: Path | str | None) -> str:
    """Resolve FileSource.path: a file, directory or glob, relative to the feature repository.

    Raises:
        ValueError: the path is a URI of another machine or of a remote file system.
    """
    if uri.startswith("file:"):
        parsed = urlparse(uri)
        if parsed.netloc not in ("", "localhost"):
            raise ValueError(f"FileSource.path {uri!r} is on host {parsed.netloc!r}, not local")
        return unquote(parsed.path)
    if "://" in uri:
        raise ValueError(f"FileSource.path {uri!r} is not local: Larder reads local files")
    # join() leaves an absolute path as it is, and keeps a trailing slash.
    return os.path.join(repo_path, uri) if repo_path is not None else uri


def open_source(source: FileSource, repo_path: Path | str | None) -> _engine.Source:
    """Name the files of a source to the engine; reads nothing."""
    return _engine.Source([local_path(source.path, repo_path)])


def source_column(source: DataSource, name: str) -> str:
    """Return the column in the files that the source's field_mapping calls by this name."""
    reverse = {mapped: column for column, mapped in source.field_mapping.items()}
    return reverse.get(name, name)


def source_schema(source: FileSource, repo_path: Path | str | None) -> pa.Schema:
    """Read the unified schema of the source's files, partition columns included.

    Raises:
        OSError: a file is missing, truncated or corrupt.
        ValueError: there are no files, or their schemas contradict each other.
    """
    return pa.schema(_engine.schema(open_source(source, repo_path)))


def column_names_and_types(source: FileSource, config: RepoConfig) -> list[tuple[str, str]]:
    """List the columns of a source with their types in the words of Feast's type map."""
    schema = source_schema(source, config.repo_path)
    return [(field.name, str(_plain_type(field.type))) for field in schema]


def validate_file_source(source: FileSource, config: RepoConfig) -> None:
    """Check that the files are readable and hold the time columns that the source names.

    Files that are not there yet are only warned of: a push may be what first writes them.

    Raises:
        OSError: a file is truncated or corrupt.
        ValueError: a time column is missing.
    """
    try:
        columns = source_schema(source, config.repo_path).names
    except FileNotFoundError as error:
        _logger.warning("FileSource %r has no files yet: %s", source.path, error)
        return
    options = {
        "timestamp_field": source.timestamp_field,
        "created_timestamp_column": source.created_timestamp_column,
    }
    for option, name in options.items():
        if name and source_column(source, name) not in columns:
            raise ValueError(
                f"FileSource {source.path!r} has no column {source_column(source, name)!r}, "
                f"named by {option}; it has {columns}"
            )


def _plain_type(data_type: pa.DataType) -> pa.DataType:
    """Rewrite types that Feast's type map cannot read as the equal ones that it can."""
    if pa.types.is_dictionary(data_type):
        return _plain_type(data_type.value_type)
    if pa.types.is_string_view(data_type):
        return pa.string()
    if pa.types.is_binary_view(data_type) or pa.types.is_large_binary(data_type):
        return pa.binary()
    if pa.types.is_list(data_type) or pa.types.is_large_list(data_type):
        return pa.list_(pa.field("item", _plain_type(data_type.value_type)))
    return data_type
