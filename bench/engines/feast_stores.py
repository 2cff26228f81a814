# SPDX-License-Identifier: Apache-2.0
"""Feast with each of its offline stores: the same feature repository, one line apart."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.data_format import ParquetFormat
from feast.infra.offline_stores.offline_utils import get_offline_store_from_config
from feast.types import Float32

from bench.cases import EVENT_TIMESTAMP, Case, Operation, view_name
from bench.data import window
from bench.engines import Request

_INTEGERS = {"user_id", "account_id"}


def prepare_larder(request: Request) -> Callable[[], pa.Table]:
    return _prepare(
        request, {"type": "feast_larder.LarderOfflineStore", "threads": request.threads}
    )


def prepare_duckdb(request: Request) -> Callable[[], pa.Table]:
    return _prepare(request, {"type": "duckdb"})


def prepare_dask(request: Request) -> Callable[[], pa.Table]:
    return _prepare(request, {"type": "dask"})


def _prepare(request: Request, offline_store: dict[str, Any]) -> Callable[[], pa.Table]:
    config = RepoConfig(
        project="bench",
        provider="local",
        registry=str(request.scratch / "registry.db"),
        offline_store=offline_store,
        online_store=None,
        entity_key_serialization_version=3,
        repo_path=request.scratch,
    )
    store = FeatureStore(config=config)
    entities = [_entity(column) for column in request.case.data.key_type.columns]
    views = [
        _feature_view(request.case, number, directory, entities)
        for number, directory in enumerate(request.sources)
    ]
    store.apply([*entities, *views])
    if request.case.operation is Operation.JOIN:
        return _join(request, store)
    return _pull(request, config, views[0])


def _entity(column: str) -> Entity:
    value_type = ValueType.INT64 if column in _INTEGERS else ValueType.STRING
    return Entity(name=column, join_keys=[column], value_type=value_type)


def _feature_view(case: Case, number: int, directory: Path, entities: list[Entity]) -> FeatureView:
    # A pattern and the format are what the duckdb store needs to read a directory.
    source = FileSource(
        name=f"source{number:02}",
        path=f"{directory.resolve()}/*.parquet",
        file_format=ParquetFormat(),
        timestamp_field=EVENT_TIMESTAMP,
    )
    return FeatureView(
        name=view_name(number),
        entities=entities,
        ttl=timedelta(days=case.ttl_days or 0),
        schema=[Field(name=name, dtype=Float32) for name in case.feature_columns()],
        source=source,
    )


def _join(request: Request, store: FeatureStore) -> Callable[[], pa.Table]:
    assert request.entity_rows is not None
    entity_rows = request.entity_rows.to_pandas()
    features = [
        f"{view_name(view)}:{column}"
        for view in range(request.case.views)
        for column in request.case.feature_columns()
    ]

    def run() -> pa.Table:
        return store.get_historical_features(
            entity_df=entity_rows, features=features, full_feature_names=True
        ).to_arrow()

    return run


def _pull(request: Request, config: RepoConfig, view: FeatureView) -> Callable[[], pa.Table]:
    """Read as materialization does: by the offline store, without a feature view's join."""
    offline_store = get_offline_store_from_config(config.offline_store)
    latest = request.case.operation is Operation.LATEST
    pull = (
        offline_store.pull_latest_from_table_or_query
        if latest
        else offline_store.pull_all_from_table_or_query
    )
    start, end = window(request.case)
    assert view.batch_source is not None
    source = view.batch_source

    def run() -> pa.Table:
        return pull(
            config=config,
            data_source=source,
            join_key_columns=request.case.data.key_type.columns,
            feature_name_columns=request.case.feature_columns(),
            timestamp_field=EVENT_TIMESTAMP,
            created_timestamp_column=None,
            start_date=start,
            end_date=end,
        ).to_arrow()

    return run
