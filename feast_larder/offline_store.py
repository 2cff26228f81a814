# SPDX-License-Identifier: Apache-2.0
"""The offline store and its configuration, which Feast wants to find in one module."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from feast.data_source import DataSource
from feast.feature_view import DUMMY_ENTITY_ID, FeatureView
from feast.infra.offline_stores.offline_store import OfflineStore, RetrievalMetadata
from feast.infra.registry.base_registry import BaseRegistry
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from pydantic import Field, StrictBool, StrictInt, StrictStr, field_validator

from feast_larder import sources
from feast_larder.entity_rows import read_entity_rows
from feast_larder.feature_views import (
    check_entity_columns,
    check_output_columns,
    engine_feature_view,
    requested_views,
)
from feast_larder.requests import PointInTimeRequest, PullRequest
from feast_larder.retrieval_job import LarderRetrievalJob
from feast_larder.settings import parse_bytes


class LarderDebugConfig(FeastConfigBaseModel):
    """Knobs that change how the engine works and never what it answers; for tests."""

    batch_rows: StrictInt = Field(default=65536, ge=1, le=1 << 24)
    """Rows decoded at a time, 1 to 16,777,216."""

    key_hash_bits: StrictInt = Field(default=64, ge=0, le=64)
    """Bits of the join keys' hashes that are used, 0 to 64; 0 makes all keys collide."""


class LarderOfflineStoreConfig(FeastConfigBaseModel):
    """The ``offline_store`` section of feature_store.yaml."""

    type: StrictStr = "feast_larder.LarderOfflineStore"
    """Offline store type selector."""

    threads: StrictInt = Field(default=0, ge=0, le=1024)
    """Threads of the engine, at most 1024; 0 (the default) is one per core."""

    memory_limit: StrictInt = Field(default=0, ge=0)
    """Memory that one retrieval may use, in bytes or as text: "2GiB", "512 MB".

    0 (the default) is no limit. A retrieval that needs more raises MemoryError.
    """

    diagnose_nulls: StrictBool = False
    """Tell expired from absent features exactly in the statistics of a job (default: false).

    Reads more: rows older than every TTL are no longer skipped unread.
    """

    debug: LarderDebugConfig = LarderDebugConfig()
    """Settings for tests."""

    @field_validator("memory_limit", mode="before")
    @classmethod
    def _parse_memory_limit(cls, value: object) -> object:
        return parse_bytes(value) if isinstance(value, str) else value

    def engine_settings(self) -> dict[str, Any]:
        """Return the keyword arguments of ``_engine.Options`` that this configuration sets."""
        return {
            "threads": self.threads,
            "memory_limit": self.memory_limit,
            "diagnose_nulls": self.diagnose_nulls,
            "batch_rows": self.debug.batch_rows,
            "key_hash_bits": self.debug.key_hash_bits,
        }


