# SPDX-License-Identifier: Apache-2.0
"""What is measured: each case is a data set and one request on it."""

from dataclasses import dataclass, field, replace
from enum import Enum

EVENT_TIMESTAMP = "event_timestamp"
ROW_ID = "row_id"  # numbers the entity rows, so that answers in any order can be compared


class Operation(Enum):
    JOIN = "join"  # the features of each entity row at its time
    LATEST = "latest"  # the newest row of each key within a time range
    RANGE = "range"  # every row within a time range


class Keys(Enum):
    INTEGER = "integer"
    STRING = "string"
    COMPOSITE = "composite"  # an integer and a string

    @property
    def columns(self) -> list[str]:
        return {
            Keys.INTEGER: ["user_id"],
            Keys.STRING: ["user"],
            Keys.COMPOSITE: ["account_id", "device"],
        }[self]


@dataclass(frozen=True)
class Data:
    """One source: rows in time order, cut into files of consecutive times.

    Keys are drawn at random for each row, event times at random over ``days``; features are
    random float32 values.
    """

    rows: int = 10_000_000
    keys: int = 200_000  # distinct ones
    key_type: Keys = Keys.INTEGER
    features: int = 20
    days: int = 90
    sorted_by_key: bool = False  # the rows within each file
    seed: int = 7

    @property
    def files(self) -> int:
        """Nine up to ten million rows, then as many rows in a file as there."""
        return max(9, self.rows * 9 // 10_000_000)

    @property
    def directory(self) -> str:
        order = "key" if self.sorted_by_key else "time"
        return (
            f"{self.rows}x{self.features}-{self.keys}{self.key_type.value}"
            f"-{self.days}d-by{order}-{self.seed}"
        )


@dataclass(frozen=True)
class Case:
    name: str
    what: str
    operation: Operation = Operation.JOIN
    data: Data = field(default_factory=Data)
    views: int = 1  # each on data of its own, of the same shape
    features: int = 20  # requested of each view
    entity_rows: int = 1_000_000
    window_days: float = 90  # the last of the data's days, in which entity times or ranges lie
    ttl_days: int | None = 30

    def sources(self) -> list[Data]:
        """The data of each view."""
        return [replace(self.data, seed=self.data.seed + view) for view in range(self.views)]

    def feature_columns(self) -> list[str]:
        """The requested columns, named alike in every view's files."""
        return [f"f{number:02}" for number in range(self.features)]

    def output_name(self, view: int, column: str) -> str:
        """What a joined view's column is called in the answer: as Feast's full feature names."""
        return f"{view_name(view)}__{column}"


def view_name(number: int) -> str:
    return f"view{number:02}"


_CASES = [
    Case("wide", "all features of a history, TTL 30 days"),
    Case("few", "few entity rows on a long history, no TTL", entity_rows=1000, ttl_days=None),
    Case(
        "few_sorted",
        "few entity rows on files sorted by key, no TTL",
        data=Data(sorted_by_key=True),
        entity_rows=1000,
        ttl_days=None,
    ),
    Case(
        "recent",
        "entity rows of the last 2 of 90 days, TTL 1 day",
        entity_rows=100_000,
        window_days=2,
        ttl_days=1,
    ),
    Case(
        "dense",
        "thousands of rows of each key, no TTL",
        data=Data(rows=8_000_000, keys=4_000),
        entity_rows=400_000,
        features=5,
        ttl_days=None,
    ),
    Case("strings", "string keys", data=Data(key_type=Keys.STRING), features=5),
    Case("composite", "keys of two columns", data=Data(key_type=Keys.COMPOSITE), features=5),
    Case(
        "views",
        "20 views, 3 features of each",
        data=Data(rows=500_000, keys=50_000, features=5),
        views=20,
        features=3,
        entity_rows=100_000,
    ),
    Case("latest_many", "newest row of each of many keys", Operation.LATEST),
    Case(
        "latest_few",
        "newest row of each of few keys",
        Operation.LATEST,
        data=Data(keys=1000),
    ),
    Case(
        "materialize",
        "newest row of each key in the last day, as materialize reads it",
        Operation.LATEST,
        window_days=1,
    ),
    Case(
        "range", "every row of the last 30 of 90 days", Operation.RANGE, features=5, window_days=30
    ),
]
CASES = {case.name: case for case in _CASES}


def tiny(case: Case) -> Case:
    """A case of the same shape, small enough to warm up a process with."""
    data = replace(case.data, rows=9_000, keys=100)
    return replace(case, data=data, entity_rows=100)


def resized(case: Case, rows: int | None, entity_rows: int | None) -> Case:
    """The case with another number of source rows (of each view) or of entity rows."""
    data = replace(case.data, rows=rows) if rows else case.data
    return replace(case, data=data, entity_rows=entity_rows or case.entity_rows)
