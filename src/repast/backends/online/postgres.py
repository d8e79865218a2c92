"""The PostgreSQL online store: a table per view, one packed row per key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from repast.backends.online.sql_table import stored_keys, table_name
from repast.errors import InvalidConfigError, InvalidRequestError, NotFoundError, require
from repast.ports.online import OnlineStore, OnlineTable, Reads, Values, WriteResult

if TYPE_CHECKING:
    from repast.backends.online.postgres_session import Connection

_COPY_ROWS = 5000
_COPY_BYTES = 64 << 20
"""From so many rows or bytes of values on a batch is copied into a temporary table; less is sent as two arrays, of
which the server takes a gigabyte."""
_TABLES = 100
"""Tables per statement: more would nest deeper than the server's parser likes."""
_SELECTS = 1000
"""Statements for reading that are kept."""
_BY_INDEX = "-c enable_seqscan=off"
"""A prepared statement keeps its plan: made while the table was small, it would read all of a large one later."""
_EXACT = 1_000_000
"""Up to so many rows are counted; beyond, the server's statistics answer."""
_LOCK = 0x72657061_7374
"""The advisory lock that makers and droppers of tables hold: two that create one table would else collide."""

_Part: TypeAlias = tuple[int, OnlineTable, bool]
"""A table in a statement that reads: the place of its read, and whether that has one key only."""


