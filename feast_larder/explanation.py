# SPDX-License-Identifier: Apache-2.0
"""What a job will read, before it reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

_HEADER = ("feature view", "files", "row groups", "rows", "MB")


@dataclass(frozen=True)
class PlannedReads:
    """What one feature view, or the source of a pull, will have read of it at most.

    Attributes:
        name: the feature view, or the path of the source.
        files, files_to_read: how many there are; of how many more than the footer is read.
        row_groups, row_groups_to_read: likewise.
        rows_to_scan: rows in the row groups to read.
        bytes, bytes_to_read: compressed bytes of the columns in question, in all row groups and
            in those to read; a column that is read twice counts twice.
    """

    name: str
    files: int
    files_to_read: int
    row_groups: int
    row_groups_to_read: int
    rows_to_scan: int
    bytes: int
    bytes_to_read: int


@dataclass(frozen=True)
class Explanation:
    """The plan of a job; print it, or take ``to_dict()``."""

    views: Sequence[PlannedReads]

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        return {"views": [asdict(view) for view in self.views]}

    def __str__(self) -> str:
        """Lay the plan out as a table: what will be read, of what there is."""
        rows = [_HEADER, *map(_cells, self.views)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if index == 0 else cell.rjust(width)
                for index, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        )


def explain_stats(stats: Mapping[str, Any]) -> Explanation:
    """Read the plan out of the statistics of a planned run."""
    return Explanation(
        [
            PlannedReads(
                name=view["name"],
                files=view["files"],
                files_to_read=view["files_read"],
                row_groups=view["row_groups"],
                row_groups_to_read=view["row_groups_read"],
                rows_to_scan=view["rows_scanned"],
                bytes=view["bytes"],
                bytes_to_read=view["bytes_read"],
            )
            for view in stats["views"]
        ]
    )


def _cells(view: PlannedReads) -> tuple[str, ...]:
    return (
        view.name,
        f"{view.files_to_read:,} of {view.files:,}",
        f"{view.row_groups_to_read:,} of {view.row_groups:,}",
        f"{view.rows_to_scan:,}",
        f"{view.bytes_to_read / 1e6:,.1f} of {view.bytes / 1e6:,.1f}",
    )
