"""What a feature server is started with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from repast.app.config import RepoConfig

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Everything about one server; workers get it as it is."""

    config: RepoConfig
    host: str = "127.0.0.1"
    port: int = 6566
    workers: int = 1
    worker_connections: int = 1000
    """Requests that one worker handles at a time; more wait."""
    access_log: bool = True
    metrics: bool = False
    verbose: bool = False
    keep_alive: timedelta = timedelta(seconds=30)
    registry_ttl: timedelta | None = None
    key: str = ""
    """PEM file of the TLS key, in PKCS #8."""
    cert: str = ""
    """PEM file of the TLS certificate."""
    max_body: int = 32 * MEBIBYTE
    max_rows: int = 10_000
    """Keys that one read may ask for."""
    timeout: timedelta = timedelta(seconds=30)
    """How long a request may take to arrive, and a read to be answered."""
    grace: timedelta = timedelta(seconds=30)
    """How long requests under way may take after the server was told to stop."""
    token: str = field(default="", repr=False)
    """If set, requests must carry ``Authorization: Bearer <token>``."""
    remote_store: str = "read"
    """What remote stores may do with the online store: "off", "read" or "write"."""

    @property
    def address(self) -> str:
        """Where clients find it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.cert else 'http'}://{host}:{self.port}"
