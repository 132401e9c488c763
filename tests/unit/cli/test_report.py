"""What is said of a whole project: what it came to, and what is left out of it."""

import json

import dagster as dg
import pytest
from attrs import evolve

from kedro_assets.cli.report import check_lines, job_facts, job_names, left_out_text, list_json, list_lines
from kedro_assets.config import DagsterConfig
from kedro_assets.errors import ConfigError, ProjectError
from kedro_assets.project import LeftOutModule
from unit.builders import make_node, make_project

FILE = "{type: json.JSONDataset, filepath: a.json}"
BROKEN = LeftOutModule("shop.pipelines.broken", "ValueError: no", "src/shop/pipelines/broken.py:3")
TOOLS = LeftOutModule("shop.pipelines.tools", "it has no pipeline.", failed=False)


# What the registry leaves out.


def test_nothing_is_left_out_of_a_project_with_nodes():
    assert left_out_text(make_project([make_node("a", [], ["x"])])) == ""


def test_a_module_without_a_pipeline_is_nothing_that_is_left_out():
    assert left_out_text(evolve(make_project([make_node("a", [], ["x"])]), left_out=[TOOLS])) == ""


def test_modules_that_cannot_be_imported_are_left_out_each_with_its_place():
    project = evolve(make_project([make_node("a", [], ["x"])]), left_out=[BROKEN, TOOLS])
    assert left_out_text(project) == (
        "1 module of pipelines is left out of the project, as Kedro cannot load it and only warns of that:\n"
        "  src/shop/pipelines/broken.py:3  shop.pipelines.broken: ValueError: no"
    )
    assert left_out_text(evolve(project, left_out=[BROKEN, BROKEN])).startswith("2 modules of pipelines are left out")


def test_without_nodes_there_is_advice_unless_it_is_followed_already():
    project = make_project({"empty": []})
    assert "`load_with_hooks: true`" in left_out_text(project)
    with_hooks = evolve(project, config=DagsterConfig(load_with_hooks=True))
    assert left_out_text(with_hooks) == "The project registers no pipeline that has nodes, so there is nothing to run."


# The check.


def test_a_project_that_fits_is_counted(write_project):
    lines = list(check_lines(write_project(conf={"catalog.yml": f"raw: {FILE}\nmade: {FILE}\n"})))
    assert lines == [
        "2 assets (1 external) of 1 node in 1 step; 1 job, 0 schedules, 0 sensors, 0 checks.",
        "No problems.",
    ]


def test_nodes_that_share_a_step_are_shown_with_the_reason(write_project):
    root = write_project("return {'__default__': Pipeline([n('a', [], ['x']), n('b', ['x'], ['y'])])}")
    lines = list(check_lines(root))
    at = lines.index("Why nodes share a step or not (`assets.cluster_by: memory`):")
    assert lines[at + 2 : at + 4] == ["    nodes: a, b", "    because 'x' is handed on in memory."]


def test_steps_that_were_divided_or_joined_over_step_tags_are_shown_with_the_reason(write_project):
    nodes = "return {'__default__': Pipeline([n('a', ['r'], ['x'], tags=['gpu']), n('b', ['r'], ['y'])])}"
    assets = "assets: {cluster_by: pipeline, step_tags: {gpu: {dagster-celery/queue: cards}}%s}"
    lines = list(check_lines(write_project(nodes, conf={"dagster.yml": assets % ""})))
    apart = "    because the other nodes of the pipeline '__default__' have other step tags."
    assert [line for line in lines if line.startswith("    ")] == ["    nodes: a", apart, "    nodes: b", apart]
    lines = list(check_lines(write_project(nodes, conf={"dagster.yml": assets % ", merge_step_tags: true"})))
    merged = "its nodes have different step tags, and the step has all of them (`assets.merge_step_tags`)."
    assert [line for line in lines if line.startswith("    ")] == [
        "    nodes: a, b",
        "    because they share the pipeline '__default__'.",
        f"    because {merged}",
    ]


