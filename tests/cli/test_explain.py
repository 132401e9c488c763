"""`kedro assets explain`: what a name is in Kedro, what it became in Dagster, and why."""

from __future__ import annotations

import json
from typing import Any

import pytest


@pytest.fixture
def explained(cli):
    """Read what the command says of a name as JSON, by what it is."""

    def explain(project, name: str) -> dict[str, dict[str, Any]]:
        outcome = cli(project, "explain", name, "--json")
        assert (outcome.code, outcome.err) == (0, "")
        things = json.loads(outcome.out)
        assert len({thing["is"] for thing in things}) == len(things)
        return {thing.pop("is"): thing for thing in things}

    return explain


def test_a_dataset(shop, explained) -> None:
    assert explained(shop, "doubled") == {
        "dataset": {
            "name": "doubled",
            "type": ["json.JSONDataset"],
            "location": ["data/doubled.json"],
            "source": ["conf/base/catalog.yml:4"],
            "asset": "doubled",
            "group": "default",
            "io manager": "doubled__io_manager",
            "step": "multiply",
            "nodes": ["clean", "multiply"],
            "because": ["'cleaned' is handed on in memory."],
            "jobs": ["everything", "two_steps", "seeded"],
            "before": ["multiply"],
            "after": ["reports.summarize"],
        }
    }


def test_a_dataset_that_no_node_writes(shop, explained) -> None:
    dataset = explained(shop, "raw")["dataset"]
    assert dataset["asset"] == "raw, external: no node writes it"
    assert "step" not in dataset
    assert "before" not in dataset
    assert dataset["after"] == ["clean"]


def test_a_dataset_by_its_asset_key_as_lines(shop, cli) -> None:
    outcome = cli(shop, "explain", "reports/summary")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "dataset reports.summary\n"
        "  type        json.JSONDataset\n"
        "  location    data/summary.json\n"
        "  source      conf/base/catalog.yml:7\n"
        "  asset       reports/summary\n"
        "  group       default\n"
        "  io manager  reports_summary__io_manager\n"
        "  step        reports_summarize\n"
        "  jobs        everything, two_steps, seeded\n"
        "\n"
        "  reports.summarize ─── reports.summary\n"
    )


def test_a_dataset_that_kedro_keeps_in_memory(shop, explained) -> None:
    dataset = explained(shop, "cleaned")["dataset"]
    assert dataset["source"] == ["not in the catalog, so Kedro keeps it in memory"]
    assert dataset["asset"] == "cleaned"


def test_a_dataset_that_is_no_asset(new_project, explained) -> None:
    dataset = explained(new_project(dagster="assets: {memory_assets: false}\n"), "cleaned")["dataset"]
    assert dataset["no asset"] == "it is in memory, and `assets.memory_assets` is false."
    assert "asset" not in dataset


def test_a_dataset_that_is_left_to_an_asset_of_ones_own(new_project, explained) -> None:
    project = new_project()
    catalog = "raw: {type: json.JSONDataset, filepath: a.json, metadata: {dagster: {external: false}}}\n"
    project.write("conf/base/catalog.yml", catalog)
    assert (
        explained(project, "raw")["dataset"]["asset"]
        == "raw, to be defined by an asset of your own (`external: false`)"
    )


def test_a_dataset_from_a_pattern_and_one_of_several_kinds(new_project, explained) -> None:
    project = new_project(
        nodes="""
            from kedro.pipeline import node, pipeline

            def same(value):
                return value

            def register_pipelines():
                return {"__default__": pipeline([
                    node(same, "raw", "table@json", name="a"),
                    node(same, "table@text", "shop_sales", name="b"),
                ])}
        """
    )
    catalog = """
        raw: {type: json.JSONDataset, filepath: data/raw.json}
        table@json: {type: json.JSONDataset, filepath: data/table.json}
        table@text: {type: text.TextDataset, filepath: data/table.json}
        "{space}_sales": {type: json.JSONDataset, filepath: "data/{space}.json", versioned: true}
    """
    project.write("conf/base/catalog.yml", catalog)
    sales = explained(project, "shop_sales")["dataset"]
    assert sales["source"] == ["conf/base/catalog.yml:5, by the dataset factory '{space}_sales'"]
    assert sales["location"] == ["data/shop.json"]
    assert sales["versioned"] == "yes"
    table = explained(project, "table@text")["dataset"]
    assert table["name"] == table["asset"] == "table"
    assert table["type"] == ["json.JSONDataset", "text.TextDataset"]
    assert table["source"] == ["conf/base/catalog.yml:3", "conf/base/catalog.yml:4"]
    assert (table["before"], table["after"]) == (["a"], ["b"])


