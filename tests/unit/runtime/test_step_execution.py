"""A step of a run: its nodes with Kedro's hooks, over a real catalog and without a project."""

from __future__ import annotations

import logging
import weakref

import pytest
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import node
from kedro.pipeline.preview_contract import TextPreview
from kedro.validation import DataValidationError

from kedro_assets.assets import Validation
from kedro_assets.errors import InMemoryDataError, PartitionError
from kedro_assets.runtime import Saved, check_inputs
from kedro_assets.runtime.step_execution import _interleaved
from unit.records import RUN_ID, Recorder, json_entry, make_execution, make_run, make_table, plan_of

# The chunks of generator nodes.


class Chunk:
    """Something large."""


def test_two_chunks_of_a_generator_node_are_alive_at_most():
    alive, counts = weakref.WeakSet(), []

    def chunks():
        for _ in range(5):
            chunk = Chunk()
            alive.add(chunk)
            counts.append(len(alive))
            yield chunk
            del chunk

    for _name, _data in _interleaved({"big": chunks()}):
        pass
    assert counts == [1, 2, 2, 2, 2]


def test_the_chunks_of_several_outputs_take_turns():
    outputs = {"a": iter([1, 2, 3]), "b": iter("xy")}
    assert list(_interleaved(outputs)) == [("a", 1), ("b", "x"), ("a", 2), ("b", "y")]


# A step.


def add(number, more=1):
    return number + more


def two(number):
    return number, -number


def fail(number):
    msg = f"no {number}"
    raise ValueError(msg)


def function(number):
    return lambda: number


def show(number):
    """Give nothing back."""


def chunked(number):
    yield from range(number)


class Positive:
    """Refuses what is not above zero."""

    def validate(self, data):
        if data <= 0:
            msg = f"{data} is not positive"
            raise ValueError(msg)
        return data


class Last(MemoryDataset):
    """Keeps what is saved last, and what was confirmed."""

    confirmed = 0

    def confirm(self):
        self.confirmed += 1


def execution_of(*nodes, steps=None, catalog=None, data=None, recorder=None, step="s", **options):
    """Make a step of these nodes; `data` are datasets that are there, `steps` the nodes of each step of the run."""
    own = {name: options.pop(name) for name in ("parameters", "keys") if name in options}
    table = make_table(list(nodes), catalog=catalog, **options.pop("assets", {}))
    plan = plan_of(table.graph, **(steps or {step: [each.name for each in nodes]}))
    made = DataCatalog.from_config(catalog or {}, save_version=RUN_ID)
    for name, value in (data or {}).items():
        made[name] = value
    run = make_run(table.graph, plan, made, **options)
    if recorder is not None:
        recorder.register(run.hooks)
    return make_execution(run, step, table, **own)


def saved(events):
    return [event.vertex[1] for event in events if isinstance(event, Saved)]


def is_there(execution, name):
    return name in execution.run.catalog and execution.run.catalog[name].exists()


CHAIN = (node(add, "raw", "x", name="a"), node(add, "x", "y", name="b"), node(show, "y", None, name="c"))


def test_nodes_run_in_order_and_each_dataset_is_told_once_it_is_saved():
    execution = execution_of(*CHAIN, data={"raw": 1})
    events = execution.run_nodes()
    assert next(events).vertex == ("dataset", "x")
    assert not is_there(execution, "y")
    assert [event.vertex for event in events] == [("dataset", "y"), ("node", "c")]
    assert execution.run.done == {"a", "b", "c"}


def test_a_step_that_is_not_in_the_plan_does_nothing():
    execution = execution_of(*CHAIN, step="other", steps={"s": ["a"]})
    assert list(execution.run_nodes()) == []
    assert execution.plan.nodes == ()


