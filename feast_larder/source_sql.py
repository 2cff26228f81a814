# SPDX-License-Identifier: Apache-2.0
"""Sources as DuckDB sees them: a list of Parquet files, or a query."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from feast.infra.offline_stores.file_source import FileSource

from feast_larder.source import LarderSource
from feast_larder.sources import source_paths
from feast_larder.sql import quote_text, single_select, subquery


def table_sql(paths: Sequence[str], query: str, hive_partitioning: bool) -> str:
    """Return what stands for a source in a FROM clause: its query, or its files by name."""
    if query:
        return subquery(single_select(query))
    files = ", ".join(quote_text(path) for path in paths)
    hive = "true" if hive_partitioning else "false"
    return f"read_parquet([{files}], union_by_name = true, hive_partitioning = {hive})"


def source_table_sql(source: FileSource | LarderSource, repo_path: Path | str | None) -> str:
    """Return what stands for a source in a FROM clause: the files that the engine would read.

    Raises:
        FileNotFoundError: there is no file.
    """
    query = source.query if isinstance(source, LarderSource) else ""
    hive = not isinstance(source, LarderSource) or source.hive_partitioning
    files = [] if query else list_files(source_paths(source, repo_path))
    return table_sql(files, query, hive)


def list_files(paths: Sequence[str]) -> list[str]:
    """List the files of paths, directories and globs as the engine does, sorted.

    Raises:
        FileNotFoundError: there is none.
    """
    found: set[str] = set()
    for path in paths:
        if os.path.isfile(path):
            found.add(path)
            continue
        for match in [path] if os.path.isdir(path) else glob.glob(path, recursive=True):
            found.update(_files_below(match) if os.path.isdir(match) else [match])
    if not found:
        raise FileNotFoundError(f"no files in {', '.join(paths)}")
    return sorted(found)


def _files_below(directory: str) -> list[str]:
    found: list[str] = []
    for parent, folders, files in os.walk(directory):
        folders[:] = [name for name in folders if not _is_hidden(name, is_folder=True)]
        found += [os.path.join(parent, name) for name in files if not _is_hidden(name)]
    return found


def _is_hidden(name: str, *, is_folder: bool = False) -> bool:
    """Say whether readers skip a name; a hive partition of a column ``_day`` is none of these."""
    return name.startswith(".") or (name.startswith("_") and not (is_folder and "=" in name))
