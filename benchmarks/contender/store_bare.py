"""The raw limit of an online store with a server: a bare loop of its client over one packed row per key.

Loads keep the greater value, in one statement or transaction a batch; only that of Redis compares nothing, for its
client has no command that does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

import msgspec

from benchmarks.contender.clock import arguments, finish
from benchmarks.contender.store_rows import KEYS, check, draw_keys, make_rows, measure_some
from benchmarks.contender.store_server import loading, run_store

BATCH = 1000
encode, decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder().decode
Rows = list[tuple[bytes, bytes]]


class Redis:
    """A hash per view; loads by HSET, which compares nothing."""

    def __init__(self, options: dict[str, Any], views: int) -> None:
        import redis

        host, _, port = options["connection_string"].partition(":")
        self.client = redis.Redis(host=host, port=int(port), protocol=2)
        self.names = [f"view{view}" for view in range(views)]

    def load(self, view: int, rows: Rows) -> None:
        for start in range(0, len(rows), BATCH):
            self.client.hset(self.names[view], mapping=dict(rows[start : start + BATCH]))

    def read(self, keys: Sequence[bytes]) -> list[list[bytes]]:
        pipeline = self.client.pipeline(transaction=False)
        for name in self.names:
            pipeline.hmget(name, keys)
        return pipeline.execute()  # type: ignore[no-any-return]


class Sql:
    """A table per view; a statement per view and read."""

    def __init__(self, connection: Any, views: int, bytes_type: str, many: str, insert: str) -> None:
        self.cursor = connection.cursor()
        self.selects = [f"SELECT k, v FROM bare{view} WHERE k {many}" for view in range(views)]
        self.inserts = [insert.format(table=f"bare{view}") for view in range(views)]
        for view in range(views):
            key = "BYTEA" if bytes_type == "BYTEA" else "VARBINARY(64)"
            self.cursor.execute(f"CREATE TABLE IF NOT EXISTS bare{view} (k {key} PRIMARY KEY, v {bytes_type})")

    def load(self, view: int, rows: Rows) -> None:
        for start in range(0, len(rows), BATCH):
            self.cursor.executemany(self.inserts[view], rows[start : start + BATCH])

    def read(self, keys: Sequence[bytes]) -> list[list[bytes]]:
        values = []
        for select in self.selects:
            self.cursor.execute(select, (list(keys),))
            found = dict(self.cursor.fetchall())
            values.append([found[key] for key in keys])
        return values


def postgres(options: dict[str, Any], views: int) -> Sql:
    import psycopg

    given = {name: options[name] for name in ("host", "port", "user", "password")}
    connection = psycopg.connect(**given, dbname=options["database"], autocommit=True)
    kept = "ON CONFLICT (k) DO UPDATE SET v = excluded.v WHERE excluded.v > {table}.v"
    return Sql(connection, views, "BYTEA", "= ANY(%s)", "INSERT INTO {table} VALUES (%s, %s) " + kept)


def mysql(options: dict[str, Any], views: int) -> Sql:
    import pymysql

    given = {name: value for name, value in options.items() if name != "type"}
    connection = pymysql.connect(**given, autocommit=True, binary_prefix=True)
    kept = "ON DUPLICATE KEY UPDATE v = IF(VALUES(v) > v, VALUES(v), v)"
    return Sql(connection, views, "LONGBLOB", "IN %s", "INSERT INTO {table} VALUES (%s, %s) " + kept)


class Lmdb:
    """A database per view; a transaction per batch, and per read."""

    def __init__(self, options: dict[str, Any], views: int) -> None:
        import lmdb

        self.environment = lmdb.open(options["path"], map_size=1 << 32, max_dbs=views, metasync=False)
        self.tables = [self.environment.open_db(f"view{view}".encode()) for view in range(views)]

    def load(self, view: int, rows: Rows) -> None:
        table = self.tables[view]
        for start in range(0, len(rows), BATCH):
            with self.environment.begin(write=True) as txn:
                for key, value in rows[start : start + BATCH]:
                    found = txn.get(key, None, table)
                    if found is None or value > found:
                        txn.put(key, value, db=table)

    def read(self, keys: Sequence[bytes]) -> list[list[bytes]]:
        with self.environment.begin() as txn:
            return [[txn.get(key, None, table) for key in keys] for table in self.tables]


OPEN = {"redis": Redis, "postgres": postgres, "mysql": mysql, "lmdb": Lmdb}


def pack(view: int, keys: int, features: int, turn: int = 0) -> Rows:
    columns = [column.to_pylist() for column in make_rows(view, keys, features, turn).columns[2:]]
    prefix = turn.to_bytes(8, "big")
    return [(key.to_bytes(8, "big"), prefix + encode(row)) for key, row in enumerate(zip(*columns, strict=True))]


def load_for_ever(begun: Any, store: str, options: dict[str, Any], features: int) -> None:
    opened: Any = OPEN[store](options, 1)
    rows, turn = pack(0, KEYS, features), 0
    while True:
        turn += 1
        prefix = turn.to_bytes(8, "big")
        opened.load(0, [(key, prefix + value[8:]) for key, value in rows])
        begun.set()


def main() -> None:
    args = arguments()
    store, what, rows, features = args["store"], args["what"], args["rows"], args["features"]
    repeat, limit = args["repeat"], args["limit"]
    with tempfile.TemporaryDirectory() as folder, run_store(store, folder) as options:
        opened: Any = OPEN[store](options, args["views"])
        if what == "load":
            turns = iter([pack(0, rows, features, turn) for turn in range(repeat)])
            finish(measure_some(lambda: opened.load(0, next(turns)), repeat=repeat, limit=limit), written=rows)
            return
        for view in range(args["views"]):
            opened.load(view, pack(view, KEYS, features))
        draw = draw_keys(rows, KEYS)

        def read(some: Sequence[int]) -> list[list[list[float]]]:
            keys = [key.to_bytes(8, "big") for key in some]
            return [[decode(value[8:]) for value in values] for values in opened.read(keys)]

        def columns(some: Sequence[int]) -> dict[str, list[float]]:
            found = enumerate(read(some))
            return {f"f{view}_{j}": [row[j] for row in rows] for view, rows in found for j in range(features)}

        check(columns, args, KEYS)
        with loading(what, load_for_ever, store, options, features):
            finish(measure_some(lambda: read(next(draw)), repeat=repeat, limit=limit, warm=10))


if __name__ == "__main__":
    main()
