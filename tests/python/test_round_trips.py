# SPDX-License-Identifier: Apache-2.0
"""Random values of every Feast type through every way in and out: written, retrieved, pulled,
saved, logged."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal as PythonDecimal
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from feast import FeatureService
from feast.embedded_go.type_map import FEAST_TYPE_TO_ARROW_TYPE
from feast.feature_logging import LOG_DATE_FIELD, LOG_TIMESTAMP_FIELD, LoggingConfig
from feast.types import (
    Array,
    Bool,
    Bytes,
    Decimal,
    FeastType,
    Float32,
    Float64,
    Int32,
    Int64,
    Json,
    Map,
    Set,
    String,
    Struct,
    TimeUuid,
    UnixTimestamp,
    Uuid,
    ZonedTimestamp,
    from_feast_to_pyarrow_type,
)
from feature_repo import FeatureRepo, at, rows, timestamps

from feast_larder import (
    LarderLoggingDestination,
    LarderOfflineStore,
    LarderSource,
    SavedDatasetLarderStorage,
)

ROWS = 40
NULLS = 0.2


def text(random: Random) -> str:
    return "".join(random.choices("aZ0 é\n\"',\\\0漢😀", k=random.randrange(8)))


def moment(random: Random) -> datetime:
    return datetime(1700, 1, 1, tzinfo=UTC) + timedelta(
        seconds=random.randrange(500 * 365 * 86400), microseconds=random.randrange(10**6)
    )


SCALARS: dict[FeastType, Callable[[Random], Any]] = {
    Int32: lambda random: random.randrange(-(2**31), 2**31),
    # More than a double can hold, mostly.
    Int64: lambda random: random.choice([-(2**63), 2**63 - 1, 2**53 + 1, random.getrandbits(62)]),
    Float32: lambda random: random.choice(
        [0.0, -0.0, 1.5, 2.0**-140, random.getrandbits(24) * 2.0]
    ),
    Float64: lambda random: random.choice([random.gauss(0, 1e300), float("inf"), 5e-324, -0.0]),
    Bool: lambda random: random.random() < 0.5,
    String: text,
    Bytes: lambda random: random.randbytes(random.randrange(6)),
    UnixTimestamp: moment,
    Uuid: lambda random: str(uuid.UUID(int=random.getrandbits(128))),
    Decimal: lambda random: str(PythonDecimal(random.getrandbits(80)).scaleb(-9)),
    Json: lambda random: json.dumps({text(random): [random.random(), None, text(random)]}),
    Map: lambda random: [(f"key {i}", text(random)) for i in range(random.randrange(4))],
}
STRUCT = Struct({"number": Int64, "words": Array(String), "when": UnixTimestamp})
LISTED = [Int32, Int64, Float32, Float64, Bool, String, Bytes, UnixTimestamp, Uuid, Decimal, Json]


def struct(random: Random) -> dict[str, Any]:
    return {name: maybe(kind, random) for name, kind in STRUCT.fields.items()}


def value(kind: FeastType, random: Random) -> Any:  # noqa: ANN401
    if kind in SCALARS:
        return SCALARS[kind](random)
    if isinstance(kind, Array | Set):
        return [value(kind.base_type, random) for _ in range(random.randrange(4))]
    return struct(random)


def maybe(kind: FeastType, random: Random) -> Any:  # noqa: ANN401
    return None if random.random() < NULLS else value(kind, random)


TYPES: dict[str, FeastType] = {
    **{str(kind).lower(): kind for kind in SCALARS},
    "timeuuid": TimeUuid,
    "zoned": ZonedTimestamp,
    **{f"list_{str(kind).lower()}": Array(kind) for kind in [*LISTED, Map]},
    **{f"set_{str(kind).lower()}": Set(kind) for kind in LISTED if kind != Json},
    "struct": STRUCT,
    "list_struct": Array(STRUCT),
    "nested": Array(Array(Int64)),
    "nested_set": Set(Array(String)),
}
SCALARS[TimeUuid] = SCALARS[Uuid]
SCALARS[ZonedTimestamp] = SCALARS[UnixTimestamp]


def arrow_type(kind: FeastType) -> pa.DataType:
    """Feast's own, and for bytes, which Feast forgets, the one of its value type."""
    if isinstance(kind, Array | Set):
        return pa.list_(arrow_type(kind.base_type))
    return pa.binary() if kind == Bytes else from_feast_to_pyarrow_type(kind)


def random_rows(seed: int, kinds: dict[str, FeastType], first_key: int = 0) -> pa.Table:
    random = Random(seed)
    columns = {
        name: pa.array([maybe(kind, random) for _ in range(ROWS)], arrow_type(kind))
        for name, kind in kinds.items()
    }
    keys = pa.array(range(first_key, first_key + ROWS), pa.int64())
    return pa.table({"key": keys, "ts": timestamps(*[at(1)] * ROWS), **columns})


