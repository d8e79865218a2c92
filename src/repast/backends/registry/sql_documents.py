"""Documents as rows of a SQL table."""

from __future__ import annotations

import os
import random
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from repast.errors import InvalidConfigError, UnavailableError
from repast.ports.registry import Document

_ATTEMPTS = 10
_TIMEOUTS: Mapping[str, Mapping[str, float]] = {
    "postgresql": {"connect_timeout": 5},
    "mysql": {"connect_timeout": 5, "read_timeout": 30, "write_timeout": 30},
    "mariadb": {"connect_timeout": 5, "read_timeout": 30, "write_timeout": 30},
    "sqlite": {"timeout": 30},
}
"""Arguments of the drivers, where sqlalchemy_config_kwargs say nothing else."""

_NAME = sa.String(500).with_variant(mysql.VARCHAR(500, charset="ascii", collation="ascii_bin"), "mysql", "mariadb")
_TABLE = sa.Table(
    "repast_documents",
    sa.MetaData(),
    sa.Column("name", _NAME, primary_key=True),  # names that differ in case only are different names
    sa.Column("version", sa.String(32), nullable=False),
    sa.Column("data", sa.LargeBinary().with_variant(mysql.LONGBLOB, "mysql", "mariadb"), nullable=False),
)

_NO_TABLE = frozenset(("42P01", 1146))
_UNDONE = frozenset(("40001", "40P01", 1213, 1205))
"""Serialization failure, deadlock, lock wait: the database undid the transaction and asks for another attempt."""


class SqlDocuments:
    """Loads and swaps documents of one database. Names have been checked.

    Args:
        url: SQLAlchemy's address of the database, with its driver.
        repo_path: Where the relative path of a SQLite file starts.
        options: Further arguments of ``create_engine``.

    """

    def __init__(self, url: str, repo_path: Path, options: dict[str, Any]) -> None:
        try:
            parsed = sa.make_url(url)
        except (ArgumentError, ValueError):
            # Without the cause: its text may have the password.
            raise InvalidConfigError(
                "registry.path is not an address that SQLAlchemy understands.",
                hint="write postgresql://user:password@host/database; escape signs in the password: @ is %40",
            ) from None
        self._file: Path | None = None
        if parsed.get_backend_name() == "sqlite":
            self._file = _sqlite_file(parsed, repo_path)
            parsed = parsed.set(database=str(self._file))
        self._url = parsed
        self.address = parsed.render_as_string(hide_password=True)
        self._options = options
        self._opening = threading.Lock()
        self._opened: tuple[int, sa.Engine] | None = None

    def load(self, name: str) -> Document | None:
        found = self._read(sa.select(_TABLE.c.data, _TABLE.c.version).where(_TABLE.c.name == name), f"read {name!r}")
        return Document(bytes(found[0][0]), str(found[0][1])) if found else None

    def find_version(self, name: str) -> str | None:
        found = self._read(sa.select(_TABLE.c.version).where(_TABLE.c.name == name), f"read {name!r}")
        return str(found[0][0]) if found else None

    def swap(self, name: str, data: bytes | None, expected: str | None) -> str | None:
        """Return the new version, or None if the document has another one than was expected."""
        version = secrets.token_hex(16)
        statement: sa.Insert | sa.Update | sa.Delete
        if expected is None:
            statement = sa.insert(_TABLE).values(name=name, version=version, data=data)
        else:
            named = _TABLE.c.name == name, _TABLE.c.version == expected
            is_removal = data is None
            statement = (
                sa.delete(_TABLE).where(*named)
                if is_removal
                else sa.update(_TABLE).where(*named).values(version=version, data=data)
            )
        return version if self._write(statement, f"write {name!r}") else None

    def names(self, prefix: str) -> list[str]:
        found = self._read(sa.select(_TABLE.c.name).where(_TABLE.c.name.startswith(prefix, autoescape=True)), "list")
        return sorted(name for (name,) in found if name.startswith(prefix))  # SQLite's LIKE ignores case

    def close(self) -> None:
        with self._opening:
            if self._opened is not None:
                self._opened[1].dispose(close=self._opened[0] == os.getpid())
            self._opened = None

    @property
    def _engine(self) -> sa.Engine:
        with self._opening:
            if self._opened is not None and self._opened[0] != os.getpid():
                self._opened[1].dispose(close=False)  # the connections are the parent's
                self._opened = None
            if self._opened is None:
                self._opened = os.getpid(), self._open()
            return self._opened[1]

    def _open(self) -> sa.Engine:
        # Connections that the server closed meanwhile are replaced; documents are kept out of messages.
        options: dict[str, Any] = {"pool_pre_ping": True, "hide_parameters": True, **self._options}
        timeouts = _TIMEOUTS[self._url.get_backend_name()]
        options["connect_args"] = {**timeouts, **self._url.query, **options.get("connect_args", {})}
        try:
            return sa.create_engine(self._url.set(query={}), **options)
        except TypeError as error:
            raise InvalidConfigError(
                f"registry.sqlalchemy_config_kwargs: {str(error).partition(' using configuration')[0]}.",
                hint="they are the arguments of sqlalchemy.create_engine",
            ) from error

    def _read(self, statement: sa.Select[Any], action: str) -> Sequence[Sequence[Any]]:
        if self._file is not None and not self._file.exists():  # connecting would make it
            return ()
        try:
            with self._engine.connect() as connection:
                return connection.execute(statement).fetchall()
        except SQLAlchemyError as error:
            if _lacks_table(error):
                return ()
            raise self._failure(error, action) from error

    def _write(self, statement: sa.Insert | sa.Update | sa.Delete, action: str) -> bool:
        """Run a statement in a transaction of its own; tell whether it changed a row."""
        makes = isinstance(statement, sa.Insert)
        if self._file is not None and not self._file.exists() and not makes:
            return False
        for attempt in range(_ATTEMPTS):
            try:
                if makes and self._file is not None:
                    self._file.parent.mkdir(parents=True, exist_ok=True)
                with self._engine.begin() as connection:
                    return connection.execute(statement).rowcount > 0 or makes  # SQLAlchemy counts no inserts
            except IntegrityError:
                return False
            except (SQLAlchemyError, OSError) as error:
                if _lacks_table(error):
                    if not makes:
                        return False
                    self._make_table(action)
                elif not _was_undone(error):
                    raise self._failure(error, action) from error
                time.sleep(0.01 * 2**attempt * random.random())  # noqa: S311
        raise UnavailableError(f"Cannot {action} in the registry {self.address}: others keep writing to it.")

    def _make_table(self, action: str) -> None:
        try:
            _TABLE.create(self._engine, checkfirst=True)
        except SQLAlchemyError as error:
            if not sa.inspect(self._engine).has_table(_TABLE.name):  # else somebody made it at the same moment
                raise self._failure(error, action) from error

    def _failure(self, error: Exception, action: str) -> UnavailableError:
        """Say what an error of a driver means for a registry; SQLAlchemy's own text is long and about SQL."""
        reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0].rstrip(".")
        said = reason.lower()
        found = next(((message, hint) for words, message, hint in _KNOWN if any(word in said for word in words)), None)
        message, hint = found or (reason, "check registry.path in feature_store.yaml")
        return UnavailableError(
            f"Cannot {action} in the registry {self.address}: {message}.", hint=hint, context={"reason": reason}
        )


