"""Put the rows of the examples where each example's sources look for them."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

TABLES = ("plane_history", "weather")
PLANES = 10
"""So many of the first planes to depart: enough to see, little enough for an emulator."""


def read_sample(name: str) -> pa.Table:
    """Read a table of the real flights that come with Repast (see ``repast init``)."""
    data = (resources.files("repast.templates") / "local" / "data" / f"{name}.parquet").read_bytes()
    return pq.read_table(io.BytesIO(data))


def departures() -> pa.Table:
    """Return the departures that features are asked for: one of each plane, at different hours."""
    found = read_sample("departures").slice(0, PLANES)
    return found.select(["event_timestamp", "flight", "tailnum", "origin"])


def rows(name: str) -> pa.Table:
    """Return the rows of a source."""
    found = read_sample(name)
    if name == "plane_history":
        return found.filter(pc.is_in(found["tailnum"], departures()["tailnum"]))
    return found.filter(pc.field("observed_at") > datetime(2013, 2, 27, tzinfo=UTC))


def put_files(folder: Path) -> None:
    """Write Parquet files beside the definitions."""
    (folder / "data").mkdir(exist_ok=True)
    for name in TABLES:
        pq.write_table(rows(name), folder / "data" / f"{name}.parquet")


def put_objects(url: str) -> None:
    """Write Parquet objects into a bucket; credentials come from the environment."""
    import obstore

    store = obstore.store.from_url(url, client_options={"allow_http": True})
    for name in TABLES:
        buffer = io.BytesIO()
        pq.write_table(rows(name), buffer)
        obstore.put(store, f"{name}.parquet", buffer.getvalue())


def put_postgres() -> None:
    """Copy the rows into tables; the address comes from PGHOST and its like."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect("postgresql://") as connection, connection.cursor() as cursor:
        for name in TABLES:
            cursor.adbc_ingest(name, rows(name), mode="replace")
        connection.commit()


def put_bigquery() -> None:
    """Load the rows into tables of the data set ``flights``."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    endpoint = os.environ.get("BIGQUERY_ENDPOINT")
    options = {"client_options": {"api_endpoint": endpoint}, "credentials": AnonymousCredentials()} if endpoint else {}
    client = bigquery.Client(project=os.environ["GOOGLE_CLOUD_PROJECT"], **options)
    client.create_dataset("flights", exists_ok=True)
    kinds = {"string": "STRING", "int64": "INTEGER", "double": "FLOAT", "timestamp[us, tz=UTC]": "TIMESTAMP"}
    for name in TABLES:
        found, buffer = rows(name), io.BytesIO()
        schema = [bigquery.SchemaField(field.name, kinds[str(field.type)]) for field in found.schema]
        table = client.create_table(bigquery.Table(f"{client.project}.flights.{name}", schema), exists_ok=True)
        pq.write_table(found, buffer)
        buffer.seek(0)
        job = bigquery.LoadJobConfig(source_format="PARQUET", write_disposition="WRITE_TRUNCATE", schema=schema)
        client.load_table_from_file(buffer, table, job_config=job).result()
    client.close()


PUT: dict[str, Callable[[Path], None]] = {
    "local": put_files,
    "team": lambda _: put_postgres(),
    "gcp": lambda _: put_bigquery(),
    "aws": lambda _: put_objects("s3://repast-tests"),
    "azure": lambda _: put_objects("az://repast-tests"),
}
