"""Which definitions `kedro assets dev` takes, and how it starts and ends Dagster."""

import os
import signal
import subprocess
import sys

import pytest

from kedro_assets.cli import dev
from kedro_assets.cli.dev import definitions_target, start_dagster
from kedro_assets.errors import KedroAssetsError


@pytest.fixture
def root(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.kedro]\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def own(root):
    """A project with definitions of its own."""
    (root / "definitions.py").touch()
    return root


def name_module(root, module):
    (root / "pyproject.toml").write_text(f"[tool.dagster]\nmodule_name = '{module}'\n", encoding="utf-8")


def test_without_definitions_of_its_own_a_project_has_those_of_the_package(root):
    assert definitions_target(root) == "kedro_assets.location"


def test_the_definitions_in_the_root_are_the_projects(own):
    assert definitions_target(own) == "definitions.py"


def test_a_module_that_pyproject_names_goes_first(own):
    name_module(own, "shop.definitions")
    assert definitions_target(own) == "shop.definitions"


def test_the_name_of_the_file_in_pyproject_is_the_file(own):
    name_module(own, "definitions")
    assert definitions_target(own) == "definitions.py"


class Dagster:
    """Stands in for the process of `dagster dev`."""

    def __init__(self, wait):
        self._wait, self.started, self.ended = wait, [], 0

    def __call__(self, command, **options):
        self.started.append((command, options))
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def wait(self):
        return self._wait(self)

    def terminate(self):
        self.ended += 1


@pytest.fixture
def dagster(monkeypatch):
    """Let Dagster be started without a process, whose end comes of a function."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    def make(wait=lambda _: 7):
        process = Dagster(wait)
        monkeypatch.setattr(subprocess, "Popen", process)
        return process

    yield make
    signal.signal(signal.SIGINT, before[0])
    signal.signal(signal.SIGTERM, before[1])


@pytest.mark.parametrize(
    ("module", "file", "target"),
    [
        (None, False, ["--module-name", "kedro_assets.location"]),
        (None, True, ["--python-file", "definitions.py"]),
        ("definitions", True, []),
        ("shop.definitions", False, []),
    ],
    ids=["none", "own", "named file", "named module"],
)
def test_dagster_gets_the_definitions_and_the_options_and_its_exit_code_passes_through(
    module, file, target, root, dagster
):
    if file:
        (root / "definitions.py").touch()
    if module:
        name_module(root, module)
    process = dagster()
    assert start_dagster(root, ["--port", "3333"]) == 7
    [(command, options)] = process.started
    assert options == {"cwd": root}
    assert command[0] == sys.executable
    assert command[command.index("-m") :] == ["-m", "dagster", "dev", *target, "--port", "3333"]


def test_sigterm_reaches_dagster_while_it_runs_and_then_no_more(root, dagster):
    before = signal.getsignal(signal.SIGTERM)

    def wait(process):
        os.kill(os.getpid(), signal.SIGTERM)
        assert process.ended == 1
        return 0

    dagster(wait)
    assert start_dagster(root, []) == 0
    assert signal.getsignal(signal.SIGTERM) is before


def test_after_an_interrupt_it_waits_for_dagster_to_end_by_itself(root, dagster):
    waits = iter([KeyboardInterrupt, 3])

    def wait(_):
        found = next(waits)
        if found is KeyboardInterrupt:
            raise KeyboardInterrupt
        return found

    process = dagster(wait)
    assert start_dagster(root, []) == 3
    assert process.ended == 0


def test_an_interrupt_that_a_shell_ignores_is_heard_again(root, dagster):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    dagster()
    start_dagster(root, [])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_the_web_server_the_error_says_what_to_install(root, dagster, monkeypatch):
    process = dagster()
    monkeypatch.setattr(dev, "find_spec", lambda _: None)
    with pytest.raises(KedroAssetsError, match=r"pip install 'kedro-assets\[dev\]'"):
        start_dagster(root, [])
    assert process.started == []
