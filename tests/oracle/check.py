# SPDX-License-Identifier: Apache-2.0
"""Puts one case to the engine under every setting and compares each answer with the oracle's."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from . import engine
from .answers import expected_stats, expected_table
from .case import Case, describe
from .cases import make_case
from .compare import first_difference
from .files import write_case
from .settings import SETTINGS, Setting

# Thousands of small files: in memory where the system offers it.
SCRATCH = "/dev/shm" if Path("/dev/shm").is_dir() else None


Expected = tuple[pa.Table, list[dict[str, int]]]  # the answer, and counts for each view


@dataclass(frozen=True)
class Failure:
    """What went wrong with a case under one setting."""

    case: Case
    setting: Setting
    difference: str

    def __str__(self) -> str:
        return (
            f"seed {self.case.seed}, {self.setting}: {self.difference}\n"
            f"replay: pytest tests/oracle --seed {self.case.seed}"
        )


@contextmanager
def scratch_folder(prefix: str, keep: bool = False) -> Iterator[Path]:
    """A folder for the files of one case. It stays behind if the process dies in the engine."""
    folder = Path(tempfile.mkdtemp(prefix=f"larder-{prefix}-", dir=SCRATCH))
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder)


def check_seed(seed: int) -> Failure | None:
    return check_case(make_case(seed))


def check_case(
    case: Case, settings: list[Setting] = SETTINGS, keep: bool = False
) -> Failure | None:
    """The first failure of a case; None if every setting gives the oracle's answer."""
    with scratch_folder(str(case.seed), keep) as root:
        write_case(case, root)
        try:
            expected = expected_answer(case)
        except OverflowError:
            return None  # A value does not fit the type of all files: nothing right to expect.
        for setting in settings:
            difference = check_setting(case, root, setting, expected)
            if difference:
                where = f"{difference}\nfiles in {root}" if keep else difference
                return Failure(case, setting, where)
    return None


def expected_answer(case: Case) -> Expected:
    table = expected_table(case)
    return table, expected_stats(case) if case.kind == "point_in_time" else []


def check_setting(case: Case, root: Path, setting: Setting, expected: Expected) -> str | None:
    try:
        table, stats = engine.ask(case, root, setting)
    except engine.LimitError:
        return None
    except Exception as error:  # no valid case may fail, whatever the error
        return f"{type(error).__name__}: {error}"
    difference = first_difference(table, expected[0])
    if difference is None and expected[1]:
        difference = stats_difference(stats["views"], expected[1], setting)
    return difference


def stats_difference(
    actual: list[dict[str, Any]], expected: list[dict[str, int]], setting: Setting
) -> str | None:
    """Matches are always counted; expired and absent rows are told apart on request only."""
    names = ["rows_matched"]
    if setting.diagnose_nulls:
        names += ["rows_expired", "rows_absent"]
    for got, right in zip(actual, expected, strict=True):
        for name in names:
            if got[name] != right[name]:
                return f"stats of {got['name']}: {name} {got[name]}, expected {right[name]}"
    return None


def report(failures: list[Failure]) -> str:
    """Every failing seed in short, and the first case in full."""
    lines = [f"{len(failures)} cases failed", *(str(failure) for failure in failures[:10])]
    if failures:
        lines.append(describe(failures[0].case))
    return "\n\n".join(lines)
