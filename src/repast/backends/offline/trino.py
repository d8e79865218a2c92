"""The offline engine on Trino. Spines are tables of literals, in a schema that the user may write to."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlglot import exp

from repast.backends.offline.driver_row import column_type, read_batches, value_lists
from repast.backends.offline.sql_engine import Session
from repast.backends.offline.sql_table import SqlTableEngine, TableSession
from repast.backends.offline.trino_type import source_column
from repast.core.manifest import SourceSpec
from repast.core.sql.dialect import TRINO
from repast.core.sql.node import select
from repast.core.sql.relation import SourceColumn
from repast.errors import (
    ConflictError,
    InvalidConfigError,
    InvalidRequestError,
    NotFoundError,
    RepastError,
    UnavailableError,
    require,
)

_STATEMENT_BYTES = 500_000
"""Of one INSERT. Servers refuse statements of a million characters, unless told otherwise."""
_SCHEMES = ("http", "https")
_AUTH = {
    "basic": ("BasicAuthentication", {"username": "username", "password": "password"}),
    "jwt": ("JWTAuthentication", {"token": "token"}),
    "certificate": ("CertificateAuthentication", {"cert-file": "cert", "key-file": "key"}),
    "oauth2": ("OAuth2Authentication", {}),
    "kerberos": (
        "KerberosAuthentication",
        {
            "config-file": "config",
            "service-name": "service_name",
            "mutual-authentication": "mutual_authentication",
            "force-preemptive": "force_preemptive",
            "hostname-override": "hostname_override",
            "sanitize-mutual-error-response": "sanitize_mutual_error_response",
        },
    ),
}
"""Feast's names: of a kind of authentication, and of its options; the client's."""


class TrinoEngine(SqlTableEngine):
    """Runs plans in Trino.

    Args:
        repo_path: The folder of feature_store.yaml.
        host: The coordinator.
        port: By default 8080, or 443 with https.
        catalog: With the tables whose names do not say it.
        user: Needs SELECT on the sources, and to create, fill and drop tables in the dataset.
        dataset: A schema of the catalog where spines are, as tables, for as long as a plan runs.
        http_scheme: "http" or "https".
        ssl_verify: Whether the server's certificate is checked.
        auth: Type ("basic", "jwt", "oauth2", "certificate", "kerberos") and config.
        extra_credential: For connectors, as "user1=secret1, user2=secret2".
        source: What the coordinator's web page shows.
        connector: With a "file_format", that of spines, where the catalog's connector has several.
        timeout: Seconds for one request.

    """

    kind = "trino"
    dialect = TRINO

    def __init__(
        self,
        *,
        repo_path: Path,  # noqa: ARG002 - nothing here is a file
        host: str,
        port: int | None = None,
        catalog: str,
        user: str,
        dataset: str = "feast",
        http_scheme: str = "http",
        ssl_verify: bool = True,
        auth: Mapping[str, Any] | None = None,
        extra_credential: str | None = None,
        source: str = "repast",
        connector: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> None:
        super().__init__()
        if http_scheme not in _SCHEMES:
            raise InvalidConfigError(
                f"offline_store: http_scheme is {http_scheme!r}.", hint="use one of " + ", ".join(_SCHEMES)
            )
        self._auth = _checked_auth(auth, http_scheme)
        self._catalog, self._dataset = catalog, dataset
        self._format = (connector or {}).get("file_format")
        self._options = {
            "host": host,
            "port": port or (443 if http_scheme == "https" else 8080),
            "catalog": catalog,
            "schema": dataset,
            "user": user,
            "http_scheme": http_scheme,
            "verify": ssl_verify,
            "source": source,
            "request_timeout": timeout,
            "extra_credential": _credentials(extra_credential),
        }

    @property
    def errors(self) -> tuple[type[BaseException], ...]:  # type: ignore[override]
        """What the client raises."""
        exceptions = _client("exceptions")
        return (exceptions.Error, exceptions.HttpError)

    def connect(self, source: SourceSpec | None = None) -> Session:  # noqa: ARG002 - one coordinator has all sources
        """Return a session: requests are made when statements are run."""
        auth = None
        if self._auth is not None:
            name, options = self._auth
            auth = getattr(_client("auth"), name)(**options)
        # Wall times are told from instants by their type alone, so the session's zone must not matter.
        connection = _client("dbapi").connect(**self._options, auth=auth, timezone="UTC")
        place = exp.Table(db=exp.to_identifier(self._dataset), catalog=exp.to_identifier(self._catalog))
        return _TrinoSession(connection, place, self._format)

    def translate(self, error: BaseException, subject: str) -> RepastError:
        """Tell errors apart by Trino's names of them."""
        name, kind = str(getattr(error, "error_name", "")), str(getattr(error, "error_type", ""))
        first = str(getattr(error, "message", None) or error).split("\n")[0]
        if name in ("TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND", "CATALOG_NOT_FOUND"):
            return NotFoundError(f"{subject} is not there: {first}", hint="check its name, and catalog")
        if name == "TABLE_ALREADY_EXISTS":
            return ConflictError(f"{subject}: {first}", hint="choose another name, or pass allow_overwrite=True")
        if name == "PERMISSION_DENIED":
            return UnavailableError(f"{subject} may not be read or written: {first}", hint="grant the user its rights")
        if kind == "USER_ERROR":
            return InvalidRequestError(f"{subject}: {first}")
        hint = "check user and auth of offline_store" if "401" in first or "403" in first else "check host and port"
        return UnavailableError(f"{subject}: Trino cannot answer: {first}", hint=hint)


