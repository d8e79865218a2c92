"""The Spark session: found or started, set up as the statements need it; what is missing is named."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repast.backends.offline.spark.failure import first_line, has_java_ended, java_ended
from repast.errors import InvalidConfigError, MissingDependencyError, UnavailableError, UnsupportedError, require

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_NEEDED: Mapping[str, str] = {
    "spark.sql.session.timeZone": "UTC",
    # Nanoseconds of Parquet come as numbers, which Spark else refuses to read at all.
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    # A value that does not fit is an error, not a null.
    "spark.sql.ansi.enabled": "true",
}
_DEFAULTS: Mapping[str, str] = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
"""Of a session that this process starts, unless spark_conf says otherwise."""
_ANSWERS_WITHIN = 30.0
"""Seconds in which a Spark Connect server must be there."""
_STANDALONE = "spark://"
_OLDEST_JAVA = 17
_LAUNCH = ("spark.jars", "spark.driver", "spark.master", "spark.submit", "spark.yarn", "spark.kubernetes")
"""Settings that Spark's launcher reads before there is a Spark to complain."""
_INSTALL_JAVA = "install a Java 17 or 21 runtime (apt-get install openjdk-17-jre-headless) and set JAVA_HOME"


def open_session(spark_conf: Mapping[str, str], remote: str | None) -> SparkSession:
    """Return the process's session, or start one; with ``remote``, a session on a Spark Connect server.

    A session that is there already keeps its settings but for those that the statements rely on.
    ``SPARK_REMOTE`` in the environment means what it means to pyspark: a server, unless spark_conf names a master.

    Raises:
        MissingDependencyError: pyspark or Java is not installed.
        UnsupportedError: pyspark is older than 4.
        UnavailableError: The cluster or server cannot be reached.

    """
    _check_package()
    if remote is None and "spark.master" not in spark_conf:
        remote = os.environ.get("SPARK_REMOTE")
    try:
        with warnings.catch_warnings():
            # Of versions of pandas, which takes no part in this.
            warnings.simplefilter("ignore", FutureWarning)
            session = _connect(remote, spark_conf) if remote else _start(spark_conf)
        for name, value in _NEEDED.items():
            session.conf.set(name, value)
    except Exception as error:  # py4j, gRPC and PySpark have no common error
        raise _failure(error, remote, spark_conf) from error
    return session


def _check_package() -> None:
    pyspark: Any = require("pyspark", extra="spark", purpose="The Spark engine")
    if int(pyspark.__version__.partition(".")[0]) < 4:
        raise UnsupportedError(
            f"The Spark engine needs pyspark 4 or newer; {pyspark.__version__} is installed.",
            hint="pip install -U 'repast[spark]'; the cluster must run the same version",
        )


def _start(spark_conf: Mapping[str, str]) -> SparkSession:
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    if "JAVA_HOME" not in os.environ and shutil.which("java") is None:
        raise MissingDependencyError("Spark needs Java, and there is none on this machine.", hint=_INSTALL_JAVA)
    _check_master(str(spark_conf.get("spark.master", "")))
    builder = SparkSession.builder.appName("repast")
    for name, value in {**_DEFAULTS, **spark_conf}.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    context = session.sparkContext
    if str(context.master).startswith("local") and "PYSPARK_PYTHON" not in os.environ:
        # Workers on this machine: the first python3 of PATH, which Spark takes, may not have what this one has.
        context.pythonExec = sys.executable
    return session


def _check_master(master: str) -> None:
    """Look whether one of the masters of a standalone cluster is there: Spark itself tries for over a minute."""
    if not master.startswith(_STANDALONE):
        return
    refused = []
    for place in master.removeprefix(_STANDALONE).split(","):
        host, _, port = place.rpartition(":")
        if not host or not port.isdecimal() or int(port) >= 1 << 16:
            raise InvalidConfigError(
                f"spark.master: {place!r} is no address.", hint="spark://host:7077, or host:port of several with commas"
            )
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWERS_WITHIN / 3).close()
        except OSError as error:
            refused.append(f"{place}: {error}")
        else:
            return
    raise UnavailableError(
        f"No master of the Spark cluster answers: {'; '.join(refused)}",
        hint="check spark.master in spark_conf, and that the cluster runs",
    )


