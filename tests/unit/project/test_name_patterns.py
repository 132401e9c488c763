"""Names and patterns under which dagster.yml says something of datasets."""

import pytest

from kedro_assets.errors import Scope
from kedro_assets.project import NamePatterns


@pytest.mark.parametrize(
    ("name", "found"),
    [("a_model", "a_model"), ("b_model", "{name}_model"), ("ns.b_model", "{ns}.{name}_model"), ("other", "{any}")],
    ids=["a name", "a pattern", "the closest pattern", "the rest"],
)
def test_what_fits_a_name_best_counts(name, found):
    assert NamePatterns(["{any}", "{name}_model", "{ns}.{name}_model", "a_model"], Scope()).match(name) == found


def test_what_fits_no_name_is_reported_with_a_name_like_it():
    problems = Scope()
    patterns = NamePatterns(["modle", "{name}_model"], problems.at("assets", "data_version"))
    names = ["model", "a_model"]
    assert [patterns.match(name) for name in names] == [None, "{name}_model"]
    patterns.report_unused(names)
    [problem] = problems
    assert problem.path == "assets.data_version.modle"
    assert problem.hint.startswith("Did you mean 'model'?")


def test_patterns_that_kedro_refuses_are_reported_once():
    problems = Scope()
    NamePatterns(["{name:text}", "x"], problems.at("assets", "partitions")).report_unused(["x"])
    assert {problem.path for problem in problems} == {"assets.partitions.{name:text}", "assets.partitions.x"}
    several = Scope()
    NamePatterns(["{any}", "{other}"], several.at("assets", "partitions"))
    [problem] = several
    assert (problem.path, problem.found.split(":")[0]) == ("assets.partitions", "Kedro rejects these patterns")
