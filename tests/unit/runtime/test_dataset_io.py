"""The one way to data: Kedro's dataset hooks, versions, partitions, validators."""

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.validation import DataValidationError, ValidationConfigurationError
from kedro_datasets.partitions import IncrementalDataset, PartitionedDataset

from kedro_assets.errors import PartitionError
from unit.builders import make_graph, make_node
from unit.records import RUN_ID, Recorder, json_entry, make_run, plan_of

NODE = make_node("n", ["raw"], ["x"])


class Positive:
    """Refuses what is not above zero, and adds one to the rest."""

    def validate(self, data):
        if data <= 0:
            msg = f"{data} is not positive"
            raise ValueError(msg)
        return data + 1


class Refusing:
    """Cannot be made."""

    def __init__(self):
        msg = "no licence"
        raise OSError(msg)


def io_of(catalog, recorder=None, **options):
    graph = make_graph([NODE])
    run = make_run(graph, plan_of(graph, s=["n"]), catalog, **options)
    if recorder is not None:
        recorder.register(run.hooks)
    return run.io


def parts(folder, kind=PartitionedDataset, **content):
    """Make a dataset of one text file per partition."""
    folder.mkdir(exist_ok=True)
    for name, text in content.items():
        (folder / f"{name}.txt").write_text(text)
    return kind(path=str(folder), dataset="text.TextDataset", filename_suffix=".txt")


def names(folder):
    return sorted(path.name for path in folder.glob("*.txt"))


def test_hooks_fire_with_a_node_only():
    recorder = Recorder()
    io = io_of(DataCatalog({"raw": MemoryDataset(1), "x": MemoryDataset()}), recorder)
    io.save("x", io.load("raw"))
    assert recorder.calls == []
    io.save("x", io.load("raw", NODE), NODE)
    assert [name for name, _ in recorder.calls] == [
        "before_dataset_loaded",
        "after_dataset_loaded",
        "before_dataset_saved",
        "after_dataset_saved",
    ]


def test_a_parameter_of_the_runs_configuration_is_told_as_if_it_were_loaded():
    recorder = Recorder()
    assert io_of({}, recorder).replaced("params:a", 5, NODE) == 5
    assert recorder.calls == [("before_dataset_loaded", "params:a"), ("after_dataset_loaded", "params:a")]


def test_what_the_run_has_saved_is_loaded_at_its_version(tmp_path):
    catalog = {"x": json_entry(tmp_path / "x.json", versioned=True)}
    io_of(catalog).save("x", "mine")
    later = tmp_path / "x.json" / "2027-01-01T00.00.00.000Z" / "x.json"
    later.parent.mkdir()
    later.write_text('"later"')
    assert io_of(catalog, versions={"x": RUN_ID}).load("x") == "mine"
    assert io_of(catalog).load("x") == "later"


# Partitions.


def test_of_a_partitioned_dataset_the_partitions_of_some_keys_are_loaded(tmp_path):
    io = io_of(DataCatalog({"x": parts(tmp_path / "x", a="1", b="2")}))
    assert {key: load() for key, load in io.load("x", keys=["a"]).items()} == {"a": "1"}
    assert set(io.load("x")) == {"a", "b"}


def incremental(folder, **content):
    """Make the input and output of a run that reads files as they come."""
    return io_of(DataCatalog({"x": parts(folder, IncrementalDataset, **content)}))


def test_an_incremental_dataset_loads_the_partitions_of_the_run_wherever_its_checkpoint_is(tmp_path):
    io = incremental(tmp_path / "x", a="1", b="2", c="3")
    assert io.load("x", keys=["a"]) == {"a": "1"}
    io.confirm("x", ["a"])
    assert incremental(tmp_path / "x").load("x") == {"b": "2", "c": "3"}
    assert incremental(tmp_path / "x").load("x", keys=["a"]) == {"a": "1"}


