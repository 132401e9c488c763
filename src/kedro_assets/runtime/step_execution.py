"""One step of a run: the one place that fixes the order of Kedro's node and dataset hooks.

`kedro.runner.Task` is the reference. It is not called, because here data goes through IO managers, parameters can be
overridden for one step, and each dataset is reported as soon as it is saved.
"""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Protocol

import dagster as dg
from attrs import define, evolve, field, frozen
from kedro.io import DatasetError
from kedro.pipeline.node import Node

from kedro_assets._internals import kedro_versions
from kedro_assets.assets import Validation
from kedro_assets.errors import PartitionError
from kedro_assets.graph import StepPlan, Vertex, readers_of
from kedro_assets.metadata import MetadataCollector
from kedro_assets.names import base_name, is_parameter
from kedro_assets.partitions import of_keys
from kedro_assets.project import content_version, read_entry
from kedro_assets.runtime.identity import SAVE_VERSION
from kedro_assets.runtime.kedro_run import KedroRun
from kedro_assets.runtime.mlflow_run import run_link
from kedro_assets.runtime.parameters import typed_parameters
from kedro_assets.runtime.placeholders import check_filled, holds_placeholder, own_parameter, with_partition
from kedro_assets.runtime.resume import kept_versions
from kedro_assets.runtime.view import View

logger = logging.getLogger(__name__)


class Door(Protocol):
    """The way to one dataset's data; every IO manager of kedro-assets is one."""

    def load(self, run: KedroRun, name: str, node: Node | None, keys: Collection[str] | None) -> Any:
        """Load the dataset under one of its names; of a partitioned one, some partitions."""

    def save(self, run: KedroRun, name: str, data: Any, node: Node | None, keys: Collection[str] | None) -> None:
        """Save the dataset under one of its names; of a partitioned one, some partitions."""


@frozen
class Saved:
    """A dataset that is saved in full, or a node without outputs that has run.

    Attributes:
        vertex: The dataset or the node.
        metadata: Metadata of its materialization.
        lasts: Whether something of it is there for other runs: files, or in-memory data that was left for other steps.
        content: What tells its content from another, where the catalog says so.
        version: Its data version, where another run has saved it and this one leaves it as it is.
        is_untouched: Whether the node has run and yielded nothing for it, so that it is as it was before.
    """

    vertex: Vertex
    metadata: Mapping[str, Any]
    lasts: bool = True
    content: str | None = None
    version: str | None = None
    is_untouched: bool = False

    def common(self, other: Saved) -> Saved:
        """Return what is true of this and of another partition of the dataset."""
        missing = object()
        same = {key: value for key, value in self.metadata.items() if other.metadata.get(key, missing) == value}
        content = self.content if self.content == other.content else None
        return evolve(self, metadata=same, content=content, is_untouched=self.is_untouched and other.is_untouched)


