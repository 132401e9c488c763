"""`kedro assets dev`: Dagster's UI and daemon on the project."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tomlkit

from kedro_assets.errors import KedroAssetsError

_DEFINITIONS = "definitions.py"
_DG_INSTEAD = "ignore:Function `dev_command` is superseded"
"""Dagster's advice to who calls `dagster dev`, to call `dg dev` instead: nobody has called it who calls `kedro assets dev`."""


def definitions_target(root: Path) -> str:
    """Return where a project's definitions are: a file in its root, or a module.

    That is what `[tool.dagster]` of its pyproject.toml names, or its definitions.py, or else a module of this package.
    """
    named = _dagster_entry(root).get("module_name", "definitions")
    if named != "definitions":
        return str(named)
    return _DEFINITIONS if (root / _DEFINITIONS).exists() else "kedro_assets.location"


def _dagster_entry(root: Path) -> Mapping[str, Any]:
    document = tomlkit.parse((root / "pyproject.toml").read_text(encoding="utf-8")).unwrap()
    entry: Mapping[str, Any] = document.get("tool", {}).get("dagster", {})
    return entry


def start_dagster(root: Path, options: Sequence[str]) -> int:
    """Run `dagster dev` until it ends, and give its exit code; Ctrl-C and SIGTERM reach it.

    Args:
        root: The project's root.
        options: Further options of `dagster dev`.

    Raises:
        KedroAssetsError: If Dagster's web server is not installed.
    """
    if find_spec("dagster_webserver") is None:
        msg = "Dagster's web server is not installed. Install it: pip install 'kedro-assets[dev]'"
        raise KedroAssetsError(msg)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in a shell's background; Dagster would ignore SIGTERM too
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [sys.executable, "-W", _DG_INSTEAD, "-m", "dagster", "dev", *_target_options(root), *options]
    with subprocess.Popen(command, cwd=root) as process, _forwarding(process):  # noqa: S603 - our own command
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # the terminal has sent it to Dagster too, which ends by itself


def _target_options(root: Path) -> list[str]:
    """Name the definitions, unless pyproject.toml does: there the code location has a name too."""
    if "module_name" in _dagster_entry(root):
        return []
    target = definitions_target(root)
    return ["--python-file" if target.endswith(".py") else "--module-name", target]


@contextmanager
def _forwarding(process: subprocess.Popen[bytes]) -> Iterator[None]:
    previous = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
