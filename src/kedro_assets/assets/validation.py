"""What the validators of Kedro's catalog find, so that it can be told as asset checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import define, frozen
from kedro.validation import DataValidationError, Validator, ValidatorSpec


@frozen
class Validation:
    """What a validator has found in a dataset.

    Attributes:
        dataset: The dataset's name in the catalog.
        spec: The validator, as the catalog has it.
        mode: What the data was on its way to; `stored` if it was loaded only to be looked at.
        error: What is wrong with the data; None if nothing is.
        partitions: The partitions of the data; none where the dataset has none.
    """

    dataset: str
    spec: ValidatorSpec
    mode: Literal["load", "save", "stored"]
    error: Exception | None = None
    partitions: tuple[str, ...] = ()

    @property
    def failures(self) -> list[dict[str, Any]]:
        """What is wrong, one row for each of the validator's own checks, if it tells them apart."""
        found = self.error.failures if isinstance(self.error, DataValidationError) else []
        return [
            {
                "column": failure.column,
                "check": failure.check,
                "cases": failure.failure_count,
                "examples": ", ".join(str(example)[:40] for example in failure.failure_examples),
                "message": failure.message,
            }
            for failure in found
        ]


@define
class WatchedValidator:
    """A validator that remembers what it found since `forget`; it changes nothing.

    Attributes:
        inner: The validator.
        called: Whether it was asked.
        error: The first error it has raised.
    """

    inner: Validator
    called: bool = False
    error: Exception | None = None

    def forget(self) -> None:
        """Start anew."""
        self.called, self.error = False, None

    def validate(self, data: Any) -> Any:
        """Validate as the inner one does."""
        self.called = True
        try:
            return self.inner.validate(data)
        except Exception as error:
            self.error = self.error or error
            raise


def read_validator(config: Mapping[str, Any], dataset: str) -> ValidatorSpec | None:
    """Read the validator of a catalog entry, without importing it; None if it has none or has it switched off.

    Raises:
        ValidationConfigurationError: If Kedro cannot read it.
    """
    if config.get("validator") is None:
        return None
    spec = ValidatorSpec.from_dataset_config(dataset, config["validator"])
    return spec if spec.enabled else None
