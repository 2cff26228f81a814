# SPDX-License-Identifier: Apache-2.0
"""Random feature views: keys and times near those of the entity rows, features of any type."""

from dataclasses import dataclass
from random import Random
from urllib.parse import quote

import pyarrow as pa

from . import features, layout
from .case import Column, File, Source, ViewCase
from .clock import Clock, mixable_time_types, random_ttl_us
from .keys import KeyClass, mixable_types
from .oracle import Row, Value
from .times import DAY, TimeType, iso_day

# Hive folder values are whole numbers or text.
PARTITION_INTEGER = pa.int64()
PARTITION_TEXT = pa.string()
EVENT_DAY = "event_day"
NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Shape:
    """What a view may look like. `plain`: files of one schema without partitions, so that rows
    may move between them; `ties`: rows with the same key, event and created time."""

    plain: bool = False
    ties: bool = True


@dataclass(frozen=True)
class EntityKey:
    """An entity column that views may join on; `used` are the values its rows hold."""

    name: str
    key_class: KeyClass
    type: pa.DataType
    used: list[Value]


@dataclass(frozen=True)
class Surroundings:
    """What a view is made to meet: the clock, the entity keys and the entity times."""

    clock: Clock
    entity_keys: list[EntityKey]
    entity_times: list[int]


@dataclass
class Draft:
    """A view in the making; columns by name, with one type for each file."""

    rng: Random
    near: Surroundings
    row_counts: list[int]
    join_keys: list[tuple[str, str]]
    key_classes: dict[str, EntityKey]
    key_types: dict[str, list[pa.DataType]]
    event_types: list[TimeType]
    created_types: list[TimeType] | None
    ttl_us: int | None
    partitions: list[dict[str, Value]]  # logical hive values of each file
    event: str = "event_timestamp"
    created: str = "created"


def make_view(rng: Random, name: str, near: Surroundings, shape: Shape) -> ViewCase:
    draft = make_draft(rng, near, shape)
    rows = [logical_rows(draft, index) for index in range(len(draft.row_counts))]
    if shape.ties:
        copy_some_rows(draft, rows)
    else:
        rows = without_ties(draft, rows)
    columns = [time_and_key_columns(draft, index, rows[index]) for index in range(len(rows))]
    feature_names = add_features(draft, columns, shape)
    source = make_source(draft, name, columns, shape)
    asked = [(column, f"{name}__{column}") for column in feature_names]
    return ViewCase(
        name,
        source,
        draft.join_keys,
        draft.event,
        draft.created if draft.created_types else None,
        draft.ttl_us,
        asked,
    )


def make_draft(rng: Random, near: Surroundings, shape: Shape) -> Draft:
    files = rng.choice([1, 1, 1, 2, 2, 3, 4])
    clock = near.clock
    count = min(len(near.entity_keys), rng.choice([0, 1, 1, 1, 1, 2, 2, 3]))
    used = rng.sample(near.entity_keys, count)
    join_keys, classes, types = [], {}, {}
    for key in used:
        column = key.name if rng.random() < 0.6 else f"{key.name}_src"
        join_keys.append((column, key.name))
        classes[column] = key
        types[column] = mixable_types(rng, key.key_class.types, 1 if shape.plain else files)
    event_types = mixable_time_types(rng, clock, 1 if shape.plain else files)
    created_types = None
    if rng.random() < 0.7:
        created_types = mixable_time_types(rng, clock, 1 if shape.plain else files)
    if shape.plain:
        types = {column: same * files for column, same in types.items()}
        event_types = event_types * files
        created_types = created_types * files if created_types else None
    draft = Draft(
        rng,
        near,
        layout.row_counts(rng, files),
        join_keys,
        classes,
        types,
        event_types,
        created_types,
        random_ttl_us(rng, clock),
        [{} for _ in range(files)],
    )
    if not shape.plain and rng.random() < 0.15:
        add_partitions(draft)
    return draft


def add_partitions(draft: Draft) -> None:
    """Turns a join key or the event time into hive folders, or adds a folder as a feature."""
    rng = draft.rng
    keys = [column for column, key in draft.key_classes.items() if folder_values(key.key_class)]
    for role in rng.sample(["key", "event", "feature"], rng.choice([1, 1, 2])):
        if role == "key" and keys:
            column = rng.choice(keys)
            values = folder_values(draft.key_classes[column].key_class)
        elif role == "event":
            column = EVENT_DAY
            values = near_days(draft)
            draft.event = column
        else:
            column = "region"
            values = rng.choice([[1, 2, -3], ["eu", "us east", "ä/b=c%"]])
        drawn = [rng.choice(values) for _ in draft.partitions]
        for partition, value in zip(draft.partitions, drawn, strict=True):
            partition[column] = value
        if rng.random() < 0.2 and len(drawn) > 1:
            rng.choice(draft.partitions[1:])[column] = None


def folder_values(key_class: KeyClass) -> list[Value]:
    """The values of the class that a folder name can hold and that read back as they were."""
    if key_class.name == "integer":
        whole = [value for value in key_class.values if key_class.holds(pa.int32(), value)]
        return [int(value) for value in whole]
    if key_class.name == "string":
        return [v for v in key_class.values if v.strip("0123456789") and "\0" not in v]
    return []


