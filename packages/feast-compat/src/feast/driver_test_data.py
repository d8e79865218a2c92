"""Data of the tutorial: made up, the same for the same arguments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from feast.adapter.notice import refused_function

if TYPE_CHECKING:
    import pandas as pd


class EventTimestampType(Enum):
    """Zones that the times of made-up data may have."""

    TZ_NAIVE = 0
    TZ_AWARE_UTC = 1
    TZ_AWARE_FIXED_OFFSET = 2
    TZ_AWARE_US_PACIFIC = 3


DRIVERS = (1001, 1002, 1003, 1004, 1005)


def create_driver_hourly_stats_df(drivers: Sequence[int], start_date: datetime, end_date: datetime) -> pd.DataFrame:
    """Return hourly statistics of drivers: conv_rate, acc_rate, avg_daily_trips, event_timestamp, created."""
    import pandas as pd

    hours = pd.date_range(start=start_date, end=end_date, freq="1h", tz=UTC if start_date.tzinfo is None else None)
    rows, random = len(hours) * len(drivers), np.random.default_rng(0)
    return pd.DataFrame(
        {
            "event_timestamp": np.tile(hours, len(drivers)),
            "driver_id": np.repeat(np.asarray(drivers, np.int64), len(hours)),
            "conv_rate": random.random(rows, np.float32),
            "acc_rate": random.random(rows, np.float32),
            "avg_daily_trips": random.integers(0, 1000, rows),
            "created": pd.Timestamp(end_date).tz_localize(None) if end_date.tzinfo is None else pd.Timestamp(end_date),
        }
    )


def write_driver_stats(path: Path, *, end: datetime, profiles: bool = False) -> None:
    """Write fifteen days of statistics up to an hour, and one row per driver of April 2021 as the tutorial asks for.

    With ``profiles`` rows also have the map (a struct, as pandas writes dicts), the JSON and the struct of Feast's
    template today.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    end = end.replace(minute=0, second=0, microsecond=0)
    hours = [datetime(2021, 4, 12, 7, tzinfo=UTC), *(end - timedelta(hours=h) for h in range(15 * 24, 0, -1))]
    rows, random = len(hours) * len(DRIVERS), np.random.default_rng(0)
    table: dict[str, Any] = {
        "event_timestamp": pa.array(hours * len(DRIVERS), pa.timestamp("us", "UTC")),
        "driver_id": pa.array(np.repeat(np.asarray(DRIVERS, np.int64), len(hours))),
        "conv_rate": pa.array(random.random(rows, np.float32)),
        "acc_rate": pa.array(random.random(rows, np.float32)),
        "avg_daily_trips": pa.array(random.integers(0, 1000, rows).astype(np.int64)),
        "created": pa.array([end] * rows, pa.timestamp("us")),
    }
    pq.write_table(pa.table(table | (_profiles(table["driver_id"]) if profiles else {})), path)


def _profiles(drivers: Any) -> dict[str, Any]:
    import pyarrow as pa

    ids = drivers.to_pylist()
    return {
        "driver_metadata": pa.array([{"vehicle": "car", "badge": str(i)} for i in ids]),
        "driver_config": pa.array([f'{{"max_distance": {i % 100}}}' for i in ids]),
        "driver_profile": pa.array([{"name": f"driver_{i}", "age": str(20 + i % 50)} for i in ids]),
    }


def write_driver_labels(path: Path, *, end: datetime) -> None:
    """Write one label per driver, given an hour before ``end``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    count, random = len(DRIVERS), np.random.default_rng(0)
    table = {
        "driver_id": pa.array(DRIVERS, pa.int64()),
        "event_timestamp": pa.array([end - timedelta(hours=1)] * count, pa.timestamp("us", "UTC")),
        "is_reliable": pa.array(random.integers(0, 2, count), pa.int64()),
        "quality_score": pa.array(random.random(count, np.float32)),
        "labeler": pa.array(["reviewer"] * count),
    }
    pq.write_table(pa.table(table), path)


_hint = "create_driver_hourly_stats_df makes the tutorial's data"
create_orders_df = refused_function("feast.driver_test_data.create_orders_df", hint=_hint)
create_customer_daily_profile_df = refused_function(
    "feast.driver_test_data.create_customer_daily_profile_df", hint=_hint
)
create_location_stats_df = refused_function("feast.driver_test_data.create_location_stats_df", hint=_hint)
create_global_daily_stats_df = refused_function("feast.driver_test_data.create_global_daily_stats_df", hint=_hint)
create_field_mapping_df = refused_function("feast.driver_test_data.create_field_mapping_df", hint=_hint)
