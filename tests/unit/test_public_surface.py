import ast
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import kedro_assets

PUBLIC = [
    "ConfigError",
    "DatasetRecord",
    "InMemoryDataError",
    "KedroAssetsError",
    "KedroProjectComponent",
    "KedroResource",
    "KedroTranslator",
    "NodeRecord",
    "PartitionError",
    "ProjectError",
    "RunError",
    "SelectionError",
    "StepError",
    "build_asset_selection",
    "build_asset_specs",
    "build_definitions",
    "get_asset_key",
    "get_io_manager_key",
    "with_hooks",
]
WITHOUT_DAGSTER = ["config", "names", "redaction", "project", "graph"]


def test_the_public_names_are_these():
    assert kedro_assets.__all__ == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there(name):
    assert getattr(kedro_assets, name).__name__ == name


def test_another_name_is_not_there():
    with pytest.raises(AttributeError, match="module 'kedro_assets' has no attribute 'nope'"):
        kedro_assets.nope  # noqa: B018


@pytest.mark.parametrize(
    "modules",
    ["kedro_assets", "kedro_assets.errors", ", ".join(f"kedro_assets.{name}" for name in WITHOUT_DAGSTER)],
    ids=["package", "errors", "what describes a project"],
)
def test_dagster_is_not_imported_with(modules):
    code = f"import sys, {modules}; sys.exit(3 if 'dagster' in sys.modules else 0)"
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("module", ["jobs.selection", "jobs.factories", "runtime.handover"])
def test_what_filters_nodes_and_keeps_data_does_not_import_dagster_itself(module):
    source = Path(find_spec(f"kedro_assets.{module}").origin).read_text(encoding="utf-8")
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {getattr(node, "module", None) or alias.name for node in found for alias in node.names}
    assert "kedro_assets.errors" in names
    assert not {name for name in names if name.partition(".")[0] == "dagster"}