def test_a_node(shop, explained) -> None:
    node = explained(shop, "multiply")
    assert len(node["node"].pop("code version")) == 16
    assert node.pop("step")["name"] == "multiply"  # which is called so, too
    assert node == {
        "node": {
            "name": "multiply",
            "function": f"{shop.package}.pipeline_registry.multiply",
            "source": f"src/{shop.package}/pipeline_registry.py:7",
            "pipelines": ["__default__"],
            "parameters": {"params:factor": 2, "params:fail": False},
            "made of": [
                {
                    "kind": "function",
                    "name": f"{shop.package}.pipeline_registry.multiply",
                    "source": f"src/{shop.package}/pipeline_registry.py:7",
                },
                {"kind": "parameter", "name": "params:factor"},
                {"kind": "parameter", "name": "params:fail"},
            ],
            "assets": ["doubled"],
            "step": "multiply",
            "nodes": ["clean", "multiply"],
            "because": ["'cleaned' is handed on in memory."],
            "jobs": ["everything", "two_steps", "seeded"],
            "before": ["cleaned"],
            "after": ["doubled"],
        }
    }


def test_what_the_code_version_of_a_node_was_made_of(new_project, explained, cli) -> None:
    project = new_project(
        nodes="""
            from functools import partial

            from kedro.pipeline import node, pipeline

            KEY = "hunter2"

            def same(value, by=2):
                return helped(value), KEY

            def helped(value):
                return value

            def register_pipelines():
                return {"__default__": pipeline([node(partial(same, by=1.5), "raw", "doubled", name="a")])}
        """
    )
    place, file = f"{project.package}.pipeline_registry", f"src/{project.package}/pipeline_registry.py"
    made_of = explained(project, "a")["node"]["made of"]
    assert [(piece["kind"], piece["name"]) for piece in made_of] == [
        ("function", f"{place}.same"),
        ("function", f"{place}.helped"),
        ("constant", f"{place}.KEY"),
        ("bound", "by"),
    ]
    lines = (project.path / file).read_text().splitlines()
    same, helped, key = (
        lines.index(line) + 1 for line in ("def same(value, by=2):", "def helped(value):", 'KEY = "hunter2"')
    )
    out = cli(project, "explain", "a").out
    assert f"  made of       function {place}.same (by: int), {file}:{same}\n" in out
    assert f"                function {place}.helped, {file}:{helped}\n" in out
    assert f"                constant {place}.KEY: str, {file}:{key}\n" in out
    assert "                bound by: float\n" in out
    assert "hunter2" not in out


def test_parameters_stand_one_a_line(shop, cli) -> None:
    lines = cli(shop, "explain", "multiply").out.splitlines()
    assert "  parameters    params:factor = 2" in lines
    assert "                params:fail = false" in lines


def test_a_node_of_a_pipeline_that_is_left_out(shop, explained) -> None:
    node = explained(shop, "rival_multiply")["node"]
    [reason] = node["no asset"]
    assert reason.startswith("pipeline 'rival' is left out of the assets: its node 'rival_multiply' writes 'doubled'")
    assert "step" not in node
    assert (node["before"], node["after"]) == (["raw"], ["doubled"])


def test_a_pipeline_that_is_left_out(shop, explained) -> None:
    pipeline = explained(shop, "rival")["pipeline"]
    assert pipeline["nodes"] == ["rival_multiply"]
    assert pipeline["no asset"].startswith("pipeline 'rival' is left out of the assets: ")


def test_a_pipeline_that_is_not_asked_for(new_project, explained) -> None:
    project = new_project(dagster="assets: {pipelines: [__default__]}\n")
    assert explained(project, "rival")["pipeline"]["no asset"] == "pipeline 'rival' is not in `assets.pipelines`."


