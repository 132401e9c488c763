"""Sensors of dagster.yml, each evaluated as Dagster's daemon does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dagster as dg
import fsspec
import pytest
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from helpers import KedroProject, execute, json_dataset, load_definitions, write_project

from kedro_assets.errors import ConfigError, ProjectError


class AskedFileSystem(AbstractFileSystem):
    """Has one file, for those who know the token."""

    protocol = "asked"

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        token = self.storage_options.get("token")
        if token != "hunter22":
            raise PermissionError(f"not with {token}")
        return {"name": path, "size": 1, "type": "file", "ETag": "a"}

    def isfile(self, path: str) -> bool:
        return self.info(path)["type"] == "file"


listed = LocalFileSystem.ls


def denied(system: LocalFileSystem, path: str, **options: Any) -> Any:
    if path.endswith("data/parts"):
        raise PermissionError("denied")
    return listed(system, path, **options)


DAILY = """
    partitions: {days: {daily: {start_date: "2026-01-01"}}}
    assets: {partitions: {raw: days, middle: days, final: days}}
"""

DAGSTER = """
    sensors:
      changed: {dataset: raw, minimum_interval_seconds: 60, default_status: RUNNING, tags: {why: changed}}
    jobs:
      first: {pipeline: {to_nodes: [one]}}
      all:
        sensor: changed
        config: {parameters: {"params:step": 2}}
      second:
        pipeline: {from_nodes: [two]}
        sensor: {asset: middle, config: {parameters: {"params:step": 5}}}
