# SPDX-License-Identifier: Apache-2.0
"""The engine's debug settings: they change its road and never its answer."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Setting:
    """See feast_larder._engine.Options."""

    threads: int = 2
    batch_rows: int = 65_536
    key_hash_bits: int = 64
    diagnose_nulls: bool = False
    rows_in_memory: int = 0

    def options(self) -> dict[str, Any]:
        return asdict(self)


SETTINGS = [
    Setting(threads=1),
    Setting(threads=2),
    Setting(threads=8),
    Setting(batch_rows=1),
    Setting(batch_rows=7),
    Setting(key_hash_bits=0),
    Setting(key_hash_bits=8),
    Setting(rows_in_memory=1),
    Setting(rows_in_memory=3, key_hash_bits=8),
    Setting(threads=8, batch_rows=1, key_hash_bits=0, diagnose_nulls=True),
    Setting(threads=1, batch_rows=7, key_hash_bits=8),
]
