# SPDX-License-Identifier: Apache-2.0
"""Join keys of different classes never meet: an error names both columns and types."""

from itertools import permutations
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feast_larder import _engine

ONE_OF_EACH = {
    "integer": pa.array([1], pa.int64()),
    "string": pa.array(["1"], pa.string()),
    "binary": pa.array([b"1"], pa.binary()),
    "boolean": pa.array([True], pa.bool_()),
    "date": pa.array([1], pa.date32()),
    "timestamp": pa.array([1], pa.timestamp("us", "UTC")),
}
NO_KEYS = {
    "list": pa.array([[1]], pa.list_(pa.int64())),
    "struct": pa.array([{"a": 1}], pa.struct([("a", pa.int64())])),
}
TIME = pa.array([0], pa.timestamp("us", "UTC"))


def join(key: pa.Array, entity_key: pa.Array, folder: Path) -> None:
    pq.write_table(pa.table({"source_key": key, "ts": TIME, "f": [1]}), folder / "a.parquet")
    view = _engine.FeatureView(
        "v",
        _engine.Source([str(folder)]),
        [_engine.JoinKey("source_key", "entity_key")],
        "ts",
        [_engine.Feature("f", "f_out")],
    )
    entity_rows = pa.table({"entity_key": entity_key, "event_timestamp": TIME})
    result = _engine.point_in_time(entity_rows, "event_timestamp", [view])
    pa.RecordBatchReader.from_stream(result).read_all()


@pytest.mark.parametrize(("one", "other"), list(permutations(ONE_OF_EACH, 2)))
def test_classes_never_meet(one: str, other: str, tmp_path: Path) -> None:
    key, entity_key = ONE_OF_EACH[one], ONE_OF_EACH[other]
    with pytest.raises(TypeError, match="source_key") as caught:
        join(key, entity_key, tmp_path)
    message = str(caught.value)
    named = ["entity_key", str(key.type), str(entity_key.type)]
    assert all(part in message for part in named), message


@pytest.mark.parametrize("kind", NO_KEYS)
def test_nested_columns_are_no_keys(kind: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="key"):
        join(NO_KEYS[kind], NO_KEYS[kind], tmp_path)