class LarderOfflineStore(OfflineStore):
    """Point-in-time joins, latest rows and ranges over Parquet files, run by the C++ engine."""

    supports_filter_by_created_timestamp = True

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: Any,  # noqa: ANN401 - anything with an Arrow stream
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        filter_by_created_timestamp: bool = False,
        **kwargs: Any,  # noqa: ANN401 - start_date and end_date of retrieval without entity rows
    ) -> LarderRetrievalJob:
        """Plan a point-in-time join; reads no source until the job's rows are asked for.

        Args:
            config: the feature store's configuration.
            feature_views: the views to join.
            feature_refs: ``"view:feature"`` for every feature, on-demand views and their inputs
                included.
            entity_df: the entity rows, a pandas DataFrame or anything with an Arrow stream. They
                come back in their order, one row each.
            registry: where on-demand views are looked up.
            project: the project of the registry to look in.
            full_feature_names: name features ``view__feature`` instead of ``feature``.
            filter_by_created_timestamp: use only rows created at or before the entity row's time.
            kwargs: not used yet.

        Raises:
            FeastEntityDFMissingColumnsError: the entity rows lack a join key.
            EntityTimestampInferenceException: the entity rows have no certain time column.
            ValueError: a source cannot be read by Larder, or two columns would share a name.
            TypeError: entity_df is of no supported type.
        """
        if entity_df is None:
            raise ValueError(
                "entity_df is required: retrieval by start_date and end_date is not supported"
            )
        rows = read_entity_rows(entity_df)
        on_demand = OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry)
        check_entity_columns(rows, feature_views, on_demand)
        requested = requested_views(feature_refs, feature_views, on_demand, full_feature_names)
        check_output_columns(rows, requested)
        views = [engine_feature_view(view, config.repo_path) for view in requested]

        def metadata() -> RetrievalMetadata:
            return RetrievalMetadata(feature_refs, rows.other_columns, *rows.time_range())

        return LarderRetrievalJob(
            PointInTimeRequest(rows, views, filter_by_created_timestamp),
            _settings(config),
            metadata,
            full_feature_names,
            on_demand,
        )

    @staticmethod
    def pull_latest_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> LarderRetrievalJob:
        """Plan to read the newest row of each join key between two times, both inclusive.

        Columns are named as in the files. Of rows with one event timestamp the latest created
        wins. The job raises FeastJoinKeysDuringMaterialization if the source lacks a join key.
        """
        return _pull(
            config,
            data_source,
            join_key_columns,
            feature_name_columns,
            timestamp_field,
            created_timestamp_column,
            start_date,
            end_date,
            latest=True,
        )

    @staticmethod
    def pull_all_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> LarderRetrievalJob:
        """Plan to read every row between two times, both inclusive and each optional.

        Columns are named as in the files; no feature columns stand for all columns. The job
        raises FeastJoinKeysDuringMaterialization if the source lacks a join key.
        """
        return _pull(
            config,
            data_source,
            join_key_columns,
            feature_name_columns,
            timestamp_field,
            created_timestamp_column,
            start_date,
            end_date,
            latest=False,
        )

    def validate_data_source(self, config: RepoConfig, data_source: DataSource) -> None:
        """Check that the source's files are readable and have the time columns it names.

        Files that do not exist yet are only warned of.

        Raises:
            OSError: a file is truncated or corrupt.
            ValueError: Larder cannot read this kind of source, or a time column is missing.
        """
        source = sources.require_file_source(data_source, f"data source {data_source.name!r}")
        sources.validate_file_source(source, config)

    def get_table_column_names_and_types_from_data_source(
        self, config: RepoConfig, data_source: DataSource
    ) -> Iterable[tuple[str, str]]:
        """List the columns of a source with their Arrow types, hive partition columns included."""
        source = sources.require_file_source(data_source, f"data source {data_source.name!r}")
        return sources.column_names_and_types(source, config)


def _settings(config: RepoConfig) -> dict[str, Any]:
    store_config = config.offline_store
    if not isinstance(store_config, LarderOfflineStoreConfig):
        raise ValueError(f"offline_store is configured as {type(store_config).__name__}")
    return store_config.engine_settings()


def _pull(
    config: RepoConfig,
    data_source: DataSource,
    join_keys: list[str],
    features: list[str],
    event_timestamp: str,
    created_timestamp: str | None,
    start: datetime | None,
    end: datetime | None,
    *,
    latest: bool,
) -> LarderRetrievalJob:
    source = sources.require_file_source(data_source, f"data source {data_source.name!r}")
    keys = [key for key in join_keys if key != DUMMY_ENTITY_ID]
    request = PullRequest(
        source=source,
        repo_path=config.repo_path,
        join_keys=keys,
        features=features,
        event_timestamp=event_timestamp,
        created_timestamp=created_timestamp or None,
        start=start,
        end=end,
        latest=latest,
    )

    def metadata() -> RetrievalMetadata:
        return RetrievalMetadata(features, keys, start, end)

    return LarderRetrievalJob(request, _settings(config), metadata)
