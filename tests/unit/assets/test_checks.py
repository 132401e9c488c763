import dagster as dg
import pytest
from attrs import evolve
from kedro.validation import CheckFailure, DataValidationError, ValidatorSpec

from kedro_assets.assets import Validation, check_evaluations, check_result
from kedro_assets.errors import Scope
from unit.builders import make_node
from unit.records import make_table


def checks_of(nodes, catalog):
    """Return the check of each dataset, by its name in the catalog, and the errors as (path, found)."""
    problems = Scope()
    table = make_table(nodes, catalog=catalog, problems=problems)
    return table.checks, [(problem.path, problem.found) for problem in problems]


def entry(**keys):
    return {"type": "pandas.CSVDataset", "filepath": "a.csv", **keys}


def names(checks):
    return {dataset: (spec.asset_key.to_user_string(), spec.name) for dataset, spec in checks.items()}


def test_every_validator_is_a_check_of_its_asset():
    catalog = {"raw": entry(validator="shop.Raw"), "b": entry(validator={"class": "shop.B", "severity": "warn"})}
    checks, problems = checks_of([make_node("n", ["raw"], ["b", "c"])], catalog)
    assert (names(checks), problems) == ({"raw": ("raw", "validator"), "b": ("b", "validator")}, [])
    assert checks["b"].description == "The Kedro validator `shop.B` validates `b` on every load and save."


def test_each_name_of_a_transcoded_dataset_has_a_check_of_its_own():
    catalog = {"a@pandas": entry(validator="shop.A"), "a@polars": entry(validator="shop.A"), "a@spark": entry()}
    nodes = [make_node("one", ["x"], ["a@pandas"]), make_node("two", ["a@polars", "a@spark"], ["b"])]
    assert names(checks_of(nodes, catalog)[0]) == {
        "a@pandas": ("a", "validator_pandas"),
        "a@polars": ("a", "validator_polars"),
    }


def test_a_pattern_of_the_catalog_gives_checks_to_what_fits_it():
    checks, _ = checks_of([make_node("n", ["x"], ["a_table"])], {"{name}_table": entry(validator="shop.Table")})
    assert names(checks) == {"a_table": ("a_table", "validator")}


def test_a_validator_that_is_switched_off_is_no_check():
    assert checks_of([make_node("n", ["x"], ["a"])], {"a": entry(validator={"class": "s.A", "enabled": False})}) == (
        {},
        [],
    )


def test_a_dataset_that_an_asset_of_other_origin_makes_is_left_to_it():
    given = entry(validator="shop.A", metadata={"dagster": {"external": False}})
    assert checks_of([make_node("n", ["a"], ["b"])], {"a": given})[0] == {}


def conditioned(condition):
    return {"metadata": {"dagster": {"check_automation_condition": condition}}}


def test_the_checks_of_a_dataset_have_its_condition_for_them():
    catalog = {"a": entry(validator="shop.A", **conditioned("eager")), "b": entry(validator="shop.B")}
    checks, problems = checks_of([make_node("n", ["a"], ["b"])], catalog)
    assert problems == []
    assert {name: spec.automation_condition for name, spec in checks.items()} == {
        "a": dg.AutomationCondition.eager(),
        "b": None,
    }


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (entry(**conditioned("eager")), "this dataset has no `validator`"),
        (entry(validator="shop.A", **conditioned("eagr")), "Dagster has no automation condition 'eagr'."),
        (
            {"type": "MemoryDataset", "validator": "shop.A", **conditioned("eager")},
            "this dataset only passes from node to node in memory",
        ),
    ],
    ids=["no validator", "no condition", "in memory"],
)
def test_a_condition_of_checks_that_does_not_fit_is_reported(given, found):
    nodes = [make_node("n", ["x"], ["a"]), make_node("m", ["a"], ["b"])]
    [(where, text)] = checks_of(nodes, {"a": given})[1]
    assert (where, found in text) == ("catalog.a.metadata.dagster.check_automation_condition", True), text


