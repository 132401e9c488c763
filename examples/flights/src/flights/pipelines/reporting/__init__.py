"""The reporting pipeline."""

from flights.pipelines.reporting.pipeline import create_pipeline

__all__ = ["create_pipeline"]
