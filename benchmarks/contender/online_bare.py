"""The raw limit of online reads: a bare loop over one packed msgpack row per key in SQLite."""

import random
import sqlite3
import tempfile
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from benchmarks.contender.clock import arguments, finish, measure

args = arguments()
KEYS = 10_000
encode, decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder().decode
with tempfile.TemporaryDirectory() as folder:
    connection = sqlite3.connect(Path(folder) / "online.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    rng = np.random.default_rng(7)
    for i in range(args["views"]):
        connection.execute(f"CREATE TABLE view{i} (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")
        values = rng.random((KEYS, args["features"])).tolist()
        rows = [(key.to_bytes(8, "big"), encode(values[key])) for key in range(KEYS)]
        connection.executemany(f"INSERT INTO view{i} VALUES (?, ?)", rows)
    pick = random.Random(11)
    names = [f"f{i}_{j}" for i in range(args["views"]) for j in range(args["features"])]
    selects = [f"SELECT value FROM view{i} WHERE key = ?" for i in range(args["views"])]

    def work() -> object:
        keys = [pick.randrange(KEYS).to_bytes(8, "big") for _ in range(args["rows"])]
        execute = connection.execute
        views = [[decode(execute(select, (key,)).fetchone()[0]) for key in keys] for select in selects]
        return columns(views) if args.get("form") else views

    def columns(views: list[list[list[float]]]) -> object:
        blocks = [np.array(rows) for rows in views]
        arrays = [block[:, j] for block in blocks for j in range(args["features"])]
        return arrays if args["form"] == "numpy" else pa.table(list(map(pa.array, arrays)), names=names)

    finish(measure(work, repeat=args["repeat"], warm=20))
