"""The offline engine on BigQuery: statements are jobs, spines and appended rows are load jobs of Parquet."""

from __future__ import annotations

import io
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from repast.backends.offline.bigquery_failure import explain_failure, library_errors
from repast.backends.offline.bigquery_type import load_schema, source_columns
from repast.backends.offline.sql_engine import Session, cast_batch
from repast.backends.offline.sql_table import SqlTableEngine, TableSession
from repast.core.manifest import SourceSpec
from repast.core.sql.dialect import BIGQUERY
from repast.core.sql.node import select
from repast.core.sql.relation import SourceColumn
from repast.errors import InvalidConfigError, InvalidRequestError, RepastError, require
from repast.ports.table import Result, SupportsObjects

_LIFETIME = timedelta(days=1)
"""Of an uploaded spine whose session could not delete it."""
_FOLDER = re.compile(r"gs://[^/*]+(/[^*]*)?")
_CREATE = ("CREATE_IF_NEEDED", "CREATE_NEVER")


class BigQueryEngine(SqlTableEngine, SupportsObjects):
    """Runs plans in BigQuery.

    Args:
        repo_path: The folder of feature_store.yaml.
        project_id: Where the dataset is; by default that of the credentials.
        dataset: Where spines are uploaded to, for as long as a plan runs, and where tables are whose names do not say
            it.
        location: Where jobs run, for example "EU"; by default where the data is.
        billing_project_id: The project that pays for jobs; by default project_id.
        table_create_disposition: "CREATE_NEVER" if the dataset must not be created.
        maximum_bytes_billed: A statement that would read more fails and costs nothing.
        labels: Of every job, for the bill.
        api_endpoint: By default Google's. One that starts with http:// is asked without credentials.
        storage_endpoint: Of the Storage API; by default Google's, and none where api_endpoint is another.
        timeout: Seconds for which a request that fails for a passing reason is tried again.
        gcs_staging_location: A folder, gs://bucket/folder, in which results that are written to Cloud Storage get one
            of their own, unless they are told another.

    """

    kind = "bigquery"
    dialect = BIGQUERY

    def __init__(
        self,
        *,
        repo_path: Path,  # noqa: ARG002 - nothing here is a file
        project_id: str | None = None,
        dataset: str = "feast",
        location: str | None = None,
        billing_project_id: str | None = None,
        table_create_disposition: str = "CREATE_IF_NEEDED",
        maximum_bytes_billed: int | None = None,
        labels: Mapping[str, str] | None = None,
        api_endpoint: str | None = None,
        storage_endpoint: str | None = None,
        timeout: float = 60.0,
        gcs_staging_location: str | None = None,
    ) -> None:
        super().__init__()
        if table_create_disposition not in _CREATE:
            raise InvalidConfigError(
                f"offline_store: table_create_disposition is {table_create_disposition!r}.",
                hint="use one of " + ", ".join(_CREATE),
            )
        self._project, self._payer = project_id, billing_project_id
        self._dataset, self._location = dataset, location
        self._create = table_create_disposition == "CREATE_IF_NEEDED"
        self._job = {"maximum_bytes_billed": maximum_bytes_billed, "labels": dict(labels or {})}
        self._endpoint, self._storage_endpoint = api_endpoint, storage_endpoint
        self._timeout = timeout
        self._staging = gcs_staging_location
        self._client: Any = None
        self._reader: Any = None
        self._ready = False
        self._connecting = Lock()

    @property
    def errors(self) -> tuple[type[BaseException], ...]:  # type: ignore[override]
        """What the client raises."""
        return library_errors()

    def connect(self, source: SourceSpec | None = None) -> Session:  # noqa: ARG002 - one client reads all sources
        """Return a session of the one client, which finds its credentials when it is first used."""
        patience = _library().DEFAULT_RETRY.with_timeout(self._timeout)
        with self._connecting:
            if self._client is None:
                self._client, self._reader = self._clients()
            dataset = f"{self._project or self._client.project}.{self._dataset}"
            if not self._ready and self._create:
                self._client.create_dataset(dataset, exists_ok=True, retry=patience)
            self._ready = True
        return _BigQuerySession(self._client, self._reader, dataset, self._job, patience)

    def translate(self, error: BaseException, subject: str) -> RepastError:
        """Tell errors apart by their class and BigQuery's reason."""
        return explain_failure(error, subject, self._client)

    @property
    def has_folder(self) -> bool:
        """See :attr:`SupportsObjects.has_folder`."""
        return self._staging is not None

    def write_objects(self, folder: str | None, result: Result, *, overwrite: bool = False) -> list[str]:
        """See :meth:`SupportsObjects.write_objects`. Files are named 000000000000.parquet, 000000000001.parquet, ...

        They appear one by one: the result is complete when this returns.
        """
        if folder is None and self._staging:
            folder = f"{self._staging.rstrip('/')}/{secrets.token_hex(16)}"
        if folder is None or not _FOLDER.fullmatch(folder):
            raise InvalidRequestError(
                f"A folder for the result is needed, and {folder!r} is none that BigQuery writes to.",
                hint='give "gs://bucket/folder", or set gcs_staging_location of offline_store',
            )
        address = f"{folder.rstrip('/')}/*.parquet"
        with self._making(f"Folder {folder}") as session:
            assert isinstance(session, _BigQuerySession)
            query = self.dialect.render(self._compose(session, result))
            files = session.export(export_statement(address, query, overwrite=overwrite))
        return [address.replace("*", f"{place:012}") for place in range(files)]

    def _clients(self) -> tuple[Any, Any]:
        options = {"api_endpoint": self._endpoint} if self._endpoint else {}
        credentials = _anonymous() if str(self._endpoint).startswith("http://") else None
        client = _library().Client(
            project=self._payer or self._project,
            credentials=credentials,
            location=self._location,
            client_options=options,
        )
        if self._endpoint and not self._storage_endpoint:
            return client, None
        return client, storage_client(self._storage_endpoint)


