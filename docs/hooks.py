"""What MkDocs fills in while it builds: tables of dagster.yml's keys, the commands' help texts, the layers of modules.

A page asks for a section of dagster.yml with a comment that says something about every key, one a line:

    <!-- keys: RetryConfig
    max_retries: How often a failed step is tried again.
    delay: Seconds before each try.
    -->

Names, types and defaults come from the class. A key without a line, or a line without a key, stops the build. The
comment `<!-- commands -->` becomes the help of every command of `kedro assets`, and `<!-- layers -->` the modules as
pyproject.toml has them for import-linter.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import click
import tomlkit
from attrs import NOTHING, Attribute, fields, has, resolve_types

from kedro_assets.cli import commands
from kedro_assets.config import model

_PLAIN = {str: "string", bool: "true or false", int: "whole number", float: "number", Any: "any value"}
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
_COMMANDS = re.compile(r"^<!-- commands -->$", re.MULTILINE)
_LAYERS = re.compile(r"^<!-- layers -->$", re.MULTILINE)
_PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the comments of a page; MkDocs calls this for each."""
    markdown = _SECTION.sub(lambda match: key_table(getattr(model, match[1]), match[2]), markdown)
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
