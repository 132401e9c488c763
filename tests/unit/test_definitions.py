import runpy
import sys

import dagster as dg
import pytest

from kedro_assets.assets import KedroTranslator
from kedro_assets.definitions import build_asset_specs, build_definitions
from kedro_assets.errors import ConfigError, ProjectError

FILE = "{type: pandas.CSVDataset, filepath: a.csv}"

pytestmark = pytest.mark.filterwarnings(
    "ignore:One or more dataset names contain '.' characters:UserWarning",  # Kedro's, and allowed
)


def specs_of(translation):
    return {vertex: asset.spec for vertex, asset in translation.table.by_vertex.items()}


def keys_of(translation):
    return {spec.key.to_user_string() for spec in specs_of(translation).values()}


def one_pipeline(*nodes):
    return f"return {{'__default__': Pipeline([{', '.join(nodes)}])}}"


def test_a_project_without_any_configuration_is_translated(translate_project):
    translation = translate_project()
    assert keys_of(translation) == {"raw", "made"}
    assert list(translation.jobs) == ["__default__"]


def test_an_empty_project_is_translated(translate_project):
    translation = translate_project(one_pipeline())
    assert (keys_of(translation), list(translation.jobs)) == (set(), [])


@pytest.mark.parametrize(
    "name",
    ["raw data", "vols_à_l'heure", "type", "def", "a-b", "a__b", "a..b", "2024", "input@csv", "a/b", "None"],
)
@pytest.mark.parametrize("memory", [True, False], ids=["memory", "file"])
def test_a_dataset_may_have_any_name_wherever_it_stands(translate_project, name, memory):
    nodes = (f'n("first", ["{name}"], ["x"])', f'n("second", ["x"], ["m{name}"])', f'n("third", ["m{name}"], None)')
    conf = {} if memory else {"catalog.yml": f'"x": {FILE}\n"m{name}": {FILE}'}
    translation = translate_project(one_pipeline(*nodes), conf=conf)
    assert len(keys_of(translation)) == 4
    assert {("dataset", name.partition("@")[0]), ("node", "third")} <= set(specs_of(translation))


def test_names_that_differ_only_in_what_dagster_does_not_allow_can_be_read_by_one_node(translate_project):
    translation = translate_project(one_pipeline("n('a', ['x.y', 'x_y', 'x-y', 'x__y'], ['z'])"))
    deps = {dep.asset_key.to_user_string() for dep in specs_of(translation)["dataset", "z"].deps}
    assert deps == {"x/y", "x_y", "x-y", "x__y"}
    assert keys_of(translation) == {*deps, "z"}


def test_names_that_differ_only_in_what_dagster_does_not_allow_can_be_written_by_one_node(translate_project):
    translation = translate_project(one_pipeline("n('a', ['raw'], ['x.y', 'x_y', 'x-y', 'x y'])"))
    assert keys_of(translation) == {"raw", "x/y", "x_y", "x-y", "x y"}


def test_nodes_whose_names_differ_only_in_what_dagster_does_not_allow_are_kept_apart(translate_project):
    translation = translate_project(
        one_pipeline("n('c.d', ['e'], None)", "n('c-d', ['e'], None)", "n('c_d', ['e'], None)")
    )
    assert keys_of(translation) == {"e", "c/d", "c-d", "c_d"}


def test_parameters_may_have_any_name(translate_project):
    node = "n('b', ['r', 'params:a b', 'params:x.y-z', 'params:é', 'parameters', 'params:nope'], ['x'])"
    conf = {"parameters.yml": "a b: 1\nx: {y-z: 2}\né: 2020-01-01\n1: {2: [null]}"}
    assert keys_of(translate_project(one_pipeline(node), conf=conf)) == {"r", "x"}


def test_transcoded_names_are_one_asset(translate_project):
    translation = translate_project(one_pipeline("n('a', ['r'], ['e@f'])", "n('b', ['e@g'], ['x'])"))
    assert keys_of(translation) == {"r", "e", "x"}


def test_a_node_and_a_dataset_of_one_name_are_two_assets(translate_project):
    translation = translate_project(one_pipeline("n('x', ['raw'], None)", "n('b', ['raw'], ['x'])"))
    assert specs_of(translation)["node", "x"].key == dg.AssetKey(["x", "node"])
    assert specs_of(translation)["dataset", "x"].key == dg.AssetKey("x")


@pytest.mark.parametrize("prefix", ["shop", "my shop", "a-b", "é"])
def test_keys_have_the_prefix(translate_project, prefix):
    translation = translate_project(conf={"dagster.yml": f"assets: {{key_prefix: ['{prefix}']}}"})
    assert {spec.key.path[0] for spec in specs_of(translation).values()} == {prefix}


