"""What is told of a step or a run that has failed: the node, the error, and the place in the project."""

import sys
from importlib import import_module
from itertools import pairwise

import dagster as dg
import pytest
from attrs import evolve

from kedro_assets.redaction import Redactor
from kedro_assets.steps.failures import Failed, behind, run_failure, step_failure
from unit.builders import make_node
from unit.records import project_of

NODE = make_node("forest.predict", ["x"], ["y"])


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose module `failing_nodes.py` is imported from its folder."""
    found = project_of([NODE])
    folder = tmp_path / "src"
    folder.mkdir()
    (folder / "failing_nodes.py").write_text(
        "import json\n\n"
        "def predict():\n    return helper()\n\n"
        "def helper():\n    raise ValueError('token=hunter2 is refused')\n\n"
        "def wrapped():\n    try:\n        helper()\n    except ValueError as error:\n"
        "        raise RuntimeError('lost') from error\n\n"
        "def parse():\n    json.loads('')\n"
    )
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "failing_nodes", raising=False)
    return evolve(found, location=evolve(found.location, path=tmp_path))


def failure(project, function, node=NODE):
    failing_nodes = import_module("failing_nodes")
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each function raises another one
        getattr(failing_nodes, function)()
    return step_failure(caught.value, Failed("forest_predict", node), project, Redactor(("hunter2",)))


@pytest.mark.parametrize(
    ("function", "headline"),
    [
        ("predict", "ValueError: token=*** is refused\n  in src/failing_nodes.py:7, helper"),
        ("wrapped", "RuntimeError: lost\n  in src/failing_nodes.py:13, wrapped"),
        (
            "parse",
            "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)\n  in src/failing_nodes.py:16, parse",
        ),
    ],
    ids=["raised by a helper", "raised for another error", "raised by a library"],
)
def test_the_headline_has_the_node_the_error_and_the_last_place_in_the_project(project, function, headline):
    assert str(failure(project, function)) == f"Node 'forest.predict' failed: {headline}"


def test_a_step_that_runs_no_node_is_named_itself(project):
    assert str(failure(project, "predict", node=None)).startswith("Step 'forest_predict' failed: ValueError: ")


def test_the_projects_frames_come_first(project):
    [info] = failure(project, "predict").user_code_process_error_infos
    first = info.cause.stack[0]
    assert "in predict" in first
    assert "in failure" in info.cause.stack[-1]  # that of this test, which is around it


def test_an_error_that_no_code_of_the_project_has_raised_has_no_place(project):
    error = OSError("the disk is full")
    assert (
        str(step_failure(error, Failed("s", NODE), project, Redactor()))
        == "Node 'forest.predict' failed: OSError: the disk is full"
    )


def test_an_error_that_refers_to_itself_has_a_headline(project):
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert (
        str(step_failure(first, Failed("s", NODE), project, Redactor()))
        == "Node 'forest.predict' failed: ValueError: a"
    )


def test_a_file_of_an_installed_project_is_shown_below_its_package(project):
    installed = evolve(
        project, package_name="failing_nodes", location=evolve(project.location, path=project.location.path / "x")
    )
    assert str(failure(installed, "predict")).endswith("in failing_nodes.py:7, helper")


def test_an_environment_inside_of_the_project_is_not_its_code(project):
    inside = project.location.path / ".venv" / "site-packages"
    inside.mkdir(parents=True)
    code = compile("def f():\n    raise ValueError('library')\n", str(inside / "lib.py"), "exec")
    found = {"__name__": "lib"}
    exec(code, found)
    with pytest.raises(ValueError, match="library") as caught:
        found["f"]()
    assert "lib.py" not in str(step_failure(caught.value, Failed("s", NODE), project, Redactor()))


def raised(function, *arguments):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each function raises another one
        function(*arguments)
    return caught.value


def refused():
    raise PermissionError("quota exceeded: pods")


def refused_behind_dagster():
    try:
        refused()
    except PermissionError as error:
        raise dg.DagsterInvariantViolationError("Unexpected error in the API client.") from error


def test_an_error_behind_one_of_dagsters_is_the_headline_of_the_run(project):
    failure = run_failure(raised(refused_behind_dagster), [project])
    assert str(failure) == "PermissionError: quota exceeded: pods"
    [info] = failure.user_code_process_error_infos
    assert "in refused" in info.cause.stack[-1]


@pytest.mark.parametrize("others", [0, 1], ids=["alone", "beside another project"])
def test_an_error_of_the_projects_code_outside_of_steps_has_its_place(project, others):
    other = evolve(project, package_name="another", location=evolve(project.location, path=project.location.path / "x"))
    error = raised(import_module("failing_nodes").predict)
    failure = run_failure(error, [other] * others + [project])
    assert str(failure) == "ValueError: token=hunter2 is refused\n  in src/failing_nodes.py:7, helper"
    [info] = failure.user_code_process_error_infos
    assert "in predict" in info.cause.stack[0]
    assert "in raised" in info.cause.stack[-1]


@pytest.mark.parametrize("error", [OSError("the disk is full"), dg.DagsterInvariantViolationError("no such step")])
def test_an_error_of_which_nothing_more_is_known_stays_as_it_is(project, error):
    assert run_failure(error, [project]) is error


def test_the_error_that_dagsters_own_code_has_wrapped_is_dug_out():
    def of_executor(*errors, suppressed=False):
        for outer, inner in pairwise(errors):
            outer.__context__, outer.__suppress_context__ = inner, suppressed
        return errors[0]

    refused, lost = PermissionError("exceeded quota"), dg.DagsterInvariantViolationError("no step was started")
    wrapped = of_executor(lost, dg.DagsterInvariantViolationError("the client failed"), refused, KeyError("not it"))
    assert behind(wrapped) is refused
    assert behind(refused) is refused
    alone = dg.DagsterInvariantViolationError("alone")
    assert behind(of_executor(alone, refused, suppressed=True)) is alone
