import subprocess
import sys

import pytest

import kedro_assets

PUBLIC = [
    "ConfigError",
    "DatasetRecord",
    "KedroAssetsError",
    "KedroProjectComponent",
    "KedroTranslator",
    "ProjectError",
    "RunError",
    "StepError",
    "build_definitions",
]
WITHOUT_DAGSTER = ["config", "names", "project", "graph", "clusters", "plan", "selection", "memory_store"]


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
