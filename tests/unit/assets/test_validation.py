"""What validators of the catalog find."""

import pytest
from kedro.validation import CheckFailure, DataValidationError, ValidationConfigurationError, ValidatorSpec

from kedro_assets.assets.validation import Validation, WatchedValidator, read_validator


class Positive:
    """Refuses what is not above zero."""

    def validate(self, data):
        if data <= 0:
            msg = f"{data} is not positive"
            raise ValueError(msg)
        return data + 1


def test_a_watched_validator_changes_nothing_and_remembers_that_it_was_asked():
    watched = WatchedValidator(Positive())
    assert watched.called is False
    assert watched.validate(1) == 2
    assert (watched.called, watched.error) == (True, None)


def test_the_first_error_is_remembered_until_it_is_forgotten():
    watched = WatchedValidator(Positive())
    for data in (-1, -2):
        with pytest.raises(ValueError, match="is not positive"):
            watched.validate(data)
    watched.validate(3)
    assert str(watched.error) == "-1 is not positive"
    watched.forget()
    assert (watched.called, watched.error) == (False, None)


@pytest.mark.parametrize("error", [None, ValueError("no")], ids=["fits", "other error"])
def test_without_failures_of_its_own_checks_there_are_no_rows(error):
    assert Validation("a", ValidatorSpec("shop.A"), "save", error).failures == []


def test_each_failure_is_a_row_with_short_examples():
    failure = CheckFailure(
        column="price", check="positive", message="too low", failure_count=2, failure_examples=[-1, "x" * 100]
    )
    error = DataValidationError("no", validator="shop.A", failures=[failure])
    assert Validation("a", ValidatorSpec("shop.A"), "load", error).failures == [
        {"column": "price", "check": "positive", "cases": 2, "examples": f"-1, {'x' * 40}", "message": "too low"}
    ]


@pytest.mark.parametrize(
    "config", [{}, {"validator": None}, {"validator": {"class": "shop.A", "enabled": False}}], ids=str
)
def test_an_entry_may_have_no_validator_or_have_it_switched_off(config):
    assert read_validator(config, "a") is None


def test_a_validator_is_read_without_importing_it():
    spec = read_validator({"validator": {"class": "no.such.Validator", "severity": "warn"}}, "a")
    assert (spec.class_path, spec.severity) == ("no.such.Validator", "warn")


def test_a_validator_that_kedro_cannot_read_is_an_error():
    with pytest.raises(ValidationConfigurationError, match="severty"):
        read_validator({"validator": {"class": "a.B", "severty": "warn"}}, "a")
