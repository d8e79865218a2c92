"""The MySQL and MariaDB online store: a table per view, one packed row per key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from repast.backends.online.sql_table import STORED_KEY_BYTES, stored_keys, table_name
from repast.errors import InvalidConfigError, InvalidRequestError, NotFoundError, require
from repast.ports.online import OnlineStore, OnlineTable, Reads, Values, WriteResult

_STATEMENT_KEYS = 500
"""Keys per IN list: beyond, MariaDB makes a table of them and MySQL's optimizer may run out of memory."""
_STATEMENT_BYTES = 4 << 20
"""Bytes per statement: well below the server's default max_allowed_packet."""
_EXACT = 1_000_000
"""Up to so many rows are counted; beyond, the server's statistics answer."""


class MySQLOnlineStore(OnlineStore):
    """Keeps rows in tables ``repast_*`` of one database, in InnoDB.

    Rows that do not change are not written. A read of several views is one statement that sees one moment,
    and waits for no write. A batch is written in several statements, each whole or not at all; rows are
    locked in the order of their keys. What fails for a passing reason (connection lost, server restarting,
    deadlock) is tried again within about a second.

    Args:
        repo_path: Folder of the repo, where relative paths of certificates start.
        host: Name or address of the server.
        port: Its port.
        database: Name of the database, which must exist.
        user: The user.
        password: The password.
        batch_size: Rows per statement.
        max_conn: How many connections this process may open, and each event loop.
        connect_timeout: Seconds to wait for a connection.
        statement_timeout: Seconds to wait for an answer; 0: any time.
        ssl_ca_path: Certificates that may vouch for the server; with it, connections are encrypted and verified.
        ssl_cert_path: The client's certificate.
        ssl_key_path: The client's key.

    Raises:
        InvalidConfigError: A number is out of range, or a certificate cannot be read.
        MissingDependencyError: PyMySQL or asyncmy is not installed.

    """

    def __init__(
        self,
        *,
        repo_path: str | Path,
        database: str,
        host: str = "127.0.0.1",
        port: int = 3306,
        user: str | None = None,
        password: str | None = None,
        batch_size: int | None = None,
        max_conn: int = 10,
        connect_timeout: float = 5.0,
        statement_timeout: float = 60.0,
        ssl_ca_path: str | None = None,
        ssl_cert_path: str | None = None,
        ssl_key_path: str | None = None,
    ) -> None:
        for name, number in (("batch_size", batch_size), ("max_conn", max_conn), ("connect_timeout", connect_timeout)):
            if number is not None and number < 1:
                raise InvalidConfigError(f"online_store.{name} must be at least 1, not {number}.")
        if not 0 <= statement_timeout <= 86_400:
            raise InvalidConfigError(
                f"online_store.statement_timeout must be 0 to 86400 seconds, not {statement_timeout}."
            )
        for package in ("pymysql", "asyncmy"):
            require(package, extra="mysql", purpose="The online store mysql")
        from repast.backends.online.mysql_session import MysqlSession

        certificates = [Path(repo_path, path) if path else None for path in (ssl_ca_path, ssl_cert_path, ssl_key_path)]
        parameters = {"host": host, "port": port, "database": database, "user": user, "password": password}
        self._session = MysqlSession(
            parameters | {"ssl": _ssl(*certificates)},
            size=max_conn,
            patience=connect_timeout,
            timeout=statement_timeout or None,
        )
        self._batch_size = batch_size or 1000
        self._is_told = False
        """Whether it was seen that the server's word on how many rows were changed gets here."""

    def create(self, tables: Sequence[OnlineTable]) -> None:
        """Make tables ready for reading and writing. Does nothing for tables that exist."""
        found = self._existing(tables)
        for table in dict.fromkeys(tables):
            if table not in found:
                # IF NOT EXISTS: somebody else may make it at the same moment.
                self._session.change(
                    f"CREATE TABLE IF NOT EXISTS {_name(table)} (k VARBINARY({STORED_KEY_BYTES}) NOT NULL PRIMARY KEY,"
                    " v LONGBLOB NOT NULL) ENGINE=InnoDB ROW_FORMAT=DYNAMIC"
                )

    def drop(self, tables: Sequence[OnlineTable]) -> None:
        """Remove tables with all their rows, one by one. Does nothing for tables that do not exist."""
        for table in self._existing(tables):
            self._session.change(f"DROP TABLE IF EXISTS {_name(table)}")

    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        """Write a batch; see the port. If an error is raised, some of its rows may have been written.

        Raises:
            NotFoundError: The table was not created.
            InvalidRequestError: A value is larger than the server takes.
            UnavailableError: The server cannot be reached, is read-only, or its disk is full.

        """
        if len(keys) != len(values):
            raise InvalidRequestError(f"{len(keys)} keys cannot have {len(values)} values.")
        # Everybody locks rows in key order. Of a repeated key the greatest value comes last and wins.
        rows = sorted(zip(stored_keys(keys), values, strict=True))
        kept: dict[bytes, bytes] = {}
        written, look = 0, False
        try:
            for part in _parts(dict(rows), self._batch_size):
                changed = self._merge(table, part, kept, look=look or (len(part) > 1 and not self._is_told))
                written += changed
                look = changed < len(part)
        except NotFoundError as error:
            raise NotFoundError(
                f"There is no online table for view {table.view!r} of project {table.project!r} in"
                f" {self._session.address}.",
                hint="run: repast apply",
            ) from error
        late = sum(value < kept.get(key, b"") for key, value in rows)
        late = min(late, len(rows) - written)  # somebody may have raised rows after this had written them
        return WriteResult(written=written, unchanged=len(rows) - written - late, late=late)

    def read(self, reads: Reads) -> Values:
        """Return the values for the keys of each table, in order, None where there is no row."""
        wanted = [(table, stored_keys(keys)) for table, keys in reads]
        try:
            found = [self._session.fetch(*select) for select in _select(wanted)]
        except NotFoundError:
            there = self._existing([table for table, _ in wanted])
            wanted_there = [(table, keys if table in there else ()) for table, keys in wanted]
            found = [self._session.fetch(*select) for select in _select(wanted_there)]
        return _arrange(wanted, found)

    async def aread(self, reads: Reads) -> Values:
        """Like :meth:`read`, without blocking the event loop."""
        wanted = [(table, stored_keys(keys)) for table, keys in reads]
        try:
            found = [await self._session.afetch(*select) for select in _select(wanted)]
        except NotFoundError:
            names = {name for (name,) in await self._session.afetch(*_to_find([table for table, _ in wanted]))}
            wanted_there = [(table, keys if table_name(table) in names else ()) for table, keys in wanted]
            found = [await self._session.afetch(*select) for select in _select(wanted_there)]
        return _arrange(wanted, found)

    def erase(self, table: OnlineTable, keys: Sequence[bytes]) -> int:
        """Remove the rows of these keys; return how many there were."""
        wanted = sorted(set(stored_keys(keys)))
        erased = 0
        try:
            for start in range(0, len(wanted), _STATEMENT_KEYS):
                some = tuple(wanted[start : start + _STATEMENT_KEYS])
                erased += self._session.change(f"DELETE FROM {_name(table)} WHERE k IN %s", (some,))  # noqa: S608
        except NotFoundError:
            return 0
        return erased

    def count(self, table: OnlineTable) -> int:
        """Return the number of rows: exactly up to a million, beyond as the server estimates it."""
        name = _name(table)
        try:
            ((counted,),) = self._session.fetch(
                f"SELECT count(*) FROM (SELECT 1 FROM {name} LIMIT {_EXACT + 1}) AS first_rows"  # noqa: S608
            )
        except NotFoundError:
            return 0
        if counted <= _EXACT:
            return int(counted)
        ((estimated,),) = self._session.fetch(
            "SELECT table_rows FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s",
            (table_name(table),),
        )
        return max(int(counted), int(estimated or 0))

    def close(self) -> None:
        """Close all connections. Idempotent."""
        self._session.close()

    def _existing(self, tables: Sequence[OnlineTable]) -> dict[OnlineTable, None]:
        names = {name for (name,) in self._session.fetch(*_to_find(tables))}
        return {table: None for table in tables if table_name(table) in names}

    def _merge(self, table: OnlineTable, best: dict[bytes, bytes], kept: dict[bytes, bytes], *, look: bool) -> int:
        """Keep the greater values; return how many rows that changed, and note in ``kept`` what is there now.

        ``look``: whether to read first what is there, and write only what wins: better where not all rows do.
        """
        if look:
            kept.update(self._read_table(table, best))
            best = {key: value for key, value in best.items() if key not in kept or value > kept[key]}
        if not best:
            return 0
        changed = self._session.keep_greater(_name(table), list(best.items()))
        if len(best) > 1:
            self._is_told = changed is not None
        if changed == len(best):
            kept.update(best)
            return changed
        there = self._read_table(table, best)
        kept.update(there)
        return sum(there.get(key) == value for key, value in best.items()) if changed is None else changed

    def _read_table(self, table: OnlineTable, keys: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for select in _select([(table, list(keys))]):
            found.update((key, value) for _, key, value in self._session.fetch(*select))
        return found


def _name(table: OnlineTable) -> str:
    """Return the quoted name of the SQL table."""
    return f"`{table_name(table)}`"


def _to_find(tables: Sequence[OnlineTable]) -> tuple[str, Sequence[object]]:
    statement = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN %s"
    return statement, (tuple(table_name(table) for table in tables) or ("",),)


def _select(wanted: Reads) -> Iterator[tuple[str, Sequence[object]]]:
    """Yield statements that find the rows: (place of the read, key, value); one for up to 20 times 500 keys."""
    selects: list[str] = []
    parameters: list[object] = []
    for place, (table, keys) in enumerate(wanted):
        for start in range(0, len(keys), _STATEMENT_KEYS):
            selects.append(f"SELECT %s, k, v FROM {_name(table)} WHERE k IN %s")  # noqa: S608 (the name is quoted)
            parameters += (place, tuple(keys[start : start + _STATEMENT_KEYS]))
            if len(selects) == 20:
                yield " UNION ALL ".join(selects), parameters
                selects, parameters = [], []
    if selects:
        yield " UNION ALL ".join(selects), parameters


def _parts(best: Mapping[bytes, bytes], rows: int) -> Iterator[dict[bytes, bytes]]:
    """Cut a batch so that no statement gets too long."""
    part: dict[bytes, bytes] = {}
    size = 0
    for key, value in best.items():
        size += len(key) + len(value)
        if part and (len(part) == rows or size > _STATEMENT_BYTES):
            yield part
            part, size = {}, len(key) + len(value)
        part[key] = value
    if part:
        yield part


def _arrange(wanted: Reads, found: Sequence[Sequence[tuple[Any, ...]]]) -> Values:
    """Return values in the order of the keys."""
    rows: list[dict[bytes, bytes]] = [{} for _ in wanted]
    for some in found:
        for place, key, value in some:
            rows[place][key] = value
    return [list(map(values.get, keys)) for values, (_, keys) in zip(rows, wanted, strict=True)]


def _ssl(ca: Path | None, certificate: Path | None, key: Path | None) -> Any:
    if ca is None and certificate is None:
        return None
    import ssl

    try:
        context = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except OSError as error:
        raise InvalidConfigError(f"online_store.ssl_ca_path: the certificates cannot be used: {error}.") from error
    return context
