"""The registry in a SQL database: PostgreSQL, MySQL, MariaDB or SQLite, through SQLAlchemy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repast.errors import ClosedError, ConflictError, InvalidConfigError, InvalidRequestError, require
from repast.ports.registry import Document, RegistryStore

if TYPE_CHECKING:
    from repast.backends.registry.sql_documents import SqlDocuments

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
_NAME_LENGTH = 500

_DRIVERS: Mapping[str, str] = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "postgresql+psycopg2": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
"""What stands for a driver where an address names none, or one that Repast does not install."""
_EXTRAS: Mapping[str, str] = {"psycopg": "sql,postgres", "pymysql": "sql,mysql"}


class SqlRegistry(RegistryStore):
    """Documents as rows of one table, ``repast_documents``, each replaced by UPDATE ... WHERE version = ...

    The table is made by the first swap; who may not make tables lets an administrator do it. Every swap is
    one statement in one transaction, so any number of processes may swap at once.

    Args:
        repo_path: Folder of the repo, where the relative path of a SQLite file starts.
        path: Address of the database as SQLAlchemy writes it: ``postgresql://user:password@host/database``,
            ``mysql://...``, ``mariadb://...``, ``sqlite:///registry.db``.
        sqlalchemy_config_kwargs: Further arguments of SQLAlchemy's ``create_engine``.

    Raises:
        InvalidConfigError: The address is none, or of a kind of database that is not supported.
        MissingDependencyError: SQLAlchemy, or the driver of the database, is not installed.

    """

    def __init__(
        self, *, repo_path: str | Path, path: str, sqlalchemy_config_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        require("sqlalchemy", extra="sql", purpose="The registry sql")
        from repast.backends.registry.sql_documents import SqlDocuments

        scheme, found, rest = path.strip().partition("://")
        scheme = _DRIVERS.get(scheme.lower(), scheme.lower())
        if not found or scheme.partition("+")[0] not in ("postgresql", "mysql", "mariadb", "sqlite"):
            raise InvalidConfigError(
                "registry.path is not the address of a database that a registry can be in.",
                hint="write postgresql://user:password@host/database, mysql://..., or sqlite:///file.db",
            )
        driver = scheme.partition("+")[2]
        if driver in _EXTRAS:
            require(driver, extra=_EXTRAS[driver], purpose=f"The registry at {scheme.partition('+')[0]}://")
        self._documents: SqlDocuments | None = SqlDocuments(
            f"{scheme}://{rest}", Path(repo_path), dict(sqlalchemy_config_kwargs or {})
        )

    def load(self, name: str) -> Document | None:
        return self._open(name).load(name)

    def find_version(self, name: str) -> str | None:
        return self._open(name).find_version(name)

    def swap(self, name: str, data: bytes | None, expected: str | None) -> Document | None:
        documents = self._open(name)
        if data is None and expected is None:
            if documents.find_version(name) is not None:
                raise _conflict(name)
            return None
        version = documents.swap(name, data, expected)
        if version is None:
            raise _conflict(name)
        return None if data is None else Document(data, version)

    def names(self, prefix: str = "") -> Sequence[str]:
        if prefix:
            _check(prefix.removesuffix("/"))
        return self._open(None).names(prefix)

    def close(self) -> None:
        if self._documents is not None:
            self._documents.close()
        self._documents = None

    def __repr__(self) -> str:
        return f"SqlRegistry({self._documents.address if self._documents else 'closed'!r})"

    def _open(self, name: str | None) -> SqlDocuments:
        if self._documents is None:
            raise ClosedError("The registry was closed.", hint="open the feature store again")
        if name is not None:
            _check(name)
        return self._documents


def _check(name: str) -> None:
    if len(name) > _NAME_LENGTH or not _NAME.fullmatch(name):
        raise InvalidRequestError(
            f"{name!r} is not a document name.",
            hint="use segments of letters, digits, '_', '-' and '.', joined by '/'; none starts with '.'",
        )


def _conflict(name: str) -> ConflictError:
    return ConflictError(
        f"Registry document {name!r} was changed by somebody else meanwhile; nothing was written.",
        context={"document": name},
    )
