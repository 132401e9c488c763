"""Only what changed: which assets `--stale` makes again, and the reason that it gives for each."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, execute, job_execute, json_dataset, load_definitions, run_command, write_project
from kedro.framework.project import configure_project
from kedro.framework.startup import bootstrap_project
from partitioned import every, make, one, partition

from kedro_assets.runtime import stale_assets
from kedro_assets.steps import projects_among

NODES = """
def clean(raw):
    return raw + 1


def scale(cleaned, factor):
    return cleaned * factor


def train(scaled):
    return scaled + 100


def report(model, other):
    if model < 0:
        raise ValueError("below zero")
    return [model, other]


def tell(reported):
    print(reported)
"""
PIPELINES = """{"__default__": pipeline([
    node(clean, "raw", "cleaned", name="clean"),
    node(scale, ["cleaned", "params:factor"], "scaled", name="scale"),
    node(train, "scaled", "model", name="train"),
    node(report, ["model", "other"], "reported", name="report"),
    node(tell, "reported", None, name="tell"),
])}"""
JOBS = "jobs: {all: {}, steps: {view: ops}}\n"
PARALLEL = "cluster_by: node}\ndefault_executor: {multiprocess: {}"  # what follows closes the bracket


@pytest.fixture
def instance(dagster_home: Path, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """One that knows nothing of the assets of other tests, which have the same names."""
    with dg.instance_for_test(temp_dir=str(tmp_path), overrides={"telemetry": {"enabled": False}}) as found:
        yield found


@pytest.fixture
def project(tmp_path: Path) -> KedroProject:
    """`scaled` is in memory between `scale` and `train`."""
    project = write_project(
        tmp_path,
        nodes=NODES,
        pipelines=PIPELINES,
        catalog=json_dataset("raw", "cleaned", "model", "other", "reported"),
        parameters="factor: 2\nsecret_key: abc\n",
        dagster=JOBS,
    )
    project.write("data/raw.json", "1")
    project.write("data/other.json", "2")
    return project


def stale(
    project: KedroProject, instance: dg.DagsterInstance, key: str | None = None, *names: str
) -> dict[str, list[str]]:
    """The assets that are to be made again, in order, with the reasons."""
    bootstrap_project(project.path)
    [kedro] = projects_among(load_definitions(project).resources)
    keys = [asset.key for asset in kedro.table.assets if not names or asset.name in names]
    found = stale_assets(kedro, keys, instance, key)
    return {key.to_user_string(): list(each.reasons) for key, each in found.items()}


def edit(project: KedroProject, old: str, new: str) -> None:
    nodes = next(project.path.glob("src/*/nodes.py"))
    text = nodes.read_text()
    assert old in text
    later = nodes.stat().st_mtime + 2  # Python compares seconds with those of the bytecode
    nodes.write_text(text.replace(old, new))
    os.utime(nodes, (later, later))
    as_next_process(project)


def as_next_process(project: KedroProject) -> None:
    """Forget the modules of a project, as another process does not know them."""
    for module in [name for name in sys.modules if name.partition(".")[0] == project.package]:
        del sys.modules[module]
    importlib.invalidate_caches()
    configure_project(project.package)


BEHIND_MODEL = {"reported": ["'model' is made again"], "tell": ["'reported' is made again"]}


def test_what_was_never_made_is_made(project: KedroProject, instance: dg.DagsterInstance) -> None:
    never = ["never made"]
    assert stale(project, instance) == dict.fromkeys(["cleaned", "model", "reported", "tell"], never)


@pytest.mark.parametrize("job", ["all", "steps"])
def test_what_is_up_to_date_is_not_made(job: str, project: KedroProject, instance: dg.DagsterInstance) -> None:
    assert execute(project, instance, job).success
    assert stale(project, instance) == {}


def test_the_code_of_a_node_has_changed(project: KedroProject, instance: dg.DagsterInstance) -> None:
    assert execute(project, instance, "all").success
    edit(project, "scaled + 100", "scaled + 200")
    assert stale(project, instance) == {"model": ["code of node 'train' has changed"], **BEHIND_MODEL}
    edit(project, "    return scaled + 200", "    # only said otherwise\n    return scaled + 200")
    job_execute(project, "all")
    edit(project, "    # only said otherwise\n", "")
    assert stale(project, instance) == {}


def test_nodes_around_what_is_in_memory_are_as_one(project: KedroProject, instance: dg.DagsterInstance) -> None:
    assert execute(project, instance, "all").success
    edit(project, "cleaned * factor", "cleaned + factor")
    project.write("conf/base/parameters.yml", "factor: 3\n")
    reasons = ["code of node 'scale' has changed", "parameter 'factor' has changed"]
    assert stale(project, instance) == {"model": reasons, **BEHIND_MODEL}
    assert execute(project, instance, assets=["model", "reported", "tell"], job="all").success
    assert stale(project, instance) == {}


def test_an_input_has_new_data(project: KedroProject, instance: dg.DagsterInstance) -> None:
    assert execute(project, instance, "all").success
    project.write("data/other.json", "333")
    assert stale(project, instance) == {"reported": ["new data in 'other'"], "tell": ["'reported' is made again"]}
    assert execute(project, instance, "all", assets=["reported"]).success
    assert stale(project, instance) == {"tell": ["new data in 'reported'"]}


def test_an_input_that_is_made_again_has_new_data(project: KedroProject, instance: dg.DagsterInstance) -> None:
    assert execute(project, instance, "all").success
    assert execute(project, instance, "all", assets=["cleaned"]).success
    assert stale(project, instance) == {"model": ["new data in 'cleaned'"], **BEHIND_MODEL}


def test_the_same_data_again_is_no_new_data(project: KedroProject, instance: dg.DagsterInstance) -> None:
    assert execute(project, instance, "all").success
    [record] = instance.fetch_materializations(dg.AssetKey("cleaned"), limit=1).records
    again = dg.AssetMaterialization("cleaned", tags=record.asset_materialization.tags)
    instance.report_runless_asset_event(again)
    assert stale(project, instance) == {}


def test_a_file_is_gone(project: KedroProject, instance: dg.DagsterInstance) -> None:
    assert execute(project, instance, "all").success
    (project.path / "data/model.json").unlink()
    assert stale(project, instance) == {"model": ["there are no files at data/model.json"], **BEHIND_MODEL}


def test_a_failed_run_may_have_left_a_part(project: KedroProject, instance: dg.DagsterInstance) -> None:
    assert execute(project, instance, "all").success
    edit(project, "scaled + 100", "scaled - 999")
    job_execute(project, "all", check=False)
    [failed] = instance.get_runs(limit=1)
    assert failed.status == dg.DagsterRunStatus.FAILURE
    found = stale(project, instance)
    assert list(found) == ["reported", "tell"]
    assert found["reported"] == [
        f"run {failed.run_id[:8]} has failed and may have left a part of it",
        "new data in 'model'",
    ]
    assert found["tell"] == ["'reported' is made again"]  # its step had not started


def test_a_failed_run_counts_until_another_has_made_what_it_left(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    assert execute(project, instance, "all").success
    edit(project, "return [model, other]", "raise KeyError")
    job_execute(project, "all", check=False)
    [failed] = instance.get_runs(limit=1)
    edit(project, "return raw + 1", "raise OSError")
    job_execute(project, "all", check=False)  # fails before the step of `reported`
    edit(project, "raise OSError", "return raw + 1")
    edit(project, "raise KeyError", "return [model, other]")
    reason = f"run {failed.run_id[:8]} has failed and may have left a part of it"
    assert reason in stale(project, instance)["reported"]
    job_execute(project, "all")
    assert stale(project, instance) == {}


def test_a_selection_is_kept_to(project: KedroProject, instance: dg.DagsterInstance) -> None:
    assert execute(project, instance, "all").success
    edit(project, "scaled + 100", "scaled + 200")
    assert stale(project, instance, None, "reported", "cleaned") == {}


def test_each_partition_has_a_history_of_its_own(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    kind = "partitions: {static: [a, b]}"
    project = write_project(
        tmp_path,
        nodes="def split(raw, key):\n    return {key: raw}\n\n\ndef again(days):\n    return {key: load() for key, load in days.items()}\n",
        pipelines="""{"__default__": pipeline([
            node(split, ["raw", "params:partition_key"], "days", name="split"), node(again, "days", "more", name="again")])}""",
        catalog=json_dataset("raw") + every("days", kind) + every("more", kind),
    )
    project.write("data/raw.json", "1")
    assert make(project, instance, "days", "more", tags=partition("a")).success
    assert stale(project, instance, "a") == {}
    assert stale(project, instance, "b") == {"days": ["never made"], "more": ["never made"]}
    assert make(project, instance, "days", tags=partition("b")).success
    assert stale(project, instance, "a") == {}
    assert make(project, instance, "days", tags=partition("a")).success
    assert stale(project, instance, "a") == {"more": ["new data in 'days'"]}


def test_no_digest_of_a_secret_parameter_is_recorded(project: KedroProject, instance: dg.DagsterInstance) -> None:
    edit(project, "def train(scaled):", "def train(scaled, key, factor):")
    registry = next(project.path.glob("src/*/pipeline_registry.py"))
    registry.write_text(
        registry.read_text().replace('train, "scaled"', 'train, ["scaled", "params:secret_key", "params:factor"]')
    )
    assert execute(project, instance, "all").success
    [record] = instance.fetch_materializations(dg.AssetKey("model"), limit=1).records
    recorded = record.asset_materialization.metadata["kedro/code"].value
    assert sorted(recorded) == ["code of node 'scale'", "code of node 'train'", "parameter 'factor'"]
    project.write("conf/base/parameters.yml", "factor: 2\nsecret_key: abd\n")
    assert stale(project, instance)["model"] == ["its code or a parameter has changed"]


# Files that cannot be looked at, and files at a place that a parameter of the run says.


VAULT = """
from kedro.framework.hooks import hook_impl


