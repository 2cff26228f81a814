# SPDX-License-Identifier: Apache-2.0
"""The right answer to a case as an Arrow table, by the oracle."""

from types import ModuleType

import pyarrow as pa

from . import oracle
from .case import Case, ViewCase
from .files import entity_table

Winners = list[list[int | None]]


def expected_table(case: Case, rules: ModuleType = oracle) -> pa.Table:
    """`rules`: the oracle, or a wrong variant of it."""
    if case.kind == "point_in_time":
        return joined_table(case, point_in_time_winners(case, rules))
    view = case.views[0]
    columns = view.source.names() if case.columns is None else case.columns
    positions: list[int | None] = list(single_view_positions(case, rules))
    return pa.table({name: taken(view, name, positions) for name in columns})


def point_in_time_winners(case: Case, rules: ModuleType = oracle) -> Winners:
    """For each entity row, for each view, the winning row's place in source order."""
    assert case.entity is not None
    views = [oracle_view(view, rules) for view in case.views]
    rows = case.entity.logical_rows()
    winners: Winners = rules.point_in_time(rows, case.entity.event, views, case.known_at)
    return winners


def oracle_view(view: ViewCase, rules: ModuleType = oracle, with_ttl: bool = True) -> oracle.View:
    names = [column for column, _ in view.join_keys] + [view.event]
    if view.created is not None:
        names.append(view.created)
    rows = view.source.logical_rows(names)
    ttl_ns = (view.ttl_us or 0) * 1_000 if with_ttl else 0
    made: oracle.View = rules.View(rows, view.join_keys, view.event, view.created, ttl_ns)
    return made


def single_view_positions(case: Case, rules: ModuleType = oracle) -> list[int]:
    view = oracle_view(case.views[0], rules)
    start = None if case.start_us is None else case.start_us * 1_000
    end = None if case.end_us is None else case.end_us * 1_000
    positions: list[int]
    if case.kind == "range":
        positions = rules.in_range(view.rows, view.event, start, end)
    else:
        keys = case.join_keys
        positions = rules.latest(view.rows, keys, view.event, view.created, start, end)
    return positions


def joined_table(case: Case, winners: Winners) -> pa.Table:
    assert case.entity is not None
    table = entity_table(case.entity)
    for index, view in enumerate(case.views):
        positions = [row[index] for row in winners]
        for column, name in view.features:
            table = table.append_column(name, taken(view, column, positions))
    return table


def taken(view: ViewCase, column: str, positions: list[int | None]) -> pa.Array:
    values = view.source.read_values(column)
    cells = [None if position is None else values[position] for position in positions]
    return pa.array(cells, view.source.read_type(column))


def expected_stats(case: Case) -> list[dict[str, int]]:
    """For each view, how many entity rows matched, found only expired rows, or none at all."""
    assert case.entity is not None
    rows = case.entity.logical_rows()
    event = case.entity.event
    matched = point_in_time_winners(case)
    unlimited = [oracle_view(view, with_ttl=False) for view in case.views]
    reachable = oracle.point_in_time(rows, event, unlimited, case.known_at)
    answer = []
    for index in range(len(case.views)):
        found = sum(row[index] is not None for row in matched)
        expired = sum(row[index] is not None for row in reachable) - found
        answer.append(
            {
                "rows_matched": found,
                "rows_expired": expired,
                "rows_absent": len(rows) - found - expired,
            }
        )
    return answer
