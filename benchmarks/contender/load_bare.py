"""The raw limit of a load: newest row per key by DuckDB, msgpack rows, one compare-and-set upsert loop in SQLite."""

import sqlite3
import tempfile
from pathlib import Path

import duckdb
import msgspec

from benchmarks.contender.clock import arguments, finish, measure

args = arguments()
encode = msgspec.msgpack.Encoder().encode
seconds = []
for _ in range(args["repeat"]):
    with tempfile.TemporaryDirectory() as folder:

        def work(folder: str = folder) -> None:
            newest = duckdb.sql(
                f"""SELECT s.* EXCLUDE (created) FROM '{args["source"]}' s
                JOIN (SELECT key, max(event_timestamp) AS event_timestamp FROM '{args["source"]}' GROUP BY key)
                USING (key, event_timestamp)"""
            ).to_arrow_table()
            events = newest["event_timestamp"].cast("int64").to_pylist()
            columns = [newest[name].to_pylist() for name in newest.column_names if name.startswith("f")]
            keys = newest["key"].to_pylist()
            rows = [
                (key.to_bytes(8, "big"), event.to_bytes(8, "big") + encode(values))
                for key, event, values in zip(keys, events, zip(*columns, strict=True), strict=True)
            ]
            connection = sqlite3.connect(Path(folder) / "online.db", isolation_level=None)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE view (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")
            connection.execute("BEGIN")
            connection.executemany(
                "INSERT INTO view VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
                " WHERE excluded.value > value",
                rows,
            )
            connection.execute("COMMIT")
            connection.close()

        seconds += measure(work)
finish(seconds)
