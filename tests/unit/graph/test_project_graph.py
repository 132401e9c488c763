import pytest
from kedro.pipeline import Pipeline

from kedro_assets.config import DatasetSettings
from kedro_assets.errors import Scope
from kedro_assets.graph.project_graph import build_graph
from unit.builders import make_graph, make_node, make_project


def build(pipelines, /, **options):
    """Build a graph; return it, and the problems."""
    problems = Scope()
    return build_graph(make_project(pipelines, **options), problems), list(problems)


def left_out(graph):
    return {left.pipeline: left.reason for left in graph.left_out}


def test_a_graph_says_who_writes_and_who_reads_a_dataset():
    graph = make_graph([make_node("a", ["raw"], ["x", "y"]), make_node("b", ["x", "y"], ["z"])])
    assert (graph.producer("raw"), graph.producer("x")) == (None, "a")
    assert (graph.consumers("x"), graph.consumers("z")) == (["b"], [])
    assert (graph.inputs("b"), graph.outputs("a")) == (["x", "y"], ["x", "y"])
    assert graph.external == ["raw"]


def test_transcoded_names_are_one_dataset_with_an_entry_for_each_name():
    nodes = [make_node("a", ["raw"], ["x@spark"]), make_node("b", ["x@pandas"], ["y"])]
    graph = make_graph(nodes, files=["x@spark", "x@pandas"])
    assert list(graph.nodes) == ["a", "b"]
    assert graph.consumers("x") == ["b"]
    assert [entry.name for entry in graph.entries["x"]] == ["x@spark", "x@pandas"]


def test_parameters_are_no_datasets():
    graph = make_graph([make_node("a", ["parameters", "params:x", "raw"], ["y"])])
    assert list(graph.datasets) == ["raw", "y"]
    assert graph.inputs("a") == ["raw"]


def test_nodes_are_in_the_order_in_which_kedro_runs_them():
    nodes = [make_node("c", ["y"], ["z"]), make_node("b", ["x"], ["y"]), make_node("a", ["raw"], ["x"])]
    graph = make_graph(nodes)
    assert list(graph.nodes) == ["a", "b", "c"]
    assert graph.in_order(["c", "a"]) == ["a", "c"]


def test_a_dataset_without_an_entry_is_in_memory():
    graph = make_graph([make_node("a", ["raw"], ["x"])], files=["raw"])
    assert (graph.in_memory("raw"), graph.in_memory("x")) == (False, True)


def test_a_dataset_of_which_one_variant_is_in_memory_cannot_leave_its_process():
    nodes = [make_node("a", ["raw"], ["x@data"]), make_node("b", ["x@data"], ["y"]), make_node("c", ["x@file"], ["z"])]
    graph = make_graph(nodes, files=["x@file"])
    assert graph.in_memory("x")


def test_a_node_without_outputs_is_an_asset_itself():
    graph = make_graph([make_node("a", ["raw"], ["x", "y"]), make_node("b", ["x"])])
    assert graph.assets_of(["a", "b"]) == [("dataset", "x"), ("dataset", "y"), ("node", "b")]


# In-memory datasets that are hidden.


CHAIN = (
    make_node("a", ["raw"], ["x", "unread"]),
    make_node("b", ["x", "other"], ["y"]),
    make_node("c", ["y", "kept"], ["end"]),
)


def test_only_in_memory_datasets_between_two_nodes_are_hidden():
    graph = make_graph(CHAIN, memory_assets=False, files=["kept"])
    assert graph.hidden == {"x", "y"}
    assert graph.assets_of(graph.nodes) == [("dataset", "unread"), ("dataset", "end")]


def test_each_writer_of_hidden_datasets_is_looked_at_once():
    chain = [make_node("n0", ["raw"], ["a0", "b0"])]
    for number in range(12):
        inputs = [f"a{number}", f"b{number}"]
        chain.append(make_node(f"n{number + 1}", inputs, [f"a{number + 1}", f"b{number + 1}"]))
    graph = make_graph(chain, memory_assets=False, files=["raw"])
    assert list(graph.readings("n12")) == [("n0", "raw")]


