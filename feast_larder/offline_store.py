# SPDX-License-Identifier: Apache-2.0
"""The offline store and its configuration, which Feast wants to find in one module."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from feast.data_source import DataSource
from feast.feature_logging import LoggingConfig, LoggingSource
from feast.feature_view import DUMMY_ENTITY_ID, FeatureView
from feast.infra.offline_stores.offline_store import OfflineStore, RetrievalMetadata
from feast.infra.registry.base_registry import BaseRegistry
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from pydantic import Field, StrictBool, StrictInt, StrictStr, field_validator

from feast_larder import historical, monitoring, monitoring_store, sources, writes
from feast_larder.entityless import EntitylessMode
from feast_larder.requests import PullRequest
from feast_larder.retrieval_job import LarderRetrievalJob
from feast_larder.run import Settings
from feast_larder.settings import parse_bytes


class LarderDebugConfig(FeastConfigBaseModel):
    """Knobs that change how the engine works and never what it answers; for tests."""

    batch_rows: StrictInt = Field(default=65536, ge=1, le=1 << 24)
    """Rows decoded at a time, 1 to 16,777,216."""

    key_hash_bits: StrictInt = Field(default=64, ge=0, le=64)
    """Bits of the join keys' hashes that are used, 0 to 64; 0 makes all keys collide."""

    rows_in_memory: StrictInt = Field(default=0, ge=0)
    """Rows that are worked on at a time; 0 is as many as there is memory for."""


class LarderOfflineStoreConfig(FeastConfigBaseModel):
    """The ``offline_store`` section of feature_store.yaml."""

    type: StrictStr = "feast_larder.LarderOfflineStore"
    """Offline store type selector."""

    threads: StrictInt = Field(default=0, ge=0, le=1024)
    """Threads of the engine, at most 1024; 0 (the default) is one per core."""

    memory_limit: StrictInt = Field(default=0, ge=0)
    """Memory that one retrieval may use, in bytes or as text: "2GiB", "512 MB".

    0 (the default) is no limit. What does not fit at once is computed in pieces, and rows that
    were handed out no longer count. MemoryError if a single piece does not fit.
    """

    spill_directory: StrictStr | None = None
    """Existing directory of temporary files; the system's if there is none."""

    diagnose_nulls: StrictBool = False
    """Tell expired from absent features exactly in the statistics of a job (default: false).

    Reads more: rows older than every TTL are no longer skipped unread.
    """

    entityless_mode: EntitylessMode = "all_rows"
    """What retrieval without entity rows returns, for a start_date and an end_date.

    "all_rows" (the default): a row for each distinct join key and event timestamp in the range.
    "snapshot": a row for each distinct join key in the range, as of end_date.
    """

    staging_location: StrictStr | None = None
    """Directory or URI ("s3://bucket/folder") that to_remote_storage() writes below."""

    round_floats: StrictBool = False
    """Whether float64 values that a float32 column of a source cannot hold are rounded on write.

    False (the default): the column becomes one of float64, and nothing is lost.
    """

    monitoring_path: StrictStr = "feast_monitoring"
    """Directory of the monitoring metrics; relative to the feature repository."""

    progress: Literal["auto", "never"] = "auto"
    """Whether a retrieval of more than a second shows its time on a terminal."""

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
            "rows_in_memory": self.debug.rows_in_memory,
            "spill_directory": self.spill_directory or "",
        }


