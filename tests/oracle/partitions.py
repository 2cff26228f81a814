# SPDX-License-Identifier: Apache-2.0
"""Hive folders: a join key, the event day or a feature as the name of a folder."""

import pyarrow as pa

from .draft import Draft
from .keys import KeyClass
from .oracle import Value
from .times import DAY, TimeType, iso_day

# Hive folder values are whole numbers or text.
PARTITION_INTEGER = pa.int64()
PARTITION_TEXT = pa.string()
EVENT_DAY = "event_day"
NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"


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


def folder_text(column: str, value: Value) -> str | None:
    if value is None:
        return None
    return iso_day(value) if column == EVENT_DAY else str(value)


def folder_type(draft: Draft, column: str) -> pa.DataType:
    whole = column != EVENT_DAY and isinstance(draft.partitions[0][column], int)
    return PARTITION_INTEGER if whole else PARTITION_TEXT
