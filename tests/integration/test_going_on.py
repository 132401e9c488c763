"""Failed steps are tried again in every run, and go on behind the nodes whose data is saved."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, execute, job_execute, json_dataset, kedro_run, materialized, write_project
from partitioned import between, make, one, partition

NODES = """
from pathlib import Path

CALLS = Path(__file__).parents[2] / "ran.txt"


def _noted(name):
    with CALLS.open("a") as file:
        file.write(name + "\\n")


def clean(raw):
    _noted("clean")
    return raw + 1


def split(cleaned):
    _noted("split")
    return cleaned, cleaned * 2


def train(part):
    _noted("train")
    return part + 100


def report(model, other, cleaned):
    _noted("report")
    times = CALLS.read_text().count("report")
    if times <= int((CALLS.parent / "failures.txt").read_text()):
        raise RuntimeError(f"failure {times}")
    return model + other + cleaned
"""
PIPELINES = """{"__default__": pipeline([
    node(clean, "raw", "cleaned", name="clean"),
    node(split, "cleaned", ["part", "other"], name="split"),
    node(train, "part", "model", name="train"),
    node(report, ["model", "other", "cleaned"], "reported", name="report", tags="flaky"),
    node(clean, "reported", "last", name="last"),
])}"""


def project_of(
    folder: Path, settings: str, memory: str = "", failures: int = 1, versioned: tuple[str, ...] = ()
) -> KedroProject:
    names = [name for name in ("raw", "cleaned", "part", "other", "model", "reported", "last") if name not in memory]
    plain = [name for name in names if name not in versioned]
    catalog = json_dataset(*plain) + json_dataset(*versioned, versioned=True)
    project = write_project(folder, nodes=NODES, pipelines=PIPELINES, catalog=catalog, dagster=settings + JOBS)
    project.write("data/raw.json", "1")
    project.write("failures.txt", str(failures))
    return project


JOBS = """
jobs:
  all: {}
  several: {executor: {multiprocess: {max_concurrent: 1}}}
  steps: {view: ops}
  own: {retries: {max_retries: 1}}
  own_ops: {view: ops, retries: {max_retries: 1}}
"""
ONE_STEP = "cluster_by: pipeline"


def ran(project: KedroProject) -> Counter[str]:
    """How often each node function ran; `last` has that of `clean`."""
    return Counter(project.path.joinpath("ran.txt").read_text().split())


def assert_as_kedro_run(project: KedroProject) -> None:
    """Look whether the files are those that `kedro run` writes."""
    written = {path.name: path.read_text() for path in project.path.glob("data/*.json")}
    project.write("failures.txt", "0")
    kedro_run(project)
    assert written == {path.name: path.read_text() for path in project.path.glob("data/*.json")}


ALL = {"clean": 2, "split": 1, "train": 1, "report": 2}


@pytest.mark.parametrize("job", ["all", "several"])
def test_another_try_runs_the_node_that_failed_and_those_after_it(
    job: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = project_of(tmp_path, f"assets: {{{ONE_STEP}, retries: {{max_retries: 1}}}}")
    result = execute(project, instance, job)
    assert result.success
    assert ran(project) == ALL
    assert sorted(materialized(result)) == sorted(["cleaned", "part", "other", "model", "reported", "last"])
    assert_as_kedro_run(project)


def test_each_node_hook_fires_for_what_runs(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(tmp_path, f"assets: {{{ONE_STEP}, retries: {{max_retries: 1}}}}")
    assert execute(project, instance, "all").success
    nodes = [call["node"] for call in project.calls("before_node_run")]
    assert nodes == ["clean", "split", "train", "report", "report", "last"]
    assert [call["node"] for call in project.calls("on_node_error")] == ["report"]
    assert len(project.calls("before_pipeline_run")) == len(project.calls("after_pipeline_run")) == 1


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        ("part", {"clean": 2, "split": 2, "train": 2, "report": 2}),
        ("model", {"clean": 2, "split": 1, "train": 2, "report": 2}),
    ],
    ids=["before a node that is done", "before the node that failed"],
)
def test_what_was_in_memory_is_made_again_with_what_is_made_from_it(
    memory: str, expected: dict[str, int], tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = project_of(tmp_path, f"assets: {{{ONE_STEP}, retries: {{max_retries: 1}}}}", memory)
    assert execute(project, instance, "all").success
    assert ran(project) == expected
    assert_as_kedro_run(project)


@pytest.mark.parametrize("job", ["all", "several"])
@pytest.mark.parametrize("cluster_by", ["pipeline", "memory"])
def test_a_version_that_an_earlier_try_has_saved_is_replaced(
    cluster_by: str, job: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    settings = f"assets: {{cluster_by: {cluster_by}, retries: {{max_retries: 2}}}}"
    project = project_of(tmp_path, settings, "part other", failures=2, versioned=("model", "reported"))
    result = execute(project, instance, job)
    assert result.success
    assert ran(project)["train"] == 3
    for name in ("model", "reported"):
        [version] = (project.path / f"data/{name}.json").iterdir()
        [record] = instance.fetch_materializations(dg.AssetKey(name), limit=1).records
        assert record.asset_materialization is not None
        assert record.asset_materialization.metadata["kedro/save_version"].value == version.name
    assert project.read(f"model.json/{version.name}/model.json") == 102


def test_a_version_of_another_run_is_not_replaced(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(tmp_path, f"assets: {{{ONE_STEP}}}", failures=0, versioned=("model",))
    project.write(
        f"src/{project.package}/settings.py",
        """
