"""Random projects through `kedro run` and through Dagster: whatever Kedro takes comes out the same.

The environment variable KEDRO_ASSETS_EXAMPLES says how many projects are drawn, 60 without it; 2000 take twenty minutes.
A failure prints the smallest project that fails, and a `@reproduce_failure` to run it again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from comparing import PIPELINE_HOOKS, PROCESS_HOOKS, Outcome, assert_same, by_dagster, by_kedro, start_over
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kedro.framework.project import LOGGING, configure_logging
from random_projects import RandomProject, projects, written

EXAMPLES = int(os.environ.get("KEDRO_ASSETS_EXAMPLES", "60"))
RANDOM = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
NO_WARNING = "ignore:register_new_resolver() is deprecated:UserWarning"  # pyproject.toml does it for this process
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Namespace .* is interrupted:UserWarning"),
    pytest.mark.filterwarnings("ignore:One or more dataset names contain '.' characters:UserWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def quiet_console() -> Iterator[None]:
    """Write no log lines to the terminal, which would take a third of the time."""
    before = LOGGING.data
    loggers = {"kedro": {"level": "INFO"}}
    configure_logging({"version": 1, "disable_existing_loggers": False, "loggers": loggers, "root": {"handlers": []}})
    yield
    configure_logging(before)


@pytest.fixture(scope="module")
def in_memory() -> Iterator[dg.DagsterInstance]:
    """One instance for all examples: it takes longer to make one than to use it."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def assert_same_as(theirs: Outcome, ours: Outcome, random: RandomProject, *, one_process: bool = True) -> None:
    """Compare them; if a node fails, a step that waits for its step runs none of its nodes, and is left out.

    With a step per node, those are nodes that `kedro run` has not run either.
    """
    if random.fails and random.cluster_by != "node":
        compared = random.behind_the_failure() | ours.by_node().keys()
        theirs = replace(theirs, calls=[call for call in theirs.calls if {call.get("node")} <= {None, *compared}])
    assert_same(ours, theirs, one_process=one_process)


@settings(RANDOM)
@given(random=projects())
def test_a_random_project_does_in_dagster_what_it_does_in_kedro_run(
    random: RandomProject, tmp_path: Path, in_memory: dg.DagsterInstance
) -> None:
    with written(random, tmp_path) as project:
        start_over(project, random.data())
        theirs = by_kedro(project)
        assert theirs.success is not random.fails, theirs.error
        start_over(project, random.data())
        assert_same_as(theirs, by_dagster(project, in_memory, "all", config=QUIET), random)


@settings(RANDOM, max_examples=6, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(random=projects())
def test_a_random_project_does_in_several_processes_what_it_does_in_kedro_run(
    random: RandomProject, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    with written(random, tmp_path) as project, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONWARNINGS", NO_WARNING)
        start_over(project, random.data())
        theirs = by_kedro(project)
        start_over(project, random.data())
        ours = by_dagster(project, instance, "parallel", config=QUIET)
        assert_same_as(theirs, ours, random, one_process=False)


@settings(RANDOM, max_examples=max(EXAMPLES // 4, 1))  # two runs each, and two of Kedro
@given(random=projects(failing=False), data=st.data())
def test_a_selection_of_a_finished_project_is_made_again_by_the_nodes_it_needs_from_new_data(
    random: RandomProject, data: st.DataObject, tmp_path: Path, in_memory: dg.DagsterInstance
) -> None:
    assets = random.assets()
    selected = data.draw(st.sets(st.sampled_from(sorted(assets)), min_size=1), label="selected")
    nodes = random.needed_for(selected)
    changed = {file: text.replace("file", "changed file") for file, text in random.data().items()}
    with written(random, tmp_path) as project:
        start_over(project, random.data())
        before = by_dagster(project, in_memory, "all", config=QUIET)
        assert before.success, before.error
        project.forget()
        for file, text in changed.items():
            project.write(f"data/{file}", text)
        after = by_dagster(project, in_memory, "any", config=QUIET, assets=[list(key) for key in selected])
        if after.error and after.error[0] == "SelectionError":
            left_out = random.made_and_read(nodes) - selected
            assert left_out
            after = by_dagster(
                project, in_memory, "any", config=QUIET, assets=[list(key) for key in selected | left_out]
            )
        if random.run_alone(nodes):
            start_over(project, random.data())
            assert by_kedro(project).success
            for file, text in changed.items():
                project.write(f"data/{file}", text)
            theirs = by_kedro(project, node_names=sorted(nodes))
            assert theirs.success, theirs.error
            assert after.files == theirs.files
    assert after.success, after.error
    ran = [call["node"] for call in after.of("before_node_run")]
    assert sorted(ran) == sorted(nodes)
    assert sorted(call["node"] for call in after.of("after_node_run")) == sorted(ran)
    hooks = [call["hook"] for call in after.of(*PROCESS_HOOKS, *PIPELINE_HOOKS)]
    assert hooks == [*PROCESS_HOOKS, "before_pipeline_run", "after_pipeline_run"]
