"""The tags that steps have because of their nodes: what dagster.yml and a translator say of them."""

import pytest

from kedro_assets import KedroTranslator
from kedro_assets.assets.step_tags import StepTags, read_step_tags
from kedro_assets.errors import Scope
from kedro_assets.graph import Cluster
from unit.builders import make_graph, make_node, make_project

FIT = make_node("fit", ["raw"], ["model"], namespace="shop.daily", tags=["big", "gpu"])
TELL = make_node("tell", ["shop.daily.model"], ["told"], tags=["gpu"])
REST = make_node("rest", ["other"], ["done"])
NODES = [FIT, TELL, REST]
QUEUE, PRIORITY, DASK = "dagster-celery/queue", "dagster/priority", "dagster-dask/resource_requirements"


class Saying(KedroTranslator):
    """Says more of some nodes than dagster.yml does."""

    def __init__(self, said):
        self.said = said

    def get_step_tags(self, data):
        more = self.said.get(data.node.name, {})
        return {**super().get_step_tags(data), **more} if isinstance(more, dict) else more


def read(written, nodes=NODES, translator=None, **options):
    """Return the tags of steps, and what is reported."""
    problems = Scope()
    project = make_project(nodes, step_tags=written, **options)
    found = read_step_tags(project, translator or KedroTranslator(), problems)
    return found, [(problem.path, problem.found) for problem in problems]


def tags(written, node=FIT, **options):
    """Return the tags of a node, and fail if anything is reported."""
    found, problems = read(written, **options)
    assert problems == []
    return found.of_node(node)


def test_without_any_a_node_has_none():
    assert tags({}) == {}
    assert StepTags().of_node(FIT) == {}


@pytest.mark.parametrize("key", ["shop.daily.fit", "shop.daily", "shop", "gpu"])
def test_a_node_has_the_tags_that_are_written_for_its_name_a_namespace_or_a_tag(key):
    assert tags({key: {QUEUE: "cards", DASK: {"GPU": 1}}}) == {QUEUE: "cards", DASK: '{"GPU": 1}'}
    assert tags({key: {QUEUE: "cards"}}, REST) == {}


def test_the_more_specific_key_decides_on_a_tag_and_leaves_the_others():
    written = {
        "gpu": {QUEUE: "of the tag", PRIORITY: 1, DASK: {"GPU": 1}, "team": "a"},
        "shop": {QUEUE: "of the outer namespace", PRIORITY: 2, DASK: {"GPU": 2}},
        "shop.daily": {QUEUE: "of the inner namespace", PRIORITY: 3},
        "shop.daily.fit": {QUEUE: "of the name"},
    }
    assert tags(written) == {QUEUE: "of the name", PRIORITY: "3", DASK: '{"GPU": 2}', "team": "a"}
    assert tags(written, TELL) == {QUEUE: "of the tag", PRIORITY: "1", DASK: '{"GPU": 1}', "team": "a"}


def test_two_tags_of_a_node_may_say_two_things_of_one_tag_only_if_something_more_specific_decides():
    both = {"big": {QUEUE: "large", PRIORITY: 1}, "gpu": {QUEUE: "cards", PRIORITY: 1}}
    assert read(both)[1] == [
        (
            f"assets.step_tags.gpu.{QUEUE}",
            "node 'shop.daily.fit' has the tag 'big' too, for which another value is written.",
        )
    ]
    for key in ("shop", "shop.daily", "shop.daily.fit"):
        assert tags({**both, key: {QUEUE: "decided"}}) == {QUEUE: "decided", PRIORITY: "1"}


def test_values_that_differ_in_the_order_of_their_keys_only_are_the_same():
    assert tags({"big": {DASK: {"A": 1, "B": 2}}, "gpu": {DASK: {"B": 2, "A": 1}}}) == {DASK: '{"A": 1, "B": 2}'}


def test_a_key_that_means_no_node_is_reported():
    assert read({"gpus": {QUEUE: "cards"}})[1] == [
        ("assets.step_tags.gpus", "no node has 'gpus' as its name, its namespace or a tag.")
    ]


def test_a_value_that_does_not_fit_is_reported_and_left_out():
    found, problems = read({"gpu": {PRIORITY: "high", QUEUE: "cards"}})
    assert problems == [(f"assets.step_tags.gpu.{PRIORITY}", "expected a whole number, found 'high'.")]
    assert found.of_node(TELL) == {QUEUE: "cards"}


# A translator.


