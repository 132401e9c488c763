"""Automation conditions and freshness policies of the catalog, as Dagster's daemon sees them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, execute, json_dataset, load_definitions, write_project

from kedro_assets.cli.report import check_lines
from kedro_assets.errors import ConfigError


def automated(folder: Path, catalog: str) -> KedroProject:
    project = write_project(
        folder,
        nodes="def add(value):\n    return value + 1\n",
        pipelines="""{"__default__": pipeline([
            node(add, "raw", "rows_table", name="one"), node(add, "rows_table", "final", name="two")])}""",
        catalog=catalog,
    )
    project.write("data/raw.json", "1")
    return project


def entry(name: str, settings: str) -> str:
    return json_dataset(name) + f"  metadata: {{dagster: {{{settings}}}}}\n"


@pytest.fixture
def fresh() -> Iterator[dg.DagsterInstance]:
    """An instance in which nothing is materialized yet."""
    with dg.DagsterInstance.ephemeral() as found:
        yield found


EAGER = "automation_condition: eager"


@pytest.mark.filterwarnings("ignore:Parameter `include_sources`")
def test_dagster_requests_an_asset_when_its_condition_is_met(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = automated(tmp_path, json_dataset("raw", "rows_table") + entry("final", EAGER))
    definitions = load_definitions(project)
    first = dg.evaluate_automation_conditions(definitions, instance)
    assert first.total_requested == 0  # what it is made from is not there yet
    assert execute(project, instance, assets=["rows_table"]).success
    second = dg.evaluate_automation_conditions(definitions, instance, cursor=first.cursor)
    assert second.get_num_requested(dg.AssetKey("final")) == 1
    assert execute(project, instance, assets=["final"]).success
    third = dg.evaluate_automation_conditions(definitions, instance, cursor=second.cursor)
    assert third.total_requested == 0


@pytest.mark.filterwarnings("ignore:Parameter `include_sources`")
def test_a_condition_follows_what_its_methods_leave(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    eager = "automation_condition: {eager: null, ignore: 'key:\"rows_table\"'}"
    project = automated(tmp_path, json_dataset("raw", "rows_table") + entry("final", eager))
    definitions = load_definitions(project)
    first = dg.evaluate_automation_conditions(definitions, instance)
    assert execute(project, instance, assets=["rows_table"]).success
    second = dg.evaluate_automation_conditions(definitions, instance, cursor=first.cursor)
    assert second.total_requested == 0
    repository = definitions.get_repository_def()
    [spec] = [spec for spec in definitions.resolve_all_asset_specs() if spec.key == dg.AssetKey("final")]
    assert dg.deserialize_value(dg.serialize_value(spec.automation_condition)) == spec.automation_condition
    assert repository.has_sensor_def("default_automation_condition_sensor")


@pytest.mark.filterwarnings("ignore:Parameter `include_sources`")
def test_a_condition_that_looks_at_less_starts_what_waits_for_nothing_else(
    tmp_path: Path, fresh: dg.DagsterInstance
) -> None:
    chain = """
        eager:
        replace: {old: newly_missing, new: missing}
        without: {not: any_deps_missing}
        with_label: at once
    """
    settings = f"  metadata:\n    dagster:\n      automation_condition:{chain}"
    project = automated(tmp_path, json_dataset("raw", "rows_table", "final") + settings)
    definitions = load_definitions(project)
    first = dg.evaluate_automation_conditions(definitions, fresh)
    second = dg.evaluate_automation_conditions(definitions, fresh, cursor=first.cursor)
    assert second.get_num_requested(dg.AssetKey("final")) == 1


@pytest.mark.filterwarnings("ignore:Parameter `include_sources`")
def test_dagster_requests_a_check_when_its_condition_is_met(tmp_path: Path, fresh: dg.DagsterInstance) -> None:
    settings = "  metadata: {dagster: {check_automation_condition: {missing: null, since_last_handled: null}}}\n"
    project = automated(tmp_path, json_dataset("raw", "rows_table", "final") + "  validator: builtins.int\n" + settings)
    definitions = load_definitions(project)
    key = dg.AssetCheckKey(dg.AssetKey("final"), "validator")
    first = dg.evaluate_automation_conditions(definitions, fresh)
    second = dg.evaluate_automation_conditions(definitions, fresh, cursor=first.cursor)
    assert [result.key for result in second.results if not result.true_subset.is_empty] == [key]


@pytest.mark.filterwarnings("ignore:Parameter `include_sources`")
@pytest.mark.newer_jobs
def test_dagster_requests_a_job_when_the_condition_of_its_assets_is_met(
    tmp_path: Path, fresh: dg.DagsterInstance
) -> None:
    project = automated(tmp_path, json_dataset("raw", "rows_table", "final"))
    condition = "{any_job_root_assets_match: {missing: null, since_last_handled: null}}"
    project.write("conf/base/dagster.yml", f"jobs: {{second: {{selection: final, automation_condition: {condition}}}}}")
    definitions = load_definitions(project)
    first = dg.evaluate_automation_conditions(definitions, fresh)
    second = dg.evaluate_automation_conditions(definitions, fresh, cursor=first.cursor)
    assert [result.key.job_name for result in second.results if not result.true_subset.is_empty] == ["second"]


# Jobs whose assets are made from data in memory.

MEMORY = """
def add(value):
    return value + 1


