"""Fails when Dagster's jobs change."""

import sys

import dagster as dg
import pytest

from kedro_assets._internals import dagster_assets, dagster_jobs


def _definitions():
    @dg.multi_asset(specs=[dg.AssetSpec("a"), dg.AssetSpec(["deep", "b"])])
    def first():
        pass

    @dg.asset(deps=["a"])
    def second():
        pass

    look = dg.OpDefinition(lambda _context, _inputs: None, "look", outs={"observed": dg.Out(dg.Nothing)})
    observed = dagster_assets.observable_asset(look, dg.AssetSpec("observed"))
    assets = [second, first, observed, dg.AssetSpec("external")]
    jobs = [dg.define_asset_job("job", "*"), dg.define_asset_job("part", "a", executor_def=dg.in_process_executor)]
    jobs.append(dg.define_asset_job("look", "observed"))
    return dg.Definitions(assets=assets, jobs=jobs)


@pytest.fixture(scope="module")
def job():
    return _definitions().resolve_job_def("job")


@dg.op
def nothing():
    pass


@dg.job(config={"ops": {"first": {}}})
def ops():
    nothing.alias("first")()
    nothing.alias("second")()


def module_level_job():
    return dg.GraphDefinition(name="module_level_job").to_job()


def test_the_job_without_a_name_is_called_as_dagster_calls_it():
    assert _definitions().resolve_implicit_global_asset_job_def().name == dagster_jobs.ASSET_JOB


def test_the_assets_of_a_job_are_known_by_step_in_order(job):
    found = dagster_jobs.assets_by_step(job)
    assert list(found.items()) == [
        ("first", {dg.AssetKey("a"), dg.AssetKey(["deep", "b"])}),
        ("second", {dg.AssetKey("second")}),
    ]


def test_each_step_of_a_job_is_known_with_those_for_which_it_waits(job):
    assert dagster_jobs.steps_before(job) == {"first": set(), "second": {"first"}}


def test_a_step_does_not_wait_for_what_is_not_selected():
    @dg.multi_asset(specs=[dg.AssetSpec(name, skippable=True) for name in ("shown", "kept")], can_subset=True)
    def split():
        pass

    @dg.asset(deps=["kept"])
    def score():
        pass

    job = dg.define_asset_job("some", dg.AssetSelection.assets("shown", "score"))
    found = dagster_jobs.repository_of(dg.Definitions(assets=[split, score], jobs=[job])).get_job("some")
    assert dagster_jobs.steps_before(found) == {"split": set(), "score": set()}


def test_a_step_that_makes_no_asset_is_left_out():
    assert dagster_jobs.assets_by_step(ops) == {}


def test_the_ops_of_a_job_and_their_definitions_are_known():
    assert sorted(dagster_jobs.op_names(ops)) == ["first", "second"]
    assert dagster_jobs.definition_names(ops) == {"nothing"}


def test_what_a_job_selects_that_is_not_resolved_is_known():
    defs = _definitions()
    part = next(job for job in defs.jobs if job.name == "part")
    assert dagster_jobs.selection_of(part).resolve(defs.resolve_asset_graph()) == {dg.AssetKey("a")}


def test_the_executor_that_a_job_names_is_known():
    whole, part, _ = _definitions().jobs
    assert [dagster_jobs.own_executor(job) for job in (whole, part, ops)] == [None, dg.in_process_executor, None]
    own = ops.get_subset().graph.to_job(executor_def=dg.in_process_executor)
    assert dagster_jobs.own_executor(own) is dg.in_process_executor


def test_the_configuration_that_a_job_is_defined_with_is_known(job):
    assert dagster_jobs.own_run_config(ops) == {"ops": {"first": {}}}
    assert dagster_jobs.own_run_config(job) == {}


@pytest.mark.parametrize("partition", ["a", None])
def test_the_configuration_of_a_job_of_partitions_is_known(partition):
    @dg.asset(
        partitions_def=dg.StaticPartitionsDefinition(["a"]), config_schema={"depth": dg.Field(int, default_value=1)}
    )
    def made():
        pass

    config = {"ops": {"made": {"config": {"depth": 2}}}}
    whole = dg.Definitions([made], jobs=[dg.define_asset_job("whole", config=config)]).resolve_job_def("whole")
    assert dagster_jobs.own_run_config(whole, partition) == (config if partition else {})


@pytest.mark.parametrize(
    ("backoff", "delays"),
    [(None, [10, 10, 10]), (dg.Backoff.LINEAR, [10, 20, 30]), (dg.Backoff.EXPONENTIAL, [10, 30, 70])],
    ids=["none", "linear", "exponential"],
)
def test_the_delay_before_a_retry_grows_as_its_policy_says(backoff, delays):
    policy = dg.RetryPolicy(max_retries=3, delay=10, backoff=backoff)
    assert [dagster_jobs.retry_delay(policy, number) for number in (1, 2, 3)] == delays
    assert dagster_jobs.retry_delay(dg.RetryPolicy(), 1) == 0


def test_the_function_that_makes_a_resource_is_known():
    def make(_):
        return 1

    @dg.asset(required_resource_keys={"a"})
    def made():
        pass

    defs = dg.Definitions([made], resources={"a": dg.ResourceDefinition(make)})
    job = defs.resolve_implicit_global_asset_job_def()
    assert dagster_jobs.resource_function(job.resource_defs["a"]) is make
    assert dagster_jobs.resource_function("a bare value") is None


def test_the_readers_of_an_asset_are_known(job):
    assert dagster_jobs.readers(job, dg.AssetKey("a")) == {dg.AssetKey("second")}
    assert dagster_jobs.readers(job, dg.AssetKey("second")) == set()
    assert dagster_jobs.readers(job, dg.AssetKey("nope")) == set()