def _connect(remote: str, spark_conf: Mapping[str, str]) -> SparkSession:
    for package in ("grpc", "grpc_status", "pandas"):
        require(package, extra="spark", purpose="Spark Connect")
    session = _session_on(remote)
    for name, value in spark_conf.items():
        session.conf.set(name, value)
    found = str(session.version)
    if int(found.partition(".")[0]) < 4:
        raise UnsupportedError(
            f"The Spark Connect server at {_shown(remote)} runs Spark {found}; this needs 4 or newer.",
            hint="upgrade the server",
        )
    return session  # type: ignore[no-any-return]  # of Connect, with the same methods


def _session_on(remote: str) -> Any:
    """Return the user's session if it is on this server: frames of different sessions do not mix."""
    from pyspark.sql.connect.session import SparkSession

    _check_answers(remote)
    session = SparkSession.builder.remote(remote).getOrCreate()
    return session if _is_on(session, remote) else SparkSession.builder.remote(remote).create()


def _check_answers(remote: str) -> None:
    """Look whether there is a server: pyspark itself tries for many minutes."""
    grpc: Any = require("grpc", extra="spark", purpose="Spark Connect")
    from pyspark.sql.connect.client import DefaultChannelBuilder

    channel = DefaultChannelBuilder(remote).toChannel()
    try:
        grpc.channel_ready_future(channel).result(timeout=_ANSWERS_WITHIN)
    except grpc.FutureTimeoutError as error:
        raise RuntimeError(f"no answer within {_ANSWERS_WITHIN:g} s") from error
    finally:
        channel.close()


def _is_on(session: Any, remote: str) -> bool:
    from pyspark.sql.connect.client import DefaultChannelBuilder

    asked, own = DefaultChannelBuilder(remote), session.client._builder
    return (getattr(own, "endpoint", None), own.token) == (asked.endpoint, asked.token)


def _failure(error: Exception, remote: str | None, spark_conf: Mapping[str, str]) -> Exception:
    """Return what to raise instead of an error that Spark gave while it started."""
    from repast.errors import RepastError

    if isinstance(error, RepastError):
        return error
    if remote is None and has_java_ended(error):
        return java_ended("The Spark session")
    text = str(error)
    if "JAVA_GATEWAY_EXITED" in text and (found := _java_version()) >= _OLDEST_JAVA:
        given = ", ".join(name for name in spark_conf if name.startswith(_LAUNCH)) or "environment"
        return InvalidConfigError(
            f"Spark's launcher ended before Spark was there; Java {found} itself runs. It said why on stderr.",
            hint=f"check {given}: packages must be reachable, memory and Java options valid; "
            "yarn needs HADOOP_CONF_DIR",
        )
    if "JAVA_GATEWAY_EXITED" in text or "UnsupportedClassVersionError" in text:
        home = os.environ.get("JAVA_HOME")
        where = f" (JAVA_HOME is {home})" if home else ""
        return MissingDependencyError(f"Java did not start{where}; Spark needs Java 17 or newer.", hint=_INSTALL_JAVA)
    if isinstance(error, TypeError) and "JavaPackage" in text:
        return UnsupportedError(
            "pyspark does not fit the Spark that SPARK_HOME names.",
            hint=f"install the pyspark of that version, or unset SPARK_HOME ({os.environ.get('SPARK_HOME', '')})",
        )
    if remote:
        first = text.strip().split("\n")[0][:200]
        if "INVALID_CONNECT_URL" in text or isinstance(error, ValueError):
            return InvalidConfigError(f"remote: {_shown(remote)} is no address: {first}", hint="sc://host:15002")
        return UnavailableError(
            f"The Spark Connect server at {_shown(remote)} cannot be used: {first}",
            hint="check the address (sc://host:15002), that the server runs, and that its version is this pyspark's",
        )
    said = first_line(text)
    if any(word in text for word in ("Could not parse Master URL", "INVALID_CONF_VALUE", "NumberFormatException")) or (
        "ILLEGAL_ARGUMENT" in text.upper()
    ):
        return InvalidConfigError(f"Spark refuses a setting: {said}", hint="correct spark_conf")
    master = spark_conf.get("spark.master", "local[*]")
    return UnavailableError(
        f"Spark did not start at {master}: {said}", hint="check spark.master in spark_conf, and that the cluster runs"
    )


def _java_version() -> int:
    """Return the version of the Java that Spark starts; 0: there is none that runs."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else "java"
    try:
        # The program that pyspark itself has just started.
        done = subprocess.run(  # noqa: S603
            [java, "-version"], capture_output=True, text=True, timeout=_ANSWERS_WITHIN, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r'version "(\d+)', done.stderr)
    return int(found[1]) if found else 0


def _shown(remote: str) -> str:
    """The address without its parameters: a token may be among them."""
    return re.split(r"[;?]", remote, maxsplit=1)[0]