def _checked_auth(auth: Mapping[str, Any] | None, scheme: str) -> tuple[str, dict[str, Any]] | None:
    if auth is None:
        return None
    kind = auth.get("type")
    if kind not in _AUTH:
        raise InvalidConfigError(f"offline_store: auth.type is {kind!r}.", hint="use one of " + ", ".join(_AUTH))
    if scheme != "https":
        raise InvalidConfigError("offline_store: auth needs TLS.", hint="set http_scheme: https")
    name, known = _AUTH[kind]
    # Feast takes both spellings.
    given = {str(option).replace("_", "-"): value for option, value in (auth.get("config") or {}).items()}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise InvalidConfigError(
            f"offline_store: auth.config has no option {unknown[0]!r}.",
            hint=f"of type {kind!r} it has: {', '.join(known) or 'none'}",
        )
    return name, {known[option]: value for option, value in given.items()}


def _credentials(text: str | None) -> list[tuple[str, str]] | None:
    if text is None:
        return None
    pairs = [part.strip().partition("=") for part in text.split(",")]
    if any(not name or not equals for name, equals, _ in pairs):
        raise InvalidConfigError("offline_store: extra_credential cannot be read.", hint="write name=value, name=value")
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def _client(part: str) -> Any:
    return require(f"trino.{part}", extra="trino", purpose="The trino offline store")


class _TrinoSession(TableSession):
    def __init__(self, connection: Any, place: exp.Table, file_format: str | None) -> None:
        self._connection = connection
        self._place = place
        self._format = file_format
        self._uploads: list[exp.Table] = []

    def inspect(self, table: exp.Expr) -> Mapping[str, SourceColumn]:
        aliased = exp.alias_(table.copy(), "source", table=True, quoted=True)
        cursor = self._run(TRINO.render(select(exp.Star()).from_(aliased).limit(0)))
        return {column.name: source_column(column.type_code) for column in cursor.description}

    def execute(self, statement: str) -> pa.RecordBatchReader:
        cursor = self._connection.cursor()
        cursor.execute(statement)
        schema = pa.schema([(column.name, source_column(column.type_code).type) for column in cursor.description])

        def batches() -> Iterator[pa.RecordBatch]:
            yield from read_batches(cursor, schema)

        return pa.RecordBatchReader.from_batches(schema, batches())

    def upload(self, spine: pa.Table) -> exp.Expr:
        table = self._place.copy()
        table.set("this", exp.to_identifier(f"repast_spine_{secrets.token_hex(8)}", quoted=True))
        for statement in spine_statements(table, spine, self._format):
            self._run(statement)
            if table not in self._uploads:
                self._uploads.append(table)
        return table.copy()

    def insert(self, table: exp.Table, rows: pa.Table) -> None:
        # One statement, which is all or nothing where the connector is.
        staged = self.upload(rows)
        names = [exp.column(name, quoted=True) for name in rows.schema.names]
        insert = exp.insert(select(*names).from_(staged), table.copy(), columns=[n.this.copy() for n in names])
        self._run(TRINO.render(insert))

    def keep(self, query: str) -> exp.Expr:
        table = self._place.copy()
        table.set("this", exp.to_identifier(f"repast_work_{secrets.token_hex(8)}", quoted=True))
        self._run(f"CREATE TABLE {TRINO.render(table.copy())} AS {query}")
        self._uploads.append(table)
        return table.copy()

    def create(self, table: exp.Table, query: str, *, replace: bool) -> None:
        staged = table.copy()
        staged.set("this", exp.to_identifier(f"repast_work_{secrets.token_hex(8)}", quoted=True))
        self._uploads.append(staged)
        for statement in table_statements(table, staged, query, replace=replace):
            self._run(statement)

    def reset(self) -> bool:
        while self._uploads:
            self._run(TRINO.render(exp.Drop(this=self._uploads[-1].copy(), kind="TABLE", exists=True)))
            self._uploads.pop()
        return True

    def close(self) -> None:
        exceptions = _client("exceptions")
        with suppress(exceptions.Error, exceptions.HttpError, OSError):
            self.reset()
        self._connection.close()

    def _run(self, statement: str) -> Any:
        cursor = self._connection.cursor()
        cursor.execute(statement)
        cursor.fetchall()
        return cursor


def table_statements(table: exp.Table, staged: exp.Table, query: str, *, replace: bool) -> Iterator[str]:
    """Return the statements that make a table of what a SELECT yields, first under another name.

    While a table is replaced there is none for a moment: most connectors have no statement for that.
    """
    target, stage = TRINO.render(table.copy()), TRINO.render(staged.copy())
    yield f"CREATE TABLE {stage} AS {query}"
    if replace:
        yield f"DROP TABLE IF EXISTS {target}"
    yield f"ALTER TABLE {stage} RENAME TO {target}"


def spine_statements(table: exp.Table, rows: pa.Table, file_format: str | None) -> Iterator[str]:
    """Return the statements that make a table of rows."""
    fields = [(exp.to_identifier(field.name, quoted=True), column_type(field.type)) for field in rows.schema]
    columns = ", ".join(f"{name.sql(dialect='trino')} {_exact(kind)}" for name, kind in fields)
    wanted = f" WITH (format = {exp.Literal.string(file_format.upper()).sql(dialect='trino')})" if file_format else ""
    place = table.sql(dialect="trino", identify=True)
    yield f"CREATE TABLE {place} ({columns}){wanted}"
    for values in value_lists(rows, TRINO, most_bytes=_STATEMENT_BYTES):
        yield f"INSERT INTO {place} VALUES {values}"  # noqa: S608 - literals


def _exact(kind: exp.DataType) -> str:
    """Times have milliseconds there, unless told otherwise."""
    return kind.sql(dialect="trino").replace("TIMESTAMP", "TIMESTAMP(6)")