def test_a_translator_has_the_last_word():
    translator = Saying({"tell": {QUEUE: "other", DASK: {"GPU": 2}}})
    found, problems = read({"gpu": {QUEUE: "cards", PRIORITY: 1}}, translator=translator)
    assert problems == []
    assert found.of_node(TELL) == {QUEUE: "other", PRIORITY: "1", DASK: '{"GPU": 2}'}
    assert found.of_node(FIT) == {QUEUE: "cards", PRIORITY: "1"}


def test_a_translator_is_given_the_values_as_they_are_written():
    seen = {}

    class Looking(KedroTranslator):
        def get_step_tags(self, data):
            seen[data.node.name] = dict(data.step_tags)
            return data.step_tags

    read({"gpu": {DASK: {"GPU": 1}}}, translator=Looking())
    assert seen == {"shop.daily.fit": {DASK: {"GPU": 1}}, "tell": {DASK: {"GPU": 1}}, "rest": {}}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({PRIORITY: "high"}, f" at {PRIORITY}: expected a whole number, found 'high'."),
        ({DASK: {"GPU": "one"}}, f" at {DASK}.GPU: expected a number, found 'one'."),
        ({5: "x"}, " at [5]: the key 5 is not a string."),
        (["x"], ": expected a mapping of tags, found ['x']."),
        (None, ": expected a mapping of tags, found None."),
    ],
    ids=["priority", "inside", "key", "list", "nothing"],
)
def test_what_a_translator_gives_and_does_not_fit_is_reported_and_left_out(said, message):
    found, problems = read({}, translator=Saying({"tell": said}))
    assert problems == [("assets.translator", f"the step tags of node 'tell' do not fit{message}")]
    assert found.of_node(TELL) == {}


# Steps.

PAIR = [
    make_node("a", ["raw"], ["x"], tags=["gpu"]),
    make_node("b", ["x"], ["y"], tags=["slow"]),
    make_node("c", ["y"]),
]


def reported(written, cluster=None, translator=None, **options):
    found, problems = read(written, PAIR, translator, **options)
    assert problems == []
    scope, graph = Scope(), make_graph(PAIR)
    found.check(graph, [cluster or Cluster("a_and_b", ("a", "b"), ("'x' is handed on in memory.",))], scope)
    return [(problem.path, problem.found, problem.hint) for problem in scope]


def test_what_the_nodes_of_a_step_need_is_the_same_whatever_it_comes_from():
    written = {"gpu": {QUEUE: "cards"}, "c": {QUEUE: "cards"}}
    needs = read(written, PAIR)[0].needs(make_graph(PAIR))
    assert set(needs) == {"a", "c"}
    assert needs["a"] == needs["c"]


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ({"gpu": {QUEUE: "cards"}}, f"gpu.{QUEUE}"),
        ({"b": {QUEUE: "cards"}}, f"b.{QUEUE}"),
        ({"gpu": {QUEUE: "cards"}, "b": {QUEUE: "plain"}}, f"b.{QUEUE}"),
    ],
    ids=["first only", "second only", "both"],
)
def test_nodes_of_one_step_cannot_have_different_tags(written, path):
    [(at, found, hint)] = reported(written)
    assert at == f"assets.step_tags.{path}"
    assert found == (
        f"nodes 'a' and 'b' differ in the tag '{QUEUE}', but have to share a step: 'x' is handed on in memory."
    )
    assert "an entry in the catalog" in hint
    assert "`assets.merge_step_tags: true`" in hint


def test_nodes_of_one_step_may_have_the_same_tags():
    assert reported({"gpu": {QUEUE: "cards"}, "b": {QUEUE: "cards"}}) == []


def test_where_tags_are_merged_a_step_has_those_of_all_of_its_nodes():
    written = {"gpu": {QUEUE: "cards"}, "slow": {PRIORITY: 3, QUEUE: "cards"}}
    assert reported(written, merge_step_tags=True) == []
    assert read(written, PAIR, merge_step_tags=True)[0].of_step(PAIR) == {QUEUE: "cards", PRIORITY: "3"}


def test_where_tags_are_merged_two_values_for_one_are_reported():
    [(path, found, _)] = reported({"gpu": {QUEUE: "cards"}, "slow": {QUEUE: "plain"}}, merge_step_tags=True)
    assert path == f"assets.step_tags.slow.{QUEUE}"
    assert found == f"nodes 'a' and 'b' share a step, but have different values for the tag '{QUEUE}'."


def test_what_differs_because_of_a_translator_is_reported_for_the_translator():
    [(path, found, _)] = reported({}, translator=Saying({"b": {QUEUE: "plain"}}))
    assert (path, "nodes 'a' and 'b' differ" in found) == ("assets.translator", True)
