"""The keys of dagster.yml that mean nodes."""

import pytest

from kedro_assets.errors import Scope
from kedro_assets.project import check_node_keys, deciding_keys, keys_of_node
from unit.builders import make_node

DEEP = make_node("fit", ["raw"], ["x"], namespace="shop.daily", tags=["gpu", "big"])
PLAIN = make_node("tell", ["other"], ["y"])


def test_the_name_is_the_most_specific_key_then_the_namespaces_from_the_inside_then_the_tags():
    assert keys_of_node(DEEP) == [["shop.daily.fit"], ["shop.daily"], ["shop"], ["big", "gpu"]]
    assert keys_of_node(PLAIN) == [["tell"], []]


@pytest.mark.parametrize(
    ("written", "deciding"),
    [
        (["gpu", "shop", "shop.daily", "shop.daily.fit"], ["shop.daily.fit"]),
        (["gpu", "shop", "shop.daily"], ["shop.daily"]),
        (["gpu", "shop"], ["shop"]),
        (["gpu", "other", "big"], ["big", "gpu"]),
        (["other"], []),
    ],
    ids=["name", "inner namespace", "outer namespace", "tags", "none"],
)
def test_the_most_specific_key_that_is_written_decides_on_a_node(written, deciding):
    assert deciding_keys(DEEP, written) == deciding


@pytest.mark.parametrize("key", ["shop.daily.fit", "shop.daily", "shop", "big", "tell"])
def test_a_key_that_means_a_node_is_not_reported(key):
    problems = Scope()
    check_node_keys([key], [DEEP, PLAIN], problems)
    assert not problems.failed


@pytest.mark.parametrize("key", ["fit", "daily", "gpus", ""])
def test_a_key_that_means_no_node_is_reported_with_those_that_do(key):
    problems = Scope()
    check_node_keys([key], [DEEP, PLAIN], problems.at("assets", "step_tags"))
    [problem] = problems
    assert problem.found == f"no node has '{key}' as its name, its namespace or a tag."
    assert problem.hint.endswith("Allowed: big, gpu, shop, shop.daily, shop.daily.fit, tell.")
