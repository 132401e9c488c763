"""What MkDocs fills in while it builds: tables of dagster.yml's keys, the commands' help texts, the layers of modules.

A page asks for a section of dagster.yml with a comment that says something about every key, one a line:

    <!-- keys: RetryConfig
    max_retries: How often a failed step is tried again.
    delay: Seconds before each try.
    -->

Names, types and defaults come from the class. A key without a line, or a line without a key, stops the build. The
comment `<!-- options: dask -->` becomes a table of that executor's options, from the schema of the installed library; the
comment `<!-- commands -->` becomes the help of every command of `kedro assets`, and `<!-- layers -->` the modules as
pyproject.toml has them for import-linter. `<!-- benchmark: load seconds -->` becomes a table of what a program of
`benchmarks` has measured, the medians of all result files that are there.
"""

from __future__ import annotations

import json
import re
import statistics
import types
import typing
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import click
import tomlkit
from attrs import NOTHING, Attribute, fields, has, resolve_types

from kedro_assets.cli import commands
from kedro_assets.config import model
from kedro_assets.executors import KNOWN

_PLAIN = {str: "string", bool: "true or false", int: "whole number", float: "number", Any: "any value"}
_NUMBERS = {"benchmark", "medians", "ratios", "samples"}
_SCALARS = {"String": "string", "Int": "whole number", "Float": "number", "Bool": "true or false"}
_WORDS = {
    model.AssetsConfig: "section",
    model.ExecutorConfig: "executor",
    model.ScheduleConfig: "schedule",
    model.PipelineFilter: "filter",
    model.RunConfig: "section",
    model.RetryConfig: "section",
    model.LoggerConfig: "logger",
    model.JobConfig: "job",
}
_SECTION = re.compile(r"^<!-- keys: (\w+)\n(.*?)^-->$", re.MULTILINE | re.DOTALL)
_OPTIONS = re.compile(r"^<!-- options: (\w+) -->$", re.MULTILINE)
_COMMANDS = re.compile(r"^<!-- commands -->$", re.MULTILINE)
_LAYERS = re.compile(r"^<!-- layers -->$", re.MULTILINE)
_BENCHMARK = re.compile(r"^<!-- benchmark: (\w+) (\w+) -->$", re.MULTILINE)
_RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
_PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the comments of a page; MkDocs calls this for each."""
    markdown = _SECTION.sub(lambda match: key_table(getattr(model, match[1]), match[2]), markdown)
    markdown = _BENCHMARK.sub(lambda match: benchmark_table(match[1], match[2]), markdown)
    markdown = _OPTIONS.sub(lambda match: option_table(match[1]), markdown)
    markdown = _COMMANDS.sub(lambda _match: "\n".join(command_help()), markdown)
    return _LAYERS.sub(lambda _match: layers(), markdown)


def key_table(section: type, text: str) -> str:
    """Give the docstring of a section and a table of its keys.

    Raises:
        ValueError: If the text does not say something about every key, and about nothing else.
    """
    resolve_types(section, vars(model) | vars(typing))
    notes = dict(line.split(": ", 1) for line in text.splitlines())
    keys = {key.name: key for key in fields(section)}
    if keys.keys() != notes.keys():
        msg = f"The notes on {section.__name__} do not fit its keys: {sorted(keys.keys() ^ notes.keys())}"
        raise ValueError(msg)
    rows = [["Key", "Type", "Default", "What it is"], ["---"] * 4]
    rows += [[f"`{name}`", _type(key.type), _default(key), notes[name]] for name, key in keys.items()]
    return "\n".join([*_docstring(section), "", *map(_row, rows)])


def option_table(executor: str) -> str:
    """Give a table of the options that an executor's installed library takes."""
    path, _ = KNOWN[executor]
    module, _, attribute = path.rpartition(".")
    schema = getattr(import_module(module), attribute).config_schema.config_type
    rows = [["Option", "Type", "Default", "What it is, in Dagster's words"], ["---"] * 4, *_options(schema)]
    return "\n".join(map(_row, rows))