"""


@pytest.fixture
def project(tmp_path: Path) -> KedroProject:
    return sensed(tmp_path, DAGSTER)


def sensed(folder: Path, dagster: str, catalog: str = "") -> KedroProject:
    project = write_project(
        folder,
        nodes="def add(value, step):\n    return value + step\n\ndef count(parts):\n    return len(parts)\n",
        pipelines="""{
            "__default__": pipeline([
                node(add, ["raw", "params:step"], "middle", name="one"),
                node(add, ["middle", "params:step"], "final", name="two")]),
            "parts": pipeline([node(count, "parts", "number", name="count")]),
        }""",
        catalog=json_dataset("raw", "middle", "final") + catalog,
        parameters="step: 1",
        dagster=dagster,
    )
    project.write("data/raw.json", "1")
    return project


def tick(project: KedroProject, instance: dg.DagsterInstance, sensor: str, cursor: str | None = None) -> Any:
    definitions = load_definitions(project)
    repository = definitions.get_repository_def()
    with dg.build_sensor_context(instance, cursor, repository_def=repository, sensor_name=sensor) as context:
        return repository.get_sensor_def(sensor).evaluate_tick(context)


def test_a_sensor_of_a_dataset_starts_its_job_when_the_file_has_changed(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    first = tick(project, instance, "changed")
    assert (first.run_requests, first.skip_message) == (
        [], "The files of 'raw' have been recorded. A run starts when they change.",
    )  # fmt: skip
    second = tick(project, instance, "changed", first.cursor)
    assert (second.run_requests, second.skip_message) == ([], "The files of 'raw' have not changed.")
    project.write("data/raw.json", "1000")
    third = tick(project, instance, "changed", second.cursor)
    [request] = third.run_requests
    assert request.tags["why"] == "changed"
    assert [event.asset_key for event in third.asset_events] == [dg.AssetKey("raw")]
    assert tick(project, instance, "changed", third.cursor).run_requests == []
    assert execute(project, instance, "all", config=dict(request.run_config)).success
    assert project.read("final.json") == 1004
    (project.path / "data/raw.json").unlink()
    gone = tick(project, instance, "changed", third.cursor)
    assert (gone.skip_message, gone.cursor) == ("The dataset 'raw' has no files.", third.cursor)
    assert {call["hook"] for call in project.calls()} >= {"after_context_created"}


def test_a_sensor_does_not_report_data_that_a_run_has_reported(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    first = tick(project, instance, "changed")
    project.write("data/raw.json", "100")
    assert execute(project, instance, "all").success
    second = tick(project, instance, "changed", first.cursor)
    assert (len(second.run_requests), second.asset_events) == (1, [])


def test_looking_at_files_fires_no_hook(project: KedroProject, instance: dg.DagsterInstance) -> None:
    tick(project, instance, "changed")
    assert project.calls() == []


def test_a_sensor_of_an_asset_starts_its_job_for_every_materialization(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    assert execute(project, instance, "first").success
    found = tick(project, instance, "second_sensor")
    [request] = found.run_requests
    assert execute(project, instance, "second", config=dict(request.run_config)).success
    assert project.read("final.json") == 7
    assert tick(project, instance, "second_sensor", found.cursor).run_requests == []


@pytest.mark.parametrize("cursor", ["{", "[1]", "3f2a", "true"])
def test_a_sensor_that_looked_at_something_else_before_starts_over(
    project: KedroProject, instance: dg.DagsterInstance, cursor: str
) -> None:
    assert execute(project, instance, "first").success
    found, again = (tick(project, instance, "second_sensor", before) for before in (None, cursor))
    assert [run.run_key for run in again.run_requests] == [run.run_key for run in found.run_requests] != []
    assert again.cursor == found.cursor


def test_a_sensor_does_not_start_its_job_for_what_that_has_made(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = sensed(tmp_path, "jobs: {first: {pipeline: {to_nodes: [one]}}, all: {sensor: {asset: middle}}}")
    assert execute(project, instance, "first").success
    found = tick(project, instance, "all_sensor")
    assert len(found.run_requests) == 1
    assert execute(project, instance, "all").success
    after = tick(project, instance, "all_sensor", found.cursor)
    assert (after.run_requests, int(after.cursor) > int(found.cursor)) == ([], True)
    assert (
        after.skip_message
        == "The new materializations of 'middle' are of runs of this job, which start no further run."
    )
    assert execute(project, instance, "first").success
    assert len(tick(project, instance, "all_sensor", after.cursor).run_requests) == 1


def test_sensors_have_what_dagster_yml_says(project: KedroProject) -> None:
    sensors = {sensor.name: sensor for sensor in load_definitions(project).sensors or []}
    changed, written_out = sensors["changed"], sensors["second_sensor"]
    assert (changed.minimum_interval_seconds, changed.default_status) == (60, dg.DefaultSensorStatus.RUNNING)
    assert (changed.job_name, written_out.job_name) == ("all", "second")
    assert written_out.default_status == dg.DefaultSensorStatus.STOPPED


def test_a_folder_and_files_elsewhere_are_looked_at_too(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    catalog = (
        "parts: {type: partitions.PartitionedDataset, path: data/parts, dataset: json.JSONDataset}\n"
        "number: {type: json.JSONDataset, filepath: data/number.json}\n"
    )
    dagster = "jobs: {count: {pipeline: {pipeline_name: parts}, sensor: {dataset: parts}}}"
    project = sensed(tmp_path, dagster, catalog)
    assert tick(project, instance, "count_sensor").skip_message == "The dataset 'parts' has no files."
    project.write("data/parts/a.json", "1")
    first = tick(project, instance, "count_sensor")
    project.write("data/parts/b.json", "1")
    assert len(tick(project, instance, "count_sensor", first.cursor).run_requests) == 1


def test_a_file_elsewhere_is_looked_at_with_its_credentials(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    entry = "remote: {type: json.JSONDataset, filepath: 'asked://bucket/a.json', credentials: mine}\n"
    project = sensed(tmp_path, "jobs: {j: {pipeline: {pipeline_name: remote}, sensor: {dataset: remote}}}", entry)
    registry = project.path / "src" / project.package / "pipeline_registry.py"
    more = '"remote": pipeline([node(count, "remote", "length", name="remote")]),'
    registry.write_text(registry.read_text().replace('"parts": pipeline', f'{more}\n"parts": pipeline'))
    project.write("conf/local/credentials.yml", "mine: {token: hunter22}")
    fsspec.register_implementation("asked", AskedFileSystem, clobber=True)
    assert tick(project, instance, "j_sensor").cursor is not None
    project.write("conf/local/credentials.yml", "mine: {token: wrong-token}")
    with pytest.raises(
        ProjectError, match=r"The files of 'remote' cannot be looked at: PermissionError: not with \*\*\*\n"
    ):
        tick(project, instance, "j_sensor")
    project.write("conf/local/credentials.yml", "mine: {token: '${oc.env:KEY_THAT_IS_NOT_SET}'}")
    with pytest.raises(ProjectError, match=r"(?s)KEY_THAT_IS_NOT_SET.*the next tick looks again"):
        tick(project, instance, "j_sensor")


def test_files_that_may_not_be_read_are_no_empty_folder_and_keep_the_cursor(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    catalog = (
        "parts: {type: partitions.PartitionedDataset, path: data/parts, dataset: json.JSONDataset}\n"
        "number: {type: json.JSONDataset, filepath: data/number.json}\n"
    )
    dagster = "jobs: {count: {pipeline: {pipeline_name: parts}, sensor: {dataset: parts}}}"
    project = sensed(tmp_path, dagster, catalog)
    project.write("data/parts/a.json", "1")
    cursor = tick(project, instance, "count_sensor").cursor
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LocalFileSystem, "ls", denied)
        with pytest.raises(ProjectError, match="The files of 'parts' cannot be looked at: PermissionError: denied"):
            tick(project, instance, "count_sensor", cursor)
    assert tick(project, instance, "count_sensor", cursor).skip_message == "The files of 'parts' have not changed."


@pytest.mark.parametrize(
    ("dagster", "path", "found", "hint"),
    [
        (f"{DAILY}    jobs: {{j: {{sensor: {{dataset: raw}}}}}}", "jobs.j.sensor", "the partitions of 'raw' are not `dynamic`", "automation_condition"),
        ("sensors: {s: {asset: midle}}", "sensors.s.asset", "there is no asset 'midle'.", "Did you mean 'middle'?"),
        ("sensors: {s: {dataset: middle}}", "sensors.s.dataset", "'middle' is not an external dataset with", "Allowed: raw."),
        ("sensors: {s: {}}", "sensors.s", "this sensor has neither `asset` nor `dataset`.", "Write one of the two."),
        ("sensors: {s: {asset: raw, dataset: raw}}", "sensors.s", "found both `asset` and `dataset`, but a sensor takes only one of them.", "Write one"),
        ("sensors: {s: {asset: raw}}\njobs: {j: {sensor: t}}", "jobs.j.sensor", "no sensor 't' is defined.", "Allowed: s."),
        ("jobs: {j: {sensor: [{dataset: rw}]}}", "jobs.j.sensor[0].dataset", "'rw' is no", "Did you mean 'raw'?"),
        ("jobs: {j: {sensor: {asset: raw, config: {parameters: {x: 1}}}}}", "jobs.j.sensor.config.parameters.x", "no node of this job reads the parameter 'x'.", ""),
    ],
)  # fmt: skip
def test_a_sensor_that_does_not_fit_is_reported(tmp_path: Path, dagster: str, path: str, found: str, hint: str) -> None:
    project = sensed(tmp_path, dagster)
    with pytest.raises(ConfigError) as raised:
        load_definitions(project)
    [problem] = raised.value.problems
    assert (problem.path, found in problem.found, hint in problem.hint) == (path, True, True), problem


def test_a_sensor_that_jobs_share_is_one_for_each(tmp_path: Path) -> None:
    jobs = "jobs: {a: {sensor: s}, b: {sensor: [s]}}"
    project = sensed(tmp_path, f"sensors: {{s: {{asset: raw}}}}\n{jobs}")
    names = {sensor.name for sensor in load_definitions(project).sensors or []}
    assert names >= {"a__s", "b__s"}


def test_a_sensor_of_an_asset_loses_no_materialization_between_two_looks(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    dagster = """
        partitions: {letters: {static: [a, b, c, d]}}
        assets: {partitions: {middle: letters, final: letters}}
        jobs:
          second: {pipeline: {from_nodes: [two]}, sensor: {asset: middle}}
    """
    project = sensed(tmp_path, dagster)

    def materialize(*partitions: str | None) -> None:
        for partition in partitions:
            instance.report_runless_asset_event(dg.AssetMaterialization("middle", partition=partition))

    def keys(found: Any) -> list[str]:
        return [request.partition_key for request in found.run_requests]

    materialize("a", "b")
    first = tick(project, instance, "second_sensor")
    assert keys(first) == ["b"]
    materialize("c", "d", None, "a")
    second = tick(project, instance, "second_sensor", first.cursor)
    assert keys(second) == ["c", "d", "a"]
    assert len({request.run_key for request in second.run_requests}) == 3
    assert tick(project, instance, "second_sensor", second.cursor).run_requests == []
    materialize(None)
    third = tick(project, instance, "second_sensor", second.cursor)
    assert third.skip_message == "The new materializations of 'middle' are of no partition that the job has."
    assert int(third.cursor) > int(second.cursor)


def test_a_dataset_is_looked_at_where_the_runs_of_its_job_find_it(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    other = "\nother: {type: json.JSONDataset, filepath: 'data/${runtime_params:other}.json'}\n"
    jobs = "jobs: {all: {config: {runtime_params: {place: {region: eu}}}, sensor: {dataset: raw%s}}}"
    project = sensed(tmp_path, jobs % "", other)
    catalog = (project.path / "conf/base/catalog.yml").read_text()
    project.write("conf/base/catalog.yml", catalog.replace("data/raw.json", "data/${runtime_params:place.region}.json"))
    assert tick(project, instance, "all_sensor").skip_message == "The dataset 'raw' has no files."
    project.write("data/eu.json", "1")
    assert tick(project, instance, "all_sensor").cursor
    project.write("conf/base/dagster.yml", jobs % ", config: {runtime_params: {place: {region: us}}}")
    assert tick(project, instance, "all_sensor").skip_message == "The dataset 'raw' has no files."
    project.write("conf/base/dagster.yml", "jobs: {all: {sensor: {dataset: raw}}}")
    with pytest.raises(
        ProjectError, match=r"The path of 'raw' depends on the runtime parameter <place.region>. Give its"
    ):
        tick(project, instance, "all_sensor")


@pytest.mark.parametrize("credentials", ["mine: ${from_a_vault:token}", "other: {}"], ids=["unreadable", "missing"])
def test_what_cannot_be_read_without_hooks_is_said(
    credentials: str, project: KedroProject, instance: dg.DagsterInstance
) -> None:
    project.write("conf/local/credentials.yml", credentials)
    assert tick(project, instance, "changed").cursor  # no credentials are asked for
    catalog = (project.path / "conf/base/catalog.yml").read_text()
    place = "filepath: data/raw.json\n"
    project.write("conf/base/catalog.yml", catalog.replace(place, f"{place}  credentials: mine\n"))
    with pytest.raises(ProjectError, match="No hook fires when a sensor looks at files"):
        tick(project, instance, "changed")


def test_a_file_that_is_only_read_or_linked_has_not_changed(
    project: KedroProject, instance: dg.DagsterInstance
) -> None:
    first = tick(project, instance, "changed")
    file = project.path / "data/raw.json"
    (project.path / "data/link.json").hardlink_to(file)
    file.chmod(0o600)
    os.utime(file, (1, file.stat().st_mtime))
    assert tick(project, instance, "changed", first.cursor).skip_message == "The files of 'raw' have not changed."


def test_a_cached_dataset_is_looked_at_too(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = sensed(tmp_path, DAGSTER)
    cached = "raw: {type: CachedDataset, dataset: {type: json.JSONDataset, filepath: data/raw.json}}\n"
    project.write("conf/base/catalog.yml", cached + json_dataset("middle", "final"))
    assert tick(project, instance, "changed").cursor


def test_one_partition_per_path_is_no_place_to_look_at(tmp_path: Path) -> None:
    dagster = """
        partitions: {letters: {dynamic: letters}}
        assets: {partitions: {raw: letters, middle: letters, final: letters}}
        jobs: {all: {sensor: {dataset: raw}}}
    """
    project = sensed(tmp_path, dagster)
    catalog = (project.path / "conf/base/catalog.yml").read_text()
    project.write("conf/base/catalog.yml", catalog.replace("data/", "data/${runtime_params:partition_key}/"))
    with pytest.raises(
        ConfigError, match="'raw' has one path per partition, so there is no single path at which its files are"
    ):
        load_definitions(project)
