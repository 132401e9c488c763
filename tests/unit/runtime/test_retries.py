"""How often failed steps are tried again: what dagster.yml says, and which of it holds."""

import dagster as dg
import pytest

from kedro_assets.config import AssetsConfig, RetryConfig
from kedro_assets.errors import Scope
from kedro_assets.runtime import Retries, read_retries
from unit.builders import make_node

NODES = [make_node("fetch", ["raw"], ["x"], tags=["flaky", "web"]), make_node("train", ["x"], ["y"])]
FETCH, TRAIN = NODES
ONE, TWO, FIVE = (dg.RetryPolicy(max_retries=number) for number in (1, 2, 5))


def read(nodes=NODES, **config):
    problems = Scope()
    return read_retries(AssetsConfig(**config), nodes, problems), [(each.path, each.found) for each in problems]


def test_without_any_nothing_is_tried_again():
    retries, problems = read()
    assert (retries.of_step(NODES), retries.of_failure(FETCH, None), problems) == (None, None, [])


def test_a_policy_has_the_words_of_dagster():
    written = RetryConfig(max_retries=3, delay=10, backoff="EXPONENTIAL", jitter="FULL")
    retries, _ = read(retries=written)
    assert retries.general == dg.RetryPolicy(3, 10, dg.Backoff.EXPONENTIAL, dg.Jitter.FULL)


@pytest.mark.parametrize("name", ["fetch", "flaky"])
def test_those_of_a_node_go_before_those_of_its_job_and_of_all(name):
    retries, problems = read(retries=RetryConfig(1), node_retries={name: RetryConfig(5)})
    assert problems == []
    assert [retries.of_failure(node, job) for node in NODES for job in (TWO, None)] == [FIVE, FIVE, TWO, ONE]
    assert retries.of_failure(None, None) == ONE


def test_the_name_of_a_node_goes_before_its_tags():
    retries, problems = read(node_retries={"flaky": RetryConfig(1), "fetch": RetryConfig(5), "web": RetryConfig(2)})
    assert (retries.of_failure(FETCH, None), problems) == (FIVE, [])


def test_a_namespace_goes_before_a_tag_and_behind_the_name_of_a_node():
    node = make_node("fetch", ["raw"], ["x"], tags=["flaky", "web"], namespace="shop.daily")
    both = {"flaky": RetryConfig(1), "web": RetryConfig(2), "shop": RetryConfig(5)}
    retries, problems = read([node], node_retries=both)
    assert (retries.of_failure(node, None), problems) == (FIVE, [])
    retries, problems = read([node], node_retries={**both, "shop.daily.fetch": RetryConfig(2)})
    assert (retries.of_failure(node, None), problems) == (TWO, [])


def test_a_step_has_what_its_nodes_agree_on_and_else_that_of_all():
    retries = Retries(ONE, {"fetch": FIVE})
    assert [retries.of_step(nodes) for nodes in ([FETCH], [TRAIN], NODES)] == [FIVE, ONE, ONE]


def test_two_tags_of_a_node_cannot_say_two_things():
    _, problems = read(node_retries={"flaky": RetryConfig(1), "web": RetryConfig(2)})
    assert problems == [
        ("assets.node_retries.web", "node 'fetch' has the tag 'flaky' too, for which other retries are written.")
    ]
    assert read(node_retries={"flaky": RetryConfig(1), "web": RetryConfig(1)})[1] == []


def test_a_name_that_no_node_has_is_reported():
    [(path, found)] = read(node_retries={"fetsh": RetryConfig(1)})[1]
    assert (path, found) == ("assets.node_retries.fetsh", "no node has 'fetsh' as its name, its namespace or a tag.")


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (RetryConfig(-1), "expected a number of at least 0, found -1."),
        (RetryConfig(1, backoff="LINEAR"), "Dagster rejects this retry policy: "),
        (RetryConfig(1, delay=-0.5), "expected a number of seconds that can be waited, found -0.5."),
        (RetryConfig(1, delay=float("nan")), "expected a number of seconds that can be waited, found nan."),
        (RetryConfig(1, delay=1e308), "expected a number of seconds that can be waited, found 1e+308."),
    ],
    ids=["below zero", "backoff of nothing", "delay below zero", "delay of no number", "delay for ever"],
)
@pytest.mark.parametrize("place", ["retries", "node_retries"])
def test_what_dagster_does_not_take_is_reported_at_its_place(place, written, found):
    [(path, told)] = read(**{place: written if place == "retries" else {"fetch": written}})[1]
    assert path.startswith("assets.retries" if place == "retries" else "assets.node_retries.fetch")
    assert told.startswith(found)
