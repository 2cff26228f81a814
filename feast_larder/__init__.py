# SPDX-License-Identifier: Apache-2.0
"""Larder: an offline store for Feast whose point-in-time joins run in C++ on Arrow.

Switch a feature repository to it with one line of ``feature_store.yaml``::

    offline_store:
      type: feast_larder.LarderOfflineStore
"""

import pyarrow  # first: it maps the libarrow that the extension is linked to

from feast_larder._import_error import explain_import_error

try:
    import feast_larder._engine  # noqa: F401
except ImportError as error:
    raise ImportError(explain_import_error(str(error), pyarrow.__version__)) from error

from feast_larder.explanation import Explanation, PlannedReads
from feast_larder.offline_store import LarderOfflineStore, LarderOfflineStoreConfig
from feast_larder.retrieval_job import LarderRetrievalJob
from feast_larder.source import LarderSource
from feast_larder.storage import LarderLoggingDestination, SavedDatasetLarderStorage

__all__ = [
    "Explanation",
    "LarderLoggingDestination",
    "LarderOfflineStore",
    "LarderOfflineStoreConfig",
    "LarderRetrievalJob",
    "LarderSource",
    "PlannedReads",
    "SavedDatasetLarderStorage",
]