class LarderOfflineStore(OfflineStore):
    """Point-in-time joins, latest rows, ranges and writes of Parquet files by the C++ engine."""

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
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> LarderRetrievalJob:
        """Plan a point-in-time join; reads no source until the job's rows are asked for.

        Args:
            config: the feature store's configuration.
            feature_views: the views to join.
            feature_refs: ``"view:feature"`` for every feature, on-demand views and their inputs
                included.
            entity_df: the entity rows: a pandas DataFrame, anything with an Arrow stream, the
                path of Parquet files (a Path, or a str that ends in ``.parquet`` or exists), or
                SQL in DuckDB's dialect that may name feature views and data sources as tables.
                They come back in their order, one row each. None stands for the rows of the
                views themselves between start_date and end_date.
            registry: where on-demand views, and what SQL names, are looked up.
            project: the project of the registry to look in.
            full_feature_names: name features ``view__feature`` instead of ``feature``.
            filter_by_created_timestamp: use only rows created at or before the entity row's time.
            start_date: without entity rows, the first time; the longest TTL (or 30 days) before
                end_date if None.
            end_date: without entity rows, the last time; now if None. Both are inclusive, and UTC
                if naive.

        Raises:
            FeastEntityDFMissingColumnsError: the entity rows lack a join key.
            EntityTimestampInferenceException: the entity rows have no certain time column.
            ValueError: a source cannot be read by Larder, or two columns would share a name.
            TypeError: entity_df is of no supported type.
        """
        return historical.plan(
            historical.Question(
                feature_views,
                feature_refs,
                registry,
                project,
                full_feature_names,
                filter_by_created_timestamp,
            ),
            _settings(config),
            entity_df,
            historical.EntitylessRange(start_date, end_date, _config(config).entityless_mode),
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

    @staticmethod
    def offline_write_batch(
        config: RepoConfig,
        feature_view: FeatureView,
        table: pa.Table,
        progress: Callable[[int], Any] | None,
    ) -> None:
        """Append rows to the batch source of a feature view, whole or not at all.

        A directory gets a new file, a single file is replaced by a longer one. Columns may come
        in any order, by their names in the source or in Feast, and in any type that can be cast
        exactly.

        Args:
            config: the feature store's configuration.
            feature_view: the view whose source is written.
            table: the rows.
            progress: called with the number of rows once they are written.

        Raises:
            ValueError: a column is missing, unknown or of a wrong type, or the source is none
                that can be written to; nothing is written then.
        """
        writes.append_to_source(feature_view, table, _settings(config))
        if progress is not None:
            progress(table.num_rows)

    @staticmethod
    def write_logged_features(
        config: RepoConfig,
        data: pa.Table | Path,
        source: LoggingSource,
        logging_config: LoggingConfig,
        registry: BaseRegistry,
    ) -> None:
        """Append logged features to a directory, which is made if it is not there.

        Args:
            config: the feature store's configuration.
            data: the rows, or the directory of Parquet files that holds them.
            source: knows the columns of the log and their types.
            logging_config: has a FileLoggingDestination or LarderLoggingDestination.
            registry: where the logged feature views are looked up.

        Raises:
            ValueError: a column is missing, unknown or of a wrong type, or the destination is of
                another kind; nothing is written then.
        """
        writes.append_to_log(data, source, logging_config.destination, registry, _settings(config))

    def validate_data_source(self, config: RepoConfig, data_source: DataSource) -> None:
        """Check that a source is readable and has the time columns it names.

        Files that do not exist yet are only warned of.

        Raises:
            OSError: a file is truncated or corrupt.
            ValueError: Larder cannot read this kind of source, or a time column is missing.
        """
        sources.validate_source(_require(data_source), config)

    def get_table_column_names_and_types_from_data_source(
        self, config: RepoConfig, data_source: DataSource
    ) -> Iterable[tuple[str, str]]:
        """List the columns of a source with their Arrow types, hive partition columns included."""
        return sources.column_names_and_types(_require(data_source), config)

    @staticmethod
    def compute_monitoring_metrics(
        config: RepoConfig,
        data_source: DataSource,
        feature_columns: list[tuple[str, str]],
        timestamp_field: str,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        histogram_bins: int = 20,
        top_n: int = 10,
    ) -> list[dict[str, Any]]:
        """Compute statistics of columns over the rows between two times, both inclusive.

        Args:
            config: the feature store's configuration.
            data_source: what to read; files that do not exist yet count as no rows.
            feature_columns: pairs of a column and "numeric" or "categorical"; columns that the
                source lacks are left out of the answer.
            timestamp_field: the event timestamp column.
            start_date: the first time; None for no bound.
            end_date: the last time; None for no bound.
            histogram_bins: bins of equal width in the histogram of a numeric column.
            top_n: values in the histogram of a categorical column.

        Returns:
            A dict for each column in the form of Feast's MetricsCalculator.
        """
        return monitoring.compute_metrics(
            monitoring.Window(_require(data_source), timestamp_field, start_date, end_date),
            feature_columns,
            monitoring.HistogramSizes(histogram_bins, top_n),
            _settings(config),
        )

    @staticmethod
    def get_monitoring_max_timestamp(
        config: RepoConfig, data_source: DataSource, timestamp_field: str
    ) -> datetime | None:
        """Return the last event timestamp of a source in UTC, None if it has no rows or files."""
        return monitoring.max_timestamp(_require(data_source), timestamp_field, _settings(config))

    @staticmethod
    def ensure_monitoring_tables(config: RepoConfig) -> None:
        """Make the directories of the metrics, if they are not there."""
        monitoring_store.make_directories(_monitoring_path(config))

    @staticmethod
    def save_monitoring_metrics(
        config: RepoConfig, metric_type: str, metrics: list[dict[str, Any]]
    ) -> None:
        """Add metrics; one with the key of an earlier one takes its place.

        Any number of processes may save at once, and nothing that is there is rewritten.

        Args:
            config: the feature store's configuration.
            metric_type: "feature", "feature_view", "feature_service" or "job".
            metrics: dicts of the columns that Feast defines for the type.
        """
        monitoring_store.save(_monitoring_path(config), metric_type, metrics)

    @staticmethod
    def query_monitoring_metrics(
        config: RepoConfig,
        project: str,
        metric_type: str,
        filters: dict[str, Any] | None = None,
        start_date: date | None = None,
        end_date: date | None = None,
    ) -> list[dict[str, Any]]:
        """Read metrics in the order of their dates.

        Args:
            config: the feature store's configuration.
            project: the project; "" for all.
            metric_type: "feature", "feature_view", "feature_service" or "job".
            filters: values that columns must have; None stands for any value.
            start_date: the first metric_date.
            end_date: the last metric_date.
        """
        selection = monitoring_store.Selection(project, filters or {}, start_date, end_date)
        return monitoring_store.query(_monitoring_path(config), metric_type, selection)

    @staticmethod
    def clear_monitoring_baseline(
        config: RepoConfig,
        project: str,
        feature_view_name: str | None = None,
        feature_name: str | None = None,
        data_source_type: str | None = None,
    ) -> None:
        """Make the saved feature metrics of a project no baseline any more.

        Args:
            config: the feature store's configuration.
            project: the project.
            feature_view_name: only of this feature view.
            feature_name: only of this feature.
            data_source_type: only of this type, "batch" or "log".
        """
        names = {
            "feature_view_name": feature_view_name,
            "feature_name": feature_name,
            "data_source_type": data_source_type,
        }
        monitoring_store.clear_baseline(_monitoring_path(config), project, names)


def _config(config: RepoConfig) -> LarderOfflineStoreConfig:
    store_config = config.offline_store
    if not isinstance(store_config, LarderOfflineStoreConfig):
        raise ValueError(f"offline_store is configured as {type(store_config).__name__}")
    return store_config


def _settings(config: RepoConfig) -> Settings:
    store_config = _config(config)
    return Settings(
        config.repo_path,
        store_config.engine_settings(),
        store_config.staging_location,
        store_config.progress,
        store_config.round_floats,
    )


def _monitoring_path(config: RepoConfig) -> str:
    return sources.local_path(_config(config).monitoring_path, config.repo_path)


def _require(data_source: DataSource) -> sources.ReadableSource:
    return sources.require_source(data_source, f"data source {data_source.name!r}")


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
    keys = [key for key in join_keys if key != DUMMY_ENTITY_ID]
    request = PullRequest(
        source=_require(data_source),
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
