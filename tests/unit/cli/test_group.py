"""The commands: what they refuse, and what they hand on."""

import logging
import os

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from kedro_assets.cli import dev, explain, report, run
from kedro_assets.cli.group import commands
from kedro_assets.errors import KedroAssetsError


@pytest.fixture
def root(write_project, monkeypatch):
    """The folder of a project in which the commands are given; what they change in the process is taken back."""
    found = write_project()
    monkeypatch.chdir(found)
    for name in ("KEDRO_ENV", "KEDRO_ASSETS_CONF_SOURCE"):
        monkeypatch.setenv(name, "")
    yield found
    logging.disable(logging.NOTSET)


@pytest.fixture
def call(root):
    """Give a command; return its exit code and all that it writes."""

    def make(*arguments):
        result = CliRunner().invoke(commands, ["assets", *arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, " ".join(result.output.split())

    return make


@pytest.fixture
def runs(monkeypatch):
    """Stand in for what runs assets, and return what it was given."""
    given = []
    monkeypatch.setattr(run, "run_assets", lambda *arguments: given.append(arguments[:-1]) or True)
    return given


def test_what_the_package_refuses_is_a_message_and_no_traceback(call, monkeypatch):
    def refuse(_):
        raise KedroAssetsError("this does not fit")

    monkeypatch.setattr(report, "check_lines", refuse)
    assert call("check") == (1, "Error: this does not fit")


def test_any_other_error_stays_what_it_is(call, monkeypatch):
    def fail(_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(report, "check_lines", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        call("check")


def test_outside_of_a_project_it_says_so(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, text = call("check")
    assert (code, f"no Kedro project at {tmp_path}" in text) == (1, True)


def test_the_environment_and_the_configuration_reach_the_processes_that_are_started(call, root, monkeypatch):
    seen = []
    monkeypatch.setattr(dev, "start_dagster", lambda *given: seen.append((given, dict(os.environ))) or 7)
    (root / "elsewhere").mkdir()
    assert call("dev", "--env", "prod", "--conf-source", "elsewhere", "--port", "3333")[0] == 7
    [((place, options), variables)] = seen
    assert (place, options) == (root, ("--port", "3333"))
    assert (variables["KEDRO_ENV"], variables["KEDRO_ASSETS_CONF_SOURCE"]) == ("prod", str(root / "elsewhere"))


@pytest.mark.parametrize("address", ["s3://bucket/conf.tar.gz", "https://host/conf.zip"])
def test_an_address_of_a_configuration_stays_as_it_is(address, call, runs):
    assert call("run", "--conf-source", address)[0] == 0
    assert os.environ["KEDRO_ASSETS_CONF_SOURCE"] == address


def test_a_configuration_that_is_not_there_is_a_usage_error(call, runs):
    code, text = call("run", "--conf-source", "nowhere")
    assert (code, "Path 'nowhere' does not exist." in text, runs) == (2, True, [])


def test_a_report_is_free_of_what_kedro_logs_and_a_run_is_not(call, runs, monkeypatch):
    monkeypatch.setattr(report, "check_lines", lambda _: [])
    call("run")
    assert logging.root.manager.disable == logging.NOTSET
    call("check")
    assert logging.root.manager.disable == logging.WARNING


def test_a_run_gets_what_is_asked_for(call, runs, root):
    assert call("run", "job", "--partition", "a", "--params", "x=1,y.z=b", "--load-versions", "raw:v1")[0] == 0
    assert call("run", "--select", "a+", "--partition-range", "a...b")[0] == 0
    given = {"runtime_params": {"x": 1, "y": {"z": "b"}}, "load_versions": {"raw": "v1"}}
    assert call("run", "--stale", "--dry-run")[0] == 0
    nothing = {"runtime_params": {}, "load_versions": {}}
    assert runs == [
        (root, run.Asked("job", None, "a", options=given)),
        (root, run.Asked(None, "a+", "a...b", options=nothing)),
        (root, run.Asked(options=nothing, stale=True, dry_run=True)),
    ]


def test_kedros_filters_are_those_of_kedro_run(call, runs, root):
    names = ["-p", "a,b", "--nodes", "x, f([y,z]) -> [w]", "-t", "one", "-t", "two,three", "-ns", "space"]
    assert (
        call("run", *names, "--from-inputs", "raw", "--to-outputs", "out", "--from-nodes", "p", "--to-nodes", "q")[0]
        == 0
    )
    [(_, asked)] = runs
    assert asked.filters == {
        "pipeline_names": ["a", "b"],
        "node_names": ["x", "f([y,z]) -> [w]"],
        "tags": ["one", "two", "three"],
        "node_namespaces": ["space"],
        "from_nodes": ["p"],
        "to_nodes": ["q"],
        "from_inputs": ["raw"],
        "to_outputs": ["out"],
    }


def test_a_run_that_fails_is_exit_code_one(call, monkeypatch):
    monkeypatch.setattr(run, "run_assets", lambda *_: False)
    assert call("run") == (1, "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["job", "--select", "a"], "Give a job or --select, not both."),
        (["job", "--nodes", "a"], "Give a job or --nodes, not both."),
        (["--select", "a", "-t", "b", "-p", "c"], "Give --select or --pipeline, not both."),
        (["--partition", "a", "--partition-range", "a...b"], "Give --partition or --partition-range, not both."),
        (
            ["--dry-run"],
            "--dry-run says what --stale or --only-missing-outputs would materialize: give one of these, too.",
        ),
        (["--stale", "--only-missing-outputs"], "Give --stale or --only-missing-outputs, not both."),
        (["--partition-range", "a"], "expects a first and a last key, found 'a'"),
        (["--partition-range", "a..."], "expects a first and a last key, found 'a...'"),
        (["--partition-range", "...b"], "expects a first and a last key, found '...b'"),
        (["--params", "x"], "Item `x` must contain a key and a value"),
        (["--load-versions", "x"], "Invalid value for '--load-versions' / '-lv': Expected the form"),
    ],
)
def test_what_contradicts_itself_or_cannot_be_read_is_a_usage_error(arguments, words, call, runs):
    code, text = call("run", *arguments)
    assert code == 2
    assert words in text
    assert runs == []


def test_a_report_goes_to_a_file(call, root, monkeypatch):
    monkeypatch.setattr(report, "list_json", lambda _: '{"größe": 1}')
    assert call("list", "--json", "--output", "found.json") == (0, "")
    assert (root / "found.json").read_text(encoding="utf-8") == '{"größe": 1}\n'


# The shell.


@pytest.fixture
def completed(root):
    """Return what a shell offers for the last word."""

    def complete(*words):
        shell = ShellComplete(commands, {}, "kedro", "_KEDRO_COMPLETE")
        return [item.value for item in shell.get_completions(["assets", *words[:-1]], words[-1])]

    return complete


def test_the_shell_completes_jobs_and_names_in_their_order(completed, monkeypatch):
    monkeypatch.setattr(report, "job_names", lambda _: ["b_job", "a_job", "other"])
    monkeypatch.setattr(explain, "known_names", lambda _: {"raw", "rival", "made"})
    assert completed("run", "") == ["a_job", "b_job", "other"]
    assert completed("run", "b") == ["b_job"]
    assert completed("explain", "r") == ["raw", "rival"]


def test_the_shell_completes_names_of_the_environment(completed, monkeypatch):
    monkeypatch.setattr(report, "job_names", lambda _: [os.environ["KEDRO_ENV"]])
    assert completed("run", "--env", "prod", "") == ["prod"]


def test_the_shell_completes_nothing_where_the_project_cannot_be_read(completed, monkeypatch, tmp_path):
    def refuse(_):
        raise KedroAssetsError("this does not fit")

    monkeypatch.setattr(report, "job_names", refuse)
    assert completed("run", "") == []
    monkeypatch.chdir(tmp_path)
    assert completed("explain", "") == []


def test_every_command_is_a_command_of_kedros():
    assert isinstance(commands, click.Group)
    assert list(commands.commands) == ["assets"]
