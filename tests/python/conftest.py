# SPDX-License-Identifier: Apache-2.0
"""Fixtures: feature repositories in temporary folders."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from feature_repo import FeatureRepo


@pytest.fixture
def make_repo(tmp_path: Path) -> Callable[..., FeatureRepo]:
    def make(name: str = "repo", **offline_options: object) -> FeatureRepo:
        return FeatureRepo(tmp_path / name, offline_options)

    return make


@pytest.fixture
def repo(make_repo: Callable[..., FeatureRepo]) -> FeatureRepo:
    return make_repo()


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_is_heard() -> None:
    """Jobs in the background of a shell start with SIGINT ignored, and Python leaves it so."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
