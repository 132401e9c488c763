"""The commands and their options.

Kedro imports this module for every `kedro` command, so each command imports what it needs when it is called.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any

import click

from kedro_assets._internals import garbage
from kedro_assets._internals.process_output import shared_terminal
from kedro_assets.cli.options import (
    FILTERS,
    filter_options,
    load_versions_of,
    output_option,
    params_of,
    project_options,
    refused_options,
)
from kedro_assets.cli.output import echo, only_answers, own_answers
from kedro_assets.errors import KedroAssetsError

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C has ended, as of any other in a shell."""


@click.group(name="kedro-assets")
def commands() -> None:
    """Run the project on Dagster."""


class _Command(click.Command):
    """A command that writes nothing but its answer on standard output, where the process has said so."""

    def invoke(self, ctx: click.Context) -> Any:
        with only_answers() if ctx.find_root().obj is _ONLY_ANSWERS else nullcontext():
            return super().invoke(ctx)


_ONLY_ANSWERS = object()


class _Group(click.Group):
    """A group whose commands end with a message instead of a traceback when they are refused or interrupted."""

    command_class = _Command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with shared_terminal(), garbage.left(to_the_end=True):
                return super().invoke(ctx)
        except KedroAssetsError as error:
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt:
            start = "\n" if sys.stderr.isatty() else ""  # which has shown ^C
            click.echo(f"{start}interrupted", err=True)
            ctx.exit(INTERRUPTED)


