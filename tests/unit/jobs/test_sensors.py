"""What the sensors of dagster.yml look at, and the runs that they ask for."""

import json

import dagster as dg
import pytest
from dagster._core.events import StepMaterializationData

from kedro_assets.config import JobConfig, PartitionsConfig, RunConfig, SensorConfig
from kedro_assets.errors import Scope
from kedro_assets.jobs import LOOKED_AT, build_job_sensors, sensors
from kedro_assets.project import CatalogEntry
from unit.builders import make_node
from unit.records import build_jobs_of, json_entry, make_kedro, plan_jobs_of

NODES = [make_node("a", ["raw", "params:p"], ["x"]), make_node("b", ["x"], ["y"])]
KEYS = PartitionsConfig(static=["k1", "k2"])
SHOPS = PartitionsConfig(dynamic="shops")


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def built(problems=None, *, jobs=None, sensors=None, catalog=None, **options):
    """Build the sensors of jobs; without any, those of one that `s` starts."""
    found, kedro = project_of(jobs=jobs, sensors=sensors, catalog=catalog, **options)
    scope = Scope() if problems is None else problems
    made = build_job_sensors(plan_jobs_of(kedro), found, kedro, scope)
    if problems is None:
        scope.raise_if_any()
    return made


def project_of(*, jobs=None, sensors=None, catalog=None, **options):
    """Make a project, and build its jobs."""
    config = {"jobs": jobs or {"j": JobConfig(sensor="s")}, "sensors": sensors or {}}
    entries = {name: json_entry(f"/nowhere/{name}.json") for name in ("raw", "x", "y")}
    return build_jobs_of(make_kedro(NODES, config=config, catalog={**entries, **(catalog or {})}, **options))


def looking(instance, **options):
    """Build one sensor, and return what looks once, by its cursor."""
    [sensor] = built(**options)
    return lambda cursor=None: sensor(dg.build_sensor_context(instance=instance, cursor=cursor))


def said(tick):
    """Return why a look asks for no run."""
    assert not tick.run_requests
    return tick.skip_reason.skip_message


def requests(tick):
    return [(each.run_key, each.partition_key) for each in tick.run_requests or []]


def test_a_sensor_has_what_dagster_yml_says():
    config = SensorConfig("x", None, 60, "RUNNING", "Looks at x.")
    [sensor] = built(sensors={"s": config}, key_prefix=[])
    assert (sensor.name, sensor.job_name, sensor.minimum_interval_seconds, sensor.description) == (
        "s",
        "j",
        60,
        "Looks at x.",
    )
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert {key: value.value for key, value in sensor.metadata.items()} == {LOOKED_AT[0]: "x"}


def test_names_and_keys_carry_the_prefix():
    [sensor] = built(sensors={"s": SensorConfig("eu/x")}, key_prefix=["eu"])
    assert (sensor.name, sensor.job_name) == ("eu__s", "eu__j")


@pytest.mark.parametrize(
    ("config", "path", "found", "hint"),
    [
        (SensorConfig("xx"), "sensors.s.asset", "there is no asset 'xx'.", "Did you mean 'x'?"),
        (
            SensorConfig(dataset="rav"),
            "sensors.s.dataset",
            "'rav' is not an external dataset with",
            "Did you mean 'raw'?",
        ),
        (SensorConfig(dataset="x"), "sensors.s.dataset", "'x' is not an external dataset with", "Allowed: raw."),
    ],
    ids=["asset", "dataset", "made by a node"],
)
def test_what_is_not_there_cannot_be_looked_at(config, path, found, hint):
    problems = Scope()
    assert built(problems, sensors={"s": config}) == []
    [problem] = problems
    assert (problem.path, found in problem.found, hint in problem.hint) == (path, True, True)


def test_a_sensor_that_is_written_out_is_reported_at_its_job():
    problems = Scope()
    built(problems, jobs={"j": JobConfig(sensor=[SensorConfig("nope")])})
    assert [problem.path for problem in problems] == ["jobs.j.sensor[0].asset"]


def test_one_place_per_partition_is_no_place_to_look_at():
    problems = Scope()
    place = json_entry("<partition_key>.json")
    built(
        problems,
        sensors={"s": SensorConfig(dataset="raw")},
        catalog={"raw": place},
        partitions=dict.fromkeys(["raw", "x", "y"], KEYS),
    )
    assert [problem.found for problem in problems] == [
        "'raw' has one path per partition, so there is no single path at which its files are."
    ]


