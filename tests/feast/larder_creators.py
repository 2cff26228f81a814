# SPDX-License-Identifier: Apache-2.0
"""Data sources, saved datasets and log destinations for Feast's own test suite.

Feast's tests ask a `DataSourceCreator` for everything that depends on the store. Each creator here
writes the data frames it is given as Parquet below one temporary directory and removes that
directory when the test is over.

Sources carry a name, and that name once more as `.table`: it is how the suite learns under which
name a SQL query may read the source. Larder answers SQL entity rows over the sources of the
requested feature views, so those tests run here; the stock file stores skip them.
"""

import shutil
import tempfile
from abc import abstractmethod
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import TypedDict

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from feast import FileSource
from feast.data_format import ParquetFormat
from feast.data_source import DataSource
from feast.feature_logging import LoggingDestination
from feast.infra.offline_stores.file_source import FileLoggingDestination, SavedDatasetFileStorage
from feast.repo_config import FeastConfigBaseModel
from feast.saved_dataset import SavedDatasetStorage
from tests.universal.feature_repos.universal.data_source_creator import DataSourceCreator

import feast_larder

# Feast's fixtures leave both out where their data has a column ts_1 that is read as ts.
DEFAULT_TIMESTAMP_FIELD = "ts"
DEFAULT_FIELD_MAPPING = {"ts_1": "ts"}


class TimeColumns(TypedDict):
    """What every class of source takes by these names."""

    timestamp_field: str | None
    created_timestamp_column: str | None
    field_mapping: dict[str, str]


class LarderCreator(DataSourceCreator):
    """What both kinds of source share: the directory, the names and the store's config."""

    def __init__(self, project_name: str, *args: object, **kwargs: object) -> None:
        super().__init__(project_name)
        self.directory = Path(tempfile.mkdtemp(prefix=f"{project_name}_"))
        self.names: Counter[str] = Counter()

    def create_data_source(
        self,
        df: pd.DataFrame,
        destination_name: str,
        created_timestamp_column: str | None = "created_ts",
        field_mapping: dict[str, str] | None = None,
        timestamp_field: str | None = DEFAULT_TIMESTAMP_FIELD,
    ) -> DataSource:
        name = self.unique_name(destination_name)
        source = self.write_source(
            pa.Table.from_pandas(df),
            name,
            TimeColumns(
                timestamp_field=timestamp_field,
                created_timestamp_column=created_timestamp_column,
                field_mapping=field_mapping or DEFAULT_FIELD_MAPPING,
            ),
        )
        source.table = name  # type: ignore[attr-defined]
        return source

    @abstractmethod
    def write_source(self, table: pa.Table, name: str, columns: TimeColumns) -> DataSource:
        """Writes the table and returns the source of that name over it."""

    def create_offline_store_config(self) -> FeastConfigBaseModel:
        return feast_larder.LarderOfflineStoreConfig()

    def unique_name(self, wanted: str) -> str:
        """The wanted name, numbered from its second use on: some tests ask for one name twice."""
        self.names[wanted] += 1
        count = self.names[wanted]
        return wanted if count == 1 else f"{wanted}_{count}"

    def new_directory(self, kind: str) -> str:
        return tempfile.mkdtemp(prefix=f"{kind}_", dir=self.directory)

    def teardown(self) -> None:
        shutil.rmtree(self.directory)


class LarderFileDataSourceCreator(LarderCreator):
    """Feast's stock `FileSource`, saved datasets and logs: one file, and empty directories."""

    def write_source(self, table: pa.Table, name: str, columns: TimeColumns) -> DataSource:
        path = self.directory / f"{name}.parquet"
        pq.write_table(table, path)
        return FileSource(name=name, path=str(path), file_format=ParquetFormat(), **columns)

    def create_saved_dataset_destination(self) -> SavedDatasetStorage:
        return SavedDatasetFileStorage(
            path=self.new_directory("saved_dataset"), file_format=ParquetFormat()
        )

    def create_logged_features_destination(self) -> LoggingDestination:
        return FileLoggingDestination(path=self.new_directory("logs"))


class LarderSourceDataSourceCreator(LarderCreator):
    """`LarderSource` over a directory of two files, with Larder's own storage and log destination.

    Logs are partitioned by day, so that the suite reads hive partitions back too.
    """

    def write_source(self, table: pa.Table, name: str, columns: TimeColumns) -> DataSource:
        directory = self.directory / name
        directory.mkdir()
        middle = table.num_rows // 2
        pq.write_table(table.slice(0, middle), directory / "part-0.parquet")
        pq.write_table(table.slice(middle), directory / "part-1.parquet")
        return feast_larder.LarderSource(name=name, path=str(directory), **columns)

    def create_saved_dataset_destination(self) -> SavedDatasetStorage:
        path = self.new_directory("saved_dataset")
        storage = feast_larder.SavedDatasetLarderStorage(path=path)
        # test_e2e_validation_via_cli deletes the saved files, and looks for them here.
        storage.file_options = SimpleNamespace(uri=path)
        return storage

    def create_logged_features_destination(self) -> LoggingDestination:
        return feast_larder.LarderLoggingDestination(
            path=self.new_directory("logs"), partition_by=["__log_date"]
        )
