# SPDX-License-Identifier: Apache-2.0
"""Which row of the history an entity row gets, rule by rule."""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from feature_repo import FeatureRepo, at, history, rows, timestamps

HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)


def test_newest_row_at_or_before_the_entity_time(repo: FeatureRepo) -> None:
    repo.add_view(history([1, 1, 1], [at(0), at(2), at(4)], value=[10, 12, 14]))
    entity_rows = rows([1] * 5, [at(-1), at(0), at(1), at(2), at(9)])
    assert repo.values(entity_rows) == [None, 10, 10, 12, 14]


def test_a_row_one_microsecond_later_is_the_future(repo: FeatureRepo) -> None:
    repo.add_view(history([1], [at(1) + MICROSECOND], value=[1]))
    assert repo.values(rows([1, 1], [at(1), at(1) + MICROSECOND])) == [None, 1]


def test_unsorted_history(repo: FeatureRepo) -> None:
    repo.add_view(history([1, 2, 1, 2], [at(4), at(1), at(2), at(3)], value=[4, 1, 2, 3]))
    assert repo.values(rows([1, 1, 2, 2], [at(3), at(5), at(2), at(9)])) == [2, 4, 1, 3]


@pytest.mark.parametrize(
    ("age", "expected"),
    [(HOUR - MICROSECOND, 1), (HOUR, 1), (HOUR + MICROSECOND, None)],
)
def test_ttl_includes_its_edge(repo: FeatureRepo, age: timedelta, expected: int | None) -> None:
    repo.add_view(history([1], [at(0)], value=[1]), ttl=HOUR)
    assert repo.values(rows([1], [at(0) + age])) == [expected]


@pytest.mark.parametrize("ttl", [None, timedelta(0)])
def test_no_ttl_and_ttl_zero_are_unlimited(repo: FeatureRepo, ttl: timedelta | None) -> None:
    repo.add_view(history([1], [at(0)], value=[1]), ttl=ttl)
    assert repo.values(rows([1], [at(24 * 365 * 60)])) == [1]


def test_expired_and_future_rows_keep_the_entity_row(repo: FeatureRepo) -> None:
    repo.add_view(history([1, 2], [at(0), at(8)], value=[1, 2]), ttl=HOUR)
    result = repo.join(rows([1, 2, 3], [at(4), at(4), at(4)]))
    assert result["key"].to_pylist() == [1, 2, 3]
    assert result["value"].to_pylist() == [None, None, None]


def test_newest_row_wins_even_when_its_feature_is_null(repo: FeatureRepo) -> None:
    repo.add_view(history([1, 1], [at(0), at(1)], value=[1, None]))
    assert repo.values(rows([1], [at(2)])) == [None]


def test_tie_goes_to_the_latest_created(repo: FeatureRepo) -> None:
    created = timestamps(at(3), at(5), at(4))
    table = history([1, 1, 1], [at(1)] * 3, value=[3, 5, 4], created=created)
    repo.add_view(table, created_timestamp_column="created")
    assert repo.values(rows([1], [at(2)])) == [5]


def test_null_created_loses_the_tie(repo: FeatureRepo) -> None:
    created = timestamps(at(3), None)
    table = history([1, 1], [at(1)] * 2, value=[1, 2], created=created)
    repo.add_view(table, created_timestamp_column="created")
    assert repo.values(rows([1], [at(2)])) == [1]


@pytest.mark.parametrize("created", [None, "created"])
def test_exact_tie_goes_to_the_later_row(repo: FeatureRepo, created: str | None) -> None:
    same = timestamps(at(1), at(1), at(1))
    table = history([1, 1, 1], [at(1)] * 3, value=[1, 2, 3], created=same)
    repo.add_view(table, created_timestamp_column=created or "")
    assert repo.values(rows([1], [at(2)])) == [3]


def test_exact_tie_between_files_goes_to_the_later_path(repo: FeatureRepo) -> None:
    repo.write(history([1], [at(1)], value=[9]), "days/b.parquet")
    repo.write(history([1], [at(1)], value=[8]), "days/a.parquet")
    repo.add_view("days")
    assert repo.values(rows([1], [at(2)])) == [9]


def test_null_join_keys_match_nothing(repo: FeatureRepo) -> None:
    keys = pa.array([None, 0, 1], pa.int64())
    repo.add_view(history(keys, [at(0)] * 3, value=[7, 8, 9]))
    assert repo.values(rows(keys, [at(1)] * 3)) == [None, 8, 9]


def test_one_null_of_two_join_keys_matches_nothing(repo: FeatureRepo) -> None:
    second = pa.array([5, None], pa.int64())
    table = history([1, 1], [at(0)] * 2, value=[7, 8], second=second)
    repo.add_view(table, keys=["key", "second"])
    assert repo.values(rows([1, 1], [at(1)] * 2, second=second)) == [7, None]