def test_a_checkpoint_passes_no_partition_that_another_run_has_to_process(tmp_path):
    io = incremental(tmp_path / "x", a="1", b="2")
    assert io.load("x", keys=["b"]) == {"b": "2"}
    io.confirm("x", ["b"])
    assert incremental(tmp_path / "x").load("x") == {"a": "1", "b": "2"}


def test_a_dataset_without_partitions_ignores_keys():
    io = io_of(DataCatalog({"x": MemoryDataset({"a": 1, "b": 2})}))
    assert io.load("x", keys=["a"]) == {"a": 1, "b": 2}
    io.save("x", {"c": 3}, keys=["a"])
    assert io.load("x") == {"c": 3}


def test_only_partitions_of_the_run_are_saved(tmp_path):
    recorder, folder = Recorder(), tmp_path / "x"
    io = io_of(DataCatalog({"x": parts(folder)}), recorder)
    with pytest.raises(PartitionError, match="The node returned the partition b of 'x', but this run makes a"):
        io.save("x", {"a": "1", "b": "2"}, NODE, ["a"])
    assert (names(folder), recorder.calls) == ([], [])
    io.save("x", {"a": "1"}, NODE, ["a"])
    assert names(folder) == ["a.txt"]


# Validators.


def validator(**keys):
    return {"type": "MemoryDataset", "validator": {"class": f"{__name__}.Positive", **keys}}


def told(io):
    return {key: found.error and str(found.error).splitlines()[-1] for key, found in io.validations.items()}


def test_what_a_validator_finds_is_kept_by_dataset_and_mode():
    io = io_of({"x": validator()})
    io.save("x", 1)
    assert io.load("x") == 3
    assert told(io) == {("x", "save"): None, ("x", "load"): None}


def test_of_several_chunks_the_first_error_is_kept():
    io = io_of({"x": validator(severity="warn", on=["save"])})
    for data in (1, -1, -2, 1):
        io.save("x", data)
    [(key, error)] = told(io).items()
    assert (key, "-1 is not positive" in error) == (("x", "save"), True)


def test_without_a_validator_nothing_is_kept():
    io = io_of({"x": {"type": "MemoryDataset"}})
    io.save("x", -1)
    assert (io.load("x"), io.validations) == (-1, {})


def test_a_validator_that_cannot_be_made_is_left_to_kedro():
    io = io_of({"x": {"type": "MemoryDataset", "validator": f"{__name__}.Refusing"}})
    with pytest.raises((DataValidationError, ValidationConfigurationError)):
        io.save("x", 1)
    assert io.validations == {}


@pytest.mark.parametrize("on", [["load"], ["save"], ["load", "save"]], ids="+".join)
@pytest.mark.parametrize(("stored", "error"), [(5, None), (-5, "-5 is not positive")], ids=["fits", "refused"])
def test_stored_data_is_looked_at_whatever_the_validator_is_on(tmp_path, on, stored, error):
    (tmp_path / "x.json").write_text(str(stored))
    io = io_of({"x": {**validator(on=on), **json_entry(tmp_path / "x.json")}})
    found = io.validate("x")
    assert found.mode == "stored"
    assert (found.error is None) if error is None else (error in str(found.error))
    assert io.validations == {}


def test_data_at_hand_is_looked_at_without_loading():
    assert "-3 is not positive" in str(io_of({"x": validator()}).validate("x", -3).error)


def test_what_cannot_be_loaded_is_an_error_and_no_finding(tmp_path):
    io = io_of({"x": {**validator(), **json_entry(tmp_path / "none.json")}})
    with pytest.raises(DataValidationError, match=r"none\.json"):
        io.validate("x")


def test_a_dataset_without_a_validator_cannot_be_asked():
    with pytest.raises(ValidationConfigurationError, match="The catalog of this run has no validator for 'x'"):
        io_of({"x": {"type": "MemoryDataset"}}).validate("x")
