# SPDX-License-Identifier: Apache-2.0
"""Larder's own data source: Parquet files by several paths or globs, or an SQL query."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from feast.data_source import DataSource
from feast.protos.feast.core.DataSource_pb2 import DataSource as DataSourceProto
from feast.repo_config import RepoConfig
from feast.value_type import ValueType

from feast_larder.value_types import arrow_to_value_type


class LarderSource(DataSource):
    """Rows of Parquet files, or of a DuckDB query, for the Larder offline store.

    Args:
        name: the source's name, by which SQL entity rows can read it too; the path if not given.
        path: a Parquet file, a directory of them or a glob, or several of these. Relative to
            the feature repository. A single file or directory can be written to (push).
        query: an SQL query in DuckDB's dialect, instead of a path. It is run anew by every
            retrieval, with the columns and the time range that this needs.
        hive_partitioning: whether folders named ``column=value`` are columns.
        timestamp_field: the event timestamp column: timestamp, date or ISO-8601 string; without
            a zone it is UTC.
        created_timestamp_column: when a row was written; of rows with one event timestamp the
            latest wins.
        field_mapping: from names of columns in the source to names in Feast.
        description: for humans.
        tags: for humans and their tools.
        owner: for humans.

    Raises:
        ValueError: neither or both of path and query are given.
    """

    def __init__(
        self,
        *,
        name: str | None = None,
        path: str | Sequence[str] | None = None,
        query: str | None = None,
        hive_partitioning: bool = True,
        timestamp_field: str | None = None,
        created_timestamp_column: str | None = None,
        field_mapping: dict[str, str] | None = None,
        description: str | None = "",
        tags: dict[str, str] | None = None,
        owner: str | None = "",
    ) -> None:
        paths = [path] if isinstance(path, str) else list(path or ())
        if bool(paths) == bool(query):
            raise ValueError("LarderSource takes a path or several, or else a query")
        if not all(paths):
            raise ValueError("LarderSource has an empty path")
        if query and not name:
            raise ValueError("LarderSource with a query needs a name")
        self.paths = paths
        self.query = query or ""
        self.hive_partitioning = hive_partitioning
        super().__init__(
            name=name or ", ".join(paths),
            timestamp_field=timestamp_field,
            created_timestamp_column=created_timestamp_column,
            field_mapping=field_mapping,
            description=description,
            tags=tags,
            owner=owner,
        )

    @property
    def path(self) -> str:
        """The path, or all of them in one text, or the query: for messages."""
        return self.query or ", ".join(self.paths)

    def source_type(self) -> DataSourceProto.SourceType.ValueType:
        """Return the type that Feast has for sources which are not its own."""
        return DataSourceProto.CUSTOM_SOURCE

    def __eq__(self, other: object) -> bool:
        """Compare all that the source is made of."""
        return (
            isinstance(other, LarderSource)
            and bool(super().__eq__(other))  # type: ignore[no-untyped-call]
            and self._configuration() == other._configuration()
        )

    def __hash__(self) -> int:
        """Hash as Feast does: by name and event timestamp."""
        return int(super().__hash__())  # type: ignore[no-untyped-call]

    @staticmethod
    def from_proto(data_source: DataSourceProto) -> "LarderSource":
        """Restore a source from the registry."""
        options: dict[str, Any] = json.loads(data_source.custom_options.configuration)
        return LarderSource(
            name=data_source.name,
            path=options["paths"] or None,
            query=options["query"] or None,
            hive_partitioning=options["hive_partitioning"],
            timestamp_field=data_source.timestamp_field,
            created_timestamp_column=data_source.created_timestamp_column,
            field_mapping=dict(data_source.field_mapping),
            description=data_source.description,
            tags=dict(data_source.tags),
            owner=data_source.owner,
        )

    def _to_proto_impl(self) -> DataSourceProto:
        return DataSourceProto(
            name=self.name,
            type=DataSourceProto.CUSTOM_SOURCE,
            data_source_class_type=f"{LarderSource.__module__}.{LarderSource.__qualname__}",
            custom_options=DataSourceProto.CustomSourceOptions(
                configuration=json.dumps(self._configuration()).encode()
            ),
            field_mapping=self.field_mapping,
            timestamp_field=self.timestamp_field,
            created_timestamp_column=self.created_timestamp_column,
            description=self.description,
            tags=self.tags,
            owner=self.owner,
        )

    def _configuration(self) -> dict[str, Any]:
        return {
            "paths": self.paths,
            "query": self.query,
            "hive_partitioning": self.hive_partitioning,
        }

    def validate(self, config: RepoConfig) -> None:
        """Check that the source is readable and has the time columns it names.

        Files that do not exist yet are only warned of.

        Raises:
            OSError: a file is truncated or corrupt.
            ValueError: the query is wrong, or a time column is missing.
        """
        from feast_larder.sources import validate_source

        validate_source(self, config)

    def get_table_column_names_and_types(self, config: RepoConfig) -> Iterable[tuple[str, str]]:
        """List the columns with their Arrow types, those of hive partitions included."""
        from feast_larder.sources import column_names_and_types

        return column_names_and_types(self, config)

    @staticmethod
    def source_datatype_to_feast_value_type() -> Callable[[str], ValueType]:
        """Return the map from Arrow types, as text, to Feast's value types."""
        return arrow_to_value_type

    def get_table_query_string(self) -> str:
        """Return what stands for the source in the FROM clause of a DuckDB query."""
        from feast_larder.source_sql import table_sql

        globs = [path if _names_files(path) else f"{path}/**/*.parquet" for path in self.paths]
        return table_sql(globs, self.query, self.hive_partitioning)


def _names_files(path: str) -> bool:
    return path.endswith((".parquet", ".parq")) or any(sign in path for sign in "*?[")
