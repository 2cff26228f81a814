# SPDX-License-Identifier: Apache-2.0
"""The extension module by itself: Arrow capsules, options, answers, writes."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feast_larder import _engine

DAY = datetime(2024, 1, 1, tzinfo=UTC)
NEXT_DAY = datetime(2024, 1, 2, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")


class Stream:
    """Arrow data that answers with any object in place of a capsule."""

    def __init__(self, capsule: object) -> None:
        self.capsule = capsule

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.capsule


@pytest.fixture
def source(tmp_path: Path) -> _engine.Source:
    folder = tmp_path / "source"
    folder.mkdir()
    table = pa.table({"key": [1, 2], "time": pa.array([DAY] * 2, TIME), "value": [1.5, 2.5]})
    pq.write_table(table, folder / "a.parquet")
    return _engine.Source([str(folder)])


@pytest.fixture
def entity_rows() -> pa.Table:
    return pa.table({"id": [2, 3, 1], "at": pa.array([NEXT_DAY] * 3, TIME)})


def join(source: _engine.Source, entity_rows: object, **options: Any) -> _engine.Result:  # noqa: ANN401
    view = _engine.FeatureView(
        "view", source, [_engine.JoinKey("key", "id")], "time", [_engine.Feature("value", "v")]
    )
    return _engine.point_in_time(entity_rows, "at", [view], options=_engine.Options(**options))


def everything(source: _engine.Source) -> _engine.Result:
    return _engine.range(source, columns=None, event_timestamp="time")


def values(result: _engine.Result) -> list[float | None]:
    found: list[float | None] = pa.table(result)["v"].to_pylist()
    return found


# ---- what comes in -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "as_input",
    [
        lambda table: table,
        lambda table: table.combine_chunks().to_batches()[0],
        lambda table: table.to_reader(max_chunksize=1),
        lambda table: pa.RecordBatchReader.from_batches(
            table.schema, (batch for batch in table.to_batches(max_chunksize=2))
        ),
        pl.from_arrow,
        lambda table: Stream(table.__arrow_c_stream__()),
    ],
    ids=["table", "batch", "reader", "generator", "polars", "capsule"],
)
def test_rows_come_from_anything_with_a_stream(
    source: _engine.Source, entity_rows: pa.Table, as_input: Callable[[pa.Table], object]
) -> None:
    assert values(join(source, as_input(entity_rows))) == [2.5, None, 1.5]


@pytest.mark.parametrize("other", [None, 5, {"id": [1]}])
def test_other_rows_are_named(source: _engine.Source, other: object) -> None:
    with pytest.raises(TypeError, match=r"entity_rows must be Arrow data.*__arrow_c_stream__"):
        join(source, other)


def test_rows_with_another_capsule_are_named(source: _engine.Source, entity_rows: pa.Table) -> None:
    for capsule in (None, 5, entity_rows.schema.__arrow_c_schema__()):
        with pytest.raises(TypeError, match=r'entity_rows: .* "arrow_array_stream"'):
            join(source, Stream(capsule))


def test_a_capsule_is_taken_once(source: _engine.Source, entity_rows: pa.Table) -> None:
    stream = Stream(entity_rows.__arrow_c_stream__())
    join(source, stream)
    with pytest.raises(ValueError, match=r"entity_rows: .*released"):
        join(source, stream)


def test_what_a_stream_raises_at_once_is_passed_on(source: _engine.Source) -> None:
    class Broken:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            raise LookupError("no rows today")

    with pytest.raises(LookupError, match="no rows today"):
        join(source, Broken())


def test_what_a_stream_raises_later_is_told(source: _engine.Source, entity_rows: pa.Table) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from entity_rows.to_batches()
        raise ValueError("the second batch is bad")

    reader = pa.RecordBatchReader.from_batches(entity_rows.schema, batches())
    with pytest.raises(ValueError, match="the second batch is bad"):
        join(source, reader)


# ---- what goes out -------------------------------------------------------------------------


def test_rows_are_taken_once_and_columns_any_number_of_times(
    source: _engine.Source, entity_rows: pa.Table
) -> None:
    result = join(source, entity_rows)
    expected = pa.schema([*entity_rows.schema, pa.field("v", pa.float64())])
    assert pa.schema(result) == expected
    assert pa.table(result).schema == expected
    with pytest.raises(ValueError, match="taken already"):
        pa.table(result)
    assert pa.schema(result) == expected
    assert result.stats()["rows"] == 3


def test_rows_outlive_the_result(source: _engine.Source) -> None:
    capsule = everything(source).__arrow_c_stream__()
    reader = pa.RecordBatchReader._import_from_c_capsule(capsule)
    del capsule
    assert reader.read_all()["value"].to_pylist() == [1.5, 2.5]


def test_rows_that_nobody_takes_are_let_go(source: _engine.Source) -> None:
    everything(source)
    capsule = everything(source).__arrow_c_stream__()
    assert "arrow_array_stream" in repr(capsule)


def test_rows_come_in_their_own_types_whatever_is_requested(source: _engine.Source) -> None:
    requested = pa.schema([("value", pa.string())]).__arrow_c_schema__()
    capsule = everything(source).__arrow_c_stream__(requested)
    reader = pa.RecordBatchReader._import_from_c_capsule(capsule)
    assert reader.schema.field("value").type == pa.float64()


def test_polars_reads_answers(source: _engine.Source) -> None:
    frame = pl.DataFrame(everything(source))
    assert frame["value"].to_list() == [1.5, 2.5]


def test_schema(source: _engine.Source) -> None:
    schema = _engine.schema(source)
    for _ in range(2):
        assert pa.schema(schema) == pa.schema(
            [("key", pa.int64()), ("time", TIME), ("value", pa.float64())]
        )


def test_stats(source: _engine.Source, entity_rows: pa.Table) -> None:
    stats = join(source, entity_rows, threads=1).stats()
    assert list(stats) == [
        "rows",
        "threads",
        "peak_memory_bytes",
        "total_seconds",
        "views",
        "stages",
    ]
    assert (stats["rows"], stats["threads"]) == (3, 1)
    assert list(stats["stages"]) == ["open", "index", "scan", "settle", "gather"]
    (view,) = stats["views"]
    assert (view["name"], view["rows_matched"], view["rows_absent"]) == ("view", 2, 1)
    assert (view["files"], view["row_groups"], view["rows_scanned"]) == (1, 1, 2)


def test_build_info() -> None:
    info = _engine.build_info()
    assert set(info) == {"version", "build_type", "compiler", "arrow"}
    assert info["arrow"] == pa.cpp_version


# ---- options -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"threads": -1},
        {"threads": -(2**40)},
        {"memory_limit": -1},
        {"timeout_ms": -1},
        {"batch_rows": 0},
        {"batch_rows": -1},
        {"key_hash_bits": -1},
        {"key_hash_bits": 65},
        {"key_hash_bits": 2**32},
    ],
    ids=str,
)
def test_numbers_out_of_range_are_named(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        _engine.Options(**wrong)  # type: ignore[arg-type]


def test_large_numbers_are_no_limits(source: _engine.Source, entity_rows: pa.Table) -> None:
    longest = 2**63 - 1
    result = join(
        source,
        entity_rows,
        threads=longest,
        memory_limit=longest,
        timeout_ms=longest,
        batch_rows=longest,
    )
    assert values(result) == [2.5, None, 1.5]


def test_memory_limit(source: _engine.Source, entity_rows: pa.Table) -> None:
    with pytest.raises(MemoryError, match="memory_limit"):
        join(source, entity_rows, memory_limit=1)


# ---- errors --------------------------------------------------------------------------------


def test_missing_paths_are_no_files() -> None:
    with pytest.raises(FileNotFoundError, match=r"/none/a\.parquet") as error:
        _engine.schema(_engine.Source(["/none/a.parquet"]))
    assert error.value.errno == 2


def test_missing_columns_are_wrong_values(source: _engine.Source) -> None:
    with pytest.raises(ValueError, match=r"^'.*source': no column 'speed'"):
        _engine.latest(source, join_keys=[], columns=["speed"], event_timestamp="time")


def test_messages_are_whole_whatever_the_name(source: _engine.Source) -> None:
    with pytest.raises(ValueError, match=r"no column 'a\0b' .*there are: key, time, value"):
        _engine.latest(source, join_keys=[], columns=["a\0b"], event_timestamp="time")


def test_file_names_need_not_be_text(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with open(bytes(tmp_path / "x") + b"/\xff.parquet", "wb") as file:
        file.write(b"no Parquet at all")
    with pytest.raises(OSError, match=r"\\xff\.parquet"):
        _engine.schema(_engine.Source([str(tmp_path / "x")]))


def test_keys_that_cannot_be_compared_are_wrong_types(source: _engine.Source) -> None:
    rows = pa.table({"id": ["1"], "at": pa.array([DAY], TIME)})
    with pytest.raises(TypeError, match=r"join key .*'id' is string .*'key' is int64"):
        join(source, rows)


# ---- writes --------------------------------------------------------------------------------


def numbers(*found: int) -> pa.Table:
    return pa.table({"n": pa.array(found, pa.int64()), "half": [number % 2 for number in found]})


def read(path: Path | str) -> list[int]:
    found: list[int] = pq.read_table(path)["n"].to_pylist()
    return found


def test_append_to_directory(tmp_path: Path) -> None:
    place = str(tmp_path / "d")
    first = _engine.append_to_directory(place, numbers(1, 2))
    second = _engine.append_to_directory(
        place, numbers(3, 4, 5).to_reader(), max_rows_per_file=2, compression="zstd"
    )
    assert (first["rows"], second["rows"]) == (2, 3)
    assert [read(path) for path in second["paths"]] == [[3, 4], [5]]
    assert second["bytes"] == sum(Path(path).stat().st_size for path in second["paths"])
    assert read(place) == [1, 2, 3, 4, 5]
    assert pq.read_metadata(second["paths"][0]).row_group(0).column(0).compression == "ZSTD"


def test_append_to_partitions(tmp_path: Path) -> None:
    found = _engine.append_to_directory(
        str(tmp_path / "d"), numbers(1, 2, 3), partition_by=["half"]
    )
    folders = {Path(path).parent.name: read(path) for path in found["paths"]}
    assert folders == {"half=0": [2], "half=1": [1, 3]}


def test_append_with_a_schema(tmp_path: Path) -> None:
    place = str(tmp_path / "d")
    schema = pa.schema([("half", pa.int8()), ("n", pa.int32())])
    _engine.append_to_directory(place, numbers(1, 2), schema=schema)
    assert pq.read_table(place).schema == schema


def test_append_to_file(tmp_path: Path) -> None:
    path = str(tmp_path / "a.parquet")
    for given in (numbers(1), numbers(2, 3)):
        found = _engine.append_to_file(path, given)
    assert (found["paths"], found["rows"]) == ([path], 2)
    assert read(path) == [1, 2, 3]


@pytest.mark.parametrize("write", [_engine.write_file, _engine.write_directory])
def test_what_is_there_is_replaced_only_if_told(
    tmp_path: Path, write: Callable[..., dict[str, Any]]
) -> None:
    path = str(tmp_path / "a.parquet")
    write(path, numbers(1))
    with pytest.raises(FileExistsError, match=r"a\.parquet"):
        write(path, numbers(2))
    assert read(path) == [1]
    write(path, numbers(3), overwrite=True)
    assert read(path) == [3]


def test_write_errors_leave_nothing(tmp_path: Path) -> None:
    place = tmp_path / "d"
    append = _engine.append_to_directory
    for wrong in ({"max_rows_per_file": -1}, {"max_bytes_per_file": -1}, {"compression": "tin"}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be|tin"):
            append(str(place), numbers(1), **wrong)
    with pytest.raises(TypeError, match="rows must be Arrow data"):
        append(str(place), None)
    with pytest.raises(TypeError, match="schema must be Arrow data"):
        append(str(place), numbers(1), schema=5)
    assert not place.exists() or not list(place.iterdir())


def test_clean_leftovers_of_no_directory(tmp_path: Path) -> None:
    _engine.clean_leftovers(str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()
