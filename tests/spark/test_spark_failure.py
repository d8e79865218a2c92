"""What is missing or does not fit is one error that says what to install; Spark's own errors are put in our words."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import textwrap
import venv
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
import pytest
from spark_project import HOUR, NOW, open_store, rides, spine, view, write

from repast.backends.offline.spark import SparkEngine
from repast.backends.offline.spark import session as spark_session
from repast.backends.offline.spark.failure import translate
from repast.backends.offline.spark.frame import SparkFrame
from repast.core.manifest import SourceSpec
from repast.errors import (
    ClosedError,
    CorruptDataError,
    InvalidConfigError,
    InvalidRequestError,
    MissingDependencyError,
    NotFoundError,
    RepastError,
    UnavailableError,
    UnsupportedError,
)

SPARK = {"offline_store": {"type": "spark"}}
OPEN = """
import sys
{first}
from pathlib import Path
from repast.backends.offline.spark import SparkEngine
from repast.errors import RepastError
try:
    SparkEngine(repo_path=Path("."), spark_conf={{"spark.master": "local[1]"}}{options}).session
except RepastError as error:
    print(type(error).__name__, "|", error.message, "|", error.hint)
"""


def opened_elsewhere(first: str = "", options: str = "", **environ: str | None) -> str:
    """Open a session in a process of its own and return what it says."""
    return run_elsewhere(OPEN.format(first=first, options=options), **environ)


def run_elsewhere(script: str, **environ: str | None) -> str:
    """Run a script in a process of its own, with some of its environment changed, and return its last line."""
    given = {**os.environ, **{name: value for name, value in environ.items() if value is not None}}
    for name in [name for name, value in environ.items() if value is None]:
        given.pop(name, None)
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_no_java_and_no_pyspark(tmp_path: Path) -> None:
    """Each says what to install, and how."""
    said = opened_elsewhere(JAVA_HOME=None, PATH="/nowhere")
    assert re.fullmatch(r"MissingDependencyError \| Spark needs Java.* \| install a Java 17.*JAVA_HOME", said)
    said = opened_elsewhere(first="sys.modules['pyspark'] = None")
    assert re.fullmatch(r"MissingDependencyError \| .*pyspark.* \| .*pip install 'repast\[spark\]'.*", said)
    said = opened_elsewhere(first="import pyspark; pyspark.__version__ = '3.5.1'")
    assert re.fullmatch(r"UnsupportedError \| .*pyspark 4.*3\.5\.1.* \| pip install -U 'repast\[spark\]'.*", said)


def test_java_that_does_not_start(tmp_path: Path) -> None:
    """A Java that is too old, or broken, is named."""
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'UnsupportedClassVersionError: class file version 61.0' >&2\nexit 1\n")
    java.chmod(0o755)
    said = opened_elsewhere(JAVA_HOME=str(tmp_path))
    assert said.startswith(
        f"MissingDependencyError | Java did not start (JAVA_HOME is {tmp_path}); Spark needs Java 17"
    )


def test_no_connect_server(monkeypatch: Any) -> None:
    """It is not waited for long; the address is shown, the token in it is not."""
    monkeypatch.setattr(spark_session, "_ANSWERS_WITHIN", 0.5)
    with pytest.raises(UnavailableError, match=r"sc://127\.0\.0\.1:1/ cannot be used: no answer") as caught:
        spark_session.open_session({}, "sc://127.0.0.1:1/;token=secret-token")
    assert "secret-token" not in str(caught.value)
    assert "sc://host:15002" in str(caught.value.hint)
    for address in ("http://127.0.0.1:1", "sc://127.0.0.1:port"):
        with pytest.raises(InvalidConfigError, match="is no address"):
            spark_session.open_session({}, address)


@pytest.fixture
def bare_python(tmp_path: Path) -> Path:
    """A Python with what Spark needs, and without repast: where that is installed for development, it is not seen."""
    folder = tmp_path / "bare"
    venv.create(folder, symlinks=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    (packages / "shared.pth").write_text(str(Path(pyspark.__file__).parents[1]))
    return folder / "bin" / "python"


@pytest.mark.slow
def test_executors_without_repast(tmp_path: Path, session: Any, monkeypatch: Any, bare_python: Path) -> None:
    """A load, and a retrieval there, ask for the package in this version; a retrieval here needs nothing of ours."""
    from repast import __version__

    write(rides(50, 5), tmp_path)
    store = open_store(tmp_path, [view()], **SPARK)
    monkeypatch.setattr(session.sparkContext, "pythonExec", str(bare_python))
    asked = spine(5, 5)
    answer = store.get_historical_features(asked, ["stats:trips"]).to_arrow()
    assert answer.num_rows == 5
    for failing in (
        lambda: store.materialize(NOW - 99 * HOUR, NOW),
        lambda: store.get_historical_features(session.createDataFrame(asked), ["stats:trips"]).to_arrow(),
    ):
        with pytest.raises(MissingDependencyError, match="executors have no Python package 'repast'") as caught:
            failing()
        assert f"pip install 'repast=={__version__}'" in str(caught.value.hint)


def test_executors_with_another_python(tmp_path: Path, session: Any, monkeypatch: Any) -> None:
    """Another minor version, or none at all, is told with the variable to set."""
    write(rides(50, 5), tmp_path)
    store = open_store(tmp_path, [view()], **SPARK)
    with monkeypatch.context() as patch:
        patch.setattr(session.sparkContext, "pythonVer", "3.7")
        with pytest.raises(UnsupportedError, match="another minor version of Python") as caught:
            store.materialize(NOW - 99 * HOUR, NOW)
        assert "PYSPARK_PYTHON" in str(caught.value.hint)
    monkeypatch.setattr(session.sparkContext, "pythonExec", "/nowhere/python3")
    with pytest.raises(MissingDependencyError, match="do not find their Python") as gone:
        store.materialize(NOW - 99 * HOUR, NOW)
    assert "PYSPARK_PYTHON" in str(gone.value.hint)


def test_workers_of_another_version_of_repast(tmp_path: Path, session: Any, monkeypatch: Any) -> None:
    """A worker that would encode otherwise refuses to write."""
    import repast

    write(rides(50, 5), tmp_path)
    store = open_store(tmp_path, [view()], **SPARK)
    monkeypatch.setattr(repast, "__version__", "9.9.9")
    with pytest.raises(UnsupportedError, match=r"this load was planned by 9\.9\.9") as caught:
        store.materialize(NOW - 99 * HOUR, NOW)
    assert "pip install 'repast==9.9.9'" in str(caught.value.hint)


SOURCES: list[tuple[str, dict[str, str], type[RepastError], str]] = [
    ("no path", {"path": "gone.json", "file_format": "json"}, NotFoundError, "gone.json"),
    ("no table", {"table": "nothing.at_all"}, NotFoundError, "nothing"),
    ("bad query", {"query": "SELECT FROM WHERE"}, InvalidRequestError, "Source 's'"),
    ("not Parquet", {"path": "text.parquet"}, CorruptDataError, "text.parquet"),
    ("no rows", {"path": "empty", "file_format": "json"}, NotFoundError, "no files with rows"),
    ("a catalog that nobody named", {"table": "nobody.db.t"}, NotFoundError, "no catalog.*nobody"),
    ("statement that changes something", {"query": "DROP TABLE IF EXISTS t"}, InvalidRequestError, "Syntax error"),
    ("two columns of one name", {"query": "SELECT 1 AS a, 2 AS a"}, InvalidRequestError, "two columns called 'a'"),
    ("names that differ in case", {"path": "twins.parquet"}, InvalidRequestError, "columns 'a' and 'A'.*case only"),
    (
        "no type of Arrow",
        {"query": "SELECT INTERVAL 2 MONTHS AS m"},
        UnsupportedError,
        "'m' has the type interval month",
    ),
    ("no object store", {"path": "s3://bucket/x"}, MissingDependencyError, "s3a://"),
]


@pytest.mark.parametrize(("options", "kind", "word"), [case[1:] for case in SOURCES], ids=[c[0] for c in SOURCES])
def test_sources_that_cannot_be_read(
    tmp_path: Path, session: Any, options: dict[str, str], kind: type[RepastError], word: str
) -> None:
    """Not there, no SQL, no Parquet, two columns that are one: each in its category, with the source's name."""
    (tmp_path / "text.parquet").write_text("not Parquet at all, and longer than its magic bytes")
    (tmp_path / "empty").mkdir()
    pq.write_table(pa.table([[1], [1]], names=["a", "A"]), tmp_path / "twins.parquet")
    engine = SparkEngine(repo_path=tmp_path)
    with pytest.raises(kind, match=word) as caught:
        engine.inspect(SourceSpec(name="s", source_type="spark", options=options))
    assert "'s'" in str(caught.value) or "'m'" in str(caught.value)
    assert "\n\tat " not in str(caught.value)


