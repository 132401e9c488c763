"""`kedro assets init`: the files and entries that a project needs on Dagster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tomlkit

from kedro_assets.cli.schema import schema_text
from kedro_assets.project import ProjectLocation, written_folder

DEFINITIONS = """from kedro_assets import build_definitions

defs = build_definitions()
"""

DAGSTER_YML = """\
# yaml-language-server: $schema={schema}
# How kedro-assets shows this project in Dagster. `kedro run` does not read this file, and every entry is optional:
# without it every dataset is an asset, and every registered pipeline is a job. `kedro assets check` checks it.

# assets:
#   pipelines: [__default__]    # which registered pipelines become assets; by default all that do not conflict
#   cluster_by: memory          # which nodes share a step: memory | node | namespace | tag | pipeline
#   group_by: pipeline          # the groups in the UI: pipeline | namespace | none
#   key_prefix: []              # the prefix of every asset key
#   memory_assets: true         # whether in-memory datasets become assets

# For "Materialize" in the UI and for jobs that name no executor.
# default_executor: sequential

# executors:
#   sequential:
#     in_process: {}
#   parallel:
#     multiprocess:
#       max_concurrent: 4

# schedules:
#   nightly:
#     cron_schedule: "0 2 * * *"
#     execution_timezone: Europe/Berlin
#     default_status: STOPPED   # RUNNING starts it with the daemon

# jobs:
#   everything:
#     description: What `kedro run` does, every night.
#     pipeline:                 # with any of Kedro's filters: node_names, from_nodes, to_nodes, from_inputs,
#       pipeline_name: __default__    # to_outputs, node_namespaces, tags
#     executor: parallel
#     schedule: nightly
#   one_branch:
#     selection: '+key:"namespace/dataset"'   # or assets, in Dagster's selection syntax
"""


def init_project(root: Path, env: str | None, conf_source: str | None, *, force: bool) -> Iterator[str]:
    """Write what is missing, and say what was done and what to do next.

    Args:
        root: The project's root.
        env: The environment whose folder gets dagster.yml; by default the base environment.
        conf_source: The configuration folder; by default what the project's settings say.
        force: Whether to overwrite what is there.
    """
    location = ProjectLocation(root, env, conf_source)
    package = location.open()
    source, folder, read = written_folder(location)
    names = ("dagster.schema.json", "kedro-assets.schema.json")  # where all is read as configuration, by another name
    places = [*(place / names[0] for place in (source, root)), root / names[1]]
    schema = next((place for place in places if not any(map(place.is_relative_to, read))), places[-1])
    path_to_schema = Path(os.path.relpath(schema, folder)).as_posix()
    yield from _write(root, folder / "dagster.yml", DAGSTER_YML.replace("{schema}", path_to_schema), force=force)
    yield from _write(root, schema, schema_text(), force=force)
    yield from _write(root, root / "definitions.py", DEFINITIONS, force=force)
    yield from _add_entries(root / "pyproject.toml", package, force=force)
    option = f" --env {env}" if env else ""
    yield ""
    yield "Next steps:"
    yield f"  kedro assets check{option}   check the configuration, and see which nodes share a step"
    yield f"  kedro assets run{option}     run what `kedro run` runs, in this terminal"
    yield f"  kedro assets dev{option}     start Dagster's UI and daemon (needs: pip install 'kedro-assets[dev]')"
    yield "To keep the history of runs and assets, set DAGSTER_HOME to the absolute path of an existing folder."


def _write(root: Path, path: Path, content: str, *, force: bool) -> Iterator[str]:
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    if path.exists() and path.read_text(encoding="utf-8") == content:
        yield f"unchanged   {shown}"
    elif path.exists() and not force:
        yield f"kept        {shown} (exists already; --force overwrites it)"
    else:
        yield f"{'overwritten' if path.exists() else 'written':<11} {shown}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def _add_entries(path: Path, package: str, *, force: bool) -> Iterator[str]:
    """Tell `dagster dev` and `dg dev` where the definitions are, with every other line of the file as it was."""
    before = path.read_bytes().decode("utf-8")  # as bytes: the ends of lines stay what they are
    document = tomlkit.parse(before)
    tool = document.setdefault("tool", tomlkit.table(is_super_table=True))
    entries = {
        ("dagster",): {"module_name": "definitions", "code_location_name": package},
        ("dg",): {"directory_type": "project"},
        ("dg", "project"): {
            "root_module": package,
            "defs_module": package,  # `dg` wants the folder to be there
            "code_location_target_module": "kedro_assets.location",
        },
    }
    kept = [line for place, values in entries.items() for line in _fill(tool, place, values, force=force)]
    content = tomlkit.dumps(document)
    if "\r\n" in before:
        content = content.replace("\r\n", "\n").replace("\n", "\r\n")
    if content == before:
        yield "unchanged   pyproject.toml"
    else:
        path.write_bytes(content.encode("utf-8"))
        yield "written     pyproject.toml: [tool.dagster], [tool.dg]"
    for entry in kept:
        yield f"kept        pyproject.toml: {entry} (exists already; --force overwrites it)"


def _fill(tool: Any, place: tuple[str, ...], entries: dict[str, str], *, force: bool) -> list[str]:
    """Add entries to a table below [tool]; give those that are there with another value and stay."""
    table = tool
    for name in place:
        table = table.setdefault(name, tomlkit.table())
    kept = []
    for key, value in entries.items():
        if key in table and table[key] != value and not force:
            kept.append(f"tool.{'.'.join(place)}.{key} = {table[key]!r}")
        elif key not in table or table[key] != value:
            table[key] = value
    return kept
