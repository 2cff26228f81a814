# SPDX-License-Identifier: Apache-2.0
"""Changes of a case that leave its answer as it was, or change it in a known way.

They are for plain cases: files of one schema, no exact ties, so that rows may move.
"""

from copy import deepcopy
from itertools import pairwise
from random import Random

from . import layout
from .case import Case, Column, File, Source, ViewCase
from .clock import random_clock
from .oracle import Value
from .times import DAY, UNIT_NS, TimeType

PlainRow = dict[str, tuple[Value, Value]]  # by column: the value, and what the oracle compares


def moved_rows(case: Case, rng: Random) -> Case:
    """The same rows in the same files, in any other order."""
    changed = deepcopy(case)
    for view in changed.views:
        rows = rows_of(view.source)
        rng.shuffle(rows)
        lengths = [file.rows for file in view.source.files]
        put_rows(view, rows, lengths, rng)
    return changed


def merged_files(case: Case, rng: Random) -> Case:
    changed = deepcopy(case)
    for view in changed.views:
        rows = rows_of(view.source)
        put_rows(view, rows, [len(rows)], rng)
    return changed


def split_files(case: Case, rng: Random) -> Case:
    """The same rows in more files, some of them empty."""
    changed = deepcopy(case)
    for view in changed.views:
        rows = rows_of(view.source)
        cuts = sorted(rng.randint(0, len(rows)) for _ in range(rng.randint(2, 6)))
        edges = [0, *cuts, len(rows)]
        lengths = [after - before for before, after in pairwise(edges)]
        put_rows(view, rows, lengths, rng)
    return changed


def laid_out_anew(case: Case, rng: Random) -> Case:
    """Other row groups, pages, encodings and column order of the same files."""
    changed = deepcopy(case)
    for view in changed.views:
        for file in view.source.files:
            rng.shuffle(file.columns)
            redo_layout(view, file, rng)
    return changed


def foreign_keys_added(case: Case, rng: Random) -> Case:
    """More rows, of keys that no entity row has."""
    changed = deepcopy(case)
    assert changed.entity is not None
    for view in changed.views:
        rows = rows_of(view.source)
        if not rows or not view.join_keys:
            continue
        column, entity_column = rng.choice(view.join_keys)
        asked = {row[entity_column] for row in changed.entity.logical_rows()}
        foreign = [row[column] for row in rows if row[column][1] not in asked]
        foreign.append((None, None))
        for _ in range(rng.choice([1, 10, 100])):
            rows.append({**rng.choice(rows), column: rng.choice(foreign)})
        rng.shuffle(rows)
        put_rows(view, rows, [len(rows)], rng)
    return changed


def shifted_times(case: Case, rng: Random) -> Case:
    """All times moved by the same whole days, to the other side of 1970 if need be."""
    changed = deepcopy(case)
    columns = time_columns(changed)
    times = [time for column in columns for time in column.logical if time is not None]
    if not times:
        return changed
    middle = (min(times) + max(times)) // 2
    days = rng.choice([-1, 0, 1, -20_000, 20_000]) - middle // DAY
    for column in columns:
        moved = [None if time is None else time + days * DAY for time in column.logical]
        if not retime(column, TimeType(column.type, time_unit(column)), moved, rng):
            return deepcopy(case)
    return changed


def retyped_times(case: Case, rng: Random) -> Case:
    """The same times in columns of other units, zones and classes, where they fit exactly."""
    changed = deepcopy(case)
    assert changed.entity is not None
    clock = random_clock(rng)
    for column in changed.entity.columns:
        if column.name == changed.entity.event:
            retime(column, clock.time_type(rng), column.logical, rng)
    for view in changed.views:
        for name in filter(None, (view.event, view.created)):
            found = [column for file in view.source.files if (column := file.column(name))]
            time_type = clock.time_type(rng)
            if all(fits(time_type, column.logical) for column in found):
                for column in found:
                    retime(column, time_type, column.logical, rng)
        for file in view.source.files:
            redo_layout(view, file, rng)
    return changed


def retime(column: Column, time_type: TimeType, times: list[int | None], rng: Random) -> bool:
    if not fits(time_type, times):
        return False
    column.type = time_type.type
    column.logical = list(times)
    column.values = [time_type.write(rng, time) for time in times]
    return True


def fits(time_type: TimeType, times: list[int | None]) -> bool:
    return all(time is None or time_type.holds(time) for time in times)


def time_unit(column: Column) -> int:
    """Nanoseconds of the column's unit: what its times are all multiples of."""
    type_ = column.type
    if hasattr(type_, "unit"):
        return UNIT_NS[type_.unit]
    return DAY if str(type_).startswith("date") else 1


def time_columns(case: Case) -> list[Column]:
    assert case.entity is not None
    found = [column for column in case.entity.columns if column.name == case.entity.event]
    for view in case.views:
        names = (view.event, view.created)
        for file in view.source.files:
            found += [column for column in file.columns if column.name in names]
    return found


def without_time_features(case: Case) -> Case:
    """The case without features that show a time column, which a change of times changes."""
    changed = deepcopy(case)
    for view in changed.views:
        times = (view.event, view.created)
        view.features = [(column, name) for column, name in view.features if column not in times]
    return changed


def rows_of(source: Source) -> list[PlainRow]:
    rows = []
    for file in source.in_order():
        for row in range(file.rows):
            rows.append({column.name: cell(column, row) for column in file.columns})
    return rows


def cell(column: Column, row: int) -> tuple[Value, Value]:
    return column.values[row], column.logical[row] if column.logical else None


def put_rows(view: ViewCase, rows: list[PlainRow], lengths: list[int], rng: Random) -> None:
    """Replaces the files of the view by new ones of these lengths."""
    pattern = view.source.files[0].columns
    compared = {view.event, view.created, *(column for column, _ in view.join_keys)}
    files = []
    start = 0
    for name, length in zip(layout.file_names(rng, len(lengths)), lengths, strict=True):
        own = rows[start : start + length]
        columns = [
            Column(
                column.name,
                column.type,
                [row[column.name][0] for row in own],
                [row[column.name][1] for row in own] if column.name in compared else [],
            )
            for column in pattern
        ]
        file = File(f"{view.name}/{name}", columns, length, [], {})
        redo_layout(view, file, rng)
        files.append(file)
        start += length
    view.source.files = files
    view.source.paths = [file.path for file in files]
    rng.shuffle(view.source.paths)
    view.source.stray_files = []


def redo_layout(view: ViewCase, file: File, rng: Random) -> None:
    types = {column.name: column.type for column in file.columns}
    file.options = layout.write_options(rng, types, [column for column, _ in view.join_keys])
    file.row_groups = layout.row_groups(rng, file.rows)
