"""Partitioned datasets of Kedro and Dagster's own assets: the IO managers load and save the partition that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, json_dataset, load_definitions, write_project
from partitioned import DAILY, every, one, partition, run_job

NODES = """
    def note(key):
        return {"key": key}

    def wrap(key):
        return {key.replace("|", "/"): {"key": key}}

    def copy(data):
        return data
"""
MULTI = '{multi: {day: {daily: {start_date: "2026-01-01", end_date: "2026-01-15"}}, region: {static: [north, south]}}}'
# `daily` -> (Dagster's own asset) -> `kept`, which no node writes -> `copied`
NATIVE = """
    import dagster as dg

    from . import definitions

    definition = definitions.defs.resolve_assets_def("daily").partitions_def

    @dg.asset(
        key="kept",
        ins={"daily": dg.AssetIn(input_manager_key="daily__io_manager")},
        io_manager_key="kept__io_manager",
        partitions_def=definition,
        backfill_policy=dg.BackfillPolicy.multi_run(1),
    )
    def keep(daily):
        return SAVED

    jobs = [dg.define_asset_job("everything", ["daily", "kept", "copied"])]
    defs = dg.Definitions.merge(definitions.defs, dg.Definitions(assets=[keep], jobs=jobs))
"""
DAY = "2026-01-05"


def in_paths(folder: Path, partitions: str = DAILY) -> KedroProject:
    """One path per partition."""
    written = f"partitions: {partitions}"
    catalog = one("daily", written) + one("kept", f"{written}, external: false") + one("copied", written)
    return _project(folder, catalog, "note", '{**daily, "kept": True}')


def in_folders(folder: Path) -> KedroProject:
    """Partitions in folders."""
    written = f"partitions: {DAILY}"
    catalog = every("daily", written) + every("kept", f"{written}, external: false") + every("copied", written)
    return _project(folder, catalog, "wrap", '{key: {**load(), "kept": True} for key, load in daily.items()}')


def _project(folder: Path, catalog: str, function: str, saved: str) -> KedroProject:
    pipelines = f"""{{"__default__": pipeline([
        node({function}, "params:partition_key", "daily", name="make"), node(copy, "kept", "copied", name="copy"),
    ])}}"""
    project = write_project(folder, nodes=NODES, pipelines=pipelines, catalog=json_dataset("raw") + catalog)
    if function == "wrap":  # a loaded partition is a function
        file = f"src/{project.package}/nodes.py"
        text = (project.path / file).read_text()
        project.write(file, text.replace("return data", "return {key: load() for key, load in data.items()}"))
    project.write(f"src/{project.package}/native.py", NATIVE.replace("SAVED", saved))
    return project


@pytest.mark.filterwarnings("ignore::dagster_shared.utils.warnings.BetaWarning")  # of `backfill_policy`
@pytest.mark.parametrize("make_project", [in_paths, in_folders])
def test_an_asset_of_dagster_reads_and_writes_the_partition_of_its_run(
    make_project: Callable[[Path], KedroProject], tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = make_project(tmp_path)
    for name in ("daily", "kept"):
        project.write(f"data/{name}/2026-01-02.json", '{"key": "another day"}')
    made = run_job(project, instance, "everything", tags=partition(DAY), module="native")
    assert made.success, made.error
    assert sorted(made.recorded) == [("copied", DAY), ("daily", DAY), ("kept", DAY)]
    assert project.read(f"daily/{DAY}.json") == {"key": DAY}
    assert project.read(f"kept/{DAY}.json") == project.read(f"copied/{DAY}.json") == {"key": DAY, "kept": True}
    assert project.read("kept/2026-01-02.json") == {"key": "another day"}
    assert not (project.path / "data/copied/2026-01-02.json").exists()
    assert len(project.calls("before_pipeline_run")) == len(project.calls("after_pipeline_run")) == 1


def test_a_value_is_loaded_by_its_partition(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = in_paths(tmp_path)
    for day in (5, 6):
        project.write(f"data/daily/2026-01-0{day}.json", str(day))
    definitions = load_definitions(project)
    assert definitions.load_asset_value("daily", instance=instance, partition_key="2026-01-05") == 5
    assert definitions.load_asset_value("daily", instance=instance, partition_key="2026-01-06") == 6
    assert project.calls("before_pipeline_run", "before_dataset_loaded") == []


def test_a_value_in_a_folder_of_partitions_is_loaded_by_its_partition(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = in_folders(tmp_path)
    for day in (5, 6):
        project.write(f"data/daily/2026-01-0{day}.json", str(day))
    definitions = load_definitions(project)
    found = definitions.load_asset_value("daily", instance=instance, partition_key="2026-01-05")
    assert {key: load() for key, load in found.items()} == {"2026-01-05": 5}


@pytest.mark.filterwarnings("ignore:Non-compliant tag keys:DeprecationWarning")
def test_a_key_of_two_dimensions_loads_and_makes_its_partition(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = in_paths(tmp_path, MULTI)
    key = dg.MultiPartitionKey({"day": DAY, "region": "north"})
    definitions = load_definitions(project)
    job = definitions.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(partition_key=key, asset_selection=[dg.AssetKey("daily")], instance=instance)
    assert result.success
    assert project.read(f"daily/{DAY}|north.json") == {"key": f"{DAY}|north"}
    for asked in (key, f"{DAY}|north"):
        assert definitions.load_asset_value("daily", instance=instance, partition_key=asked) == {"key": f"{DAY}|north"}
