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
    assert checks["b"].description == "`shop.B` looks at `b` on every load and save."


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


def test_a_validator_that_kedro_cannot_read_is_a_problem():
    _, problems = checks_of([make_node("n", ["x"], ["a"])], {"a": entry(validator={"class": "s.A", "severty": "warn"})})
    [(path, found)] = problems
    assert path == "catalog.a.validator"
    assert "unknown key(s) ['severty']" in found