def export_statement(address: str, query: str, *, overwrite: bool) -> str:
    """Return the statement that writes what a SELECT yields to files; ``address`` has a star for their numbers."""
    uri = exp.Literal.string(address).sql(dialect="bigquery")
    options = f"uri = {uri}, format = 'PARQUET', overwrite = {str(overwrite).lower()}"
    return f"EXPORT DATA OPTIONS ({options}) AS {query}"


def _library() -> Any:
    return require("google.cloud.bigquery", extra="bigquery", purpose="The bigquery offline store")


def _anonymous() -> Any:
    auth: Any = require("google.auth.credentials", extra="bigquery", purpose="The bigquery offline store")
    return auth.AnonymousCredentials()


def storage_client(endpoint: str | None) -> Any:
    """Return a client of the Storage API, which streams rows as Arrow in parallel; None where it is not installed."""
    try:
        grpc = import_module("grpc")
        client = import_module("google.cloud.bigquery_storage_v1").BigQueryReadClient
        transport = import_module("google.cloud.bigquery_storage_v1.services.big_query_read.transports")
    except ImportError:
        return None
    if endpoint is None:
        return client()
    plain = endpoint.removeprefix("http://")
    if plain == endpoint:
        return client(client_options={"api_endpoint": endpoint})
    return client(transport=transport.BigQueryReadGrpcTransport(channel=grpc.insecure_channel(plain)))