def test_behind_hidden_datasets_stand_what_their_writers_read():
    graph = make_graph(CHAIN, memory_assets=False, files=["kept"])
    assert graph.upstream("c") == ["raw", "other", "kept"]


def test_what_is_shown_is_upstream_itself():
    graph = make_graph(CHAIN)
    assert graph.hidden == frozenset()
    assert graph.upstream("c") == ["y", "kept"]


# Which pipelines join.


def test_pipelines_that_share_nodes_join():
    a, b, c = make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["y"]), make_node("c", ["y"], ["z"])
    graph = make_graph({"__default__": [a, b], "more": [b, c]})
    assert list(graph.nodes) == ["a", "b", "c"]
    assert graph.pipelines == {"__default__": {"a", "b"}, "more": {"b", "c"}}
    assert (graph.pipelines_of("b"), graph.pipelines_of("c")) == (["__default__", "more"], ["more"])


def test_the_default_pipeline_comes_first_wherever_it_is_registered():
    first, other = make_node("a", ["raw"], ["x"]), make_node("b", ["raw"], ["x"])
    graph = make_graph({"aaa": [other], "__default__": [first]})
    assert list(graph.pipelines) == ["__default__"]
    assert left_out(graph) == {
        "aaa": "its node 'b' writes 'x', which node 'a' of pipeline '__default__' writes already."
    }


def test_a_second_writer_of_a_transcoded_dataset_stays_out():
    graph = make_graph(
        {"__default__": [make_node("a", ["raw"], ["x@csv"])], "more": [make_node("b", ["raw"], ["x@parquet"])]}
    )
    assert left_out(graph) == {
        "more": "its node 'b' writes 'x', which node 'a' of pipeline '__default__' writes already."
    }


def test_a_node_of_the_same_name_and_output_with_another_function_stays_out():
    slow = make_node("a", ["raw"], ["x"])
    fast = slow._copy(func=len)
    graph = make_graph({"__default__": [slow], "fast": [fast]})
    assert left_out(graph) == {
        "fast": "its node 'a' writes 'x' too, and differs from the node of that name in pipeline '__default__': "
        "it calls 'builtins.len', not 'unit.builders.nothing'."
    }


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (make_node("a", ["other"], ["x"]), "its inputs are 'other', not 'raw'."),
        (make_node("a", ["raw"], ["x", "y"]), "its outputs are 'x', 'y', not 'x'."),
        (make_node("a", ["raw"], ["x"], confirms=["raw"]), "its confirms are 'raw', not none."),
    ],
    ids=["inputs", "outputs", "confirms"],
)
def test_a_node_of_the_same_name_that_differs_and_writes_the_same_stays_out(other, difference):
    graph = make_graph({"__default__": [make_node("a", ["raw"], ["x"])], "more": [other]})
    assert left_out(graph) == {
        "more": "its node 'a' writes 'x' too, and differs from the node of that name in pipeline '__default__': "
        + difference
    }
    assert list(graph.nodes) == ["a"]


def test_a_node_whose_function_is_made_anew_joins():
    def scaled(factor):
        return lambda raw: raw * factor

    first, again = (make_node("a", ["raw"], ["x"])._copy(func=scaled(2)) for _ in range(2))
    graph = make_graph({"__default__": [first], "more": [again]})
    assert (graph.pipelines, left_out(graph)) == ({"__default__": {"a"}, "more": {"a"}}, {})


def test_a_node_of_the_same_name_with_other_tags_joins():
    node = make_node("a", ["raw"], ["x"])
    graph = make_graph({"__default__": [node], "more": [node.tag("daily")]})
    assert list(graph.pipelines) == ["__default__", "more"]