@define(eq=False)
class StepExecution:
    """A step of a run, in a process that has the project open.

    Attributes:
        run: The open Kedro project.
        step: Dagster's key of the step.
        view: The step's nodes and those around them, and the assets.
        doors: The way to each dataset's data, by the dataset's name without transcoding.
        parameters: Values that replace the project's own, by the name of a node's input.
        keys: The partitions that the step reads and makes, by dataset; one that is not partitioned is not there.
        done: The nodes that an earlier try of the step has run, and that do not run again.
        is_another_try: Says whether the step has begun before in this run, so that a part of what it saves may be there.
        current: The node that runs, or that has failed.
        partition: The partition that is made, or that has failed, of several that are made one after the other.
        collector: Is shown what is saved while it is at hand.
    """

    run: KedroRun
    step: str
    view: View
    doors: Mapping[str, Door]
    parameters: Mapping[str, Any] = field(factory=dict)
    keys: Mapping[str, Collection[str]] = field(factory=dict)
    done: Collection[str] = ()
    is_another_try: Callable[[], bool] = bool
    current: Node | None = field(default=None, init=False)
    partition: str | None = field(default=None, init=False)
    collector: MetadataCollector = field(init=False)
    _kept: set[str] = field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        run = self.run
        self.collector = MetadataCollector(
            self.view.graph.entries, run.catalog, run.identity.kedro_run_id, run.redactor, run.tables
        )

    @property
    def plan(self) -> StepPlan:
        """What the step does; nothing if only checks are selected."""
        return self.run.plan.steps.get(self.step, _NOTHING)

    def run_nodes(self) -> Iterator[Saved | Validation]:
        """Run the nodes in order; data is loaded late and released early.

        Yields:
            A dataset once all of it is saved, and a node without outputs once it has run. What validators find comes after
            the dataset in which they have found it.
        """
        run, plan = self.run, self.plan
        nodes = {title: run.plan.nodes[title] for title in plan.nodes if title not in self.done}
        run.done.difference_update(nodes)  # if this is another try, none of them has run
        run.done.update(self.done)
        readers = run.plan.readers if run.own_process else readers_of(nodes)
        check_inputs(run, {name for node in nodes.values() for name in node.inputs} & run.plan.inputs - plan.handed_in)
        check_filled(run, nodes.values(), self.parameters)
        self._build_datasets(nodes.values())
        run.handover.restore(plan.handed_in, list(nodes.values()))
        run_metadata: dict[str, Any] = {"kedro/run_id": run.identity.kedro_run_id, **run_link()}
        for title, node in nodes.items():
            self.current = node
            saved = set[str]()
            for name in self._run_node(node):
                saved.add(name)
                yield from self._saved(name, {**self.collector.of_node(node), **run_metadata})
            yield from self._untouched(node, [name for name in node.outputs if name not in saved])
            if not node.outputs:
                yield Saved(("node", title), {**self.collector.of_node(node), **run_metadata})
            logger.info("Completed node: %s", node.name)
            run.done.add(title)
            self._release(node, readers)
        self.current = None
        yield from self.validated()

    def pin_versions(self, instance: dg.DagsterInstance, record: dg.DagsterRun) -> None:
        """Load what the run has left as it was at the version that it has: the run has saved none.

        Args:
            instance: Where runs are recorded.
            record: Dagster's record of the run.
        """
        run, left = self.run, [node for node in self.plan.nodes if node not in self.done]
        made = {name for node in left for name in self.view.graph.outputs(node)}
        inputs = {name: base_name(name) for node in left for name in run.plan.nodes[node].inputs}
        read = {name: dataset for name, dataset in inputs.items() if name in run.io.versions and dataset not in made}
        found = kept_versions(set(read.values()), run.identity.if_changed, self.view.table, record, instance)
        run.io.versions.update({name: found.get(read[name], run.identity.kedro_run_id) for name in read})

    def validated(self) -> Iterator[Validation]:
        """Yield what validators have found and nobody has told: on load, what was not already seen on save."""
        run, graph = self.run, self.view.graph
        while run.io.validations:
            (name, mode), found = run.io.validations.popitem()
            producer = graph.producer(base_name(name)) if name not in run.plan.inputs else None
            saved_here = producer is not None and name in graph.nodes[producer].outputs
            if mode == "save" or found.error is not None or not saved_here or "save" not in found.spec.on:
                yield self._told(found, self.keys.get(base_name(name), ()))

    def stored(self, checks: Collection[dg.AssetCheckKey], partitions: Collection[str] = ()) -> Iterator[Validation]:
        """Have validators look at stored data, for the checks of datasets that the step's nodes have not made.

        Args:
            checks: The checks.
            partitions: The partitions of the data to look at; none where it has none.

        Raises:
            PartitionError: If each partition of a dataset has a path of its own, and the run makes none.
            InMemoryDataError: If a dataset is in memory and no run has left it.
        """
        graph = self.view.graph
        made = {name for node in self.plan.nodes for name in graph.outputs(node)}
        for name, spec in self.view.table.checks.items():
            if spec.key in checks and base_name(name) not in made:
                self._check_place(name)
                data = [self.run.store.load(name)] if graph.in_memory(base_name(name)) else []
                found = self.run.io.validate(name, *data, keys=partitions or None)
                yield self._told(found, partitions)

    def _run_node(self, node: Node) -> Iterator[str]:
        """Run one node with Kedro's hooks, and yield the name of each dataset once all of it is saved."""
        parameters = typed_parameters(node, with_partition(self.run, self.parameters))
        inputs = {name: self._load(node, name, parameters) for name in node.inputs}
        inputs.update(self._overrides(node, inputs))
        outputs = self._call(node, inputs)
        del inputs
        chunks, saved = inspect.isgeneratorfunction(node.func), []
        for name, data in _interleaved(outputs) if chunks else outputs.items():
            if name not in saved:
                self._make_room(name)
            try:
                self._save(node, name, data)
            except PartitionError as error:
                if name not in saved:
                    raise
                msg = f"{error} The chunks of '{name}' that the node yielded before stay where they were saved, but are not reported."
                raise PartitionError(msg) from None  # the last cause is what a user sees
            if not chunks:
                yield name
            saved.append(name)
        if chunks:
            yield from dict.fromkeys(saved)
        for name in node.confirms:
            self.run.io.confirm(name, self.keys.get(base_name(name)))

    def _untouched(self, node: Node, unsaved: Iterable[str]) -> Iterator[Saved]:
        """Yield what a generator node has yielded nothing for and is there: steps behind it read that, as in `kedro run`.

        Raises:
            DatasetError: If a node of another step would read what is not there.
        """
        for name in unsaved:
            dataset = base_name(name)
            if self.run.catalog.exists(name):
                self.run.io.versions.pop(name, None)
                yield Saved(("dataset", dataset), {}, is_untouched=True)
                continue
            others = (title for step, plan in self.run.plan.steps.items() if step != self.step for title in plan.nodes)
            reader = next((title for title in others if dataset in self.view.graph.inputs(title)), None)
            if reader is not None:
                msg = f"Node '{node.name}' has yielded nothing for '{name}', so there is nothing that node '{reader}' could load."
                raise DatasetError(msg)

    def _load(self, node: Node, name: str, parameters: Mapping[str, Any]) -> Any:
        if not is_parameter(name):
            dataset = base_name(name)
            data = self.doors[dataset].load(self.run, name, node, self.keys.get(dataset))
            asset = self.view.table.dataset(dataset)
            if asset is not None and not asset.is_virtual:
                self.collector.loaded(name, asset.key, data)
            return data
        if name in parameters:
            return self.run.io.replaced(name, parameters[name], node)
        if holds_placeholder(self.run, name):
            return self.run.io.replaced(name, own_parameter(self.run, name), node)
        return self.run.io.load(name, node)

    def _make_room(self, name: str) -> None:
        """Remove what an earlier try of the step has saved of a versioned dataset: Kedro saves no version twice."""
        if name not in self.run.plan.versioned:
            return
        remove = kedro_versions.earlier_save(self.run.catalog.get(name))
        if remove is not None and self.is_another_try():
            logger.info("The version that an earlier try of this step has saved of '%s' is replaced.", name)
            remove()

    def _save(self, node: Node, name: str, data: Any) -> None:
        self.doors[base_name(name)].save(self.run, name, data, node, self.keys.get(base_name(name)))
        if name in self.plan.handed_out and not self.run.handover.hand_on(name):
            self._kept.add(name)
        self.collector.saved(name, data)

    def _overrides(self, node: Node, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Ask the hooks for inputs to replace; they get a copy, as in Kedro."""
        responses = self.run.hooks.hook.before_node_run(**self._hook_arguments(node, dict(inputs)))
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

    def _call(self, node: Node, inputs: dict[str, Any]) -> dict[str, Any]:
        arguments = self._hook_arguments(node, inputs)
        start = time.perf_counter()
        try:
            outputs = node.run(inputs)
        except Exception as error:
            self.run.hooks.hook.on_node_error(error=error, **arguments)
            raise
        if not inspect.isgeneratorfunction(node.func):  # it has not begun
            self.collector.ran(node.outputs, time.perf_counter() - start)
        self.run.hooks.hook.after_node_run(outputs=outputs, **arguments)
        return outputs

    def _hook_arguments(self, node: Node, inputs: dict[str, Any]) -> dict[str, Any]:
        run = self.run
        return {
            "node": node,
            "catalog": run.catalog,
            "inputs": inputs,
            "is_async": False,
            "run_id": run.identity.kedro_run_id,
        }

    def _saved(self, name: str, run_metadata: Mapping[str, Any]) -> Iterator[Saved | Validation]:
        """Yield a dataset that is saved, and what its validator has found."""
        run = self.run
        if run.hooks.hook.after_pipeline_run.get_hookimpls():
            run.handover.hand_back(name)
        version = {SAVE_VERSION: run.identity.kedro_run_id} if name in run.plan.versioned else {}
        metadata = {**self.collector.metadata(name), **run_metadata, **version}
        lasts = not self.view.graph.in_memory(base_name(name)) or name in self.plan.handed_out - self._kept
        yield Saved(("dataset", base_name(name)), metadata, lasts, self._content(name))
        validation = run.io.validations.pop((name, "save"), None)
        if validation is not None:
            yield self._told(validation, self.keys.get(base_name(name), ()))

    def _content(self, name: str) -> str | None:
        """Return what tells the content of a dataset from another, where the catalog asks for that."""
        run, dataset = self.run, base_name(name)
        resolver = getattr(run.catalog, "config_resolver", None)
        if self.view.graph.settings_of(dataset).data_version != "content" or resolver is None:
            return None
        version = run.identity.kedro_run_id if name in run.plan.versioned else None
        keys = self.keys.get(dataset)
        return content_version(run.location, read_entry(resolver, name), version, *([of_keys(keys)] if keys else []))

    def _build_datasets(self, nodes: Iterable[Node]) -> None:
        """Build the datasets of a step before its first node runs, as Kedro's runners do."""
        for node in nodes:
            for name in (*node.inputs, *node.outputs):
                self.run.catalog.get(name, fallback_to_runtime_pattern=True)

    def _release(self, node: Node, readers: Mapping[str, frozenset[str]]) -> None:
        """Release what no later node of this process reads, as Kedro's runners do.

        What goes into the run or comes out of it stays, and what another step of this process can get here only.
        """
        plan = self.run.plan
        for names, kept in ((node.inputs, plan.inputs), (node.outputs, plan.outputs)):
            for name in names:
                if name not in kept | self._kept and self.run.done.issuperset(readers.get(name, ())):
                    self.run.catalog.release(name)

    def _check_place(self, name: str) -> None:
        """Look whether there is one place where a dataset is stored, in a run that makes no partition of it.

        Raises:
            PartitionError: If each of its partitions has a path of its own.
        """
        entries = (entry for entry in self.view.graph.entries[base_name(name)] if entry.name == name)
        if not all(self.run.identity.has_parts(entry.partition_parts) for entry in entries):
            msg = (
                f"'{name}' has one path per partition, so its check needs a run that makes or loads a partition. To check all "
                "stored data, give the validator to a PartitionedDataset of the same folder."
            )
            raise PartitionError(msg)

    def _told(self, found: Validation, partitions: Collection[str]) -> Validation:
        """Return what a validator has found as Dagster may record it: without secrets, and with the partitions of the data."""
        error = None if found.error is None else self.run.redactor.error(found.error)
        return evolve(found, error=error, partitions=found.partitions or tuple(partitions))


_NOTHING = StepPlan(())


def check_inputs(run: KedroRun, names: Collection[str]) -> None:
    """Look whether the catalog has what nodes read and no node makes.

    Raises:
        ValueError: If it has not, with Kedro's own message.
    """
    missing = {name for name in names if name not in run.catalog}
    if missing:
        msg = f"Pipeline input(s) {missing} not found in the {type(run.catalog).__name__}"
        raise ValueError(msg)


def _interleaved(outputs: Mapping[str, Iterable[Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the chunks of a generator node in the order in which Kedro saves them: one of each output in turn."""
    for chunks in zip(*outputs.values(), strict=False):
        yield from zip(outputs, chunks, strict=True)
        del chunks  # or it would still be there while the node makes the next ones