class _BigQuerySession(TableSession):
    def __init__(self, client: Any, reader: Any, dataset: str, job: Mapping[str, Any], patience: Any) -> None:
        self._client = client
        self._reader = reader
        self._dataset = dataset
        self._job = job
        self._patience = patience
        self._uploads: list[str] = []
        self._tables: dict[str, Any] = {}

    def inspect(self, table: exp.Expr) -> Mapping[str, SourceColumn]:
        if isinstance(table, exp.Table):
            return source_columns(self._get_table(table).schema)
        aliased = exp.alias_(table.copy(), "source", table=True, quoted=True)
        statement = BIGQUERY.render(select(exp.Star()).from_(aliased))
        job = self._query(statement, dry_run=True, use_query_cache=False)
        return source_columns(job.schema)

    def estimate_rows(self, table: exp.Expr) -> int | None:
        rows: int | None = self._get_table(table).num_rows if isinstance(table, exp.Table) else None
        return rows or None  # views have 0

    def execute(self, statement: str) -> pa.RecordBatchReader:
        rows = self._query(statement).result(retry=self._patience)
        columns = source_columns(rows.schema)
        schema = pa.schema([(name, column.type) for name, column in columns.items()])

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in rows.to_arrow_iterable(bqstorage_client=self._reader):
                yield cast_batch(batch, schema, "The result")

        return pa.RecordBatchReader.from_batches(schema, batches())

    def upload(self, spine: pa.Table) -> exp.Expr:
        library = _library()
        name = f"repast_spine_{secrets.token_hex(8)}"
        table = library.Table(f"{self._dataset}.{name}", schema=load_schema(spine.schema))
        table.expires = datetime.now(UTC) + _LIFETIME
        self._client.create_table(table, retry=self._patience)
        self._uploads.append(f"{self._dataset}.{name}")
        self._load(spine, f"{self._dataset}.{name}")
        return exp.to_table(f"`{self._dataset}.{name}`", dialect="bigquery")

    def insert(self, table: exp.Table, rows: pa.Table) -> None:
        self._load(rows, self._address(table))

    def keep(self, query: str) -> exp.Expr:
        address = f"{self._dataset}.repast_work_{secrets.token_hex(8)}"
        self._uploads.append(address)
        self._make(address, query, replace=False)
        table = self._client.get_table(address, retry=self._patience)
        table.expires = datetime.now(UTC) + _LIFETIME
        self._client.update_table(table, ["expires"], retry=self._patience)
        return exp.to_table(f"`{address}`", dialect="bigquery")

    def create(self, table: exp.Table, query: str, *, replace: bool) -> None:
        self._make(self._address(table), query, replace=replace)

    def export(self, statement: str) -> int:
        """Run an EXPORT DATA; return how many files it has made."""
        job = self._query(statement)
        job.result(retry=self._patience)
        counts = job._properties.get("statistics", {}).get("query", {}).get("exportDataStatistics", {})
        return int(counts.get("fileCount", 1))

    def close(self) -> None:
        while self._uploads:
            with suppress(*library_errors()):  # it expires anyway
                self._client.delete_table(self._uploads.pop(), not_found_ok=True, retry=self._patience)

    def _load(self, rows: pa.Table, address: str) -> None:
        """One load job: all rows or none."""
        library = _library()
        buffer = io.BytesIO()
        pq.write_table(rows, buffer)
        buffer.seek(0)
        parquet = library.ParquetOptions()
        parquet.enable_list_inference = True
        config = library.LoadJobConfig(
            source_format="PARQUET",
            write_disposition="WRITE_APPEND",
            create_disposition="CREATE_NEVER",
            parquet_options=parquet,
            schema=load_schema(rows.schema),
            labels=self._job["labels"],
        )
        self._client.load_table_from_file(buffer, address, job_config=config).result(retry=self._patience)

    def _make(self, address: str, query: str, *, replace: bool) -> None:
        """One statement, which makes all of a table or nothing."""
        target = BIGQUERY.render(exp.to_table(f"`{address}`", dialect="bigquery"))
        verb = "CREATE OR REPLACE TABLE" if replace else "CREATE TABLE"
        self._query(f"{verb} {target} AS {query}").result(retry=self._patience)

    def _query(self, statement: str, **options: Any) -> Any:
        given = {name: value for name, value in self._job.items() if value}
        config = _library().QueryJobConfig(default_dataset=self._dataset, **given, **options)
        return self._client.query(statement, job_config=config, retry=self._patience, job_retry=None)

    def _get_table(self, table: exp.Table) -> Any:
        address = self._address(table)
        if address not in self._tables:
            self._tables[address] = self._client.get_table(address, retry=self._patience)
        return self._tables[address]

    def _address(self, table: exp.Table) -> str:
        project, dataset = self._dataset.split(".", 1)
        return f"{table.catalog or project}.{table.db or dataset}.{table.name}"
