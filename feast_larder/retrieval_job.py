# SPDX-License-Identifier: Apache-2.0
"""The lazy job that Feast gets: nothing is read before the first ``to_...`` call."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import pandas as pd
import pyarrow as pa
from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.saved_dataset import ValidationReference

from feast_larder import _engine
from feast_larder.requests import Request
from feast_larder.settings import timeout_milliseconds

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
        settings: keyword arguments of ``_engine.Options``, from the store's configuration.
        metadata: builds the metadata when it is first asked for.
        full_feature_names: whether features are named ``view__feature``.
        on_demand_feature_views: the views that Feast computes from the retrieved rows.
    """

    def __init__(
        self,
        request: Request,
        settings: Mapping[str, Any],
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

    def stats(self) -> dict[str, Any]:
        """Return what the last run did: rows per view, files and bytes read, seconds per stage.

        Raises:
            RuntimeError: the job has not run yet.
        """
        if self._stats is None:
            raise RuntimeError("the job has not run yet: call to_arrow() or to_df() first")
        return self._stats

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        options = _engine.Options(**self._settings, timeout_ms=timeout_milliseconds(timeout))
        result = self._request.run(options)
        # A file's pandas metadata would turn columns into an index in whatever reads the table.
        table = self._request.finish(pa.table(result).replace_schema_metadata(None))
        self._stats = result.stats()
        return table

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        return _to_pandas(self._to_arrow_internal(timeout))


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
