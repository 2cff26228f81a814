# SPDX-License-Identifier: Apache-2.0
"""The oracle against DuckDB SQL, written from the same rules in another way."""

import duckdb
import pyarrow as pa
import pytest

from . import oracle
from .answers import oracle_view, point_in_time_winners, single_view_positions
from .case import Case, ViewCase, describe
from .cases import LATEST, POINT_IN_TIME, RANGE, make_case
from .oracle import Value

# Times are HUGEINT: the entity time less a TTL may lie beyond 64 bits of nanoseconds.
POINT_IN_TIME_SQL = """
select (select max_by(place, (event, created is not null, created, place))
        from source
        where {keys} and event <= entity.event and {ttl} and {known})
from entity order by entity.place
"""
LATEST_SQL = """
select place from source
where event is not null and {not_null} and {between}
qualify row_number() over (
  partition by {keys} order by event desc, created desc nulls last, place desc) = 1
order by place
"""


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


@pytest.mark.cases(POINT_IN_TIME, 0.05)
def test_point_in_time(seeds: list[int], database: duckdb.DuckDBPyConnection) -> None:
    for case in map(make_case, seeds):
        assert case.entity is not None
        names = list(dict.fromkeys(entity for view in case.views for _, entity in view.join_keys))
        register(database, "entity", case.entity.logical_rows(), names, case.entity.event, None)
        for index, view in enumerate(case.views):
            load_view(database, view)
            found = [row[0] for row in database.execute(join_sql(case, view)).fetchall()]
            expected = [winners[index] for winners in point_in_time_winners(case)]
            assert found == expected, told(case, f"view {view.name}: {expected}, DuckDB {found}")


@pytest.mark.cases(LATEST, 0.03)
def test_latest(seeds: list[int], database: duckdb.DuckDBPyConnection) -> None:
    for case in map(make_case, seeds):
        load_view(database, case.views[0])
        keys = [f'"{name}"' for name in case.join_keys]
        sql = LATEST_SQL.format(
            not_null=" and ".join([f"{key} is not null" for key in keys] or ["true"]),
            between=between_sql(case),
            keys=", ".join(keys) or "true",
        )
        found = [row[0] for row in database.execute(sql).fetchall()]
        expected = single_view_positions(case)
        assert found == expected, told(case, f"{expected}, DuckDB {found}")


@pytest.mark.cases(RANGE, 0.03)
def test_range(seeds: list[int], database: duckdb.DuckDBPyConnection) -> None:
    for case in map(make_case, seeds):
        load_view(database, case.views[0])
        sql = f"select place from source where {between_sql(case)} order by place"
        found = [row[0] for row in database.execute(sql).fetchall()]
        expected = single_view_positions(case)
        assert found == expected, told(case, f"{expected}, DuckDB {found}")


def told(case: Case, difference: str) -> str:
    return f"seed {case.seed}: {difference}\n{describe(case)}"


def load_view(database: duckdb.DuckDBPyConnection, view: ViewCase) -> None:
    made = oracle_view(view)
    names = [column for column, _ in view.join_keys]
    register(database, "source", made.rows, names, view.event, view.created)


def register(
    database: duckdb.DuckDBPyConnection,
    name: str,
    rows: list[oracle.Row],
    keys: list[str],
    event: str,
    created: str | None,
) -> None:
    """A table of rows: keys as text of their value, times as HUGEINT, the place of each row."""
    columns = {key: pa.array([key_text(row[key]) for row in rows], pa.string()) for key in keys}
    columns["place"] = pa.array(range(len(rows)), pa.int64())
    for column, source in (("event", event), ("created", created)):
        times = [None if source is None else row[source] for row in rows]
        texts = [None if time is None else str(time) for time in times]
        columns[column] = pa.array(texts, pa.string())
    database.register("arrow_rows", pa.table(columns))
    database.execute(
        f"create or replace table {name} as select * "
        "replace (event::hugeint as event, created::hugeint as created) from arrow_rows"
    )
    database.unregister("arrow_rows")


def key_text(value: Value) -> str | None:
    """Equal values, and only those, get equal text."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return repr(value)


def join_sql(case: Case, view: ViewCase) -> str:
    pairs = [f'source."{column}" = entity."{entity}"' for column, entity in view.join_keys]
    ttl_ns = (view.ttl_us or 0) * 1_000
    known = case.known_at and view.created is not None
    return POINT_IN_TIME_SQL.format(
        keys=" and ".join(pairs) or "true",
        ttl=f"source.event + {ttl_ns}::hugeint >= entity.event" if ttl_ns else "true",
        known="source.created <= entity.event" if known else "true",
    )


def between_sql(case: Case) -> str:
    conditions = []
    if case.start_us is not None:
        conditions.append(f"event >= {case.start_us}::hugeint * 1000")
    if case.end_us is not None:
        conditions.append(f"event <= {case.end_us}::hugeint * 1000")
    return " and ".join(conditions) or "true"
