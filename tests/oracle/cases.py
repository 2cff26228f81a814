# SPDX-License-Identifier: Apache-2.0
"""One integer, one case: the seed decides everything, its last digit the kind of case."""

from random import Random
from typing import Any

import pyarrow as pa

from . import features, keys, layout
from .case import Case, Column, EntityRows, ViewCase
from .clock import random_clock
from .draft import EntityKey, Shape, Surroundings
from .partitions import EVENT_DAY
from .views import make_view

POINT_IN_TIME, LATEST, RANGE, PLAIN = range(4)
KINDS = {POINT_IN_TIME: "point_in_time", LATEST: "latest", RANGE: "range", PLAIN: "plain"}


def seed_of(base_seed: int, kind: int, number: int) -> int:
    return (base_seed + number) * 10 + kind


def kind_of(seed: int) -> int:
    return seed % 10


def make_case(seed: int) -> Case:
    """The case of this seed. A plain case is a point-in-time request over files of one schema
    without exact ties, for tests that move its rows about."""
    rng = Random(seed)
    kind = kind_of(seed)
    if kind == POINT_IN_TIME:
        return point_in_time_case(rng, seed, Shape())
    if kind == PLAIN:
        return point_in_time_case(rng, seed, Shape(plain=True, ties=False))
    if kind in (LATEST, RANGE):
        return single_view_case(rng, seed, KINDS[kind])
    raise ValueError(f"no kind of case has seeds that end in {kind}")


def point_in_time_case(rng: Random, seed: int, shape: Shape) -> Case:
    clock = random_clock(rng)
    entity_type = clock.time_type(rng)
    rows = rng.choice([0, 1, 2, 3, 5, 8, 12]) if rng.random() < 0.9 else rng.choice([63, 64, 65])
    entity_keys = random_entity_keys(rng)
    times: list[int | None] = []
    for _ in range(rows):
        null = rng.random() < 0.08
        times.append(None if null else clock.fit(entity_type, clock.moment(rng)))
    key_values = {
        key.name: [None if rng.random() < 0.08 else rng.choice(key.used) for _ in range(rows)]
        for key in entity_keys
    }
    duplicate_some_rows(rng, times, key_values)
    columns = entity_key_columns(entity_keys, key_values)
    values = [entity_type.write(rng, time) for time in times]
    columns.append(Column("event_timestamp", entity_type.type, values, list(times)))
    columns += passengers(rng, rows)
    rng.shuffle(columns)
    near = Surroundings(clock, entity_keys, [time for time in times if time is not None])
    views = [make_view(rng, f"v{i}", near, shape) for i in range(rng.choice([1, 1, 1, 2, 2, 3]))]
    padding = rng.choice([0, 0, 1, 3, 9])
    chunks = layout.row_groups(rng, rows)
    entity = EntityRows(columns, "event_timestamp", rows, chunks, padding, rng.random() < 0.3)
    return Case(seed, "point_in_time", views, entity, known_at=rng.random() < 0.4)


def random_entity_keys(rng: Random) -> list[EntityKey]:
    found = []
    count = rng.choice([0, 1, 1, 1, 2, 2, 3])
    for number, key_class in enumerate(keys.random_classes(rng, count)):
        pool = [*key_class.types, *key_class.entity_only]
        type_ = rng.choice(pool)
        used = [value for value in key_class.values if key_class.holds(type_, value)]
        if not used:
            used, type_ = list(key_class.values), widest(key_class)
            used = [value for value in used if key_class.holds(type_, value)]
        found.append(EntityKey(f"k{number}", key_class, type_, used[: rng.choice([1, 2, 4])]))
    return found


def widest(key_class: keys.KeyClass) -> pa.DataType:
    """A type of the class that can hold most of its values."""

    def held(type_: pa.DataType) -> int:
        return sum(key_class.holds(type_, value) for value in key_class.values)

    return max([*key_class.types, *key_class.entity_only], key=held)


def duplicate_some_rows(
    rng: Random, times: list[int | None], key_values: dict[str, list[Any]]
) -> None:
    for row in range(1, len(times)):
        if rng.random() < 0.15:
            other = rng.randrange(row)
            for values in (times, *key_values.values()):
                values[row] = values[other]


def entity_key_columns(
    entity_keys: list[EntityKey], key_values: dict[str, list[Any]]
) -> list[Column]:
    columns = []
    for key in entity_keys:
        logical = key_values[key.name]
        values = [key.key_class.write(key.type, value) for value in logical]
        columns.append(Column(key.name, key.type, values, logical))
    return columns


def passengers(rng: Random, rows: int) -> list[Column]:
    """Columns that the entity rows only carry through, as inputs of on-demand views do."""
    columns = []
    for number in range(rng.choice([0, 0, 1, 2])):
        type_ = rng.choice(features.ALL_TYPES)
        columns.append(Column(f"label{number}", type_, features.random_values(rng, type_, rows)))
    return columns


def single_view_case(rng: Random, seed: int, kind: str) -> Case:
    """A request for the latest rows or the rows of a range of one source."""
    clock = random_clock(rng)
    time_type = clock.time_type(rng)
    times = [clock.fit(time_type, clock.moment(rng)) for _ in range(4)]
    near = Surroundings(clock, random_entity_keys(rng), times)
    view = make_view(rng, "v0", near, Shape())
    start_us, end_us = random_bounds(rng, times)
    case = Case(seed, kind, [view], start_us=start_us, end_us=end_us)
    case.columns = random_columns(rng, view)
    if kind == "latest":
        case.join_keys = [column for column, _ in view.join_keys]
        rng.shuffle(case.join_keys)
    elif rng.random() < 0.2 and all(map(view.source.has_one_zone, view.source.names())):
        case.columns = None
    return case


def random_bounds(rng: Random, times: list[int]) -> tuple[int | None, int | None]:
    """Bounds in microseconds on, or one off, the times around which the events lie."""
    bounds = [time // 1_000 + rng.choice([0, 0, 1, -1]) for time in rng.sample(times, 2)]
    start, end = sorted(max(-(2**63), min(2**63 - 1, bound)) for bound in bounds)
    kind = rng.random()
    if kind < 0.2:
        return None, None
    if kind < 0.4:
        return start, None
    return (None, end) if kind < 0.6 else (start, end)


def random_columns(rng: Random, view: ViewCase) -> list[str]:
    source = view.source
    names = [name for name in source.names() if name != EVENT_DAY and source.has_one_zone(name)]
    return rng.sample(names, rng.randint(1, len(names))) if names else names
