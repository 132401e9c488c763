"""What a step does when Dagster runs it, over a catalog and without a project."""

import dagster as dg
import pytest
from kedro.pipeline import node

from kedro_assets.config import PartitionsConfig
from kedro_assets.errors import PartitionError
from unit.records import OneRun, definitions_of, json_entry, make_kedro, make_run, open_over, run_of


def add(number, more=1):
    return number + more


def fail(number):
    msg = f"no {number}"
    raise ValueError(msg)


def function(number):
    return lambda more: number + more


class Positive:
    """Refuses what is not above zero."""

    def validate(self, data):
        if data <= 0:
            msg = f"{data} is not positive"
            raise ValueError(msg)
        return data


CHAIN = (node(add, "raw", "x", name="a"), node(add, "x", "y", name="b"), node(add, "y", "z", name="c"))
VALIDATOR = {"class": f"{__name__}.Positive", "severity": "warn"}


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


class Code:
    """A project whose runs have what they need in memory, with assets of other origin."""

    def __init__(self, *nodes, native=(), data=None, entries=None, own_process=True, **options):
        self.runs = OneRun(None)
        self.kedro = make_kedro(list(nodes), open_runs=self.runs, catalog=entries, **options)
        self.definitions = definitions_of(self.kedro, *native)
        self.data, self.entries, self.own_process = data or {}, entries or {}, own_process

    def run(self, instance, *keys, folder="/nowhere", **options):
        """Materialize assets in this process; all without keys."""
        dagster_run, job = run_of(self.definitions, instance, *keys)
        run = make_run(
            None, self.kedro.plan(dagster_run, job), self.entries, own_process=self.own_process, folder=folder
        )
        for name, value in self.data.items():
            run.catalog[name] = value
        self.runs.run = run
        return job.execute_in_process(instance=instance, raise_on_error=False, **options)


def made(result):
    """Return what was materialized, in order."""
    return [event.asset_key.to_user_string() for event in result.all_events if event.is_step_materialization]


def materializations(result):
    return [event.materialization for event in result.all_events if event.is_step_materialization]


