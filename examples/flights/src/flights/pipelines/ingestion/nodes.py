"""Clean the raw tables and join them to one row per flight."""

import logging
from typing import Any

import pandas as pd

logger = logging.getLogger(__name__)


def sample_flights(raw_flights: pd.DataFrame, sample: dict[str, Any]) -> pd.DataFrame:
    """Number the raw flights and, if the parameters ask for it, keep only a random sample of them.

    The number of a flight is its row in the raw table; it identifies the flight in all later tables. With
    ``rows: null`` all flights are kept. The sample depends on ``random_state`` only and stays in the order
    of the raw table.
    """
    flights = raw_flights.rename_axis("flight_id").reset_index()
    rows = sample["rows"]
    if rows is None or rows >= len(flights):
        return flights
    return flights.sample(n=rows, random_state=sample["random_state"]).sort_values(
        "flight_id", ignore_index=True
    )


def clean_flights(sampled_flights: pd.DataFrame) -> pd.DataFrame:
    """Give the flights proper types and say what became of each of them.

    A flight without a departure time was cancelled; one that departed but has no arrival delay was
    diverted. Scheduled times become minutes since midnight, the hour of the scheduled departure becomes a
    UTC timestamp (the key of the weather table), and columns that repeat others are dropped.
    """
    sched_dep, sched_arr = sampled_flights["sched_dep_time"], sampled_flights["sched_arr_time"]
    flights = sampled_flights.assign(
        flight_date=pd.to_datetime(sampled_flights[["year", "month", "day"]]),
        time_hour=pd.to_datetime(sampled_flights["time_hour"], utc=True),
        sched_dep_minute=sched_dep // 100 * 60 + sched_dep % 100,
        sched_arr_minute=sched_arr // 100 * 60 + sched_arr % 100,
        cancelled=sampled_flights["dep_time"].isna(),
        diverted=sampled_flights["dep_time"].notna() & sampled_flights["arr_delay"].isna(),
    )
    return flights[
        [
            "flight_id",
            "flight_date",
            "month",
            "hour",
            "time_hour",
            "sched_dep_minute",
            "sched_arr_minute",
            "carrier",
            "tailnum",
            "origin",
            "dest",
            "distance",
            "dep_delay",
            "arr_delay",
            "cancelled",
            "diverted",
        ]
    ]


def clean_weather(raw_weather: pd.DataFrame, weather: dict[str, Any]) -> pd.DataFrame:
    """Keep one plausible weather report per airport and hour, and fill short gaps.

    Wind speeds above ``max_wind_speed`` are errors of the instrument and are removed. Gaps of up to
    ``max_gap_hours`` reports are filled with the last value known before them, never with a later one.
    """
    measurements = ["temp", "humid", "wind_speed", "precip", "pressure", "visib"]
    reports = (
        raw_weather.assign(time_hour=pd.to_datetime(raw_weather["time_hour"], utc=True))
        .drop_duplicates(["origin", "time_hour"])
        .sort_values(["origin", "time_hour"], ignore_index=True)[["origin", "time_hour", *measurements]]
    )
    reports["wind_speed"] = reports["wind_speed"].where(reports["wind_speed"] <= weather["max_wind_speed"])
    reports[measurements] = reports.groupby("origin")[measurements].ffill(limit=weather["max_gap_hours"])
    return reports


def clean_planes(raw_planes: pd.DataFrame) -> pd.DataFrame:
    """Keep what the models can use of the register of planes, with the year of manufacture named as such."""
    planes = raw_planes.rename(columns={"year": "manufactured"})
    planes["manufacturer"] = planes["manufacturer"].str.title()
    return planes[["tailnum", "manufactured", "manufacturer", "engines", "seats"]].sort_values(
        "tailnum", ignore_index=True
    )


def join_weather(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Add to each flight the weather at its airport in the hour of its scheduled departure."""
    return flights.merge(weather, how="left", on=["origin", "time_hour"], validate="many_to_one")


def join_reference_tables(
    flights: pd.DataFrame, planes: pd.DataFrame, airlines: pd.DataFrame, airports: pd.DataFrame
) -> pd.DataFrame:
    """Add the plane, the name of the airline and the destination to each flight.

    All joins keep flights without a match: some tail numbers are not in the register of planes, and a few
    destinations in the Caribbean are not in the list of airports.
    """
    carriers = airlines.rename(columns={"name": "carrier_name"})
    destinations = airports.rename(
        columns={"faa": "dest", "name": "dest_name", "lat": "dest_lat", "lon": "dest_lon"}
    )
    enriched = (
        flights.merge(planes, how="left", on="tailnum", validate="many_to_one")
        .merge(carriers, how="left", on="carrier", validate="many_to_one")
        .merge(
            destinations[["dest", "dest_name", "dest_lat", "dest_lon"]],
            how="left",
            on="dest",
            validate="many_to_one",
        )
    )
    enriched["plane_age"] = enriched["flight_date"].dt.year - enriched["manufactured"]
    return enriched.drop(columns="manufactured").sort_values("flight_id", ignore_index=True)


def check_no_flight_lost(flights: pd.DataFrame, enriched_flights: pd.DataFrame) -> None:
    """Raise if the joins lost or repeated a flight, and log how complete the joined columns are.

    A join on a key that is not unique repeats rows without a word, and every figure computed later is
    wrong; this check costs nothing and catches it.
    """
    if not flights["flight_id"].equals(enriched_flights["flight_id"]):
        raise ValueError(
            f"The joins changed the flights: {len(flights):,} rows before, {len(enriched_flights):,} after, "
            f"{enriched_flights['flight_id'].nunique():,} of them distinct."
        )
    for column, label in {"temp": "weather", "seats": "plane", "dest_name": "destination"}.items():
        share = enriched_flights[column].notna().mean()
        logger.info("%.1f%% of %s flights have a known %s", 100 * share, f"{len(flights):,}", label)
