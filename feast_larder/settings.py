# SPDX-License-Identifier: Apache-2.0
"""Parsing of configuration values and times into the units of the engine."""

import re
from datetime import UTC, datetime, timedelta

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:([KMGT])(i?))?B?\s*", re.IGNORECASE)
_POWER = {"K": 1, "M": 2, "G": 3, "T": 4}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_bytes(size: str) -> int:
    """Read a size such as ``"2GiB"``, ``"1.5 GB"`` or ``"1048576"`` as bytes.

    KiB, MiB, GiB and TiB are powers of 1024; kB, MB, GB and TB are powers of 1000.

    Raises:
        ValueError: the text is not a size.
    """
    match = _SIZE.fullmatch(size)
    if match is None:
        raise ValueError(f"{size!r} is not a size: write bytes, or a number and KiB, MiB, GiB, MB")
    number, prefix, binary = match.groups()
    base = 1024 if binary else 1000
    return int(float(number) * base ** _POWER[prefix.upper()]) if prefix else int(float(number))


def timeout_milliseconds(timeout: float | None) -> int:
    """Convert a timeout in seconds to whole milliseconds; None means no limit, which is 0.

    Raises:
        ValueError: the timeout is not positive.
    """
    if timeout is None:
        return 0
    if timeout <= 0:
        raise ValueError(f"timeout must be a positive number of seconds, got {timeout}")
    return max(1, int(timeout * 1000))


def as_utc(time: datetime) -> datetime:
    """Convert a time to UTC; a naive one is UTC already."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def epoch_microseconds(time: datetime | None) -> int | None:
    """Convert a time to microseconds since 1970-01-01 UTC; a naive time is UTC, None stays None."""
    if time is None:
        return None
    return (as_utc(time) - _EPOCH) // timedelta(microseconds=1)


def from_epoch_microseconds(microseconds: int) -> datetime:
    """Convert microseconds since the epoch to a UTC time, held within the years 1 to 9999."""
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        limit = datetime.min if microseconds < 0 else datetime.max
        return limit.replace(tzinfo=UTC)
