"""Reading a Kedro project: its configuration, its catalog and its pipelines, and nothing that opens data."""

from kedro_assets.project.catalog import (
    CatalogEntry,
    class_problem,
    parts_asked,
    pattern_refused,
    read_entry,
    resolve_catalog,
)
from kedro_assets.project.code_objects import innermost
from kedro_assets.project.code_versions import CodeParts, CodeVersion, code_parts, code_versions
from kedro_assets.project.config_files import SourceLines, source_lines, written_folder
from kedro_assets.project.dataset_files import (
    address,
    content_version,
    fingerprint,
    is_in_known_system,
    kept_versions,
    partition_ids,
)
from kedro_assets.project.environments import ConfigFile, Environments, read_environments
from kedro_assets.project.load import (
    DEFAULT_PIPELINE,
    Project,
    load_project,
    parameter_values,
    reading,
)
from kedro_assets.project.location import CONF_SOURCE_VARIABLE, ProjectLocation, locate_project
from kedro_assets.project.name_patterns import NamePatterns
from kedro_assets.project.node_functions import code_location, same_function
from kedro_assets.project.node_keys import check_node_keys, deciding_keys, keys_of_node
from kedro_assets.project.placeholders import filled
from kedro_assets.project.read_files import ReadFiles
from kedro_assets.project.registry import LeftOutModule, read_registry, watch_registry
from kedro_assets.project.run_time_catalog import CatalogWithCredentials, asks_for, entry_with_credentials
from kedro_assets.project.secrets import masked_errors, read_credentials
from kedro_assets.project.table_names import table_name, table_place

__all__ = [
    "CONF_SOURCE_VARIABLE",
    "DEFAULT_PIPELINE",
    "CatalogEntry",
    "CatalogWithCredentials",
    "CodeParts",
    "CodeVersion",
    "ConfigFile",
    "Environments",
    "LeftOutModule",
    "NamePatterns",
    "Project",
    "ProjectLocation",
    "ReadFiles",
    "SourceLines",
    "address",
    "asks_for",
    "check_node_keys",
    "class_problem",
    "code_location",
    "code_parts",
    "code_versions",
    "content_version",
    "deciding_keys",
    "entry_with_credentials",
    "filled",
    "fingerprint",
    "innermost",
    "is_in_known_system",
    "kept_versions",
    "keys_of_node",
    "load_project",
    "locate_project",
    "masked_errors",
    "parameter_values",
    "partition_ids",
    "parts_asked",
    "pattern_refused",
    "read_credentials",
    "read_entry",
    "read_environments",
    "read_registry",
    "reading",
    "resolve_catalog",
    "same_function",
    "source_lines",
    "table_name",
    "table_place",
    "watch_registry",
    "written_folder",
]
