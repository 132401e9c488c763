"""`kedro assets convert`: a project of kedro-dagster, as a diff or written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kedro_assets.convert import Conversion, convert_project
from kedro_assets.names import counted
from kedro_assets.project import locate_project


def convert_lines(root: Path, *, write: bool) -> Iterator[str]:
    """Convert a project, and say what becomes of it and what is left to its author.

    Args:
        root: The project's root.
        write: Whether to write the files; otherwise they are shown only.

    Raises:
        ProjectError: If a file cannot be read or edited; then none is written.
    """
    found = convert_project(locate_project(root))
    for change in found.changes:
        yield from change.diff()
    yield from [""] if found.changes else []
    yield from _left(found)
    for change in found.changes if write else ():
        change.write()
        yield f"written  {change.shown}"
    if not found.changes:
        yield "Nothing to convert in dagster.yml and the catalogs."
    elif not write:
        yield f"Nothing is written: with --write, {counted(len(found.changes), 'file')} would be."
    else:
        yield "Next: `kedro assets init` writes definitions.py, and `kedro assets check` checks the result."


def _left(found: Conversion) -> Iterator[str]:
    """Yield what is left to the user."""
    if found.by_hand:
        yield f"To do by hand ({len(found.by_hand)}):"
    for problem in found.by_hand:
        yield f"  {'  '.join(filter(None, (problem.source, problem.path)))}: {problem.found}"
        yield from [f"      {problem.hint}"] if problem.hint else []
    if found.renamed:
        yield f"Jobs with another name ({len(found.renamed)}); change it where something starts them by name:"
    yield from (f"  {before} -> {after}" for before, after in found.renamed.items())
    if found.stopped:
        yield (
            f"Schedules with another name ({len(found.stopped)}). Dagster knows by its name that a schedule is turned on, so these "
            "stop. Turn them on again, or write `default_status: RUNNING`:"
        )
    yield from (f"  {before} -> {after}" for before, after in found.stopped.items())
