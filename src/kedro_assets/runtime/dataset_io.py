"""The one way to the data of datasets: through the catalog of a run, with Kedro's dataset hooks."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from attrs import define, evolve, field
from kedro.io import CatalogProtocol, DatasetError
from kedro.pipeline.node import Node
from kedro.validation import DataValidationError, ValidationConfigurationError, validate_dataset
from pluggy import PluginManager

from kedro_assets._internals import kedro_partitions, kedro_project
from kedro_assets.assets import Validation, WatchedValidator
from kedro_assets.partitions import check_saved, held, is_incremental, is_partitioned, of_keys, selected

logger = logging.getLogger(__name__)

Keys = Collection[str]
"""Partition keys."""


@define(eq=False)
class DatasetIO:
    """Loads and saves the datasets of one run.

    Attributes:
        catalog: The run's catalog.
        hooks: The hooks of the project and of its plugins.
        versions: The versions to load of what this run has saved itself, by the dataset's name in the catalog.
        validations: What validators have found in this process and no step has told yet, by dataset and mode.
    """

    catalog: CatalogProtocol[Any, Any]
    hooks: PluginManager
    versions: dict[str, str] = field(factory=dict)
    validations: dict[tuple[str, str], Validation] = field(factory=dict)

    def load(self, name: str, node: Node | None = None, keys: Keys | None = None) -> Any:
        """Load a dataset or parameter; with a node, its dataset hooks fire.

        A versioned dataset that this run has written is loaded at this run's version, unless the run was given another.

        Args:
            name: The dataset's name in the catalog.
            node: The node that reads it.
            keys: The partitions to load, where the dataset holds several by their ids; without any, all.
        """
        if node is not None:
            self.hooks.hook.before_dataset_loaded(dataset_name=name, node=node)
        dataset = self.catalog.get(name) if keys is not None else None
        if keys is not None and is_incremental(dataset):
            kedro_partitions.limit_partitions(dataset, of_keys(keys))
        with self._watched(name, "load"):
            data = self.catalog.load(name, version=self.versions.get(name))
        if keys is not None and is_partitioned(dataset):
            data = selected(data, keys)
            validation = self.validations.get((name, "load"))
            if validation is not None and isinstance(data, dict):
                self.validations[name, "load"] = evolve(validation, partitions=tuple(held(data, keys)))
        if node is not None:
            self.hooks.hook.after_dataset_loaded(dataset_name=name, data=data, node=node)
        return data

    def save(self, name: str, data: Any, node: Node | None = None, keys: Keys | None = None) -> None:
        """Save a dataset; with a node, its dataset hooks fire.

        Args:
            name: The dataset's name in the catalog.
            data: What is saved.
            node: The node that has made it.
            keys: The partitions that may be saved, where the dataset holds several by their ids.

        Raises:
            PartitionError: If the data has any other partition.
        """
        if keys is not None and is_partitioned(self.catalog.get(name)):
            check_saved(name, data, keys)
        if node is not None:
            self.hooks.hook.before_dataset_saved(dataset_name=name, data=data, node=node)
        with self._watched(name, "save"):
            self.catalog.save(name, data)
        if node is not None:
            self.hooks.hook.after_dataset_saved(dataset_name=name, data=data, node=node)

    def replaced(self, name: str, value: Any, node: Node) -> Any:
        """Return a parameter that the run's configuration replaces, as if it were loaded: its dataset hooks fire."""
        self.hooks.hook.before_dataset_loaded(dataset_name=name, node=node)
        self.hooks.hook.after_dataset_loaded(dataset_name=name, data=value, node=node)
        return value

    def confirm(self, name: str, keys: Keys | None = None) -> None:
        """Confirm what a node has loaded of a dataset.

        In a run of some partitions, the checkpoint moves if these are the next ones: it never passes a partition that
        another run has still to process, and never goes back.

        Args:
            name: The dataset's name in the catalog.
            keys: The partitions that were loaded, where the dataset is partitioned.
        """
        dataset = self.catalog.get(name)
        if keys is not None and is_incremental(dataset) and not kedro_partitions.closes_gap(dataset):
            logger.info(
                "The checkpoint of '%s' is not moved: earlier partitions than those of this run have not been processed yet.",
                name,
            )
            return
        self.catalog.confirm(name)

    def validate(self, name: str, *data: Any, keys: Keys | None = None) -> Validation:
        """Have the validator of a dataset look at what is stored of it, as `kedro.validation` does.

        Args:
            name: The dataset's name in the catalog.
            data: Its data, where it is at hand.
            keys: The partitions to look at, where the dataset holds several by their ids; without any, all.

        Raises:
            ValidationConfigurationError: If the run's catalog has no validator for it.
            DataValidationError: If the data cannot be loaded, or the validator cannot be made.
            DatasetError: If nothing of these partitions is stored.
        """
        dataset = self.catalog.get(name, fallback_to_runtime_pattern=True)
        spec = getattr(self.catalog, "validator_specs", {}).get(name)
        if spec is None:
            msg = f"The catalog of this run has no validator for '{name}'."
            raise ValidationConfigurationError(msg)
        on = "load" if "load" in spec.on else "save"
        if dataset is not None and keys is not None and not data and is_partitioned(dataset):
            found = selected(dataset.load(), keys)
            if isinstance(found, dict) and not found:
                msg = f"There is nothing to validate of '{name}': none of the partitions of this run is stored ({', '.join(keys)})."
                raise DatasetError(msg)
            data = (found,)
        if data or on == "save":  # what is only validated on its way out is loaded as it is
            result = validate_dataset(self.catalog, name, *(data or [self.catalog.load(name)]), on=on)
        else:
            result = validate_dataset(self.catalog, name)
        if result.status == "errored":
            result.raise_if_failed()
        error = None
        if not result:
            message = result.message or "the validator rejects the data"
            error = DataValidationError(message, validator=result.validator, failures=result.failures)
        return Validation(name, spec, "stored", error)

    @contextmanager
    def _watched(self, name: str, mode: Literal["load", "save"]) -> Iterator[None]:
        """Note what the catalog's validator finds in a dataset; of several chunks, the first that it refuses."""
        watched = kedro_project.watch_validator(self.catalog, name, WatchedValidator)
        if watched is None:
            yield
            return
        spec, validator = watched
        validator.forget()
        try:
            yield
        finally:
            earlier = self.validations.get((name, mode))
            if validator.called and (earlier is None or earlier.error is None):
                self.validations[name, mode] = Validation(name, spec, mode, validator.error)
            validator.forget()