class Vault:
    @hook_impl
    def after_context_created(self, context):
        context.config_loader["credentials"] = {"vault": {"password": "hunter2"}}


HOOKS = (Vault(),)
"""
"""Credentials that no file has."""
WITHOUT = "the files of 'other' cannot be looked at: The credentials 'vault' are not in the project's configuration"


def with_vault(folder: Path, *names: str, dagster: str = JOBS) -> KedroProject:
    """A project with datasets whose credentials only a hook knows."""
    plain = [name for name in ("raw", "cleaned", "model", "other", "reported") if name not in names]
    secret = "".join(json_dataset(name) + "  credentials: vault\n" for name in names)
    project = write_project(
        folder,
        nodes=NODES,
        pipelines=PIPELINES,
        catalog=json_dataset(*plain) + secret,
        parameters="factor: 2\n",
        dagster=dagster,
        settings=VAULT,
    )
    project.write("data/raw.json", "1")
    project.write("data/other.json", "2")
    return project


def test_new_data_cannot_be_told_where_only_a_hook_has_the_credentials(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = with_vault(tmp_path, "other")
    assert execute(project, instance, "all").success
    assert stale(project, instance) == {"reported": [WITHOUT], "tell": ["'reported' is made again"]}
    (project.path / "data/model.json").unlink()
    assert stale(project, instance) == {
        "model": ["there are no files at data/model.json"],
        "reported": [WITHOUT, "'model' is made again"],
        "tell": ["'reported' is made again"],
    }
    project.write("data/raw.json", "11")
    assert stale(project, instance)["cleaned"] == ["new data in 'raw'"]


def test_what_is_made_with_the_credentials_of_a_hook_is_not_taken_for_gone(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = with_vault(tmp_path, "model", "reported")
    assert execute(project, instance, "all").success
    (project.path / "data/model.json").unlink()
    assert stale(project, instance) == {}
    project.write("data/other.json", "22")
    assert stale(project, instance) == {"reported": ["new data in 'other'"], "tell": ["'reported' is made again"]}


def test_what_is_loaded_with_hooks_is_looked_at_with_them(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = with_vault(tmp_path, "other", dagster=f"load_with_hooks: true\n{JOBS}")
    assert execute(project, instance, "all").success
    assert stale(project, instance) == {}
    project.write("data/other.json", "22")
    assert stale(project, instance) == {"reported": ["new data in 'other'"], "tell": ["'reported' is made again"]}


def test_files_are_looked_at_where_the_parameters_of_the_run_say(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = write_project(
        tmp_path,
        nodes="def double(raw):\n    return raw * 2\n",
        pipelines='{"__default__": pipeline([node(double, "raw", "doubled", name="double")])}',
        catalog=json_dataset("doubled")
        + "raw: {type: json.JSONDataset, filepath: 'data/${runtime_params:day}.json'}\n",
    )
    project.write("data/monday.json", "1")
    run = ("kedro", "assets", "run", "--stale", "--params", "day=monday")
    said = [run_command(project, *run).stdout]
    said += [run_command(project, *run).stdout]
    project.write("data/monday.json", "22")
    said += [run_command(project, *run).stdout]
    assert ["never made" in said[0], "Everything is up to date." in said[1]] == [True, True]
    assert "doubled: new data in 'raw'" in said[2]
    assert project.read("doubled.json") == 44


# Data versions by content: what comes out the same changes nothing behind it.


CAPPED = """
def cap(raw, limit):
    return min(raw, limit)