def _codes(error: Exception) -> set[object]:
    """What the database calls an error: PostgreSQL's state, MySQL's number, SQLite's words."""
    driver = getattr(error, "orig", None)
    return {getattr(driver, "sqlstate", None), *(getattr(driver, "args", ()) or ())[:1]}


def _lacks_table(error: Exception) -> bool:
    """Whether a statement failed because nobody made the table yet."""
    codes = _codes(error)
    return not codes.isdisjoint(_NO_TABLE) or any(str(code).startswith("no such table") for code in codes)


def _was_undone(error: Exception) -> bool:
    return not _codes(error).isdisjoint(_UNDONE)


def _sqlite_file(url: sa.URL, repo_path: Path) -> Path:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise InvalidConfigError(
            "registry.path names no SQLite file.", hint="sqlite:///registry.db, or registry: memory://name"
        )
    return (repo_path / Path(url.database).expanduser()).absolute()


_SERVER = "see whether the server runs, and check the address, the network and the firewall"
_KNOWN: Sequence[tuple[Sequence[str], str, str]] = (
    (("password", "access denied for user", "role "), "it refuses the credentials", "check user and password"),
    (
        ('database "', "unknown database"),
        "there is no such database",
        "create it (createdb NAME, or CREATE DATABASE NAME in MySQL), or check registry.path",
    ),
    (("read-only", "read only", "readonly"), "it is read-only", "connect to the primary server, not to a replica"),
    (("permission denied", "command denied"), "permission denied", "GRANT this user rights on repast_documents"),
    (("too many", "connection slots"), "it has too many connections", "try again, or raise the server's limit"),
    (("no space", "is full", "disk full"), "its disk is full", "free some space, then do it again"),
    (("database is locked",), "others keep writing to it", "do it again"),
    (("refused", "can't connect", "timeout", "timed out", "translate host"), "it does not answer", _SERVER),
    (
        ("closed", "lost", "gone away", "terminat"),
        "the connection was lost",
        "see whether it happened, and do it again",
    ),
)
