# SPDX-License-Identifier: Apache-2.0
"""Every example of docs/semantics.md is what the engine answers, and named files are there.

An example is a fenced block marked ``example``. Lines that are not indented are options
(``ttl: 1h``) or name the table below them; tables are indented, with ``|`` between the columns.
Right of ``||`` stands what must come back.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from feature_repo import FeatureRepo

from feast_larder import _engine

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "semantics.md"
PATH = re.compile(r"[\w./]*(/|\.(cc|h|py|md|txt|toml))")
BASES = ["", "src/larder", "feast_larder", "tests"]  # what paths in the docs are relative to
DAY = "2024-05-01"  # of times that have no date
TIME = re.compile(r"(\d{4}-\d\d-\d\d )?\d\d:\d\d(:\d\d(\.\d+)?)?")
MICROSECOND = timedelta(microseconds=1)


@dataclass
class Example:
    """A block as it is written: each table's rows are lists of cells, the names first."""

    line: int
    options: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[list[str]]] = field(default_factory=dict)
    asked: str = ""
    given: list[list[str]] = field(default_factory=list)
    expected: list[list[str]] = field(default_factory=list)

    @property
    def keys(self) -> dict[str, str]:
        return _pairs(self.options.get("join keys", "driver"))


def read_examples(page: str) -> list[Example]:
    blocks = re.finditer(r"^```example\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return [_read(page.count("\n", 0, block.start()) + 1, block[1]) for block in blocks]


def _read(line: int, text: str) -> Example:
    example = Example(line)
    table = ""
    for row in text.splitlines():
        if row.startswith(" "):
            left, _, right = row.strip().partition("||")
            cells, answer = _cells(left), _cells(right)
            if table.endswith(".parquet"):
                example.files.setdefault(table, []).append(cells)
            elif table == "entity rows":
                example.given.append(cells)
                example.expected.append(answer)
            else:
                example.expected.append(cells)
        elif row.startswith("alias "):
            name, keys = row.removeprefix("alias ").split(": ")
            example.aliases[name] = keys
        elif ": " in row:
            name, value = row.split(": ", 1)
            example.options[name] = value
        else:
            table = "source.parquet" if row == "source" else row
            if not table.endswith(".parquet"):
                example.asked = table
    return example


def _cells(text: str) -> list[str]:
    return [cell.strip() for cell in text.split("|")] if text.strip() else []


def _pairs(text: str) -> dict[str, str]:
    """Read "a, b = c" as {"a": "a", "b": "c"}: columns of the source by those of the entities."""
    if text == "none":
        return {}
    pairs = [part.split(" = ") for part in text.split(", ")]
    return {pair[0]: pair[-1] for pair in pairs}


def _table(rows: list[list[str]]) -> tuple[pa.Table, set[str]]:
    """A table, and which of its columns say their type."""
    names, columns, typed = [], [], set()
    for index, header in enumerate(rows[0]):
        name, _, declared = header.partition(" ")
        names.append(name)
        columns.append(_column([row[index] for row in rows[1:]], declared))
        if declared:
            typed.add(name)
    return pa.table(dict(zip(names, columns, strict=True))), typed


def _column(cells: list[str], declared: str) -> pa.Array:
    values = [None if cell == "null" else cell for cell in cells]
    known = [value for value in values if value is not None]
    if known and declared != "string" and all(TIME.fullmatch(value) for value in known):
        values = [value and (value if "-" in value else f"{DAY} {value}") for value in values]
        return _times(values, declared or "timestamp[us, UTC]")
    if declared:
        return pa.array(values, pa.string()).cast(_type(declared))
    for data_type in (pa.int64(), pa.float64(), pa.bool_()):
        try:
            return pa.array(values, pa.string()).cast(data_type)
        except pa.ArrowInvalid:
            continue
    return pa.array(values, pa.string())


def _times(values: list[str | None], declared: str) -> pa.Array:
    """Times of a zone are written as its clocks show them."""
    unit, zone = re.fullmatch(r"timestamp\[(\w+)(?:, (.+))?\]", declared).groups()
    naive = pa.array(values, pa.string()).cast(pa.timestamp(unit))
    return pc.assume_timezone(naive, zone) if zone else naive


def _type(declared: str) -> pa.DataType:
    return pa.type_for_alias(declared)


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    return datetime.fromisoformat(text if "-" in text else f"{DAY} {text}").replace(tzinfo=UTC)


def _microseconds(text: str | None) -> int | None:
    instant = _instant(text)
    return instant and (instant - datetime(1970, 1, 1, tzinfo=UTC)) // MICROSECOND


def _ttl(example: Example) -> timedelta | None:
    match = re.fullmatch(r"(\d+)(h|min)", example.options.get("ttl", ""))
    if match is None:
        return None
    return timedelta(hours=int(match[1])) if match[2] == "h" else timedelta(minutes=int(match[1]))


class Asker:
    """Asks the engine what an example asks."""

    def __init__(self, example: Example, folder: Path) -> None:
        self.example = example
        self.folder = folder
        for path, rows in example.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(_table(rows)[0], folder / path)
        self.source = _engine.Source([str(folder)])
        self.columns = pa.schema(_engine.schema(self.source)).names if example.files else []
        self.created = "created" if "created" in self.columns else None
        self.features = [
            name for name in self.columns if name not in {*example.keys, "time", "created"}
        ]

    def ask(self) -> tuple[pa.Table, list[dict[str, Any]]]:
        if self.example.asked == "entity rows":
            return self._join()
        if self.example.asked == "without entity rows":
            return self._without_entity_rows(), []
        start = _microseconds(self.example.options.get("from"))
        end = _microseconds(self.example.options.get("to"))
        bounds: dict[str, Any] = {"event_timestamp": "time", "start_us": start, "end_us": end}
        if self.example.asked == "range":
            return pa.table(_engine.range(self.source, columns=None, **bounds)), []
        keys = list(self.example.keys)
        bounds |= {"columns": self.columns, "created_timestamp": self.created}
        return pa.table(_engine.latest(self.source, join_keys=keys, **bounds)), []

    def _join(self) -> tuple[pa.Table, list[dict[str, Any]]]:
        views = [self._view("view", self.example.keys, "")]
        if self.example.aliases:
            views = [
                self._view(name, _pairs(keys), f"{name}__")
                for name, keys in self.example.aliases.items()
            ]
        result = _engine.point_in_time(
            _table(self.example.given)[0],
            "time",
            views,
            filter_by_created_timestamp=self._is_on("filter_by_created_timestamp"),
            options=_engine.Options(diagnose_nulls=self._is_on("diagnose_nulls")),
        )
        return pa.table(result), result.stats()["views"]

    def _view(self, name: str, keys: dict[str, str], prefix: str) -> _engine.FeatureView:
        ttl = _ttl(self.example)
        return _engine.FeatureView(
            name,
            self.source,
            [_engine.JoinKey(*pair) for pair in keys.items()],
            "time",
            [_engine.Feature(n, prefix + n) for n in self.features if n not in keys],
            self.created,
            None if ttl is None else ttl // MICROSECOND,
        )

    def _without_entity_rows(self) -> pa.Table:
        mode = self.example.options.get("entityless_mode", "all_rows")
        repo = FeatureRepo(self.folder / "repo", {"entityless_mode": mode})
        options = {"timestamp_field": "time", "ttl": _ttl(self.example)}
        files = str(self.folder / "source.parquet")
        repo.add_view(files, keys=list(self.example.keys), features=self.features, **options)
        return repo.join(
            None,
            [f"stats:{name}" for name in self.features],
            start_date=_instant(self.example.options["from"]),
            end_date=_instant(self.example.options["to"]),
        )

    def _is_on(self, option: str) -> bool:
        return self.example.options.get(option) == "true"


EXAMPLES = read_examples(PAGE.read_text())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"line-{example.line}")
def test_example(example: Example, tmp_path: Path) -> None:
    if "error" in example.options:
        name, message = example.options["error"].split(": ", 1)
        with pytest.raises((TypeError, ValueError)) as raised:
            Asker(example, tmp_path).ask()
        assert type(raised.value).__name__ == name
        shown = str(raised.value).replace(f"{tmp_path}/", "").replace(str(tmp_path), "source")
        assert shown == message
        return
    answer, stats = Asker(example, tmp_path).ask()
    expected, typed = _table(example.expected)
    if example.given:
        given, _ = _table(example.given)
        assert answer.select(given.column_names).equals(given)
        answer = answer.drop_columns(given.column_names)
    assert answer.to_pydict() == expected.to_pydict()
    for name in typed:
        assert answer.schema.field(name).type == expected.schema.field(name).type
    if "stats" in example.options:
        counts = (f"{what} {stats[0]['rows_' + what]}" for what in ("matched", "expired", "absent"))
        assert ", ".join(counts) == example.options["stats"]


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) > 20
    assert all(example.asked and len(example.expected) > 1 for example in EXAMPLES)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_files_that_the_docs_name_exist(page: str) -> None:
    text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    named = [path for path in re.findall(r"`([\w./]+)`", text) if PATH.fullmatch(path)]
    assert named
    assert [path for path in named if not any((ROOT / b / path).exists() for b in BASES)] == []
