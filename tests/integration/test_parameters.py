"""Parameters at launch: Kedro's runtime parameters, and the values of one step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from helpers import KedroProject, execute, json_dataset, kedro_run, write_project

NODES = """
    def show(factor, model, depth, everything):
        return {"factor": factor, "model": model, "depth": depth, "everything": everything}

    def dates(day):
        return f"{type(day).__name__} {day}"
"""
PIPELINES = """{"__default__": pipeline([
    node(show, ["params:factor", "params:model", "params:model.depth", "parameters"], "final", name="show"),
    node(dates, "params:day", "told", name="dates"),
])}"""
PARAMETERS = """
    factor: ${runtime_params:factor, 2}
    model: {depth: 3, _private: 1, 5: five, leaves: [1, null]}
    day: 2026-03-01
"""


@pytest.fixture
def project(tmp_path: Path) -> KedroProject:
    return write_project(
        tmp_path,
        nodes=NODES,
        pipelines=PIPELINES,
        catalog="final: {type: json.JSONDataset, filepath: 'data/${runtime_params:folder, usual}/final.json'}\n"
        + json_dataset("told"),
        parameters=PARAMETERS,
        dagster="""
            executors: {two: {multiprocess: {max_concurrent: 2}}}
            jobs:
              __default__: {}
              parallel: {executor: two}
              given: {config: {runtime_params: {factor: 11, folder: given}}}
        """,
    )


def runtime(**params: Any) -> dict[str, Any]:
    return {"resources": {"kedro": {"config": {"runtime_params": params}}}}


def step(**params: Any) -> dict[str, Any]:
    return {"ops": {"show": {"config": {"parameters": params}}}}


def test_without_configuration_a_node_gets_what_kedro_run_gives_it(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    kedro_run(project)
    before = project.data()
    assert execute(project, instance).success
    assert project.data() == before


@pytest.mark.parametrize("job", ["__default__", "parallel"])
def test_runtime_parameters_reach_the_parameters_and_the_catalog(
    project: KedroProject, instance: dg.DagsterInstance, job: str
) -> None:
    assert execute(project, instance, job, config=runtime(factor=7, folder="elsewhere")).success
    found = project.read("elsewhere/final.json")
    assert (found["factor"], found["everything"]["factor"]) == (7, 7)
    [before] = project.calls("before_pipeline_run")
    assert before["run_params"]["runtime_params"] == {"factor": 7, "folder": "elsewhere"}


def test_runtime_parameters_override_nested_values_as_in_kedro_run(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    kedro_run(project, "--params", "model.depth=9,new=1")
    expected = project.data()
    assert execute(project, instance, config=runtime(model={"depth": 9}, new=1)).success
    assert project.data() == expected


def test_a_job_can_bring_its_own_runtime_parameters(project: KedroProject, instance: dg.DagsterInstance) -> None:
    assert execute(project, instance, "given").success
    assert project.read("given/final.json")["factor"] == 11


def test_a_parameter_changed_in_the_configuration_of_a_step_reaches_its_node(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    assert execute(project, instance, config=step(**{"params:factor": 2.5, "params:model.depth": None})).success
    found = project.read("usual/final.json")
    assert (found["factor"], found["depth"]) == (2.5, None)
    assert found["model"]["depth"] == 3


def test_a_step_wins_over_runtime_parameters_where_both_are_given(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    config = {**runtime(factor=7), **step(**{"params:factor": 8})}
    assert execute(project, instance, config=config).success
    assert project.read("usual/final.json")["factor"] == 8


def test_an_unknown_parameter_of_a_step_is_refused(project: KedroProject, instance: dg.DagsterInstance) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError, match="params:factro"):
        execute(project, instance, config=step(**{"params:factro": 1}))