def test_the_name_of_a_node_that_is_no_step_since_another_joined_it_is_reported(write_project):
    pytest.importorskip("dagster_k8s")
    nodes = "return {'__default__': Pipeline([n('a', ['r'], ['x']), n('b', ['x'], ['y'])])}"
    options = "{job_image: x, per_step_k8s_config: {a: {container_config: {image: large}}}}"
    saved = {"catalog.yml": f"x: {FILE}", "dagster.yml": f"executors: {{pods: {{k8s: {options}}}}}"}
    assert list(check_lines(write_project(nodes, conf=saved)))[-1] == "No problems."
    with pytest.raises(ConfigError) as caught:
        list(check_lines(write_project(nodes, conf={**saved, "catalog.yml": ""})))
    [problem] = caught.value.problems
    assert problem.path == "executors.pods.k8s.per_step_k8s_config.a"
    assert "Allowed: b" in problem.hint


def test_a_neighbour_that_makes_the_same_assets_is_named_where_an_instance_knows(write_project, tmp_path, monkeypatch):
    root = write_project(conf={"catalog.yml": f"raw: {FILE}\nmade: {FILE}\n"})
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    assert list(check_lines(root))[1:] == ["No problems."]
    assert not list(home.iterdir())  # a check makes no databases
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")

    @dg.asset
    def made():
        pass

    with dg.DagsterInstance.get() as instance:
        assert dg.materialize([made], instance=instance, tags={"kedro/project": "rival"}).success
    assert "'made', was last made by the project 'rival'" in list(check_lines(root))[1]
    (home / "dagster.yaml").write_text("storage: {postgres: {nothing: 1}}\n")
    assert "is not known, as the instance of Dagster in DAGSTER_HOME cannot be read" in list(check_lines(root))[1]


CREDENTIALS = {"local/credentials.yml": "db: {password: xylophone-77}\n"}


@pytest.mark.parametrize(
    ("dagster", "place"),
    [
        ("assets:\n  step_tags:\n    make:\n      note: for xylophone-77\n", "assets.step_tags.make.note"),
        ("jobs:\n  j:\n    tags:\n      note: [xylophone-77]\n", "jobs.j.tags.note"),
    ],
    ids=["step", "job"],
)
def test_a_tag_with_one_of_the_credentials_is_reported(write_project, dagster, place):
    with pytest.raises(ConfigError) as caught:
        list(check_lines(write_project(conf={**CREDENTIALS, "dagster.yml": dagster})))
    [problem] = caught.value.problems
    assert (problem.path, problem.source) == (place, "conf/base/dagster.yml:4")
    assert problem.found == "this value contains a secret, and everyone who sees Dagster's UI sees tags."
    assert "xylophone" not in str(caught.value)