@pytest.mark.parametrize(
    ("config", "partitions", "said"),
    [
        (SensorConfig("x"), {"y": KEYS}, "'x' has other partitions or none"),
        (SensorConfig("raw"), {"x": KEYS, "y": KEYS, "raw": SHOPS}, "'raw' has other partitions or none"),
        (SensorConfig(dataset="raw"), {"x": KEYS, "y": KEYS}, "'raw' has other partitions or none"),
        (SensorConfig(dataset="raw"), {"x": KEYS, "y": KEYS, "raw": KEYS}, "the partitions of 'raw' are not `dynamic`"),
        (SensorConfig(dataset="raw"), {"x": KEYS, "y": KEYS, "raw": SHOPS}, "'raw' has other partitions or none"),
    ],
    ids=["asset without", "asset otherwise", "files without", "files not dynamic", "files otherwise"],
)
def test_a_job_of_partitions_needs_to_be_told_which(config, partitions, said):
    problems = Scope()
    mapping = {"metadata": {"dagster": {"partition_mappings": {"raw": "all"}}}} if "raw" in partitions else {}
    built(problems, sensors={"s": config}, partitions=partitions, catalog={"x": json_entry("/nowhere/x", **mapping)})
    [problem] = problems
    assert (problem.path, said in problem.found) == ("jobs.j.sensor", True)


def test_a_parameter_that_no_node_of_the_job_reads_is_reported():
    problems = Scope()
    built(problems, sensors={"s": SensorConfig("x", config=RunConfig({"params:q": 1}))})
    assert [problem.path for problem in problems] == ["jobs.j.sensor.config.parameters.params:q"]


# Materializations.


def materialize(instance, *keys):
    for key in keys or (None,):
        instance.report_runless_asset_event(dg.AssetMaterialization("x", partition=key))


def test_the_first_look_asks_for_one_run_and_later_ones_for_every_materialization(instance):
    look = looking(instance, sensors={"s": SensorConfig("x", tags={"team": "a"}, config=RunConfig({"params:p": 5}))})
    assert said(look()) == "'x' has not been materialized since the last tick."
    for _ in range(3):
        materialize(instance)
    first = look()
    assert len(first.run_requests) == 1
    assert first.run_requests[0].tags["team"] == "a"
    assert first.run_requests[0].run_config["ops"] == {"a": {"config": {"parameters": {"params:p": 5}}}}
    assert said(look(first.cursor))
    for _ in range(2):
        materialize(instance)
    second = look(first.cursor)
    assert len({key for key, _ in requests(second)}) == 2
    assert requests(look(first.cursor)) == requests(second)


def test_a_run_makes_the_partition_that_was_materialized(instance):
    look = looking(instance, sensors={"s": SensorConfig("x")}, partitions={"x": KEYS, "y": KEYS})
    materialize(instance, "k1")
    first = look()
    materialize(instance, "k2", "gone")
    second = look(first.cursor)
    assert [key for _, key in requests(first) + requests(second)] == ["k1", "k2"]
    materialize(instance, "gone")
    third = look(second.cursor)
    assert said(third) == "The new materializations of 'x' are of no partition that the job has."
    assert third.cursor != second.cursor


def materialize_in_run(instance, job, *keys):
    """Materialize `x` in a run of a job."""
    run = instance.create_run_for_job(dg.JobDefinition(name=job, graph_def=dg.GraphDefinition(job)))
    for key in keys or (None,):
        event = dg.AssetMaterialization("x", partition=key)
        instance.report_dagster_event(
            dg.DagsterEvent(
                event_type_value=dg.DagsterEventType.ASSET_MATERIALIZATION.value,
                job_name=job,
                event_specific_data=StepMaterializationData(event),
            ),
            run.run_id,
        )
    return run


def test_what_a_run_of_its_own_job_has_made_starts_none(instance):
    look = looking(instance, sensors={"s": SensorConfig("x")})
    materialize_in_run(instance, "j")
    first = look()
    assert said(first) == "The new materializations of 'x' are of runs of this job, which start no further run."
    materialize_in_run(instance, "j")
    materialize_in_run(instance, "other")
    materialize(instance)
    materialize_in_run(instance, "j")
    second = look(first.cursor)
    assert len(requests(second)) == 2
    assert said(look(second.cursor)) == "'x' has not been materialized since the last tick."


