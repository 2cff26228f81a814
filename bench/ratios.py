# SPDX-License-Identifier: Apache-2.0
"""Medians, spreads and ratios of measurements."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from statistics import geometric_mean, median
from typing import Any

from bench.answers import difference

Measurement = dict[str, Any]
BY_HAND = ("duckdb", "duckdb-qualify", "polars", "acero")


@dataclass(frozen=True)
class Spread:
    """The median of some rounds, with the least and the greatest."""

    median: float
    least: float
    greatest: float

    @staticmethod
    def of(values: list[float]) -> "Spread":
        return Spread(median(values), min(values), max(values))


@dataclass(frozen=True)
class Line:
    """One engine at one point; ratios are to Larder in the same round."""

    engine: str
    seconds: Spread | None
    peak_memory: Spread | None
    time_ratio: Spread | None
    memory_ratio: Spread | None
    answer: str  # "same", how it differs from Larder's, or why there is none


def by_point(measurements: list[Measurement]) -> list[list[Measurement]]:
    """Group by case, size and threads, in the order measured."""

    def point(entry: Measurement) -> tuple[Any, ...]:
        return tuple(entry[name] for name in ("case", "rows", "entity_rows", "threads"))

    return [list(group) for _, group in groupby(measurements, key=point)]


def lines(point: list[Measurement]) -> list[Line]:
    """Sum up the rounds of each engine at a point, in the order of engines."""
    larder = {entry["round"]: entry for entry in point if entry["engine"] == "larder"}
    names = dict.fromkeys(entry["engine"] for entry in point)
    return [_line(name, [e for e in point if e["engine"] == name], larder) for name in names]


def mean_ratios(points: list[list[Line]]) -> dict[str, tuple[float, float]]:
    """Geometric means over points of time and memory as multiples of Larder's.

    "best by hand" takes the fastest of the engines by hand at each point. Engines that failed at
    some point are left out.
    """
    names = dict.fromkeys(line.engine for point in points for line in point)
    ratios = {name: [_ratios(point, [name]) for point in points] for name in names}
    ratios["best by hand"] = [_ratios(point, BY_HAND) for point in points]
    return {
        name: (geometric_mean(r[0] for r in found), geometric_mean(r[1] for r in found))
        for name, every in ratios.items()
        if name != "larder" and len(found := [r for r in every if r is not None]) == len(points)
    }


def _ratios(point: list[Line], engines: Iterable[str]) -> tuple[float, float] | None:
    found = [
        (line.time_ratio.median, line.memory_ratio.median)
        for line in point
        if line.engine in engines and line.time_ratio and line.memory_ratio
    ]
    return min(found) if found else None


def _line(name: str, rounds: list[Measurement], larder: dict[int, Measurement]) -> Line:
    measured = [entry for entry in rounds if "error" not in entry]
    if not measured:
        return Line(name, None, None, None, None, rounds[0]["error"])
    pairs = [
        (entry, larder[entry["round"]])
        for entry in measured
        if "error" not in larder.get(entry["round"], {"error": ""})
    ]

    def ratio(field: str) -> Spread | None:
        return Spread.of([ours[field] / theirs[field] for ours, theirs in pairs]) if pairs else None

    return Line(
        name,
        Spread.of([entry["seconds"] for entry in measured]),
        Spread.of([entry["peak_memory"] for entry in measured]),
        ratio("seconds"),
        ratio("peak_memory"),
        _answer(name, pairs),
    )


def _answer(name: str, pairs: list[tuple[Measurement, Measurement]]) -> str:
    if name == "larder" or not pairs:
        return ""
    if pairs[0][0]["answer"] is None:
        return "none"
    found = (difference(given["answer"], larder["answer"]) for given, larder in pairs)
    return next(filter(None, found), "same")
