"""The ingestion pipeline."""

from flights.pipelines.ingestion.pipeline import create_pipeline

__all__ = ["create_pipeline"]