def test_a_condition_of_a_check_does_not_wait_for_an_external_dataset_that_nothing_observes():
    catalog = {name: entry(validator="shop.A", **conditioned({"on_cron": "@daily"})) for name in ("a", "b")}
    checks, _ = checks_of([make_node("n", ["a"], ["b"])], catalog)
    on_cron = dg.AutomationCondition.on_cron("@daily")
    assert checks["a"].automation_condition == on_cron.ignore(dg.AssetSelection.assets("a"))
    assert checks["b"].automation_condition == on_cron


def test_a_validator_that_is_switched_off_may_keep_its_condition():
    given = entry(validator={"class": "s.A", "enabled": False}, **conditioned("eager"))
    assert checks_of([make_node("n", ["x"], ["a"])], {"a": given}) == ({}, [])


def test_a_validator_that_kedro_cannot_read_is_a_problem():
    _, problems = checks_of([make_node("n", ["x"], ["a"])], {"a": entry(validator={"class": "s.A", "severty": "warn"})})
    [(path, found)] = problems
    assert path == "catalog.a.validator"
    assert "unknown key(s) ['severty']" in found


# What is told of a validator's findings.


SPEC = dg.AssetCheckSpec("validator", asset="a")


@pytest.mark.parametrize(
    ("severity", "told"), [("error", dg.AssetCheckSeverity.ERROR), ("warn", dg.AssetCheckSeverity.WARN)], ids=str
)
def test_a_result_has_the_severity_and_the_error_of_the_validator(severity, told):
    error = ValueError("no")
    result = check_result(SPEC, Validation("a", ValidatorSpec("shop.A", severity=severity), "save", error))
    assert (result.passed, result.severity, result.description) == (False, told, "no")
    assert (result.asset_key, result.check_name) == (dg.AssetKey("a"), "validator")


def test_a_result_says_how_the_data_passed_and_which_partitions_were_seen_at_once():
    validation = Validation("a", ValidatorSpec("shop.A"), "load", partitions=("k1", "k2"))
    told = {key: value.value for key, value in check_result(SPEC, validation).metadata.items()}
    assert told == {"kedro/validator": "shop.A", "kedro/validated_on": "load", "kedro/partitions": "k1, k2"}
    alone = evolve(validation, partitions=("k1",))
    assert "kedro/partitions" not in check_result(SPEC, alone).metadata


def test_each_failure_of_the_validators_own_checks_is_a_row():
    failure = CheckFailure(column="price", check="positive", message="too low", failure_count=2, failure_examples=[-1])
    error = DataValidationError("no", failures=[failure])
    metadata = check_result(SPEC, Validation("a", ValidatorSpec("shop.A"), "save", error)).metadata
    table = metadata["kedro/failures"]
    assert [record.data for record in table.records] == [
        {"column": "price", "check": "positive", "cases": 2, "examples": "-1", "message": "too low"}
    ]
    assert {column.name: column.type for column in table.schema.columns}["cases"] == "int"


def test_an_evaluation_says_what_a_result_does():
    validation = Validation("a", ValidatorSpec("shop.A"), "save", ValueError("no"))
    result, [evaluation] = check_result(SPEC, validation), check_evaluations(SPEC, validation)
    assert (evaluation.asset_key, evaluation.check_name, evaluation.passed) == (dg.AssetKey("a"), "validator", False)
    assert (evaluation.metadata, evaluation.description) == (result.metadata, result.description)
    assert evaluation.partition is None


@pytest.mark.parametrize("partitioned", [True, False])
def test_there_is_an_evaluation_for_each_partition_that_was_looked_at(partitioned):
    settings = {"metadata": {"dagster": {"partitions": {"static": ["k1", "k2"]}}}} if partitioned else {}
    checks, _ = checks_of([make_node("n", ["x"], ["a"])], {"a": entry(validator="shop.A", **settings)})
    assert checks["a"].partitions_def == (dg.StaticPartitionsDefinition(["k1", "k2"]) if partitioned else None)
    validation = Validation("a", ValidatorSpec("shop.A"), "save", partitions=("k1", "k2"))
    told = [evaluation.partition for evaluation in check_evaluations(checks["a"], validation)]
    assert told == (["k1", "k2"] if partitioned else [None])