def double(capped):
    return capped * 2


def both(doubled, other):
    return [doubled, other]
"""
CAPPED_PIPELINE = """{"__default__": pipeline([
    node(cap, ["raw", "params:limit"], "capped", name="cap"),
    node(double, "capped", "doubled", name="double"),
    node(both, ["doubled", "other"], "last", name="both"),
])}"""
CONTENT = "  metadata: {dagster: {data_version: content}}\n"


def capped(
    folder: Path, settings: str = "", versioned: str = "", content: str = CONTENT, doubled: str = ""
) -> KedroProject:
    files = json_dataset("raw", "other", "last") + json_dataset("doubled") + doubled
    catalog = files + json_dataset("capped") + versioned + content
    project = write_project(
        folder,
        nodes=CAPPED,
        pipelines=CAPPED_PIPELINE,
        catalog=catalog,
        parameters="limit: 5\n",
        dagster=f"assets: {{{settings}}}\n{JOBS}",
    )
    project.write("data/raw.json", "3")
    project.write("data/other.json", "1")
    return project


def make_stale(project: KedroProject) -> list[str]:
    """Run `kedro assets run --stale`; return what it says of assets: `+` is made, `o` stays as it is."""
    lines = run_command(project, "kedro", "assets", "run", "--stale").stdout.splitlines()
    found = [re.match(r"([+o]) +\d+\.\d s  (\w+)", line) for line in lines]
    return [f"{line[1]} {line[2]}" for line in found if line]


@pytest.mark.parametrize(
    ("settings", "versioned"), [("", ""), ("cluster_by: node", "  versioned: true\n")], ids=["plain", "versioned"]
)
def test_what_comes_out_the_same_changes_nothing_behind_it(
    settings: str, versioned: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = capped(tmp_path, settings, versioned)
    assert make_stale(project) == ["+ capped", "+ doubled", "+ last"]
    project.write("conf/base/parameters.yml", "limit: 6\n")
    assert stale(project, instance)["doubled"] == ["'capped' is made again"]
    project.forget()
    assert make_stale(project) == ["+ capped", "o doubled", "o last"]
    assert project.nodes_run() == ["cap"]
    assert stale(project, instance) == {}


NO_VERSIONS = """
from kedro_assets import KedroTranslator

