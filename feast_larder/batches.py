# SPDX-License-Identifier: Apache-2.0
"""Streams of record batches that keep the error they failed with."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from feast_larder import _engine


@contextmanager
def rows_of(result: _engine.Result) -> Iterator[None]:
    """Raise the error that the engine's rows failed with, instead of what Arrow made of it."""
    try:
        yield
    except Exception:
        result.raise_if_failed()
        raise


def read_rows(result: _engine.Result) -> pa.Table:
    """Read all rows of an answer of the engine."""
    with rows_of(result):
        return pa.table(result)


class Batches:
    """Rows that are computed while they are read.

    Attributes:
        reader: the rows. Who reads them through Arrow's C stream interface gets any error as
            text only; errors() brings it back.
    """

    def __init__(self, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
        # The reader must not lead back to this object: nothing could collect such a circle.
        self._errors: list[Exception] = []
        recorded = _recorded(batches, self._errors)
        self.reader = pa.RecordBatchReader.from_batches(schema, recorded)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Raise the error that the rows failed with, instead of what became of it on its way."""
        try:
            yield
        except Exception as error:
            if self._errors:
                raise self._errors[0] from error
            raise


def _recorded(
    batches: Iterator[pa.RecordBatch], errors: list[Exception]
) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except Exception as error:
        errors.append(error)
        raise