def test_two_join_keys_are_compared_column_by_column(repo: FeatureRepo) -> None:
    table = history(["1", "11"], [at(0)] * 2, value=[1, 2], second=["11", "1"])
    repo.add_view(table, keys=["key", "second"])
    entity_rows = rows(["1", "11", "1"], [at(1)] * 3, second=["11", "1", "1"])
    assert repo.values(entity_rows) == [1, 2, None]


def test_null_event_times_are_no_candidates(repo: FeatureRepo) -> None:
    repo.add_view(history([1, 1], [at(0), None], value=[1, 2]))
    assert repo.values(rows([1], [at(1)])) == [1]


def test_null_entity_time_keeps_its_row_with_nulls(repo: FeatureRepo) -> None:
    repo.add_view(history([1], [at(0)], value=[1]))
    result = repo.join(rows([1, 1, 2], [None, at(1), None]))
    assert result["value"].to_pylist() == [None, 1, None]
    assert result["event_timestamp"].to_pylist() == [None, at(1), None]


def test_duplicate_entity_rows_all_come_back(repo: FeatureRepo) -> None:
    repo.add_view(history([1], [at(0)], value=[1]))
    result = repo.join(rows([1, 1, 1], [at(1)] * 3, label=[7, 8, 7]))
    assert result.select(["label", "value"]).to_pydict() == {"label": [7, 8, 7], "value": [1] * 3}


def test_rows_come_back_in_their_order(repo: FeatureRepo) -> None:
    size = 1000
    keys = [(7 * i) % 50 for i in range(size)]
    hours = [(13 * i) % 97 for i in range(size)]
    repo.add_view(history(list(range(50)), [at(0)] * 50, value=list(range(50))))
    result = repo.join(rows(keys, [at(h) for h in hours], row=list(range(size))))
    assert result["row"].to_pylist() == list(range(size))
    assert result["value"].to_pylist() == keys


def test_entity_columns_come_back_untouched(repo: FeatureRepo) -> None:
    repo.add_view(history([1], [at(0)], value=[1]))
    extra = {
        "nested": pa.array([[1, None], None]),
        "kind": pa.array(["a", "b"]).dictionary_encode(),
        "exact": pa.array([2**60 + 1, None]),
    }
    entity_rows = rows([1, 2], [at(1)] * 2, **extra)
    result = repo.join(entity_rows)
    assert result.column_names == [*entity_rows.column_names, "value"]
    assert result.select(entity_rows.column_names).equals(entity_rows)


@pytest.mark.parametrize("filtered", [True, False])
def test_created_cutoff(repo: FeatureRepo, filtered: bool) -> None:
    created = timestamps(at(0), at(5), None)
    table = history([1, 1, 1], [at(0), at(1), at(2)], value=[0, 1, 2], created=created)
    repo.add_view(table, created_timestamp_column="created")
    entity_rows = rows([1] * 3, [at(4), at(5), at(5) - MICROSECOND])
    values = repo.values(entity_rows, filter_by_created_timestamp=filtered)
    assert values == ([0, 1, 0] if filtered else [2, 2, 2])


def test_created_cutoff_leaves_views_without_created_alone(repo: FeatureRepo) -> None:
    repo.add_view(history([1], [at(1)], value=[1]))
    assert repo.values(rows([1], [at(2)]), filter_by_created_timestamp=True) == [1]


def test_no_entity_rows(repo: FeatureRepo) -> None:
    repo.add_view(history([1], [at(0)], value=[1]))
    result = repo.join(rows(pa.array([], pa.int64()), []))
    assert result.column_names == ["key", "event_timestamp", "value"]
    assert result.num_rows == 0
    assert result.schema.field("value").type == pa.int64()


def test_no_feature_rows(repo: FeatureRepo) -> None:
    repo.add_view(history([1], [at(0)], value=[1]).slice(1))
    assert repo.values(rows([1], [at(1)])) == [None]


def test_threads_batches_and_hash_bits_never_change_the_answer(tmp_path: Path) -> None:
    size = 500
    table = history(
        [i % 7 for i in range(size)],
        [at((i * 31) % 90) for i in range(size)],
        value=list(range(size)),
        created=timestamps(*[at((i * 17) % 11) for i in range(size)]),
    )
    entity_rows = rows([i % 9 for i in range(200)], [at((i * 13) % 120) for i in range(200)])
    answers = []
    for threads, batch_rows, bits in [(1, 65536, 64), (2, 1, 0), (8, 7, 8)]:
        debug = {"batch_rows": batch_rows, "key_hash_bits": bits}
        repo = FeatureRepo(tmp_path / str(threads), {"threads": threads, "debug": debug})
        path = repo.write(table, "stats.parquet", row_group_size=64)
        repo.add_view(path, created_timestamp_column="created", ttl=12 * HOUR)
        answers.append(repo.join(entity_rows).combine_chunks())
    assert answers[0].equals(answers[1])
    assert answers[0].equals(answers[2])
