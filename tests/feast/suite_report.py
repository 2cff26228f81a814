# SPDX-License-Identifier: Apache-2.0
"""Reads the JUnit file of a test run: how each test ended, and why."""

import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

PASSED, FAILED, ERROR, SKIPPED, REFUSED = "passed", "failed", "error", "skipped", "refused"


@dataclass(frozen=True)
class Outcome:
    test: str
    ending: str
    reason: str


def read_outcomes(junit: Path) -> list[Outcome]:
    """One outcome a test; a test that fails and whose teardown fails too counts once, as failed."""
    outcomes: dict[str, Outcome] = {}
    for case in ElementTree.parse(junit).iter("testcase"):
        test = f"{case.get('classname')}::{case.get('name')}"
        ending, reason = _ending_of(case)
        if test in outcomes and outcomes[test].ending == FAILED:
            continue
        outcomes[test] = Outcome(_shorten(test), ending, reason)
    return list(outcomes.values())


def _ending_of(case: ElementTree.Element) -> tuple[str, str]:
    for tag, ending in (("failure", FAILED), ("error", ERROR), ("skipped", SKIPPED)):
        found = case.find(tag)
        if found is None:
            continue
        if found.get("type") == "pytest.xfail":
            ending = REFUSED
        return ending, found.get("message") or ""
    return PASSED, ""


def _shorten(test: str) -> str:
    """Drops the part of the test's id that says which store, the same for every test of a run."""
    start = test.find("ParameterSet(")
    if start < 0:
        return test
    end = test.index(", id=None)", start) + len(", id=None)")
    return test[:start] + "store" + test[end:]


def describe(title: str, outcomes: list[Outcome]) -> str:
    """The tests that did not pass, each with the reason in brief, then the counts."""
    lines = []
    for outcome in outcomes:
        if outcome.ending != PASSED:
            lines.append(f"  {outcome.ending.upper():8}{outcome.test}")
            lines += [f"          {line}" for line in _brief(outcome.reason)]
    counts = Counter(outcome.ending for outcome in outcomes)
    summary = ", ".join(
        f"{counts[ending]} {ending}"
        for ending in (PASSED, FAILED, ERROR, SKIPPED, REFUSED)
        if counts[ending] or ending in (PASSED, FAILED, SKIPPED)
    )
    return "\n".join([*lines, f"{title}: {len(outcomes)} tests, {summary}"])


def _brief(reason: str) -> list[str]:
    """First and last line: a command that failed inside a test says why in its last one."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    chosen = lines if len(lines) < 2 else [lines[0], lines[-1]]
    return [line if len(line) <= 300 else f"{line[:100]} ... {line[-200:]}" for line in chosen]


def is_clean(outcomes: list[Outcome], *, may_skip: bool = False) -> bool:
    """Whether every test passed, but for those that Feast's core refuses; none run is not clean."""
    allowed = {PASSED, REFUSED, SKIPPED} if may_skip else {PASSED, REFUSED}
    return bool(outcomes) and all(outcome.ending in allowed for outcome in outcomes)