@commands.group(name="assets", cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def assets() -> None:
    """Run the project on Dagster, with its datasets as assets."""


def _enter(env: str | None, conf_source: str | None, *, quiet: bool = False) -> Path:
    """Say to this process and all that it starts how the project is opened; give the project's root.

    Args:
        env: Kedro's environment.
        conf_source: The configuration folder or archive.
        quiet: Whether the command is a report: what Kedro logs while it reads the project is left out.
    """
    from kedro.framework.project import PACKAGE_NAME

    from kedro_assets.project import CONF_SOURCE_VARIABLE, locate_project

    if quiet:
        logging.disable(logging.WARNING)
    if env:
        os.environ["KEDRO_ENV"] = env
    if conf_source:
        os.environ[CONF_SOURCE_VARIABLE] = conf_source
    location = locate_project()
    if PACKAGE_NAME is None:  # `kedro` has opened the project before it calls a command
        location.open()
    return location.path


_CHOICES = ("stale", "only_missing_outputs", "dry_run")


def _job_names(root: Path) -> Iterable[str]:
    from kedro_assets.cli.report import job_names

    return job_names(root)


def _known_names(root: Path) -> Iterable[str]:
    from kedro_assets.cli.explain import known_names

    return known_names(root)


def _from_project(find: Callable[[Path], Iterable[str]]) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Return what completes an argument in the shell: names that are in the project, none if it cannot be read."""

    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
        try:
            names = find(_enter(ctx.params.get("env"), ctx.params.get("conf_source"), quiet=True))
        except KedroAssetsError:
            return []
        return sorted(name for name in names if name.startswith(incomplete))

    return complete


@assets.command()
@project_options
@click.option("--force", "-f", is_flag=True, help="Overwrite files and entries that exist already.")
def init(env: str | None, conf_source: str | None, force: bool) -> None:  # noqa: FBT001
    """Create dagster.yml, its JSON schema and definitions.py.

    The entries that `dagster dev` and `dg dev` look for are added to pyproject.toml.
    """
    from kedro_assets.cli.init import init_project

    for line in init_project(_enter(None, conf_source), env, conf_source, force=force):
        echo(line)


@assets.command()
@project_options
def check(env: str | None, conf_source: str | None) -> None:
    """Report problems of the project, and why nodes share a step."""
    from kedro_assets.cli.report import check_lines

    for line in check_lines(_enter(env, conf_source, quiet=True)):
        echo(line)


@assets.command()
@project_options
@click.option("--write", is_flag=True, help="Write the files, rather than show what would be written.")
def convert(env: str | None, conf_source: str | None, write: bool) -> None:  # noqa: FBT001
    """Convert a project of kedro-dagster, or show what would be.

    A diff shows what changes in dagster.yml and the catalogs of all environments. What is left to you comes after it.
    """
    from kedro_assets.cli.convert import convert_lines

    for line in convert_lines(_enter(env, conf_source, quiet=True), write=write):
        echo(line)


@assets.command(name="list")
@project_options
@click.option("--json", "as_json", is_flag=True, help="Write JSON for other programs.")
@output_option
def list_(env: str | None, conf_source: str | None, as_json: bool, output: IO[str] | None) -> None:  # noqa: FBT001
    """List assets, clusters, jobs, schedules and sensors.

    The nodes of a cluster share a step.
    """
    from kedro_assets.cli.report import list_json, list_lines

    root = _enter(env, conf_source, quiet=True)
    for line in [list_json(root)] if as_json else list_lines(root):
        echo(line, output)


@assets.command()
@click.argument("name", shell_complete=_from_project(_known_names))
@project_options
@click.option("--json", "as_json", is_flag=True, help="Write JSON for other programs.")
@output_option
def explain(name: str, env: str | None, conf_source: str | None, as_json: bool, output: IO[str] | None) -> None:  # noqa: FBT001
    """Show what NAME is in Kedro and in Dagster.

    NAME is a dataset, node, parameter (`params:x`), pipeline, tag, namespace, asset, group, step, job, schedule or sensor.
    """
    from kedro_assets.cli.explain import explain_json, explain_lines

    root = _enter(env, conf_source, quiet=True)
    for line in [explain_json(root, name)] if as_json else explain_lines(root, name):
        echo(line, output)


@assets.command()
@output_option
def schema(output: IO[str] | None) -> None:
    """Print the JSON schema of dagster.yml for editors.

    It has the options of the executors that are installed.
    """
    from kedro_assets.cli.schema import schema_text

    echo(schema_text().rstrip(), output)


@assets.command()
@click.argument("job", required=False, shell_complete=_from_project(_job_names))
@project_options
@click.option(
    "--select",
    "-s",
    help='The assets to materialize: names of datasets and nodes, or Dagster\'s selection syntax, such as `+key:"a/b"`.',
)
@filter_options
@refused_options
@click.option("--partition", help="The key of the partition to materialize.")
@click.option(
    "--partition-range", help="The first and the last key of the partitions to materialize, as in FIRST...LAST."
)
@click.option("--params", callback=params_of, help='Runtime parameters, as for `kedro run`: "model.depth=3,seed=1".')
@click.option(
    "--load-versions",
    "-lv",
    callback=load_versions_of,
    help="Versions of datasets to load, as for `kedro run`: dataset:version,...",
)
@click.option("--stale", is_flag=True, help="Materialize only what is missing or not up to date, and say why.")
@click.option("--only-missing-outputs", is_flag=True, help="Run only nodes with missing outputs, as `kedro run` does.")
@click.option(
    "--dry-run", is_flag=True, help="With --stale or --only-missing-outputs: only say what would be materialized."
)
def run(job: str | None, env: str | None, conf_source: str | None, **options: Any) -> None:
    """Run a job, or materialize assets, in this terminal.

    JOB is a job or a registered pipeline. Without JOB, it is what `kedro run` runs, with the assets that are no nodes of the
    project, or what --select or the filters of `kedro run` leave: --pipeline, --nodes, --tags, --namespaces, --from-nodes,
    --to-nodes, --from-inputs, --to-outputs.
    """
    from kedro_assets.cli.run import run_assets
    from kedro_assets.cli.targets import Asked

    select, partition, partition_range = (options[name] for name in ("select", "partition", "partition_range"))
    filters = {name: options[name] for name in FILTERS if options[name]}
    chosen = {"a job": job, "--select": select, **{FILTERS[name][0][0]: filters[name] for name in filters}}
    given = [name for name, value in chosen.items() if value]
    if (job or select) and len(given) > 1:
        msg = f"Give {given[0]} or {given[1]}, not both."
        raise click.UsageError(msg)
    if partition and partition_range:
        msg = "Give --partition or --partition-range, not both."
        raise click.UsageError(msg)
    if partition_range and not all(partition_range.partition("...")):
        msg = (
            f"--partition-range expects a first and a last key, found '{partition_range}'. "
            "Write it as in 2026-01-01...2026-01-31."
        )
        raise click.UsageError(msg)
    if options["stale"] and options["only_missing_outputs"]:
        msg = "Give --stale or --only-missing-outputs, not both."
        raise click.UsageError(msg)
    if options["dry_run"] and not (options["stale"] or options["only_missing_outputs"]):
        msg = "--dry-run says what --stale or --only-missing-outputs would materialize: give one of these, too."
        raise click.UsageError(msg)
    for_kedro = {"runtime_params": options["params"], "load_versions": options["load_versions"]}
    of_keys, flags = partition or partition_range, {name: options[name] for name in _CHOICES}
    asked = Asked(job, select, of_keys, filters, for_kedro, **flags)
    with own_answers():
        succeeded = run_assets(_enter(env, conf_source), asked, echo)
    if not succeeded:
        sys.exit(1)


@assets.command(context_settings={"ignore_unknown_options": True})
@project_options
@click.argument("dagster_options", nargs=-1, type=click.UNPROCESSED)
def dev(env: str | None, conf_source: str | None, dagster_options: tuple[str, ...]) -> None:
    """Start Dagster's UI and daemon. Further options, such as --port 3333, are passed to `dagster dev`."""
    from kedro_assets.cli.dev import start_dagster

    sys.exit(start_dagster(_enter(env, conf_source), dagster_options))


def main() -> None:
    """Run the commands of `kedro assets`, with nothing but their answer on standard output."""
    assets(prog_name="python -m kedro_assets", obj=_ONLY_ANSWERS)
