"""A writer of small Kedro projects on disk."""

import itertools
import os
import sys
import textwrap

import pytest

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
    monkeypatch.setenv("KEDRO_DISABLE_TELEMETRY", "1")

    def write(pipelines="return {'__default__': Pipeline([n('make', ['raw'], ['made'])])}", *, settings="", conf=None):
        """Write a project and give its folder.

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