def both(value, other):
    return value + other


def split(value):
    return value, value
"""
ROOT_MATCH = "automation_condition: {%s_job_root_assets_match: %s}"


def in_memory(folder: Path, nodes: str, job: str, files: tuple[str, ...]) -> KedroProject:
    """A project with a job `j`; what is not in `files` passes in memory."""
    project = write_project(
        folder,
        nodes=MEMORY,
        pipelines=f'{{"__default__": pipeline([{nodes}])}}',
        catalog=json_dataset(*files),
        dagster=f"jobs: {{j: {{{job}}}}}",
    )
    project.write("data/raw.json", "1")
    return project


class Daemon:
    """Evaluates the conditions of a project tick by tick."""

    def __init__(self, project: KedroProject, instance: dg.DagsterInstance) -> None:
        self._definitions, self._instance, self._cursor = load_definitions(project), instance, None
        self._versions = itertools.count()
        self.tick()

    def tick(self) -> list[str]:
        """The jobs that are requested."""
        found = dg.evaluate_automation_conditions(self._definitions, self._instance, cursor=self._cursor)
        self._cursor = found.cursor
        return [result.key.job_name for result in found.results if not result.true_subset.is_empty]

    def update(self, *names: str) -> None:
        """Say that some assets are made, one after the other."""
        for name in names:
            tags = {"dagster/data_version": f"v{next(self._versions)}"}
            self._instance.report_runless_asset_event(dg.AssetMaterialization(name, tags=tags))


SPLIT = 'node(add, "raw", "part", name="split"), node(add, "part", "model", name="train")'


@pytest.mark.filterwarnings("ignore:Parameter `include_sources`")
@pytest.mark.newer_jobs
@pytest.mark.parametrize("which", ["any", "all"])
@pytest.mark.parametrize("job", ["selection: model", "selection: '+model'", "pipeline: {}"])
def test_new_data_behind_memory_starts_a_job_as_it_starts_an_asset(
    which: str, job: str, tmp_path: Path, fresh: dg.DagsterInstance
) -> None:
    project = in_memory(tmp_path, SPLIT, f"{job}, {ROOT_MATCH % (which, 'eager')}", ("raw", "model"))
    daemon = Daemon(project, fresh)
    daemon.update("raw")
    assert daemon.tick() == ["j"]
    assert execute(project, fresh, "j").success
    assert [daemon.tick(), daemon.tick()] == [[], []]
    daemon.update("raw")
    assert daemon.tick() == ["j"]


MADE = (
    f'node(add, "raw", "x", name="make"), {SPLIT.replace("raw", "x")}, node(both, ["model", "other"], "y", name="end")'
)


@pytest.mark.filterwarnings("ignore:Parameter `include_sources`")
@pytest.mark.newer_jobs
@pytest.mark.parametrize("which", ["any", "all"])
def test_what_stands_behind_another_asset_of_the_job_is_no_root(
    which: str, tmp_path: Path, fresh: dg.DagsterInstance
) -> None:
    files = ("raw", "other", "x", "model", "y")
    project = in_memory(tmp_path, MADE, f"pipeline: {{}}, {ROOT_MATCH % (which, 'eager')}", files)
    project.write("data/other.json", "1")
    daemon = Daemon(project, fresh)
    daemon.update("other", "raw")
    assert daemon.tick() == ["j"]
    daemon.update("x")
    assert daemon.tick() == []
    daemon.update("model", "y")
    assert daemon.tick() == []
    daemon.update("x")  # somebody makes it alone: no root follows it
    assert daemon.tick() == []
    daemon.update("raw")
    assert daemon.tick() == ["j"]


ROOTS = 'node(add, "raw", "part", name="split"), node(add, "part", "model", name="train"), node(add, "other", "y", name="end")'


@pytest.mark.filterwarnings("ignore:Parameter `include_sources`")
@pytest.mark.newer_jobs
@pytest.mark.parametrize(("which", "started"), [("any", ["j"]), ("all", [])])
def test_all_roots_are_looked_at(which: str, started: list[str], tmp_path: Path, fresh: dg.DagsterInstance) -> None:
    job = f"pipeline: {{}}, {ROOT_MATCH % (which, 'eager')}"
    daemon = Daemon(in_memory(tmp_path, ROOTS, job, ("raw", "other", "model", "y")), fresh)
    daemon.update("raw")
    assert daemon.tick() == started
    daemon.update("other")
    assert daemon.tick() == ["j"]


BESIDE = """node(split, "raw", ["part", "left"], name="split"), node(add, "part", "model", name="train"),
    node(add, "left", "y", name="end")"""


@pytest.mark.filterwarnings("ignore:Parameter `include_sources`")
@pytest.mark.newer_jobs
def test_a_job_does_not_follow_what_it_makes_beside_its_assets(tmp_path: Path, fresh: dg.DagsterInstance) -> None:
    job = f"selection: 'key:model or key:y', {ROOT_MATCH % ('any', 'eager')}"
    daemon = Daemon(in_memory(tmp_path, BESIDE, job, ("raw", "left", "model", "y")), fresh)
    daemon.update("raw")
    assert daemon.tick() == ["j"]
    daemon.update("left", "model", "y")
    assert daemon.tick() == []
    daemon.update("left")
    assert daemon.tick() == []


@pytest.mark.filterwarnings("ignore:Parameter `include_sources`")
@pytest.mark.newer_jobs
def test_a_condition_that_says_how_to_look_at_memory_is_left_as_it_is(
    tmp_path: Path, fresh: dg.DagsterInstance
) -> None:
    plain = "{eager: null, resolve_through_virtual: false}"
    job = f"selection: model, {ROOT_MATCH % ('any', plain)}"
    daemon = Daemon(in_memory(tmp_path, SPLIT, job, ("raw", "model")), fresh)
    daemon.update("raw")
    assert daemon.tick() == []


UNSEEN = "raw: {type: MemoryDataset}\n"


@pytest.mark.filterwarnings("ignore:Parameter `include_sources`")
@pytest.mark.parametrize(
    ("condition", "said", "requested"),
    [("eager", 1, 0), ("{eager: null, ignore: 'key:\"raw\"'}", 0, 1)],
    ids=["alone", "as advised"],
)
def test_what_is_said_of_a_condition_that_cannot_fire_is_true(
    tmp_path: Path, fresh: dg.DagsterInstance, condition: str, said: int, requested: int
) -> None:
    project = write_project(
        tmp_path,
        nodes="def add(value, other):\n    return value\n\ndef first():\n    return 1\n",
        pipelines="""{"__default__": pipeline([
            node(first, None, "source", name="one"), node(add, ["source", "raw"], "final", name="two")])}""",
        catalog=UNSEEN + json_dataset("source") + entry("final", f"automation_condition: {condition}"),
    )
    notes = [line for line in check_lines(project.path) if "starts nothing" in line]
    definitions = load_definitions(project)
    first = dg.evaluate_automation_conditions(definitions, fresh)
    fresh.report_runless_asset_event(dg.AssetMaterialization("source"))
    second = dg.evaluate_automation_conditions(definitions, fresh, cursor=first.cursor)
    assert (len(notes), second.total_requested) == (said, requested)
    assert all("`ignore: 'key:\"raw\"'`" in note for note in notes)


def test_a_pattern_of_the_catalog_gives_its_condition_to_what_fits_it(tmp_path: Path) -> None:
    policy = "freshness_policy: {time_window: 24h}"
    project = automated(tmp_path, json_dataset("raw", "final") + entry("{name}_table", f"{EAGER}, {policy}"))
    specs = {spec.key.to_user_string(): spec for spec in load_definitions(project).resolve_all_asset_specs()}
    assert specs["rows_table"].automation_condition == dg.AutomationCondition.eager()
    assert isinstance(specs["rows_table"].freshness_policy, dg.FreshnessPolicy)
    assert (specs["final"].automation_condition, specs["final"].freshness_policy) == (None, None)


def test_what_does_not_fit_is_reported_with_its_line(tmp_path: Path) -> None:
    raw = f"raw: {{type: MemoryDataset, metadata: {{dagster: {{{EAGER}}}}}}}\n"
    catalog = raw + json_dataset("rows_table") + entry("final", "automation_condition: eagre")
    project = automated(tmp_path, catalog)
    with pytest.raises(ConfigError) as raised:
        load_definitions(project)
    found = {problem.path: problem for problem in raised.value.problems}
    external = found["catalog.raw.metadata.dagster.automation_condition"]
    assert (external.source, external.found) == (
        "conf/base/catalog.yml:1",
        "no node makes this dataset, and Dagster cannot observe it, so the condition has no effect.",
    )
    unknown = found["catalog.final.metadata.dagster.automation_condition"]
    assert unknown.source == "conf/base/catalog.yml:8"
    assert "Did you mean 'eager'?" in unknown.hint
