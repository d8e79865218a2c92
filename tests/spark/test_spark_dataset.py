"""Training sets kept as tables of Spark: written by the executors, read again, replaced when they are complete."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from spark_project import open_store, rides, spine, view, write

from repast.app.store import FeatureStore
from repast.backends.offline.spark.frame import SparkFrame
from repast.backends.offline.spark.table import read_table, replace_table
from repast.errors import ConflictError, InvalidRequestError, NotFoundError, RepastError

FEATURES = ["stats:trips", "stats:rate", "stats:city"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FeatureStore]:
    write(rides(200, 6), tmp_path)
    store = open_store(tmp_path, [view()], offline_store={"type": "spark"})
    yield store
    store.close()


@pytest.fixture
def database(session: Any) -> Iterator[str]:
    """A database that is not the current one: neither its tables nor those beside them may be looked for there."""
    session.sql("CREATE DATABASE sets")
    yield "sets"
    session.sql("DROP DATABASE sets CASCADE")


def rows_of(table: Any) -> list[str]:
    return sorted(repr(row) for row in table.to_pylist())


def tables(session: Any, database: str) -> list[str]:
    # A session's temporary views are listed with the tables of every database.
    return sorted(table.name for table in session.catalog.listTables(database) if not table.isTemporary)


def test_a_saved_dataset_is_a_table_that_is_read_again(store: FeatureStore, session: Any, database: str) -> None:
    frame = session.createDataFrame(spine(50, 6))
    job = store.get_historical_features(frame, FEATURES)
    saved = store.create_saved_dataset(job, "set", table=f"{database}.train")
    assert session.table("sets.train").count() == saved.definition.rows == 50
    expected = rows_of(job.to_arrow())
    assert rows_of(saved.to_arrow()) == expected
    assert rows_of(store.get_saved_dataset("set").to_arrow()) == expected
    with pytest.raises(ConflictError, match="'set'"):
        store.create_saved_dataset(job, "set", table=f"{database}.other")
    with pytest.raises(ConflictError, match=r"sets\.train"):
        store.create_saved_dataset(job, "other", table=f"{database}.train")
    assert tables(session, database) == ["train"]
    few = store.get_historical_features(frame.limit(5), FEATURES[:1])
    store.create_saved_dataset(few, "set", table=f"{database}.train", allow_overwrite=True)
    assert rows_of(store.get_saved_dataset("set").to_arrow()) == rows_of(few.to_arrow())
    assert tables(session, database) == ["train"]
    session.sql("DROP TABLE sets.train")
    with pytest.raises(NotFoundError, match=r"Table sets\.train"):
        saved.to_arrow()


@pytest.mark.parametrize("name", ["sets.train", "spark_catalog.sets.train", "sets.`train`", "here"])
def test_a_table_is_replaced_when_the_new_one_is_complete(session: Any, database: str, name: str) -> None:
    def count() -> int:
        return read_table(session, name).read_all().num_rows

    others = tables(session, "default")
    replace_table(session.range(3), name, "Three")  # there was none
    assert count() == 3
    replace_table(session.table(name).limit(2), name, "Two of the very table")
    assert count() == 2
    with pytest.raises(RepastError, match="no luck"):
        replace_table(session.sql("SELECT raise_error('no luck') AS id FROM range(1)"), name, "None")
    assert count() == 2
    session.sql(f"DROP TABLE {name}")
    assert tables(session, database) == []
    assert tables(session, "default") == others


def test_others_read_the_times_that_were_written(tmp_path: Path, session: Any) -> None:
    """Microseconds of UTC, not the INT96 of no zone that Spark writes else; which it goes on to do for others."""
    before = session.conf.get("spark.sql.parquet.outputTimestampType")
    frame = session.sql("SELECT TIMESTAMP '9999-12-31 23:59:59.999999Z' AS at")
    SparkFrame(frame, "The retrieval").write_parquet(f"file://{tmp_path}/set")
    assert pq.read_table(tmp_path / "set").to_pylist() == [{"at": datetime.max.replace(tzinfo=UTC)}]
    assert session.conf.get("spark.sql.parquet.outputTimestampType") == before


def test_what_cannot_be_replaced_stays_as_it_was(session: Any, database: str) -> None:
    """A view is no table, a name may be none, a database may not be there: nothing is left behind."""
    session.range(3).write.saveAsTable("sets.base")
    session.sql("CREATE VIEW sets.looked_at AS SELECT * FROM sets.base")
    for name, kind in (("sets.looked_at", RepastError), ("f(1)", InvalidRequestError), ("gone.train", NotFoundError)):
        with pytest.raises(kind):
            replace_table(session.range(5), name, "Five")
    assert tables(session, database) == ["base", "looked_at"]
    assert session.table("sets.looked_at").count() == 3


@pytest.mark.parametrize("spark", [False, True])
def test_results_do_not_go_among_the_files_they_are_read_from(tmp_path: Path, session: Any, *, spark: bool) -> None:
    """A folder of results in a source's folder would be read as part of it, and change every later answer."""
    write(rides(20, 6), tmp_path)
    store = open_store(tmp_path, [view(spark=spark)], offline_store={"type": "spark"})
    job = store.get_historical_features(session.createDataFrame(spine(5, 6)), FEATURES)
    before = sorted((tmp_path / "rides").iterdir())
    for target in (tmp_path / "rides", tmp_path / "rides" / "set", str(tmp_path / "rides" / "set.parquet")):
        with pytest.raises(InvalidRequestError, match="is a file of source"):
            job.to_parquet(target)
    assert sorted((tmp_path / "rides").iterdir()) == before
    store.close()
