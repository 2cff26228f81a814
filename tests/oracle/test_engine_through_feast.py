# SPDX-License-Identifier: Apache-2.0
"""The same point-in-time cases through Feast's FeatureStore, as a user asks them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource
from feast.types import String
from feast.value_type import ValueType

from .answers import expected_table
from .case import Case, Column, ViewCase, describe
from .cases import POINT_IN_TIME, make_case
from .check import scratch_folder
from .compare import first_difference
from .engine import is_limit
from .files import entity_table, write_case

# What Feast's registry, which keeps a TTL as a protobuf Duration, can hold.
MAX_TTL_US = 10_000 * 365 * 86_400 * 1_000_000


@pytest.fixture(scope="module")
def store() -> Iterator[FeatureStore]:
    settings = {
        "project": "oracle",
        "provider": "local",
        "registry": "registry.db",
        "online_store": {"type": "sqlite", "path": "online.db"},
        "offline_store": {"type": "feast_larder.LarderOfflineStore", "threads": 2},
        "entity_key_serialization_version": 3,
    }
    with scratch_folder("store") as root:
        (root / "feature_store.yaml").write_text(yaml.safe_dump(settings))
        yield FeatureStore(repo_path=str(root))


@pytest.mark.cases(POINT_IN_TIME, 0.05)
def test_point_in_time(seeds: list[int], store: FeatureStore) -> None:
    for case in map(make_case, seeds):
        if not is_possible_in_feast(case):
            continue
        with scratch_folder(f"feast-{case.seed}") as root:
            write_case(case, root)
            try:
                actual = retrieve(case, root, store)
            except ValueError as error:
                if is_limit(error):
                    continue
                raise
        difference = first_difference(actual, as_returned(expected_table(case)))
        assert difference is None, f"seed {case.seed}: {difference}\n{describe(case)}"


@pytest.mark.cases(POINT_IN_TIME, 0.1)
def test_pandas_entity_rows(seeds: list[int], store: FeatureStore) -> None:
    """Integer keys with nulls arrive as floats, and NaN is null."""
    for case in map(make_case, seeds):
        if not is_possible_in_feast(case) or not is_possible_in_pandas(case):
            continue
        assert case.entity is not None
        names = [column.name for column in case.entity.columns]
        with scratch_folder(f"feast-{case.seed}") as root:
            write_case(case, root)
            try:
                actual = retrieve(case, root, store, as_pandas=True).drop_columns(names)
            except ValueError as error:
                if is_limit(error):
                    continue
                raise
        difference = first_difference(actual, expected_table(case).drop_columns(names))
        assert difference is None, f"seed {case.seed}: {difference}\n{describe(case)}"


def is_possible_in_feast(case: Case) -> bool:
    """Drops features that are keys or times, which Feast does not know; checks the TTL."""
    for view in case.views:
        known = [column for column in view.features if column[0][0] in "fr"]
        if not known or (view.ttl_us or 0) > MAX_TTL_US:
            return False
        view.features = known
    return bool(case.entity and case.entity.rows)


def is_possible_in_pandas(case: Case) -> bool:
    """Drops the columns that are only carried; whether the others keep their values."""
    assert case.entity is not None
    case.entity.columns = [column for column in case.entity.columns if column.logical]
    return all(keeps_values(column) for column in case.entity.columns)


def keeps_values(column: Column) -> bool:
    if pa.types.is_integer(column.type):
        return all(value is None or abs(value) <= 2**53 for value in column.values)
    if pa.types.is_timestamp(column.type):
        nanoseconds = [time for time in column.logical if time is not None]
        return all(abs(time) < 2**63 for time in nanoseconds)
    return column.type in (pa.string(), pa.large_string(), pa.float64())


def retrieve(case: Case, root: Path, store: FeatureStore, *, as_pandas: bool = False) -> pa.Table:
    assert case.entity is not None
    views = [feast_view(view, root) for view in case.views]
    entities = {entity.name: entity for view in case.views for entity in feast_entities(view)}
    service = FeatureService(
        name="service",
        features=[
            made[[column for column, _ in view.features]].with_join_key_map(dict(view.join_keys))
            for made, view in zip(views, case.views, strict=True)
        ],
    )
    store.apply([*entities.values(), *views, service])
    entity_rows = entity_table(case.entity)
    job = store.get_historical_features(
        entity_df=entity_rows.to_pandas() if as_pandas else entity_rows,
        features=service,
        full_feature_names=True,
        **({"filter_by_created_timestamp": True} if case.known_at else {}),
    )
    return job.to_arrow()


def feast_entities(view: ViewCase) -> list[Entity]:
    return [
        Entity(name=column, join_keys=[column], value_type=ValueType.STRING)
        for column, _ in view.join_keys
    ]


def feast_view(view: ViewCase, root: Path) -> FeatureView:
    """The view; the types of its fields do not matter to retrieval."""
    names = [column for column, _ in [*view.join_keys, *view.features]]
    return FeatureView(
        name=view.name,
        entities=feast_entities(view),
        schema=[Field(name=name, dtype=String) for name in names],
        source=FileSource(
            name=f"{view.name}_source",
            path=str(root / view.name),
            timestamp_field=view.event,
            created_timestamp_column=view.created or "",
        ),
        ttl=timedelta(microseconds=view.ttl_us) if view.ttl_us else None,
    )


def as_returned(table: pa.Table) -> pa.Table:
    """The answer as the store returns it: entity rows of string views become plain ones."""
    plain = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
    fields = [
        field if "__" in field.name else field.with_type(plain.get(field.type, field.type))
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))
