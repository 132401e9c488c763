"""From one row per flight to the carriers of a month, and a plot of all months."""

from kedro.pipeline import Node, Pipeline

from flights.pipelines.monthly.nodes import plot_carriers, select_month, summarise_carriers


def create_pipeline(**kwargs) -> Pipeline:
    """Create the monthly pipeline; ``flights_of_month`` stays in memory.

    A run makes one month, in Dagster or with ``kedro run --pipeline monthly --params partition_key=2013-01-01``.
    """
    return Pipeline(
        [
            Node(
                select_month,
                inputs=["enriched_flights@polars", "params:partition_key"],
                outputs="flights_of_month",
                name="select_month",
            ),
            Node(
                summarise_carriers,
                inputs=["flights_of_month", "params:late_after_minutes"],
                outputs="carriers_by_month@one",
                name="summarise_carriers",
            ),
            Node(
                plot_carriers,
                inputs="carriers_by_month@all",
                outputs="carriers_by_month_plot",
                name="plot_carriers",
                tags="plot",
            ),
        ]
    )
