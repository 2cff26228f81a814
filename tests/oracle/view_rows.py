# SPDX-License-Identifier: Apache-2.0
"""Keys and times of the rows of a view, at the edges that the rules of the join draw."""

from random import Random

import pyarrow as pa

from .draft import Draft, EntityKey
from .oracle import Row, Value


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