def test_hooks_fire_around_every_node_and_dataset_in_kedros_order():
    recorder = Recorder()
    list(
        execution_of(
            node(add, ["raw", "params:more"], "x", name="a"), data={"raw": 1, "params:more": 2}, recorder=recorder
        ).run_nodes()
    )
    assert recorder.calls == [
        ("before_dataset_loaded", "raw"),
        ("after_dataset_loaded", "raw"),
        ("before_dataset_loaded", "params:more"),
        ("after_dataset_loaded", "params:more"),
        ("before_node_run", "a"),
        ("after_node_run", "a"),
        ("before_dataset_saved", "x"),
        ("after_dataset_saved", "x"),
    ]


def test_a_node_that_fails_fires_its_hook_and_ends_the_step():
    recorder = Recorder()
    execution = execution_of(
        node(fail, "raw", "x", name="a"), node(add, "x", "y", name="b"), data={"raw": 1}, recorder=recorder
    )
    with pytest.raises(ValueError, match="no 1"):
        list(execution.run_nodes())
    assert recorder.calls[-1] == ("on_node_error", "a")
    assert execution.run.done == set()


def test_data_is_released_when_no_node_reads_it_any_more_but_not_what_the_run_leaves():
    nodes = (
        node(two, "raw", ["x", "w"], name="a"),
        node(add, "x", "y", name="b"),
        node(add, ["y", "x"], "z", name="c"),
    )
    execution = execution_of(*nodes, data={"raw": 1})
    there = [
        (event.vertex[1], {name for name in "wxyz" if is_there(execution, name)}) for event in execution.run_nodes()
    ]
    assert there == [("x", {"x"}), ("w", {"x", "w"}), ("y", {"x", "w", "y"}), ("z", {"x", "w", "y", "z"})]
    assert {name for name in ("raw", *"wxyz") if is_there(execution, name)} == {"raw", "w", "z"}


def test_values_of_the_runs_configuration_replace_parameters_and_are_told_to_hooks():
    recorder = Recorder()
    nodes = (node(add, ["raw", "params:more"], "x", name="a"),)
    execution = execution_of(
        *nodes, data={"raw": 1, "params:more": 2}, parameters={"params:more": 40}, recorder=recorder
    )
    list(execution.run_nodes())
    assert execution.run.catalog.load("x") == 41
    assert ("after_dataset_loaded", "params:more") in recorder.calls


class Replacing:
    """Gives a node other inputs."""

    def __init__(self, given):
        self.given = given

    @hook_impl
    def before_node_run(self, inputs):
        inputs.clear()  # its own copy
        return self.given


def test_a_hook_replaces_inputs():
    execution = execution_of(
        node(add, ["raw", "more"], "x", name="a"), data={"raw": 1, "more": 2}, hooks=[Replacing({"raw": 5})]
    )
    list(execution.run_nodes())
    assert execution.run.catalog.load("x") == 7


def test_a_hook_that_gives_something_else_is_refused_as_by_kedro():
    execution = execution_of(node(add, "raw", "x", name="a"), data={"raw": 1}, hooks=[Replacing([5])])
    with pytest.raises(TypeError, match=r"'before_node_run' must return either None or a dictionary .* got 'list'"):
        list(execution.run_nodes())


def test_the_chunks_of_a_generator_are_one_dataset():
    recorder = Recorder()
    execution = execution_of(node(chunked, "raw", "x", name="a"), data={"raw": 3}, recorder=recorder)
    assert saved(execution.run_nodes()) == ["x"]
    assert [name for name, _ in recorder.calls].count("after_dataset_saved") == 3
    assert execution.run.catalog.load("x") == 2


def test_what_a_node_confirms_is_confirmed_after_it_has_run():
    last = Last(1)
    list(execution_of(node(add, "raw", "x", name="a", confirms="raw"), data={"raw": last}).run_nodes())
    assert last.confirmed == 1