def test_of_partitions_too_what_its_own_job_has_made_starts_none(instance):
    look = looking(instance, sensors={"s": SensorConfig("x")}, partitions={"x": KEYS, "y": KEYS})
    materialize(instance, "k1")
    first = look()
    materialize_in_run(instance, "j", "k1", "k2")
    materialize_in_run(instance, "other", "k2")
    assert [key for _, key in requests(look(first.cursor))] == ["k2"]


# Files.


@pytest.fixture
def files(monkeypatch, tmp_path):
    """Let `raw` be a file, or a folder, of this test, and return the runtime parameters that it is looked up with."""
    asked = []

    def entry_of(location, name, params):
        asked.append(dict(params))
        kind = "json.JSONDataset" if (tmp_path / "raw").is_file() else "partitions.PartitionedDataset"
        where = (
            {"filepath": str(tmp_path / "raw")}
            if kind.startswith("json")
            else {"path": str(tmp_path / "raw"), "dataset": "json.JSONDataset"}
        )
        return CatalogEntry(name, kind, {"type": kind, **where})

    monkeypatch.setattr(sensors, "entry_with_credentials", entry_of)
    return asked


def test_a_run_is_asked_for_when_the_files_have_changed(instance, tmp_path, files):
    look = looking(instance, sensors={"s": SensorConfig(dataset="raw", config=RunConfig(runtime_params={"day": 2}))})
    (tmp_path / "raw").write_text("1")
    first = look()
    assert said(first) == "The files of 'raw' have been recorded. A run starts when they change."
    again = look(first.cursor)
    assert (said(again), again.cursor) == (
        "The files of 'raw' have not changed.",
        first.cursor,
    )
    (tmp_path / "raw").write_text("[2, 3]")
    changed = look(first.cursor)
    assert requests(changed) == [(None, None)]
    [event] = changed.asset_events
    assert (event.asset_key, event.tags) == (dg.AssetKey("raw"), {"dagster/data_version": changed.cursor})
    assert files == [{"day": 2}] * 3


def test_files_that_are_gone_start_nothing(instance, tmp_path, files):
    look = looking(instance, sensors={"s": SensorConfig(dataset="raw")})
    (tmp_path / "raw").write_text("1")
    first = look()
    (tmp_path / "raw").unlink()
    gone = look(first.cursor)
    assert (said(gone), gone.cursor) == ("The dataset 'raw' has no files.", first.cursor)


@pytest.mark.parametrize("alike", [True, False], ids=["partitions", "none"])
def test_every_new_file_becomes_a_partition_and_a_run_or_all_of_them_one(instance, tmp_path, files, alike):
    made = {"x": SHOPS, "y": SHOPS} if alike else {}
    catalog = {"raw": {"type": "partitions.PartitionedDataset", "path": "/nowhere/raw", "dataset": "json.JSONDataset"}}
    look = looking(
        instance, sensors={"s": SensorConfig(dataset="raw")}, catalog=catalog, partitions={"raw": SHOPS, **made}
    )
    (tmp_path / "raw").mkdir()
    for name in ("north", "south"):
        (tmp_path / "raw" / name).write_text("1")
    first = look()
    assert json.loads(first.cursor) == ["north", "south"]
    assert [each.partition_keys for each in first.dynamic_partitions_requests] == [["north", "south"]]
    if alike:
        assert requests(first) == [("raw: north", "north"), ("raw: south", "south")]
    else:
        assert [key for _, key in requests(first)] == [None]
    (tmp_path / "raw" / "west").write_text("1")
    second = look(first.cursor)
    assert [each.partition_keys for each in second.dynamic_partitions_requests] == [["west"]]
    assert not {key for key, _ in requests(first)} & {key for key, _ in requests(second)}
    assert said(look(second.cursor)) == "The dataset 'raw' has no new files."


@pytest.mark.parametrize("seconds", [0, -3])
def test_a_sensor_cannot_look_more_often_than_once_a_second(problems_of, seconds):
    dagster = f"jobs: {{j: {{sensor: {{dataset: raw, minimum_interval_seconds: {seconds}}}}}}}"
    catalog = "raw: {type: json.JSONDataset, filepath: raw.json}\n"
    [problem] = problems_of(conf={"dagster.yml": dagster, "catalog.yml": catalog})
    assert problem.path == "jobs.j.sensor.minimum_interval_seconds"
    assert problem.found == f"expected 1 or more seconds, found {seconds}."