def test_a_pipeline_that_would_close_a_cycle_stays_out():
    graph = make_graph({"__default__": [make_node("a", ["x"], ["y"])], "back": [make_node("b", ["y"], ["x"])]})
    assert list(graph.nodes) == ["a"]
    assert left_out(graph)["back"].startswith("together with the other pipelines it forms a cycle: ")


def test_the_pipelines_asked_for_join_in_the_order_asked_for():
    pipelines = {name: [make_node(name, ["raw"], [f"{name}_out"])] for name in ("__default__", "a", "b", "c")}
    graph = make_graph(pipelines, pipelines=["c", "a"])
    assert list(graph.pipelines) == ["c", "a"]
    assert set(graph.nodes) == {"a", "c"}


def test_unknown_pipelines_are_reported_with_the_nearest_and_the_others_join():
    graph, problems = build({"etl": [make_node("a", ["raw"], ["x"])]}, pipelines=["etl", "elt", "zzz"])
    assert [(problem.path, problem.found) for problem in problems] == [
        ("assets.pipelines[1]", "no pipeline 'elt' is registered."),
        ("assets.pipelines[2]", "no pipeline 'zzz' is registered."),
    ]
    assert problems[0].hint == "Did you mean 'etl'? Allowed: etl."
    assert list(graph.nodes) == ["a"]


@pytest.mark.parametrize("order", [["one", "two"], ["two", "one"]], ids=["forward", "backward"])
def test_pipelines_asked_for_that_do_not_fit_together_are_reported(order):
    pipelines = {name: [make_node(name, ["raw"], ["x"])] for name in ("one", "two")}
    graph, problems = build(pipelines, pipelines=order)
    assert list(graph.pipelines) == order[:1]
    [problem] = problems
    assert problem.path == "assets.pipelines[1]"
    assert problem.found.startswith(
        f"pipeline '{order[1]}' conflicts with the other pipelines: its node '{order[1]}' writes 'x'"
    )


def test_a_pipeline_left_out_without_being_asked_for_is_no_problem():
    pipelines = {"__default__": [make_node("a", ["raw"], ["x"])], "b": [make_node("b", ["raw"], ["x"])]}
    graph, problems = build(pipelines)
    assert list(left_out(graph)) == ["b"]
    assert problems == []


def test_a_cycle_across_pipelines_keeps_out_the_one_that_closes_it():
    pipelines = {
        "__default__": [make_node("a", ["x"], ["y"])],
        "on": [make_node("b", ["y"], ["z"])],
        "back": [make_node("c", ["z"], ["x"])],
    }
    graph = make_graph(pipelines)
    assert list(graph.pipelines) == ["__default__", "on"]
    reason = left_out(graph)["back"]
    assert reason.startswith("together with the other pipelines it forms a cycle: ")
    assert all(f"'{name}'" in reason for name in "abcxyz")


# Different nodes of one name.


LINEAR, FOREST = make_node("fit", ["table"], ["linear"]), make_node("fit", ["table"], ["forest"])
TABLE = make_node("load", ["raw"], ["table"])
TWO_MODELS = {"__default__": [TABLE], "linear": [TABLE, LINEAR], "forest": [TABLE, FOREST]}


def kedro_names(graph):
    return {title: node.name for title, node in graph.nodes.items()}


def test_two_pipelines_may_have_different_nodes_of_one_name_that_make_different_data():
    graph = make_graph(TWO_MODELS)
    assert kedro_names(graph) == {"load": "load", "fit": "fit", "fit__forest": "fit"}
    assert graph.pipelines == {
        "__default__": {"load"},
        "linear": {"load", "fit"},
        "forest": {"load", "fit__forest"},
    }
    assert (graph.producer("linear"), graph.producer("forest")) == ("fit", "fit__forest")
    assert (graph.pipelines_of("fit"), graph.pipelines_of("fit__forest")) == (["linear"], ["forest"])
    assert graph.consumers("table") == ["fit", "fit__forest"]
    assert left_out(graph) == {}