@pytest.mark.parametrize("cluster_by", ["memory", "node", "namespace", "tag", "pipeline"])
def test_every_clustering_gives_definitions_that_dagster_loads(translate_project, cluster_by):
    body = """
        p = Pipeline([
            n('a', ['raw'], ['x', 'file'], tags=['t']),
            n('b', ['x', 'file'], ['y'], tags=['t'], namespace='ns'),
            n('c', ['ns.y'], None),
        ])
        return {'__default__': p, 'etl': p}
    """
    conf = {"dagster.yml": f"assets: {{cluster_by: {cluster_by}}}", "catalog.yml": f"file: {FILE}"}
    assert ("node", "c") in specs_of(translate_project(body, conf=conf))


def test_dependencies_go_through_hidden_datasets(translate_project):
    nodes = ("n('a', ['raw'], ['x'])", "n('b', ['x'], ['y'])")
    translation = translate_project(one_pipeline(*nodes), conf={"dagster.yml": "assets: {memory_assets: false}"})
    assert keys_of(translation) == {"raw", "y"}
    assert [dep.asset_key.to_user_string() for dep in specs_of(translation)["dataset", "y"].deps] == ["raw"]


# What is reported.


@pytest.mark.parametrize(
    ("nodes", "names"),
    [
        (["n('a', ['raw'], ['p/q', 'p.q'])"], ["'p/q'", "'p.q'"]),
        (["n('a', ['p/q'], ['p.q'])"], ["'p/q'", "'p.q'"]),
        (["n('x', ['raw'], None)", "n('b', ['raw'], ['x', 'x.node'])"], ["'x'", "'x.node'"]),
    ],
    ids=["one node", "external", "node and dataset"],
)
def test_names_that_would_be_one_asset_are_reported_together_with_the_fix(problems_of, nodes, names):
    [problem] = problems_of(one_pipeline(*nodes))
    assert all(name in problem.found for name in names)
    assert "would have the same asset key" in problem.found
    assert problem.hint.startswith("Rename one of them")


class Same(KedroTranslator):
    """Gives every dataset a node writes one key."""

    def get_asset_spec(self, data):
        spec = super().get_asset_spec(data)
        return spec.replace_attributes(key="same") if data.producer else spec


@pytest.mark.parametrize("catalog", ["", f"x: {FILE}"], ids=["one cluster", "two clusters"])
def test_a_translator_that_gives_two_datasets_one_key_is_reported(problems_of, catalog):
    nodes = ("n('a', ['raw'], ['x'])", "n('b', ['x'], ['y'])")
    [problem] = problems_of(one_pipeline(*nodes), translator=Same(), conf={"catalog.yml": catalog})
    assert problem.found == "'x' and 'y' would have the same asset key 'same'."


class Loud(KedroTranslator):
    """Shouts."""

    def get_asset_spec(self, data):
        return super().get_asset_spec(data).replace_attributes(key=data.name.upper())


class Unready(KedroTranslator):
    """Cannot be made."""

    def __init__(self):
        raise RuntimeError("not yet")


HERE = __name__


def test_the_translator_of_dagster_yml_is_used_unless_another_is_given(translate_project):
    conf = {"dagster.yml": f"assets: {{translator: {HERE}.Loud}}"}
    shown = keys_of(translate_project(conf=conf))
    assert shown == {"RAW", "MADE"}
    given = translate_project(conf=conf, translator=KedroTranslator())
    assert keys_of(given) == {"raw", "made"}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("nowhere.Loud", "the translator 'nowhere.Loud' cannot be imported or created: No module named 'nowhere'."),
        (
            f"{HERE}.Quiet",
            f"the translator '{HERE}.Quiet' cannot be imported or created: module '{HERE}' has no attribute 'Quiet'.",
        ),
        (f"{HERE}.Unready", f"the translator '{HERE}.Unready' cannot be imported or created: not yet."),
        ("builtins.dict", "'builtins.dict' is not a subclass of `KedroTranslator`."),
    ],
)
def test_a_translator_that_is_none_is_reported(problems_of, path, found):
    [problem] = problems_of(conf={"dagster.yml": f"assets: {{translator: {path}}}"})
    assert (problem.path, problem.found) == ("assets.translator", found)
    assert problem.hint == "Give the import path of a subclass of `kedro_assets.KedroTranslator`."


