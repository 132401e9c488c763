"""Configuration files that are not on disk."""

from pathlib import Path

import yaml

from kedro_assets.convert.drafts import Draft
from kedro_assets.project import ConfigFile


def draft(text, name="base/catalog.yml"):
    env, _, file = name.partition("/")
    path = Path("/project/conf") / name
    return Draft(ConfigFile(path, f"conf/{name}", env, file.partition(".")[0], text, yaml.safe_load(text) or {}))