def test_a_third_pipeline_finds_its_node_again_among_those_of_one_name():
    graph = make_graph({**TWO_MODELS, "again": [TABLE, FOREST], "last": [make_node("fit", ["table"], ["last"])]})
    assert graph.pipelines["again"] == {"load", "fit__forest"}
    assert graph.pipelines["last"] == {"fit__last"}


def test_the_name_of_a_pipeline_finds_its_own_node():
    graph = make_graph(TWO_MODELS)
    assert graph.in_pipeline("linear", ["fit", "load"]) == ["load", "fit"]
    assert graph.in_pipeline("forest", ["fit", "load"]) == ["load", "fit__forest"]
    assert graph.in_pipeline("__default__", ["fit"]) == []
    assert graph.in_pipeline("forest", ["fit__forest"]) == []


def test_a_run_of_one_has_the_node_as_it_is_and_a_run_of_both_has_two_names():
    graph = make_graph(TWO_MODELS)
    pipeline, nodes = graph.as_pipeline(["fit__forest", "load"])
    assert [node.name for node in pipeline.nodes] == ["load", "fit"]
    assert nodes == {"load": TABLE, "fit__forest": FOREST}
    assert nodes["fit__forest"] is FOREST
    both, nodes = graph.as_pipeline(graph.nodes)
    assert [node.name for node in both.nodes] == ["load", "fit", "fit__forest"]
    assert {title: node.name for title, node in nodes.items()} == {title: title for title in graph.nodes}
    assert nodes["fit"] is LINEAR
    assert (nodes["fit__forest"].func, nodes["fit__forest"].outputs) == (FOREST.func, ["forest"])


def test_nodes_of_one_name_are_in_the_order_in_which_kedro_runs_them():
    pipelines = {
        "__default__": [make_node("fit", ["middle"], ["end"])],
        "before": [make_node("fit", ["raw"], ["start"])],
        "between": [make_node("b", ["start"], ["middle"])],
    }
    graph = make_graph(pipelines)
    assert list(graph.nodes) == ["fit__before", "b", "fit"]
    assert graph.in_order(["fit", "fit__before"]) == ["fit__before", "fit"]
    pipeline, _ = graph.as_pipeline(graph.nodes)
    assert [node.name for node in pipeline.nodes] == ["fit__before", "b", "fit"]


def test_nodes_of_one_name_keep_their_namespace():
    pipelines = {
        "__default__": [make_node("fit", ["raw"], ["x"], namespace="shop")],
        "more": [make_node("fit", ["raw"], ["y"], namespace="shop")],
        "elsewhere": [make_node("fit", ["raw"], ["z"], namespace="home")],
    }
    graph = make_graph(pipelines)
    assert kedro_names(graph) == {"home.fit": "home.fit", "shop.fit": "shop.fit", "shop.fit__more": "shop.fit"}
    pipeline, _ = graph.as_pipeline(graph.nodes)
    assert sorted((node.name, node.namespace) for node in pipeline.nodes) == [
        ("home.fit", "home"),
        ("shop.fit", "shop"),
        ("shop.fit__more", "shop"),
    ]


def test_nodes_of_one_name_without_outputs_are_assets_of_their_own():
    graph = make_graph({"__default__": [make_node("tell", ["x"])], "more": [make_node("tell", ["y"])]})
    assert graph.assets_of(graph.nodes) == [("node", "tell"), ("node", "tell__more")]


def test_a_node_is_not_hidden_by_one_that_has_got_its_name():
    """The name that a node would get may be another node's in Kedro, before and after it."""
    more = [make_node("a", ["raw"], ["y"]), make_node("a__more", ["raw"], ["z"])]
    graph = make_graph({"__default__": [make_node("a", ["raw"], ["x"])], "more": more})
    assert kedro_names(graph) == {"a": "a", "a__more": "a__more", "a__more_2": "a"}
    graph = make_graph(
        {
            "__default__": [make_node("a", ["raw"], ["x"])],
            "more": [make_node("a", ["raw"], ["y"])],
            "third": [make_node("a__more", ["raw"], ["z"])],
        }
    )
    assert kedro_names(graph) == {"a": "a", "a__more": "a", "a__more__third": "a__more"}
    for nodes in (graph.nodes, ["a__more", "a__more__third"]):
        pipeline, found = graph.as_pipeline(nodes)
        assert len(pipeline.nodes) == len(found) == len(nodes)


