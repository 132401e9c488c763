"""Turn flights into what was known about them before departure, and whether they arrived late."""

import polars as pl


def select_completed_flights(flights: pl.DataFrame, late_after_minutes: int) -> pl.DataFrame:
    """Keep the flights that arrived where they were meant to, and mark those that arrived late.

    A flight is late when it arrives more than ``late_after_minutes`` after the scheduled time. Cancelled
    and diverted flights have no arrival delay and cannot be labelled.
    """
    return (
        flights.filter(pl.col("arr_delay").is_not_null())
        .with_columns(is_late=pl.col("arr_delay") > late_after_minutes)
        .sort("flight_id")
    )


def build_schedule_features(flights: pl.DataFrame) -> pl.DataFrame:
    """Describe when each flight is scheduled, how far it goes and how busy its airport is at that hour.

    The number of departures scheduled at the airport in the same hour counts all flights, also those that
    were cancelled later: the timetable is what is known beforehand.
    """
    return flights.select(
        "flight_id",
        "hour",
        pl.col("flight_date").dt.weekday().alias("weekday"),
        "sched_dep_minute",
        ((pl.col("sched_arr_minute") - pl.col("sched_dep_minute")) % (24 * 60)).alias("sched_duration"),
        "distance",
        pl.len().over("origin", "time_hour").alias("departures_same_hour"),
    ).sort("flight_id")


def build_weather_features(flights: pl.DataFrame) -> pl.DataFrame:
    """Describe the weather at the airport in the hour of the scheduled departure.

    Besides the measurements there are two flags for the conditions that slow an airport down: poor
    visibility (less than 3 miles) and precipitation at freezing temperatures. The weather is as observed; in
    use, a forecast would take its place.
    """
    return flights.select(
        "flight_id",
        "temp",
        "humid",
        "wind_speed",
        "precip",
        "pressure",
        "visib",
        (pl.col("visib") < 3).cast(pl.Int8).alias("poor_visibility"),
        ((pl.col("temp") <= 32) & (pl.col("precip") > 0)).cast(pl.Int8).alias("freezing_precip"),
    ).sort("flight_id")


def build_aircraft_features(flights: pl.DataFrame) -> pl.DataFrame:
    """Describe the plane: its age, size and number of engines, where the register knows them."""
    return flights.select("flight_id", "plane_age", "seats", "engines").sort("flight_id")


def build_history_features(flights: pl.DataFrame, history_days: int) -> pl.DataFrame:
    """Compute how often the carrier and the airport of a flight were late in the days before it.

    The shares are taken over the last ``history_days`` days with flights, not counting the day of the
    flight itself, so that they never contain what they are meant to predict. The first day has none.
    """
    history = flights.select("flight_id", "flight_date", "carrier", "origin")
    for key in ("carrier", "origin"):
        daily = (
            flights.group_by(key, "flight_date")
            .agg(pl.len().alias("arrived"), pl.col("is_late").sum().alias("late"))
            .sort(key, "flight_date")
        )
        before = [
            pl.col(column).cast(pl.Int64).shift(1).rolling_sum(history_days, min_samples=1).over(key)
            for column in ("late", "arrived")
        ]
        shares = daily.select(key, "flight_date", (before[0] / before[1]).alias(f"{key}_late_share"))
        history = history.join(shares, on=[key, "flight_date"], how="left")
    return history.select("flight_id", "carrier_late_share", "origin_late_share").sort("flight_id")


def assemble_model_input(
    flights: pl.DataFrame,
    schedule: pl.DataFrame,
    weather: pl.DataFrame,
    aircraft: pl.DataFrame,
    history: pl.DataFrame,
) -> pl.DataFrame:
    """Join all features to the completed flights: one row per flight, ready for the models."""
    model_input = flights.select("flight_id", "flight_date", "carrier", "origin", "is_late")
    for features in (schedule, weather, aircraft, history):
        model_input = model_input.join(features, on="flight_id", how="left", validate="1:1")
    return model_input.sort("flight_id")