def evaluations(result):
    found = [
        event.asset_check_evaluation_data
        for event in result.all_events
        if event.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    return [(each.asset_key.to_user_string(), each.passed) for each in found]


def test_every_dataset_is_reported_once_it_is_saved_with_the_run_as_its_version(instance):
    result = Code(*CHAIN, data={"raw": 1}).run(instance)
    assert made(result) == ["x", "y", "z"]
    versions = {str(each.asset_key.path[-1]): each.tags["dagster/data_version"] for each in materializations(result)}
    assert versions["z"] == result.run_id
    assert versions["x"] == versions["y"] == "INITIAL"  # as where Dagster is not told of in-memory data
    assert all("kedro/run_id" in each.metadata for each in materializations(result))


def test_what_is_made_because_its_node_runs_is_reported_too_if_it_is_stored(instance):
    code = Code(
        node(lambda raw: (raw, raw + 1), "raw", ["x", "w"], name="a"),
        node(add, "x", "y", name="b"),
        data={"raw": 1},
        files=["w"],
        entries={"w": {"type": "json.JSONDataset", "filepath": "/dev/null"}},
    )
    result = code.run(instance, "y")
    assert made(result) == ["w", "y"]
    tags = next(each.tags for each in materializations(result) if each.asset_key == dg.AssetKey("w"))
    assert tags["dagster/data_version"] == result.run_id
    assert {"dagster/code_version", "dagster/input_data_version/raw"} <= tags.keys()
    assert code.runs.run.catalog.load("y") == 2


def test_what_is_made_from_something_made_beside_it_is_made_from_its_new_data(instance):
    code = Code(
        node(lambda raw: (raw, raw + 1), "raw", ["x", "w"], name="a"),
        node(add, ["x", "w"], "y", name="b"),
        data={"raw": 1},
        files=["w", "y"],
        entries={name: json_entry(f"memory://{name}.json") for name in "wy"},
    )
    for _ in range(2):
        result = code.run(instance, "y")
        tags = next(each.tags for each in materializations(result) if each.asset_key == dg.AssetKey("y"))
        assert tags["dagster/input_data_version/w"] == result.run_id


@pytest.mark.parametrize(("value", "told"), [(1, ["x", "w"]), (function(1), ["w"])], ids=["left", "not pickled"])
def test_in_memory_data_that_is_left_for_other_steps_is_reported_where_it_is_made_beside_the_selected(
    instance, tmp_path, value, told
):
    code = Code(
        node(lambda raw: (value, raw), "raw", ["x", "w"], name="a"),
        node(add, "x", "y", name="b"),
        data={"raw": 1},
        files=["w"],
        entries={"w": {"type": "json.JSONDataset", "filepath": "/dev/null"}},
        cluster_by="node",
    )
    assert made(code.run(instance, "w", folder=tmp_path)) == told


def test_a_hidden_dataset_is_not_reported(instance):
    code = Code(
        *CHAIN,
        data={"raw": 1},
        files=["z"],
        entries={"z": {"type": "json.JSONDataset", "filepath": "/dev/null"}},
        memory_assets=False,
    )
    result = code.run(instance)
    assert made(result) == ["z"]


def test_a_node_without_outputs_is_reported_when_it_has_run(instance):
    assert made(Code(node(lambda raw: None, "raw", None, name="tell"), data={"raw": 1}).run(instance)) == ["tell"]


def test_what_was_saved_before_a_node_fails_is_reported_and_the_error_is_kept_for_the_hooks(instance):
    code = Code(CHAIN[0], node(fail, "x", "y", name="b"), data={"raw": 1})
    result = code.run(instance)
    assert (result.success, made(result)) == (False, ["x"])
    assert {step: str(error) for step, error in code.runs.run.errors.items()} == {"b": "no 2"}


def test_parameters_of_the_runs_configuration_reach_the_node(instance):
    code = Code(node(add, ["raw", "params:more"], "x", name="a"), data={"raw": 1, "params:more": 1})
    config = {"ops": {"a": {"config": {"parameters": {"params:more": 40}}}}}
    assert code.run(instance, run_config=config).success
    assert code.runs.run.catalog.load("x") == 41


@pytest.mark.parametrize(("raw", "passed"), [(1, True), (-9, False)], ids=["fits", "refused"])
def test_a_validator_is_a_check_result_of_its_asset(instance, raw, passed):
    code = Code(
        *CHAIN, data={"raw": raw}, entries={"x": {"type": "MemoryDataset", "validator": {**VALIDATOR, "on": ["save"]}}}
    )
    result = code.run(instance)
    assert (result.success, evaluations(result)) == (True, [("x", passed)])


def test_a_check_that_is_not_selected_is_told_where_its_dataset_is_made(instance):
    code = Code(
        *CHAIN, data={"raw": 1}, entries={"x": {"type": "MemoryDataset", "validator": {**VALIDATOR, "on": ["save"]}}}
    )
    result = code.run(instance, "y")
    assert ("x", True) in evaluations(result)


def test_a_check_of_what_no_node_makes_looks_at_what_is_stored(instance, tmp_path):
    (tmp_path / "raw.json").write_text("-5")
    entries = {"raw": json_entry(tmp_path / "raw.json", validator=VALIDATOR)}
    code = Code(CHAIN[0], entries=entries)
    job = dg.define_asset_job("j", selection=dg.AssetSelection.all_asset_checks())
    definitions = definitions_of(code.kedro, jobs=[job])
    found = definitions.resolve_job_def("j")
    code.runs.run = make_run(None, code.kedro.plan(instance.create_run_for_job(found), found), entries)
    result = found.execute_in_process(instance=instance)
    assert (evaluations(result), made(result)) == ([("raw", False)], [])


# In-memory data and assets of other origin.


@dg.asset(ins={"fn": dg.AssetIn(input_manager_key="fn__io_manager")})
def native(fn):
    return fn(41)


def test_an_asset_in_the_runs_own_process_reads_in_memory_data_that_cannot_be_pickled(instance):
    code = Code(node(function, "raw", "fn", name="a"), native=[native], data={"raw": 1})
    result = code.run(instance, "fn", "native")
    assert result.success
    assert result.output_for_node("native") == 42


def test_in_any_other_process_in_memory_data_that_cannot_be_pickled_is_an_error(instance, tmp_path):
    code = Code(node(function, "raw", "fn", name="a"), native=[native], data={"raw": 1}, own_process=False)
    result = code.run(instance, "fn", "native", folder=tmp_path)
    assert not result.success
    assert "'fn' has to pass from one step to another and cannot be pickled" in str(code.runs.run.errors["a"])


# Several partitions in one run.


@pytest.fixture
def several(monkeypatch, tmp_path, instance):
    """Run a step of several partitions whose datasets have one file for each, and return the result and the runs opened."""

    def run(first, *nodes):
        def catalog(params):
            key = params.get("partition_key", "none")
            return {
                "raw": {"type": "json.JSONDataset", "filepath": str(tmp_path / "raw" / f"{key}.json")},
                "x": {
                    "type": "json.JSONDataset",
                    "filepath": str(tmp_path / "x" / f"{key}.json"),
                    "validator": VALIDATOR,
                },
            }

        (tmp_path / "raw").mkdir()
        for number, key in enumerate(("k1", "k2", "k3")):
            (tmp_path / "raw" / f"{key}.json").write_text(str(first + number))
        opened = open_over(monkeypatch, catalog)
        kedro = make_kedro(
            list(nodes),
            catalog=catalog({"partition_key": "<partition_key>"}),
            partitions=dict.fromkeys(
                ["raw", "x"], PartitionsConfig(static=["k1", "k2", "k3"], backfill_policy="single_run")
            ),
        )
        job = definitions_of(kedro).resolve_implicit_global_asset_job_def()
        tags = {"dagster/asset_partition_range_start": "k1", "dagster/asset_partition_range_end": "k3"}
        return job.execute_in_process(instance=instance, tags=tags, raise_on_error=False), opened

    return run


def contents(folder):
    return {path.stem: path.read_text() for path in sorted(folder.glob("*.json"))}


def test_a_step_of_several_partitions_writes_the_file_of_each_and_reports_when_all_are_saved(several, tmp_path):
    result, opened = several(1, CHAIN[0])
    assert result.success
    assert contents(tmp_path / "x") == {"k1": "2", "k2": "3", "k3": "4"}
    assert sorted(each.partition for each in materializations(result)) == ["k1", "k2", "k3"]
    assert [run.identity.runtime_params.get("partition_key") for run in opened] == [None, "k1", "k2", "k3"]
    assert all("dagster/uri" not in each.metadata for each in materializations(result))  # each has its own


def test_nothing_is_reported_if_one_of_several_partitions_fails(several, tmp_path):
    def careful(number):
        if number == 3:
            msg = "three"
            raise ValueError(msg)
        return number

    result, _ = several(1, node(careful, "raw", "x", name="a"))
    assert not result.success
    assert (list(contents(tmp_path / "x")), materializations(result)) == (["k1", "k2"], [])


def test_each_of_several_partitions_has_what_the_validator_finds_in_it(several):
    result, _ = several(-2, CHAIN[0])
    assert result.success
    found = {each.partition: each.passed for each in result.get_asset_check_evaluations()}
    assert found == {"k1": False, "k2": False, "k3": True}


def test_a_step_says_which_partition_it_would_have_to_read_that_does_not_exist(monkeypatch, tmp_path, instance):
    kinds = {"x": PartitionsConfig(static=["north", "south"]), "y": PartitionsConfig(static=["south", "west"])}
    entries = {
        name: {"type": "partitions.PartitionedDataset", "path": str(tmp_path / name), "dataset": "json.JSONDataset"}
        for name in "xy"
    }
    entries["y"]["metadata"] = {"dagster": {"partition_mappings": {"x": "identity"}}}
    open_over(monkeypatch, lambda params: entries)
    nodes = [node(lambda raw: {}, "raw", "x", name="a"), node(lambda x: {}, "x", "y", name="b")]
    job = definitions_of(make_kedro(nodes, catalog=entries, partitions=kinds)).resolve_implicit_global_asset_job_def()
    options = {"instance": instance, "asset_selection": [dg.AssetKey("y")], "tags": {"dagster/partition": "west"}}
    with pytest.raises(
        PartitionError, match="To make west, the step reads partition west of 'x', which does not exist"
    ):
        job.execute_in_process(**options)
