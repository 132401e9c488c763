"""The options of `kedro run`, and what commands share."""

import click
import pytest
from click.testing import CliRunner

from kedro_assets.cli.group import commands
from kedro_assets.cli.options import FILTERS, filter_options, project_options, refused_options


@pytest.fixture
def call():
    """Give options to a command; return its exit code, what it writes, and what it was given."""
    given = {}

    @click.command()
    @project_options
    @filter_options
    @refused_options
    def command(**options):
        given.update(options)

    def make(*arguments):
        given.clear()
        result = CliRunner().invoke(command, arguments)
        return result.exit_code, " ".join(result.output.split()), dict(given)

    return make


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_has_every_spelling_of_kedros(name, call):
    for flag in FILTERS[name][0]:
        code, _, given = call(flag, "a,b")
        assert (code, given[name]) == (0, ["a", "b"])


def test_what_is_not_given_is_empty(call):
    assert call()[2] == {"env": None, "conf_source": None, **{name: [] for name in FILTERS}}


def test_the_configuration_is_an_address_as_it_is_or_a_path_that_exists(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    assert call("--conf-source", "s3://bucket/conf")[2]["conf_source"] == "s3://bucket/conf"
    assert call("--conf-source", "conf")[2]["conf_source"] == str((tmp_path / "conf").resolve())
    code, text, given = call("--conf-source", "none")
    assert (code, given) == (2, {})
    assert "Path 'none' does not exist." in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--runner", "ThreadRunner"],
            "--runner is an option of `kedro run` alone. Executors of Dagster take the place",
        ),
        (["-r", "ThreadRunner"], "--runner is an option"),
        (["--runner-params", "max_workers=4"], "--runner-params is an option"),
        (["--async"], "A step loads and saves one dataset after another."),
        (["-c", "run.yml"], "give the name of the job."),
    ],
)
def test_an_option_that_only_kedro_run_has_is_answered_with_what_takes_its_place(arguments, words, call):
    code, text, given = call(*arguments)
    assert (code, given) == (2, {})
    assert words in text
    shown = CliRunner().invoke(commands, ["assets", "run", "--help"]).output
    assert arguments[0] not in shown.split()


def test_run_has_the_options_that_are_answered():
    result = CliRunner().invoke(commands, ["assets", "run", "--async"])
    assert (result.exit_code, "option of `kedro run` alone" in " ".join(result.output.split())) == (2, True)
