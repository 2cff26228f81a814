# SPDX-License-Identifier: Apache-2.0
"""A tour of Larder in Feast: a training set for every flight from New York in 2013.

Run it from the repository's root with ``make demo``. It exits with an error if any cell of the
training set is not what an independent computation says.
"""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pyarrow as pa
from feast import FeatureStore

from demo.check import DifferenceError, check_training_set
from demo.prepare import entity_rows, write_sources
from feast_larder import LarderRetrievalJob

REPO = Path(__file__).parent / "feature_repo"
DATA = REPO / "data"
YEAR = ("2013-01-01T00:00:00", "2014-01-02T12:00:00")


def main() -> int:
    _title("Write the feature sources: nycflights13 as Parquet files")
    write_sources(DATA)
    for path in sorted(DATA.iterdir()):
        print(f"  {path.relative_to(REPO.parent.parent)}")

    _title("feast apply")
    _feast("apply")

    _title("The training set: features of every flight, as they were known before it left")
    store = FeatureStore(repo_path=str(REPO))
    rows = entity_rows()
    job = store.get_historical_features(
        entity_df=rows,
        features=store.get_feature_service("departure_delay"),
        full_feature_names=True,
        filter_by_created_timestamp=True,  # no flight counts before it has landed
    )
    started = time.perf_counter()
    training_set = job.to_arrow()
    seconds = time.perf_counter() - started
    views = cast(LarderRetrievalJob, job).stats()["views"]
    _show_sample(training_set, rows)
    _show_views(views)
    shape = f"{training_set.num_rows:,} rows x {training_set.num_columns} columns"
    print(f"\n{shape} in {seconds:.2f} s")

    _title("feast materialize, and the features of three planes from the online store")
    _feast("materialize", *YEAR)
    _show_online_features(store, list(rows["tailnum"].dropna().unique()[:3]))

    _title("Check against the same training set computed by DuckDB in SQL")
    try:
        cells = check_training_set(training_set, rows, views, DATA)
    except DifferenceError as difference:
        print(difference, file=sys.stderr)
        return 1
    print(f"{cells:,} cells compared, all equal")
    return 0


def _show_sample(training_set: pa.Table, rows: pd.DataFrame) -> None:
    # One flight of each airport on one evening, turned on its side to fit a terminal.
    evening = rows[rows["scheduled_at"] >= "2013-07-01T22:00Z"].sort_values(
        ["scheduled_at", "flight_id"]
    )
    sample = training_set.take(evening.groupby("origin").head(1)["flight_id"].tolist())
    print(sample.to_pandas(types_mapper=pd.ArrowDtype).set_index("flight_id").T.to_string())


def _show_views(views: list[dict[str, Any]]) -> None:
    print(f"\n{'feature view':<20}{'matched':>10}{'expired':>10}{'absent':>10}")
    for view in views:
        counts = (view["rows_matched"], view["rows_expired"], view["rows_absent"])
        print(f"{view['name']:<20}" + "".join(f"{count:>10,}" for count in counts))


def _show_online_features(store: FeatureStore, planes: list[str]) -> None:
    columns = {
        "last_dest": "plane_last_flight",
        "last_arrival_delay": "plane_last_flight",
        "manufacturer": "plane_facts",
        "seats": "plane_facts",
    }
    features = store.get_online_features(
        features=[f"{view}:{name}" for name, view in columns.items()],
        entity_rows=[{"tailnum": plane} for plane in planes],
    )
    print(features.to_df()[["tailnum", *columns]].to_string(index=False))


def _feast(*arguments: str) -> None:
    subprocess.run([Path(sys.executable).parent / "feast", *arguments], cwd=REPO, check=True)


def _title(text: str) -> None:
    print(f"\n== {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
