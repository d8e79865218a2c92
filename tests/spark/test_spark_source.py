"""Sources in every form that Spark reads here: the same rows are the same answers as DuckDB's on Parquet.

Delta and Iceberg need packages of Java for this very Spark, which the tests cannot fetch (Iceberg 1.10 for Spark 3.5
loads on neither Spark 4.1 nor 4.3): that Spark is asked for these formats, and what is said when it lacks them or has
them for another Spark, is in test_spark_failure.py; reading them is not run here.
"""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from spark_project import HOUR, open_store, rides, spine, view, write

from repast.backends.offline.spark import SparkEngine
from repast.backends.offline.spark.schema import footer_schema
from repast.backends.offline.spark.source import open_source
from repast.core.manifest import SourceSpec
from repast.errors import InvalidRequestError, UnsupportedError

SPARK = {"offline_store": {"type": "spark"}}
FEATURES = ["stats:trips", "stats:city"]


def store_as(kind: str, folder: Path, session: Any) -> dict[str, Any]:
    """Write the rides in another form, with Spark, and return where they are."""
    frame = session.read.parquet(f"file://{folder / 'rides'}")
    if kind in ("csv", "json", "orc", "int96"):
        form = {"int96": "parquet"}.get(kind, kind)
        options = {"header": "true", "escape": '"'} if kind == "csv" else {}
        frame.write.format(form).options(**options).save(f"file://{folder / kind}")
        return {"path": kind, "file_format": form}
    if kind == "query":
        frame.createOrReplaceTempView("rides_view")
        return {"path": None, "query": "SELECT * FROM rides_view WHERE driver_id IS NOT NULL"}
    frame.write.mode("overwrite").saveAsTable("rides_table")
    return {"path": None, "table": "rides_table"}


SLOW = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("json", "orc", "int96", "query")]


@pytest.mark.parametrize("kind", ["csv", "table", *SLOW])
def test_forms_of_sources(tmp_path: Path, session: Any, kind: str) -> None:
    """Whole numbers beyond 2^53, nulls, empty text and times come out of each form as they went in."""
    rows = rides(120, 6)
    if kind == "json":  # which has no NaN: Spark writes text, and text is no Float64
        rows = rows.set_column(4, "rate", pa.array([0.5] * rows.num_rows))
    write(rows, tmp_path)
    local = open_store(tmp_path, [view()])
    asked = spine(30, 6)
    expected = local.get_historical_features(asked, FEATURES).to_arrow()
    source = store_as(kind, tmp_path, session)
    spark = open_store(tmp_path, [view(spark=True, source=source)], registry="data/other", **SPARK)
    found = spark.get_historical_features(asked, FEATURES).to_arrow()
    assert found.schema == expected.schema
    assert repr(found.to_pylist()) == repr(expected.to_pylist())


def test_numbers_of_others_csv_and_patterns_over_partitions(tmp_path: Path, session: Any) -> None:
    """Python and Arrow write nan and inf, Spark NaN and Infinity; folders that a pattern goes through give columns."""
    (tmp_path / "n.csv").write_text("rate\nnan\ninf\n-inf\nNaN\nInfinity\n0.5\n")
    engine = SparkEngine(repo_path=tmp_path)
    csv = SourceSpec(name="c", source_type="spark", options={"path": "n.csv", "file_format": "csv"})
    scan = open_source(session, csv, tmp_path)
    found = [row.rate for row in scan.frame.collect()]
    assert repr(found) == "[nan, inf, -inf, nan, inf, 0.5]"
    for day in ("a", "b"):
        (tmp_path / "parts" / f"day={day}").mkdir(parents=True)
        pa.parquet.write_table(pa.table({"x": [1]}), tmp_path / "parts" / f"day={day}" / "x.parquet")
    for path in ("parts", "parts/*/*.parquet", "parts/day=a/*.parquet"):
        source = SourceSpec(name="p", source_type="spark", options={"path": path, "file_format": "parquet"})
        assert engine.inspect(source).names == ["x", "day"], path


def test_what_is_read_is_pruned(tmp_path: Path, session: Any) -> None:
    """The spine's range of time reaches the reader of the files, of which there is one."""
    write(rides(120, 6), tmp_path)
    store = open_store(tmp_path, [view(spark=True, ttl=HOUR)], **SPARK)
    plan = store.get_historical_features(session.createDataFrame(spine(30, 6)), FEATURES).to_spark_df()
    text = plan._jdf.queryExecution().optimizedPlan().toString()
    assert len(re.findall(r"Relation .* parquet", text)) == 1, text
    assert re.search(r"event_timestamp#\d+ >= \S+.*event_timestamp#\d+ <= ", text), text


