"""Running nodes: the one place that fixes the order of Kedro's node and dataset hooks.

`kedro.runner.Task` is the reference. It is not called, because here data goes through IO managers, parameters can be
overridden for one step, and each dataset is reported as soon as it is saved.
"""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from kedro.pipeline.node import Node

from kedro_assets.names import base_name, is_parameter
from kedro_assets.notes import StepNotes
from kedro_assets.parameters import typed_parameters
from kedro_assets.plan import StepPlan, readers_of
from kedro_assets.run import KedroRun

logger = logging.getLogger(__name__)


Keys = Mapping[str, Collection[str]]
"""Partition keys by dataset."""


class Door(Protocol):
    """The way to one dataset's data; every IO manager of kedro-assets is one."""

    def load(self, run: KedroRun, name: str, node: Node | None, keys: Collection[str] | None) -> Any:
        """Load the dataset under one of its names; of a partitioned one, some partitions."""

    def save(self, run: KedroRun, name: str, data: Any, node: Node | None, keys: Collection[str] | None) -> None:
        """Save the dataset under one of its names; of a partitioned one, some partitions."""


def run_step(
    run: KedroRun,
    plan: StepPlan,
    nodes: Mapping[str, Node],
    doors: Mapping[str, Door],
    parameters: Mapping[str, Any],
    keys: Keys,
    notes: StepNotes,
) -> Iterator[tuple[Node, str | None]]:
    """Run the nodes of a step in order; data is loaded late and let go early.

    Args:
        run: The open Kedro project.
        plan: What the step does.
        nodes: The project's nodes by name.
        doors: The way to each dataset's data, by the dataset's name without transcoding.
        parameters: Values that replace the project's own, by the name of a node's input.
        keys: The partitions that the step reads and makes, by dataset; one that is not partitioned is not there.
        notes: Is shown what is saved while it is at hand.

    Yields:
        A node and the dataset it has just saved, in full; or a node without outputs and None, once it has run.
    """
    todo = [nodes[name] for name in plan.nodes]
    run.done.difference_update(plan.nodes)  # if this is another try, none of them has run
    readers = run.plan.readers if run.own_process else readers_of(todo)
    check_inputs(run, {name for node in todo for name in node.inputs} & run.plan.inputs - plan.handed_in)
    _build_datasets(run, todo)
    _restore(run, plan.handed_in, todo)
    for node in todo:
        for saved in run_node(run, node, doors, parameters, keys, notes, plan.handed_out):
            yield node, saved
        if not node.outputs:
            yield node, None
        logger.info("Completed node: %s", node.name)
        run.done.add(node.name)
        _release(run, node, readers)


def run_node(
    run: KedroRun,
    node: Node,
    doors: Mapping[str, Door],
    parameters: Mapping[str, Any],
    keys: Keys,
    notes: StepNotes,
    handed_out: Collection[str] = (),
) -> Iterator[str]:
    """Run one node with Kedro's hooks, and give the name of each dataset once all of it is saved."""
    parameters = typed_parameters(node, parameters)
    inputs = {name: _load(run, name, node, doors, parameters, keys) for name in node.inputs}
    inputs.update(_overrides(run, node, inputs))
    outputs = _call(run, node, inputs, notes)
    del inputs
    chunks, saved = inspect.isgeneratorfunction(node.func), []
    for name, data in _interleaved(outputs) if chunks else outputs.items():
        doors[base_name(name)].save(run, name, data, node, keys.get(base_name(name)))
        if name in handed_out:
            run.hand_on(name)
        notes.saved(name, data)
        if not chunks:
            yield name
        saved.append(name)
    if chunks:
        yield from dict.fromkeys(saved)
    for name in node.confirms:
        run.confirm(name, keys.get(base_name(name)))


def _load(
    run: KedroRun, name: str, node: Node, doors: Mapping[str, Door], parameters: Mapping[str, Any], keys: Keys
) -> Any:
    if not is_parameter(name):
        return doors[base_name(name)].load(run, name, node, keys.get(base_name(name)))
    if name not in parameters:
        return run.load(name, node)
    run.hooks.hook.before_dataset_loaded(dataset_name=name, node=node)
    value = parameters[name]
    run.hooks.hook.after_dataset_loaded(dataset_name=name, data=value, node=node)
    return value


def _overrides(run: KedroRun, node: Node, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the hooks for inputs to replace; they get a copy, as in Kedro."""
    responses = run.hooks.hook.before_node_run(
        node=node, catalog=run.catalog, inputs=dict(inputs), is_async=False, run_id=run.identity.kedro_run_id
    )
    replaced: dict[str, Any] = {}
    for response in responses:
        if response is not None and not isinstance(response, dict):
            msg = (
                "'before_node_run' must return either None or a dictionary mapping dataset names to updated values, "
                f"got '{type(response).__name__}' instead."
            )
            raise TypeError(msg)
        replaced.update(response or {})
    return replaced


def _call(run: KedroRun, node: Node, inputs: dict[str, Any], notes: StepNotes) -> dict[str, Any]:
    common = {
        "node": node,
        "catalog": run.catalog,
        "inputs": inputs,
        "is_async": False,
        "run_id": run.identity.kedro_run_id,
    }
    start = time.perf_counter()
    try:
        outputs = node.run(inputs)
    except Exception as error:
        run.hooks.hook.on_node_error(error=error, **common)
        raise
    if not inspect.isgeneratorfunction(node.func):  # it has not begun
        notes.ran(node.outputs, time.perf_counter() - start)
    run.hooks.hook.after_node_run(outputs=outputs, **common)
    return outputs


def _interleaved(outputs: Mapping[str, Iterable[Any]]) -> Iterator[tuple[str, Any]]:
    """Give the chunks of a generator node in the order in which Kedro saves them: one of each output in turn."""
    for chunks in zip(*outputs.values(), strict=False):
        yield from zip(outputs, chunks, strict=True)
        del chunks  # or it would still be there while the node makes the next ones


def check_inputs(run: KedroRun, names: Collection[str]) -> None:
    """Look whether the catalog has what nodes read and no node makes.

    Raises:
        ValueError: If it has not, with Kedro's own message.
    """
    missing = {name for name in names if name not in run.catalog}
    if missing:
        msg = f"Pipeline input(s) {missing} not found in the {type(run.catalog).__name__}"
        raise ValueError(msg)


def _build_datasets(run: KedroRun, nodes: Iterable[Node]) -> None:
    """Build the datasets of a step before its first node runs, as Kedro's runners do."""
    for node in nodes:
        for name in (*node.inputs, *node.outputs):
            run.catalog.get(name, fallback_to_runtime_pattern=True)


def _restore(run: KedroRun, datasets: Collection[str], nodes: Sequence[Node]) -> None:
    """Put the in-memory datasets that another step has made where the nodes of this one look for them."""
    names = dict.fromkeys(name for node in nodes for name in node.inputs if name in datasets)
    for name in names:
        dataset = run.catalog[name]
        if run.own_process and dataset.exists():
            continue  # an earlier step of this process has made it
        dataset.save(run.memory_store.load(name))  # not `catalog.save`: its validator has run where the data was made


def _release(run: KedroRun, node: Node, readers: Mapping[str, AbstractSet[str]]) -> None:
    """Let go of what no later node of this process reads, as Kedro's runners do.

    What goes into the run or comes out of it stays.
    """
    for names, kept in ((node.inputs, run.plan.inputs), (node.outputs, run.plan.outputs)):
        for name in names:
            if name not in kept and run.done.issuperset(readers.get(name, ())):
                run.catalog.release(name)