@pytest.mark.parametrize("name", ["data science", "a/b", "vols à l'heure", "x:y", ""])
def test_a_pipeline_may_have_any_name_although_a_node_may_not(name):
    graph = make_graph({"__default__": [LINEAR], name: [FOREST]})
    assert sorted(kedro_names(graph).values()) == ["fit", "fit"]
    pipeline, _ = graph.as_pipeline(graph.nodes)
    assert len(pipeline.nodes) == 2


# What the catalog says of datasets.


def entry(**settings):
    return {"type": "json.JSONDataset", "filepath": "a.json", "metadata": {"dagster": settings}}


def test_the_settings_of_datasets_are_read_once_into_the_graph():
    graph = make_graph([make_node("a", ["raw"], ["x"])], catalog={"x": entry(group_name="g"), "raw": entry()})
    assert graph.settings == {"x": DatasetSettings(group_name="g"), "raw": DatasetSettings()}
    assert graph.settings_of("x").group_name == "g"


def test_a_dataset_without_settings_has_the_defaults_and_is_not_among_those_that_have():
    graph = make_graph([make_node("a", ["raw"], ["x"])], files=["x"])
    assert graph.settings == {}
    assert graph.settings_of("x") == DatasetSettings()


def test_settings_of_a_transcoded_dataset_are_those_of_the_entry_that_has_them():
    nodes = [make_node("a", ["raw"], ["x@csv"]), make_node("b", ["x@frame"], ["y"])]
    plain = {"type": "json.JSONDataset", "filepath": "a.json", "metadata": {"kedro-viz": {"layer": "raw"}}}
    graph = make_graph(nodes, catalog={"x@csv": plain, "x@frame": entry(group_name="g")})
    assert graph.settings["x"].group_name == "g"
    assert graph.entry("x").name == "x@frame"
    assert graph.settings_scope("x", Scope()).path == ("catalog", "x@frame", "metadata", "dagster")


def test_settings_that_do_not_fit_are_reported_at_the_entry_and_the_rest_is_read():
    catalog = {"x@csv": entry(group_nam="g", tags={"a": "b"}), "unused": entry(nope=1)}
    graph, problems = build([make_node("a", ["raw"], ["x@csv"])], catalog=catalog)
    assert [problem.path for problem in problems] == ["catalog.x@csv.metadata.dagster.group_nam"]
    assert graph.settings_of("x").tags == {"a": "b"}


# Who makes what, and what has to wait.


def test_an_asset_is_made_by_its_writer_or_is_a_node_itself():
    graph = make_graph([make_node("a", ["raw"], ["x"]), make_node("tell", ["x"])])
    assert graph.maker(("dataset", "x")) == "a"
    assert graph.maker(("node", "tell")) == "tell"
    assert graph.maker(("dataset", "raw")) is None


def test_the_types_of_the_datasets_of_a_pipeline_are_those_of_all_variants():
    nodes = [make_node("a", ["raw", "params:p"], ["x@csv"]), make_node("b", ["x@frame"], ["y"])]
    catalog = {name: {"type": kind} for name, kind in (("x@csv", "A"), ("x@frame", "B"), ("raw", "C"), ("y", "D"))}
    graph = make_graph(nodes, catalog=catalog)
    assert graph.dataset_types(Pipeline(nodes[:1])) == {"A", "B", "C"}


def test_a_project_without_nodes_has_an_empty_graph():
    graph = make_graph({"__default__": []})
    assert (list(graph.nodes), list(graph.datasets), dict(graph.pipelines)) == ([], [], {"__default__": frozenset()})
