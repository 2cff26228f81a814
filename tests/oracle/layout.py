# SPDX-License-Identifier: Apache-2.0
"""How rows lie in files: names, row groups, pages, encodings, and how the source is named."""

from random import Random
from typing import Any

import pyarrow as pa

from . import arrow_types

# In byte order none of these follow the order in which people would write them.
NAMES = [
    "part-9", "part-10", "part-1", "a", "B", "b", "ä", "Z", "z/1", "z/0", "a/b", "data 1", "日",
    "y2020/m1/x", "y2020/m10/x", "y2020/m2/x",
]  # fmt: skip
COMPRESSIONS = ["none", "snappy", "gzip", "zstd", "lz4", "brotli"]
STRAYS = ["_SUCCESS", ".hidden.parquet", "_tmp/part-0.parquet", ".staging/part-0.parquet"]


def file_names(rng: Random, files: int) -> list[str]:
    return [f"{name}.parquet" for name in rng.sample(NAMES, files)]


def row_counts(rng: Random, files: int) -> list[int]:
    sizes = [0, 1, 2, 3, 5, 8, 12]
    if rng.random() < 0.12:
        sizes = [63, 64, 65, 0, 30]
    return [rng.choice(sizes) for _ in range(files)]


def row_groups(rng: Random, rows: int) -> list[int]:
    """The lengths of the row groups; [] is a file without any, [0] one with an empty one."""
    if rows == 0:
        return rng.choice([[], [0], [0, 0]])
    if rng.random() < 0.4:
        return [rows]
    groups = []
    size = rng.choice([1, 2, 3, 7, 64])
    while rows > 0:
        take = min(rows, size if rng.random() < 0.8 else rng.randint(1, 5))
        groups.append(take)
        rows -= take
        if rng.random() < 0.05:
            groups.append(0)
    return groups


def write_options(rng: Random, types: dict[str, pa.DataType], keys: list[str]) -> dict[str, Any]:
    """Options of pq.ParquetWriter for a file with these columns."""
    options: dict[str, Any] = {"compression": rng.choice(COMPRESSIONS)}
    names = list(types)
    if rng.random() < 0.5:
        options["use_dictionary"] = rng.choice([False, rng.sample(names, len(names) // 2)])
    if rng.random() < 0.4:
        options["data_page_size"] = rng.choice([1, 16, 64, 1024])
        options["write_batch_size"] = rng.choice([1, 2, 8])
    if rng.random() < 0.2:
        options["max_rows_per_page"] = rng.choice([1, 2, 5])
    if rng.random() < 0.3:
        options["data_page_version"] = "2.0"
    if rng.random() < 0.3:
        options["write_statistics"] = rng.choice([False, rng.sample(names, len(names) // 2)])
    if rng.random() < 0.5:
        options["write_page_index"] = True
    if rng.random() < 0.1:
        options["write_page_checksum"] = True
    if rng.random() < 0.1:
        options["store_decimal_as_integer"] = True
    blooms = [name for name in keys if name in types and has_bloom_filter(types[name])]
    if blooms and rng.random() < 0.3:
        options["bloom_filter_options"] = {name: {"ndv": 16, "fpp": 0.05} for name in blooms}
    if options.get("use_dictionary") is False and rng.random() < 0.4:
        options["column_encoding"] = encodings(rng, types)
        if not options["column_encoding"]:
            del options["column_encoding"]
    return options


def has_bloom_filter(type_: pa.DataType) -> bool:
    wide = (pa.int32(), pa.int64(), pa.uint32(), pa.uint64())
    return type_ in wide or type_ in (pa.string(), pa.large_string(), pa.binary())


def encodings(rng: Random, types: dict[str, pa.DataType]) -> dict[str, str]:
    chosen = {}
    for name, type_ in types.items():
        if type_ in (pa.int32(), pa.int64(), pa.timestamp("us"), pa.timestamp("ns")):
            chosen[name] = rng.choice(["DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT", "PLAIN"])
        elif type_ in (pa.float32(), pa.float64()):
            chosen[name] = rng.choice(["BYTE_STREAM_SPLIT", "PLAIN"])
        elif type_ in (pa.string(), pa.binary()) or arrow_types.is_text(type_):
            chosen[name] = rng.choice(["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY", "PLAIN"])
    return chosen


def source_paths(rng: Random, folder: str, names: list[str]) -> list[str]:
    """What the engine is given to find exactly these files of the folder."""
    files = [f"{folder}/{name}" for name in names]
    rng.shuffle(files)
    flat = all("/" not in name for name in names)
    style = rng.choice(["files", "files", "folder", "glob"])
    if style == "files":
        return files
    if style == "glob" and flat:
        return [f"{folder}/*.parquet"]
    return [folder]
