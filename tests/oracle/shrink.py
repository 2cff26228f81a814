# SPDX-License-Identifier: Apache-2.0
"""Makes a failing case small: drops what it still fails without."""

from collections.abc import Callable, Iterator
from copy import deepcopy

from .case import Case, Column, File

Fails = Callable[[Case], bool]
Step = Callable[[Case], None]


def shrink(case: Case, fails: Fails) -> Case:
    """The smallest case reached by dropping one part after another while it still fails."""
    smaller = True
    while smaller:
        smaller = False
        for step in steps(case):
            attempt = deepcopy(case)
            try:
                step(attempt)
            except IndexError:  # an earlier step dropped what this one was to drop
                continue
            if fails(attempt):
                case, smaller = attempt, True
    return case


def steps(case: Case) -> Iterator[Step]:
    """Every single way to make the case smaller, the large steps first."""
    if len(case.views) > 1:
        yield from (dropper("views", index) for index in reversed(range(len(case.views))))
    if case.entity:
        for column in case.entity.columns:
            if not column.logical:
                yield lambda smaller, name=column.name: drop_passenger(smaller, name)
        yield from (entity_row_dropper(row) for row in reversed(range(case.entity.rows)))
        yield straighten_entity_rows
    if case.known_at:
        yield lambda smaller: setattr(smaller, "known_at", False)
    for index, view in enumerate(case.views):
        if len(view.source.files) > 1:
            for number in reversed(range(len(view.source.files))):
                yield file_dropper(index, number)
        if len(view.features) > 1:
            for number in reversed(range(len(view.features))):
                yield lambda smaller, i=index, n=number: smaller.views[i].features.pop(n)
        for number, file in enumerate(view.source.files):
            yield from (row_dropper(index, number, row) for row in reversed(range(file.rows)))
            yield file_simplifier(index, number)
            for column in file.columns:
                if not column.logical:
                    yield column_dropper(index, number, column.name)


def dropper(attribute: str, index: int) -> Step:
    return lambda case: getattr(case, attribute).pop(index)


def drop_passenger(case: Case, name: str) -> None:
    assert case.entity is not None
    case.entity.columns = [column for column in case.entity.columns if column.name != name]


def straighten_entity_rows(case: Case) -> None:
    assert case.entity is not None
    if (case.entity.chunks, case.entity.padding) == ([case.entity.rows], 0):
        raise IndexError
    case.entity.chunks, case.entity.padding = [case.entity.rows], 0


def entity_row_dropper(row: int) -> Step:
    def step(case: Case) -> None:
        assert case.entity is not None
        drop_row(case.entity.columns, row)
        case.entity.rows -= 1
        case.entity.chunks = [case.entity.rows]

    return step


def drop_row(columns: list[Column], row: int) -> None:
    for column in columns:
        del column.values[row]
        if column.logical and column.logical is not column.values:
            del column.logical[row]


def file_dropper(view: int, number: int) -> Step:
    def step(case: Case) -> None:
        source = case.views[view].source
        path = source.files.pop(number).path
        source.paths = [given for given in source.paths if given != path]

    return step


def row_dropper(view: int, number: int, row: int) -> Step:
    def step(case: Case) -> None:
        file = case.views[view].source.files[number]
        drop_row(file.columns, row)
        file.rows -= 1
        file.row_groups = shorter_groups(file, row)

    return step


def shorter_groups(file: File, row: int) -> list[int]:
    groups = list(file.row_groups)
    for index, length in enumerate(groups):
        if row < length:
            groups[index] -= 1
            break
        row -= length
    return [length for length in groups if length]


def file_simplifier(view: int, number: int) -> Step:
    def step(case: Case) -> None:
        file = case.views[view].source.files[number]
        if not file.options and len(file.row_groups) < 2:
            raise IndexError
        file.options, file.row_groups = {}, [file.rows]

    return step


def column_dropper(view: int, number: int, name: str) -> Step:
    def step(case: Case) -> None:
        asked = [column for column, _ in case.views[view].features] + (case.columns or [])
        if name in asked:
            raise IndexError
        file = case.views[view].source.files[number]
        file.columns = [column for column in file.columns if column.name != name]

    return step
