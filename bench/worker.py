# SPDX-License-Identifier: Apache-2.0
"""Runs one engine on one case in this process, once, and writes what it took as JSON.

Measured is the request alone, from its call to the whole answer in memory. Imports, the entity
rows and a tiny request of the same shape, which loads what is loaded lazily, come before.
"""

import argparse
import importlib
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.answers import digest
from bench.cases import CASES, Case, Operation, resized, tiny
from bench.data import ensure_sources, entity_rows
from bench.engines import ENGINES, Request


@dataclass(frozen=True)
class Measured:
    seconds: float
    cpu_seconds: float
    memory_before: int  # bytes, resident
    peak_memory: int  # bytes, the largest resident set of this process


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=ENGINES, required=True)
    parser.add_argument("--case", choices=CASES, required=True)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--entity-rows", type=int)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--result", type=Path, required=True)
    arguments = parser.parse_args()

    _use_cores(arguments.threads)
    case = resized(CASES[arguments.case], arguments.rows, arguments.entity_rows)
    with tempfile.TemporaryDirectory() as scratch:
        for warm_up in (tiny(case), case):
            directory = Path(scratch) / str(warm_up is case)
            directory.mkdir()
            request = _request(warm_up, arguments, directory)
            measured, table = _measure(_prepare(arguments.engine, request))
    answer = digest(table, case).to_json() if table is not None else None
    arguments.result.write_text(json.dumps({**vars(measured), "answer": answer}))


def _use_cores(count: int) -> None:
    """Keep the process, and every thread that it starts, on that many cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    pa.set_cpu_count(count)


def _request(case: Case, arguments: argparse.Namespace, scratch: Path) -> Request:
    sources = ensure_sources(case, arguments.data)
    rows = entity_rows(case) if case.operation is Operation.JOIN else None
    return Request(case, sources, rows, arguments.threads, scratch)


def _prepare(name: str, request: Request) -> Callable[[], pa.Table | None]:
    engine = ENGINES[name]
    module: Any = importlib.import_module(f"bench.engines.{engine.module}")
    run: Callable[[], pa.Table | None] = getattr(module, engine.function)(request)
    return run


def _measure(run: Callable[[], pa.Table | None]) -> tuple[Measured, pa.Table | None]:
    memory_before = _memory("VmRSS")
    cpu, started = _cpu_seconds(), time.perf_counter()
    table = run()
    seconds = time.perf_counter() - started
    cpu_seconds = _cpu_seconds() - cpu
    return Measured(seconds, cpu_seconds, memory_before, _memory("VmHWM")), table


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _memory(field: str) -> int:
    status = Path("/proc/self/status").read_text()
    [line] = (line for line in status.splitlines() if line.startswith(field + ":"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