NO_PACKAGE = [
    ({"path": "x", "file_format": "delta"}, "io.delta:delta-spark.*DeltaSparkSessionExtension.*spark_catalog"),
    ({"path": "x", "file_format": "iceberg"}, "org.apache.iceberg:iceberg-spark-runtime.*spark.sql.catalog.NAME"),
    ({"table": "lake.db.t"}, "org.apache.iceberg:iceberg-spark-runtime"),
    ({"query": "SELECT * FROM lake.db.t"}, "org.apache.iceberg:iceberg-spark-runtime"),
    ({"query": "SELECT * FROM delta.`/x`"}, "io.delta:delta-spark"),
    ({"path": "x", "file_format": "avro"}, "org.apache.spark:spark-avro"),
    ({"path": "x", "file_format": "parqet"}, "parquet, csv, json.*need a package"),
]


@pytest.mark.parametrize(("options", "package"), NO_PACKAGE)
def test_formats_and_catalogs_without_their_package(
    tmp_path: Path, session: Any, options: dict[str, str], package: str
) -> None:
    """Paths, tables of a catalog and queries: one error, with the package for this Spark and what to set."""
    session.conf.set("spark.sql.catalog.lake", "org.apache.iceberg.spark.SparkCatalog")
    engine = SparkEngine(repo_path=tmp_path)
    try:
        with pytest.raises(UnsupportedError, match=r"Source 's' \(") as caught:
            engine.inspect(SourceSpec(name="s", source_type="spark", options=options))
        assert re.search(package, str(caught.value.hint))
        assert "spark.jars.packages" in str(caught.value.hint)
        if "table" in options:
            with pytest.raises(UnsupportedError, match=r"to lake\.db\.t: .*SparkCatalog"):
                SparkFrame(session.range(1), "The retrieval").write_table("lake.db.t")
    finally:
        session.conf.unset("spark.sql.catalog.lake")