def test_a_step(shop, explained) -> None:
    step = explained(shop, "multiply")["step"]
    assert step["nodes"] == ["clean", "multiply"]
    assert step["because"] == ["'cleaned' is handed on in memory."]
    assert step["assets"] == ["cleaned", "doubled"]
    assert step["parameters"] == {"params:factor": 2, "params:fail": False}
    assert (step["before"], step["after"]) == (["raw"], ["cleaned", "doubled"])


def test_a_step_of_one_node_has_a_name_of_its_own(shop, explained) -> None:
    assert explained(shop, "reports_summarize").keys() == {"step"}
    assert explained(shop, "reports.summarize").keys() == {"node"}


def test_a_job(shop, explained) -> None:
    assert explained(shop, "everything") == {
        "job": {
            "name": "everything",
            "source": "conf/base/dagster.yml:8",
            "description": "All of it.",
            "pipeline": "__default__",
            "executor": "the default executor (`default_executor`)",
            "schedules": ["nightly"],
            "assets": ["doubled", "reports/summary"],
            "before": ["raw"],
        }
    }


def test_a_job_that_is_a_selection_under_both_of_its_names(shop, explained) -> None:
    job = explained(shop, "two-steps")["job"]
    assert job == explained(shop, "two_steps")["job"]
    assert job["selection"] == '+key:"reports/summary"'
    assert job["executor"] == "multiprocess"
    assert "pipeline" not in job
    assert (job["before"], job.get("after")) == (["raw"], None)


def test_a_job_of_ops_and_one_of_a_factory(new_project, explained) -> None:
    dagster = """
        jobs:
          slow:
            view: ops
            pipeline: {node_names: [clean, multiply]}
          about_{space}:
            pipeline: {node_namespaces: ["{space}"]}
    """
    project = new_project(dagster=dagster)
    slow = explained(project, "slow")["job"]
    assert slow["ops"] == ["clean", "multiply"]
    assert slow["filter"] == {"node_names": ["clean", "multiply"]}
    assert explained(project, "doubled")["dataset"]["jobs"] == ["slow"]
    reports = explained(project, "about_reports")["job"]
    assert reports["source"] == "conf/base/dagster.yml:6"
    assert reports["filter"] == {"node_namespaces": ["reports"]}
    assert (reports["assets"], reports["before"]) == (["reports/summary"], ["doubled"])


def test_a_name_that_is_several_things(new_project, explained, cli) -> None:
    project = new_project(dagster="jobs: {doubled: {pipeline: {}}, clean: {pipeline: {}}}\n")
    assert explained(project, "doubled").keys() == {"dataset", "job"}
    out = cli(project, "explain", "clean").out
    assert out.startswith("node clean\n")
    assert "\n\njob clean\n" in out


def test_without_jobs_a_pipeline_is_a_job_too(new_project, explained) -> None:
    found = explained(new_project(), "__default__")
    assert found["pipeline"]["jobs"] == ["__default__"]
    assert found["job"]["source"] == "no entry in dagster.yml: without `jobs`, every registered pipeline is a job"
    assert found["pipeline"]["before"] == ["raw"]


def test_a_schedule(shop, explained) -> None:
    assert explained(shop, "nightly") == {
        "schedule": {
            "name": "nightly",
            "source": "conf/base/dagster.yml:6",
            "cron": "0 2 * * *",
            "timezone": "Europe/Berlin",
            "status": "RUNNING",
            "after": ["everything"],
        }
    }


def test_schedules_that_are_shared_written_out_or_unused(new_project, explained, cli) -> None:
    dagster = """
        schedules:
          nightly: {cron_schedule: "0 2 * * *"}
          weekly: {cron_schedule: "@weekly"}
        jobs:
          a: {pipeline: {}, schedule: nightly}
          b: {pipeline: {}, schedule: [nightly]}
          c: {pipeline: {}, schedule: {cron_schedule: "@daily"}}
    """
    project = new_project(dagster=dagster)
    both = json.loads(cli(project, "explain", "nightly", "--json").out)
    assert [(schedule["name"], schedule["after"]) for schedule in both] == [
        ("a__nightly", ["a"]),
        ("b__nightly", ["b"]),
    ]
    assert {schedule["source"] for schedule in both} == {"conf/base/dagster.yml:3"}
    assert explained(project, "c_schedule")["schedule"]["source"] == "conf/base/dagster.yml:8"
    assert explained(project, "weekly")["schedule"]["not in Dagster"] == "no job uses it."


