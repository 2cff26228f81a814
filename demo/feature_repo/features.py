# SPDX-License-Identifier: Apache-2.0
"""What is known about a flight from New York before it leaves."""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64, String

# An entity says which columns tell what a feature is about: its join keys. They stand both in
# the files below and in the entity rows for which features are retrieved.
airport = Entity(name="airport", join_keys=["origin"], value_type=ValueType.STRING)
plane = Entity(name="plane", join_keys=["tailnum"], value_type=ValueType.STRING)

# The weather of each airport, observed every hour. With a TTL, an entity row takes the newest
# observation of the three hours up to its own time; where there is none, the features are null.
weather = FeatureView(
    name="weather",
    entities=[airport],
    ttl=timedelta(hours=3),
    schema=[
        Field(name="temp", dtype=Float64),
        Field(name="wind_speed", dtype=Float64),
        Field(name="precip", dtype=Float64),
        Field(name="visib", dtype=Float64),
    ],
    source=FileSource(path="data/weather.parquet", timestamp_field="observed_at"),
)

# How punctual each airport was the day before, which is known once that day is over.
# 25 hours, because the day on which the clocks go back is that long.
airport_yesterday = FeatureView(
    name="airport_yesterday",
    entities=[airport],
    ttl=timedelta(hours=25),
    schema=[
        Field(name="departures", dtype=Int64),
        Field(name="mean_departure_delay", dtype=Float64),
        Field(name="not_departed", dtype=Int64),
    ],
    source=FileSource(path="data/airport_days.parquet", timestamp_field="day_ended_at"),
)

# Each plane's flights: a directory of files, one a month. A flight happens when it departs, but
# how late it arrives is known only once it has landed. That is what created_timestamp_column
# is for: retrieval with filter_by_created_timestamp=True never uses a flight still in the air.
plane_last_flight = FeatureView(
    name="plane_last_flight",
    entities=[plane],
    ttl=timedelta(days=7),
    schema=[
        Field(name="last_dest", dtype=String),
        Field(name="last_departure_delay", dtype=Int64),
        Field(name="last_arrival_delay", dtype=Int64),
    ],
    source=FileSource(
        path="data/plane_flights",
        timestamp_field="departed_at",
        created_timestamp_column="landed_at",
        field_mapping={  # the files' name of a column: the feature's name
            "dest": "last_dest",
            "dep_delay": "last_departure_delay",
            "arr_delay": "last_arrival_delay",
        },
    ),
)

# Facts that do not change. Without a TTL a feature never expires.
plane_facts = FeatureView(
    name="plane_facts",
    entities=[plane],
    ttl=timedelta(0),
    schema=[
        Field(name="manufacturer", dtype=String),
        Field(name="year_built", dtype=Int64),
        Field(name="seats", dtype=Int64),
    ],
    source=FileSource(path="data/planes.parquet", timestamp_field="recorded_at"),
)

# The features of one model, under one name.
departure_delay = FeatureService(
    name="departure_delay",
    features=[weather, airport_yesterday, plane_last_flight, plane_facts],
)