from kedro.framework.hooks import hook_impl

class Writer:
    @hook_impl
    def before_node_run(self, node):
        from pathlib import Path
        if node.name == "train":
            root = Path(__file__).parents[2]
            path = root / "data/model.json" / self.version / "model.json"
            path.parent.mkdir(parents=True)
            path.write_text("0")

    @hook_impl
    def before_pipeline_run(self, run_params):
        self.version = run_params["run_id"]

HOOKS = (Writer(),)
""",
    )
    result = execute(project, instance, "all")
    assert not result.success
    [path] = project.path.glob("data/model.json/*/model.json")
    assert path.read_text() == "0"


def test_one_switch_lets_all_nodes_run_again(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(tmp_path, f"assets: {{{ONE_STEP}, retries: {{max_retries: 1}}, resume: false}}")
    first = execute(project, instance, "all")
    assert first.success
    assert ran(project) == {"clean": 3, "split": 2, "train": 2, "report": 2}


def test_what_is_materialized_without_a_job_is_tried_again(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(tmp_path, f"assets: {{{ONE_STEP}, retries: {{max_retries: 2}}}}", failures=2)
    assert make(project, instance, "cleaned", "other", "part", "model", "reported").success
    assert ran(project) == {"clean": 1, "split": 1, "train": 1, "report": 3}


RETRIES = "retries: {max_retries: 3}"


NODE_RETRIES = "node_retries: {flaky: {max_retries: 2}}"


@pytest.mark.parametrize(
    ("settings", "job", "tries"),
    [
        (ONE_STEP, "all", 1),
        (f"{ONE_STEP}, {RETRIES}", "all", 4),
        (f"{ONE_STEP}, {RETRIES}", "own", 2),
        (f"{ONE_STEP}, {NODE_RETRIES}", "all", 3),
        (f"{ONE_STEP}, {NODE_RETRIES}", "own", 3),
        (f"cluster_by: node, {NODE_RETRIES}", "own", 3),
        (f"{ONE_STEP}, {RETRIES}, node_retries: {{report: {{max_retries: 0}}, flaky: {{max_retries: 5}}}}", "all", 1),
        (f"{ONE_STEP}, node_retries: {{flaky: {{max_retries: 0}}}}", "own", 1),
        (f"{ONE_STEP}, {RETRIES}, node_retries: {{clean: {{max_retries: 9}}}}", "all", 4),
        (NODE_RETRIES, "steps", 3),
        (RETRIES, "own_ops", 2),
    ],
    ids=[
        *("none", "all nodes'", "the job's", "the node's", "the node's and the job's", "the node's in its own step"),
        *("never this node", "never this node of the job", "another node's", "the node's as an op", "the job's of ops"),
    ],
)
def test_how_often_a_step_is_tried(
    settings: str, job: str, tries: int, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = project_of(tmp_path, f"assets: {{{settings}}}", failures=99)
    result = execute(project, instance, job)
    assert not result.success
    assert ran(project)["report"] == tries
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert f"failure {tries}" in str(failure.event_specific_data.error)
    assert len(project.calls("on_node_error")) == tries
    assert len(project.calls("on_pipeline_error")) == 1


@pytest.mark.parametrize("job", ["all", "several"])
def test_a_re_execution_from_failure_goes_on_behind_the_nodes_that_are_done(
    job: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = project_of(tmp_path, f"assets: {{{ONE_STEP}}}")
    failed = execute(project, instance, job)
    assert not failed.success
    second = execute(project, instance, job, continue_from=failed.run_id)
    assert second.success
    assert ran(project) == ALL
    kept = {
        event.asset_key.to_user_string(): event.step_materialization_data.materialization
        for event in second.all_events
        if event.is_step_materialization
    }
    assert kept["model"].metadata["kedro/kept_from_run"].value == failed.run_id
    assert kept["model"].tags["dagster/data_version"] == failed.run_id
    assert kept["reported"].tags["dagster/data_version"] == second.run_id
    assert project.calls("before_pipeline_run")[-1]["nodes"] == ["report", "last"]
    assert_as_kedro_run(project)


TWO_STEPS = (
    """(lambda whole: {
    "one": whole.only_nodes("clean", "split", "train", "report"),
    "two": whole.only_nodes("last") + pipeline([node(train, "model", "later", name="later")]),
})("""
    + PIPELINES
    + """["__default__"])"""
)


def test_a_step_behind_one_that_went_on_runs(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = write_project(
        tmp_path,
        nodes=NODES,
        pipelines=TWO_STEPS,
        catalog=json_dataset("raw", "cleaned", "part", "other", "model", "reported", "last", "later"),
        dagster=f"assets: {{{ONE_STEP}, pipelines: [one, two]}}\njobs: {{both: {{selection: '*'}}}}\n",
    )
    project.write("data/raw.json", "1")
    project.write("failures.txt", "1")
    failed = execute(project, instance, "both")
    assert not failed.success
    assert execute(project, instance, "both", continue_from=failed.run_id).success
    assert ran(project) == {"clean": 2, "split": 1, "train": 2, "report": 2}
    assert project.read("later.json") == 102 + 100


@pytest.mark.parametrize(
    ("asset", "expected"),
    [
        ("raw", {"clean": 3, "split": 2, "train": 2, "report": 2}),
        ("other", {"clean": 2, "split": 2, "train": 2, "report": 2}),
    ],
    ids=["data", "by another run"],
)
def test_what_has_changed_since_runs_again(
    asset: str, expected: dict[str, int], tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = project_of(tmp_path, f"assets: {{{ONE_STEP}}}")
    failed = execute(project, instance, "all")
    instance.report_runless_asset_event(dg.AssetMaterialization(asset))
    assert execute(project, instance, "all", continue_from=failed.run_id).success
    assert ran(project) == expected


def test_what_was_made_from_other_files_runs_again(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    # in other tests `raw` is materialized, which is no data of a file
    project = project_of(tmp_path, f"assets: {{{ONE_STEP}, key_prefix: [files]}}")
    pipelines = next(project.path.glob("src/*/pipeline_registry.py"))
    pipelines.write_text(pipelines.read_text().replace('["model", "other", "cleaned"]', '["model", "other", "raw"]'))
    failed = execute(project, instance, "files__all")
    assert not failed.success
    project.write("data/raw.json", "1000")
    assert execute(project, instance, "files__all", continue_from=failed.run_id).success
    assert ran(project) == {"clean": 3, "split": 2, "train": 2, "report": 2}
    assert_as_kedro_run(project)


def test_what_other_code_has_made_runs_again(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = project_of(tmp_path, f"assets: {{{ONE_STEP}}}")
    job_execute(project, "all", check=False)  # in a process that knows the code as it was
    [failed] = instance.get_runs(limit=1)
    nodes = next(project.path.glob("src/*/nodes.py"))
    nodes.write_text(nodes.read_text().replace("return part + 100", "return part + 2000"))
    assert execute(project, instance, "all", continue_from=failed.run_id).success
    assert ran(project) == {"clean": 2, "split": 1, "train": 2, "report": 2}
    assert project.read("model.json") == 2002


KEYS = """
def start(raw, key):
    _noted(f"start {key}")
    return raw


