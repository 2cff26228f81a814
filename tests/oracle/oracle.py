# SPDX-License-Identifier: Apache-2.0
"""The rules of the join, as nested loops: slow, obvious, and sharing no code with the engine.

Rows are dicts of column name to value. Times are whole nanoseconds since 1970-01-01 UTC, or
None. Join key values compare with Python's ==, which is exact between integers and floats.
The rows of a view stand in source order: by file path, then by row within the file.
"""

from dataclasses import dataclass
from typing import Any

Value = Any  # a cell
Row = dict[str, Value]


@dataclass(frozen=True)
class View:
    """One feature view: `join_keys` pairs a source column with its entity column."""

    rows: list[Row]
    join_keys: list[tuple[str, str]]
    event: str
    created: str | None
    ttl_ns: int  # 0 = unlimited


def keys_match(entity_row: Row, row: Row, join_keys: list[tuple[str, str]]) -> bool:
    for column, entity_column in join_keys:
        if entity_row[entity_column] is None or row[column] is None:
            return False
        if entity_row[entity_column] != row[column]:
            return False
    return True


def is_visible(row: Row, view: View, time: int | None, known_at: bool) -> bool:
    """Whether the row may be seen at `time`, its join key aside."""
    event = row[view.event]
    if time is None or event is None:
        return False
    if event > time:
        return False
    if view.ttl_ns != 0 and event < time - view.ttl_ns:
        return False
    if known_at and view.created is not None:
        created = row[view.created]
        if created is None or created > time:
            return False
    return True


def is_at_least(row: Row, other: Row, event: str, created: str | None) -> bool:
    """Whether `row`, which stands later in the source, wins over `other`."""
    if row[event] != other[event]:
        return bool(row[event] > other[event])
    if created is None or row[created] == other[created]:
        return True
    if row[created] is None:
        return False
    if other[created] is None:
        return True
    return bool(row[created] > other[created])


def point_in_time(
    entity_rows: list[Row], event: str, views: list[View], known_at: bool = False
) -> list[list[int | None]]:
    """For each entity row and each view, the position of the winning row in `view.rows`."""
    answer = []
    for entity_row in entity_rows:
        winners: list[int | None] = []
        for view in views:
            winner: int | None = None
            for position, row in enumerate(view.rows):
                if not keys_match(entity_row, row, view.join_keys):
                    continue
                if not is_visible(row, view, entity_row[event], known_at):
                    continue
                if winner is None or is_at_least(row, view.rows[winner], view.event, view.created):
                    winner = position
            winners.append(winner)
        answer.append(winners)
    return answer


def latest(
    rows: list[Row],
    join_keys: list[str],
    event: str,
    created: str | None,
    start: int | None,
    end: int | None,
) -> list[int]:
    """The position of the newest row of each distinct join key, ascending."""
    winners: list[int] = []
    for position, row in enumerate(rows):
        if row[event] is None or any(row[key] is None for key in join_keys):
            continue
        if not is_between(row[event], start, end):
            continue
        for place, winner in enumerate(winners):
            if all(row[key] == rows[winner][key] for key in join_keys):
                if is_at_least(row, rows[winner], event, created):
                    winners[place] = position
                break
        else:
            winners.append(position)
    return sorted(winners)


def in_range(rows: list[Row], event: str, start: int | None, end: int | None) -> list[int]:
    """The positions of the rows in the range; without any bound, of all rows."""
    if start is None and end is None:
        return list(range(len(rows)))
    positions = []
    for position, row in enumerate(rows):
        if row[event] is not None and is_between(row[event], start, end):
            positions.append(position)
    return positions


def is_between(time: int, start: int | None, end: int | None) -> bool:
    if start is not None and time < start:
        return False
    return end is None or time <= end