def test_rows_are_appended(tmp_path: Path, session: Any) -> None:
    """To tables and to files; to a query they cannot be, and columns must be those that are there."""
    rows = rides(20, 3)
    write(rows, tmp_path)
    engine: Any = open_store(tmp_path, **SPARK)._workspace.engine
    session.read.parquet(f"file://{tmp_path / 'rides'}").write.mode("overwrite").saveAsTable("appended")
    table = SourceSpec(name="a", source_type="spark", options={"table": "appended"})
    engine.append(table, rows)
    assert session.table("appended").count() == 40
    with pytest.raises(InvalidRequestError, match="its columns are"):
        engine.append(table, rows.drop_columns(["city"]))
    with pytest.raises(UnsupportedError, match="is a query"):
        engine.append(SourceSpec(name="q", source_type="spark", options={"query": "SELECT 1"}), rows)


def test_common_columns_are_what_spark_says_they_are(tmp_path: Path, session: Any) -> None:
    """A footer that is read here gives Spark's own schema; where it cannot, as of a nested column, Spark is asked."""
    path = str(tmp_path / "all.parquet")
    common = {
        **{str(kind): pa.array([1], kind) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())},
        **{str(kind): pa.array([1], kind) for kind in (pa.float32(), pa.float64(), pa.date32())},
        **{f"utc {unit}": pa.array([1], pa.timestamp(unit, "UTC")) for unit in ("ms", "us", "ns")},
        "wall ns": pa.array([1], pa.timestamp("ns")),
        "bool": [True],
        "text": ["a"],
        "large": pa.array(["a"], pa.large_string()),
        "words": pa.array(["a"]).dictionary_encode(),
    }
    pa.parquet.write_table(pa.table(common), path)
    assert footer_schema(path) == session.read.parquet(f"file://{path}").schema
    others = [[[1]], [{"a": 1}], pa.array([1], pa.uint8()), pa.array([1], pa.timestamp("us")), [b"a"], pa.nulls(1)]
    for other in (*others, pa.array([1], pa.time64("us")), pa.array([1], pa.decimal128(5, 2))):
        pa.parquet.write_table(pa.table({"int": [1], "other": other}), path)
        assert footer_schema(path) is None
    pa.parquet.write_table(pa.table([[1], [1]], names=["a", "A"]), path)
    assert footer_schema(path) is None
    Path(path).write_text("no Parquet")
    assert footer_schema(path) is None


def test_what_spark_wrote_says_itself_what_it_is(tmp_path: Path, session: Any) -> None:
    """Nested columns, decimals and times without a zone included: a job would tell the same."""
    folder = f"file://{tmp_path / 'own'}"
    columns = ["array(id) AS ids", "struct('a' AS b, id) AS `a.b`", "CAST(1.5 AS DECIMAL(9, 2)) AS money"]
    frame = session.range(3).selectExpr("id", *columns, "TIMESTAMP_NTZ '2024-01-01' AS wall", "now() AS at")
    frame.coalesce(1).write.parquet(folder)
    (file,) = (tmp_path / "own").glob("*.parquet")
    told = footer_schema(str(file))
    assert told is not None
    known = session.read.schema(told).parquet(folder)
    assert known.schema == session.read.parquet(folder).schema
    assert known.collect() == session.read.parquet(folder).collect()


def test_known_files_are_opened_without_a_job(tmp_path: Path, session: Any) -> None:
    """Of Parquet the footer is enough; of CSV the first look is. Files that were written anew are looked at anew."""
    engine = SparkEngine(repo_path=tmp_path)

    def jobs(source: SourceSpec) -> tuple[list[str], int]:
        session.sparkContext.setJobGroup(group := f"open {uuid.uuid4()}", "")
        try:
            names = engine.inspect(source).names
        finally:
            session.sparkContext.setLocalProperty("spark.jobGroup.id", None)
        return names, len(session.sparkContext.statusTracker().getJobIdsForGroup(group))

    parquet = SourceSpec(name="p", source_type="file", options={"path": "p.parquet"})
    pa.parquet.write_table(pa.table({"a": [1]}), tmp_path / "p.parquet")
    assert jobs(parquet) == (["a"], 0)
    csv = SourceSpec(name="c", source_type="file", options={"path": "c.csv", "file_format": "csv"})
    (tmp_path / "c.csv").write_text("a,b\n1,2\n")
    names, looked = jobs(csv)
    assert (names, looked > 0) == (["a", "b"], True)
    assert jobs(csv) == (["a", "b"], 0)
    (tmp_path / "c.csv").write_text("a,longer\n1,2\n")
    names, looked = jobs(csv)
    assert (names, looked > 0) == (["a", "longer"], True)
