"""What a name means: every thing that has it, as JSON and as lines."""

import json

import click
import pytest

from kedro_assets.cli.explain import explain_json, explain_lines, known_names
from kedro_assets.errors import ConfigError, KedroAssetsError

FILE = "{type: json.JSONDataset, filepath: data/a.json}"
CONF = {
    "catalog.yml": f"raw: {FILE}\nmade: {FILE}\n",
    "dagster.yml": """
        schedules: {nightly: {cron_schedule: "@daily"}, unused: {cron_schedule: "@daily"}}
        jobs: {a-job: {pipeline: {}, schedule: nightly}}
    """,
}


@pytest.fixture
def root(write_project):
    return write_project(conf=CONF)


def explained(root, name):
    return json.loads(explain_json(root, name))


def lines(root, name):
    return [click.unstyle(line) for line in explain_lines(root, name)]


def test_everything_has_its_names_in_kedro_and_in_dagster(root):
    jobs = {"__default__", "a-job", "a_job", "nightly", "unused", f"{root.name}_on_pipeline_error"}
    assert known_names(root) == {"raw", "made", "make", *jobs, "parameters", "default"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("raw", "dataset"),
        ("make", "node"),
        ("__default__", "pipeline"),
        ("a-job", "job"),
        ("a_job", "job"),
        ("nightly", "schedule"),
        ("unused", "schedule"),
    ],
)
def test_a_name_says_what_it_is(name, kind, root):
    assert [facts["is"] for facts in explained(root, name)] == [kind]


def test_a_fact_that_is_nothing_is_left_out(root):
    [facts] = explained(root, "raw")
    assert all(facts.values())
    assert "versioned" not in facts
    assert facts["source"] == ["conf/base/catalog.yml:1"]
    assert (facts.get("before"), facts["after"]) == (None, ["make"])


def test_a_name_of_several_things_is_explained_as_each_with_a_line_between(write_project):
    root = write_project("return {'made': Pipeline([n('made', ['raw'], ['made'])])}")
    kinds = [facts["is"] for facts in explained(root, "made")]
    assert kinds[:3] == ["dataset", "node", "pipeline"]
    titles = [line for line in lines(root, "made") if line.endswith(" made") and not line.startswith(" ")]
    assert titles == [f"{kind} made" for kind in kinds]
    assert lines(root, "made").count("") >= len(kinds) - 1


@pytest.mark.parametrize("explain", [explain_json, lambda *given: list(explain_lines(*given))], ids=["json", "lines"])
def test_a_name_that_means_nothing_is_refused_with_the_nearest(explain, root):
    with pytest.raises(KedroAssetsError, match=r"Nothing in the project is called 'mad'\. Did you mean 'made'\?"):
        explain(root, "mad")


def test_a_configuration_that_does_not_fit_is_refused(write_project):
    root = write_project(conf={"dagster.yml": "jbos: {}\n"})
    for explain in (known_names, lambda root: explain_json(root, "made")):
        with pytest.raises(ConfigError, match="unknown key 'jbos'"):
            explain(root)


def test_a_thing_between_others_is_drawn(root):
    assert lines(root, "make")[-2:] == ["", "  raw ─── make ─── made"]
    assert lines(root, "raw")[-1] == "  raw ─── make"


def test_of_more_than_a_dozen_names_the_last_are_counted(write_project):
    root = write_project("return {'__default__': Pipeline([n('make', ['raw'], [f'part_{i}' for i in range(14)])])}")
    drawn = lines(root, "make")[-12:]
    assert drawn[0] == "  raw ─── make ─┬─ part_0"
    assert drawn[-1] == "                └─ and 3 more"
    assert len(explained(root, "make")[0]["after"]) == 14


def test_a_parameter_that_is_too_long_is_cut_in_lines_and_whole_in_json(write_project):
    root = write_project(
        "return {'__default__': Pipeline([n('make', ['raw', 'params:long'], ['made'])])}",
        conf={"parameters.yml": f"long: {'x' * 300}\n"},
    )
    [line] = [line for line in lines(root, "make") if "xxx" in line]
    assert line.endswith("...")
    assert len(line) <= 100
    assert "x" * 300 in explain_json(root, "make")


def test_secrets_are_masked(write_project):
    conf = {"catalog.yml": "raw: {type: json.JSONDataset, filepath: 'https://me:hunter2@host/a.json?token=hunter2'}\n"}
    root = write_project(conf=conf)
    assert explained(root, "raw")[0]["location"] == ["https://host/a.json"]
    assert "hunter2" not in explain_json(root, "raw") + "".join(lines(root, "raw"))


def test_what_a_step_asks_its_executor_for_is_said_of_all_that_runs_in_it(write_project):
    dagster = "assets: {step_tags: {make: {dagster-celery/queue: cards, dagster-dask/resource_requirements: {GPU: 1}}}}"
    root = write_project(conf={"dagster.yml": dagster})
    for name in ("make", "made"):
        [facts] = explained(root, name)
        assert facts["step tags"] == {
            "dagster-celery/queue": "cards",
            "dagster-dask/resource_requirements": '{"GPU": 1}',
        }
    assert [line.strip() for line in lines(root, "make") if "step tags" in line]


def test_tags_namespaces_and_groups_say_what_is_in_them(write_project):
    root = write_project(
        "forest = node(n('d', ['m'], ['z'])._func, 'm', 'forest.z', name='d', namespace='shop.forest', tags=['late'])\n"
        "return {'__default__': Pipeline([n('b', ['raw'], ['m']), forest])}",
        conf={"dagster.yml": "assets: {group_by: pipeline}"},
    )
    node = "shop.forest.d"
    for name in ("shop", "shop.forest", "late"):
        [facts] = explained(root, name)
        assert facts["nodes"] == [node]
    assert [explained(root, name)[0]["is"] for name in ("shop", "late")] == ["namespace", "tag"]
