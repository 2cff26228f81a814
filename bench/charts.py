# SPDX-License-Identifier: Apache-2.0
"""Results as SVG charts: every case beside each other, and growth where sizes vary."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.engines import ENGINES
from bench.ratios import Measurement, by_point, lines

_COLORS = dict(zip(ENGINES, mpl.color_sequences["tab10"], strict=False))


def write_charts(results: dict[str, Any], directory: Path) -> None:
    """Write cases.svg, and CASE-{time,memory}-by-{rows,threads}.svg where these vary."""
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "larder", "font.size": 9})
    measurements: list[Measurement] = results["measurements"]
    cases = dict.fromkeys(entry["case"] for entry in measurements)
    _save(_compare_cases(measurements), directory / "cases.svg")
    for case in cases:
        of_case = [entry for entry in measurements if entry["case"] == case]
        for across, other in (("rows", "threads"), ("threads", "rows")):
            # Where both vary, along the greatest of the other.
            fixed = max(entry[other] for entry in of_case)
            varied = [entry for entry in of_case if entry[other] == fixed]
            if len({entry[across] for entry in varied}) > 1:
                time = _grow(varied, across, "seconds", "seconds", 1)
                memory = _grow(varied, across, "peak_memory", "peak memory, MiB", 2**20)
                _save(time, directory / f"{case}-time-by-{across}.svg")
                _save(memory, directory / f"{case}-memory-by-{across}.svg")


def _compare_cases(measurements: list[Measurement]) -> Figure:
    """Bars of time and of memory for each engine, one group a case, on logarithmic scales."""
    points = {point[0]["case"]: lines(point) for point in by_point(measurements)}
    measured = {line.engine for point in points.values() for line in point}
    engines = [name for name in ENGINES if name in measured]
    height = 0.8 / len(engines)
    figure = Figure(figsize=(9, 1 + 0.16 * len(engines) * len(points)), layout="constrained")
    time, memory = figure.subplots(1, 2, sharey=True)
    for place, engine in enumerate(engines):
        at = [number + place * height for number in range(len(points))]
        found = [[line for line in point if line.engine == engine] for point in points.values()]
        seconds = [line[0].seconds.median if line and line[0].seconds else 0 for line in found]
        peaks = [
            line[0].peak_memory.median if line and line[0].peak_memory else 0 for line in found
        ]
        time.barh(at, seconds, height, color=_COLORS[engine], label=ENGINES[engine].what)
        memory.barh(at, [peak / 2**20 for peak in peaks], height, color=_COLORS[engine])
    time.set(xscale="log", xlabel="seconds")
    memory.set(xscale="log", xlabel="peak memory, MiB")
    time.set_yticks([number + 0.4 - height / 2 for number in range(len(points))], list(points))
    time.invert_yaxis()
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _grow(
    measurements: list[Measurement], across: str, field: str, name: str, unit: float
) -> Figure:
    """A line for each engine; failures leave a gap."""
    points = by_point(measurements)
    label, scale = {"rows": ("source rows, millions", 1e6), "threads": ("threads", 1)}[across]
    figure = Figure(figsize=(5, 3.5), layout="constrained")
    axes = figure.subplots()
    for engine in dict.fromkeys(entry["engine"] for entry in measurements):
        found = [
            (point[0][across] / scale, getattr(line, field).median / unit)
            for point in points
            for line in lines(point)
            if line.engine == engine and getattr(line, field)
        ]
        if found:
            axes.plot(*zip(*found, strict=True), "o-", color=_COLORS[engine], label=engine)
    axes.set(xlabel=label, ylabel=name, ylim=(0, None))
    axes.legend()
    return figure


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