class PostgresOnlineStore(OnlineStore):
    """Keeps rows in tables ``repast_*`` of one schema.

    A batch is one transaction, a read of several views one statement that sees one moment. Rows that do not
    change are not written. Reads wait for no write, and no two writes block each other for good: rows are
    always locked in the order of their keys. What fails for a passing reason (connection lost, server
    restarting, deadlock) is tried again within about a second; a batch whose answer was lost is then
    counted as unchanged.

    Args:
        repo_path: Folder of the repo, where relative paths of certificates start.
        host: Name or address of the server, or the folder of its socket.
        port: Its port.
        database: Name of the database, which must exist.
        db_schema: The schema of the tables; made by the first ``create``.
        user: The user; by default as libpq finds it (PGUSER, the system's user).
        password: The password; by default as libpq finds it (PGPASSWORD, ~/.pgpass).
        sslmode: What libpq should ask of the encryption; ``verify-full`` trusts nobody else.
        sslkey_path: The client's key.
        sslcert_path: The client's certificate.
        sslrootcert_path: Certificates that may vouch for the server.
        max_conn: How many connections this process may open, and each event loop.
        keepalives_idle: Seconds of silence after which the server is asked whether it is still there.
        connect_timeout: Seconds to wait for a connection.
        statement_timeout: Seconds that a statement may take; a server that says nothing is given up after
            ``connect_timeout`` more. 0: any time, and for PgBouncer, which refuses settings.
        prepared_statements: False for PgBouncer before 1.21 in transaction mode.

    Raises:
        InvalidConfigError: A number is out of range.
        MissingDependencyError: psycopg is not installed.

    """

    def __init__(
        self,
        *,
        repo_path: str | Path,
        database: str,
        host: str = "localhost",
        port: int = 5432,
        db_schema: str = "public",
        user: str | None = None,
        password: str | None = None,
        sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = "prefer",
        sslkey_path: str | None = None,
        sslcert_path: str | None = None,
        sslrootcert_path: str | None = None,
        max_conn: int = 10,
        keepalives_idle: int | None = 30,
        connect_timeout: float = 5.0,
        statement_timeout: float = 60.0,
        prepared_statements: bool = True,
    ) -> None:
        if max_conn < 1:
            raise InvalidConfigError(f"online_store.max_conn must be at least 1, not {max_conn}.")
        if not 1 <= connect_timeout <= 3600:
            raise InvalidConfigError(f"online_store.connect_timeout must be 1 to 3600 seconds, not {connect_timeout}.")
        if not 0 <= statement_timeout <= 86_400:
            raise InvalidConfigError(
                f"online_store.statement_timeout must be 0 to 86400 seconds, not {statement_timeout}."
            )
        require("psycopg", extra="postgres", purpose="The online store postgres")
        from repast.backends.online.postgres_session import PostgresSession

        files = {"sslkey": sslkey_path, "sslcert": sslcert_path, "sslrootcert": sslrootcert_path}
        settings = f"{_BY_INDEX} -c statement_timeout={round(statement_timeout * 1000)}" if statement_timeout else None
        parameters: dict[str, str | int | None] = {"host": host, "port": port, "dbname": database, "options": settings}
        parameters |= {"user": user, "password": password, "sslmode": sslmode, "application_name": "repast"}
        parameters |= {"connect_timeout": round(connect_timeout), "keepalives_idle": keepalives_idle}
        parameters |= {name: str(Path(repo_path, path).expanduser()) for name, path in files.items() if path}
        self._session = PostgresSession(
            parameters,
            size=max_conn,
            patience=connect_timeout,
            timeout=statement_timeout or None,
            prepare=prepared_statements,
        )
        self._schema = db_schema
        # Statements always come with parameters, if only none: there a sign for a parameter is doubled.
        self._quoted_schema = '"{}"'.format(db_schema.replace('"', '""').replace("%", "%%"))
        self._names: dict[OnlineTable, str] = {}
        self._selects: dict[tuple[_Part, ...], bytes] = {}

    def create(self, tables: Sequence[OnlineTable]) -> None:
        """Make tables ready for reading and writing, in one transaction. Does nothing for tables that exist."""
        found = self._existing(tables)
        missing = [table for table in dict.fromkeys(tables) if table not in found]
        if missing:
            self._session.run(lambda connection: self._create(connection, missing))

    def drop(self, tables: Sequence[OnlineTable]) -> None:
        """Remove tables with all their rows, one by one. Does nothing for tables that do not exist."""
        for table in self._existing(tables):  # one lock at a time: no reader of several tables is in the way
            statement = f"DROP TABLE IF EXISTS {self._name(table)}".encode()
            self._session.run(lambda connection, statement=statement: connection.execute(statement, ()))  # type: ignore[misc]

    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        """Write a batch in one transaction: all of it or, if an error is raised, nothing; see the port.

        Raises:
            NotFoundError: The table was not created.
            UnavailableError: The server cannot be reached, is read-only, or its disk is full.

        """
        if len(keys) != len(values):
            raise InvalidRequestError(f"{len(keys)} keys cannot have {len(values)} values.")
        # Everybody locks rows in key order. Of a repeated key the greatest value comes last and wins.
        rows = sorted(zip(stored_keys(keys), values, strict=True))
        best = dict(rows)
        is_small = len(best) < _COPY_ROWS and sum(map(len, best.values())) < _COPY_BYTES
        merge = self._merge_arrays if is_small else self._merge_copied
        try:
            wanted, written, late_keys = self._session.run(lambda connection: merge(connection, table, best))
        except NotFoundError as error:
            raise NotFoundError(
                f"There is no online table for view {table.view!r} of project {table.project!r} in"
                f" {self._session.address}.",
                hint="run: repast apply",
            ) from error
        if wanted != written:  # somebody else wrote the same keys at the same time
            kept = self._read_table(table, list(best))
            late = sum(value < kept.get(key, b"") for key, value in rows)
        elif len(best) == len(rows):
            late = len(late_keys)
        else:
            lost = set(late_keys)
            late = sum(key in lost or value < best[key] for key, value in rows)
        return WriteResult(written=written, unchanged=len(rows) - written - late, late=late)

    def read(self, reads: Reads) -> Values:
        """Return the values for the keys of each table, in order, None where there is no row.

        All tables are read by one statement, which sees one moment.
        """
        wanted = [(table, stored_keys(keys)) for table, keys in reads]
        try:
            found = [self._session.fetch(*select) for select in self._select(wanted)]
        except NotFoundError:
            found = [self._session.fetch(*select) for select in self._select(self._without_missing(wanted))]
        return _arrange(wanted, found)

    async def aread(self, reads: Reads) -> Values:
        """Like :meth:`read`, without blocking the event loop."""
        wanted = [(table, stored_keys(keys)) for table, keys in reads]
        try:
            found = [await self._session.afetch(*select) for select in self._select(wanted)]
        except NotFoundError:
            existing = await self._session.afetch(*self._to_find([table for table, _ in wanted]))
            there = [(t, keys if exists else ()) for (t, keys), (exists,) in zip(wanted, existing, strict=True)]
            found = [await self._session.afetch(*select) for select in self._select(there)]
        return _arrange(wanted, found)

    def erase(self, table: OnlineTable, keys: Sequence[bytes]) -> int:
        """Remove the rows of these keys in one transaction; return how many there were."""
        name = self._name(table)
        statement = (
            f"WITH found AS (SELECT key FROM {name} WHERE key = ANY(%b) ORDER BY key FOR UPDATE)"  # noqa: S608
            f" DELETE FROM {name} AS kept USING found WHERE kept.key = found.key"
        )
        parameters = (list(stored_keys(keys)),)
        try:
            return self._session.run(lambda connection: connection.execute(statement.encode(), parameters).rowcount)
        except NotFoundError:
            return 0

    def count(self, table: OnlineTable) -> int:
        """Return the number of rows: exactly up to a million, beyond as the server estimates it."""
        name = self._name(table)
        statement = (
            "SELECT count(*), (SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(%s))"  # noqa: S608
            f" FROM (SELECT FROM {name} LIMIT {_EXACT + 1}) AS first"
        )
        try:
            ((counted, estimated),) = self._session.fetch(statement.encode(), (name.replace("%%", "%"),))
        except NotFoundError:
            return 0
        return int(counted) if counted <= _EXACT else max(int(counted), int(estimated))

    def close(self) -> None:
        """Close all connections. Idempotent."""
        self._session.close()

    # -- tables -----------------------------------------------------------------------------------

    def _name(self, table: OnlineTable) -> str:
        """Return the quoted name of the SQL table."""
        if table not in self._names:
            self._names[table] = f'{self._quoted_schema}."{table_name(table)}"'
        return self._names[table]

    def _to_find(self, tables: Sequence[OnlineTable]) -> tuple[bytes, Sequence[object]]:
        names = [self._name(table).replace("%%", "%") for table in tables]
        statement = (
            "SELECT to_regclass(name) IS NOT NULL FROM unnest(%s::text[]) WITH ORDINALITY AS i(name, place)"
            " ORDER BY place"
        )
        return statement.encode(), (names,)

    def _existing(self, tables: Sequence[OnlineTable]) -> dict[OnlineTable, None]:
        found = self._session.fetch(*self._to_find(tables))
        return {table: None for table, (exists,) in zip(tables, found, strict=True) if exists}

    def _without_missing(self, wanted: Reads) -> Reads:
        existing = self._existing([table for table, _ in wanted])
        return [(table, keys if table in existing else ()) for table, keys in wanted]

    def _create(self, connection: Connection, tables: Sequence[OnlineTable]) -> None:
        with connection.transaction():
            connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})".encode())
            # Asked first: CREATE SCHEMA needs a right even where there is nothing to do.
            ((exists,),) = connection.execute(
                b"SELECT count(*) FROM pg_namespace WHERE nspname = %s", (self._schema,)
            ).fetchall()
            if not exists:
                connection.execute(f"CREATE SCHEMA {self._quoted_schema}".encode(), ())
            for table in tables:
                connection.execute(
                    f"CREATE TABLE IF NOT EXISTS {self._name(table)}"
                    " (key bytea NOT NULL PRIMARY KEY, value bytea NOT NULL)".encode(),
                    (),
                )

    # -- writing ----------------------------------------------------------------------------------

    def _merge(self, table: OnlineTable, source: str) -> bytes:
        """Return the statement that keeps the greater values: (rows that should win, rows that did, late keys).

        Rows that would not win are sorted out before: to find them out by the conflict would lock, hence write.
        """
        name = self._name(table)
        return (
            f"WITH batch AS (SELECT new.key, new.value, kept.value AS kept FROM {source} AS new"  # noqa: S608
            f" LEFT JOIN {name} AS kept ON kept.key = new.key),"
            f" merged AS (INSERT INTO {name} AS kept (key, value)"
            " SELECT key, value FROM batch WHERE kept IS NULL OR value > kept ORDER BY key"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE excluded.value > kept.value RETURNING 1)"
            " SELECT count(*) FILTER (WHERE kept IS NULL OR value > kept), (SELECT count(*) FROM merged),"
            " coalesce(array_agg(key) FILTER (WHERE value < kept), '{}') FROM batch"
        ).encode()

    def _merge_arrays(
        self, connection: Connection, table: OnlineTable, best: Mapping[bytes, bytes]
    ) -> tuple[int, int, list[bytes]]:
        merge = self._merge(table, "(SELECT * FROM unnest(%b::bytea[], %b::bytea[]) AS i(key, value))")
        return _only(connection.execute(merge, (list(best), list(best.values())), binary=True).fetchall())

    def _merge_copied(
        self, connection: Connection, table: OnlineTable, best: Mapping[bytes, bytes]
    ) -> tuple[int, int, list[bytes]]:
        with connection.transaction():
            connection.execute(b"CREATE TEMP TABLE repast_batch (key bytea, value bytea) ON COMMIT DROP")
            connection.execute(b"SET LOCAL enable_seqscan = on")  # which may be best for so many rows
            with connection.cursor().copy(b"COPY pg_temp.repast_batch FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(("bytea", "bytea"))
                for row in best.items():
                    copy.write_row(row)
            merge = self._merge(table, "pg_temp.repast_batch")
            return _only(connection.execute(merge, (), prepare=False, binary=True).fetchall())

    # -- reading ----------------------------------------------------------------------------------

    def _select(self, wanted: Reads) -> list[tuple[bytes, list[object]]]:
        """Return statements that find the rows: (place of the read, key, value); one for up to a hundred tables."""
        parts = [(place, table, len(keys) == 1) for place, (table, keys) in enumerate(wanted) if keys]
        selects = []
        for start in range(0, len(parts), _TABLES):
            some = tuple(parts[start : start + _TABLES])
            keys = [wanted[place][1] for place, _, _ in some]
            parameters: list[object] = [k[0] if len(k) == 1 else list(k) for k in keys]
            selects.append((self._selects.get(some) or self._statement(some), parameters))
        return selects

    def _statement(self, parts: tuple[_Part, ...]) -> bytes:
        """Return the statement for some tables, of a form whose plan the server keeps, and does not make each time."""
        if len(self._selects) >= _SELECTS:
            self._selects.clear()
        selects = (
            f"SELECT {place}, key, value FROM {self._name(table)} WHERE key = {'%b' if single else 'ANY(%b)'}"  # noqa: S608
            for place, table, single in parts
        )
        self._selects[parts] = " UNION ALL ".join(selects).encode()
        return self._selects[parts]

    def _read_table(self, table: OnlineTable, keys: list[bytes]) -> dict[bytes, bytes]:
        rows = self._session.fetch(*self._select([(table, keys)])[0])
        return {key: value for _, key, value in rows}


def _only(rows: list[tuple[Any, ...]]) -> tuple[int, int, list[bytes]]:
    ((wanted, written, late),) = rows
    return wanted, written, late


def _arrange(wanted: Reads, found: list[list[tuple[Any, ...]]]) -> Values:
    """Return values in the order of the keys."""
    rows: list[dict[bytes, bytes]] = [{} for _ in wanted]
    for some in found:
        for place, key, value in some:
            rows[place][key] = value
    return [list(map(values.get, keys)) for values, (_, keys) in zip(rows, wanted, strict=True)]
