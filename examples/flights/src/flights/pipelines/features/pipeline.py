"""From flights to the input of the models."""

from kedro.pipeline import Node, Pipeline

from flights.pipelines.features.nodes import (
    assemble_model_input,
    build_aircraft_features,
    build_history_features,
    build_schedule_features,
    build_weather_features,
    select_completed_flights,
)


def create_pipeline(**kwargs) -> Pipeline:
    """Create the feature pipeline, which reads with polars the table that pandas wrote."""
    return Pipeline(
        [
            Node(
                select_completed_flights,
                inputs=["enriched_flights@polars", "params:late_after_minutes"],
                outputs="completed_flights",
                name="select_completed_flights",
            ),
            Node(
                build_schedule_features,
                inputs="enriched_flights@polars",
                outputs="schedule_features",
                name="build_schedule_features",
            ),
            Node(
                build_weather_features,
                inputs="completed_flights",
                outputs="weather_features",
                name="build_weather_features",
            ),
            Node(
                build_aircraft_features,
                inputs="completed_flights",
                outputs="aircraft_features",
                name="build_aircraft_features",
            ),
            Node(
                build_history_features,
                inputs=["completed_flights", "params:features.history_days"],
                outputs="history_features",
                name="build_history_features",
            ),
            Node(
                assemble_model_input,
                inputs=[
                    "completed_flights",
                    "schedule_features",
                    "weather_features",
                    "aircraft_features",
                    "history_features",
                ],
                outputs="model_input@polars",
                name="assemble_model_input",
            ),
        ],
        tags="daily",
    )