def test_sensors(new_project, explained) -> None:
    dagster = """
        sensors:
          new: {dataset: raw, minimum_interval_seconds: 60}
          idle: {dataset: raw}
        jobs:
          a: {pipeline: {}, sensor: new}
          b: {pipeline: {}, sensor: {asset: doubled, description: Follows.}}
    """
    project = new_project(dagster=dagster)
    assert explained(project, "new") == {
        "sensor": {
            "name": "new",
            "source": "conf/base/dagster.yml:3",
            "looks at": "the files of raw",
            "seconds between ticks": 60,
            "status": "STOPPED",
            "before": ["raw"],
            "after": ["a"],
        }
    }
    written_out = explained(project, "b_sensor")["sensor"]
    assert (written_out["source"], written_out["description"]) == ("conf/base/dagster.yml:7", "Follows.")
    assert (written_out["looks at"], written_out["before"]) == ("materializations of doubled", ["doubled"])
    assert explained(project, "idle")["sensor"]["not in Dagster"] == "no job uses it."


def test_the_sensor_of_the_last_hook(new_project, explained) -> None:
    project = new_project()
    name = f"{project.package}_on_pipeline_error"
    found = explained(project, name)["sensor"]
    assert (found["name"], found["looks at"], found["status"]) == (name, "failed runs of the project", "RUNNING")


def test_a_parameter(new_project, explained) -> None:
    project = new_project()
    project.write("conf/base/parameters.yml", "factor: 2\nfail: false\nlogin: {password: hunter2}\n")
    assert explained(project, "params:factor") == {
        "parameter": {"name": "params:factor", "value": "2", "after": ["multiply"]}
    }
    assert explained(project, "params:login.password")["parameter"]["value"] == '"***"'


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("dubled", "doubled"), ("reports/sumary", "reports/summary"), ("multipli", "multiply"), ("nigthly", "nightly")],
)
def test_an_unknown_name(name: str, nearest: str, shop, cli) -> None:
    for options in ([], ["--json"]):
        outcome = cli(shop, "explain", name, *options)
        assert (outcome.code, outcome.out) == (1, "")
        assert f"Nothing in the project is called '{name}'. Did you mean '{nearest}'?" in outcome.text


def test_the_graph_around_a_node_is_drawn(new_project, cli) -> None:
    project = new_project(
        nodes="""
            from kedro.pipeline import node, pipeline

            def split(*values):
                return values

            def register_pipelines():
                outputs = [f"part_{number}" for number in range(14)]
                return {"__default__": pipeline([
                    node(split, ["raw", "doubled"], ["left", "right"], name="split"),
                    node(split, "right", outputs, name="again"),
                ])}
        """
    )
    lines = cli(project, "explain", "split").out.splitlines()
    assert lines[-3:] == ["", "  raw     ─┬─ split ─┬─ left", "  doubled ─┘         └─ right"]
    lines = cli(project, "explain", "again").out.splitlines()
    at = lines.index("  right ─── again ─┬─ part_0")
    assert lines[at + 11] == "                   └─ and 3 more"


def test_no_credentials_are_shown_and_nothing_is_coloured(new_project, kedro, cli) -> None:
    project = new_project()
    project.write("conf/local/credentials.yml", "shelf: {key: hunter2}\n")
    project.write("conf/base/parameters.yml", "factor: 'postgresql://me:hunter2@db/sales'\nfail: false\n")
    catalog = """
        raw: {type: json.JSONDataset, filepath: "https://me:hunter2@host/raw.json?token=hunter2", credentials: shelf}
    """
    project.write("conf/base/catalog.yml", catalog)
    for name in ("raw", "multiply"):
        for outcome in (kedro(project, "assets", "explain", name), cli(project, "explain", name, "--json")):
            assert outcome.code == 0, outcome
            assert "hunter2" not in outcome.text
            assert "\x1b" not in outcome.out


def test_a_mistake_is_reported_and_nothing_else(new_project, cli) -> None:
    outcome = cli(new_project(dagster="jbos: {}\n"), "explain", "doubled")
    assert (outcome.code, outcome.out) == (1, "")
    assert "unknown key 'jbos'" in outcome.err
