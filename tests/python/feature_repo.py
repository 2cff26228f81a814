# SPDX-License-Identifier: Apache-2.0
"""A feature repository in a temporary folder, with Larder as its offline store."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from feast import Entity, FeatureStore, FeatureView, Field, FileSource
from feast.data_source import DataSource
from feast.types import FeastType, Int64

EntityRows: TypeAlias = pa.Table | pd.DataFrame | str | Path | None

T0 = datetime(2024, 1, 1, tzinfo=UTC)


def at(hours: float = 0, **parts: float) -> datetime:
    """A time so many hours (and other timedelta parts) after T0."""
    return T0 + timedelta(hours=hours, **parts)


def timestamps(*times: datetime | None, unit: str = "us", zone: str | None = "UTC") -> pa.Array:
    return pa.array(times, pa.timestamp("us", "UTC")).cast(pa.timestamp(unit, zone))


def rows(keys: Sequence[Any], times: Sequence[datetime | None], **columns: Any) -> pa.Table:  # noqa: ANN401
    """Entity rows with the columns key and event_timestamp."""
    return pa.table({"key": keys, "event_timestamp": timestamps(*times), **columns})


def history(keys: Sequence[Any], times: Sequence[datetime | None], **columns: Any) -> pa.Table:  # noqa: ANN401
    """Rows of a feature source with the columns key and ts; features by name."""
    return pa.table({"key": keys, "ts": timestamps(*times), **columns})


class FeatureRepo:
    def __init__(self, path: Path, offline_options: Mapping[str, object]) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        settings = {
            "project": "test",
            "provider": "local",
            "registry": {
                "path": "data/registry.db",
                "enable_online_feature_view_versioning": True,
            },
            "online_store": {"type": "sqlite", "path": "data/online.db"},
            "offline_store": {"type": "feast_larder.LarderOfflineStore", **offline_options},
            "entity_key_serialization_version": 3,
        }
        (path / "data").mkdir()
        (path / "feature_store.yaml").write_text(yaml.safe_dump(settings))
        self.store = FeatureStore(repo_path=str(path))

    def write(self, table: pa.Table, file: str, **options: Any) -> str:  # noqa: ANN401
        """Write a Parquet file and return its path relative to the repository."""
        (self.path / file).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, self.path / file, **options)
        return file

    def add_view(
        self,
        data: pa.Table | str | DataSource,
        *,
        name: str = "stats",
        keys: Sequence[str] = ("key",),
        features: Sequence[str] = ("value",),
        types: Mapping[str, FeastType] | None = None,
        ttl: timedelta | None = None,
        **source_options: Any,  # noqa: ANN401
    ) -> FeatureView:
        """Apply a view over a table (written as one file), files that are there, or a source.

        Fields are Int64 unless types says otherwise; retrieval does not look at it.
        """
        source = self._source(data, name, source_options)
        types = types or {}
        entities = [
            Entity(name=key, value_type=types.get(key, Int64).to_value_type()) for key in keys
        ]
        view = FeatureView(
            name=name,
            source=source,
            entities=entities,
            schema=[Field(name=n, dtype=types.get(n, Int64)) for n in (*keys, *features)],
            ttl=ttl,
        )
        self.store.apply([source, *entities, view])
        return view

    def _source(
        self, data: pa.Table | str | DataSource, name: str, options: Mapping[str, Any]
    ) -> DataSource:
        if isinstance(data, DataSource):
            return data
        path = data if isinstance(data, str) else self.write(data, f"{name}.parquet")
        defaults: dict[str, Any] = {"name": f"{name}_source", "timestamp_field": "ts"}
        return FileSource(path=path, **{**defaults, **options})

    def join(
        self,
        entity_df: EntityRows,
        features: Sequence[str] = ("stats:value",),
        **options: Any,  # noqa: ANN401
    ) -> pa.Table:
        return self.store.get_historical_features(entity_df, list(features), **options).to_arrow()

    def values(
        self,
        entity_df: EntityRows,
        feature: str = "stats:value",
        **options: Any,  # noqa: ANN401
    ) -> list[object]:
        """The column of one feature."""
        name = feature.split(":")[1]
        return self.join(entity_df, [feature], **options)[name].to_pylist()
