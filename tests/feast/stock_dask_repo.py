# SPDX-License-Identifier: Apache-2.0
"""FULL_REPO_CONFIGS_MODULE for Feast's tests: Feast's dask store, to compare with."""

from tests.universal.feature_repos.universal.data_sources.file import FileDataSourceCreator

OFFLINE_STORE_TYPE = "dask"
AVAILABLE_OFFLINE_STORES = [("local", FileDataSourceCreator)]
AVAILABLE_ONLINE_STORES = {"sqlite": ({"type": "sqlite"}, None)}