def test_another_spark_on_the_cluster() -> None:
    """Java's word for two versions of Spark that meet is ours: there is no second Spark here to meet."""
    text = "java.io.InvalidClassException: org.apache.spark.rdd.RDD; local class incompatible: stream classdesc"
    error = translate(RuntimeError(text), "The load")
    assert isinstance(error, UnsupportedError)
    assert error.hint == "install the pyspark of the cluster"


@pytest.mark.parametrize(
    "said",
    [
        # Of Iceberg 1.10 for Spark 3.5: by Spark 4.3, by its reader of paths, and by Spark 4.1.
        "java.lang.IncompatibleClassChangeError: class org.apache.iceberg.spark.source.SparkView can not implement "
        "org.apache.spark.sql.connector.catalog.View, because it is not an interface",
        "java.lang.IncompatibleClassChangeError: Found interface "
        "org.apache.spark.sql.connector.catalog.CatalogManager, but class was expected"
        "\n\tat org.apache.iceberg.spark.source.IcebergSource.extractIdentifier(IcebergSource.java)",
        "java.lang.NoSuchMethodError: 'org.apache.spark.sql.internal.SQLConf org.apache.spark.sql.SQLContext.conf()'"
        "\n\tat org.apache.iceberg.spark.SparkCatalog.initialize(SparkCatalog.java)",
    ],
)
def test_packages_for_another_spark(said: str) -> None:
    """What was built for another Spark is named, with the version that this one needs."""
    error = translate(RuntimeError(f"An error occurred while calling o1.table.\n: {said}"), "Source 's'")
    assert isinstance(error, UnsupportedError)
    needed = f"Spark {'.'.join(pyspark.__version__.split('.')[:2])}"
    assert f"does not fit {needed}" in error.message
    assert needed in error.hint
    assert "iceberg-spark-runtime" in error.hint


