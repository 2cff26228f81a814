# SPDX-License-Identifier: Apache-2.0
"""Digests of answers, to compare engines that run in processes of their own.

A digest does not depend on the order of rows or columns, nor on how an engine names equal types
(large_string or string, microseconds or nanoseconds), but on every cell and where it belongs.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from bench.cases import EVENT_TIMESTAMP, ROW_ID, Case, Operation

Hashes = npt.NDArray[np.uint64]

_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Answer:
    rows: int
    columns: dict[str, str]  # column: digest of its cells

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def digest(table: pa.Table, case: Case) -> Answer:
    """Digest the columns that every engine returns: what is asked for, not what comes along."""
    keys = case.data.key_type.columns
    names = case.feature_columns()
    if case.operation is Operation.JOIN:
        identity = [ROW_ID]
        names = [case.output_name(view, name) for view in range(case.views) for name in names]
    elif case.operation is Operation.LATEST:
        identity = keys
        names = [EVENT_TIMESTAMP, *names]
    else:
        identity = [*keys, EVENT_TIMESTAMP]
    rows = np.zeros(table.num_rows, dtype=np.uint64)
    for name in identity:
        rows = _mixed(rows + _hashes(table[name]))
    columns = {name: _mixed(rows + _hashes(table[name])).sum() for name in names}
    return Answer(table.num_rows, {name: f"{total:016x}" for name, total in columns.items()})


def difference(given: dict[str, Any], reference: dict[str, Any]) -> str | None:
    """Tell how an answer (as JSON) differs from the reference, or None."""
    if given["rows"] != reference["rows"]:
        return f"{given['rows']:,} rows of {reference['rows']:,}"
    other = [
        name for name, hashed in reference["columns"].items() if given["columns"][name] != hashed
    ]
    return f"{len(other)} columns differ, {other[0]} first" if other else None


def _hashes(column: pa.ChunkedArray) -> Hashes:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    elif pa.types.is_floating(column.type):
        column = column.cast(pa.float64())
    hashes: Hashes = pd.util.hash_array(column.to_numpy())
    return hashes


def _mixed(hashes: Hashes) -> Hashes:
    # Wraps around, as it should.
    spread = hashes * _MIX
    return spread ^ (spread >> np.uint64(29))
