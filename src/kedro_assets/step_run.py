"""One step of a run with the project open: its nodes run, and what is saved and found on the way is told."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets.errors import PartitionError
from kedro_assets.execute import Door, Keys, run_step
from kedro_assets.graph import Vertex
from kedro_assets.mlflow_run import run_link
from kedro_assets.names import base_name
from kedro_assets.notes import StepNotes
from kedro_assets.partition_keys import by_path
from kedro_assets.run import SAVE_VERSION, KedroRun
from kedro_assets.validation import Validation
from kedro_assets.view import View


@frozen
class Saved:
    """A dataset that is saved in full, or a node without outputs that has run; with metadata of its materialization."""

    vertex: Vertex
    metadata: Mapping[str, Any]


@frozen
class StepRun:
    """A step of a run.

    Attributes:
        run: The open Kedro project.
        step: Dagster's key of the step.
        view: The step's nodes and those around them, and the assets.
        doors: The way to each dataset's data.
    """

    run: KedroRun
    step: str
    view: View
    doors: Mapping[str, Door]

    def nodes(self, parameters: Mapping[str, Any], keys: Keys) -> Iterator[Saved | Validation]:
        """Run the nodes; what validators find comes after the dataset in which they have found it.

        Args:
            parameters: Values that replace the project's own, by the name of a node's input.
            keys: The partitions that the step reads and makes, by dataset.
        """
        run, plan = self.run, self.run.plan.steps.get(self.step)
        if plan is None:  # only checks are selected
            return
        run_metadata: dict[str, Any] = {"kedro/run_id": run.identity.kedro_run_id, **run_link()}
        notes = StepNotes(self.view.graph.entries, run.catalog, run.identity.kedro_run_id, run.redactor)
        for node, saved in run_step(run, plan, self.view.graph.nodes, self.doors, parameters, keys, notes):
            if saved is None:
                yield Saved(("node", node.name), run_metadata)
                continue
            if not run.own_process:
                run.hand_back(saved)
            version = {SAVE_VERSION: run.identity.kedro_run_id} if saved in run.plan.versioned else {}
            yield Saved(("dataset", base_name(saved)), notes.metadata(saved) | run_metadata | version)
            validation = run.validations.pop((saved, "save"), None)
            if validation is not None:
                yield self._masked(validation)
        yield from self.validated()

    def validated(self) -> Iterator[Validation]:
        """Give what validators have found and nobody has told: on load, what was not already seen on save."""
        run, graph = self.run, self.view.graph
        while run.validations:
            (name, mode), found = run.validations.popitem()
            producer = graph.producer(base_name(name)) if name not in run.plan.inputs else None
            saved_here = producer is not None and name in graph.nodes[producer].outputs
            if mode == "save" or found.error is not None or not saved_here or "save" not in found.spec.on:
                yield self._masked(found)

    def _check_path(self, name: str) -> None:
        """Look whether there is one place where a dataset is stored, in a run that makes no partition of it.

        Raises:
            PartitionError: If each of its partitions has a path of its own.
        """
        entries = (entry for entry in self.view.graph.entries[base_name(name)] if entry.name == name)
        if any(by_path(entry.config) for entry in entries) and not self.run.makes_partition:
            msg = (
                f"'{name}' has one partition per path, so its check is made in the runs that make or load a partition. For all "
                "that is stored, give the validator to a PartitionedDataset of the same folder."
            )
            raise PartitionError(msg)

    def stored(self, checks: Collection[dg.AssetCheckKey]) -> Iterator[Validation]:
        """Have validators look at stored data, for the checks of datasets that the step's nodes have not made."""
        graph, plan = self.view.graph, self.run.plan.steps.get(self.step)
        made = {name for node in (plan.nodes if plan else ()) for name in graph.outputs(node)}
        for name, spec in self.view.index.checks.items():
            if spec.key in checks and base_name(name) not in made:
                self._check_path(name)
                yield self._masked(self.run.validate(name, in_memory=graph.in_memory(base_name(name))))

    def _masked(self, found: Validation) -> Validation:
        """Mask the project's credentials in what a validator has found, before Dagster records it."""
        self.run.redactor.error(found.error)
        return found