def end(middle):
    _noted("end")
    if CALLS.read_text().count("end") == 1:
        raise RuntimeError("failure")
    return middle
"""


def of_keys(folder: Path, settings: str = "") -> KedroProject:
    """Two nodes in one step, of which the second fails once."""
    project = write_project(
        folder,
        nodes=NODES.partition("def clean")[0] + KEYS,
        pipelines="""{"__default__": pipeline([
            node(start, ["raw", "params:partition_key"], "middle", name="start"),
            node(end, "middle", "out", name="end"),
        ])}""",
        catalog=json_dataset("raw") + "".join(one(name, "partitions: {static: [a, b]}") for name in ("middle", "out")),
        dagster=f"assets: {{{ONE_STEP}{settings}}}\njobs: {{keys: {{}}}}\n",
    )
    project.write("data/raw.json", "1")
    return project


ONE_KEY = pytest.mark.parametrize("tags", [partition("a"), between("a", "a")], ids=["by hand", "by a backfill"])


@ONE_KEY
def test_another_try_of_a_partition_goes_on(tags: dict[str, str], tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = of_keys(tmp_path, ", retries: {max_retries: 1}")
    assert execute(project, instance, "keys", tags=tags).success
    assert project.path.joinpath("ran.txt").read_text().splitlines() == ["start a", "end", "end"]


@ONE_KEY
def test_a_re_execution_of_a_partition_goes_on(
    tags: dict[str, str], tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = of_keys(tmp_path)
    failed = execute(project, instance, "keys", tags=tags)
    assert not failed.success
    assert execute(project, instance, "keys", tags=tags, continue_from=failed.run_id).success
    assert project.path.joinpath("ran.txt").read_text().splitlines() == ["start a", "end", "end"]
