"""What every asset is: its record, its spec, its checks and conditions, in one table."""

from kedro_assets.assets.checks import check_evaluations, check_result
from kedro_assets.assets.conditions import build_condition, condition_words, names_method, placed_condition
from kedro_assets.assets.descriptions import AssetDescriptions, describe_assets
from kedro_assets.assets.step_tags import StepTags
from kedro_assets.assets.table import AssetTable, DatasetAccess, KedroAsset, build_table
from kedro_assets.assets.tags import TagReader
from kedro_assets.assets.translator import DatasetRecord, KedroTranslator, NodeRecord, node_tags
from kedro_assets.assets.validation import Validation, WatchedValidator

__all__ = [
    "AssetDescriptions",
    "AssetTable",
    "DatasetAccess",
    "DatasetRecord",
    "KedroAsset",
    "KedroTranslator",
    "NodeRecord",
    "StepTags",
    "TagReader",
    "Validation",
    "WatchedValidator",
    "build_condition",
    "build_table",
    "check_evaluations",
    "check_result",
    "condition_words",
    "describe_assets",
    "names_method",
    "node_tags",
    "placed_condition",
]
