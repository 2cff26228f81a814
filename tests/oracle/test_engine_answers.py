# SPDX-License-Identifier: Apache-2.0
"""The engine against the oracle on random cases, each under every debug setting."""

import pytest

from .case import describe
from .cases import LATEST, PLAIN, POINT_IN_TIME, RANGE, make_case
from .check import Failure, check_case, check_seed, report
from .shrink import shrink


@pytest.mark.cases(POINT_IN_TIME, 1.0)
def test_point_in_time(
    seeds: list[int], replaying: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    check(seeds, replaying, capsys)


@pytest.mark.cases(LATEST, 0.2)
def test_latest(seeds: list[int], replaying: bool, capsys: pytest.CaptureFixture[str]) -> None:
    check(seeds, replaying, capsys)


@pytest.mark.cases(RANGE, 0.2)
def test_range(seeds: list[int], replaying: bool, capsys: pytest.CaptureFixture[str]) -> None:
    check(seeds, replaying, capsys)


@pytest.mark.cases(PLAIN, 0.05)
def test_files_of_one_schema(
    seeds: list[int], replaying: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    check(seeds, replaying, capsys)


def check(seeds: list[int], replaying: bool, capsys: pytest.CaptureFixture[str]) -> None:
    if replaying:
        with capsys.disabled():
            replay(seeds[0])
    else:
        failures = [failure for seed in seeds if (failure := check_seed(seed))]
        assert not failures, report(failures)


def replay(seed: int) -> None:
    """Prints the case, and if it fails, the smallest case that fails like it, files kept."""
    case = make_case(seed)
    print(f"\n{describe(case)}")
    failure = check_case(case)
    if failure is None:
        return
    print(f"\n{failure}\n\nmaking it smaller ...")
    setting = failure.setting
    small = shrink(case, lambda attempt: check_case(attempt, [setting]) is not None)
    smallest = check_case(small, [setting], keep=True) or Failure(small, setting, "passes again")
    print(f"{describe(small)}\n\n{smallest}")
    pytest.fail(str(failure))
