# SPDX-License-Identifier: Apache-2.0
"""Writes the data of a case: the same bytes for the same arguments.

python -m bench.data --case wide --rows 1000000 --data DIRECTORY
"""

import argparse
import itertools
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from bench.cases import CASES, EVENT_TIMESTAMP, ROW_ID, Case, Data, Keys, resized

START = datetime(2024, 1, 1, tzinfo=UTC)
ROOT = Path("build/bench/data")
# Bumped when the same arguments give other bytes than before.
VERSION = 1

_TIMESTAMP = pa.timestamp("us", tz="UTC")
_DAY_US = 86_400_000_000

Integers = npt.NDArray[np.int64]


def ensure_sources(case: Case, root: Path) -> list[Path]:
    """Write the data of each view unless it is there; return the directories of files."""
    return [_ensure(data, root) for data in case.sources()]


def source_files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.parquet"))


def entity_rows(case: Case) -> pa.Table:
    """Draw the entity rows: row_id, the join keys, event_timestamp in no order."""
    random = np.random.default_rng([case.data.seed, case.entity_rows])
    start, end = window(case)
    span = (end - start) // timedelta(microseconds=1)
    times = _microseconds(start) + random.integers(0, span, case.entity_rows)
    keys = random.integers(0, case.data.keys, case.entity_rows)
    return pa.table(
        {
            ROW_ID: np.arange(case.entity_rows),
            **_key_columns(keys, case.data.key_type),
            EVENT_TIMESTAMP: pa.array(times).cast(_TIMESTAMP),
        }
    )


def window(case: Case) -> tuple[datetime, datetime]:
    """The last window_days of the data."""
    end = START + timedelta(days=case.data.days)
    return end - timedelta(days=case.window_days), end


def _ensure(data: Data, root: Path) -> Path:
    directory = root / f"v{VERSION}" / data.directory
    if directory.exists():
        return directory
    # Renamed into place when complete, so that a run that was stopped leaves no half of it.
    unfinished = directory.with_name(directory.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for number, rows in enumerate(_rows_per_file(data)):
        table = _table(data, number, rows)
        pq.write_table(table, unfinished / f"part-{number:03}.parquet", compression="snappy")
    return unfinished.rename(directory)


def _rows_per_file(data: Data) -> Iterable[int]:
    bounds = [data.rows * number // data.files for number in range(data.files + 1)]
    return (end - start for start, end in itertools.pairwise(bounds))


def _table(data: Data, number: int, rows: int) -> pa.Table:
    random = np.random.default_rng([data.seed, number])
    start, end = (data.days * _DAY_US * part // data.files for part in (number, number + 1))
    times = _microseconds(START) + np.sort(random.integers(start, end, rows))
    keys = random.integers(0, data.keys, rows)
    if data.sorted_by_key:
        order = np.argsort(keys, kind="stable")
        keys, times = keys[order], times[order]
    return pa.table(
        {
            **_key_columns(keys, data.key_type),
            EVENT_TIMESTAMP: pa.array(times).cast(_TIMESTAMP),
            **{
                f"f{feature:02}": random.standard_normal(rows, dtype=np.float32)
                for feature in range(data.features)
            },
        }
    )


def _key_columns(keys: Integers, key_type: Keys) -> dict[str, pa.Array]:
    if key_type is Keys.INTEGER:
        return {"user_id": pa.array(keys)}
    if key_type is Keys.STRING:
        return {"user": _text("user-", keys)}
    # Ten devices to an account.
    return {"account_id": pa.array(keys // 10), "device": _text("device-", keys % 10)}


def _text(prefix: str, numbers: Integers) -> pa.Array:
    distinct, codes = np.unique(numbers, return_inverse=True)
    names = pa.array([f"{prefix}{number:012}" for number in distinct])
    return names.take(pa.array(codes))


def _microseconds(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=CASES, required=True)
    parser.add_argument("--rows", type=int, help="rows of each source (default: the case's own)")
    parser.add_argument("--data", type=Path, default=ROOT, help="default: %(default)s")
    arguments = parser.parse_args()
    for directory in ensure_sources(
        resized(CASES[arguments.case], arguments.rows, None), arguments.data
    ):
        print(directory)


if __name__ == "__main__":
    main()
