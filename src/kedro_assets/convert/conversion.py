"""The stages of a conversion: read what is there, convert each file, and what concerns several of them."""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from attrs import Factory, frozen
from kedro.pipeline import Pipeline

from kedro_assets.convert.catalog import converted_entry
from kedro_assets.convert.code import PACKAGE, PeerCode, read_code
from kedro_assets.convert.drafts import Draft
from kedro_assets.convert.jobs import converted_dagster
from kedro_assets.convert.mappings import move_mappings
from kedro_assets.convert.new_names import renamed_jobs, renamed_schedules
from kedro_assets.convert.nothing import convert_nothing
from kedro_assets.errors import Problem, ProjectError
from kedro_assets.project import Environments, ProjectLocation, read_environments, read_registry, watch_registry


@frozen
class Change:
    """A file that is to have another text.

    Attributes:
        path: The file.
        shown: Its path relative to the project.
        before: Its text.
        after: What it is to be.
    """

    path: Path
    shown: str
    before: str
    after: str

    def diff(self) -> Iterator[str]:
        """Yield the lines of a unified diff."""
        before, after = (text.splitlines() for text in (self.before, self.after))
        yield from difflib.unified_diff(before, after, f"a/{self.shown}", f"b/{self.shown}", lineterm="")

    def write(self) -> None:
        """Write the file as a whole: whoever reads it meanwhile, or after an error, sees the text before or the one after."""
        with NamedTemporaryFile("wb", dir=self.path.parent, prefix=f".{self.path.name}.", delete=False) as new:
            new.write(self.after.encode("utf-8"))
        try:
            shutil.copymode(self.path, new.name)
            os.replace(new.name, self.path)  # noqa: PTH105 - of a name
        except OSError:
            Path(new.name).unlink(missing_ok=True)
            raise


@frozen
class Conversion:
    """What becomes of a project of kedro-dagster.

    Attributes:
        changes: The files that are to be written.
        by_hand: What is left to the user.
        renamed: The jobs with other names: the old name and the new one.
        stopped: The schedules that run no longer until somebody starts them: the old name and the new one.
    """

    changes: Sequence[Change] = ()
    by_hand: Sequence[Problem] = ()
    renamed: Mapping[str, str] = Factory(dict)
    stopped: Mapping[str, str] = Factory(dict)


def convert_project(location: ProjectLocation) -> Conversion:
    """Convert the configuration of a project in all of its environments; nothing is written.

    Args:
        location: The project.

    Raises:
        ProjectError: If the project cannot be opened, or a file is no configuration or cannot be edited; with its line.
    """
    location.open()
    environments = read_environments(location, ["dagster", "catalog"])
    code = read_code(location.path)
    drafts = [Draft(file) for file in environments.files]
    of_dagster = [draft for draft in drafts if draft.file.section == "dagster"]
    for draft in of_dagster:
        loggers = _section("loggers", environments, [] if draft.file.env == environments.base else [environments.base])
        draft.wanted = converted_dagster(draft.wanted, _executors(environments, draft), draft.scope, loggers)
    by_hand = list(_default_executor(of_dagster, environments.base, code))
    catalogs = [draft for draft in drafts if draft.file.section == "catalog"]
    for draft in catalogs:
        draft.wanted = {name: converted_entry(entry, draft.scope.at(str(name))) for name, entry in draft.wanted.items()}
    move_mappings(catalogs, environments.base)
    if any(PACKAGE in str(draft.wanted) for draft in catalogs):
        convert_nothing(catalogs, environments.base, _pipelines(location))
    files = [Change(draft.file.path, draft.file.shown, draft.file.text, draft.text) for draft in drafts]
    changes = [file for file in files if file.before != file.after]
    by_hand += [problem for draft in drafts for problem in draft.problems]
    by_hand += [
        *code.uses,
        *code.unknown,
        *_asset_keys(of_dagster, code),
        *_mentions(location.path, environments, files),
    ]
    if not (changes or by_hand):  # it is no project of kedro-dagster
        return Conversion()
    renamed: dict[str, str] = {}
    stopped: dict[str, str] = {}
    for draft in of_dagster:
        env = draft.file.env if draft.file.env != environments.base else code.env or "<environment>"
        renamed.update(renamed_jobs(draft.wanted, env))
        stopped.update({before: after for _, before, after in renamed_schedules(draft.wanted)})
    return Conversion(changes, by_hand, renamed, stopped)