@pytest.mark.parametrize("dataset", ["raw", "made"], ids=["external", "written"])
@pytest.mark.parametrize(
    "settings", ["{owners: [nobody]}", "{group_name: 'a b'}", "{tags: {'x y': z}}"], ids=["owner", "group", "tag"]
)
def test_settings_of_a_dataset_that_dagster_refuses_are_reported(problems_of, dataset, settings):
    catalog = f"{dataset}: {{type: a.B, metadata: {{dagster: {settings}}}}}"
    [problem] = problems_of(conf={"catalog.yml": catalog})
    assert problem.path == f"catalog.{dataset}.metadata.dagster"


def test_problems_of_all_stages_are_reported_at_once(problems_of):
    conf = {
        "dagster.yml": """
            asset: {}
            assets: {pipelines: [nope, __default__]}
            default_executor: nope
            executors: {e: {nope: {}}}
            schedules: {s: {cron_schedule: nope}}
            jobs:
              a: {pipeline: {pipeline_name: nope}}
              b: {selection: nope}
              c: {schedule: nope, executor: nope}
        """,
        "catalog.yml": "made: {type: a.B, metadata: {dagster: {nope: 1}}}",
    }
    assert {problem.path for problem in problems_of(conf=conf)} == {
        "asset",
        "assets.pipelines[0]",
        "catalog.made.metadata.dagster.nope",
        "default_executor",
        "executors.e.nope",
        "jobs.a.pipeline.pipeline_name",
        "jobs.b.selection",
        "jobs.c.executor",
        "jobs.c.schedule",
        "schedules.s",
    }


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("assets:\n  pipelines:\n    - nope\n", 3),
        ("default_executor: nope\n", 1),
        ("executors:\n  e:\n    multiprocess: {max_concurrent: two}\n", 3),
        ("schedules:\n  s:\n    cron_schedule: nope\n", 2),
        ("jobs:\n  a:\n    schedule: nope\n", 3),
        ("jobs:\n  a:\n    selection: nope\n", 3),
        ("jobs:\n  a:\n    pipeline:\n      pipeline_name: nope\n", 4),
    ],
    ids=["pipelines", "default executor", "executor", "schedule", "job schedule", "selection", "pipeline"],
)
def test_every_problem_in_dagster_yml_has_its_file_and_line(problems_of, text, line):
    [problem] = problems_of(conf={"dagster.yml": text})
    assert problem.source == f"conf/base/dagster.yml:{line}"


FILES = "'{name}': {type: json.JSONDataset, filepath: 'data/{name}'}"
LIMIT = sys.getrecursionlimit() - 150


def chain(length):
    return f"""
        nodes = [n(f'step_{{i}}', [f'd{{i}}'], [f'd{{i + 1}}']) for i in range({length})]
        return {{'__default__': Pipeline(nodes)}}
    """


def test_a_chain_of_steps_that_is_too_long_for_dagster_is_reported(problems_of):
    [problem] = problems_of(chain(LIMIT + 1), conf={"catalog.yml": FILES})
    assert problem.path == "assets.cluster_by"
    assert (
        problem.found
        == f"found a chain of {LIMIT + 1} steps that wait for each other, but Dagster fails at about {LIMIT}."
    )


def test_a_chain_of_ops_that_is_too_long_is_reported_at_its_job(problems_of):
    dagster = "assets: {cluster_by: pipeline}\njobs: {j: {view: ops}}"
    [problem] = problems_of(chain(LIMIT + 1), conf={"catalog.yml": FILES, "dagster.yml": dagster})
    assert problem.path == "jobs.j.view"


@pytest.mark.parametrize("assets", ["cluster_by: node", "cluster_by: pipeline"])
def test_the_longest_chain_of_steps_can_be_loaded(translate_project, assets):
    jobs = "" if "node" in assets else "\njobs: {j: {view: ops}}"
    translation = translate_project(
        chain(LIMIT), conf={"catalog.yml": FILES, "dagster.yml": f"assets: {{{assets}}}{jobs}"}
    )
    assert len(translation.table.graph.nodes) == LIMIT


def test_a_long_chain_of_nodes_is_fine_in_one_step(translate_project):
    conf = {"catalog.yml": FILES, "dagster.yml": "assets: {cluster_by: pipeline}"}
    assert len(translate_project(chain(LIMIT + 1), conf=conf).clusters) == 1


@pytest.mark.parametrize("rest", ["external: false", "partitions: {static: [a]}"])
def test_a_condition_of_what_can_be_neither_made_nor_observed_is_reported(problems_of, rest):
    settings = f"{{automation_condition: eager, {rest}}}"
    catalog = f"raw: {{type: json.JSONDataset, filepath: raw.json, metadata: {{dagster: {settings}}}}}"
    [problem] = problems_of(conf={"catalog.yml": catalog})
    assert problem.path == "catalog.raw.metadata.dagster.automation_condition"
    assert problem.found == "no node makes this dataset, and Dagster cannot observe it, so the condition has no effect."


