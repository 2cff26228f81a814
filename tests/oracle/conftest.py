# SPDX-License-Identifier: Apache-2.0
"""Options of the oracle tests: how many random cases, from which seed, or one seed again."""

import os
import secrets

import pytest

from . import cases

BLOCK = 250  # cases a test


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("oracle")
    group.addoption("--seed", type=int, help="replay exactly the random case of this seed")
    group.addoption(
        "--base-seed",
        type=int,
        default=int(os.environ.get("LARDER_ORACLE_BASE_SEED", secrets.randbelow(10**9))),
        help="the first random case; by default another one each run",
    )
    group.addoption(
        "--cases",
        type=int,
        default=int(os.environ.get("LARDER_ORACLE_CASES", 6_000)),
        help="point-in-time cases; a fifth as many of latest and of range",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cases(kind, share): random cases, as a share of --cases")


def pytest_report_header(config: pytest.Config) -> str:
    if config.getoption("--seed") is not None:
        return f"oracle: replaying the case of seed {config.getoption('--seed')}"
    base, count = config.getoption("--base-seed"), config.getoption("--cases")
    return f"oracle: base seed {base}, {count} point-in-time cases (--base-seed, --cases)"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives a test with the marker `cases` its seeds, a block at a time."""
    if "seeds" in metafunc.fixturenames:
        kind, share = next(metafunc.definition.iter_markers("cases")).args
        blocks = seed_blocks(metafunc.config, kind, share)
        metafunc.parametrize("seeds", blocks, ids=[f"{block[0]}-{block[-1]}" for block in blocks])


def seed_blocks(config: pytest.Config, kind: int, share: float) -> list[list[int]]:
    one: int | None = config.getoption("--seed")
    if one is not None:
        return [[one]] if cases.kind_of(one) == kind else []
    base = config.getoption("--base-seed")
    count = max(1, int(config.getoption("--cases") * share))
    seeds = [cases.seed_of(base, kind, number) for number in range(count)]
    return [seeds[start : start + BLOCK] for start in range(0, count, BLOCK)]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --seed, only the tests of that seed remain."""
    one = config.getoption("--seed")
    if one is None:
        return
    replayed = [item for item in items if seeds_of(item) == [one]]
    config.hook.pytest_deselected(items=[item for item in items if item not in replayed])
    items[:] = replayed


def seeds_of(item: pytest.Item) -> list[int] | None:
    callspec = getattr(item, "callspec", None)
    found: list[int] | None = callspec.params.get("seeds") if callspec else None
    return found


@pytest.fixture
def replaying(request: pytest.FixtureRequest) -> bool:
    return request.config.getoption("--seed") is not None
