"""Jobs of ops: one op per node, with the files and the hooks of `kedro run`."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from comparing import assert_same, by_dagster, by_kedro, start_over
from helpers import KedroProject, execute, json_dataset, load_job, materialized, write_project

NODES = """
    import logging
    from pathlib import Path

    logger = logging.getLogger(__name__)
    HERE = Path(__file__).parents[2]

    def clean(raw, factor):
        logger.info("cleaning %d values", len(raw))
        return [value * factor for value in raw]

    def split(cleaned):
        return {"low": cleaned[:2], "high": cleaned[2:]}

    def chunks(high):
        for value in high:
            yield {"value": value}

    def total(low, high, everything):
        if (HERE / "fail_once").exists():
            (HERE / "fail_once").unlink()
            raise RuntimeError("not now")
        return {"total": sum(low) + sum(high), "parameters": sorted(everything)}

    def report(total):
        print(total)

    def lock(raw):
        class Local:  # which cannot be pickled
            def __repr__(self):
                return "local"

        return Local()

    def unlock(lock):
        return repr(lock)
"""
PIPELINES = """{
    "__default__": pipeline([
        node(clean, ["raw", "params:factor"], "cleaned", name="clean"),
        node(split, "cleaned", {"low": "low", "high": "ns.high"}, name="split", tags=["split"]),
        node(chunks, "ns.high", "rows@json", name="ns.chunks"),
        node(total, {"low": "low", "high": "ns.high", "everything": "parameters"}, "total", name="total"),
        node(report, "total", None, name="report"),
    ]),
    "competing": pipeline([node(len, "raw", "total", name="other_total"), node(report, "total", None, name="report")]),
    "locks": pipeline([node(lock, "raw", "lock", name="lock"), node(unlock, "lock", "unlocked", name="unlock")]),
}"""
CATALOG = json_dataset("raw", "ns.high", "rows@json", "unlocked") + json_dataset("total", versioned=True)
DAGSTER = """
    executors:
      two: {multiprocess: {max_concurrent: 2}}
    jobs:
      ops: {view: ops}
      parallel: {view: ops, executor: two}
      retried: {view: ops, retries: {max_retries: 1}}
      some: {view: ops, pipeline: {to_nodes: [split], pipeline_name: __default__}}
      other: {view: ops, pipeline: {pipeline_name: competing}}
      locks: {view: ops, pipeline: {pipeline_name: locks}}
      assets: {}
"""
DATA = {"raw.json": "[1, 2, 3, 4]"}


@pytest.fixture
def project(tmp_path: Path) -> KedroProject:
    project = write_project(
        tmp_path, nodes=NODES, pipelines=PIPELINES, catalog=CATALOG, parameters="factor: 10\n", dagster=DAGSTER
    )
    start_over(project, DATA)
    return project


@pytest.mark.filterwarnings("ignore:One or more dataset names contain '.' characters:UserWarning")
@pytest.mark.parametrize(
    ("job", "options"),
    [
        ("ops", {}),
        ("parallel", {}),
        ("some", {"to_nodes": ["split"]}),
        ("other", {"pipeline_names": ["competing"]}),
        ("locks", {"pipeline_names": ["locks"]}),
    ],
)
def test_a_job_of_ops_does_what_kedro_run_does(
    project: KedroProject, instance: dg.DagsterInstance, job: str, options: dict[str, list[str]]
) -> None:
    theirs = by_kedro(project, **options)
    start_over(project, DATA)
    ours = by_dagster(project, instance, job)
    assert_same(ours, theirs, one_process=job != "parallel")


def test_the_ops_are_the_nodes_wired_by_their_datasets(project: KedroProject) -> None:
    job = load_job(str(project.path), "ops")
    wired = {
        node.name: {
            port: (dependency.node, dependency.output)
            for port, dependency in job.dependencies[dg.NodeInvocation(f"ops__{node.name}", alias=node.name)].items()
        }
        for node in job.nodes
    }
    assert wired == {
        "clean": {},
        "split": {"cleaned": ("clean", "cleaned")},
        "ns_chunks": {"ns_high": ("split", "ns_high")},
        "total": {"low": ("split", "low"), "ns_high": ("split", "ns_high")},
        "report": {"total": ("total", "total")},
    }
    assert job.get_node_named("split").definition.tags == {"split": ""}


def test_what_ops_save_is_shown_as_the_asset_that_it_is(project: KedroProject, instance: dg.DagsterInstance) -> None:
    made = ["cleaned", "low", "ns/high", "report", "rows", "total"]
    assert sorted(materialized(execute(project, instance, "ops"))) == made
    lasting = [key for key in made if key not in ("cleaned", "low")]  # those pass in memory
    assert sorted(materialized(execute(project, instance, "assets"))) == lasting


def test_one_op_can_be_run_alone_in_the_manner_of_dagster(project: KedroProject, instance: dg.DagsterInstance) -> None:
    assert execute(project, instance, "ops").success
    project.forget()
    job = dg.build_reconstructable_job(
        "helpers",
        "load_job",
        (str(project.path), "ops"),
        reconstructor_working_directory=str(Path(__file__).parents[1]),
    )
    with dg.execute_job(job, instance, op_selection=["ns_chunks"]) as result:
        assert result.success
    assert project.nodes_run() == ["ns.chunks"]
    assert [call["nodes"] for call in project.calls("before_pipeline_run")] == [["ns.chunks"]]


def test_every_op_is_tried_again_by_itself(project: KedroProject, instance: dg.DagsterInstance) -> None:
    project.write("fail_once", "")
    assert execute(project, instance, "retried").success
    assert sorted(project.nodes_run()) == ["clean", "ns.chunks", "report", "split", "total", "total"]


@pytest.mark.parametrize("job", ["ops", "parallel"])
def test_a_job_of_ops_goes_on_from_its_failure(project: KedroProject, instance: dg.DagsterInstance, job: str) -> None:
    project.write("fail_once", "")
    failed = execute(project, instance, job)
    assert not failed.success
    project.forget()
    assert execute(project, instance, job, continue_from=failed.run_id).success
    assert project.nodes_run() == ["total", "report"]


def test_parameters_of_an_op_are_its_configuration(project: KedroProject, instance: dg.DagsterInstance) -> None:
    config = {"ops": {"clean": {"config": {"parameters": {"params:factor": 2}}}}}
    assert execute(project, instance, "ops", config=config).success
    assert project.read("ns.high.json") == [6, 8]
