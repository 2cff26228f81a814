# SPDX-License-Identifier: Apache-2.0
"""How runs of the extension end early: timeouts, Ctrl-C, the end of the process.

Each waits for rows without an end, so that nothing hangs on the speed of the machine.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feast_larder import _engine
from feast_larder.batches import rows_of

ROWS = pa.table({"at": pa.array([datetime(2024, 1, 1, tzinfo=UTC)]), "value": [1]})

# A process that says when it is in a run. It has no use for Feast, which takes seconds to import.
# Ctrl-C may be ignored where the tests are run.
PROGRAM = """
import importlib.util, itertools, signal, sys, threading, time
import pyarrow as pa

spec = importlib.util.spec_from_file_location("_engine", sys.argv.pop(1))
_engine = sys.modules["_engine"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(_engine)
signal.signal(signal.SIGINT, signal.default_int_handler)
rows = pa.table({"at": pa.array([0], pa.timestamp("us"))})

def endless():
    yield rows.to_batches()[0]
    print("running", flush=True)
    while True:
        time.sleep(0.01)
        yield rows.to_batches()[0]

def stream():
    return pa.RecordBatchReader.from_batches(rows.schema, endless())

"""


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM + program, _engine.__file__, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def endless_reader(seen: threading.Event | None = None) -> pa.RecordBatchReader:
    def batches() -> Iterator[pa.RecordBatch]:
        pause = threading.Event()
        while True:
            yield from ROWS.to_batches()
            if seen is not None:
                seen.set()
            pause.wait(0.01)

    return pa.RecordBatchReader.from_batches(ROWS.schema, batches())


def test_timeout() -> None:
    with pytest.raises(TimeoutError, match="timeout of 20 ms"):
        _engine.point_in_time(endless_reader(), "at", [], options=_engine.Options(timeout_ms=20))


def test_timeout_of_a_later_block() -> None:
    def ask() -> None:
        options = _engine.Options(timeout_ms=300, rows_in_memory=1)
        result = _engine.point_in_time(endless_reader(), "at", [], options=options)
        with rows_of(result):
            pa.table(result)

    with pytest.raises(TimeoutError, match="timeout of 300 ms"):
        ask()


def test_timeout_on_another_thread() -> None:
    options = _engine.Options(timeout_ms=20)
    with ThreadPoolExecutor(4) as pool:
        runs = [
            pool.submit(_engine.point_in_time, endless_reader(), "at", [], options=options)
            for _ in range(4)
        ]
        for run in runs:
            assert isinstance(run.exception(), TimeoutError)


def test_other_threads_of_python_go_on() -> None:
    """The run ends only after another Python thread was seen to work while it went."""
    finished = threading.Event()
    started = threading.Event()

    def batches() -> Iterator[pa.RecordBatch]:
        started.set()
        yield from ROWS.to_batches()
        assert finished.wait(60)

    def work() -> None:
        assert started.wait(60)
        finished.set()

    other = threading.Thread(target=work)
    other.start()
    reader = pa.RecordBatchReader.from_batches(ROWS.schema, batches())
    assert pa.table(_engine.point_in_time(reader, "at", [])).equals(ROWS)
    other.join()


def test_queries_at_once(tmp_path: Path) -> None:
    pq.write_table(ROWS, tmp_path / "a.parquet")
    source = _engine.Source([str(tmp_path)])

    def ask(_: int) -> bool:
        result = _engine.range(source, columns=None, event_timestamp="at")
        return bool(pa.table(result)["value"].to_pylist() == [1])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(100)))


def test_a_handler_that_raises_stops_a_run() -> None:
    """Any signal will do, and what its handler raises is what the caller gets."""

    class StopNow(Exception):  # noqa: N818
        pass

    def handler(*_: object) -> None:
        raise StopNow

    seen = threading.Event()

    def send() -> None:
        assert seen.wait(60)
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handler)
    sender = threading.Thread(target=send)
    sender.start()
    try:
        with pytest.raises(StopNow):
            _engine.point_in_time(endless_reader(seen), "at", [])
    finally:
        sender.join()
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize(
    "call",
    [
        '_engine.point_in_time(stream(), "at", [])',
        "_engine.append_to_directory(sys.argv[1], stream())",
        '_engine.append_to_file(sys.argv[1] + "/a.parquet", stream())',
        '_engine.write_file(sys.argv[1] + "/a.parquet", stream())',
        '_engine.write_directory(sys.argv[1] + "/new", stream())',
    ],
)
def test_ctrl_c(tmp_path: Path, call: str) -> None:
    program = f"""
try:
    {call}
except KeyboardInterrupt:
    print("interrupted")
"""
    process = start(program, str(tmp_path))
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err) == (0, "interrupted\n", "")
    assert [path for path in tmp_path.iterdir() if not path.name.startswith(".")] == []


def test_ctrl_c_in_a_later_block() -> None:
    process = start("""
def later():
    yield from itertools.repeat(rows.to_batches()[0], 10)
    yield from endless()

reader = pa.RecordBatchReader.from_batches(rows.schema, later())
result = _engine.point_in_time(reader, "at", [], options=_engine.Options(rows_in_memory=1))
try:
    try:
        pa.table(result)
    except Exception:
        result.raise_if_failed()
except KeyboardInterrupt:
    print("interrupted")
""")
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err) == (0, "interrupted\n", "")


@pytest.mark.parametrize("kind", ["query", "rows from Python"])
def test_the_process_may_end_in_a_run_of_a_daemon_thread(tmp_path: Path, kind: str) -> None:
    """Python before 3.14 unwinds such threads, which no C++ function may stop."""
    pq.write_table(ROWS, tmp_path / "a.parquet")
    program = """
def queries():
    source = _engine.Source([sys.argv[1] + "/a.parquet"])
    while True:
        _engine.range(source, columns=None, event_timestamp="at")

def write():
    repeated = itertools.repeat(rows.to_batches()[0])
    reader = pa.RecordBatchReader.from_batches(rows.schema, repeated)
    _engine.write_file(sys.argv[1] + "/b.parquet", reader)

target = queries if sys.argv[2] == "query" else write
threading.Thread(target=target, daemon=True).start()
time.sleep(0.2)
print("done")
"""
    process = start(program, str(tmp_path), kind)
    # Builds with assertions tell on stderr what the thread still holds.
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (0, "done\n"), err
