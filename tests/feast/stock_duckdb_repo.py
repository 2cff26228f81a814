# SPDX-License-Identifier: Apache-2.0
"""FULL_REPO_CONFIGS_MODULE for Feast's tests: Feast's duckdb store over Parquet, to compare with.

Feast's own module of that store runs every test over Delta as well; Larder is compared on Parquet.
"""

from tests.universal.feature_repos.duckdb_repo_configuration import DuckDBDataSourceCreator

OFFLINE_STORE_TYPE = "duckdb"
AVAILABLE_OFFLINE_STORES = [("local", DuckDBDataSourceCreator)]
AVAILABLE_ONLINE_STORES = {"sqlite": ({"type": "sqlite"}, None)}
