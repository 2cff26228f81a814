# SPDX-License-Identifier: Apache-2.0
"""How Feast finds the store, what it may be configured with, and what loading can say."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from feast.infra.offline_stores.offline_utils import get_offline_store_from_config
from feast.repo_config import get_offline_config_from_type
from feature_repo import FeatureRepo, at, history, rows
from pydantic import ValidationError

import feast_larder
from feast_larder import LarderOfflineStore, LarderOfflineStoreConfig
from feast_larder._import_error import explain_import_error


@pytest.mark.parametrize(
    "type_name",
    ["feast_larder.LarderOfflineStore", "feast_larder.offline_store.LarderOfflineStore"],
)
def test_feast_finds_store_and_config(type_name: str) -> None:
    config_class = get_offline_config_from_type(type_name)
    assert config_class is LarderOfflineStoreConfig
    store = get_offline_store_from_config(config_class(type=type_name))
    assert isinstance(store, LarderOfflineStore)
    assert store.supports_filter_by_created_timestamp


def test_defaults_and_engine_settings() -> None:
    assert LarderOfflineStoreConfig().engine_settings() == {
        "threads": 0,
        "memory_limit": 0,
        "diagnose_nulls": False,
        "batch_rows": 65536,
        "key_hash_bits": 64,
        "rows_in_memory": 0,
        "spill_directory": "",
    }


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (4096, 4096),
        ("4096", 4096),
        ("2GiB", 2 << 30),
        ("2 gib", 2 << 30),
        ("1.5 MiB", 3 << 19),
        ("512MB", 512_000_000),
        ("1 kB", 1000),
        ("3TiB", 3 << 40),
        ("7 B", 7),
    ],
)
def test_memory_limit(text: int | str, size: int) -> None:
    assert LarderOfflineStoreConfig(memory_limit=text).memory_limit == size


@pytest.mark.parametrize(
    "options",
    [
        {"threads": -1},
        {"threads": 2000},
        {"threads": "two"},
        {"memory_limit": "2 gibbons"},
        {"memory_limit": "GiB"},
        {"memory_limit": -1},
        {"debug": {"key_hash_bits": 65}},
        {"debug": {"batch_rows": 0}},
        {"spill": True},
    ],
)
def test_bad_options_are_refused_by_name(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(options))):
        LarderOfflineStoreConfig(**options)


def test_options_come_from_feature_store_yaml(make_repo: Callable[..., FeatureRepo]) -> None:
    repo = make_repo(threads=1, memory_limit="1GiB")
    config = repo.store.config.offline_store
    assert (config.threads, config.memory_limit) == (1, 1 << 30)
    repo.add_view(history([1], [at(0)], value=[1]))
    job = repo.store.get_historical_features(rows([1], [at(0)]), ["stats:value"])
    job.to_arrow()
    assert job.stats()["threads"] == 1


def test_other_pyarrow_is_named() -> None:
    loader = "libarrow.so.2600: cannot open shared object file: No such file or directory"
    message = explain_import_error(loader, "27.0.1")
    assert "built for pyarrow 26.0, found 27.0.1" in message


def test_foreign_libarrow_is_named() -> None:
    message = explain_import_error("_engine.so: undefined symbol: _ZN5arrow", "26.0.1")
    assert "LD_LIBRARY_PATH" in message


def test_missing_extension_is_one_readable_import_error(tmp_path: Path) -> None:
    package = Path(feast_larder.__file__).parent
    sources = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(package, tmp_path / "feast_larder", ignore=sources)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        # An editable install finds the extension wherever the package is.
        "sys.meta_path = [f for f in sys.meta_path if 'Redirecting' not in type(f).__name__];"
        "import feast_larder"
    )
    command = [sys.executable, "-I", "-c", code, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 1
    assert "ImportError: feast_larder cannot load its extension" in run.stderr


def test_only_one_libarrow_is_mapped() -> None:
    maps = Path("/proc/self/maps").read_text()
    libraries = {line.split()[-1] for line in maps.splitlines() if "/libarrow.so" in line}
    assert len(libraries) == 1
    assert pa.get_library_dirs()[0] in libraries.pop()
