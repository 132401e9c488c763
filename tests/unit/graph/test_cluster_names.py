import pytest
from hypothesis import given

from kedro_assets.config import AssetsConfig
from kedro_assets.errors import Scope
from kedro_assets.graph.cluster_names import cluster_names
from kedro_assets.graph.clusters import Boundaries, cluster
from unit.builders import graphs, make_graph, make_node

pytestmark = pytest.mark.filterwarnings("ignore:Namespace '.*' is interrupted by nodes:UserWarning")


def names(graph, *clusters, trait=None):
    """The names of clusters that are written as their nodes, separated by spaces."""
    return list(cluster_names(graph, {nodes: nodes.split() for nodes in clusters}, trait).values())


def steps(nodes, cluster_by="memory", **kwargs):
    graph = make_graph(nodes, **kwargs)
    return {
        each.name: each.nodes for each in cluster(graph, AssetsConfig(cluster_by=cluster_by), Boundaries(), Scope())
    }


SPLIT = make_node("split", ["raw"], ["train", "test"])
FIT = make_node("fit", ["train"], ["model"])
SCORE = make_node("score", ["model", "test"], ["metrics"])
FILES = ["model", "metrics"]


def test_a_step_is_called_as_the_first_of_its_nodes_that_saves_something():
    assert steps([SPLIT, FIT, SCORE], files=FILES) == {"fit": ("split", "fit", "score")}


@pytest.mark.parametrize(
    "joined",
    [
        make_node("clean", ["source"], ["raw"]),
        make_node("a_plot", ["test"]),
        make_node("zip_up", ["metrics", "test"], ["archive"]),
    ],
    ids=lambda node: node.name,
)
def test_the_name_stays_when_a_node_joins(joined):
    assert "fit" in steps([SPLIT, FIT, SCORE, joined], files=[*FILES, "archive"])


def test_a_node_that_was_alone_keeps_the_name_of_its_step_when_others_join():
    assert "fit" in steps([FIT], files=FILES)
    assert "fit" in steps([SPLIT, FIT], files=FILES)


def test_a_step_that_saves_nothing_is_called_as_its_last_node():
    assert steps([SPLIT, make_node("show", ["train", "test"])]) == {"show": ("split", "show")}


@pytest.mark.parametrize(
    ("namespaces", "name"),
    [
        (["shop", "shop", None], "shop"),
        (["shop.deep", "shop.deep", None], "shop.deep"),
        (["shop.deep", "shop.other", None], "shop"),
        (["shop", "shop.deep", None], "shop"),
        (["shop", "shop", "shop"], "shop.b"),  # not all of it
        (["shop", "shop", "shopping"], "shop"),
        (["shop", None, None], "b"),
        (["shop", "store", None], "store.b"),
    ],
    ids=str,
)
def test_a_step_that_is_all_of_a_namespace_is_called_so(namespaces, name):
    a, b, c = (
        make_node(each, ["raw"], [f"{each}_out"], namespace=namespace)
        for each, namespace in zip("abc", namespaces, strict=True)
    )
    graph = make_graph([a, b, c], files=[b.outputs[0]])
    assert names(graph, f"{a.name} {b.name}", c.name) == [name, c.name]


@pytest.mark.parametrize(
    ("pipelines", "name"),
    [
        ({"training": ["split", "fit"]}, "training"),
        ({"training": ["split", "fit", "score"]}, "split"),
        ({"whole": ["split", "fit", "score"], "later": ["split", "fit"]}, "later"),
        ({"fit": ["split", "fit"]}, "split"),  # the name of one node of it
        ({"score": ["split", "fit"]}, "split"),  # the name of another step
    ],
    ids=str,
)
def test_a_step_that_is_all_of_a_pipeline_is_called_so(pipelines, name):
    nodes = {node.name: node for node in (SPLIT, FIT, SCORE)}
    named = {pipeline: [nodes[node] for node in held] for pipeline, held in pipelines.items()}
    graph = make_graph({"__default__": [SPLIT, FIT, SCORE], **named}, files=[*FILES, "test"])
    assert names(graph, "split fit", "score") == [name, "score"]


def test_a_step_of_all_nodes_is_not_called_default():
    assert list(steps([SPLIT, FIT], files=FILES)) == ["fit"]


def test_traits_name_the_one_cluster_that_has_them():
    graph = make_graph([SPLIT, FIT, SCORE], files=FILES)
    assert names(graph, "split fit", "score", trait=lambda graph, node: "gpu") == ["gpu", "score"]
    assert names(graph, "split fit", "score", trait=lambda graph, node: node) == ["split__fit", "score"]
    assert names(graph, "split fit", "score", trait=lambda graph, node: "score") == ["fit", "score"]


def test_two_clusters_with_the_same_traits_are_called_as_their_nodes():
    nodes = [make_node(name, ["raw"], [f"{name}_out"]) for name in "abcd"]
    assert names(make_graph(nodes), "a b", "c d", trait=lambda graph, node: "gpu") == ["b", "d"]


@given(graphs())
def test_names_are_unique_whatever_nodes_share(graph):
    nodes = list(graph.nodes)
    clusters = {first: nodes[first : first + 2] for first in range(0, len(nodes), 2)}
    for trait in (None, lambda graph, node: "x", lambda graph, node: node[-1], lambda graph, node: nodes[0]):
        assert len(set(cluster_names(graph, clusters, trait).values())) == len(clusters)
