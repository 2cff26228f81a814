# SPDX-License-Identifier: Apache-2.0
"""Which of Feast's tests are run over Larder, and why each other one is not: the one table.

Paths are relative to `sdk/python/tests` of a feast-dev/feast checkout. A line names a file or a
folder of the folder above it; a line that starts with `::` names one test of the file above it,
for which it holds in place of the file's line. The verdicts are:

run    over the store under test. (unmarked) and (file only) are tests that Feast binds to its file
       store; the plug-in unbinds them.
unit   as it is: it names Feast's own classes, and shows that Feast works where Larder is installed.
leave  not run, for the reason given.

At feast-dev/feast f0bc0700 `run` is 87 tests. A test that no line covers is refused, so that a
newer checkout cannot add one unseen.
"""

from dataclasses import dataclass
from enum import Enum

TABLE = """
integration/offline_store/
  test_dqm_validation.py               run    validation of saved datasets and logs (half unmarked)
  test_feature_logging.py              run    write_logged_features and reading back
  test_non_entity_mode.py              run    retrieval without entity rows
  test_offline_write.py                run    write_to_offline_store
  test_persist.py                      run    never overwrites a saved dataset unasked (file only)
  test_push_features_to_offline_store.py  run  push
  test_s3_custom_endpoint.py           leave  skipped by Feast; needs docker (MinIO)
  test_universal_historical_retrieval.py  run  point-in-time retrieval (one is file only)
  test_universal_materialization.py    run    pull_latest and pull_all into an online store
  test_universal_types.py              run    types of entities and features in retrieval
integration/materialization/
  test_universal_materialization.py    run    on-demand views, materialized (unmarked)
  kubernetes                           leave  skipped by Feast; needs a Kubernetes cluster
  test_lambda.py                       leave  skipped by Feast; needs an AWS account
  test_snowflake.py                    leave  needs a Snowflake account
integration/online_store/
  test_universal_e2e.py                run    materialize, materialize_incremental (unmarked)
  test_universal_online_types.py       run    types in materialization (unmarked)
  test_universal_online.py             leave  redis, postgres, milvus, elasticsearch, DynamoDB
  ::test_write_to_online_store                      run  schema of a source (unmarked)
  ::test_online_retrieval_with_shared_batch_source  run  two views, one source (unmarked)
  ::test_online_retrieval_with_event_timestamps     run  schema of a source (unmarked)
  ::test_online_list_retrieval                      run  schema of a source (unmarked)
  ::test_online_retrieval_success                   run  every view materialized (unmarked)
  test_push_features_to_online_store.py  leave  needs docker (MongoDB, DynamoDB)
  ::test_push_features_and_read        run    push source over ours (unmarked)
  test_dynamodb_versioning.py          leave  needs docker (DynamoDB)
  test_hybrid_online_store.py          leave  an online store over mocks; no offline call
  test_mongodb_online_retrieval.py     leave  needs docker (MongoDB)
  test_mongodb_vector_search.py        leave  needs docker (MongoDB)
  test_mysql_versioning.py             leave  needs docker (MySQL)
  test_postgres_versioning.py          leave  needs docker (Postgres)
  test_redis_versioning.py             leave  needs docker (Redis)
  test_remote_online_store.py          leave  needs docker (Keycloak); no offline call
  test_scylladb_online_store.py        leave  needs docker (ScyllaDB)
integration/registration/
  test_inference.py                    leave  FileSource alone, no store in it
  ::test_update_data_sources_with_inferred_event_timestamp_col  run  column types (unmarked)
  test_universal_odfv_feature_inference.py  run  apply of on-demand views (unmarked)
  test_feature_store.py                leave  registry; no offline call
  test_universal_registry.py           leave  registry; needs docker (MySQL, Postgres, MinIO)
  test_versioning.py                   leave  registry; no offline call
integration/offline_server/
  test_offline_server.py               leave  over the file store of `feast init`; one needs torch
  ::test_offline_server_is_alive       run    Feast's Flight server (unmarked)
integration/local_feast_tests/
  test_e2e_local.py                    run    `feast apply`, `feast materialize` (file only)
integration/
  cli                                  leave  registry; no offline call
  compute_engines                      leave  empty
  dbt                                  leave  needs dbt
  doctest                              leave  the docstrings of Feast
  monitoring                           leave  the monitoring service over mocked stores
  permissions                          leave  needs docker (Keycloak)
  rest_api                             leave  needs a Kubernetes cluster
  test_mcp_feature_server.py           leave  feature server; no offline call
  test_mlflow_integration.py           leave  needs MLflow
unit/
  test_offline_server.py               unit   remote store and Flight server over mocks
  test_retrieval_job_dataframe.py      unit   RetrievalJob, the base class of ours
unit/infra/offline_stores/
  test_dask_non_entity.py              unit   names the dask store
  test_filter_by_created_timestamp.py  unit   names the dask and duckdb stores, the SQL templates
  test_ibis.py                         unit   names the join of the duckdb store
  test_bigquery.py                     leave  names the BigQuery store
  test_bigquery_non_entity_mode.py     leave  names the BigQuery store
  test_clickhouse.py                   leave  names the ClickHouse store; imports its driver
  test_hybrid_offline_store.py         leave  imports the driver of Snowflake
  test_offline_store.py                leave  imports the drivers of Snowflake, Spark, Trino
  test_redshift.py                     leave  names the Redshift store
  test_snowflake.py                    leave  names the Snowflake store; imports its driver
  contrib                              leave  names the Postgres, Spark, Trino, MongoDB stores
"""

# Tests in which Feast's core refuses a data source that is not its own, whatever the store does. It
# does so by a ValueError: any other end of these tests is a failure.
REFUSED_BY_CORE = {
    "larder_source_repo": {
        "test_persist_does_not_overwrite": (
            "SavedDatasetStorage.from_data_source knows the sources File, Spark and Lance only"
        ),
    },
}


class Verdict(Enum):
    RUN = "run"
    UNIT = "unit"
    LEAVE = "leave"


@dataclass(frozen=True)
class Line:
    path: str
    test: str  # "" for every test of the path
    verdict: Verdict
    reason: str


def _parse(table: str) -> tuple[Line, ...]:
    lines: list[Line] = []
    folder = path = ""
    for text in filter(None, table.splitlines()):
        if not text.startswith(" "):
            folder = text
            continue
        name, verdict, reason = text.split(maxsplit=2)
        if not name.startswith("::"):
            path = folder + name
        lines.append(Line(path, name.partition("::")[2], Verdict(verdict), reason))
    return tuple(lines)


LINES = _parse(TABLE)

# What pytest is given to search, for each verdict that runs: wide enough to see new files.
SEARCHED = {
    Verdict.RUN: ("integration",),
    Verdict.UNIT: (
        "unit/infra/offline_stores",
        "unit/test_offline_server.py",
        "unit/test_retrieval_job_dataframe.py",
    ),
}


def find_line(path: str, test: str) -> Line | None:
    """The most specific line for a test: its own, else its file's, else that of a folder above."""
    covering = [
        line
        for line in LINES
        if line.test in ("", test) and (path == line.path or path.startswith(line.path + "/"))
    ]
    return max(covering, key=lambda line: (len(line.path), line.test != ""), default=None)


def is_left_whole(path: str) -> bool:
    """Whether no test of this file is run, so that it need not even be importable."""
    if any(line.path == path and line.verdict is not Verdict.LEAVE for line in LINES):
        return False
    line = find_line(path, "")
    return line is not None and line.verdict is Verdict.LEAVE
