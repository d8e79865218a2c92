"""What is missing or does not fit is one error that says what to install; Spark's own errors are put in our words."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyspark
import pytest
from spark_project import HOUR, NOW, open_store, rides, spine, view, write

from repast.backends.offline.spark import SparkEngine
from repast.backends.offline.spark import session as spark_session
from repast.backends.offline.spark.failure import translate
from repast.core.manifest import SourceSpec
from repast.errors import (
    CorruptDataError,
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
    given = {**os.environ, **{name: value for name, value in environ.items() if value is not None}}
    for name in [name for name, value in environ.items() if value is None]:
        given.pop(name, None)
    script = OPEN.format(first=first, options=options)
    done = subprocess.run([sys.executable, "-c", script], env=given, capture_output=True, text=True, timeout=120)
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
    ("no Delta", {"path": "x", "file_format": "delta"}, UnsupportedError, "delta"),
    ("no Iceberg", {"path": "x", "file_format": "iceberg"}, UnsupportedError, "iceberg"),
]


@pytest.mark.parametrize(("options", "kind", "word"), [case[1:] for case in SOURCES], ids=[c[0] for c in SOURCES])
def test_sources_that_cannot_be_read(
    tmp_path: Path, session: Any, options: dict[str, str], kind: type[RepastError], word: str
) -> None:
    """Not there, no SQL, no Parquet, no reader for the format: each in its category, with the source's name."""
    (tmp_path / "text.parquet").write_text("not Parquet at all, and longer than its magic bytes")
    engine = SparkEngine(repo_path=tmp_path)
    with pytest.raises(kind, match=word) as caught:
        engine.inspect(SourceSpec(name="s", source_type="spark", options=options))
    assert "'s'" in str(caught.value)
    assert "\n\tat " not in str(caught.value)


def test_another_spark_on_the_cluster() -> None:
    """Java's word for two versions of Spark that meet is ours: there is no second Spark here to meet."""
    text = "java.io.InvalidClassException: org.apache.spark.rdd.RDD; local class incompatible: stream classdesc"
    error = translate(RuntimeError(text), "The load")
    assert isinstance(error, UnsupportedError)
    assert error.hint == "install the pyspark of the cluster"


def test_spines_that_are_no_select(tmp_path: Path, session: Any) -> None:
    """Nothing is changed through a spine's SQL."""
    engine = SparkEngine(repo_path=tmp_path)
    for text in ("DROP TABLE x", "SELECT 1; SELECT 2", "INSERT INTO x SELECT 1"):
        with pytest.raises(InvalidRequestError, match="SELECT"):
            engine.query(text)
    write(rides(5, 5), tmp_path)
    store = open_store(tmp_path, [view()], **SPARK)
    asked = session.createDataFrame(spine(3, 3).append_column("__row", pa.array([1, 2, 3])))
    with pytest.raises(InvalidRequestError, match="'__row'"):
        store.get_historical_features(asked, ["stats:trips"])
