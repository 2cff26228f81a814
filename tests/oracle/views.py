# SPDX-License-Identifier: Apache-2.0
"""Random feature views: keys and times near those of the entity rows, features of any type."""

from random import Random
from urllib.parse import quote

import pyarrow as pa

from . import features, layout
from .case import Column, File, Source, ViewCase
from .draft import Draft, Shape, Surroundings, make_draft
from .oracle import Row
from .partitions import NULL_FOLDER, add_partitions, folder_text, folder_type
from .view_rows import copy_some_rows, logical_rows, without_ties


def make_view(rng: Random, name: str, near: Surroundings, shape: Shape) -> ViewCase:
    draft = make_draft(rng, near, shape)
    if not shape.plain and rng.random() < 0.15:
        add_partitions(draft)
    rows = [logical_rows(draft, index) for index in range(len(draft.row_counts))]
    if shape.ties:
        copy_some_rows(draft, rows)
    else:
        rows = without_ties(draft, rows)
    columns = [time_and_key_columns(draft, index, rows[index]) for index in range(len(rows))]
    feature_names = add_features(draft, columns, shape)
    source = make_source(draft, name, columns, shape)
    shown = [column for column in feature_names if source.has_one_zone(column)]
    asked = [(column, f"{name}__{column}") for column in shown]
    return ViewCase(
        name,
        source,
        draft.join_keys,
        draft.event,
        draft.created if draft.created_types else None,
        draft.ttl_us,
        asked,
    )


def time_and_key_columns(draft: Draft, index: int, rows: list[Row]) -> list[Column]:
    rng = draft.rng
    columns = []
    for name, key in draft.key_classes.items():
        type_ = draft.key_types[name][index]
        logical = [row[name] for row in rows]
        values = [key.key_class.write(type_, value) for value in logical]
        columns.append(Column(name, type_, values, logical))
    times = [(draft.event, draft.event_types[index])]
    if draft.created_types:
        times.append((draft.created, draft.created_types[index]))
    for name, time_type in times:
        logical = [row[name] for row in rows]
        values = [time_type.write(rng, time) for time in logical]
        columns.append(Column(name, time_type.type, values, logical))
    return [column for column in columns if column.name not in draft.partitions[index]]


def add_features(draft: Draft, columns: list[list[Column]], shape: Shape) -> list[str]:
    """Adds feature columns to the files; returns the names of those that are asked for."""
    rng = draft.rng
    names = []
    for number in range(rng.choice([1, 1, 2, 3, 4])):
        name = f"f{number}"
        types = features.random_types(rng, len(columns), may_differ=not shape.plain)
        missing = rng.randrange(len(columns)) if len(columns) > 1 else None
        if shape.plain or rng.random() < 0.8:
            missing = None
        for index, (file, type_) in enumerate(zip(columns, types, strict=True)):
            if index != missing:
                values = features.random_values(rng, type_, draft.row_counts[index])
                file.append(Column(name, type_, values))
        names.append(name)
    if len(names) > 1 and rng.random() < 0.3:
        names.pop()  # a column that nobody asks for
    if "region" in draft.partitions[0]:
        names.append("region")
    carried = [column for column in columns[0] if not column.name.startswith("f")]
    if carried and rng.random() < 0.15:
        names.append(rng.choice(carried).name)  # a key or a time is a feature as well
    if not shape.plain and draft.created_types and len(columns) > 1 and rng.random() < 0.06:
        drop_created(draft, columns)
    for file in columns:
        rng.shuffle(file)
    return names


def drop_created(draft: Draft, columns: list[list[Column]]) -> None:
    """Lets one file be older than the created column: its rows have none."""
    index = draft.rng.randrange(len(columns))
    columns[index][:] = [column for column in columns[index] if column.name != draft.created]


def make_source(draft: Draft, folder: str, columns: list[list[Column]], shape: Shape) -> Source:
    rng = draft.rng
    hive = bool(draft.partitions[0])
    names = layout.file_names(rng, len(columns))
    files = []
    for name, own, rows, partition in zip(
        names, columns, draft.row_counts, draft.partitions, strict=True
    ):
        types = {column.name: column.type for column in own}
        options = layout.write_options(rng, types, list(draft.key_classes))
        texts = {key: folder_text(key, value) for key, value in partition.items()}
        path = "/".join(
            [folder]
            + [f"{key}={NULL_FOLDER if t is None else quote(t, '')}" for key, t in texts.items()]
            + [name]
        )
        groups = layout.row_groups(rng, rows)
        files.append(File(path, own, rows, groups, options, texts, dict(partition)))
    paths = [folder] if hive else layout.source_paths(rng, folder, names)
    int96 = not shape.plain and rng.random() < 0.05 and fits_int96(files)
    if int96:  # has no delta encoding
        for file in files:
            file.options.pop("column_encoding", None)
    return Source(
        files,
        paths,
        store_schema=rng.random() < 0.85,
        int96=int96,
        partition_types={key: folder_type(draft, key) for key in draft.partitions[0]},
        stray_files=[f"{folder}/{s}" for s in layout.STRAYS]
        if paths == [folder] and rng.random() < 0.2
        else [],
    )


def fits_int96(files: list[File]) -> bool:
    """Whether every timestamp fits the 64 bits of nanoseconds that readers make of INT96."""
    for column in (column for file in files for column in file.columns):
        if pa.types.is_timestamp(column.type):
            if any(time is not None and abs(time) >= 2**62 for time in column.logical):
                return False
        elif "timestamp" in str(column.type):
            return False
    return True