class Unversioned(KedroTranslator):
    def get_asset_spec(self, data):
        return super().get_asset_spec(data).replace_attributes(code_version=None)
"""


def test_an_asset_to_which_a_translator_gives_no_code_version_can_be_up_to_date(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = capped(tmp_path)
    project.write(f"src/{project.package}/unversioned.py", NO_VERSIONS)
    project.write("conf/base/dagster.yml", f"assets: {{translator: {project.package}.unversioned.Unversioned}}\n{JOBS}")
    assert execute(project, instance, "all").success
    assert stale(project, instance) == {}
    project.write("data/raw.json", "4")
    assert "new data in 'raw'" in stale(project, instance)["capped"]


def test_what_comes_out_otherwise_changes_what_is_behind_it(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = capped(tmp_path)
    make_stale(project)
    project.write("conf/base/parameters.yml", "limit: 2\n")
    assert make_stale(project) == ["+ capped", "+ doubled", "+ last"]
    assert project.read("last.json") == [4, 1]


@pytest.mark.parametrize("doubled", ["", "  versioned: true\n"], ids=["plain", "versioned"])
@pytest.mark.parametrize("settings", ["", PARALLEL], ids=["one process", "several"])
def test_what_has_changed_beside_it_is_made_all_the_same(
    settings: str, doubled: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = capped(tmp_path, settings, doubled=doubled)
    make_stale(project)
    project.write("conf/base/parameters.yml", "limit: 6\n")
    project.write("data/other.json", "22")
    assert make_stale(project) == ["+ capped", "o doubled", "+ last"]
    assert project.read("last.json") == [6, 22]
    assert stale(project, instance) == {}
    project.write("conf/base/parameters.yml", "limit: 2\n")
    assert make_stale(project) == ["+ capped", "+ doubled", "+ last"]
    assert project.read("last.json") == [4, 22]


@pytest.mark.parametrize(
    ("settings", "content"),
    [("", CONTENT), ('data_version: {"cap{rest}": content}', "")],
    ids=["in the catalog", "in dagster.yml"],
)
def test_the_data_version_is_that_of_the_content(
    settings: str, content: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = capped(tmp_path, settings, content=content)
    for job in ("all", "steps", "all"):
        assert execute(project, instance, job).success
    records = instance.fetch_materializations(dg.AssetKey("capped"), limit=9).records
    versions = [record.asset_materialization.tags["dagster/data_version"] for record in records]
    assert len(versions) == 3
    assert len(set(versions)) == 1
    project.write("data/raw.json", "4")
    assert execute(project, instance, "all").success
    [record] = instance.fetch_materializations(dg.AssetKey("capped"), limit=1).records
    assert record.asset_materialization.tags["dagster/data_version"] not in versions


# Partitions: what is gone of one, and which ones of others something is made from.

DAYS = """
def extract(raw, key):
    return raw.get(key, 0)


