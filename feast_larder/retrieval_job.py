# SPDX-License-Identifier: Apache-2.0
"""The lazy job that Feast gets: nothing is read before the first ``to_...`` call."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
from feast.dqm.errors import ValidationFailed
from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.saved_dataset import SavedDatasetStorage, ValidationReference

from feast_larder import _engine, exports
from feast_larder.batches import Batches, read_rows, rows_of
from feast_larder.explanation import Explanation, explain_stats
from feast_larder.progress import show_progress
from feast_larder.requests import Request
from feast_larder.run import Deadline, Run, Settings
from feast_larder.tensors import to_tensors

if TYPE_CHECKING:
    import polars

_NULLABLE_INTEGERS = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
}


class LarderRetrievalJob(RetrievalJob):
    """One request to the engine, run anew by every call that asks for its rows.

    Args:
        request: what to ask the engine.
        settings: the store's configuration.
        metadata: builds the metadata when it is first asked for.
        full_feature_names: whether features are named ``view__feature``.
        on_demand_feature_views: the views that Feast computes from the retrieved rows.
    """

    def __init__(
        self,
        request: Request,
        settings: Settings,
        metadata: Callable[[], RetrievalMetadata],
        full_feature_names: bool = False,
        on_demand_feature_views: Sequence[OnDemandFeatureView] = (),
    ) -> None:
        self._request = request
        self._settings = settings
        self._build_metadata = metadata
        self._full_feature_names = full_feature_names
        self._on_demand_feature_views = list(on_demand_feature_views)
        self._stats: dict[str, Any] | None = None

    @property
    def full_feature_names(self) -> bool:
        """Whether features are named ``view__feature``."""
        return self._full_feature_names

    @property
    def on_demand_feature_views(self) -> list[OnDemandFeatureView]:
        """The views that Feast computes from the retrieved rows."""
        return self._on_demand_feature_views

    @property
    def metadata(self) -> RetrievalMetadata:
        """Feature references, entity columns, and the time range of the request in UTC."""
        return self._metadata

    @cached_property
    def _metadata(self) -> RetrievalMetadata:
        return self._build_metadata()

    def to_df(
        self,
        validation_reference: ValidationReference | None = None,
        timeout: int | None = None,
    ) -> pd.DataFrame:
        """Run the request and return a DataFrame with on-demand features.

        Integers stay exact: a column with nulls comes as pandas' nullable ``Int64`` (or its like)
        instead of as floats.

        Args:
            validation_reference: what to validate the rows against, if anything.
            timeout: seconds after which the engine stops; None for no limit.

        Raises:
            TimeoutError: the timeout has passed.
        """
        return _to_pandas(self.to_arrow(validation_reference=validation_reference, timeout=timeout))

    def to_arrow(
        self,
        validation_reference: ValidationReference | None = None,
        timeout: int | None = None,
    ) -> pa.Table:
        """Run the request and return a table with on-demand features.

        Args:
            validation_reference: what to validate the rows against, in the form that to_df()
                gives them, since reference profiles are made of that.
            timeout: seconds after which the engine stops; None for no limit.

        Raises:
            TimeoutError: the timeout has passed.
            ValidationFailed: the rows are not as the reference says.
        """
        table = super().to_arrow(timeout=timeout)
        if validation_reference is not None:
            result = validation_reference.profile.validate(_to_pandas(table))
            if not result.is_success:
                raise ValidationFailed(result)
        return table

    def to_arrow_batches(self, timeout: float | None = None) -> pa.RecordBatchReader:
        """Run the request and return its rows as a stream.

        With on-demand feature views the whole result is held, since Feast computes them on it.

        Args:
            timeout: seconds after which the engine stops; None for no limit.
        """
        return self._batches(timeout).reader

    def to_polars(self, timeout: int | None = None) -> "polars.DataFrame":
        """Run the request and return a Polars DataFrame with on-demand features.

        Raises:
            ImportError: Polars is not installed.
        """
        try:
            import polars
        except ImportError as error:
            raise ImportError("to_polars() needs Polars: pip install polars") from error
        return polars.DataFrame(self.to_arrow(timeout=timeout))

    def to_tensor(
        self,
        kind: str = "torch",
        default_value: Any = float("nan"),  # noqa: ANN401
        timeout: int | None = None,
    ) -> dict[str, Any]:
        """Run the request and return a PyTorch tensor for each column of numbers.

        Args:
            kind: "torch" is the only one.
            default_value: stands for missing values.
            timeout: seconds after which the engine stops; None for no limit.

        Returns:
            Tensors by column, and lists for columns of other things than numbers.

        Raises:
            ValueError: the kind is another one.
            ImportError: PyTorch is not installed.
        """
        if kind != "torch":
            raise ValueError(f"to_tensor() knows the kind 'torch' only, not {kind!r}")
        return to_tensors(self.to_arrow(timeout=timeout), default_value)

    def to_sql(self) -> str:
        """Return the SQL of the entity rows, or of the source that is pulled from.

        Raises:
            NotImplementedError: there is none; the engine itself does not speak SQL.
        """
        if self._request.sql is None:
            raise NotImplementedError("no SQL takes part in this retrieval")
        return self._request.sql

    def persist(
        self,
        storage: SavedDatasetStorage,
        allow_overwrite: bool = False,
        timeout: int | None = None,
    ) -> None:
        """Run the request and write its rows, with on-demand features, as a saved dataset.

        A path that ends in ``.parquet`` becomes one file, any other a directory of files of
        bounded size. Either appears whole or not at all.

        Args:
            storage: a SavedDatasetFileStorage or SavedDatasetLarderStorage.
            allow_overwrite: whether what is there already is replaced.
            timeout: seconds after which the engine stops; None for no limit.

        Raises:
            SavedDatasetLocationAlreadyExists: the path exists, and may not be overwritten.
            ValueError: the storage is of another kind.
        """
        exports.write_dataset(
            exports.dataset_path(storage, self._settings.repo_path),
            lambda: self._batches(timeout),
            allow_overwrite=allow_overwrite,
        )

    def supports_remote_storage_export(self) -> bool:
        """Say whether the store's configuration has a staging location."""
        return self._settings.staging_location is not None

    def to_remote_storage(self) -> list[str]:
        """Run the request and write its rows to the staging location.

        Returns:
            The paths or URIs of the Parquet files, each of bounded size.

        Raises:
            ValueError: the configuration has no staging location.
        """
        return exports.write_staged(self._batches, self._settings)

    def explain(self) -> Explanation:
        """Find out what the engine will read, before it does; reads footers and entity rows only.

        A run reads at most what the explanation says. Entity rows that are elsewhere (a path,
        SQL, none at all) are read to know the times in question.
        """
        with ExitStack() as cleanup:
            run = Run(self._settings, Deadline(), cleanup, plan_only=True)
            return explain_stats(self._request.run(run).stats())

    def stats(self) -> dict[str, Any]:
        """Return what the last run did: rows per view, files and bytes read, seconds per stage.

        Raises:
            RuntimeError: the job has not run yet, or its stream is not read to the end.
        """
        if self._stats is None:
            raise RuntimeError("the job has not run yet: call to_arrow() or to_df() first")
        return self._stats

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        with self._progress(), ExitStack() as cleanup:
            result = self._request.run(self._new_run(timeout, cleanup))
            table = self._finish(read_rows(result))
            self._stats = result.stats()
        return table

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        return _to_pandas(self._to_arrow_internal(timeout))

    def _new_run(self, timeout: float | None, cleanup: ExitStack) -> Run:
        return Run(self._settings, Deadline(timeout), cleanup)

    def _progress(self) -> AbstractContextManager[None]:
        return show_progress("Larder", enabled=self._settings.progress == "auto")

    def _finish(self, table: pa.Table) -> pa.Table:
        # A file's pandas metadata would turn columns into an index in whatever reads the table.
        return self._request.finish(table.replace_schema_metadata(None))

    def _batches(self, timeout: float | None = None) -> Batches:
        if self._on_demand_feature_views:
            whole = self.to_arrow(timeout=timeout)  # type: ignore[arg-type]
            return Batches(whole.schema, iter(whole.to_batches()))
        cleanup = ExitStack()
        try:
            with self._progress():
                result = self._request.run(self._new_run(timeout, cleanup))
                reader = pa.RecordBatchReader.from_stream(result)
                schema = self._finish(reader.schema.empty_table()).schema
                if _retypes(reader.schema, schema):
                    # Parsed times get their unit from the whole column.
                    with cleanup, rows_of(result):
                        whole = self._finish(reader.read_all())
                        self._stats = result.stats()
                    return Batches(whole.schema, iter(whole.to_batches()))
        except BaseException:
            cleanup.close()
            raise
        return Batches(schema, self._finished(reader, schema, result, cleanup))

    def _finished(
        self,
        reader: pa.RecordBatchReader,
        schema: pa.Schema,
        result: _engine.Result,
        cleanup: ExitStack,
    ) -> Iterator[pa.RecordBatch]:
        with cleanup, rows_of(result):
            for batch in reader:
                yield from self._finish(pa.Table.from_batches([batch])).cast(schema).to_batches()
            self._stats = result.stats()


def _retypes(before: pa.Schema, after: pa.Schema) -> bool:
    return any(after.field(field.name).type != field.type for field in before)


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    nullable = {
        field.name
        for field in table.schema
        if field.type in _NULLABLE_INTEGERS and table[field.name].null_count > 0
    }
    plain = [name for name in table.column_names if name not in nullable]
    # Objects keep integers exact within lists, where pandas has no nullable type.
    frame = table.select(plain).to_pandas(integer_object_nulls=True)
    if not nullable:
        return frame
    integers = table.select(sorted(nullable)).to_pandas(types_mapper=_NULLABLE_INTEGERS.get)
    return pd.concat([frame, integers], axis="columns")[table.column_names]