def test_metadata_name_the_run_and_the_version_that_is_saved(tmp_path):
    catalog = {"x": json_entry(tmp_path / "x.json", versioned=True)}
    [x, y] = execution_of(*CHAIN[:2], catalog=catalog, data={"raw": 1}).run_nodes()
    assert x.metadata["kedro/run_id"] == y.metadata["kedro/run_id"] == RUN_ID
    assert (x.metadata["kedro/save_version"], "kedro/save_version" in y.metadata) == (RUN_ID, False)
    assert x.metadata["dagster/uri"].endswith(f"x.json/{RUN_ID}/x.json")


@pytest.mark.filterwarnings("ignore:The 'preview_fn' feature is experimental")
def test_what_a_node_shows_of_itself_is_metadata_of_all_that_it_makes_and_asked_for_once():
    asked = []

    def preview():
        asked.append(1)
        return TextPreview(f"{len(asked)}")

    nodes = [node(two, "a", ["b", "c"], preview_fn=preview), node(show, "c", None, name="end", preview_fn=preview)]
    events = execution_of(*nodes, data={"a": 1}).run_nodes()
    shown = {event.vertex[1]: event.metadata["kedro/node_preview"].value for event in events}
    assert shown == {"b": "1", "c": "1", "end": "2"}


def test_what_nobody_makes_and_the_catalog_does_not_have_is_kedros_own_error():
    with pytest.raises(ValueError, match=r"Pipeline input\(s\) \{'raw'\} not found in the DataCatalog"):
        list(execution_of(*CHAIN).run_nodes())
    execution = execution_of(*CHAIN, data={"raw": 1})
    check_inputs(execution.run, ["raw"])


def test_a_node_of_a_second_try_has_not_run():
    execution = execution_of(*CHAIN[:2], data={"raw": 1})
    list(execution.run_nodes())
    events = execution.run_nodes()
    next(events)
    assert execution.run.done == set()
    assert saved(events) == ["y"]


# In-memory data between steps.


def parts(first, *, own_process, folder, nodes=None):
    """Make the steps of a run in which every node is one of its own."""
    nodes = nodes or (node(first, "raw", "x", name="a"), node(lambda x: str(type(x).__name__), "x", "y", name="b"))
    options = {"assets": {"cluster_by": "node"}, "steps": {"one": ["a"], "two": ["b"]}, "folder": folder}
    execution = execution_of(*nodes, step="one", data={"raw": 1}, own_process=own_process, **options)
    return execution, make_execution(execution.run, "two", execution.view.table)


def test_a_step_in_another_process_finds_what_an_earlier_one_has_made(tmp_path):
    first, _ = parts(add, own_process=False, folder=tmp_path)
    list(first.run_nodes())
    assert not is_there(first, "x")  # it is the store that has it
    _, second = parts(add, own_process=False, folder=tmp_path)
    list(second.run_nodes())
    assert second.run.catalog.load("y") == "int"


def test_in_the_runs_own_process_what_cannot_be_pickled_stays_for_the_next_step(tmp_path, caplog):
    caplog.set_level(logging.INFO, "kedro_assets")
    first, second = parts(function, own_process=True, folder=tmp_path)
    list(first.run_nodes())
    assert is_there(first, "x")
    list(second.run_nodes())
    assert second.run.catalog.load("y") == "function"
    assert "cannot be pickled" in caplog.text


def test_in_another_process_what_cannot_be_pickled_ends_the_step(tmp_path):
    first, _ = parts(function, own_process=False, folder=tmp_path)
    with pytest.raises(InMemoryDataError, match="'x' has to pass from one step to another and cannot be pickled"):
        list(first.run_nodes())


def test_an_output_in_memory_is_handed_back_where_a_hook_looks_at_the_results(tmp_path):
    class Results:
        @hook_impl
        def after_pipeline_run(self, run_result):
            """Look at the results."""

    for hooks, there in (([], False), ([Results()], True)):
        execution = execution_of(node(add, "raw", "x", name="a"), data={"raw": 1}, hooks=hooks, folder=tmp_path)
        list(execution.run_nodes())
        assert execution.run.store.has("x") is there


# What validators find.