@pytest.fixture(params=["file.parquet", "folder"])
def written(request: pytest.FixtureRequest, repo: FeatureRepo) -> tuple[FeatureRepo, pa.Table]:
    """A source that came about in two writes, and all that was written."""
    path: str = request.param
    kinds: dict[str, FeastType] = {"key": Int64, **TYPES}
    source = LarderSource(name="source", path=path, timestamp_field="ts")
    repo.add_view(source, features=list(TYPES), types=kinds)
    tables = [random_rows(seed, TYPES, seed * ROWS) for seed in range(2)]
    view = repo.store.get_feature_view("stats")
    for table in tables:
        LarderOfflineStore.offline_write_batch(repo.store.config, view, table, None)
    return repo, pa.concat_tables(tables)


def test_types_are_every_feast_type() -> None:
    """But images, PDF and scalar maps, which Feast gives no Arrow type."""
    assert len(TYPES) == len(SCALARS) + 12 + 10 + 4


def test_retrieved(written: tuple[FeatureRepo, pa.Table]) -> None:
    repo, table = written
    keys = table["key"].to_pylist()
    refs = [f"stats:{name}" for name in TYPES]
    result = repo.join(rows(keys[::-1], [at(2)] * len(keys)), refs)
    assert result.select(list(TYPES)).equals(table.select(list(TYPES)).take(keys[::-1]))


def test_retrieved_without_entity_rows(written: tuple[FeatureRepo, pa.Table]) -> None:
    repo, table = written
    refs = [f"stats:{name}" for name in TYPES]
    result = repo.join(None, refs, start_date=at(0), end_date=at(2))
    assert result.select(list(TYPES)).equals(table.select(list(TYPES)))


@pytest.mark.parametrize("kind", ["latest", "all"])
def test_pulled(written: tuple[FeatureRepo, pa.Table], kind: str) -> None:
    repo, table = written
    pull = {
        "latest": LarderOfflineStore.pull_latest_from_table_or_query,
        "all": LarderOfflineStore.pull_all_from_table_or_query,
    }[kind]
    source = repo.store.get_data_source("source")
    job = pull(repo.store.config, source, ["key"], list(TYPES), "ts", None, at(0), at(2))
    names = ["key", *TYPES]
    assert job.to_arrow().select(names).sort_by("key").equals(table.select(names))
    frame = job.to_df()
    assert frame["int64"].dropna().tolist() == table["int64"].drop_null().to_pylist()


@pytest.mark.parametrize("path", ["saved.parquet", "saved"])
def test_saved(written: tuple[FeatureRepo, pa.Table], path: str) -> None:
    repo, table = written
    keys = table["key"].to_pylist()
    job = repo.store.get_historical_features(
        rows(keys, [at(2)] * len(keys)), [f"stats:{name}" for name in TYPES]
    )
    storage = SavedDatasetLarderStorage(path=path)
    repo.store.create_saved_dataset(job, "saved", storage)
    found = repo.store.get_saved_dataset("saved")._retrieval_job
    assert found is not None
    assert found.to_arrow().select(list(TYPES)).equals(table.select(list(TYPES)))


@pytest.mark.parametrize("partition_by", [[], [LOG_DATE_FIELD]])
def test_logged(repo: FeatureRepo, partition_by: list[str]) -> None:
    kinds = {name: kind for name, kind in TYPES.items() if kind in FEAST_TYPE_TO_ARROW_TYPE}
    assert len(kinds) == 16
    view = repo.add_view("none", features=list(kinds), types={"key": Int64, **kinds})
    destination = LarderLoggingDestination(path="logs", partition_by=partition_by)
    service = FeatureService(
        name="service", features=[view], logging_config=LoggingConfig(destination=destination)
    )
    repo.store.apply([service])
    logs = []
    for seed in range(2):
        table = random_rows(seed, kinds, seed * ROWS)
        columns = {"key": table["key"]}
        for name in kinds:
            values = table[name]
            if kinds[name] in (UnixTimestamp, Array(UnixTimestamp)):
                # Feast logs seconds, naive.
                values = values.cast(FEAST_TYPE_TO_ARROW_TYPE[kinds[name]], safe=False)
            columns[f"stats__{name}"] = values
            columns[f"stats__{name}__timestamp"] = table["ts"]
            columns[f"stats__{name}__status"] = pa.array([2] * ROWS, pa.int32())
        columns[LOG_TIMESTAMP_FIELD] = timestamps(*(at(seed, seconds=i) for i in range(ROWS)))
        columns[LOG_DATE_FIELD] = pa.array([at(0).date()] * ROWS, pa.date32())
        columns["__request_id"] = pa.array([str(i) for i in range(ROWS)])
        logs.append(pa.table(columns))
        repo.store.write_logged_features(logs[-1], service)
    found = repo.store._get_provider().retrieve_feature_service_logs(
        service, at(0), at(5), repo.store.config, repo.store.registry
    )
    expected = pa.concat_tables(logs)
    table = found.to_arrow().select(expected.column_names).cast(expected.schema)
    assert table.sort_by(LOG_TIMESTAMP_FIELD).equals(expected)
