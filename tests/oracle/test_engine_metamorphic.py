# SPDX-License-Identifier: Apache-2.0
"""Changes of a request that must leave the engine's answer as it was."""

from collections.abc import Callable
from contextlib import suppress
from random import Random

import pyarrow as pa
import pytest

from . import engine, moves
from .case import Case, Column, EntityRows, describe
from .cases import PLAIN, make_case
from .check import scratch_folder
from .compare import first_difference
from .files import write_case
from .settings import Setting

Move = Callable[[Case, Random], Case]
MOVES: list[Move] = [
    moves.moved_rows,
    moves.merged_files,
    moves.split_files,
    moves.laid_out_anew,
    moves.foreign_keys_added,
]
TIME_MOVES: list[Move] = [moves.shifted_times, moves.retyped_times]
SHARE = 0.05


@pytest.mark.cases(PLAIN, SHARE)
@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
def test_files_change(move: Move, seeds: list[int]) -> None:
    for seed in seeds:
        with suppress(engine.LimitError):
            case = make_case(seed)
            changed = move(case, Random(seed))
            assert_same(case, answer(case), changed, answer(changed))


@pytest.mark.cases(PLAIN, SHARE)
@pytest.mark.parametrize("move", TIME_MOVES, ids=lambda move: move.__name__)
def test_times_change(move: Move, seeds: list[int]) -> None:
    for seed in seeds:
        with suppress(engine.LimitError):
            case = moves.without_time_features(make_case(seed))
            changed = move(case, Random(seed))
            assert case.entity is not None
            event = case.entity.event
            one, two = answer(case), answer(changed)
            assert_same(case, one.drop_columns([event]), changed, two.drop_columns([event]))


@pytest.mark.cases(PLAIN, SHARE)
def test_entity_rows_in_another_order(seeds: list[int]) -> None:
    for seed in seeds:
        with suppress(engine.LimitError):
            case = make_case(seed)
            assert case.entity is not None
            order = list(range(case.entity.rows))
            Random(seed).shuffle(order)
            expected = answer(case)
            changed = make_case(seed)
            changed.entity = chosen_rows(case.entity, order)
            if order:
                expected = pa.concat_tables([expected.slice(row, 1) for row in order])
            assert_same(case, expected, changed, answer(changed))


@pytest.mark.cases(PLAIN, SHARE)
def test_entity_rows_in_two_requests(seeds: list[int]) -> None:
    for seed in seeds:
        with suppress(engine.LimitError):
            case = make_case(seed)
            assert case.entity is not None
            cut = Random(seed).randint(0, case.entity.rows)
            parts = []
            for rows in (range(cut), range(cut, case.entity.rows)):
                part = make_case(seed)
                part.entity = chosen_rows(case.entity, list(rows))
                parts.append(answer(part))
            assert_same(case, answer(case), case, pa.concat_tables(parts))


def chosen_rows(entity: EntityRows, rows: list[int]) -> EntityRows:
    columns = [
        Column(
            column.name,
            column.type,
            [column.values[row] for row in rows],
            [column.logical[row] for row in rows] if column.logical else [],
        )
        for column in entity.columns
    ]
    return EntityRows(columns, entity.event, len(rows), [len(rows)], entity.padding, False)


def answer(case: Case) -> pa.Table:
    with scratch_folder(f"moved-{case.seed}") as root:
        write_case(case, root)
        return engine.ask(case, root, Setting())[0]


def assert_same(case: Case, expected: pa.Table, changed: Case, actual: pa.Table) -> None:
    difference = first_difference(actual, expected)
    assert difference is None, (
        f"seed {case.seed}: {difference}\nthe case\n{describe(case)}\n"
        f"became\n{describe(changed)}\nreplay: pytest tests/oracle --seed {case.seed}"
    )
