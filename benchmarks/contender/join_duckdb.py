"""The raw limit: DuckDB's own as-of join on the same files, ties left to chance, to pandas."""

import duckdb
import pandas as pd

from benchmarks.contender.clock import arguments, finish, measure

args = arguments()
spine = pd.read_parquet(args["spine"])
connection = duckdb.connect(config={"preserve_insertion_order": "false"})
connection.execute("SET TimeZone = 'UTC'")
if "memory_limit" in args:
    connection.execute(f"SET memory_limit = '{args['memory_limit']}'")
connection.register("spine", spine)
joins, columns = [], []
for i in range(args["views"]):
    source = f"read_parquet('{args['source']}')"
    joins.append(
        f"ASOF LEFT JOIN {source} v{i} ON spine.key = v{i}.key AND spine.event_timestamp >= v{i}.event_timestamp"
    )
    for j in range(args["features"]):
        held = f"spine.event_timestamp - v{i}.event_timestamp <= INTERVAL {args['ttl']} SECOND"
        value = f"CASE WHEN {held} THEN v{i}.f{j} END" if args["ttl"] else f"v{i}.f{j}"
        columns.append(f"{value} AS v{i}_f{j}")
query = f"SELECT spine.*, {', '.join(columns)} FROM spine {' '.join(joins)}"


def work() -> pd.DataFrame:
    return connection.execute(query).df()


seconds = measure(work, repeat=args["repeat"])
frame = work()
finish(seconds, rows=len(frame), filled=int(frame.iloc[:, 3].notna().sum()))
