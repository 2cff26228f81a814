# SPDX-License-Identifier: Apache-2.0
"""A line on the terminal while a long retrieval runs."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm  # type: ignore[import-untyped]

_QUIET_SECONDS = 1.0
_REDRAW_SECONDS = 0.2


@contextmanager
def show_progress(description: str, *, enabled: bool) -> Iterator[None]:
    """Show the time that the block takes, from its first second on, and remove it at the end.

    Nothing is shown where standard error is no terminal.
    """
    if not enabled or not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    thread = threading.Thread(target=_draw, args=(description, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _draw(description: str, done: threading.Event) -> None:
    if done.wait(_QUIET_SECONDS):
        return
    with tqdm(desc=description, bar_format="{desc}: {elapsed}", leave=False) as line:
        while not done.wait(_REDRAW_SECONDS):
            line.refresh()
