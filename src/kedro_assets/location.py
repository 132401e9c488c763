"""The code location of a project that has no definitions.py: the Kedro project around the working directory."""

from pathlib import Path

from kedro_assets.definitions import build_definitions

defs = build_definitions(Path.cwd())
