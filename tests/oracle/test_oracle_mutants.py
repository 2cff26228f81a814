# SPDX-License-Identifier: Apache-2.0
"""The random cases tell the oracle from each slightly wrong one, so they do test each rule."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from . import oracle
from .answers import point_in_time_winners, single_view_positions
from .case import Case
from .cases import LATEST, POINT_IN_TIME, RANGE, make_case, seed_of

SOURCE = Path(oracle.__file__).read_text()
NULL_KEY = """        if entity_row[entity_column] is None or row[column] is None:
            return False
"""
# What to put in place of which text of the oracle.
MUTANTS = {
    "TTL edge exclusive": ("event < time - view.ttl_ns", "event <= time - view.ttl_ns"),
    "TTL ignored": ("view.ttl_ns != 0", "False"),
    "TTL one nanosecond longer": ("event < time - view.ttl_ns", "event < time - view.ttl_ns - 1"),
    "TTL in whole seconds": (
        "event < time - view.ttl_ns",
        "event // 10**9 < (time - view.ttl_ns) // 10**9",
    ),
    "TTL of 32 bits of seconds": (
        "event < time - view.ttl_ns",
        "event < time - view.ttl_ns % (2**32 * 10**9)",
    ),
    "TTL 0 expires everything": ("view.ttl_ns != 0", "True"),
    "entity time exclusive": ("if event > time:", "if event >= time:"),
    "future rows visible": ("if event > time:", "if False:"),
    "times cut to microseconds": ("if event > time:", "if event // 1000 > time // 1000:"),
    "times cut to seconds": ("if event > time:", "if event // 10**9 > time // 10**9:"),
    "times of 64 bits unsigned": ("if event > time:", "if event % 2**64 > time % 2**64:"),
    "null keys match each other": (NULL_KEY, ""),
    "null key is zero": (
        NULL_KEY + "        if entity_row[entity_column] != row[column]:",
        "        if (entity_row[entity_column] or 0) != (row[column] or 0):",
    ),
    "first key column only": (
        "for column, entity_column in join_keys:",
        "for column, entity_column in join_keys[:1]:",
    ),
    "key columns concatenated": (
        "    for column, entity_column in join_keys:",
        "    if concatenated_keys_match(entity_row, row, join_keys):\n"
        "        return True\n"
        "    for column, entity_column in join_keys:",
    ),
    "keys of 32 bits": (
        "entity_row[entity_column] != row[column]",
        "low32(entity_row[entity_column]) != low32(row[column])",
    ),
    "keys as floats": (
        "entity_row[entity_column] != row[column]",
        "rounded(entity_row[entity_column]) != rounded(row[column])",
    ),
    "keys without case": (
        "entity_row[entity_column] != row[column]",
        "str(entity_row[entity_column]).lower() != str(row[column]).lower()",
    ),
    "created tie inverted": ("row[created] > other[created]", "row[created] < other[created]"),
    "created ignored": ("if created is None or row[created]", "if True or row[created]"),
    "null created wins": (
        "if row[created] is None:\n        return False\n"
        "    if other[created] is None:\n        return True",
        "if row[created] is None:\n        return True\n"
        "    if other[created] is None:\n        return False",
    ),
    "exact tie to the first row": (
        "if created is None or row[created] == other[created]:\n        return True",
        "if created is None or row[created] == other[created]:\n        return False",
    ),
    "created before event": (
        "if row[event] != other[event]:",
        "if created is None and row[event] != other[event]:",
    ),
    "created cutoff ignored": ("if known_at and", "if False and"),
    "created cutoff always": ("if known_at and", "if True and"),
    "created cutoff exclusive": ("created > time", "created >= time"),
    "created cutoff keeps nulls": (
        "if created is None or created > time",
        "if created is not None and created > time",
    ),
    "oldest row wins": ("row[event] > other[event]", "row[event] < other[event]"),
}
SINGLE_VIEW_MUTANTS = {
    "start exclusive": ("time < start", "time <= start"),
    "end exclusive": ("time <= end", "time < end"),
    "start ignored": ("time < start", "False"),
    "end ignored": ("end is None or time <= end", "True"),
    "bounds cut to microseconds": ("time <= end", "time // 1000 <= end // 1000"),
}
LATEST_MUTANTS = {
    **SINGLE_VIEW_MUTANTS,
    "null keys are a key": ("or any(row[key] is None for key in join_keys)", ""),
    "created tie inverted": MUTANTS["created tie inverted"],
    "created ignored": MUTANTS["created ignored"],
    "null created wins": MUTANTS["null created wins"],
    "exact tie to the first row": MUTANTS["exact tie to the first row"],
    "oldest row wins": MUTANTS["oldest row wins"],
    "first key column only": (
        "all(row[key] == rows[winner][key] for key in join_keys)",
        "all(row[key] == rows[winner][key] for key in join_keys[:1])",
    ),
}
RANGE_MUTANTS = {
    **SINGLE_VIEW_MUTANTS,
    "null times without a bound left out": (
        "return list(range(len(rows)))",
        "return [place for place in range(len(rows)) if rows[place][event] is not None]",
    ),
}
HELPERS = """
def concatenated_keys_match(entity_row, row, join_keys):
    one = [entity_row[entity_column] for _, entity_column in join_keys]
    two = [row[column] for column, _ in join_keys]
    return None not in one + two and "".join(map(str, one)) == "".join(map(str, two))
def low32(value):
    return value % 2**32 if isinstance(value, int) else value
def rounded(value):
    return float(value) if isinstance(value, int) else value
"""


def mutant(old: str, new: str) -> ModuleType:
    assert SOURCE.count(old) == 1, f"the oracle has {SOURCE.count(old)} times {old!r}"
    module = ModuleType("oracle_mutant")
    sys.modules[module.__name__] = module  # where dataclasses look for it
    exec(compile(SOURCE.replace(old, new) + HELPERS, "oracle_mutant", "exec"), module.__dict__)
    return module


def answer(case: Case, rules: ModuleType = oracle) -> object:
    if case.kind == "point_in_time":
        return point_in_time_winners(case, rules)
    return single_view_positions(case, rules)


@pytest.fixture(scope="module")
def answered(request: pytest.FixtureRequest) -> dict[int, list[tuple[Case, object]]]:
    """The first cases of the run of each kind, with their right answers."""
    base = request.config.getoption("--base-seed")
    found = {}
    for kind, count in ((POINT_IN_TIME, 1_500), (LATEST, 500), (RANGE, 500)):
        made = [make_case(seed_of(base, kind, number)) for number in range(count)]
        found[kind] = [(case, answer(case)) for case in made]
    return found


def assert_told_apart(replacement: tuple[str, str], answered: list[tuple[Case, object]]) -> None:
    wrong = mutant(*replacement)
    if not any(answer(case, wrong) != right for case, right in answered):
        pytest.fail(f"none of {len(answered)} cases tells the mutant apart")


Answered = dict[int, list[tuple[Case, object]]]


@pytest.mark.parametrize("name", MUTANTS)
def test_point_in_time(name: str, answered: Answered) -> None:
    assert_told_apart(MUTANTS[name], answered[POINT_IN_TIME])


@pytest.mark.parametrize("name", LATEST_MUTANTS)
def test_latest(name: str, answered: Answered) -> None:
    assert_told_apart(LATEST_MUTANTS[name], answered[LATEST])


@pytest.mark.parametrize("name", RANGE_MUTANTS)
def test_range(name: str, answered: Answered) -> None:
    assert_told_apart(RANGE_MUTANTS[name], answered[RANGE])