def validated(nodes, data, *, on=("load", "save"), severity="error", **catalog):
    entry = {"validator": {"class": f"{__name__}.Positive", "on": list(on), "severity": severity}}
    entries = {"x": {"type": "MemoryDataset", **entry}, **catalog}
    return execution_of(*nodes, catalog=entries, data=data)


def found(events):
    return [
        (event.dataset, event.mode, event.error and str(event.error))
        if isinstance(event, Validation)
        else event.vertex[1]
        for event in events
    ]


def test_what_a_validator_finds_follows_its_dataset_and_is_told_once():
    execution = validated(CHAIN[:2], {"raw": 1})
    assert found(execution.run_nodes()) == ["x", ("x", "save", None), "y"]
    assert list(execution.validated()) == []


def test_what_a_validator_refuses_is_told_although_the_step_fails():
    execution = validated(CHAIN[:2], {"raw": -5})
    events, told = execution.run_nodes(), []
    with pytest.raises(DataValidationError):
        told.extend(events)
    [(dataset, mode, error)] = found(execution.validated())
    assert (dataset, mode, "-4 is not positive" in error) == ("x", "save", True)


def test_a_validator_that_only_warns_is_told_with_its_error():
    execution = validated(CHAIN[:2], {"raw": -5}, severity="warn")
    told = found(execution.run_nodes())
    assert [entry if isinstance(entry, str) else entry[:2] for entry in told] == [
        "x",
        ("x", "save"),
        "y",
        ("x", "load"),
    ]
    assert all("-4 is not positive" in entry[2] for entry in told if not isinstance(entry, str))


def test_what_is_loaded_only_is_told_at_the_end():
    execution = validated((node(add, "x", "y", name="b"),), {})
    execution.run.catalog.save("x", 5)
    execution.run.io.validations.clear()
    assert found(execution.run_nodes()) == ["y", ("x", "load", None)]


def test_a_validator_that_looks_on_load_only_is_told_of_what_the_step_has_made():
    execution = validated(CHAIN[:2], {"raw": 1}, on=["load"])
    assert found(execution.run_nodes()) == ["x", "y", ("x", "load", None)]


# Checks of what is stored.


def stored_of(tmp_path, place, content="5", **options):
    (tmp_path / "x.json").write_text(content)
    entry = json_entry(place, validator=f"{__name__}.Positive")
    execution = execution_of(node(add, "x", "y", name="b"), catalog={"x": entry}, steps={"s": []}, **options)
    return execution, [check.key for check in execution.view.table.checks.values()]


@pytest.mark.parametrize(("content", "error"), [("5", None), ("-5", "-5 is not positive")], ids=["fits", "refused"])
def test_a_selected_check_of_what_no_node_of_the_step_makes_looks_at_what_is_stored(tmp_path, content, error):
    execution, checks = stored_of(tmp_path, tmp_path / "x.json", content)
    [validation] = execution.stored(checks)
    assert (validation.dataset, validation.mode) == ("x", "stored")
    assert (validation.error is None) if error is None else (error in str(validation.error))
    assert list(execution.stored([])) == []


def test_a_check_of_what_the_step_has_made_does_not_look_again(tmp_path):
    entry = json_entry(tmp_path / "x.json", validator=f"{__name__}.Positive")
    execution = execution_of(CHAIN[0], catalog={"x": entry}, data={"raw": 1})
    assert list(execution.stored([execution.view.table.checks["x"].key])) == []


def test_where_each_partition_has_a_place_there_is_none_to_look_at(tmp_path):
    execution, checks = stored_of(tmp_path, "<partition_key>.json")
    with pytest.raises(PartitionError, match="'x' has one path per partition"):
        list(execution.stored(checks))


def test_what_is_true_of_two_partitions_is_what_their_metadata_share():
    one = Saved(("dataset", "x"), {"run": 1, "rows": 3, "only": 1, "none": None})
    other = Saved(("dataset", "x"), {"run": 1, "rows": 4, "none": None})
    assert one.common(other) == Saved(("dataset", "x"), {"run": 1, "none": None})