def test_a_tag_of_a_translator_with_one_of_the_credentials_is_reported(write_project):
    root = write_project(conf={**CREDENTIALS, "dagster.yml": "assets: {translator: telling_translator.Telling}"})
    (root / "src/telling_translator.py").write_text(
        "from kedro_assets import KedroTranslator\n\n\nclass Telling(KedroTranslator):\n"
        "    def get_step_tags(self, data):\n        return {'note': 'xylophone-77'}\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        list(check_lines(root))
    assert [problem.path for problem in caught.value.problems] == ["assets.translator.note"]


def test_a_pipeline_of_hidden_datasets_is_no_job(write_project):
    chain = """
        chain = Pipeline([n("a", ["raw"], ["x"]), n("b", ["x"], ["y"])])
        return {"__default__": chain, "part": chain.filter(node_names=["a"])}
    """
    root = write_project(chain, conf={"dagster.yml": "assets: {memory_assets: false}"})
    reason = "all its datasets are in memory, and `assets.memory_assets` is false."
    assert f"Pipeline 'part' is not a job: {reason}" in list(check_lines(root))


def test_a_pipeline_of_differently_partitioned_assets_is_no_job(write_project):
    place = "{{type: json.JSONDataset, filepath: '{}/${{runtime_params:partition_key}}.json'}}"
    conf = {
        "dagster.yml": "assets: {partitions: {x: {static: [a]}, y: {static: [b]}}}",
        "catalog.yml": f"x: {place.format('x')}\ny: {place.format('y')}\n",
    }
    root = write_project("return {'p': Pipeline([n('a', ['in_a'], ['x']), n('b', ['in_b'], ['y'])])}", conf=conf)
    reason = "its assets have different partitions definitions, but a run can have one only."
    assert f"Pipeline 'p' is not a job: {reason}" in list(check_lines(root))


def test_a_class_of_a_dataset_in_use_is_an_error_and_of_another_a_remark(write_project):
    unused = {"catalog.yml": "other: {type: json.JSONDatasett, filepath: a.json}\n"}
    [remark] = [line for line in check_lines(write_project(conf=unused)) if "other" in line]
    assert remark.startswith("Dataset 'other', which no node uses: the class 'json.JSONDatasett' cannot be imported")
    used = {"catalog.yml": "made:\n  type: json.JSONDatasett\n  filepath: a.json\n"}
    with pytest.raises(ConfigError) as caught:
        list(check_lines(write_project(conf=used)))
    assert [(problem.path, problem.source) for problem in caught.value.problems] == [
        ("catalog.made.type", "conf/base/catalog.yml:2")
    ]


def test_a_project_without_nodes_is_refused_after_all_that_can_be_said(write_project):
    said = []
    with pytest.raises(ProjectError, match="no pipeline that has nodes"):
        said.extend(check_lines(write_project("return {}")))
    root = write_project("return {}")
    lines = check_lines(root)
    assert next(lines).startswith("0 assets (0 external) of 0 nodes")


def test_a_condition_that_nothing_lets_fire_is_said_before_the_last_line(write_project):
    made = "made: {type: json.JSONDataset, filepath: a.json, metadata: {dagster: {automation_condition: on_missing}}}\n"
    *_, note, last = check_lines(write_project(conf={"catalog.yml": f"raw: {FILE}\n{made}"}))
    assert note.startswith("The automation condition of 'made' starts nothing: what has no partitions")
    assert last == "No problems."


# The list.

JOBS = """
    schedules: {nightly: {cron_schedule: ["0 2 * * *", "@daily"]}}
    jobs:
      a-job: {pipeline: {}, schedule: nightly, description: All of it., executor: {multiprocess: {}}}
      op_job: {pipeline: {}, view: ops}
"""


@pytest.fixture
def root(write_project):
    return write_project(conf={"catalog.yml": f"raw: {FILE}\nmade: {FILE}\n", "dagster.yml": JOBS})


def test_the_list_has_what_became_of_the_project(root):
    found = json.loads(list_json(root))
    assert [(asset["key"], asset["node"], asset["deps"]) for asset in found["assets"]] == [
        ("raw", None, []),
        ("made", "make", ["raw"]),
    ]
    assert found["clusters"] == [{"name": "make", "step": "make", "nodes": ["make"]}]
    assert found["schedules"] == [
        {
            "name": "nightly",
            "job": "a_job",
            "cron": ["0 2 * * *", "@daily"],
            "timezone": None,
            "status": "STOPPED",
        }
    ]
    assert found["sensors"] == [{"name": f"{root.name}_on_pipeline_error", "job": None, "status": "RUNNING"}]


def test_the_list_as_text_has_a_title_and_a_row_for_each(root):
    lines = list(list_lines(root))
    titles = [line for line in lines if not line.startswith(" ")]
    assert titles == ["assets (2)", "clusters (1)", "jobs (2)", "schedules (1)", "sensors (1)"]
    assert "  nightly  job: a_job  cron: 0 2 * * *, @daily  status: STOPPED" in lines


def test_what_the_registry_leaves_out_is_said_beside_the_list(write_project, capsys):
    assert json.loads(list_json(write_project("return {}")))["assets"] == []
    said = capsys.readouterr()
    assert said.err.startswith("Warning: The project registers no pipeline that has nodes")


def test_a_job_has_assets_or_ops(translate_project):
    found = translate_project(conf={"catalog.yml": f"raw: {FILE}\nmade: {FILE}\n", "dagster.yml": JOBS})
    assert job_facts(found)["a-job"] == {
        "name": "a_job",
        "kedro": "a-job",
        "assets": ["made"],
        "ops": [],
        "partitions": None,
        "executor": "multiprocess",
        "description": "All of it.",
    }
    made = job_facts(found)["op_job"]
    assert (made["assets"], made["ops"]) == ([], ["make"])


def test_jobs_have_their_names_in_dagster(root):
    assert job_names(root) == ["a_job", "op_job"]
