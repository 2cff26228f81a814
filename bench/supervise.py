# SPDX-License-Identifier: Apache-2.0
"""Runs a worker process within limits of time and memory."""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Limits:
    seconds: float
    memory: int  # bytes, resident: past it the machine would begin to kill processes


def run_worker(arguments: list[str], limits: Limits) -> dict[str, Any]:
    """Run ``python -m bench.worker``; return what it measured, or ``{"error": why}``."""
    with tempfile.TemporaryDirectory() as directory:
        result, log = Path(directory) / "result.json", Path(directory) / "log"
        command = [sys.executable, "-W", "ignore", "-m", "bench.worker", *arguments]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, "--result", str(result)], stdout=output, stderr=subprocess.STDOUT
            )
        error = _supervise(process, limits)
        if error is None and process.returncode == 0:
            measured: dict[str, Any] = json.loads(result.read_text())
            return measured
        last_lines = log.read_text(errors="replace").strip().splitlines()[-1:]
        return {"error": error or f"exit code {process.returncode}: {' '.join(last_lines)}"}


def _supervise(process: subprocess.Popen[bytes], limits: Limits) -> str | None:
    """Wait for the process; kill it past a limit and say which."""
    deadline = time.monotonic() + limits.seconds
    while True:
        try:
            process.wait(_POLL_SECONDS)
            return None
        except subprocess.TimeoutExpired:
            error = _exceeded(process.pid, deadline, limits)
        if error:
            process.kill()
            process.wait()
            return error


def _exceeded(pid: int, deadline: float, limits: Limits) -> str | None:
    if time.monotonic() > deadline:
        return f"stopped after {limits.seconds:,.0f} s"
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return None  # it has just ended
    if len(fields) > 1 and int(fields[1]) * 4096 > limits.memory:
        return f"stopped at {limits.memory / 2**30:.1f} GiB"
    return None
