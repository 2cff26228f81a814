# SPDX-License-Identifier: Apache-2.0
"""The engines that are measured, by the names that reports call them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from bench.cases import Case, Operation


@dataclass(frozen=True)
class Request:
    """A case on this machine.

    Attributes:
        case: what is asked.
        sources: the directory of Parquet files of each view.
        entity_rows: for a join, the table of entity rows.
        threads: how many threads the engine may use.
        scratch: an empty directory for the engine's own files.
    """

    case: Case
    sources: list[Path]
    entity_rows: pa.Table | None
    threads: int
    scratch: Path


# Prepares a request outside the measured time; the returned call is what is measured.
Prepare = Callable[[Request], Callable[[], pa.Table | None]]

_EVERYTHING = frozenset(Operation)
_JOIN = frozenset({Operation.JOIN})
_LATEST = frozenset({Operation.LATEST})


@dataclass(frozen=True)
class Engine:
    what: str
    module: str  # imported only in the process that runs the engine
    function: str
    operations: frozenset[Operation] = _EVERYTHING


ENGINES = {
    "larder": Engine("Larder through Feast", "feast_stores", "prepare_larder"),
    "feast-duckdb": Engine("Feast's duckdb store", "feast_stores", "prepare_duckdb"),
    "feast-dask": Engine("Feast's dask store", "feast_stores", "prepare_dask"),
    "duckdb": Engine("DuckDB by hand: ASOF JOIN, arg_max", "duckdb_sql", "prepare", _EVERYTHING),
    "duckdb-qualify": Engine(
        "DuckDB by hand: QUALIFY row_number()", "duckdb_sql", "prepare_qualify", _LATEST
    ),
    "polars": Engine("Polars by hand: join_asof, arg_max", "polars_frames", "prepare"),
    "acero": Engine("Acero asofjoin by hand", "arrow_tables", "prepare_acero", _JOIN),
    "scan": Engine("pyarrow merely reading the same columns", "arrow_tables", "prepare_scan"),
}