def near_days(draft: Draft) -> list[int]:
    rng, near = draft.rng, draft.near
    times = near.entity_times or [near.clock.base]
    day = TimeType(pa.date32(), DAY)
    return [day.floor(rng.choice(times)) + rng.choice([0, 0, -DAY, DAY]) for _ in range(3)]


def logical_rows(draft: Draft, index: int) -> list[Row]:
    """Keys and times of one file's rows, each as that file's types can hold it."""
    rows = []
    for _ in range(draft.row_counts[index]):
        row: Row = {}
        for column, key in draft.key_classes.items():
            row[column] = random_key(draft.rng, key, draft.key_types[column][index])
        row[draft.event] = random_event(draft, index)
        if draft.created_types:
            row[draft.created] = random_created(draft, index, row[draft.event])
        row.update(draft.partitions[index])
        rows.append(row)
    return rows


def random_key(rng: Random, key: EntityKey, type_: pa.DataType) -> Value:
    """Mostly a value that entity rows hold, sometimes another of the class, sometimes null."""
    if rng.random() < 0.08:
        return None
    pool = key.used if key.used and rng.random() < 0.85 else key.key_class.values
    fitting = [value for value in pool if key.key_class.holds(type_, value)]
    return rng.choice(fitting) if fitting else None


def random_event(draft: Draft, index: int) -> int | None:
    """An event time: at the edges of the window of an entity row, or anywhere near."""
    rng, near = draft.rng, draft.near
    time_type = draft.event_types[index]
    kind = rng.random()
    if kind < 0.06:
        return None
    nudge = rng.choice([0, 0, 1, -1, time_type.unit_ns, -time_type.unit_ns])
    if kind < 0.3 and near.entity_times:
        time = rng.choice(near.entity_times) + nudge
    elif kind < 0.6 and near.entity_times and draft.ttl_us:
        time = rng.choice(near.entity_times) - draft.ttl_us * 1_000 + nudge
    else:
        time = near.clock.moment(rng)
    return near.clock.fit(time_type, time, draft.event_types)


def random_created(draft: Draft, index: int, event: int | None) -> int | None:
    """A created time: at the known-at edge of an entity row, about the event, or of a few."""
    assert draft.created_types is not None
    rng, near = draft.rng, draft.near
    time_type = draft.created_types[index]
    kind = rng.random()
    if kind < 0.12:
        return None
    nudge = rng.choice([0, 0, 1, -1, time_type.unit_ns, -time_type.unit_ns, near.clock.coarse])
    if kind < 0.35 and near.entity_times:
        time = rng.choice(near.entity_times) + nudge
    elif kind < 0.6 and event is not None:
        time = event + nudge
    elif kind < 0.8:
        time = near.clock.base + rng.choice([0, near.clock.coarse])
    else:
        time = near.clock.moment(rng)
    return near.clock.fit(time_type, time, draft.created_types)


def copy_some_rows(draft: Draft, rows: list[list[Row]]) -> None:
    """Makes ties: rows take over the key and the event time, at times all, of other rows."""
    rng = draft.rng
    everything = [row for file in rows for row in file]
    share = rng.choice([0.0, 0.2, 0.5])
    for index, file in enumerate(rows):
        for row in file:
            if rng.random() < share:
                other = rng.choice(everything)
                names = [*draft.key_classes, draft.event]
                if rng.random() < 0.5 and draft.created_types:
                    names.append(draft.created)
                wanted = {name: other[name] for name in names}
                if all(file_holds(draft, index, name, v) for name, v in wanted.items()):
                    row.update(wanted)


def file_holds(draft: Draft, index: int, name: str, value: Value) -> bool:
    if name in draft.partitions[index]:
        return bool(draft.partitions[index][name] == value)
    if value is None:
        return True
    if name == draft.event:
        return draft.event_types[index].holds(value)
    if name == draft.created and draft.created_types:
        return draft.created_types[index].holds(value)
    return draft.key_classes[name].key_class.holds(draft.key_types[name][index], value)


def without_ties(draft: Draft, rows: list[list[Row]]) -> list[list[Row]]:
    """Drops rows that only their place could tell from another."""
    seen: set[tuple[Value, ...]] = set()
    kept: list[list[Row]] = []
    for file in rows:
        kept.append([])
        for row in file:
            identity = tuple(row.values())
            if identity not in seen:
                seen.add(identity)
                kept[-1].append(row)
    draft.row_counts = [len(file) for file in kept]
    return kept


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


def folder_text(column: str, value: Value) -> str | None:
    if value is None:
        return None
    return iso_day(value) if column == EVENT_DAY else str(value)


def folder_type(draft: Draft, column: str) -> pa.DataType:
    whole = column != EVENT_DAY and isinstance(draft.partitions[0][column], int)
    return PARTITION_INTEGER if whole else PARTITION_TEXT


def fits_int96(files: list[File]) -> bool:
    """Whether every timestamp fits the 64 bits of nanoseconds that readers make of INT96."""
    for column in (column for file in files for column in file.columns):
        if pa.types.is_timestamp(column.type):
            if any(time is not None and abs(time) >= 2**62 for time in column.logical):
                return False
        elif "timestamp" in str(column.type):
            return False
    return True
