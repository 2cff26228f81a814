# SPDX-License-Identifier: Apache-2.0
"""What the figures were measured on, and with which versions."""

import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = [
    "feast-larder",
    "feast",
    "pyarrow",
    "duckdb",
    "ibis-framework",
    "dask",
    "polars",
    "pandas",
    "numpy",
]


def describe_machine() -> dict[str, str]:
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{_memory('MemTotal') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        **{name: _version(name) for name in _PACKAGES},
    }


def available_memory() -> int:
    """Bytes that can be used without swapping."""
    return _memory("MemAvailable")


def _processor() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def _memory(field: str) -> int:
    found = re.search(rf"{field}:\s*(\d+) kB", Path("/proc/meminfo").read_text())
    if found is None:
        raise ValueError(f"/proc/meminfo has no {field}")
    return int(found[1]) * 1024


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"
