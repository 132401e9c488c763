"""`kedro assets dev`: Dagster's UI and daemon on the project."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from kedro_assets.errors import KedroAssetsError

_DEFINITIONS = "definitions.py"


def definitions_target(root: Path) -> str:
    """Say where a project's definitions are: in its own definitions.py, or else in a module of this package."""
    return _DEFINITIONS if (root / _DEFINITIONS).exists() else "kedro_assets.location"


def start_dagster(root: Path, options: Sequence[str]) -> int:
    """Run `dagster dev` until it ends, and give its exit code; Ctrl-C and SIGTERM reach it.

    Args:
        root: The project's root.
        options: Further options of `dagster dev`.

    Raises:
        KedroAssetsError: If Dagster's web server is not installed.
    """
    if find_spec("dagster_webserver") is None:
        msg = "Dagster's web server is not installed: pip install 'kedro-assets[dev]'"
        raise KedroAssetsError(msg)
    target = definitions_target(root)
    kind = "--python-file" if target.endswith(".py") else "--module-name"
    command = [sys.executable, "-m", "dagster", "dev", kind, target, *options]
    with subprocess.Popen(command, cwd=root) as process, _forwarding(process):  # noqa: S603 - our own command
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # the terminal has sent it to Dagster too, which ends by itself


@contextmanager
def _forwarding(process: subprocess.Popen[bytes]) -> Iterator[None]:
    previous = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
