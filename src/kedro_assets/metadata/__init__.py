"""What Dagster shows of the data that a step saves, taken from the object in hand."""

from kedro_assets.metadata.collector import MetadataCollector
from kedro_assets.metadata.column_lineage import LoadedTables
from kedro_assets.metadata.masking import masked_metadata

__all__ = ["LoadedTables", "MetadataCollector", "masked_metadata"]
