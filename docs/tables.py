"""What pages have from the sources: tables of dagster.yml's keys, the commands' help texts, the layers of rooms, measurements.

It stands in the Markdown files, so that they can be read without a build, between a comment that says what it is and
`<!-- end -->`. `python docs/tables.py` writes it anew; with `--check` it fails if a page has something else.

`<!-- keys: RetryConfig -->` is a table of the keys of that section of dagster.yml. Names, types and defaults come from the class,
the rest from its docstring; a key of which it says nothing is an error. `<!-- options: dask -->` is a table of that executor's
options, from the schema of the installed library, `<!-- commands -->` the help of every command of `kedro assets`,
`<!-- names -->` a table of what the page on the API describes, and `<!-- layers -->` the rooms as pyproject.toml has them for
import-linter. `<!-- benchmark: load seconds -->` is a table of what a program of `benchmarks` has measured, the medians of all
result files that are there, and `<!-- soak: faults -->` what the newest result file of `tests/soak` says.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
import sys
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import click
import tomlkit
from attrs import NOTHING, Attribute, fields, has, resolve_types

from kedro_assets.cli import commands
from kedro_assets.cli.schema import executor_schema
from kedro_assets.config import model
from kedro_assets.config.docs import key_notes, summary

_ROOT = Path(__file__).parents[1]
sys.path.append(str(_ROOT / "benchmarks"))
from results import NUMBERS, number, read_rows  # noqa: E402

_PLAIN = {str: "string", bool: "true or false", int: "whole number", float: "number", Any: "any value"}
_WORDS_OF_JSON = {
    "string": "string",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "mapping",
}
# What values are called, and the heading below which the page has their keys.
_WORDS = {
    model.AssetsConfig: ("section", "assets"),
    model.ExecutorConfig: ("executor", "executors"),
    model.ScheduleConfig: ("schedule", "schedules"),
    model.SensorConfig: ("sensor", "sensors"),
    model.PipelineFilter: ("filter", "pipeline"),
    model.RunConfig: ("section", "config"),
    model.RetryConfig: ("section", "retries"),
    model.LoggerConfig: ("logger", "loggers"),
    model.JobConfig: ("job", "jobs"),
    model.PartitionsConfig: ("partition", "partitions"),
    model.TimeWindowsConfig: ("section", "hourly-daily-weekly-monthly-cron"),
    model.PartitionMappingConfig: ("mapping", "partition_mappings"),
    model.TimeWindowMappingConfig: ("section", "time_window"),
    model.DatasetSettings: ("settings", "metadatadagster-in-the-catalog"),
}
_MADE = re.compile(r"^<!-- (\w+)(?:: ([\w. ]+))? -->$.*?^<!-- end -->$", re.MULTILINE | re.DOTALL)
_REFERENCE = re.compile(r"^::: ([\w.]+)\.(\w+)$", re.MULTILINE)
_RESULTS = _ROOT / "benchmarks" / "results"
_SOAK_RESULTS = _ROOT / "tests" / "soak" / "results"
_PROJECT = _ROOT / "pyproject.toml"


def filled(page: str, without: Collection[str] = ()) -> str:
    """Return a page with what is made from the sources as it has to be now, but for the kinds that are to stay as they are."""

    def made(match: re.Match[str]) -> str:
        kind, arguments = match[1], (match[2] or "").split()
        if kind in without:
            return match[0]
        text = name_table(page) if kind == "names" else _MAKERS[kind](*arguments)
        return f"{match[0].partition(chr(10))[0]}\n\n{text.strip()}\n\n<!-- end -->"

    return _MADE.sub(made, page)


def name_table(page: str) -> str:
    """Give a table of the names that the page on the API describes, in its order."""
    rows = [["Name", "What it is"], ["---"] * 2]
    for module, name in _REFERENCE.findall(page):
        notes = inspect.getdoc(getattr(import_module(module), name)) or ""
        rows.append([f"`{name}`", " ".join(notes.partition("\n\n")[0].split())])
    return "\n".join(map(_row, rows))


def key_table(section: type) -> str:
    """Say what a section is, and give a table of its keys.

    Raises:
        ValueError: If its docstring does not say something about every key, and about nothing else.
    """
    resolve_types(section, vars(model) | vars(typing))
    keys, notes = {key.name: key for key in fields(section)}, key_notes(section)
    if keys.keys() != notes.keys():
        msg = f"The notes on {section.__name__} do not fit its keys: {sorted(keys.keys() ^ notes.keys())}"
        raise ValueError(msg)
    rows = [["Key", "Type", "Default", "What it is"], ["---"] * 4]
    rows += [[f"`{name}`", _type(key.type), _default(key), notes[name]] for name, key in keys.items()]
    return "\n".join([summary(section), "", *map(_row, rows)])


def option_table(executor: str) -> str:
    """Give a table of the options that an executor's installed library takes.

    Raises:
        LookupError: If it is not installed.
    """
    schema = executor_schema(executor)
    if "properties" not in schema:
        raise LookupError(schema["description"])
    rows = [["Option", "Type", "Default", "What it is, in Dagster's words"], ["---"] * 4]
    return "\n".join(map(_row, [*rows, *_options(schema)]))


def _options(schema: dict[str, Any], prefix: str = "") -> Iterator[list[str]]:
    for name, option in schema["properties"].items():
        default = "required" if name in schema.get("required", ()) else ""
        if "default" in option:
            default = f"`{option['default']}`"
        kind = option.get("anyOf", [option])[0]
        yield [f"`{prefix}{name}`", _kind(kind), default, option.get("description", "").replace("<", "&lt;")]
        if kind.get("additionalProperties") is False:
            yield from _options(kind, f"{prefix}{name}.")


def _kind(schema: dict[str, Any]) -> str:
    """Name what a JSON schema takes in the words of YAML."""
    schema = schema.get("anyOf", [schema])[0]
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"] if value is not None)
    kind = schema.get("type", "")
    kind = kind if isinstance(kind, str) else kind[0]
    if kind == "array":
        return f"list of {_kind(schema['items'])}"
    return "one of" if schema.get("maxProperties") == 1 else _WORDS_OF_JSON.get(kind, "any value")


def benchmark_table(benchmark: str, metric: str) -> str:
    """Give what was measured of each contender, and its ratios to some others, as medians over the result files.

    Raises:
        LookupError: If no result file has it.
    """
    rows = [row for row in read_rows(sorted(_RESULTS.glob("*.json"))) if row["benchmark"] == benchmark]
    rows = [row for row in rows if metric in row["medians"]]
    if not rows:
        msg = f"No file in {_RESULTS} has the metric '{metric}' of the benchmark '{benchmark}'; `nox -s bench` makes them."
        raise LookupError(msg)
    facts = [key for key in rows[0] if key not in {"benchmark", *NUMBERS}]
    bases = list(dict.fromkeys(base for row in rows for base, ratios in row["ratios"].items() if metric in ratios))
    lines = [[*facts, metric, *(f"÷ {base}" for base in bases)]]
    lines.append(["---"] * len(lines[0]))
    for row in sorted(rows, key=lambda row: [row[fact] for fact in facts[:-1]]):
        ratios = [row["ratios"].get(base, {}).get(metric) for base in bases]
        lines.append([*(str(row[fact]) for fact in facts), *map(number, [row["medians"][metric], *ratios])])
    return "\n".join(map(_row, lines))


def soak_table(part: str) -> str:
    """Give a part of what the newest soak that has it has found.

    Raises:
        LookupError: If no result file has it.
    """
    results = [json.loads(file.read_text(encoding="utf-8")) for file in _SOAK_RESULTS.glob("*.json")]
    kind = part if part in ("counted", "workers") else "killed"
    found = max((result for result in results if kind in result), key=lambda result: result["started"], default=None)
    if found is None:
        msg = f"No file in {_SOAK_RESULTS} has the part '{kind}'; `nox -s soak` makes them."
        raise LookupError(msg)
    rows = _SOAK_ROWS[part](found[kind])
    head = list(dict.fromkeys(key for row in rows for key in row))
    lines = [[str(row.get(key, "")) for key in head] for row in rows]
    return "\n".join(map(_row, [[key.capitalize() for key in head], ["---"] * len(head), *lines]))


def _soak_runs(killed: dict[str, Any]) -> list[dict[str, Any]]:
    """Say how long runs were launched, how many there were, and how they ended."""
    runs, launched = killed["runs"], sum(killed["launched"].values())
    return [
        {"what": "Minutes", "figure": round(killed["minutes"])},
        {"what": "Launched as the UI does; the others are of a schedule and a sensor", "figure": launched},
        {"what": "Launches that found no code server", "figure": killed["refused"]},
        {
            "what": "Code servers that had lost Dagster's thread which sees that runs have died",
            "figure": killed["broken"],
        },
        {"what": "Runs", "figure": sum(runs.values())},
        *({"what": f"Runs that ended as {status}", "figure": count} for status, count in sorted(runs.items())),
        *({"what": f"Starts of the {name}", "figure": count} for name, count in killed["starts"].items()),
        *({"what": f"Runs of which this is so: {what}", "figure": count} for what, count in killed["known"].items()),
    ]


def _soak_growth(killed: dict[str, Any]) -> list[dict[str, Any]]:
    """Say what became of memory and descriptors of the services."""
    return [
        {"service": grown["service"], "minutes": f"{grown['minutes']:.0f}", **_grown(grown)}
        for grown in killed["growth"]
    ]


def _soak_workers(workers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Say what became of memory and descriptors of workers, and of the process that launched the runs."""
    return [
        {"process": grown["service"], "runs": sum(worked["runs"].values()), **_grown(grown)}
        for worked in workers
        for grown in worked["growth"]
    ]


