"""The offline engine on DuckDB: files on disk and in object stores, no server."""

from __future__ import annotations

import ctypes
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from weakref import WeakSet

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from repast.backends.offline.append import append_rows
from repast.backends.offline.failure import translated
from repast.backends.offline.scan import Scan, Scanner, plan_rows
from repast.core.manifest import SourceSpec
from repast.core.plan.offline import TIME, OfflinePlan
from repast.core.sql.dialect import DUCKDB, SqlDialect
from repast.core.sql.plan import compile_plan
from repast.core.sql.relation import Relation
from repast.core.sql.spine import SPINE, SpineFacts
from repast.errors import ClosedError, InvalidConfigError, InvalidRequestError
from repast.ports.offline import OfflineEngine

_BATCH_ROWS = 65_536
_engines: WeakSet[DuckDBEngine] = WeakSet()


class DuckDBEngine(OfflineEngine):
    """Runs plans in this process.

    Args:
        repo_path: Where relative paths start.
        memory_limit: For example "4GB"; by default 80 % of the machine's memory. What does not fit spills.
        threads: By default one per core.
        temp_directory: Where to spill; by default the system's folder for temporary files.

    """

    dialect: SqlDialect = DUCKDB

    def __init__(
        self,
        *,
        repo_path: Path,
        memory_limit: str | None = None,
        threads: int | None = None,
        temp_directory: str | Path | None = None,
    ) -> None:
        self.repo_path = Path(repo_path)
        self._settings: dict[str, str | bool | int | float | list[str]] = {}
        if memory_limit is not None:
            self._settings["memory_limit"] = str(memory_limit)
        if threads is not None:
            self._settings["threads"] = threads
        self._temp_directory = None if temp_directory is None else self.repo_path / temp_directory
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._scanner = Scanner(self.repo_path)
        self._closed = False
        self._lock = threading.Lock()
        _engines.add(self)

    def inspect(self, source: SourceSpec) -> pa.Schema:
        """See :meth:`OfflineEngine.inspect`."""
        with self._open(source) as scan:
            return scan.schema

    def run(self, plan: OfflinePlan, spine: pa.Table | None = None) -> pa.RecordBatchReader:
        """See :meth:`OfflineEngine.run`."""
        rows = plan_rows(plan)
        scan = self._open(rows.source, plan)
        try:
            if spine is not None:
                scan.cursor.register(SPINE, spine)
            return _stream(scan, self._compile(plan, scan, spine))
        except BaseException:
            scan.close()
            raise

    def explain(self, plan: OfflinePlan, spine: pa.Table | None = None) -> str:
        """Return the SQL that :meth:`run` would execute; ``spine`` is the name of the spine in it."""
        rows = plan_rows(plan)
        with self._open(rows.source, plan, pin=False) as scan:
            return self._compile(plan, scan, spine, pretty=True)

    def _compile(self, plan: OfflinePlan, scan: Scan, spine: pa.Table | None, *, pretty: bool = False) -> str:
        rows = plan_rows(plan)
        relation = Relation(
            spec=rows.source,
            table=scan.table,
            columns=dict(zip(scan.schema.names, scan.schema.types, strict=True)),
            dialect=self.dialect,
            changed=scan.changed,
            rows=scan.rows,
            view=rows.view,
        )
        facts = None if spine is None else _facts(spine)
        return self.dialect.render(compile_plan(plan, relation, facts), pretty=pretty)

    def query(self, statement: str) -> pa.RecordBatchReader:
        """Run one SELECT. Relative paths of files in it start at ``repo_path``."""
        subject = "The SQL of the spine"
        cursor = self._cursor()
        with translated(subject):
            cursor.execute("SET file_search_path = ?", [str(self.repo_path)])
            parsed = cursor.extract_statements(statement)
        if len(parsed) != 1 or parsed[0].type != duckdb.StatementType.SELECT:
            raise InvalidRequestError(
                f"{subject} must be one SELECT.", hint="for example \"SELECT ... FROM 'a.parquet'\""
            )
        return _stream(Scan(cursor, subject), statement)

    def files(self, source: SourceSpec) -> Mapping[str, str] | None:
        """Return path -> fingerprint: size and change time, or an object's etag."""
        self._check_open()
        return self._scanner.files(source)

    def append(self, source: SourceSpec, rows: pa.Table) -> None:
        """See :meth:`OfflineEngine.append`."""
        self._check_open()
        append_rows(source, rows, repo_path=self.repo_path)

    def close(self) -> None:
        """See :meth:`OfflineEngine.close`."""
        with self._lock:
            self._closed = True
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self, source: SourceSpec, plan: OfflinePlan | None = None, *, pin: bool = True) -> Scan:
        return self._scanner.open(source, plan, self._cursor(), pin=pin)

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            self._check_open()
            if self._connection is None:
                self._connection = self._connect()
            cursor = self._connection.cursor()
        return cursor

    def _abandon(self) -> None:
        """Forget, in a forked process, what the parent has opened: its threads are not here, so all of it hangs."""
        self._lock = threading.Lock()
        if self._connection is not None:
            # Even to close it would wait for those threads, at the end of the process too: it is never freed.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._connection))
            self._connection = None

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("The offline engine was closed.")

    def _connect(self) -> duckdb.DuckDBPyConnection:
        temporary = self._temp_directory or Path(tempfile.gettempdir()) / f"repast-duckdb-{os.getpid()}-{id(self):x}"
        settings: dict[str, str | bool | int | float | list[str]] = {
            "TimeZone": "UTC",
            # Results have no order, and keeping one costs memory.
            "preserve_insertion_order": "false",
            "temp_directory": str(temporary),
            # SQL of users names files and nothing of this process.
            "python_enable_replacements": "false",
            "autoinstall_known_extensions": "false",
            **self._settings,
        }
        try:
            return duckdb.connect(":memory:", config=settings)
        except duckdb.Error as error:
            first = str(error).split("\n")[0]
            raise InvalidConfigError(
                f"offline_store: {first}", hint='for example memory_limit: "4GB", threads: 4'
            ) from error


def _abandon_all() -> None:
    for engine in list(_engines):
        engine._abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)


def _facts(spine: pa.Table) -> SpineFacts:
    ends = pc.min_max(spine.column(TIME)).as_py()
    if ends["min"] is None:
        return SpineFacts(spine.num_rows, 0, 0)
    return SpineFacts(spine.num_rows, ends["min"], ends["max"])


def _stream(scan: Scan, statement: str) -> pa.RecordBatchReader:
    """Run a statement; the scan stays open until the last batch is read or the reader is dropped."""
    with scan.translated():
        reader = scan.cursor.sql(statement).to_arrow_reader(_BATCH_ROWS)

    def batches() -> Iterator[pa.RecordBatch]:
        with scan, scan.translated():
            yield from reader

    return pa.RecordBatchReader.from_batches(reader.schema, batches())
