# SPDX-License-Identifier: Apache-2.0
"""Pytest plug-in that runs Feast's own tests over the store of FULL_REPO_CONFIGS_MODULE.

Load it with PYTEST_PLUGINS=larder_suite_plugin, this directory on PYTHONPATH. Several of Feast's
tests of an offline store are bound to the file store, unmarked or marked only=["file"]; here they
run for the store under test. Which tests run is said in larder_selection.py.
"""

import importlib
import os
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from feast import FeatureStore
from larder_selection import REFUSED_BY_CORE, Verdict, find_line, is_left_whole

# What Feast's tests write into feature_store.yaml for the store they are bound to.
HARD_WIRED_STORE_TYPE = "file"


def repo_module_name() -> str:
    return os.environ["FULL_REPO_CONFIGS_MODULE"]


def path_in_suite(path: Path, config: pytest.Config) -> str:
    return path.relative_to(config.rootpath / "tests").as_posix()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves out files whose imports may need packages that are not installed."""
    if not collection_path.name.startswith("test_"):
        return None
    return True if is_left_whole(path_in_suite(collection_path, config)) else None


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Comes before Feast's own hook, which reads the last mark of this name."""
    if "environment" in metafunc.fixturenames:
        metafunc.definition.add_marker(pytest.mark.universal_offline_stores)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left, kept = [], []
    for item in items:
        path = path_in_suite(item.path, config)
        test = getattr(item, "originalname", item.name)
        line = find_line(path, test)
        if line is None:
            raise pytest.UsageError(f"larder_selection.py has no line for {path}::{test}")
        if line.verdict is Verdict.LEAVE:
            left.append(item)
            continue
        refusal = REFUSED_BY_CORE.get(repo_module_name(), {}).get(test)
        if refusal:
            item.add_marker(pytest.mark.xfail(raises=ValueError, reason=refusal, strict=True))
        kept.append(item)
    if left:
        config.hook.pytest_deselected(items=left)
    items[:] = kept


@pytest.fixture(autouse=True)
def _shell_uses_store_under_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Feature repos that a test makes for the `feast` command use the store under test."""
    from tests.utils.cli_repo_creator import CliRunner

    store_type = importlib.import_module(repo_module_name()).OFFLINE_STORE_TYPE
    local_repo = CliRunner.local_repo

    def with_store_type(
        self: CliRunner, example_repo_py: str, offline_store: str, **options: object
    ) -> AbstractContextManager[FeatureStore]:
        chosen = store_type if offline_store == HARD_WIRED_STORE_TYPE else offline_store
        return local_repo(self, example_repo_py, chosen, **options)

    monkeypatch.setattr(CliRunner, "local_repo", with_store_type)