def _grown(grown: dict[str, Any]) -> dict[str, str]:
    return {what: " to ".join(f"{value:.0f}" for value in grown[what]) for what in ("megabytes", "descriptors")}


_SOAK_ROWS = {
    "runs": _soak_runs,
    "faults": lambda killed: killed["faults"],
    "invariants": lambda killed: killed["invariants"],
    "growth": _soak_growth,
    "counted": lambda counted: counted["rows"],
    "workers": _soak_workers,
}


def command_help() -> Iterator[str]:
    """Give a heading and the help text of each command, as the terminal shows it."""
    group = commands.commands["assets"]
    parent = click.Context(group, info_name="kedro assets", help_option_names=["-h", "--help"])
    for name, command in getattr(group, "commands", {}).items():
        context = click.Context(command, info_name=name, parent=parent, terminal_width=90)
        yield f"## kedro assets {name}\n\n```text\n{command.get_help(context)}\n```\n"


def layers() -> str:
    """Give the rooms of the package, one layer a line, the topmost first, and what else the contracts say of them."""
    project = tomlkit.parse(_PROJECT.read_text(encoding="utf-8")).unwrap()
    contracts: dict[str, list[Any]] = {}
    for contract in project["tool"]["importlinter"]["contracts"]:
        contracts.setdefault(contract["type"], []).append(contract)
    [ordered], [without] = contracts["layers"], contracts["forbidden"]
    rows = [layer.replace("kedro_assets.", "").replace(" | ", "   ") for layer in ordered["layers"]]
    closed = _listed(room for contract in contracts["protected"] for room in contract["allowed_importers"])
    plain = _listed(without["source_modules"])
    return "\n".join(
        [
            *["```text", *rows, "```", ""],
            f"What the `__init__.py` of {closed} exports is all that other rooms may use of it: they cannot import its modules.",
            "",
            f"{plain} do not import Dagster.",
        ]
    )


