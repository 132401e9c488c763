"""Placeholders of a partition that a run does not have."""

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import node

from kedro_assets.errors import PartitionError
from kedro_assets.runtime.identity import RunIdentity
from kedro_assets.runtime.placeholders import check_filled, holds_placeholder, own_parameter, with_partition
from unit.records import RUN_ID, make_run

OPEN = {"partition_key": "<partition_key>"}


def told(day):
    return day


TELL = node(told, "params:day", "out", name="tell")


def run_of(value, **params):
    """A run with runtime parameters, in which a parameter has a value."""
    catalog = DataCatalog({"params:day": MemoryDataset(value), "out": MemoryDataset()})
    return make_run(None, None, catalog, identity=RunIdentity("run", RUN_ID, runtime_params=params))


@pytest.mark.parametrize("value", ["<partition_key>", {"on": ["x <partition_key>"]}], ids=["plain", "inside"])
def test_a_node_is_not_told_a_placeholder(value):
    run = run_of(value, **OPEN)
    assert holds_placeholder(run, "params:day")
    with pytest.raises(PartitionError, match=r"'params:day', which node 'tell' reads, depends on .* `partition_key`"):
        check_filled(run, [TELL], {})


def test_a_value_that_the_run_is_given_is_none():
    run = run_of("<partition_key>", **OPEN)
    check_filled(run, [TELL], {"params:day": "a"})
    assert with_partition(run, {"params:day": "a"}) == {"params:day": "a"}


def test_in_a_run_that_has_the_partition_nothing_is_missing():
    run = run_of("<partition_key>", partition_key="a")
    assert not holds_placeholder(run, "params:day")
    assert own_parameter(run, "params:day") == "<partition_key>"
    check_filled(run, [TELL], {})
