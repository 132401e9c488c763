"""A writer of small Kedro projects on disk, and what becomes of them."""

import itertools
import os
import sys
import textwrap

import dagster as dg
import pytest

from kedro_assets.definitions import translate
from kedro_assets.errors import ConfigError
from kedro_assets.project import locate_project

_numbers = itertools.count()

NODES = """
from kedro.pipeline import Pipeline, node


def nothing(*args):
    pass


def n(name, inputs, outputs, **options):
    return node(nothing, inputs, outputs, name=name, **options)


def register_pipelines():
"""


@pytest.fixture
def write_project(tmp_path, monkeypatch):
    """Write a project with a package name of its own, as Kedro knows one project per package and process."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    monkeypatch.delenv("KEDRO_ENV", raising=False)
    monkeypatch.delenv("KEDRO_ASSETS_CONF_SOURCE", raising=False)
    monkeypatch.setenv("KEDRO_DISABLE_TELEMETRY", "1")

    def write(pipelines="return {'__default__': Pipeline([n('make', ['raw'], ['made'])])}", *, settings="", conf=None):
        """Write a project and return its folder.

        Args:
            pipelines: The body of `register_pipelines`, where `n(name, inputs, outputs)` makes a node.
            settings: The text of settings.py.
            conf: Texts by file name under `conf`; a bare name is a file of `conf/base`.
        """
        package = f"unit_project_{next(_numbers)}"
        root = tmp_path / package
        files = {
            "pyproject.toml": f"""
                [tool.kedro]
                package_name = "{package}"
                project_name = "{package}"
                kedro_init_version = "1.0.0"
            """,
            f"src/{package}/__init__.py": "",
            f"src/{package}/settings.py": settings,
            f"src/{package}/pipeline_registry.py": NODES + textwrap.indent(textwrap.dedent(pipelines).strip(), "    "),
            "conf/local/.gitkeep": "",
            "conf/base/.gitkeep": "",
        }
        for name, text in (conf or {}).items():
            files["conf/" + (name if "/" in name else f"base/{name}")] = text
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        return root

    return write


@pytest.fixture
def translate_project(write_project):
    """Write a project, translate it, and let Dagster check all that came of it."""

    def make(*args, translator=None, **options):
        translation = translate(locate_project(write_project(*args, **options)), translator)
        dg.Definitions.validate_loadable(translation.definitions)
        return translation

    return make


@pytest.fixture
def problems_of(translate_project):
    """Write a project, translate it, and return the problems that are reported."""

    def make(*args, **options):
        with pytest.raises(ConfigError) as caught:
            translate_project(*args, **options)
        return list(caught.value.problems)

    return make