def gather(sales):
    return {key: load() for key, load in sorted(sales.items())}
"""
BY_DAY = "partitions: " + '{daily: {start_date: "2026-01-01", end_date: "2026-01-15"}}'


def of_days(folder: Path, behind: str, content: str = "") -> KedroProject:
    """Sales of each day, and what is made from them."""
    project = write_project(
        folder,
        nodes=DAYS,
        pipelines="""{"__default__": pipeline([
            node(extract, ["raw", "params:partition_key"], "sales@one", name="extract"),
            node(gather, "sales@all", "behind", name="gather"),
        ])}""",
        catalog=json_dataset("raw") + one("sales@one", BY_DAY + content) + every("sales@all") + behind,
    )
    project.write("data/raw.json", '{"2026-01-02": 1, "2026-01-05": 1}')
    return project


WINDOW = "partition_mappings: {sales: {time_window: {start_offset: -6, allow_nonexistent_upstream_partitions: true}}}"
WEEKS = 'partitions: {weekly: {start_date: "2026-01-04", end_date: "2026-01-18"}}'


@pytest.mark.parametrize(
    ("behind", "key", "read", "not_read"),
    [
        (f"{BY_DAY}, {WINDOW}", "2026-01-08", "2026-01-05", "2026-01-01"),
        (WEEKS, "2026-01-04", "2026-01-05", "2026-01-02"),
    ],
    ids=["a window of days", "a week of days"],
)
def test_a_partition_is_made_from_those_that_its_mapping_says(
    behind: str, key: str, read: str, not_read: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = of_days(tmp_path, one("behind", behind))
    for day in [f"2026-01-{day:02}" for day in range(1, 11)]:
        assert make(project, instance, "sales", tags=partition(day)).success
    assert make(project, instance, "behind", tags=partition(key)).success
    assert stale(project, instance, key, "behind") == {}
    assert make(project, instance, "sales", tags=partition(not_read)).success
    assert stale(project, instance, key, "behind") == {}
    assert make(project, instance, "sales", tags=partition(read)).success
    assert make(project, instance, "sales", tags=partition(not_read)).success
    assert stale(project, instance, key, "behind") == {"behind": ["new data in 'sales'"]}
    assert make(project, instance, "behind", tags=partition(key)).success
    assert stale(project, instance, key, "behind") == {}


def test_what_has_no_partitions_is_made_from_all_of_what_has(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = of_days(tmp_path, json_dataset("behind"), ", data_version: content")
    days = ["2026-01-02", "2026-01-05"]
    for day in days:
        assert make(project, instance, "sales", tags=partition(day)).success
    assert make(project, instance, "behind").success
    assert make(project, instance, "sales", tags=partition(days[0])).success
    assert stale(project, instance, None, "behind") == {}
    project.write("data/raw.json", '{"2026-01-02": 2, "2026-01-05": 1}')
    for day in days:  # the last one comes out as it was
        assert make(project, instance, "sales", tags=partition(day)).success
    assert stale(project, instance, None, "behind") == {"behind": ["new data in 'sales'"]}


def test_the_file_of_a_partition_is_gone(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    kind = "partitions: {static: [a, b]}"
    project = write_project(
        tmp_path,
        nodes="def start(raw, key):\n    return {key: raw}\n\n\ndef load(days):\n    return [load() for load in days.values()]\n",
        pipelines="""{"__default__": pipeline([
            node(start, ["raw", "params:partition_key"], "days", name="start"), node(load, "days", "out", name="end")])}""",
        catalog=json_dataset("raw") + every("days", kind) + one("out", kind),
    )
    project.write("data/raw.json", "1")
    for key in ("a", "b"):
        assert make(project, instance, "days", "out", tags=partition(key)).success
        assert stale(project, instance, key) == {}
    (project.path / "data/out/a.json").unlink()
    assert stale(project, instance, "a") == {"out": ["there are no files at data/out/a.json"]}
    assert stale(project, instance, "b") == {}
    (project.path / "data/days/b.json").unlink()
    assert stale(project, instance, "b") == {
        "days": ["there are no files of partition b at data/days"],
        "out": ["'days' is made again"],
    }


def test_new_files_of_an_external_partition_count_once_they_are_reported(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    kind = "partitions: {static: [a, b]}"
    project = write_project(
        tmp_path,
        nodes="def copy(raw):\n    return raw\n",
        pipelines="""{"__default__": pipeline([node(copy, "raw", "out", name="copy")])}""",
        catalog=one("raw", kind) + one("out", kind),
    )
    for key in ("a", "b"):
        project.write(f"data/raw/{key}.json", "1")
        assert make(project, instance, "out", tags=partition(key)).success
    project.write("data/raw/a.json", "2")
    assert stale(project, instance, "a") == {}
    tags = {"dagster/data_version": "2"}
    instance.report_runless_asset_event(dg.AssetObservation("raw", partition="a", tags=tags))
    assert stale(project, instance, "a") == {"out": ["new data in 'raw'"]}
    assert stale(project, instance, "b") == {}
    assert make(project, instance, "out", tags=partition("a")).success
    instance.report_runless_asset_event(dg.AssetObservation("raw", partition="a", tags=tags))
    assert stale(project, instance, "a") == {}
