"""Tables, plots and a report for people who do not read models."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
import polars as pl
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator, PercentFormatter


def export_daily_operations(flights: pd.DataFrame, late_after_minutes: int) -> Iterator[pd.DataFrame]:
    """Summarise each day at each airport, one month at a time.

    This is a generator: Kedro saves each month as soon as it is ready, before the next one is computed,
    so that the whole table never has to be in memory.
    """
    for month, flights_of_month in flights.groupby("month", sort=True):
        arrived = flights_of_month["arr_delay"].notna()
        daily = (
            flights_of_month.assign(arrived=arrived, late=flights_of_month["arr_delay"] > late_after_minutes)
            .groupby(["flight_date", "origin"], sort=True)
            .agg(
                flights=("flight_id", "size"),
                cancelled=("cancelled", "sum"),
                diverted=("diverted", "sum"),
                arrived=("arrived", "sum"),
                late=("late", "sum"),
                mean_dep_delay=("dep_delay", "mean"),
                mean_arr_delay=("arr_delay", "mean"),
                mean_wind_speed=("wind_speed", "mean"),
            )
            .round(2)
            .reset_index()
        )
        daily.insert(0, "month", month)
        yield daily


def summarise_months(daily_operations: pd.DataFrame) -> pd.DataFrame:
    """Sum up the days of each month over all airports, with the worst day of the month."""
    counts = ["flights", "cancelled", "diverted", "arrived", "late"]
    monthly = daily_operations.groupby("month", as_index=False)[counts].sum()
    monthly["cancelled_share"] = (monthly["cancelled"] / monthly["flights"]).round(4)
    monthly["late_share"] = (monthly["late"] / monthly["arrived"]).round(4)

    days = daily_operations.groupby(["month", "flight_date"], as_index=False)[counts].sum()
    days["disrupted_share"] = ((days["cancelled"] + days["late"]) / days["flights"]).round(4)
    worst = days.sort_values(["month", "disrupted_share", "flight_date"], ascending=[True, False, True])
    worst = worst.drop_duplicates("month")[["month", "flight_date", "disrupted_share"]]
    worst = worst.rename(columns={"flight_date": "worst_day", "disrupted_share": "worst_day_disrupted_share"})
    return monthly.merge(worst, on="month", validate="one_to_one")


def summarise_delays(flights: pl.DataFrame, late_after_minutes: int) -> pl.DataFrame:
    """Summarise the delays by airport and hour of the scheduled departure."""
    return _delays_by(flights, ["origin", "hour"], late_after_minutes).sort("origin", "hour")


def rank_carriers(flights: pl.DataFrame, late_after_minutes: int, min_flights: int) -> pl.DataFrame:
    """Rank the carriers by the share of their flights that arrived late, the most punctual first.

    Carriers with fewer than ``min_flights`` arrivals are left out: their share says little.
    """
    return (
        _delays_by(flights, ["carrier", "carrier_name"], late_after_minutes)
        .filter(pl.col("arrived") >= min_flights)
        .sort("late_share", "carrier")
        .with_row_index("rank", offset=1)
    )


def _delays_by(flights: pl.DataFrame, keys: list[str], late_after_minutes: int) -> pl.DataFrame:
    arr_delay = pl.col("arr_delay")
    return flights.group_by(keys).agg(
        pl.len().alias("flights"),
        arr_delay.count().alias("arrived"),
        pl.col("cancelled").mean().round(4).alias("cancelled_share"),
        arr_delay.gt(late_after_minutes).mean().round(4).alias("late_share"),
        arr_delay.mean().round(2).alias("mean_arr_delay"),
        arr_delay.median().alias("median_arr_delay"),
    )


def plot_delays_by_hour(delays_by_hour: pl.DataFrame, min_flights: int) -> Figure:
    """Plot how the share of late flights grows over the day, one line per airport.

    Hours in which fewer than ``min_flights`` flights of an airport arrived are left out.
    """
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for (origin,), delays in delays_by_hour.group_by("origin", maintain_order=True):
        busy = delays.filter(pl.col("arrived") >= min_flights)
        axes.plot(
            busy["hour"].to_list(), busy["late_share"].to_list(), marker="o", markersize=4, label=origin
        )
    axes.set_title("Delays build up over the day")
    axes.set_xlabel("hour of the scheduled departure")
    axes.set_ylabel("flights that arrive late")
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    axes.xaxis.set_major_locator(MultipleLocator(3))
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def plot_roc_curves(
    linear_roc_curve: pd.DataFrame, forest_roc_curve: pd.DataFrame, model_comparison: dict[str, Any]
) -> Figure:
    """Plot the ROC curves of both models, with the area under each of them in the legend."""
    figure = Figure(figsize=(5.5, 5.5), layout="constrained")
    axes = figure.subplots()
    for name, curve in {"linear": linear_roc_curve, "forest": forest_roc_curve}.items():
        area = model_comparison["models"][name]["roc_auc"]
        axes.plot(
            curve["false_positive_rate"], curve["true_positive_rate"], label=f"{name} (area {area:.3f})"
        )
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="no skill")
    axes.set_title("Telling late flights before departure")
    axes.set_xlabel("share of punctual flights called late")
    axes.set_ylabel("share of late flights called late")
    axes.set_aspect("equal")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower right")
    return figure


def write_report(
    monthly_summary: pd.DataFrame,
    carrier_ranking: pl.DataFrame,
    delays_by_hour: pl.DataFrame,
    model_comparison: dict[str, Any],
) -> dict[str, Any]:
    """Gather the figures that answer the question of the project in one small report."""
    totals = monthly_summary[["flights", "cancelled", "diverted", "arrived", "late"]].sum()
    worst_month = monthly_summary.loc[monthly_summary["late_share"].idxmax()]
    worst_day = monthly_summary.loc[monthly_summary["worst_day_disrupted_share"].idxmax()]
    busiest = delays_by_hour.sort(["flights", "origin", "hour"], descending=[True, False, False]).row(
        0, named=True
    )
    best_model = model_comparison["best_model"]
    return {
        **{name: int(count) for name, count in totals.items()},
        "late_share": round(float(totals["late"] / totals["arrived"]), 4),
        "worst_month": {"month": int(worst_month["month"]), "late_share": float(worst_month["late_share"])},
        "worst_day": {
            "date": worst_day["worst_day"],
            "disrupted_share": float(worst_day["worst_day_disrupted_share"]),
        },
        "busiest_hour": {key: busiest[key] for key in ("origin", "hour", "flights", "late_share")},
        "most_punctual_carrier": carrier_ranking.row(0, named=True)["carrier_name"],
        "least_punctual_carrier": carrier_ranking.row(-1, named=True)["carrier_name"],
        "best_model": {"name": best_model, "roc_auc": model_comparison["models"][best_model]["roc_auc"]},
    }
