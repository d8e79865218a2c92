"""Spark for tests: a local session, a standalone cluster and a Connect server, all on the loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_DEADLINE = 90.0
_QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

FEW_ROWS = {
    # Sorts and hash tables take, and clear, pages: by default of tens of megabytes.
    "spark.buffer.pageSize": "1m",
    # Nobody looks at the plans that Spark else prints at length for its pages.
    "spark.sql.ui.explainMode": "simple",
    # A task that waits for the machine that has its rows waits for longer than they take to be sent.
    "spark.locality.wait": "0s",
}
"""For statements about ten rows, which cost what is done around them."""
PLAIN = {
    # Each stage were a job of its own, planned anew.
    "spark.sql.adaptive.enabled": "false",
    # A class that is generated and compiled, on each machine, for one statement.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
"""Not adaptive, and interpreted. Local sessions go the usual way, so that both of Spark's ways are run."""


def local_conf(folder: Path, *, partitions: int = 2) -> dict[str, str]:
    """Return the settings of a small local session whose files are in ``folder``."""
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    return {
        "spark.master": "local[2]",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "2g",
        # Tests run a few hundred short jobs: the second compiler never pays back what it costs.
        "spark.driver.extraJavaOptions": _QUICK,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "OFF",
        "spark.sql.shuffle.partitions": str(partitions),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.local.dir": str(folder / "scratch"),
    }


def cluster_conf(folder: Path, cluster: Cluster) -> dict[str, str]:
    """Return the settings of a session on a standalone cluster."""
    return local_conf(folder, partitions=4) | {
        "spark.master": cluster.url,
        "spark.executor.memory": "512m",
        "spark.executor.cores": "1",
        "spark.executor.extraJavaOptions": _QUICK,
        # A worker that was killed is not waited for.
        "spark.network.timeout": "60s",
        "spark.shuffle.io.maxRetries": "1",
        "spark.shuffle.io.retryWait": "1s",
    }


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def spark_home() -> Path:
    import pyspark

    return Path(pyspark.__file__).parent


@dataclass
class Process:
    """A JVM that a test started: ended by its pid, with its group."""

    name: str
    child: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """End it at once, as a machine that loses power would."""
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait(timeout=30)


def _spawn(name: str, folder: Path, arguments: list[str], environ: Mapping[str, str] | None = None) -> Process:
    log = folder / f"{name}.log"
    home = spark_home()
    java = shutil.which("java") or "java"
    command = [java, "-cp", f"{home}/jars/*", "-Xmx1g", *_QUICK.split(), *_OPENS, *arguments]
    settings = {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    settings |= {"SPARK_WORKER_DIR": str(folder / "work"), "SPARK_SCALA_VERSION": "2.13", **(environ or {})}
    with log.open("wb") as out:
        child = subprocess.Popen(
            command, env={**os.environ, **settings}, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    return Process(name, child, log)


_OPENS = [
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in (
        "java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util",
        "java.util.concurrent", "java.util.concurrent.atomic", "sun.nio.ch", "sun.nio.cs", "sun.security.action",
        "sun.util.calendar", "jdk.internal.ref",
    )
]  # fmt: skip


def _wait_for(process: Process, text: str) -> None:
    deadline = time.monotonic() + _DEADLINE
    while text not in process.log.read_text(errors="replace"):
        if process.child.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"{process.name} did not start:\n{process.log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.1)


@dataclass
class Cluster:
    """A standalone master and its workers."""

    url: str
    master: Process
    workers: list[Process] = field(default_factory=list)


@contextmanager
def standalone_cluster(folder: Path, *, workers: int = 2, memory: str = "1g") -> Iterator[Cluster]:
    """Run a master and workers of one core each."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    deploy = "org.apache.spark.deploy"
    master = _spawn(
        "master",
        folder,
        [f"{deploy}.master.Master", "-h", "127.0.0.1", "-p", str(port), "--webui-port", str(free_port())],
    )
    cluster = Cluster(f"spark://127.0.0.1:{port}", master)
    try:
        _wait_for(master, "I have been elected leader")
        for number in range(workers):
            arguments = ["-h", "127.0.0.1", "-c", "1", "-m", memory, "--webui-port", str(free_port())]
            work = ["-d", str(folder / f"work{number}")]
            worker = [f"{deploy}.worker.Worker", *arguments, *work, cluster.url]
            cluster.workers.append(_spawn(f"worker{number}", folder, worker))
        for worker in cluster.workers:
            _wait_for(worker, "Successfully registered with master")
        yield cluster
    finally:
        for process in (*cluster.workers, master):
            process.kill()


@contextmanager
def connect_server(folder: Path, extra: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run a Spark Connect server on local[2]; yields its address."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    conf = local_conf(folder) | {
        "spark.connect.grpc.binding.port": str(port),
        "spark.log.level": "INFO",
        **(extra or {}),
    }
    conf["spark.connect.grpc.binding.address"] = "127.0.0.1"
    options = [part for name, value in conf.items() for part in ("--conf", f"{name}={value}")]
    server = _spawn(
        "connect",
        folder,
        [
            "org.apache.spark.deploy.SparkSubmit",
            *options,
            "--class",
            "org.apache.spark.sql.connect.service.SparkConnectServer",
            "--name",
            "connect",
            "spark-internal",
        ],
    )
    try:
        _wait_for(server, "Spark Connect server started")
        yield f"sc://127.0.0.1:{port}"
    finally:
        server.kill()