def _options(schema: Any, prefix: str = "") -> Iterator[list[str]]:
    for name, option in getattr(schema, "fields", {}).items():
        kind = option.config_type
        default = "required" if option.is_required else ""
        if option.default_provided:
            default = f"`{option.default_value}`"
        # the first paragraph, in one line that a table can hold
        text = " ".join((option.description or "").strip().split("\n\n")[0].split()).replace("<", "&lt;")
        yield [f"`{prefix}{name}`", _kind(kind), default, text]
        if kind.kind.name in ("SELECTOR", "STRICT_SHAPE"):
            yield from _options(kind, f"{prefix}{name}.")


def _kind(kind: Any) -> str:
    """Name a type of Dagster's configuration in the words of YAML."""
    name = kind.kind.name
    if name in ("NONEABLE", "ARRAY"):
        inner = _kind(kind.inner_type)
        return f"list of {inner}" if name == "ARRAY" else inner
    if name == "SCALAR_UNION":
        return _kind(kind.scalar_type)
    words = {"SELECTOR": "one of", "STRICT_SHAPE": "mapping", "PERMISSIVE_SHAPE": "mapping", "MAP": "mapping"}
    return words.get(name) or _SCALARS.get(getattr(kind, "given_name", ""), "any value")


def benchmark_table(benchmark: str, metric: str) -> str:
    """Give what was measured of each contender, and its ratios to some others, as medians over the result files."""
    found: dict[tuple[tuple[str, Any], ...], list[dict[str, Any]]] = {}
    for file in sorted(_RESULTS.glob("*.json")):
        result = json.loads(file.read_text(encoding="utf-8"))
        for row in [] if result["quick"] else result["rows"]:
            if row["benchmark"] == benchmark and metric in row["medians"]:
                facts = tuple((key, row[key]) for key in row if key not in _NUMBERS)
                found.setdefault(facts, []).append(row)
    columns = [key for key, _ in next(iter(found))]
    bases = list(dict.fromkeys(base for rows in found.values() for row in rows for base in row["ratios"]))
    lines = [[*columns, metric, *(f"÷ {base}" for base in bases)]]
    lines.append(["---"] * len(lines[0]))
    for facts, rows in sorted(found.items(), key=lambda item: [value for _, value in item[0][:-1]]):
        ratios = [[row["ratios"][base].get(metric) for row in rows if base in row["ratios"]] for base in bases]
        values = [[row["medians"][metric] for row in rows], *ratios]
        lines.append([*(str(value) for _, value in facts), *map(_median, values)])
    return "\n".join(map(_row, lines))


def _median(values: list[float]) -> str:
    """Write a median in three digits."""
    if not values:
        return ""
    value = statistics.median(values)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def command_help() -> Iterator[str]:
    """Give a heading and the help text of each command, as the terminal shows it."""
    group = commands.commands["assets"]
    parent = click.Context(group, info_name="kedro assets", help_option_names=["-h", "--help"])
    for name, command in getattr(group, "commands", {}).items():
        context = click.Context(command, info_name=name, parent=parent, terminal_width=90)
        yield f"## kedro assets {name}\n\n```text\n{command.get_help(context)}\n```\n"


def layers() -> str:
    """Give the modules, one layer a line, the topmost first."""
    project = tomlkit.parse(_PROJECT.read_text(encoding="utf-8")).unwrap()
    [contract] = [found for found in project["tool"]["importlinter"]["contracts"] if found["type"] == "layers"]
    rows = [layer.replace("kedro_assets.", "").replace(" | ", "   ") for layer in contract["layers"]]
    return "\n".join(["```text", *rows, "```"])


def _docstring(section: type) -> list[str]:
    return [line.strip() for line in (section.__doc__ or "").strip().splitlines()]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _type(kind: Any, plural: str = "") -> str:
    """Write a type in the words of YAML."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, types.UnionType}:
        return " or ".join(_type(member, plural) for member in arguments if member is not types.NoneType)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is list:
        return f"list of {_type(arguments[0], 's')}"
    if origin is dict:
        return f"mapping of names to {_type(arguments[1], 's')}"
    if has(kind):
        return f"[{_WORDS[kind]}{plural}](#{kind.__name__.lower()})"
    return f"{_PLAIN[kind]}{plural}"


def _default(key: Attribute[Any]) -> str:
    if key.default is NOTHING:
        return "required"
    value = key.default.factory() if hasattr(key.default, "factory") else key.default
    if value is None:
        return "none"
    if has(type(value)):
        return "its own defaults"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
