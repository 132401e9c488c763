"""From flights and models to tables, plots and a report."""

from kedro.pipeline import Node, Pipeline

from flights.pipelines.reporting.nodes import (
    export_daily_operations,
    plot_delays_by_hour,
    plot_roc_curves,
    rank_carriers,
    summarise_delays,
    summarise_months,
    write_report,
)


def create_pipeline(**kwargs) -> Pipeline:
    """Create the reporting pipeline; the nodes tagged ``daily`` do not need the models."""
    return Pipeline(
        [
            Node(
                export_daily_operations,
                inputs=["enriched_flights@pandas", "params:late_after_minutes"],
                outputs="daily_operations",
                name="export_daily_operations",
                tags="daily",
            ),
            Node(
                summarise_months,
                inputs="daily_operations",
                outputs="monthly_summary",
                name="summarise_months",
                tags="daily",
            ),
            Node(
                summarise_delays,
                inputs=["enriched_flights@polars", "params:late_after_minutes"],
                outputs="delays_by_hour",
                name="summarise_delays",
                tags="daily",
            ),
            Node(
                rank_carriers,
                inputs=[
                    "enriched_flights@polars",
                    "params:late_after_minutes",
                    "params:reporting.min_flights",
                ],
                outputs="carrier_ranking",
                name="rank_carriers",
                tags="daily",
            ),
            Node(
                plot_delays_by_hour,
                inputs=["delays_by_hour", "params:reporting.min_flights"],
                outputs="delays_by_hour_plot",
                name="plot_delays_by_hour",
                tags=["daily", "plot"],
            ),
            Node(
                plot_roc_curves,
                inputs=["linear_roc_curve", "forest_roc_curve", "model_comparison"],
                outputs="roc_curves_plot",
                name="plot_roc_curves",
                tags="plot",
            ),
            Node(
                write_report,
                inputs=["monthly_summary", "carrier_ranking", "delays_by_hour", "model_comparison"],
                outputs="report",
                name="write_report",
            ),
        ]
    )
