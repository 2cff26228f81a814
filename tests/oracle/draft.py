# SPDX-License-Identifier: Apache-2.0
"""A feature view in the making: which keys, times and files it has, not yet its rows."""

from dataclasses import dataclass
from random import Random

import pyarrow as pa

from . import layout
from .clock import Clock, mixable_time_types, random_ttl_us
from .keys import KeyClass, mixable_types
from .oracle import Value
from .times import TimeType


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
    return Draft(
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