def _executors(environments: Environments, draft: Draft) -> dict[str, Any]:
    """Return the executors that the jobs of a file can name: those of its environment come before those of others."""
    others = environments.names if draft.file.env == environments.base else [environments.base]
    return _section("executors", environments, [*others, draft.file.env])


def _section(name: str, environments: Environments, envs: Sequence[str]) -> dict[str, Any]:
    """Return the entries that a section of dagster.yml has in some environments, the later ones before the earlier."""
    found: dict[str, Any] = {}
    for file in (file for env in envs for file in environments.in_env(env, "dagster")):
        entries = file.data.get(name)
        found.update(entries if isinstance(entries, dict) else {})
    return found


def _default_executor(drafts: Sequence[Draft], base: str, code: PeerCode) -> Iterator[Problem]:
    """Write the executor of kedro-dagster's definitions into dagster.yml of the base environment, or else of all others."""
    wanted = code.default_executor
    of_base = [draft for draft in drafts if draft.file.env == base][:1]
    for draft in of_base or drafts if wanted is not None else ():
        draft.wanted.setdefault("default_executor", wanted)
    if wanted is not None and not drafts:
        hint = f"Write `default_executor: {wanted}` in dagster.yml."
        yield Problem("default_executor", "there is no dagster.yml for the executor of the definitions.", hint)


def _asset_keys(drafts: Sequence[Draft], code: PeerCode) -> Iterator[Problem]:
    """Say that assets have other keys, unless dagster.yml has a prefix for them."""
    assets = [draft.wanted.get("assets") for draft in drafts]
    if any(isinstance(found, dict) and "key_prefix" in found for found in assets):
        return
    for source in code.translators:
        env = code.env or "local"
        found = f"asset keys have begun with the environment, as in `{env}/report`; with new keys their history begins anew."
        hint = f"To keep the keys, write `key_prefix: [{env}]` under `assets` in dagster.yml of this environment."
        yield Problem("assets.key_prefix", found, hint, source)


def _pipelines(location: ProjectLocation) -> Mapping[str, Pipeline] | None:
    """Return the registered pipelines; None if they cannot be imported, as without kedro-dagster."""
    with watch_registry(location.path) as left_out:
        try:
            pipelines = read_registry(location)
        except ProjectError:
            return None
    return None if any(module.failed for module in left_out) else pipelines


def _mentions(root: Path, environments: Environments, changes: Sequence[Change]) -> Iterator[Problem]:
    """Yield the lines that name kedro-dagster in the rest of the configuration, and in files of the project."""
    texts = {change.path: change.after for change in changes}
    for path in sorted(environments.source.rglob("*")):
        is_read = path.suffix in {".yml", ".yaml", ".json"} and not path.name.startswith("credentials")
        if is_read and path.is_file() and path not in texts:
            texts[path] = path.read_text(encoding="utf-8", errors="replace")
    for path, text in texts.items():
        for number, line in enumerate(text.splitlines(), 1):
            if PACKAGE in line.partition("#")[0]:
                shown = path.relative_to(root) if path.is_relative_to(root) else path
                found = f"names `{PACKAGE}`: `{line.strip()}`."
                yield Problem("", found, "Write what takes its place.", f"{shown}:{number}")
    if (root / "dg.toml").exists():
        found = "names the definitions of kedro-dagster."
        yield Problem("", found, "Delete it: `kedro assets init` adds what `dg` needs to pyproject.toml.", "dg.toml:1")
    for path in [root / "pyproject.toml", *sorted(root.glob("requirements*.txt"))]:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.exists() else (), 1):
            if "kedro-dagster" in line.partition("#")[0].replace("_", "-").replace("kedro-dagster-", ""):
                found = f"requires kedro-dagster: `{line.strip()}`."
                yield Problem("", found, "Write `kedro-assets`.", f"{path.name}:{number}")
