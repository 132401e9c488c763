"""Several Kedro projects in one code location: each is a resource of its own, with its own hooks, parameters and data."""

from __future__ import annotations

import json
import logging
import shutil
import textwrap
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
import yaml
from comparing import start_over
from helpers import HOOKS, KedroProject, execute, json_dataset, materialized, write_project
from kedro.framework import project as kedro_project
from servers import DagsterDev, dagster_dev, wait_for

from kedro_assets import ConfigError, ProjectError, build_definitions, with_hooks
from kedro_assets.cli.report import check_lines
from kedro_assets.cli.run import run_assets
from kedro_assets.cli.targets import Asked
from kedro_assets.steps import projects_of

# Which project Kedro's framework has, wherever a hook fires.
HOOKS_THAT_TELL = (
    HOOKS.replace(
        "from kedro.framework.hooks import hook_impl",
        "from kedro.framework import project\nfrom kedro.framework.hooks import hook_impl",
    )
    .replace(
        '"pid": os.getpid(), **facts}',
        '"pid": os.getpid(), "project": [project.PACKAGE_NAME, type(project.settings.HOOKS[0]).__module__, '
        "sorted(project.pipelines)], **facts}",
    )
    .replace(
        '        self._pipeline("before_pipeline_run", run_params, pipeline)',
        '        facts = {"datasets": sorted(catalog), "extra": catalog.load("params:extra")}\n'
        '        self._pipeline("before_pipeline_run", run_params, pipeline, **facts)',
    )
)
NODES = """
    import os
    import signal
    from pathlib import Path

    from kedro.framework import project

    HERE = Path(__file__).parents[2]

    def load(raw, factor):
        return {"value": raw * factor, "project": project.PACKAGE_NAME}

    def scale(mem, extra):
        if (HERE / "fail").exists():
            raise ValueError(f"no value in {HERE.name}")
        if (HERE / "kill").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return {**mem, "extra": extra, "then": project.PACKAGE_NAME, "registered": sorted(project.pipelines)}

    def tell(out):
        return None
"""
PIPELINES = """{
    "__default__": pipeline([
        node(load, ["raw", "params:factor"], "mem", name="load"),
        node(scale, ["mem", "params:extra"], "out", name="scale"),
        node(tell, "out", None, name="tell"),
    ]),
    "training": pipeline([node(load, ["raw", "params:factor"], "mem", name="load"), node(scale, ["mem", "params:extra"], "out", name="scale")]),
    "PACKAGE": pipeline([node(tell, "out", None, name="tell")]),
}"""
PARAMETERS = "factor: {factor}\nextra: ${{runtime_params:extra,nothing}}\n"
SENSOR_SECONDS = 100
LAST_HOOKS = ("after_pipeline_run", "on_pipeline_error")
LOCATION = """
    import dagster as dg

    from kedro_assets import build_definitions

    {more}

    jobs = [
        dg.define_asset_job("both", selection=dg.AssetSelection.all()),
        dg.define_asset_job(
            "both_parallel",
            selection=dg.AssetSelection.all(),
            executor_def={executor},
        ),
    ]
    defs = dg.Definitions.merge(
        {projects},
        dg.Definitions(jobs=jobs),
        {merged}
    )
"""
TWO = (
    "dg.multiprocess_executor.configured({'max_concurrent': 2, 'start_method': {'forkserver': "
    "{'preload_modules': ['kedro_assets.execution.preload']}}})"
)
PARALLEL = f"with_hooks({TWO})"


def settings_of(prefix: str | None, more: str = "") -> str:
    shared = f"key_prefix: [{prefix}], " if prefix else ""
    return f"assets: {{{shared}cluster_by: node}}\n{more}"


