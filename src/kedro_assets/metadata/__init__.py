"""What Dagster shows of the data that a step saves, taken from the object in hand."""

from kedro_assets.metadata.collector import MetadataCollector

__all__ = ["MetadataCollector"]
