"""The raw limit: Polars' as-of join on the same files, ties left to chance, to pandas."""

from datetime import timedelta

import polars as pl

from benchmarks.contender.clock import arguments, finish, measure

args = arguments()
spine = pl.read_parquet(args["spine"])
tolerance = timedelta(seconds=args["ttl"]) if args["ttl"] else None


def work():
    joined = spine.with_row_index("__row").sort("event_timestamp")
    for i in range(args["views"]):
        features = [pl.col(f"f{j}").alias(f"v{i}_f{j}") for j in range(args["features"])]
        source = pl.scan_parquet(args["source"]).select("key", "event_timestamp", *features).collect()
        joined = joined.join_asof(
            source.sort("event_timestamp"),
            on="event_timestamp",
            by="key",
            tolerance=tolerance,
            coalesce=True,
            check_sortedness=False,
        )
    return joined.sort("__row").drop("__row").to_pandas()


seconds = measure(work, repeat=args["repeat"])
frame = work()
finish(seconds, rows=len(frame), filled=int(frame.iloc[:, 3].notna().sum()))
