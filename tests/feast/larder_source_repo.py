# SPDX-License-Identifier: Apache-2.0
"""FULL_REPO_CONFIGS_MODULE for Feast's tests: Larder over its own LarderSource."""

from larder_creators import LarderSourceDataSourceCreator

OFFLINE_STORE_TYPE = "feast_larder.LarderOfflineStore"
AVAILABLE_OFFLINE_STORES = [("local", LarderSourceDataSourceCreator)]
AVAILABLE_ONLINE_STORES = {"sqlite": ({"type": "sqlite"}, None)}