def new_project(folder: Path, prefix: str | None, factor: int, more: str = "") -> KedroProject:
    """A project whose names are those of every other one here."""
    folder.mkdir(parents=True, exist_ok=True)
    project = write_project(
        folder,
        nodes=NODES,
        pipelines=PIPELINES,
        catalog=json_dataset("raw") + json_dataset("out", versioned=True),
        parameters=PARAMETERS.format(factor=factor),
        dagster=settings_of(prefix, more),
        hooks=HOOKS_THAT_TELL,
    )
    registry = project.path / f"src/{project.package}/pipeline_registry.py"
    registry.write_text(registry.read_text(encoding="utf-8").replace("PACKAGE", project.package), encoding="utf-8")
    start_over(project, {"raw.json": "1"})
    return project


@dataclass(frozen=True)
class Pair:
    """Two projects in one code location, which is where the first one has its definitions."""

    a: KedroProject
    b: KedroProject

    def __iter__(self):
        return iter((self.a, self.b))

    def write_location(self, more: str = "", merged: str = "", executor: str = PARALLEL) -> None:
        projects = ", ".join(f"build_definitions({str(project.path)!r})" for project in self)
        more = f"from kedro_assets import with_hooks\n    {more}"
        text = LOCATION.format(more=more, projects=projects, merged=merged, executor=executor)
        for module in ("native", "definitions"):
            self.a.write(f"src/{self.a.package}/{module}.py", text)

    def forget(self) -> None:
        for project in self:
            project.forget()


def new_pair(folder: Path, prefixes: tuple[str | None, str | None] = ("a", "b"), more: str = "") -> Pair:
    a, b = (new_project(folder / f"of_{n}", prefix, n + 2, more) for n, prefix in enumerate(prefixes))
    pair = Pair(a, b)
    pair.write_location()
    return pair


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Two projects whose files no test changes."""
    return new_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture
def pair(shared: Pair) -> Pair:
    """Two projects, as they were before the first run."""
    for project in shared:
        start_over(project, {"raw.json": "1"})
    return shared


def stored(project: KedroProject, name: str = "out") -> list[tuple[str, dict[str, Any]]]:
    """The versions of a dataset, each with its content."""
    files = sorted((project.path / f"data/{name}.json").glob(f"*/{name}.json"))
    return [(file.parent.name, json.loads(file.read_text(encoding="utf-8"))) for file in files]


def merged_in(*projects: KedroProject, others: tuple[dg.Definitions, ...] = ()) -> dg.Definitions:
    return dg.Definitions.merge(*(build_definitions(project.path) for project in projects), *others)


EVERYTHING = """
    loggers:
      file: {handlers: [{class: logging.StreamHandler}]}
    schedules:
      daily: {cron_schedule: "0 2 * * *"}
    sensors:
      new: {dataset: raw}
    jobs:
      training:
        pipeline: {pipeline_name: training}
        schedule: daily
        sensor: new
        loggers: [console, file]
        config: {runtime_params: {extra: from the job}}
      debug: {pipeline: {}, view: ops, loggers: [file], schedule: {cron_schedule: "0 3 * * *"}}
"""


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Two projects that define everything that dagster.yml can, under the same names."""
    return new_pair(tmp_path_factory.mktemp("rich"), more=textwrap.dedent(EVERYTHING))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["a first", "b first"])
def test_two_projects_of_the_same_names_load_in_one_code_location(rich: Pair, order: tuple[int, int]) -> None:
    defs = merged_in(*(tuple(rich)[position] for position in order))
    dg.Definitions.validate_loadable(defs)
    repository = defs.get_repository_def()
    assert {key.to_user_string() for key in defs.resolve_all_asset_keys()} == {
        f"{prefix}/{name}" for prefix in "ab" for name in ("raw", "mem", "out", "tell")
    }
    assert set(repository.job_names) == {"__ASSET_JOB", "a__training", "a__debug", "b__training", "b__debug"}
    assert {schedule.name for schedule in repository.schedule_defs} == {
        *("a__daily", "a__debug_schedule", "b__daily", "b__debug_schedule"),
    }
    failures = {f"{prefix}__{project.package}_on_pipeline_error" for prefix, project in zip("ab", rich, strict=True)}
    assert {sensor.name for sensor in repository.sensor_defs} == {"a__new", "b__new", *failures}
    assert set(defs.loggers or {}) == {"console", "a__file", "b__file"}


