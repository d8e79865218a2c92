"""What a feature server is started with: the ``feature_server`` section of feature_store.yaml, and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from repast.app.config import RepoConfig
from repast.app.document import config_error
from repast.app.option import check_options
from repast.errors import InvalidConfigError

_MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Everything about one server but its project; workers get it as it is.

    Args:
        repo_path: Folder of the repo, where relative paths of ``key`` and ``cert`` start.
        host: Address to listen at.
        port: Port to listen at.
        workers: Processes; -1 for one per processor.
        worker_connections: Requests that one worker handles at a time; more wait.
        access_log: Whether to write a line per request to stdout.
        metrics: Whether to offer Prometheus metrics at /metrics; Feast's mapping with ``enabled`` will do.
        keep_alive: Seconds that an idle connection is kept, at most 60.
        registry_ttl: Seconds after which the registry is read again; None: as ``registry`` says.
        key: PEM file of the TLS key, in PKCS #8.
        cert: PEM file of the TLS certificate.
        token: If set, requests must carry it: ``Authorization: Bearer <token>``.
        remote_store: What stores of type ``remote`` may do with the online store.
        max_body_mib: Size that the body of a request may have.
        max_rows: Keys that one read may ask for.
        timeout: Seconds that a request may take to arrive and be answered; loads may take longer.
        grace: Seconds that requests under way may take after the server was told to stop.
        verbose: Whether to log why requests are refused.

    """

    repo_path: str | Path = "."
    host: str = "127.0.0.1"
    port: int = 6566
    workers: int = 1
    worker_connections: int = 1000
    access_log: bool = True
    metrics: bool | Mapping[str, Any] = False
    keep_alive: float = 30.0
    registry_ttl: float | None = None
    key: str = ""
    cert: str = ""
    token: str = field(default="", repr=False)
    remote_store: Literal["off", "read", "write"] = "read"
    max_body_mib: float = 32.0
    max_rows: int = 10_000
    timeout: float = 30.0
    grace: float = 30.0
    verbose: bool = False

    def __post_init__(self) -> None:
        bounds: Mapping[str, tuple[float, float, float]] = {
            "port": (1, 65_535, self.port),
            "workers": (-1, 1024, self.workers),
            "worker_connections": (1, 1 << 20, self.worker_connections),
            "keep_alive": (0.001, 60, self.keep_alive),
            "max_body_mib": (0, 1024, self.max_body_mib),
            "max_rows": (1, 10_000_000, self.max_rows),
            "timeout": (0.001, 86_400, self.timeout),
            "grace": (0, 86_400, self.grace),
            "registry_ttl": (0, 10**9, self.registry_ttl or 0),
        }
        for name, (low, high, value) in bounds.items():
            if not low <= value <= high or (name == "workers" and value == 0):
                raise InvalidConfigError(f"feature_server.{name} must be {low:g} to {high:g}, not {value:g}.")
        if not self.host:
            raise InvalidConfigError("feature_server.host is empty.", hint="0.0.0.0 listens at all addresses")
        if not all("!" <= character <= "~" for character in self.token):
            raise InvalidConfigError(
                "feature_server.token has a character that no header can bring.",
                hint="use letters, digits and signs of ASCII, without spaces and line breaks",
            )
        if isinstance(self.metrics, Mapping) and not isinstance(self.metrics.get("enabled", False), bool):
            raise InvalidConfigError("feature_server.metrics.enabled must be true or false.")
        if bool(self.key) != bool(self.cert):
            raise InvalidConfigError("TLS needs both a key and a certificate.", hint="give key and cert, or neither")

    @property
    def max_body(self) -> int:
        """Bytes that the body of a request may have."""
        return round(self.max_body_mib * _MEBIBYTE)

    @property
    def has_metrics(self) -> bool:
        """Whether metrics are wanted."""
        return bool(self.metrics.get("enabled") if isinstance(self.metrics, Mapping) else self.metrics)

    @property
    def address(self) -> str:
        """Where clients find it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.cert else 'http'}://{host}:{self.port}"

    def file(self, path: str) -> Path:
        """Return a file that is named here, wherever the process runs.

        Raises:
            InvalidConfigError: There is none.

        """
        found = (Path(self.repo_path) / Path(path).expanduser()).absolute()
        if not found.is_file():
            raise InvalidConfigError(f"There is no file {str(found)!r}.", hint="key and cert are paths of PEM files")
        return found


def read_settings(config: RepoConfig, **given: Any) -> ServerSettings:
    """Return the settings of a project's server; what is given and not None goes before what the file says.

    Raises:
        InvalidConfigError: All problems of the ``feature_server`` section.

    """
    options: dict[str, Any] = {}
    if config.feature_server is not None:
        options, problems = check_options(ServerSettings, config.feature_server)
        if problems:
            raise config_error(problems)
        if options.get("token") == "":
            # A variable that is set to nothing, for example: nobody who writes this means an open door.
            raise InvalidConfigError(
                "feature_server.token is empty.", hint="remove it if no token shall be asked for, or give one"
            )
    settings = ServerSettings(repo_path=config.repo_path, **options)
    return replace(settings, **{name: value for name, value in given.items() if value is not None})
