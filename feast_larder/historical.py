# SPDX-License-Identifier: Apache-2.0
"""Planning of historical features: which rows, which views, which columns of the result."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from feast.feature_view import FeatureView
from feast.infra.offline_stores.offline_store import RetrievalMetadata
from feast.infra.registry.base_registry import BaseRegistry
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.utils import compute_non_entity_date_range

from feast_larder.entity_places import FileRows, SqlRows, is_path, named_tables
from feast_larder.entity_rows import EntityRows, OpenRows, read_entity_rows
from feast_larder.entityless import EntitylessMode, RangeRows
from feast_larder.feature_views import (
    check_entity_columns,
    check_output_columns,
    plan_view,
    requested_views,
)
from feast_larder.requests import PointInTimeRequest
from feast_larder.retrieval_job import LarderRetrievalJob
from feast_larder.run import Deadline, Run, Settings
from feast_larder.sources import local_path

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Question:
    """What is asked of the feature store, but for the entity rows."""

    feature_views: Sequence[FeatureView]
    feature_refs: Sequence[str]
    registry: BaseRegistry
    project: str
    full_feature_names: bool
    filter_by_created_timestamp: bool

    @cached_property
    def on_demand_views(self) -> list[OnDemandFeatureView]:
        """The requested views that Feast computes from the retrieved rows."""
        refs = list(self.feature_refs)
        views: list[OnDemandFeatureView] = OnDemandFeatureView.get_requested_odfvs(
            refs, self.project, self.registry
        )
        return views


@dataclass(frozen=True)
class EntitylessRange:
    """The times of a retrieval without entity rows, and how it is read."""

    start: datetime | None
    end: datetime | None
    mode: EntitylessMode


def plan(
    question: Question,
    settings: Settings,
    entity_df: Any,  # noqa: ANN401 - see LarderOfflineStore.get_historical_features
    entityless: EntitylessRange,
) -> LarderRetrievalJob:
    """Plan a point-in-time join without reading anything."""
    views, on_demand = question.feature_views, question.on_demand_views
    requested = requested_views(
        question.feature_refs, views, on_demand, question.full_feature_names
    )

    def check(names: Sequence[str], event_timestamp: str) -> None:
        check_entity_columns(names, event_timestamp, views, on_demand)
        check_output_columns(names, requested)

    rows = _entity_rows(entity_df, question, settings, entityless)
    if rows.names is not None:
        check(rows.names, rows.event_timestamp)
    request = PointInTimeRequest(
        rows, [plan_view(view) for view in requested], question.filter_by_created_timestamp, check
    )
    return LarderRetrievalJob(
        request,
        settings,
        lambda: HistoricalMetadata(list(question.feature_refs), rows, settings),
        question.full_feature_names,
        on_demand,
    )


def _entity_rows(
    entity_df: Any,  # noqa: ANN401
    question: Question,
    settings: Settings,
    entityless: EntitylessRange,
) -> EntityRows:
    if entity_df is None:
        start, end = compute_non_entity_date_range(
            list(question.feature_views), entityless.start, entityless.end
        )
        return RangeRows(question.feature_views, start, end, entityless.mode)
    if isinstance(entity_df, Path):
        return FileRows(local_path(str(entity_df), settings.repo_path))
    if not isinstance(entity_df, str):
        return read_entity_rows(entity_df)
    if is_path(entity_df, settings.repo_path):
        return FileRows(local_path(entity_df, settings.repo_path))
    tables = named_tables(entity_df, question.feature_views, question.registry, question.project)
    return SqlRows(entity_df, tables)


class HistoricalMetadata(RetrievalMetadata):
    """What a retrieval is about. Entity rows that are elsewhere are read only when asked for.

    Attributes:
        features: the references.
        keys: the columns of the entity rows, but for the event timestamp.
        min_event_timestamp, max_event_timestamp: in UTC, the epoch if there are no rows.
    """

    def __init__(self, features: list[str], rows: EntityRows, settings: Settings) -> None:
        self.features = features
        self._rows = rows
        self._settings = settings

    @property
    def keys(self) -> list[str]:  # type: ignore[override]  # noqa: D102
        names, time = self._columns
        return [name for name in names if name != time]

    @property
    def min_event_timestamp(self) -> datetime:  # type: ignore[override]  # noqa: D102
        return self._time_range[0]

    @property
    def max_event_timestamp(self) -> datetime:  # type: ignore[override]  # noqa: D102
        return self._time_range[1]

    @cached_property
    def _columns(self) -> tuple[list[str], str]:
        if self._rows.names is not None:
            return self._rows.names, self._rows.event_timestamp
        return self._open(lambda rows: (rows.names, rows.event_timestamp))

    @cached_property
    def _time_range(self) -> tuple[datetime, datetime]:
        if isinstance(self._rows, RangeRows):
            return self._rows.start, self._rows.end
        return self._open(lambda rows: rows.time_range())

    def _open(self, ask: Callable[[OpenRows], _Answer]) -> _Answer:
        with ExitStack() as cleanup:
            return ask(self._rows.open(Run(self._settings, Deadline(), cleanup)))
