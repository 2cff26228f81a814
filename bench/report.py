# SPDX-License-Identifier: Apache-2.0
"""Results as Markdown.

python -m bench.report build/bench/results/results.json
"""

import json
import sys
from pathlib import Path
from typing import Any

from bench.engines import ENGINES
from bench.ratios import Line, Spread, by_point, lines, mean_ratios

_HEADER = (
    "| engine | time, s | of Larder's | peak memory, MiB | of Larder's | answer |\n"
    "| --- | --: | --: | --: | --: | --- |"
)


def markdown(results: dict[str, Any]) -> str:
    """Write a table for each point, then the geometric means over the joins."""
    machine = ", ".join(f"{name} {value}" for name, value in results["machine"].items())
    points = by_point(results["measurements"])
    parts = [
        "Medians (least to greatest) of the rounds; ratios within rounds, larger is slower or "
        "bigger than Larder.",
        machine + ".",
    ]
    for point in points:
        parts += [_heading(point[0]), "\n".join([_HEADER, *map(_row, lines(point))])]
    joins = [lines(point) for point in points if point[0]["operation"] == "join"]
    if len(joins) > 1:
        parts += [f"### Geometric mean of {len(joins)} joins", _means(joins)]
    return "\n\n".join(parts) + "\n"


def _heading(entry: dict[str, Any]) -> str:
    sizes = [f"{entry['rows'] / 1e6:g} M rows ({entry['source_bytes'] / 1e6:,.0f} MB)"]
    if entry["entity_rows"]:
        sizes.append(f"{entry['entity_rows']:,} entity rows")
    sizes.append(f"{entry['threads']} thread{'s' if entry['threads'] > 1 else ''}")
    return f"### {entry['case']}: {entry['what']}\n\n{', '.join(sizes)}"


def _row(line: Line) -> str:
    cells = [
        ENGINES[line.engine].what,
        _spread(line.seconds, "{:.3g}"),
        _spread(line.time_ratio, "{:.2f}"),
        _spread(line.peak_memory, "{:,.0f}", 2**20),
        _spread(line.memory_ratio, "{:.2f}"),
        line.answer,
    ]
    return f"| {' | '.join(cells)} |"


def _spread(spread: Spread | None, form: str, unit: float = 1) -> str:
    if spread is None:
        return ""
    middle, least, greatest = (
        form.format(value / unit) for value in (spread.median, spread.least, spread.greatest)
    )
    return middle if least == greatest else f"{middle} ({least} to {greatest})"


def _means(joins: list[list[Line]]) -> str:
    rows = [
        f"| {ENGINES[name].what if name in ENGINES else name} | {time:.2f} | {memory:.2f} |"
        for name, (time, memory) in mean_ratios(joins).items()
    ]
    header = "| engine | time, of Larder's | peak memory, of Larder's |\n| --- | --: | --: |"
    return "\n".join([header, *rows])


if __name__ == "__main__":
    print(markdown(json.loads(Path(sys.argv[1]).read_text())))
