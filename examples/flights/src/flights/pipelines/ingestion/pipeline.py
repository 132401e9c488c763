"""From the raw tables to one row per flight."""

from kedro.pipeline import Node, Pipeline

from flights.pipelines.ingestion.nodes import (
    check_no_flight_lost,
    clean_flights,
    clean_planes,
    clean_weather,
    join_reference_tables,
    join_weather,
    sample_flights,
)


def create_pipeline(**kwargs) -> Pipeline:
    """Create the ingestion pipeline; ``sampled_flights`` and ``flights_with_weather`` stay in memory."""
    return Pipeline(
        [
            Node(
                sample_flights,
                inputs=["raw_flights", "params:ingestion.sample"],
                outputs="sampled_flights",
                name="sample_flights",
            ),
            Node(
                clean_flights,
                inputs="sampled_flights",
                outputs="intermediate_flights",
                name="clean_flights",
            ),
            Node(
                clean_weather,
                inputs=["raw_weather", "params:ingestion.weather"],
                outputs="intermediate_weather",
                name="clean_weather",
            ),
            Node(
                clean_planes,
                inputs="raw_planes",
                outputs="intermediate_planes",
                name="clean_planes",
            ),
            Node(
                join_weather,
                inputs=["intermediate_flights", "intermediate_weather"],
                outputs="flights_with_weather",
                name="join_weather",
            ),
            Node(
                join_reference_tables,
                inputs=["flights_with_weather", "intermediate_planes", "raw_airlines", "raw_airports"],
                outputs="enriched_flights@pandas",
                name="join_reference_tables",
            ),
            Node(
                check_no_flight_lost,
                inputs=["intermediate_flights", "enriched_flights@pandas"],
                outputs=None,
                name="check_no_flight_lost",
                tags="check",
            ),
        ],
        tags="daily",
    )
