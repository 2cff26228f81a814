# SPDX-License-Identifier: Apache-2.0
"""Measures Larder beside other engines, each in a process of its own.

    python -m bench.run --case wide --rounds 3 --engines larder feast-duckdb
    python -m bench.run --case wide --rows 10000000 30000000 100000000 --engines larder scan

Every round runs all engines in turn, each time beginning with another one, so that ratios
compare neighbours in time. Writes results.json, results.md and charts, and prints the tables.
"""

import argparse
import itertools
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cases import CASES, Case, Operation, resized
from bench.charts import write_charts
from bench.data import ROOT, ensure_sources, source_files
from bench.engines import ENGINES
from bench.machine import available_memory, describe_machine
from bench.ratios import by_point, lines
from bench.report import markdown
from bench.supervise import Limits, run_worker

# An engine that took longer than this is not run again in the rounds that follow.
SLOW_SECONDS = 120
# Whose answers Larder must agree with. The dask store loses rows that match nothing.
REFERENCES = ("feast-duckdb", "duckdb", "polars")


@dataclass(frozen=True)
class Point:
    """One row of the plan: a case at a size, with so many threads."""

    case: Case
    rows: int | None
    entity_rows: int | None
    threads: int

    def arguments(self) -> list[str]:
        sizes = {"--rows": self.rows, "--entity-rows": self.entity_rows}
        chosen = [[option, str(size)] for option, size in sizes.items() if size]
        return ["--case", self.case.name, "--threads", str(self.threads), *itertools.chain(*chosen)]

    def describe(self) -> dict[str, Any]:
        entity_rows = self.case.entity_rows if self.case.operation is Operation.JOIN else 0
        return {
            "case": self.case.name,
            "what": self.case.what,
            "operation": self.case.operation.value,
            "rows": self.case.data.rows * self.case.views,
            "entity_rows": entity_rows,
            "threads": self.threads,
        }


def main() -> int:
    options = _arguments()
    names = list(CASES) if "all" in options.case else options.case
    points = [
        Point(resized(CASES[name], rows, options.entity_rows), rows, options.entity_rows, threads)
        for name, rows, threads in itertools.product(names, options.rows, options.threads)
    ]
    limits = Limits(seconds=options.timeout, memory=int(0.95 * available_memory()))
    measurements: list[dict[str, Any]] = []
    for point in points:
        measurements += _measure(point, options, limits)
    options.out.mkdir(parents=True, exist_ok=True)
    results = {"machine": describe_machine(), "measurements": measurements}
    (options.out / "results.json").write_text(json.dumps(results, indent=1))
    report = markdown(results)
    (options.out / "results.md").write_text(report)
    write_charts(results, options.out)
    print(f"\n{report}\nwritten to {options.out}/")
    failures = _failures(measurements)
    print("\n".join(failures), file=sys.stderr)
    return 1 if failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--case", nargs="+", choices=[*CASES, "all"], default=["all"])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--rows", nargs="+", type=int, default=[None], help="source rows of each view"
    )
    parser.add_argument("--entity-rows", type=int)
    parser.add_argument("--threads", nargs="+", type=int, default=[os.cpu_count() or 1])
    parser.add_argument("--timeout", type=int, default=900, help="seconds (%(default)s)")
    parser.add_argument("--data", type=Path, default=ROOT, help="default: %(default)s")
    parser.add_argument("--out", type=Path, default=Path("build/bench/results"))
    return parser.parse_args()


def _measure(point: Point, options: argparse.Namespace, limits: Limits) -> list[dict[str, Any]]:
    sources = ensure_sources(point.case, options.data)
    size = _read_into_page_cache(sources)
    description = {**point.describe(), "source_bytes": size}
    print(" ".join(f"{name}={value}" for name, value in description.items()), file=sys.stderr)
    engines = [name for name in options.engines if point.case.operation in ENGINES[name].operations]
    measurements = []
    for number in range(options.rounds):
        start = number % max(1, len(engines))
        for engine in [*engines[start:], *engines[:start]]:
            arguments = [*point.arguments(), "--engine", engine, "--data", str(options.data)]
            result = run_worker(arguments, limits)
            print(f"  round {number + 1}  {engine:<15}{_summary(result)}", file=sys.stderr)
            measurements.append({**description, "engine": engine, "round": number, **result})
            if "error" in result or result["seconds"] > SLOW_SECONDS:
                engines = [name for name in engines if name != engine]
    return measurements


def _read_into_page_cache(sources: list[Path]) -> int:
    """Read every file once, so that no engine pays for being the first; return the bytes."""
    size = 0
    for path in itertools.chain.from_iterable(map(source_files, sources)):
        with path.open("rb") as file:
            while block := file.read(1 << 24):
                size += len(block)
    return size


def _failures(measurements: list[dict[str, Any]]) -> list[str]:
    """Larder's own errors, and answers that should be Larder's and are not."""
    failures = []
    for point in by_point(measurements):
        for line in lines(point):
            failed = line.engine == "larder" and line.seconds is None
            differs = line.engine in REFERENCES and line.time_ratio and line.answer != "same"
            if failed or differs:
                failures.append(f"{point[0]['case']}: {line.engine}: {line.answer}")
    return failures


def _summary(result: dict[str, Any]) -> str:
    if "error" in result:
        return str(result["error"])
    return f"{result['seconds']:9.3f} s {result['peak_memory'] / 2**20:9.0f} MiB"


if __name__ == "__main__":
    sys.exit(main())
