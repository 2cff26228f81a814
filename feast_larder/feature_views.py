# SPDX-License-Identifier: Apache-2.0
"""From Feast's feature references and views to the feature views of an engine request."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from feast.errors import FeastEntityDFMissingColumnsError, RequestDataNotFoundInEntityDfException
from feast.feature_view import DUMMY_ENTITY_ID, FeatureView
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.utils import _parse_feature_ref

from feast_larder import _engine
from feast_larder.entity_rows import TimeRange
from feast_larder.sources import ReadableSource, require_source, source_column
from feast_larder.spool import Need


@dataclass(frozen=True)
class RequestedView:
    """One feature view of a request.

    Attributes:
        view: the view under the projection that the request uses.
        columns: the requested features and the columns that they become, in the result's order.
    """

    view: FeatureView
    columns: dict[str, str]


def requested_views(
    feature_refs: Sequence[str],
    feature_views: Sequence[FeatureView],
    on_demand_views: Sequence[OnDemandFeatureView],
    full_feature_names: bool,
) -> list[RequestedView]:
    """Group references such as ``"driver_stats@v2:trips"`` by the view that they name.

    Views and features keep the order of their first reference; inputs of on-demand views that
    Feast appends, in no certain order, are sorted so that the columns are always the same.

    Raises:
        ValueError: a reference names no view of the request.
    """
    views = {view.projection.name_to_use(): view for view in feature_views}
    on_demand = {view.projection.name_to_use() for view in on_demand_views}
    requested: dict[str, RequestedView] = {}
    for ref in _with_sorted_inputs(feature_refs, on_demand_views):
        name, feature = _split(ref)
        if name in views:
            view = views[name]
            # A version serves to find the view: columns are named without it.
            alias = view.projection.name_alias or view.name
            columns = requested.setdefault(name, RequestedView(view, {})).columns
            columns[feature] = f"{alias}__{feature}" if full_feature_names else feature
        elif name not in on_demand:
            raise ValueError(f"Could not find feature view from reference {ref}")
    return list(requested.values())


def _split(ref: str) -> tuple[str, str]:
    name, version, feature = _parse_feature_ref(ref)
    return (name if version is None else f"{name}@v{version}"), feature


def _with_sorted_inputs(
    feature_refs: Sequence[str], on_demand_views: Sequence[OnDemandFeatureView]
) -> list[str]:
    inputs = {
        (projection.name, field.name)
        for view in on_demand_views
        for projection in view.source_feature_view_projections.values()
        for field in projection.features
    }
    start = len(feature_refs)
    while start > 0 and _split(feature_refs[start - 1]) in inputs:
        start -= 1
    return [*feature_refs[:start], *sorted(feature_refs[start:])]


@dataclass(frozen=True)
class PlannedView:
    """One feature view of a request to the engine, but for the files of its source.

    Attributes:
        source: what the view's features are read from.
        join_keys: columns of the source, and of the entity rows.
        features: columns of the source, and of the result.
        ttl: how old a feature may be; None for no limit.
    """

    name: str
    source: ReadableSource
    join_keys: dict[str, str]
    event_timestamp: str
    created_timestamp: str | None
    features: Sequence[tuple[str, str]]
    ttl: timedelta | None

    def need(self, entity_times: TimeRange | None) -> Need:
        """Say what is read of the source, given the times of the entity rows if they are known."""
        columns = [*self.join_keys, *(column for column, _ in self.features), self.event_timestamp]
        if self.created_timestamp:
            columns.append(self.created_timestamp)
        if entity_times is None:
            return Need(self.source, columns, self.event_timestamp)
        first, last = entity_times
        start = _subtract(first, self.ttl) if self.ttl else None
        return Need(self.source, columns, self.event_timestamp, start, last)

    def engine_view(self, source: _engine.Source) -> _engine.FeatureView:
        """Describe the view to the engine."""
        return _engine.FeatureView(
            name=self.name,
            source=source,
            join_keys=[_engine.JoinKey(*pair) for pair in self.join_keys.items()],
            event_timestamp=self.event_timestamp,
            features=[_engine.Feature(*pair) for pair in self.features],
            created_timestamp=self.created_timestamp,
            ttl_us=self.ttl // timedelta(microseconds=1) if self.ttl else None,
        )


def plan_view(requested: RequestedView) -> PlannedView:
    """Describe a view in the column names of its source.

    Raises:
        ValueError: Larder cannot read the view's batch source.
    """
    view = requested.view
    source = require_source(view.batch_source, f"feature view {view.name!r}")
    created = source.created_timestamp_column
    return PlannedView(
        name=view.projection.name_to_use(),
        source=source,
        join_keys={
            source_column(source, key): entity_column
            for key, entity_column in entity_columns(view).items()
        },
        event_timestamp=source_column(source, source.timestamp_field),
        created_timestamp=source_column(source, created) if created else None,
        features=[
            (source_column(source, feature), column)
            for feature, column in requested.columns.items()
        ],
        ttl=view.ttl or None,
    )


def _subtract(time: datetime, period: timedelta) -> datetime | None:
    try:
        return time - period
    except OverflowError:  # Before the year 1: no bound.
        return None


def entity_columns(view: FeatureView) -> dict[str, str]:
    """Map each join key of a view to its column in the entity rows; a view may have none."""
    renamed = view.projection.join_key_map
    keys = [column.name for column in view.entity_columns if column.name != DUMMY_ENTITY_ID]
    return {key: renamed.get(key, key) for key in keys}


def check_entity_columns(
    names: Sequence[str],
    event_timestamp: str,
    views: Sequence[FeatureView],
    on_demand_views: Sequence[OnDemandFeatureView],
) -> None:
    """Check that the entity rows hold every join key and every request field.

    Raises:
        FeastEntityDFMissingColumnsError: a join key is missing.
        RequestDataNotFoundInEntityDfException: an input of an on-demand view is missing.
    """
    present = set(names)
    expected = {column for view in views for column in entity_columns(view).values()}
    if not expected <= present:
        raise FeastEntityDFMissingColumnsError(expected | {event_timestamp}, expected - present)
    for on_demand in on_demand_views:
        for name in on_demand.get_request_data_schema():
            if name not in present:
                raise RequestDataNotFoundInEntityDfException(name, on_demand.name)


def check_output_columns(names: Sequence[str], requested: Sequence[RequestedView]) -> None:
    """Check that no two columns of the result would have the same name.

    Raises:
        ValueError: a feature is named like a column of the entity rows, or like another feature.
    """
    owners = dict.fromkeys(names, "a column of entity_df")
    for view in requested:
        owner = f"a feature of feature view {view.view.projection.name_to_use()!r}"
        for column in view.columns.values():
            if column in owners:
                raise ValueError(
                    f"{column!r} is both {owners[column]} and {owner}: "
                    "rename one, or ask for full_feature_names=True"
                )
            owners[column] = owner
