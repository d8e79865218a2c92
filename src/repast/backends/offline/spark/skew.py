"""Keys that have very many rows: cut by time, so that several tasks share what one key would make one task of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from repast.core.plan.offline import ROW, TIME
from repast.core.plan.timeline import SIDE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from repast.backends.offline.spark.worker import SpineShape

PART = "__part"
"""int32: 0, or of a key that is cut, which stretch of time a row is in, from 1 on."""
MANY = 100_000
"""Rows of a spine that one key may have in one task, about."""
_MANY_TASKS = 100
"""That run at a time, at most, as far as cuts go: so few keys are cut."""
_SAMPLE = 20_000
_MOST_PARTS = 64
_IS_CUT = "__is_cut"


@dataclass(frozen=True)
class Cut:
    """Which keys are cut, and where."""

    rows: tuple[int, ...]
    """Numbers of rows of the spine, one for each key."""
    parts: int
    first_us: int
    width_us: int


def find_cut(spine: DataFrame, keys: Sequence[str], shape: SpineShape) -> Cut | None:
    """Look at a sample of a spine; None: no key has many of its rows, as far as that tells."""
    if shape.rows <= MANY:
        return None
    share = min(1.0, _SAMPLE / shape.rows)
    # A task of less than half of what each of them does is no reason to wait.
    least = 1 / (2 * tasks_at_a_time(spine.sparkSession))
    counted = spine.sample(share, 0).groupBy(*keys).agg({ROW: "min", "*": "count"})
    many = max(MANY, shape.rows * least)
    frequent = counted.where(f"`count(1)` > {many * share}").collect()
    if not frequent:
        return None
    rows = max(row["count(1)"] for row in frequent) / share
    parts = min(_MOST_PARTS, 1 + int(rows / MANY))
    width = (shape.last_us - shape.first_us) // parts + 1
    return Cut(tuple(sorted(row[f"min({ROW})"] for row in frequent)), parts, shape.first_us, width)


def tasks_at_a_time(session: SparkSession) -> int:
    """Return how many tasks a cluster runs at a time; many where that may grow or is not told."""
    context: Any = getattr(session, "sparkContext", None)
    if context is None or context.getConf().get("spark.dynamicAllocation.enabled", "false").lower() == "true":
        return _MANY_TASKS
    return min(_MANY_TASKS, max(1, int(context.defaultParallelism)))


def cut_line(line: DataFrame, spine: DataFrame, keys: Sequence[str], views: int, cut: Cut) -> DataFrame:
    """Return the rows of a time line with the part that each is in.

    A part begins with the rows of views that its first rows of the spine may see: those of the last moment before it.

    Args:
        line: The rows of the line, in any order.
        spine: What was asked of it.
        keys: The key columns of both.
        views: How many the line has.
        cut: Which keys are cut, and where.

    """
    chosen = spine.where(f"{ROW} IN ({', '.join(map(str, cut.rows))})")
    hot = chosen.selectExpr(*keys, f"true AS {_IS_CUT}").hint("broadcast")
    place = f"({TIME} - {cut.first_us}) DIV {cut.width_us}"
    part = f"1 + CAST(GREATEST(0, LEAST({cut.parts - 1}, {place})) AS INT)"
    whole = line.join(hot, [*keys], "left").selectExpr(*line.columns, f"IF({_IS_CUT}, {part}, 0) AS {PART}")
    history = line.where(f"{SIDE} < {views}").join(hot, [*keys], "left_semi")
    ends = history.selectExpr(*keys, SIDE, TIME, f"{part} AS {PART}").groupBy(*keys, SIDE, PART).agg({TIME: "max"})
    later = f"explode(sequence({PART} + 1, {cut.parts + 1})) AS {PART}"
    before = ends.selectExpr(*keys, SIDE, f"`max({TIME})` AS {TIME}", later).where(f"{PART} <= {cut.parts}")
    last = before.groupBy(*keys, SIDE, PART).agg({TIME: "max"})
    last = last.selectExpr(*keys, SIDE, PART, f"`max({TIME})` AS {TIME}").hint("broadcast")
    return whole.unionByName(history.join(last, [*keys, SIDE, TIME]))