def test_a_job_names_loggers_without_the_prefix(rich: Pair) -> None:
    defs = merged_in(*rich)
    for prefix in "ab":
        training = defs.resolve_job_def(f"{prefix}__training")
        assert training.run_config == {
            "resources": {f"kedro_{prefix}": {"config": {"runtime_params": {"extra": "from the job"}}}},
            "loggers": {"console": {}, f"{prefix}__file": {}},
        }


def test_a_project_with_a_key_prefix_loads_beside_one_without(tmp_path: Path) -> None:
    pair = new_pair(tmp_path, (None, "b"), textwrap.dedent(EVERYTHING))
    for projects in permutations(pair):
        defs = merged_in(*projects)
        dg.Definitions.validate_loadable(defs)
        assert {"kedro", "kedro_b", "out__io_manager", "b__out__io_manager"} <= set(defs.resources or {})
        assert set(defs.loggers or {}) == {"console", "file", "b__file"}


def test_two_projects_without_a_key_prefix_are_refused(tmp_path: Path) -> None:
    with pytest.raises(dg.DagsterInvariantViolationError, match="different resources with same key 'kedro'"):
        merged_in(*new_pair(tmp_path, (None, None)))


def test_two_projects_whose_packages_have_one_name_are_refused(tmp_path: Path) -> None:
    project = new_project(tmp_path, "a", 2)
    copy = KedroProject(tmp_path / "copy", project.package)
    shutil.copytree(project.path, copy.path)
    copy.write("conf/base/dagster.yml", settings_of("b"))
    build_definitions(project.path)
    with pytest.raises(ProjectError, match=f"packages of the same name, '{project.package}'"):
        build_definitions(copy.path)
    build_definitions(project.path)


def test_two_assets_of_one_key_are_refused(pair: Pair) -> None:
    same = dg.Definitions(assets=[dg.asset(key=["a", "out"])(lambda: None)])
    with pytest.raises(dg.DagsterInvalidDefinitionError, match="out"):
        dg.Definitions.validate_loadable(merged_in(*pair, others=(same,)))