def _listed(modules: Iterable[str]) -> str:
    """List modules of the package in a sentence."""
    *names, last = (f"`{module.removeprefix('kedro_assets.')}`" for module in modules)
    return f"{', '.join(names)} and {last}" if names else last


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
        word, heading = _WORDS[kind]
        return f"[{word}{'' if word.endswith('s') else plural}](#{heading})"
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


_MAKERS: dict[str, Callable[..., str]] = {
    "keys": lambda section: key_table(getattr(model, section)),
    "options": option_table,
    "benchmark": benchmark_table,
    "soak": soak_table,
    "commands": lambda: "\n".join(command_help()),
    "layers": layers,
}


def main() -> int:
    """Write what pages have from the sources, or compare it with them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page has something else")
    check, found = parser.parse_args().check, []
    for path in sorted((_ROOT / "docs").rglob("*.md")):
        page, name = path.read_text(encoding="utf-8"), path.relative_to(_ROOT)
        try:
            now = filled(page)
        except LookupError as error:
            now = filled(page, without=("options",))
            found.append(f"{name} keeps its table of options. {error}")
        if now != page and check:
            found.append(f"{name} is not what the sources give: run `python docs/tables.py`.")
        elif now != page:
            path.write_text(now, encoding="utf-8")
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    return 1 if found and check else 0


if __name__ == "__main__":
    sys.exit(main())
