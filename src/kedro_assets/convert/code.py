"""Python code that imports kedro-dagster, and what its `definitions.py` says beside dagster.yml."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import Factory, frozen

from kedro_assets.convert.executors import OPTIONS
from kedro_assets.errors import Problem

PACKAGE = "kedro_dagster"
_NO_CODE = {"__pycache__", "node_modules", "site-packages", "build", "dist"}
_DELETE = "Delete this file: `kedro assets init` writes a `definitions.py` into the root of the project."
_INSTEAD = {
    "KedroProjectTranslator": _DELETE,
    "getLogger": "Use `logging.getLogger`: what nodes log is shown in Dagster.",
    "NOTHING_OUTPUT": "Return any value but None, such as `True`.",
    "DagsterPartitionedDataset": "Use `PartitionedDataset` of `kedro_datasets.partitions`.",
    "DagsterNothingDataset": "Use `MemoryDataset` of `kedro.io`, or let `assets.deps` say what a node waits for.",
}
_OTHERWISE = (
    "kedro-assets has nothing like it: `build_definitions` gives all definitions, and a translator changes assets."
)
_FORMATTER = "Use a formatter of your own, or one of Python's `logging`."


@frozen
class PeerCode:
    """What was found in the Python code of a project.

    Attributes:
        uses: Each import of kedro-dagster, with what to do.
        env: The environment that its translator is given; None if it is not written out.
        default_executor: What dagster.yml is to say as `default_executor`; None if the same as without it.
        unknown: The executor, or loggers, that its definitions have and that are not converted.
        translators: The places where definitions are made.
    """

    uses: list[Problem] = Factory(list)
    env: str | None = None
    default_executor: str | dict[str, Any] | None = None
    unknown: list[Problem] = Factory(list)
    translators: list[str] = Factory(list)


def read_code(root: Path) -> PeerCode:
    """Look through the Python files of a project, without importing any."""
    uses: list[Problem] = []
    unknown: list[Problem] = []
    places: list[str] = []
    env, executor = None, None
    for path in _python_files(root):
        text = path.read_text(encoding="utf-8", errors="replace")
        if PACKAGE not in text:
            continue
        shown = path.relative_to(root).as_posix()
        try:
            tree = ast.parse(text)
        except SyntaxError as error:
            uses.append(Problem("", "this file is no Python.", "Look through it yourself.", f"{shown}:{error.lineno}"))
            continue
        found = list(_imports(tree, shown))
        uses += found
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call) and found):
            source = f"{shown}:{call.lineno}"
            if _last_name(call.func) == "KedroProjectTranslator":
                places.append(source)
                given = next((each.value for each in call.keywords if each.arg == "env"), next(iter(call.args), None))
                env = given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else env
            elif _last_name(call.func) == "Definitions":
                executor, refused = _executor(call, tree)
                if refused:
                    unknown.append(
                        Problem(
                            "default_executor", "the executor of these definitions is not understood.", refused, source
                        )
                    )
        for found_at in (node for node in ast.walk(tree) if isinstance(node, ast.Subscript) and found):
            if _last_name(found_at.value) == "named_loggers":
                text = "there are no loggers here for jobs that name none."
                unknown.append(Problem("loggers", text, "Name them in each job.", f"{shown}:{found_at.lineno}"))
    return PeerCode(uses, env, executor, unknown, places)


def _python_files(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        inside = [name for name in sorted(folders) if name not in _NO_CODE and not name.startswith(".")]
        folders[:] = [name for name in inside if not (Path(folder) / name / "pyvenv.cfg").exists()]
        yield from (Path(folder) / name for name in sorted(files) if name.endswith(".py"))


def _imports(tree: ast.Module, shown: str) -> Iterator[Problem]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level and _is_own(node.module or ""):
            for alias in node.names:
                yield _use(alias.name, f"{node.module}.{alias.name}", f"{shown}:{node.lineno}")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if _is_own(alias.name):
                    yield _use("", alias.name, f"{shown}:{node.lineno}")


def _is_own(module: str) -> bool:
    return module == PACKAGE or module.startswith(f"{PACKAGE}.")


def _use(name: str, path: str, source: str) -> Problem:
    hint = _FORMATTER if re.search("formatter", name, re.IGNORECASE) else _INSTEAD.get(name, _OTHERWISE)
    return Problem("", f"imports `{path}`.", hint, source)


def _executor(call: ast.Call, tree: ast.Module) -> tuple[str | dict[str, Any] | None, str]:
    """Return the executor of `Definitions` as dagster.yml has it, and what to do if it is not understood."""
    value: ast.expr | None = next((each.value for each in call.keywords if each.arg == "executor"), None)
    if value is None:
        return "multiprocess", ""  # Dagster's own default
    assigned = {
        target.id: statement.value
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    while isinstance(value, ast.Name) and value.id in assigned:
        value = assigned.pop(value.id)
    if isinstance(value, ast.Subscript) and _last_name(value.value) == "named_executors":
        name = value.slice.value if isinstance(value.slice, ast.Constant) else None
        return (name, "") if isinstance(name, str) else (None, _BY_HAND)
    options: Mapping[str, Any] | None = {}
    if isinstance(value, ast.Call) and _last_name(value.func) == "configured" and isinstance(value.func, ast.Attribute):
        options, value = _literal(next(iter(value.args), None)), value.func.value
    kind = _last_name(value) if value is not None else ""
    kind = {"in_process_executor": "in_process", "multiprocess_executor": "multiprocess"}.get(kind, kind)
    if kind not in OPTIONS or options is None:
        return None, _BY_HAND
    if kind == "in_process" and not options:
        return None, ""
    return {kind: dict(options)}, ""


_BY_HAND = 'Write `default_executor` in dagster.yml, for jobs without an executor and for "Materialize" in the UI.'


def _literal(value: ast.expr | None) -> Mapping[str, Any] | None:
    """Return a mapping that is written as `{...}` or `dict(...)`; None if it is anything else."""
    try:
        if isinstance(value, ast.Call) and _last_name(value.func) == "dict" and not value.args:
            return {str(each.arg): ast.literal_eval(each.value) for each in value.keywords}
        found = ast.literal_eval(value) if value is not None else None
    except (ValueError, TypeError):
        return None
    return found if isinstance(found, dict) else None


def _last_name(found: ast.expr) -> str:
    return found.id if isinstance(found, ast.Name) else getattr(found, "attr", "")