@pytest.mark.parametrize(
    ("master", "kind", "word"),
    [
        ("spark://127.0.0.1:{port}", UnavailableError, "No master .* answers: 127.0.0.1:{port}: .*refused"),
        ("spark://127.0.0.1:{port},localhost:{port}", UnavailableError, "127.0.0.1:{port}: .*; localhost:{port}: "),
        ("spark://127.0.0.1", InvalidConfigError, "'127.0.0.1' is no address"),
        ("spark://127.0.0.1:70777", InvalidConfigError, "'127.0.0.1:70777' is no address"),
    ],
)
def test_a_standalone_master_that_is_not_there(master: str, kind: type[Exception], word: str) -> None:
    """It is told at once, before Java starts: Spark would try for more than a minute."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and listens to none, so that it refuses
        port = str(nobody.getsockname()[1])
        with pytest.raises(kind, match=word.format(port=port)):
            spark_session._check_master(master.format(port=port))


def test_a_launcher_that_ends() -> None:
    """Java is there, what it was given is wrong: nobody is told to install Java."""
    said = opened_elsewhere(options=' | {"spark.driver.memory": "lots"}')
    assert re.fullmatch(r"InvalidConfigError \| Spark's launcher ended.* \| check .*spark\.driver\.memory.*", said)


def ask_elsewhere(folder: Path, script: str) -> str:
    """Run a script in a process that has a store on Spark, a spine there as ``frame``, and a retrieval, ``pending``."""
    write(rides(50, 5), folder)
    open_store(folder, [view()]).close()
    begin = f"""
        import sys
        from pathlib import Path
        sys.path[:0] = {sys.path!r}
        from server.spark import FEW_ROWS, PLAIN, local_conf
        from spark_project import open_store, spine
        from repast.errors import ClosedError, UnavailableError
        folder = Path({str(folder)!r})
        conf = local_conf(folder) | FEW_ROWS | PLAIN
        store = open_store(folder, offline_store={{"type": "spark", "spark_conf": conf}})
        session = store._workspace.engine.session
        frame = session.createDataFrame(spine(5, 5))
        pending = store.get_historical_features(frame, ["stats:trips"])
        said = []
    """
    return run_elsewhere(textwrap.dedent(begin) + textwrap.dedent(script))


@pytest.mark.slow
def test_a_session_that_somebody_stops(tmp_path: Path) -> None:
    """What needs no frame of it goes on with the session of now; a frame went with its session, and that is said."""
    said = ask_elsewhere(
        tmp_path,
        """
        session.stop()
        for ask in (pending.to_arrow, lambda: store.get_historical_features(frame, ["stats:trips"]).to_arrow()):
            try:
                ask()
            except ClosedError as error:
                said.append(error.message)
        said.append(store.get_historical_features(spine(5, 5), ["stats:trips"]).to_arrow().num_rows)
        print(said)
        """,
    )
    assert said == str(["The retrieval: the Spark session was stopped."] * 2 + [5])


@pytest.mark.slow
def test_java_that_somebody_kills(tmp_path: Path) -> None:
    """As a system does that is short of memory: what to do is said, for PySpark starts no other Java."""
    said = ask_elsewhere(
        tmp_path,
        """
        from pyspark import SparkContext
        java = SparkContext._gateway.proc
        java.kill()
        java.wait()
        for ask in (pending.to_arrow, lambda: store.get_historical_features(spine(5, 5), ["stats:trips"]).to_arrow()):
            try:
                ask()
            except UnavailableError as error:
                said.append(error.message.partition(";")[0])
        print(said)
        """,
    )
    ended = "the Java process of Spark has ended"
    assert said == str([f"The retrieval: {ended}", f"The Spark session: {ended}"])


@pytest.mark.parametrize(
    "gone",
    [
        '"org.apache.spark.SparkEnv.rpcEnv()" because the return value of "org.apache.spark.SparkEnv$.get()" is null',
        '"org.apache.spark.scheduler.DAGScheduler.runJob()" because the return value of '
        '"org.apache.spark.SparkContext.dagScheduler()" is null',
    ],
)
def test_what_a_stopped_session_says(gone: str) -> None:
    """It depends on what is asked for first."""
    error = translate(RuntimeError(f"An error occurred.\n: java.lang.NullPointerException: Cannot invoke {gone}"), "It")
    assert isinstance(error, ClosedError)


def test_a_place_that_is_not_for_everybody() -> None:
    """Of an error while reading nobody says that something was written."""
    said = "org.apache.hadoop.security.AccessControlException: Permission denied: user=ann, access=EXECUTE"
    error = translate(RuntimeError(f"An error occurred while calling o1.load.\n: {said}"), "Source 'rides' (/data)")
    assert isinstance(error, InvalidRequestError)
    assert error.message.startswith("Source 'rides' (/data) cannot be read or written: ")


def test_spines_that_are_none(tmp_path: Path, session: Any) -> None:
    """Columns that Spark cannot tell apart are both named; a stream has no end."""
    write(rides(5, 5), tmp_path)
    store = open_store(tmp_path, [view()], **SPARK)
    asked = session.createDataFrame(spine(3, 3))
    stream = session.readStream.format("rate").load().selectExpr("value AS driver_id", "timestamp AS event_timestamp")
    for frame, word in (
        (asked.selectExpr("*", "label"), "entity_df has two columns called 'label'"),
        (asked.selectExpr("*", "driver_id AS Driver_ID"), "columns 'driver_id' and 'Driver_ID'.*case only"),
        (stream, "is a stream"),
    ):
        with pytest.raises(InvalidRequestError, match=word):
            store.get_historical_features(frame, ["stats:trips"])


def test_sources_whose_other_columns_differ_in_case(tmp_path: Path, session: Any) -> None:
    """They may be there as long as nobody reads them."""
    write(rides(5, 5), tmp_path)
    query = f"SELECT *, 1 AS x, 2 AS X FROM parquet.`{tmp_path}/rides`"
    store = open_store(tmp_path, [view(spark=True, source={"path": None, "query": query})], **SPARK)
    assert store.get_historical_features(spine(3, 3), ["stats:trips"]).to_arrow().num_rows == 3
    query = query.replace("2 AS X", "2 AS Trips")
    store = open_store(tmp_path, [view(spark=True, source={"path": None, "query": query})], **SPARK)
    with pytest.raises(InvalidRequestError, match=r"columns 'trips' and 'Trips'.*case only"):
        store.get_historical_features(spine(3, 3), ["stats:trips"]).to_arrow()


def test_places_that_cannot_be_written(tmp_path: Path, session: Any) -> None:
    """The place is named: where a file is in the way, where there is no file system, of columns that are one."""
    (tmp_path / "file").write_text("")
    three = session.range(3)
    for place, kind, word in (
        (f"file://{tmp_path}/file/x", InvalidRequestError, "file/x cannot be read or written"),
        ("s3://bucket/x", MissingDependencyError, "no file system for s3a://"),
    ):
        with pytest.raises(kind, match=word):
            SparkFrame(three, "The retrieval").write_parquet(place)
    twins = SparkFrame(three.selectExpr("id", "id AS ID"), "The retrieval")
    with pytest.raises(InvalidRequestError, match="columns 'id' and 'ID'"):
        twins.write_parquet(f"file://{tmp_path}/x")
    with pytest.raises(InvalidRequestError, match="columns 'id' and 'ID'"):
        twins.write_table("twins")
