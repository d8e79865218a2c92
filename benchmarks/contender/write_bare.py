"""The raw limit of writes: msgpack rows from a pandas frame, one compare-and-set upsert per row, one commit."""

import sqlite3
import tempfile
from itertools import count
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from benchmarks.contender.clock import arguments, finish, measure

args = arguments()
encode = msgspec.msgpack.Encoder().encode
rng = np.random.default_rng(7)
frame = pd.DataFrame({f"f{j}": rng.random(args["rows"]) for j in range(10)})
frame.insert(0, "key", np.arange(args["rows"]))
turns = count(1)
with tempfile.TemporaryDirectory() as folder:
    connection = sqlite3.connect(Path(folder) / "online.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("CREATE TABLE view (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")

    def work() -> None:
        event = next(turns).to_bytes(8, "big")
        keys = frame["key"].tolist()
        columns = [frame[f"f{j}"].tolist() for j in range(10)]
        rows = [
            (key.to_bytes(8, "big"), event + encode(values))
            for key, values in zip(keys, zip(*columns, strict=True), strict=True)
        ]
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO view VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
            " WHERE excluded.value > value",
            rows,
        )
        connection.execute("COMMIT")

    finish(measure(work, repeat=args["repeat"], warm=3))
