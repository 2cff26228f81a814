# SPDX-License-Identifier: Apache-2.0
"""On-demand feature views of every mode, over every kind of entity rows."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from feast import FeatureService, Field, RequestSource
from feast.errors import RequestDataNotFoundInEntityDfException
from feast.on_demand_feature_view import OnDemandFeatureView, on_demand_feature_view
from feast.transformation.pandas_transformation import PandasTransformation
from feast.transformation.python_transformation import PythonTransformation
from feast.types import Float64, Int64
from feature_repo import FeatureRepo, at, history, rows

REQUEST = RequestSource(name="request", schema=[Field(name="factor", dtype=Int64)])
OUTPUT = [Field(name="product", dtype=Float64), Field(name="half", dtype=Float64)]


def pandas_product(inputs: pd.DataFrame) -> pd.DataFrame:
    product = inputs["value"].astype("float64") * inputs["factor"]
    return pd.DataFrame({"product": product, "half": product / 2})


def python_product(inputs: dict[str, Any]) -> dict[str, Any]:
    pairs = zip(inputs["value"], inputs["factor"], strict=True)
    products = [None if value is None else float(value * factor) for value, factor in pairs]
    halves = [None if product is None else product / 2 for product in products]
    return {"product": products, "half": halves}


MODES: dict[str, Callable[[Any], Any]] = {"pandas": pandas_product, "python": python_product}
modes = pytest.mark.parametrize("mode", MODES)


def add_product(repo: FeatureRepo, mode: str, **options: Any) -> OnDemandFeatureView:  # noqa: ANN401
    stats = repo.add_view(
        history([1, 1], [at(0), at(2)], value=[10, 12], spare=[1, 2]), features=["value", "spare"]
    )
    transform = {"pandas": PandasTransformation, "python": PythonTransformation}[mode]
    product = OnDemandFeatureView(
        name="calculated",
        sources=[stats, REQUEST],
        schema=OUTPUT,
        feature_transformation=transform(MODES[mode], udf_string=mode),
        mode=mode,
        **options,
    )
    repo.store.apply([product])
    return product


@modes
@pytest.mark.parametrize("full_feature_names", [False, True])
def test_values(repo: FeatureRepo, mode: str, full_feature_names: bool) -> None:
    add_product(repo, mode)
    entity_rows = rows([1, 1, 2], [at(1), at(3), at(1)], factor=[3, 5, 7])
    refs = ["calculated:product", "stats:value"]
    result = repo.join(entity_rows, refs, full_feature_names=full_feature_names)
    name = "calculated__product" if full_feature_names else "product"
    found = result.to_pandas()[name]
    assert found[:2].tolist() == [30.0, 60.0]
    assert pd.isna(found[2])
    assert "half" not in "".join(result.column_names)


@modes
@pytest.mark.parametrize("form", ["pandas", "arrow", "file", "sql", "none"])
def test_every_kind_of_entity_rows(repo: FeatureRepo, mode: str, form: str) -> None:
    add_product(repo, mode)
    table = rows([1], [at(1)], factor=[3])
    repo.write(table, "labels.parquet")
    forms: dict[str, Any] = {
        "pandas": table.to_pandas(),
        "arrow": table,
        "file": "labels.parquet",
        "sql": "SELECT key, ts AS event_timestamp, 3 AS factor FROM stats WHERE value = 10",
    }
    refs = ["calculated:product"]
    if form == "none":
        with pytest.raises(RequestDataNotFoundInEntityDfException, match="factor"):
            repo.join(None, refs, start_date=at(0), end_date=at(5))
    else:
        assert repo.values(forms[form], "calculated:product") == [30.0]
        assert repo.join(forms[form], refs)["value"].to_pylist() == [10]


@pytest.mark.parametrize("form", ["file", "sql"])
def test_missing_request_data_is_named(repo: FeatureRepo, form: str) -> None:
    add_product(repo, "python")
    repo.write(rows([1], [at(1)]), "labels.parquet")
    forms = {"file": "labels.parquet", "sql": "SELECT 1 AS key, now() AS event_timestamp"}
    with pytest.raises(RequestDataNotFoundInEntityDfException, match="factor"):
        repo.values(forms[form], "calculated:product")


@modes
def test_in_a_feature_service(repo: FeatureRepo, mode: str) -> None:
    product = add_product(repo, mode)
    stats = repo.store.get_feature_view("stats")
    service = FeatureService(name="service", features=[stats[["spare"]], product])
    repo.store.apply([service])
    entity_rows = rows([1], [at(3)], factor=[2])
    result = repo.store.get_historical_features(entity_rows, service).to_arrow()
    assert result.column_names == [
        *("key", "event_timestamp", "factor", "spare", "value"),
        *("product", "half"),
    ]
    assert result["half"].to_pylist() == [12.0]


@modes
def test_written_to_the_online_store(repo: FeatureRepo, mode: str) -> None:
    add_product(repo, mode, write_to_online_store=True)
    assert repo.values(rows([1], [at(3)], factor=[2]), "calculated:product") == [24.0]


def test_without_entity_rows_and_request_data(repo: FeatureRepo) -> None:
    stats = repo.add_view(history([1, 1], [at(0), at(2)], value=[10, 12]))

    @on_demand_feature_view(  # type: ignore[untyped-decorator]
        sources=[stats], schema=[Field(name="double", dtype=Int64)], mode="pandas"
    )
    def doubled(inputs: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"double": inputs["value"] * 2})

    repo.store.apply([doubled])
    found = repo.values(None, "doubled:double", start_date=at(0), end_date=at(5))
    assert found == [20, 24]


def test_large_integers_of_the_table_stay_exact(repo: FeatureRepo) -> None:
    add_product(repo, "python")
    table = rows([1, 2], [at(1)] * 2, factor=[1, 1], big=pa.array([2**60 + 1, None]))
    result = repo.join(table, ["calculated:product", "stats:value"])
    assert result["big"].to_pylist() == [2**60 + 1, None]
    assert result["value"].to_pylist() == [10, None]
