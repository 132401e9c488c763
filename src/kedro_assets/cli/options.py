"""Options that several commands have, or that are those of `kedro run`; like the commands, they import what they need when called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click


def _conf_source(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Return where the configuration is: an address as it is, as `kedro run` takes it, and a path absolute.

    Raises:
        BadParameter: If there is no such path.
    """
    if not value or "://" in value:
        return value or None
    path = Path(value).expanduser().resolve()
    if not path.exists():
        msg = f"Path '{value}' does not exist."
        raise click.BadParameter(msg)
    return str(path)


def project_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that every command has; both reach every process that the command starts."""
    env = click.option(
        "--env", "-e", help="The Kedro environment. [default: $KEDRO_ENV, or what the project's settings say]"
    )
    source = click.option(
        "--conf-source",
        callback=_conf_source,
        help="The folder, archive or URL of the configuration, as for `kedro run`.",
    )
    return env(source(command))


def output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a report go to a file; Kedro's own log may be on stdout before a command begins."""
    file = click.File("w", encoding="utf-8")
    return click.option("--output", "-o", type=file, help="Write the output to a file.")(command)


def params_of(ctx: click.Context, param: click.Parameter, value: str | None) -> dict[str, Any]:
    """Return runtime parameters as `kedro run --params` reads them."""
    if not value:
        return {}
    from kedro_assets._internals.kedro_project import split_params

    return split_params(ctx, param, value)


def load_versions_of(ctx: click.Context, param: click.Parameter, value: str | None) -> dict[str, str]:
    """Return the versions of datasets as `kedro run --load-versions` reads them.

    Raises:
        BadParameter: If they are not written so.
    """
    if not value:
        return {}
    from kedro_assets._internals.kedro_project import split_load_versions

    try:
        return split_load_versions(ctx, param, value)
    except click.ClickException as error:  # Kedro's own shows an empty message
        raise click.BadParameter(error.message) from error


def _names(ctx: click.Context, param: click.Parameter, value: str | tuple[str, ...] | None) -> list[str]:
    if not value:
        return []
    from kedro_assets._internals.kedro_project import split_names

    given = [value] if isinstance(value, str) else value
    return [name for each in given for name in split_names(ctx, param, each)]


FILTERS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "pipeline_names": (("--pipeline", "--pipelines", "-p"), "Registered pipelines; without it, `__default__`."),
    "node_names": (("--nodes", "-n"), "Only these nodes."),
    "tags": (("--tags", "-t"), "Only nodes with one of these tags."),
    "node_namespaces": (("--namespaces", "-ns"), "Only nodes of these namespaces."),
    "from_nodes": (("--from-nodes",), "These nodes and all after them."),
    "to_nodes": (("--to-nodes",), "These nodes and all before them."),
    "from_inputs": (("--from-inputs",), "What is made from these datasets."),
    "to_outputs": (("--to-outputs",), "What these datasets are made from."),
}
"""Kedro's filters, by their keys in dagster.yml: their options, as `kedro run` has them, and what they are."""


_EXECUTOR = "write the executor of the job in dagster.yml, such as `executor: multiprocess`, or `default_executor`."
_INSTEAD: Mapping[str, tuple[tuple[str, ...], str]] = {
    "runner": (("--runner", "-r"), f"Executors of Dagster take the place of runners: {_EXECUTOR}"),
    "runner_params": (("--runner-params",), f"Executors of Dagster take the place of runners: {_EXECUTOR}"),
    "is_async": (("--async",), f"A step loads and saves one dataset after another. For steps side by side {_EXECUTOR}"),
    "config": (("--config", "-c"), "What a job runs, and with what, stands in dagster.yml: give the name of the job."),
}
"""Options of `kedro run` that do not fit, and what is there in their place."""


def refused_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command say what takes the place of Kedro's options that it does not have."""
    for name, (flags, _) in _INSTEAD.items():
        is_flag = name == "is_async"
        command = click.option(*flags, name, is_flag=is_flag, hidden=True, expose_value=False, callback=_refuse)(
            command
        )
    return command


def _refuse(_ctx: click.Context, param: click.Parameter, value: str | bool | None) -> None:  # noqa: FBT001
    if value:
        flags, instead = _INSTEAD[param.name or ""]
        msg = f"{flags[0]} is an option of `kedro run` alone. {instead}"
        raise click.UsageError(msg)


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add Kedro's filters to a command."""
    for name, (flags, text) in reversed(list(FILTERS.items())):
        several = name == "tags"
        command = click.option(*flags, name, multiple=several, callback=_names, help=text)(command)
    return command
