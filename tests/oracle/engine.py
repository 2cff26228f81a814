# SPDX-License-Identifier: Apache-2.0
"""Asks the engine a case: the only part of these tests that knows its interface."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from feast_larder import _engine
from feast_larder.batches import read_rows

from .case import Case, Source, ViewCase
from .files import entity_table
from .settings import Setting

Answer = tuple[pa.Table, dict[str, Any]]

# What docs/semantics.md says cannot be had: times that no one unit of 64 bits can hold together.
LIMITS = ("where nanoseconds end", "write them with one unit")


class LimitError(Exception):
    """The engine refused a case for a documented reason."""


def is_limit(error: ValueError) -> bool:
    return any(limit in str(error) for limit in LIMITS)


def ask(case: Case, root: Path, setting: Setting) -> Answer:
    """The engine's answer to a case whose files lie under `root`, and its statistics."""
    options = _engine.Options(**setting.options())
    try:
        if case.kind == "point_in_time":
            result = ask_point_in_time(case, root, options)
        else:
            result = ask_single_view(case, root, options)
        return read_rows(result), result.stats()
    except ValueError as error:
        if is_limit(error):
            raise LimitError(str(error)) from error
        raise


def ask_point_in_time(case: Case, root: Path, options: _engine.Options) -> _engine.Result:
    assert case.entity is not None
    table = entity_table(case.entity)
    return _engine.point_in_time(
        table.to_reader() if case.entity.as_reader else table,
        case.entity.event,
        [engine_view(view, root) for view in case.views],
        filter_by_created_timestamp=case.known_at,
        options=options,
    )


def ask_single_view(case: Case, root: Path, options: _engine.Options) -> _engine.Result:
    view = case.views[0]
    if case.kind == "range":
        return _engine.range(
            engine_source(view.source, root),
            columns=case.columns,
            event_timestamp=view.event,
            start_us=case.start_us,
            end_us=case.end_us,
            options=options,
        )
    return _engine.latest(
        engine_source(view.source, root),
        join_keys=case.join_keys,
        columns=case.columns,
        event_timestamp=view.event,
        created_timestamp=view.created,
        start_us=case.start_us,
        end_us=case.end_us,
        options=options,
    )


def engine_source(source: Source, root: Path) -> _engine.Source:
    return _engine.Source([f"{root}/{path}" for path in source.paths])


def engine_view(view: ViewCase, root: Path) -> _engine.FeatureView:
    return _engine.FeatureView(
        view.name,
        engine_source(view.source, root),
        [_engine.JoinKey(column, entity_column) for column, entity_column in view.join_keys],
        view.event,
        [_engine.Feature(column, name) for column, name in view.features],
        created_timestamp=view.created,
        ttl_us=view.ttl_us,
    )
