"""The monthly pipeline."""

from flights.pipelines.monthly.pipeline import create_pipeline

__all__ = ["create_pipeline"]
