# SPDX-License-Identifier: Apache-2.0
"""FULL_REPO_CONFIGS_MODULE for Feast's tests: Larder over Feast's stock FileSource."""

from larder_creators import LarderFileDataSourceCreator

OFFLINE_STORE_TYPE = "feast_larder.LarderOfflineStore"
AVAILABLE_OFFLINE_STORES = [("local", LarderFileDataSourceCreator)]
AVAILABLE_ONLINE_STORES = {"sqlite": ({"type": "sqlite"}, None)}
