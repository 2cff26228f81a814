# SPDX-License-Identifier: Apache-2.0
"""What one run of a retrieval has at hand: settings, a deadline, and what to clean up after it."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from feast_larder import _engine
from feast_larder.settings import timeout_milliseconds


@dataclass(frozen=True)
class Settings:
    """The store's configuration, as far as retrievals need it.

    Attributes:
        repo_path: what relative paths are relative to; None for the working directory.
        engine: keyword arguments of ``_engine.Options``.
        staging_location: directory or URI that ``to_remote_storage`` writes below, if any.
        progress: whether a terminal may show a line while the engine works.
        round_floats: whether a write may round doubles to the floats that a source has.
    """

    repo_path: Path | None
    engine: Mapping[str, Any] = field(default_factory=dict)
    staging_location: str | None = None
    progress: Literal["auto", "never"] = "never"
    round_floats: bool = False


class Deadline:
    """The moment after which a run must stop.

    Args:
        timeout: seconds from now; None for no limit.

    Raises:
        ValueError: the timeout is not positive.
    """

    def __init__(self, timeout: float | None = None) -> None:
        self._milliseconds = timeout_milliseconds(timeout)
        self._end = time.monotonic() + self._milliseconds / 1000

    def remaining_milliseconds(self) -> int:
        """Return what is left, at least 1; 0 means no limit.

        Raises:
            TimeoutError: nothing is left.
        """
        if self._milliseconds == 0:
            return 0
        left = int((self._end - time.monotonic()) * 1000)
        if left <= 0:
            raise TimeoutError(f"timeout of {self._milliseconds / 1000:g} s has passed")
        return left

    def has_passed(self) -> bool:
        """Say whether nothing is left."""
        return self._milliseconds > 0 and time.monotonic() >= self._end


@dataclass(frozen=True)
class Run:
    """One execution of a request.

    Attributes:
        cleanup: closed when the last row has been read, or the run has failed.
        plan_only: whether the answer is only planned, for explain().
    """

    settings: Settings
    deadline: Deadline
    cleanup: ExitStack
    plan_only: bool = False

    def options(self, *, of_answer: bool = False, to_be_joined: bool = False) -> _engine.Options:
        """Return the engine's options, with what is left of the timeout.

        Args:
            of_answer: whether they are for the answer itself, which a plan leaves out, or for
                what has to be read to know the question.
            to_be_joined: whether they are for entity rows. With a memory limit those are read a
                row group at a time, for until they are joined they are in memory, uncounted.

        Raises:
            TimeoutError: nothing is left.
        """
        timeout = self.deadline.remaining_milliseconds()
        plan_only = of_answer and self.plan_only
        engine = dict(self.settings.engine)
        if to_be_joined and engine.get("memory_limit"):
            engine["rows_in_memory"] = 1
        return _engine.Options(**engine, timeout_ms=timeout, plan_only=plan_only)