@pytest.mark.parametrize(
    ("title", "name", "made", "run"),
    [
        ("job", "a", True, True),
        ("look", "observed", False, True),
        ("job", "observed", False, False),
        ("job", "external", False, False),
        ("job", "nope", False, False),
    ],
    ids=["made", "observed", "observed by another job", "only known", "unknown"],
)
def test_an_asset_that_is_made_is_told_from_one_that_is_observed_or_only_known(title, name, made, run):
    job = _definitions().resolve_job_def(title)
    assert dagster_jobs.is_made(job, dg.AssetKey(name)) is made
    assert dagster_jobs.is_run(job, dg.AssetKey(name)) is run


def test_a_job_that_is_defined_in_a_module_is_found_again():
    packed = dagster_jobs.pack_job(dg.reconstructable(module_level_job))
    assert dagster_jobs.resolve_packed_job(packed).name == "module_level_job"


def test_definitions_that_are_forgotten_are_loaded_again_with_their_package(tmp_path, monkeypatch):
    package = tmp_path / "forgotten_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "names.py").write_text("NAME = 'first'")
    (package / "jobs.py").write_text(FORGOTTEN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    repository = dagster_jobs.load_repository("forgotten_package.jobs", tmp_path)
    job = repository.get_reconstructable_job("always")
    assert job.get_definition().description == "first"
    (package / "names.py").write_text("NAME = 'second'")
    assert job.get_definition().description == "first"
    dagster_jobs.forget_definitions(job.to_dict())
    assert job.get_definition().description == "second"


def test_definitions_that_a_library_loads_are_forgotten_without_the_library():
    job = dagster_jobs.ReconstructableRepository.for_module("kedro_assets.location", "defs").get_reconstructable_job(
        "x"
    )
    assert sys.modules["kedro_assets"] is not None
    dagster_jobs.forget_definitions(job.to_dict())
    assert sys.modules["kedro_assets._internals.dagster_jobs"] is dagster_jobs


def test_without_a_job_only_what_dagster_keeps_is_forgotten():
    dagster_jobs.forget_definitions(None)
    assert dagster_jobs.ReconstructableJob.get_definition.cache_info().currsize == 0


FORGOTTEN = """
import dagster as dg
from forgotten_package.names import NAME

@dg.job(name="always", description=NAME)
def always(): ...

defs = dg.Definitions(jobs=[always])
"""


def test_a_job_that_exists_in_this_process_only_is_not_written_down():
    assert dagster_jobs.pack_job(module_level_job()) == ""


@pytest.mark.parametrize(
    ("job", "run_config", "resource", "expected"),
    [
        ("plain", {}, "kedro", {"a": 1, "b": {}, "c": ""}),
        ("plain", {"resources": {"kedro": {"config": {"a": 3}}}}, "kedro", {"a": 3, "b": {}, "c": ""}),
        ("own", {}, "kedro", {"a": 2, "b": {"x": 1}, "c": ""}),
        ("plain", {}, "nothing", {}),
    ],
    ids=["defaults", "the run's", "the job's", "no such resource"],
)
def test_the_configuration_of_a_resource_is_that_of_the_run_laid_over_its_jobs(job, run_config, resource, expected):
    @dg.asset(required_resource_keys={"kedro"})
    def made():
        return None

    schema = {
        "a": dg.Field(int, default_value=1),
        "b": dg.Field(dict, default_value={}),
        "c": dg.Field(str, default_value=""),
    }
    defaults = {"resources": {"kedro": {"config": {"a": 2, "b": {"x": 1}}}}}
    jobs = [dg.define_asset_job("plain"), dg.define_asset_job("own", config=defaults)]
    other = dg.ResourceDefinition.hardcoded_resource("x")
    resources = {"kedro": dg.ResourceDefinition(lambda _: None, schema), "other": other}
    definition = dg.Definitions([made], jobs=jobs, resources=resources).resolve_job_def(job)
    assert dagster_jobs.resource_config(definition, run_config, resource) == expected


DEFINITIONS = """
import dagster as dg

@dg.asset
def first(): ...

@dg.asset(deps=[first])
def second(): ...

defs = dg.Definitions(assets=[first, second], executor=dg.in_process_executor)
"""


@pytest.mark.parametrize("target", ["internals_definitions.py", "internals_definitions"], ids=["file", "module"])
def test_definitions_are_found_and_their_run_gives_its_events_as_they_happen(tmp_path, monkeypatch, target):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "internals_definitions.py").write_text(DEFINITIONS, encoding="utf-8")
    repository = dagster_jobs.load_repository(target, tmp_path)
    assert dagster_jobs.definitions_of(repository).job_names == [dagster_jobs.ASSET_JOB]
    with dg.DagsterInstance.ephemeral() as instance:
        events = dagster_jobs.start_run(
            repository, dagster_jobs.ASSET_JOB, [dg.AssetKey("second")], {}, {}, instance
        ).events
        assert iter(events) is events
        made = [event.asset_key for event in events if event.is_step_materialization]
        [run] = instance.get_runs()
    assert made == [dg.AssetKey("second")]
    assert run.asset_selection == {dg.AssetKey("second")}
    assert run.is_success


@pytest.mark.newer_jobs
def test_a_job_has_its_own_condition_or_none():
    with dagster_jobs.known_previews():
        condition = dg.AutomationCondition.any_job_root_assets_match(dg.AutomationCondition.eager())
        job = dg.define_asset_job("j", "*", automation_condition=condition)
    assert dagster_jobs.own_condition(job) == condition
    assert dagster_jobs.own_condition(dg.define_asset_job("k", "*")) is None
    assert dagster_jobs.own_condition(dg.JobDefinition(graph_def=dg.GraphDefinition("g"))) is None
