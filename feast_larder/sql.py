# SPDX-License-Identifier: Apache-2.0
"""The embedded DuckDB that answers SQL: entity rows, sources given as a query, monitoring."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from feast_larder.run import Deadline, Settings

_Answer = TypeVar("_Answer")

_BATCH_ROWS = 65536
_LOOK_SECONDS = 0.05
_COMMENT = duckdb.token_type.comment


def quote_name(name: str) -> str:
    """Return a name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


class Database:
    """An in-memory DuckDB whose time zone is UTC and whose paths start at the repository.

    Its answers are streams: only what a query must hold (a sort, a join) is held. A deadline
    interrupts whatever runs, and turns the interruption into TimeoutError.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline
        self._cursors = [connection]

    def execute(self, statement: str) -> None:
        """Run a statement that has no answer."""
        with self.errors():
            self._interruptibly(lambda: self._connection.execute(statement))

    def register(self, name: str, rows: object) -> None:
        """Name rows with an Arrow stream, so that one query can read them once."""
        self._connection.register(name, rows)

    def stream(self, query: str) -> pa.RecordBatchReader:
        """Begin a query and return its rows; read them within errors()."""
        with self.errors():
            relation = self._ask(query)
            reader, first = self._interruptibly(lambda: _begin(relation))
            return pa.RecordBatchReader.from_batches(reader.schema, chain(first, reader))

    def fetch(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a small answer as Python values."""
        with self.errors():
            relation = self._ask(query)
            return self._interruptibly(lambda: list(relation.fetchall()))

    def schema(self, query: str) -> pa.Schema:
        """Return the columns that a query would have, without running it.

        Raises:
            ValueError: two of them have one name.
        """
        with self.errors():
            names = self._ask(query).columns
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"the query has several columns named {repeated}: {query}")
        return self.stream(f"SELECT * FROM {subquery(query)} LIMIT 0").schema

    def interrupt(self) -> None:
        """Stop every query that runs."""
        for cursor in list(self._cursors):
            cursor.interrupt()

    def close(self) -> None:
        """Stop and forget everything."""
        for cursor in reversed(self._cursors):
            cursor.close()

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn DuckDB's errors, those of its streams included, into the ones Larder raises."""
        try:
            yield
        except duckdb.IOException as error:
            raise OSError(str(error)) from error
        except (duckdb.Error, OSError) as error:
            if self._deadline.has_passed():
                self._deadline.remaining_milliseconds()  # Raises the TimeoutError.
            if isinstance(error, OSError):
                raise
            raise ValueError(f"DuckDB: {error}") from error

    def _interruptibly(self, call: Callable[[], _Answer]) -> _Answer:
        """Make a call in another thread, while this one can be reached by Ctrl-C."""
        if threading.current_thread() is not threading.main_thread():
            return call()
        future: Future[_Answer] = Future()
        # Not waited for by join(), which Ctrl-C makes believe that the thread is over.
        threading.Thread(target=_settle, args=(future, call), daemon=True).start()
        try:
            while not wait([future], _LOOK_SECONDS).done:
                pass
        except BaseException:
            self.interrupt()
            wait([future])
            raise
        return future.result()

    def _ask(self, query: str) -> duckdb.DuckDBPyRelation:
        # One connection has one open result, so each query gets its own.
        cursor = self._connection.cursor()
        self._cursors.append(cursor)
        return cursor.sql(query)


def _begin(
    relation: duckdb.DuckDBPyRelation,
) -> tuple[pa.RecordBatchReader, list[pa.RecordBatch]]:
    """Run a query up to its first batch: what takes long, a sort or a sum, lies before it."""
    reader = relation.to_arrow_reader(_BATCH_ROWS)
    return reader, list(islice(reader, 1))


def _settle(future: "Future[_Answer]", call: Callable[[], _Answer]) -> None:
    try:
        future.set_result(call())
    except BaseException as error:
        future.set_exception(error)


@contextmanager
def open_database(settings: Settings, deadline: Deadline | None = None) -> Iterator[Database]:
    """Start a DuckDB for the duration of the block, under the store's limits."""
    deadline = deadline or Deadline()
    database = Database(duckdb.connect(":memory:"), deadline)
    milliseconds = deadline.remaining_milliseconds()
    timer = threading.Timer(milliseconds / 1000, database.interrupt)
    timer.daemon = True
    try:
        for name, value in _duckdb_settings(settings).items():
            database.execute(f"SET GLOBAL {name} = {value}")
        if milliseconds:
            timer.start()
        yield database
    finally:
        timer.cancel()
        database.close()


def _duckdb_settings(settings: Settings) -> dict[str, str]:
    chosen = {"TimeZone": "'UTC'"}
    if settings.repo_path is not None:
        chosen["file_search_path"] = quote_text(str(settings.repo_path))
    if settings.engine.get("threads"):
        chosen["threads"] = str(settings.engine["threads"])
    if settings.engine.get("memory_limit"):
        chosen["memory_limit"] = quote_text(f"{settings.engine['memory_limit']}B")
    return chosen


def single_select(query: str) -> str:
    """Return the one SELECT statement of a text, without a semicolon at its end.

    Raises:
        ValueError: the text is no SQL, or more or other than one SELECT.
    """
    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as error:
        raise ValueError(f"{query!r} is no SQL query: {error}") from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise ValueError(f"{query!r} is not one SELECT statement")
    return _without_semicolon(query)


def _without_semicolon(query: str) -> str:
    text = query.encode()  # DuckDB counts bytes.
    starts = [start for start, kind in duckdb.tokenize(query) if kind != _COMMENT]
    return text[: starts[-1]].decode() if text[starts[-1] :].startswith(b";") else query


def subquery(query: str) -> str:
    """Return a query for use in a FROM clause; it may end in a comment."""
    return f"(\n{query}\n)"
