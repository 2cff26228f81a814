# SPDX-License-Identifier: Apache-2.0
"""Sources as DuckDB sees them: a list of Parquet files, or a query."""

from collections.abc import Sequence
from pathlib import Path

from feast.infra.offline_stores.file_source import FileSource

from feast_larder import _engine
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
    files = [] if query else _engine.files(_engine.Source(source_paths(source, repo_path)))
    return table_sql(files, query, hive)
