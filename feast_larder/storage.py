# SPDX-License-Identifier: Apache-2.0
"""Where saved datasets and logged features go, when Feast's own file classes do not reach."""

import json
from collections.abc import Sequence

from feast.data_source import DataSource
from feast.feature_logging import LoggingDestination
from feast.protos.feast.core.DataSource_pb2 import DataSource as DataSourceProto
from feast.protos.feast.core.FeatureService_pb2 import LoggingConfig as LoggingConfigProto
from feast.protos.feast.core.SavedDataset_pb2 import (
    SavedDatasetStorage as SavedDatasetStorageProto,
)
from feast.saved_dataset import SavedDatasetStorage

from feast_larder.source import LarderSource


class SavedDatasetLarderStorage(SavedDatasetStorage):
    """A saved dataset as Parquet: one file if the path ends in ``.parquet``, else a directory.

    Args:
        path: where it is, relative to the feature repository.
    """

    _proto_attr_name = "custom_storage"

    def __init__(self, path: str) -> None:
        self.path = path

    def __eq__(self, other: object) -> bool:
        """Compare by path."""
        return isinstance(other, SavedDatasetLarderStorage) and self.path == other.path

    def __hash__(self) -> int:
        """Hash by path."""
        return hash(self.path)

    @staticmethod
    def from_proto(storage_proto: SavedDatasetStorageProto) -> "SavedDatasetLarderStorage":
        """Restore a storage from the registry."""
        options = json.loads(storage_proto.custom_storage.configuration)
        return SavedDatasetLarderStorage(path=options["path"])

    def to_proto(self) -> SavedDatasetStorageProto:
        """Describe the storage to the registry."""
        configuration = json.dumps({"path": self.path}).encode()
        return self._custom_storage_proto(
            DataSourceProto.CustomSourceOptions(configuration=configuration)
        )

    def to_data_source(self) -> DataSource:
        """Return the source that reads the saved dataset."""
        return LarderSource(path=self.path)

    @staticmethod
    def from_data_source(data_source: DataSource) -> "SavedDatasetLarderStorage":
        """Return the storage that a source reads.

        Raises:
            ValueError: the source is no LarderSource of one path.
        """
        if not isinstance(data_source, LarderSource) or len(data_source.paths) != 1:
            raise ValueError(f"{data_source.name!r} is no LarderSource of one path")
        return SavedDatasetLarderStorage(path=data_source.paths[0])


class LarderLoggingDestination(LoggingDestination):
    """A directory of Parquet files that logged features are appended to.

    Args:
        path: the directory, relative to the feature repository.
        partition_by: columns to make hive folders of, such as ``["__log_date"]``.
    """

    _proto_kind = "feast_larder.LarderLoggingDestination"

    def __init__(self, *, path: str, partition_by: Sequence[str] | None = None) -> None:
        self.path = path
        self.partition_by = list(partition_by or ())

    @classmethod
    def from_proto(cls, config_proto: LoggingConfigProto) -> "LarderLoggingDestination":
        """Restore a destination from the registry."""
        config = config_proto.custom_destination.config
        return cls(path=config["path"], partition_by=json.loads(config["partition_by"]))

    def to_proto(self) -> LoggingConfigProto:
        """Describe the destination to the registry."""
        return LoggingConfigProto(
            custom_destination=LoggingConfigProto.CustomDestination(
                kind=self._proto_kind,
                config={"path": self.path, "partition_by": json.dumps(self.partition_by)},
            )
        )

    def to_data_source(self) -> DataSource:
        """Return the source that reads the logs."""
        return LarderSource(path=self.path)
