"""The carriers month by month: each run makes one month."""

from collections.abc import Callable

import polars as pl
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter


def select_month(flights: pl.DataFrame, partition_key: str) -> pl.DataFrame:
    """Keep the flights of one month, which is given by its first day."""
    year, month, _ = map(int, partition_key.split("-"))
    date = pl.col("flight_date").dt
    return flights.filter((date.year() == year) & (date.month() == month))


def summarise_carriers(flights_of_month: pl.DataFrame, late_after_minutes: int) -> pl.DataFrame:
    """Count the flights of each carrier in a month, and how many of them were late."""
    return (
        flights_of_month.group_by("carrier", "carrier_name")
        .agg(
            pl.len().alias("flights"),
            pl.col("cancelled").sum().alias("cancelled"),
            (pl.col("arr_delay") > late_after_minutes).mean().round(4).alias("late_share"),
        )
        .sort("carrier")
    )


def plot_carriers(carriers_by_month: dict[str, Callable[[], pl.DataFrame]]) -> Figure:
    """Plot the share of late flights over the months that are there, for the carriers with the most flights."""
    months = {key[:7]: load() for key, load in sorted(carriers_by_month.items())}
    everything = pl.concat([table.with_columns(month=pl.lit(month)) for month, table in months.items()])
    busiest = everything.group_by("carrier_name").agg(pl.col("flights").sum()).sort("flights", "carrier_name")
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for name in reversed(busiest["carrier_name"].to_list()[-6:]):
        carrier = everything.filter(pl.col("carrier_name") == name).sort("month")
        axes.plot(carrier["month"].to_list(), carrier["late_share"].to_list(), marker="o", markersize=4, label=name)
    axes.set_title("How punctual the busiest carriers are")
    axes.set_ylabel("flights that arrive late")
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    axes.set_ylim(bottom=0)
    axes.tick_params(axis="x", rotation=45)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize="small")
    return figure
