# SPDX-License-Identifier: Apache-2.0
"""Results as Parquet files: saved datasets, and the staging location of compute engines."""

import os
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path

from feast.data_format import ParquetFormat
from feast.errors import SavedDatasetLocationAlreadyExists
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.saved_dataset import SavedDatasetStorage
from pyarrow.fs import FileSystem, copy_files

from feast_larder import _engine
from feast_larder.batches import Batches
from feast_larder.run import Settings
from feast_larder.sources import local_path
from feast_larder.storage import SavedDatasetLarderStorage


def dataset_path(storage: SavedDatasetStorage, repo_path: Path | None) -> str:
    """Return the local path of a saved dataset.

    Raises:
        ValueError: the storage is of a kind, a format or a place that Larder does not write.
    """
    if isinstance(storage, SavedDatasetLarderStorage):
        return local_path(storage.path, repo_path)
    if not isinstance(storage, SavedDatasetFileStorage):
        raise ValueError(
            f"Larder saves datasets in SavedDatasetFileStorage or SavedDatasetLarderStorage, "
            f"not in {type(storage).__name__}"
        )
    file_format = storage.file_options.file_format
    if file_format is not None and not isinstance(file_format, ParquetFormat):
        raise ValueError(f"Larder saves datasets as Parquet, not as {type(file_format).__name__}")
    return local_path(storage.file_options.uri, repo_path)


def write_dataset(path: str, rows: Callable[[], Batches], *, allow_overwrite: bool) -> None:
    """Write rows to a file (of a path that ends in ``.parquet``) or else a directory.

    Args:
        path: where to; folders above it are made.
        rows: starts the retrieval; not called if the path is taken.
        allow_overwrite: whether what is there is replaced.

    Raises:
        SavedDatasetLocationAlreadyExists: the path exists, and may not be overwritten.
    """
    if not allow_overwrite and os.path.lexists(path):
        raise SavedDatasetLocationAlreadyExists(location=path)
    os.makedirs(os.path.dirname(path.rstrip("/")) or ".", exist_ok=True)
    write = _engine.write_file if path.endswith(".parquet") else _engine.write_directory
    batches = rows()
    try:
        with batches.errors():
            write(path, batches.reader, overwrite=allow_overwrite)
    except FileExistsError as error:  # Another writer was faster.
        raise SavedDatasetLocationAlreadyExists(location=path) from error


def write_staged(rows: Callable[[], Batches], settings: Settings) -> list[str]:
    """Write rows to a new folder in the staging location, which is local or a URI.

    Returns:
        The paths, or URIs, of the files.

    Raises:
        ValueError: no staging location is configured.
    """
    location = settings.staging_location
    if location is None:
        raise ValueError(
            "to_remote_storage() needs a place to write to: set staging_location in the "
            "offline_store section of feature_store.yaml, to a directory or an s3:// URI"
        )
    folder = f"larder-{uuid.uuid4().hex}"
    if "://" not in location or location.startswith("file:"):
        parent = local_path(location, settings.repo_path)
        os.makedirs(parent, exist_ok=True)
        return _write_folder(os.path.join(parent, folder), rows())
    with tempfile.TemporaryDirectory(prefix="larder-staging-") as directory:
        local = os.path.join(directory, folder)
        files = _write_folder(local, rows())
        remote, path = FileSystem.from_uri(location)
        target = f"{path.rstrip('/')}/{folder}"
        remote.create_dir(target, recursive=True)
        copy_files(local, target, destination_filesystem=remote)
    scheme = location.split("://", 1)[0]
    return [f"{scheme}://{target}/{os.path.relpath(file, local)}" for file in files]


def _write_folder(directory: str, batches: Batches) -> list[str]:
    with batches.errors():
        written = _engine.write_directory(directory, batches.reader)
    return [str(path) for path in written["paths"]]