# Where the project is.

CALLS = "from kedro_assets import build_definitions\ndefs = build_definitions()\n"


def shown(definitions):
    return {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()}


def test_without_a_path_it_is_the_project_around_the_calling_file(write_project, monkeypatch):
    around, elsewhere = write_project(), write_project(one_pipeline("n('a', ['other'], None)"))
    (around / "src" / "calls.py").write_text(CALLS, encoding="utf-8")
    monkeypatch.chdir(elsewhere)
    assert shown(runpy.run_path(str(around / "src" / "calls.py"))["defs"]) == {"raw", "made"}


def test_a_file_outside_of_any_project_takes_the_one_around_the_working_directory(write_project, tmp_path, monkeypatch):
    (tmp_path / "calls.py").write_text(CALLS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProjectError, match="There is no Kedro project"):
        runpy.run_path(str(tmp_path / "calls.py"))
    monkeypatch.chdir(write_project() / "conf")
    assert shown(runpy.run_path(str(tmp_path / "calls.py"))["defs"]) == {"raw", "made"}


def test_the_path_and_the_environment_are_those_given(write_project):
    root = write_project(conf={"cloud/dagster.yml": "assets: {key_prefix: [cloud]}"})
    assert shown(build_definitions(root / "src")) == {"raw", "made"}
    assert shown(build_definitions(root, env="cloud")) == {"cloud/raw", "cloud/made"}
    assert shown(build_definitions(root, translator=Loud())) == {"RAW", "MADE"}


# The assets without what executes them.


def test_the_specs_are_those_of_the_definitions(write_project):
    root = write_project(conf={"catalog.yml": f"made: {FILE}"})
    specs = build_asset_specs(root)
    assert [spec.key.to_user_string() for spec in specs] == ["raw", "made"]
    whole = {spec.key: spec for spec in build_definitions(root).resolve_all_asset_specs()}
    for spec in specs:
        assert spec.deps == whole[spec.key].deps
        assert spec.code_version == whole[spec.key].code_version
    dg.Definitions.validate_loadable(dg.Definitions(assets=specs))


def test_what_is_left_to_an_asset_of_ones_own_has_no_spec(write_project):
    left = "raw: {type: json.JSONDataset, filepath: raw.json, metadata: {dagster: {external: false}}}\n"
    root = write_project(conf={"catalog.yml": f"made: {FILE}\n{left}"})
    assert [spec.key.to_user_string() for spec in build_asset_specs(root)] == ["made"]


def test_specs_are_translated_as_asked_for(write_project, monkeypatch):
    monkeypatch.chdir(write_project(conf={"cloud/dagster.yml": f"assets: {{translator: {HERE}.Loud}}"}))
    assert {spec.key.to_user_string() for spec in build_asset_specs(env="cloud")} == {"RAW", "MADE"}
    assert {spec.key.to_user_string() for spec in build_asset_specs(translator=Loud())} == {"RAW", "MADE"}


def test_specs_need_a_configuration_of_assets_that_fits_and_no_jobs(write_project):
    root = write_project(conf={"dagster.yml": "jobs: {a: {selection: nope}}"})
    assert len(build_asset_specs(root)) == 2
    root = write_project(conf={"dagster.yml": "assets: {pipelines: [nope], deps: {nowhere: [raw]}}"})
    with pytest.raises(ConfigError) as caught:
        build_asset_specs(root)
    assert [problem.path for problem in caught.value.problems] == ["assets.pipelines[0]", "assets.deps.nowhere"]


# Nodes that share a name.


def test_two_pipelines_with_different_nodes_of_one_name_are_both_translated(translate_project):
    body = """
        load = n('load', ['raw'], ['table'])
        return {
            '__default__': Pipeline([load]),
            'linear': Pipeline([load, n('fit', ['table'], ['linear_model'])]),
            'data science': Pipeline([load, n('fit', ['table'], ['forest_model'], namespace=None)]),
        }
    """
    translation = translate_project(body, conf={"dagster.yml": "jobs: {all: {selection: '*'}}"})
    assert keys_of(translation) == {"raw", "table", "linear_model", "forest_model"}
    records = {vertex[1]: asset.record for vertex, asset in translation.table.by_vertex.items()}
    assert records["linear_model"].pipelines == ("linear",)
    assert records["forest_model"].pipelines == ("data science",)
    assert {records[name].producer.name for name in ("linear_model", "forest_model")} == {"fit"}
    assert records["linear_model"].code_version != records["forest_model"].code_version
