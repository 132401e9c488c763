"""Validators of the catalog as asset checks: what they are called, and what is told of their findings."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from kedro.validation import ValidationConfigurationError, ValidatorSpec

from kedro_assets.assets.conditions import build_condition, placed_condition
from kedro_assets.assets.translator import DatasetRecord
from kedro_assets.assets.validation import Validation, read_validator
from kedro_assets.errors import Scope
from kedro_assets.graph import ProjectGraph, Vertex
from kedro_assets.names import identifiers
from kedro_assets.partitions import shown


def build_checks(
    records: Mapping[Vertex, DatasetRecord], specs: Mapping[Vertex, dg.AssetSpec], graph: ProjectGraph, problems: Scope
) -> Mapping[Vertex, Mapping[str, dg.AssetCheckSpec]]:
    """Describe the check of every validator, by its asset and then by the name of its dataset in the catalog.

    A transcoded dataset is one asset, with a check for each of its names that has a validator.

    Args:
        records: What is known of each asset.
        specs: The assets.
        graph: The project's graph.
        problems: Collects validators that Kedro cannot read, and conditions that do not fit.
    """
    found: dict[Vertex, dict[str, dg.AssetCheckSpec]] = {}
    for vertex, spec in specs.items():
        kind, name = vertex
        if kind == "node" or (records[vertex].producer is None and not records[vertex].settings.external):
            continue
        variants = [entry.name for entry in graph.entries[name]]
        condition = _condition(name, graph, problems)
        if condition is not None and records[vertex].producer is None:
            condition = placed_condition(condition, [spec], virtual=False)
        labels = identifiers(f"validator{variant.removeprefix(name)}" for variant in variants)
        for entry, label in zip(graph.entries[name], labels.values(), strict=True):
            try:
                validator = read_validator(entry.config, entry.name)
            except ValidationConfigurationError as error:
                problems.at("catalog", entry.name, "validator").add(str(error))
                continue
            if validator is not None:
                found.setdefault(vertex, {})[entry.name] = _check_spec(label, spec, (entry.name, validator), condition)
    return found


def _condition(dataset: str, graph: ProjectGraph, problems: Scope) -> dg.AutomationCondition[Any] | None:
    """Return when the checks of a dataset are executed by themselves; a condition that would have no effect is reported."""
    raw = graph.settings_of(dataset).check_automation_condition
    if raw is None:
        return None
    scope = graph.settings_scope(dataset, problems, "check_automation_condition")
    if all(entry.config.get("validator") is None for entry in graph.entries[dataset]):
        found = "this dataset has no `validator`, so it has no check that a condition could start."
        scope.add(found, "Add a `validator`, or remove the condition.")
    elif ("dataset", dataset) in graph.passing:
        found = "this dataset only passes from node to node in memory, so Dagster never sees it change, and the condition has no effect."
        scope.add(found, "Give the dataset a `filepath`, or remove the condition: the validator runs with the node.")
    return build_condition(raw, scope, "check")


def _check_spec(
    label: str,
    asset: dg.AssetSpec,
    validated: tuple[str, ValidatorSpec],
    condition: dg.AutomationCondition[Any] | None,
) -> dg.AssetCheckSpec:
    """Describe one check; it does not block in Dagster's sense, as Kedro's own error already stops what is downstream.

    Dagster may skip everything behind a blocking check without a result, such as one that is only asked on load.
    """
    dataset, validator = validated
    modes = " and ".join(validator.on)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", dg.PreviewWarning
        )  # partitions of checks are nothing that the user has asked for
        return dg.AssetCheckSpec(
            label,
            asset=asset.key,
            description=f"The Kedro validator `{validator.class_path}` validates `{dataset}` on every {modes}.",
            metadata={"kedro/validator": validator.class_path},
            partitions_def=asset.partitions_def,
            automation_condition=condition,
        )


def check_result(spec: dg.AssetCheckSpec, validation: Validation) -> dg.AssetCheckResult:
    """Return what a validator has found, for a check that the running step is to evaluate; Dagster adds the step's partition.

    Args:
        spec: The check.
        validation: What its validator has found.
    """
    return dg.AssetCheckResult(asset_key=spec.asset_key, check_name=spec.name, **_result(validation))


def check_evaluations(spec: dg.AssetCheckSpec, validation: Validation) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield what a validator has found, as `check_result` does, for each partition of the data that it has looked at.

    Args:
        spec: The check, which need not be one of the running step.
        validation: What its validator has found.
    """
    partitions = validation.partitions if spec.partitions_def is not None else ()
    for partition in partitions or (None,):
        yield dg.AssetCheckEvaluation(
            asset_key=spec.asset_key, check_name=spec.name, partition=partition, **_result(validation)
        )


def _result(validation: Validation) -> dict[str, Any]:
    metadata: dict[str, Any] = {"kedro/validator": validation.spec.class_path, "kedro/validated_on": validation.mode}
    if len(validation.partitions) > 1:  # it was asked once for all of them
        metadata["kedro/partitions"] = shown(validation.partitions)
    failures = validation.failures
    if failures:
        metadata["kedro/failures"] = dg.MetadataValue.table(
            [dg.TableRecord(failure) for failure in failures],
            schema=dg.TableSchema(
                [dg.TableColumn(name, "int" if name == "cases" else "string") for name in failures[0]]
            ),
        )
    return {
        "passed": validation.error is None,
        "severity": dg.AssetCheckSeverity.WARN if validation.spec.severity == "warn" else dg.AssetCheckSeverity.ERROR,
        "description": None if validation.error is None else str(validation.error),
        "metadata": metadata,
    }