def test_two_environments_of_one_project_load_under_two_prefixes(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = new_project(tmp_path, "a", 2, textwrap.dedent(EVERYTHING))
    project.write("conf/test/dagster.yml", "assets: {key_prefix: [test], cluster_by: node}")
    project.write("conf/test/parameters.yml", "factor: 10")
    project.write("conf/test/catalog.yml", json_dataset("out", versioned=True).replace("data/out", "data/test"))
    defs = [f"build_definitions({str(project.path)!r}, env={env})" for env in ("None", "'test'")]
    text = LOCATION.format(more="", projects=", ".join(defs), merged="", executor="None")
    project.write(f"src/{project.package}/native.py", text)
    result = execute(project, instance, "both", merged=True)
    assert result.success
    assert [content["value"] for _, content in stored(project)] == [2]
    assert [content["value"] for _, content in stored(project, "test")] == [10]
    assert Counter(call["run_params"]["env"] for call in project.calls("before_pipeline_run")) == {None: 1, "test": 1}


def in_project(project: KedroProject) -> list[Any]:
    """What Kedro's framework has while this is the project of the process."""
    return [project.package, f"{project.package}.hooks", sorted(["__default__", "training", project.package])]


def assert_a_run_of_its_own(project: KedroProject, instance: dg.DagsterInstance, run_id: str, prefix: str) -> None:
    """A run of both has, for this project, been a run of it alone."""
    own = ["load", "scale", "tell"]
    for hook in ("before_pipeline_run", "after_pipeline_run"):
        [call] = project.calls(hook)
        assert call["nodes"] == own
        assert call["run_params"]["project_path"] == project.path.as_posix()
    assert not project.calls("on_pipeline_error")
    assert sorted(project.nodes_run()) == own
    assert all(call["project"] == in_project(project) for call in project.calls())
    [before] = project.calls("before_pipeline_run")
    assert before["run_params"]["runtime_params"] == {"extra": prefix}
    assert before["extra"] == prefix
    assert {"raw", "out", "params:factor"} <= set(before["datasets"])
    [(version, content)] = stored(project)
    factor = {"a": 2, "b": 3}[prefix]
    expected = {"project": project.package, "then": project.package, "registered": in_project(project)[2]}
    assert content == {"value": factor, "extra": prefix, **expected}
    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert run.tags[f"kedro_{prefix}/run_id"] == before["run_id"] == version
    assert {call["save_version"] for call in project.calls("after_catalog_created")} == {version}


OF_EACH = {"resources": {f"kedro_{prefix}": {"config": {"runtime_params": {"extra": prefix}}} for prefix in "ab"}}


@pytest.mark.parametrize("job", ["both", "both_parallel"])
def test_a_run_of_both_is_for_each_a_run_of_its_own(pair: Pair, instance: dg.DagsterInstance, job: str) -> None:
    result = execute(pair.a, instance, job, merged=True, config=OF_EACH)
    assert result.success
    assert sorted(materialized(result)) == sorted(f"{p}/{name}" for p in "ab" for name in ("mem", "out", "tell"))
    for prefix, project in zip("ab", pair, strict=True):
        assert_a_run_of_its_own(project, instance, result.run_id, prefix)
    if job == "both_parallel":
        processes = [{call["pid"] for call in project.calls("before_node_run")} for project in pair]
        assert len(processes[0] | processes[1]) == 6


@pytest.mark.parametrize("job", ["both", "both_parallel"])
def test_a_node_that_fails_is_an_error_of_both_pipelines(pair: Pair, instance: dg.DagsterInstance, job: str) -> None:
    fail = pair.b.write("fail", "")
    try:
        assert not execute(pair.a, instance, job, merged=True).success
    finally:
        fail.unlink()
    for project in pair:
        [before], [last] = project.calls("before_pipeline_run"), project.calls(*LAST_HOOKS)
        assert (last["hook"], last["nodes"], last["project"]) == (
            "on_pipeline_error",
            ["load", "scale", "tell"],
            in_project(project),
        )
        assert last["run_id"] == before["run_id"]
        assert f"no value in {pair.b.path.name}" in last["message"]
    assert (len(pair.a.calls("on_node_error")), len(pair.b.calls("on_node_error"))) == (0, 1)


@pytest.mark.parametrize("job", ["both", "both_parallel", "b__training"])
def test_a_run_of_one_project_opens_that_one_only(pair: Pair, instance: dg.DagsterInstance, job: str) -> None:
    assets = None if job == "b__training" else [["b", "mem"], ["b", "out"]]
    result = execute(pair.a, instance, job, merged=True, assets=assets)
    assert result.success
    assert not pair.a.calls()
    assert pair.b.nodes_run() == ["load", "scale"]
    assert [call["hook"] for call in pair.b.calls("before_pipeline_run", *LAST_HOOKS)] == [
        "before_pipeline_run",
        "after_pipeline_run",
    ]
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert "kedro_b/run_id" in run.tags
    assert "kedro_a/run_id" not in run.tags


def test_a_run_that_goes_on_after_a_failure_takes_the_data_of_each_project(
    pair: Pair, instance: dg.DagsterInstance
) -> None:
    fail = [project.write("fail", "") for project in pair]
    result = execute(pair.a, instance, "both_parallel", merged=True)
    assert not result.success
    pair.forget()
    for file in fail:
        file.unlink()
    again = execute(pair.a, instance, "both_parallel", merged=True, continue_from=result.run_id)
    assert again.success
    assert [project.nodes_run() for project in pair] == [["scale", "tell"], ["scale", "tell"]]
    assert [content["value"] for project in pair for _, content in stored(project)] == [2, 3]


# In the web server, as users launch.


@dataclass(frozen=True)
class Bench:
    """The two projects, and the `dagster dev` that runs them in one code location."""

    pair: Pair
    dev: DagsterDev

    @property
    def location(self) -> dict[str, str]:
        return self.dev.location(self.pair.a.package)

    def instance(self) -> dg.DagsterInstance:
        return dg.DagsterInstance.from_config(str(self.dev.home))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("served")
    pair = new_pair(folder)
    threads = {"sensors": {"use_threads": True, "num_workers": 4}}  # both failure sensors at once
    with dagster_dev(folder / "home", pair.a, settings=threads) as dev:
        yield Bench(pair, dev)


@pytest.mark.slow
def test_a_run_of_both_that_the_web_server_launches(bench: Bench) -> None:
    for project in bench.pair:
        start_over(project, {"raw.json": "1"})
    run_id = bench.dev.start(bench.location, "both", config=OF_EACH)
    assert bench.dev.wait_for_run(run_id) == "SUCCESS"
    with bench.instance() as instance:
        for prefix, project in zip("ab", bench.pair, strict=True):
            assert_a_run_of_its_own(project, instance, run_id, prefix)


@pytest.mark.slow
def test_assets_of_one_project_that_the_web_server_materializes_open_that_one_only(bench: Bench) -> None:
    for project in bench.pair:
        start_over(project, {"raw.json": "1"})
    run_id = bench.dev.start(bench.location, "__ASSET_JOB", [["a", "mem"], ["a", "out"]])
    assert bench.dev.wait_for_run(run_id) == "SUCCESS"
    assert not bench.pair.b.calls()
    assert [call["nodes"] for call in bench.pair.a.calls("after_pipeline_run")] == [["load", "scale"]]


SCHEMA = """query ($selector: PipelineSelector!) {
    runConfigSchemaOrError(selector: $selector) {__typename ... on RunConfigSchema {rootDefaultYaml}}
}"""


@pytest.mark.slow
def test_the_launchpad_lists_the_projects_and_no_datasets(bench: Bench) -> None:
    found = bench.dev.ask(SCHEMA, selector={**bench.location, "pipelineName": "both"})["runConfigSchemaOrError"]
    shown = yaml.safe_load(found["rootDefaultYaml"])
    projects = {"config": {"runtime_params": {}, "load_versions": {}}}
    assert {key: value for key, value in shown["resources"].items() if key != "io_manager"} == {
        "kedro_a": projects,
        "kedro_b": projects,
    }


@pytest.mark.slow
def test_a_killed_run_of_both_is_told_by_the_sensor_of_each_and_one_of_b_by_that_of_b(bench: Bench) -> None:
    for project in bench.pair:
        start_over(project, {"raw.json": "1"})
    kill = bench.pair.b.write("kill", "")
    of_both = bench.dev.start(bench.location, "both", config=OF_EACH)
    assert bench.dev.wait_for_run(of_both) == "FAILURE"
    of_b = bench.dev.start(bench.location, "b__training")
    assert bench.dev.wait_for_run(of_b) == "FAILURE"
    kill.unlink()
    wait_for(lambda: len(bench.pair.b.calls("on_pipeline_error")) == 2, "the sensor of b", SENSOR_SECONDS)
    wait_for(lambda: bench.pair.a.calls("on_pipeline_error"), "the sensor of a", SENSOR_SECONDS)
    for prefix, project, count in zip("ab", bench.pair, (1, 2), strict=True):
        before, errors = project.calls("before_pipeline_run"), project.calls(*LAST_HOOKS)
        assert [call["hook"] for call in errors] == ["on_pipeline_error"] * count
        assert {call["run_id"]: call["nodes"] for call in errors} == {call["run_id"]: call["nodes"] for call in before}
        assert all(call["project"] == in_project(project) for call in project.calls())
        assert prefix in [call["run_params"]["runtime_params"].get("extra") for call in errors]
    with bench.instance() as instance:
        tags = [instance.get_run_by_id(run_id).tags for run_id in (of_both, of_b)]  # type: ignore[union-attr]
    assert [[f"kedro_{prefix}/pipeline_hooks" in found for prefix in "ab"] for found in tags] == [
        [True, True],
        [False, True],
    ]


# Assets and ops of one's own, with the projects as resources.

NATIVE = """
    from kedro.framework import project

    BOTH = {"kedro_a", "kedro_b"}

    def used(resources):
        facts = {}
        for key in ("kedro_b", "kedro_a"):
            kedro = getattr(resources, key)
            left = kedro.run(pipeline_names=["training"])
            catalog = kedro.open_catalog()
            facts[key] = {
                "left": sorted(left),
                "factor": catalog.load("params:factor"),
                "extra": catalog.load("params:extra"),
                "out": catalog.load("out")["value"],
                "project": project.PACKAGE_NAME,
            }
        return facts

    @dg.asset(required_resource_keys=BOTH)
    def by_asset(context):
        return dg.MaterializeResult(metadata={"used": used(context.resources)})

    @dg.op(required_resource_keys=BOTH)
    def by_op(context):
        context.log_event(dg.AssetMaterialization("by_op", metadata={"used": used(context.resources)}))

    @dg.job(executor_def=EXECUTOR)
    def of_ops():
        by_op()

    @dg.asset(
        ins={
            prefix: dg.AssetIn([prefix, "out"], input_manager_key=f"{prefix}__out__io_manager", dagster_type=dict)
            for prefix in "ab"
        }
    )
    def total(context, a, b):
        return dg.MaterializeResult(metadata={"total": a["value"] + b["value"], "extra": a["extra"] + b["extra"]})
"""


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Two projects beside assets and a job of one's own that use both."""
    pair = new_pair(tmp_path_factory.mktemp("native"))
    more = textwrap.dedent(NATIVE).replace("EXECUTOR", "with_hooks(dg.in_process_executor)")
    pair.write_location(textwrap.indent(more, "    "), "dg.Definitions(assets=[by_asset, total], jobs=[of_ops]),")
    return pair


def metadata(result: dg.JobExecutionResult, key: str) -> dict[str, Any]:
    """The metadata of the one materialization of an asset."""
    [event] = [
        event for event in result.all_events if event.asset_key == dg.AssetKey(key) and event.is_step_materialization
    ]
    return {name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()}


@pytest.mark.parametrize(("job", "asset"), [("both", "by_asset"), ("both_parallel", "by_asset"), ("of_ops", "by_op")])
def test_an_asset_and_an_op_of_ones_own_run_pipelines_of_both(
    native: Pair, instance: dg.DagsterInstance, job: str, asset: str
) -> None:
    for project in native:
        start_over(project, {"raw.json": "1"})
    assets = None if job == "of_ops" else [asset]
    result = execute(native.a, instance, job, merged=True, config=OF_EACH, assets=assets)
    assert result.success
    facts = metadata(result, asset)["used"]
    for prefix, factor, project in zip("ab", (2, 3), native, strict=True):
        expected = {"factor": factor, "extra": prefix, "out": factor, "project": project.package, "left": ["out"]}
        assert facts[f"kedro_{prefix}"] == expected
        for hook in ("before_pipeline_run", "after_pipeline_run"):
            [call] = project.calls(hook)
            assert call["nodes"] == ["load", "scale"]
            assert call["run_params"]["runtime_params"] == {"extra": prefix}
            assert call["run_params"]["pipeline_names"] == ["training"]
        assert project.nodes_run() == ["load", "scale"]
        assert all(call["project"] == in_project(project) for call in project.calls())


@pytest.mark.filterwarnings("ignore:Save version")  # Kedro discourages it where the run saves the dataset, too
def test_the_catalog_of_one_project_has_the_versions_that_the_run_is_to_load(
    native: Pair, instance: dg.DagsterInstance
) -> None:
    for project in native:
        start_over(project, {"raw.json": "1", "out.json/2020-01-01T00.00.00.000Z/out.json": '{"value": "old"}'})
    old = {"out": "2020-01-01T00.00.00.000Z"}
    config = {"resources": {"kedro_a": {"config": {"load_versions": old}}}}
    result = execute(native.a, instance, "of_ops", merged=True, config=config)
    assert result.success
    assert [metadata(result, "by_op")["used"][f"kedro_{prefix}"]["out"] for prefix in "ab"] == ["old", 3]


def test_an_asset_of_ones_own_reads_what_each_project_makes(native: Pair, instance: dg.DagsterInstance) -> None:
    for project in native:
        start_over(project, {"raw.json": "1"})
    assets = [["a", "mem"], ["a", "out"], ["b", "mem"], ["b", "out"], "total"]
    result = execute(native.a, instance, "both", merged=True, config=OF_EACH, assets=assets)
    assert result.success
    assert metadata(result, "total") == {"total": 5, "extra": "ab"}
    assert all(call["project"] == in_project(project) for project in native for call in project.calls())
    defs = merged_in(*native)
    loaded = [defs.load_asset_value([prefix, "out"])["value"] for prefix in "aba"]
    assert loaded == [2, 3, 2]
    assert all(call["project"] == in_project(project) for project in native for call in project.calls())


def test_a_job_asks_for_the_configuration_of_the_projects_and_of_no_dataset(pair: Pair) -> None:
    defs = merged_in(*pair)
    resources = defs.resolve_job_def("a__training").run_config_schema.config_type.fields["resources"].config_type.fields
    assert {"kedro_a", "kedro_b"} <= set(resources) <= {"kedro_a", "kedro_b", "io_manager"}


def test_no_other_thread_changes_the_project_that_a_thread_has_entered(pair: Pair) -> None:
    a, b = projects_of(merged_in(*pair).resolve_job_def("a__training"))
    entered = threading.Event()
    found: list[str | None] = []

    def enter_b() -> None:
        entered.set()
        with b.entered():
            found.append(kedro_project.PACKAGE_NAME)

    thread = threading.Thread(target=enter_b)
    with a.entered():
        thread.start()
        entered.wait()
        thread.join(0.2)
        found.append(kedro_project.PACKAGE_NAME)
    thread.join()
    assert found == [pair.a.package, pair.b.package]


# Executors that other definitions of the code location bring.

WARNING = "The pipeline hooks of the Kedro project"


def warnings_of(result: dg.JobExecutionResult, instance: dg.DagsterInstance) -> list[str]:
    entries = instance.all_logs(result.run_id)
    return [entry.user_message for entry in entries if entry.level == logging.WARNING and WARNING in entry.user_message]


def with_executor(project: KedroProject, executor: str) -> None:
    """Merge the project with definitions that have an executor."""
    project.write(
        f"src/{project.package}/native.py",
        f"""
        import dagster as dg

        from kedro_assets import build_definitions, with_hooks

        own = dg.Definitions(executor={executor})
        job = dg.define_asset_job("everything", selection=dg.AssetSelection.all())
        defs = dg.Definitions.merge(build_definitions({str(project.path)!r}), own, dg.Definitions(jobs=[job]))
        """,
    )


@pytest.mark.parametrize("executor", ["dg.in_process_executor", TWO], ids=["in process", "multiprocess"])
def test_a_project_without_an_executor_takes_that_of_other_definitions(
    tmp_path: Path, instance: dg.DagsterInstance, executor: str
) -> None:
    project = new_project(tmp_path, None, 2, "default_executor: none\n")
    with_executor(project, f"with_hooks({executor})")
    result = execute(project, instance, "everything", merged=True)
    assert result.success
    assert [call["hook"] for call in project.calls("before_pipeline_run", *LAST_HOOKS)] == [
        "before_pipeline_run",
        "after_pipeline_run",
    ]
    assert not warnings_of(result, instance)
    assert (len({call["pid"] for call in project.calls("before_node_run")}) == 3) == (executor == TWO)


@pytest.mark.parametrize("executor", ["dg.in_process_executor", TWO], ids=["in process", "multiprocess"])
def test_a_run_whose_executor_is_not_wrapped_says_so_once(
    tmp_path: Path, instance: dg.DagsterInstance, executor: str
) -> None:
    project = new_project(tmp_path, None, 2, "default_executor: none\n")
    with_executor(project, executor)
    result = execute(project, instance, "everything", merged=True)
    assert result.success
    assert project.nodes_run() == ["load", "scale", "tell"]
    [(version, content)] = stored(project)
    assert content["value"] == 2
    assert {call["save_version"] for call in project.calls("after_catalog_created")} == {version}
    assert not project.calls("before_pipeline_run", *LAST_HOOKS)
    [warning] = warnings_of(result, instance)
    assert project.package in warning
    assert "kedro_assets.with_hooks" in warning


def test_one_project_brings_the_executor_of_both(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    pair = new_pair(tmp_path)
    two = "default_executor: {multiprocess: {max_concurrent: 2}}\n"
    for prefix, project, more in zip("ab", pair, ("default_executor: none\n", two), strict=True):
        project.write("conf/base/dagster.yml", settings_of(prefix, more))
    assert merged_in(*pair).executor.name == "multiprocess"  # type: ignore[union-attr]
    assert execute(pair.a, instance, "both", merged=True).success
    assert all(len(project.calls("after_pipeline_run")) == 1 for project in pair)


def test_the_same_executor_in_definitions_of_ones_own_is_one_executor(pair: Pair) -> None:
    executor = with_hooks(dg.in_process_executor)
    assert with_hooks(executor) is executor is with_hooks(dg.in_process_executor)
    assert merged_in(*pair, others=(dg.Definitions(executor=executor),)).executor is executor


def test_no_job_can_be_without_an_executor(tmp_path: Path) -> None:
    project = new_project(tmp_path, None, 2, "jobs: {all: {pipeline: {}, executor: none}}\n")
    with pytest.raises(ConfigError, match="no executor 'none' is defined"):
        build_definitions(project.path)


# The command line and the component.


def test_the_command_line_in_the_folder_of_one_project(pair: Pair) -> None:
    assert list(check_lines(pair.a.path))[-1] == "No problems."
    lines: list[str] = []
    given = {"runtime_params": {"extra": "from the command line"}}
    assert run_assets(pair.a.path, Asked("training", options=given), lines.append), lines
    assert any("a/out" in line for line in lines), lines
    assert [call["run_params"]["runtime_params"] for call in pair.a.calls("after_pipeline_run")] == [
        given["runtime_params"]
    ]
    assert not pair.b.calls()
    pair.forget()
    assert run_assets(pair.a.path, Asked("both", options=given), lines.append), lines
    told = [project.calls("after_pipeline_run")[0]["run_params"]["runtime_params"] for project in pair]
    assert told == [given["runtime_params"], {}]
    pair.forget()
    assert run_assets(pair.a.path, Asked("b__training"), lines.append), lines
    assert not pair.a.calls()
    assert pair.b.nodes_run() == ["load", "scale"]


def test_two_components_of_one_dagster_project(tmp_path: Path, shared: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    package = f"location_{uuid4().hex[:8]}"
    source = tmp_path / "src" / package
    for prefix, project in zip("ab", shared, strict=True):
        folder = source / "defs" / prefix
        folder.mkdir(parents=True)
        attributes = {"project_path": str(project.path)}
        component = {"type": "kedro_assets.KedroProjectComponent", "attributes": attributes}
        (folder / "defs.yaml").write_text(yaml.safe_dump(component), encoding="utf-8")
    for folder in (source, source / "defs"):
        (folder / "__init__.py").touch()
    tool = f'[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "{package}"\n'
    (tmp_path / "pyproject.toml").write_text(
        f'[project]\nname = "{package}"\nversion = "0.1"\n{tool}', encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    defs = dg.load_from_defs_folder(path_within_project=tmp_path)
    dg.Definitions.validate_loadable(defs)
    assert {key.to_user_string() for key in defs.resolve_all_asset_keys()} == {
        f"{prefix}/{name}" for prefix in "ab" for name in ("raw", "mem", "out", "tell")
    }
    assert {"kedro_a", "kedro_b"} <= set(defs.resources or {})
