"""`kedro assets list`: as text and as JSON, the same as the definitions."""

from __future__ import annotations

import json
from typing import Any

import dagster as dg
import pytest

from kedro_assets import build_definitions


def parse(text: str) -> dict[str, Any]:
    """Read the JSON behind whatever Kedro says before it."""
    lines = text.splitlines()
    return json.loads("\n".join(lines[lines.index("{") :]))


@pytest.fixture
def definitions(shop) -> dg.Definitions:
    return build_definitions(shop.path)


@pytest.fixture
def listed(shop, cli) -> dict[str, Any]:
    outcome = cli(shop, "list", "--json")
    assert outcome.code == 0
    assert outcome.err == ""
    return json.loads(outcome.out)  # nothing else stands there


def test_assets_are_those_of_the_definitions(listed, definitions) -> None:
    graph = definitions.resolve_asset_graph()
    assert {entry["key"] for entry in listed["assets"]} == {key.to_user_string() for key in graph.get_all_asset_keys()}
    for entry in listed["assets"]:
        node = graph.get(dg.AssetKey.from_user_string(entry["key"]))
        assert entry["deps"] == sorted(key.to_user_string() for key in node.parent_keys)
        assert entry["group"] == node.group_name
        assert set(entry["kinds"]) == {tag.rpartition("/")[2] for tag in node.tags if tag.startswith("dagster/kind/")}
        assert (entry["cluster"] is not None) == node.is_materializable
        assert entry["kedro"] == node.metadata["kedro/dataset"]
        assert entry["node"] == (node.metadata["kedro/node"] if node.is_materializable else None)


def test_clusters_are_the_steps(listed, definitions) -> None:
    assert {tuple(cluster["nodes"]) for cluster in listed["clusters"]} == {
        ("clean", "multiply"),
        ("reports.summarize",),
    }
    steps = definitions.resolve_job_def("everything").nodes
    assert len(steps) == len(listed["clusters"])


def test_jobs_are_those_of_the_definitions(listed, definitions) -> None:
    assert {job["kedro"] for job in listed["jobs"]} == {"everything", "two-steps", "seeded"}
    for entry in listed["jobs"]:
        job = definitions.resolve_job_def(entry["name"])
        assert entry["assets"] == sorted(key.to_user_string() for key in job.asset_layer.selected_asset_keys)
        assert entry["description"] == job.description
    executors = {job["kedro"]: job["executor"] for job in listed["jobs"]}
    assert executors == {"everything": None, "two-steps": "multiprocess", "seeded": None}


def test_schedules_are_those_of_the_definitions(listed) -> None:
    assert listed["schedules"] == [
        {
            "name": "nightly",
            "job": "everything",
            "cron": "0 2 * * *",
            "timezone": "Europe/Berlin",
            "status": "RUNNING",
        }
    ]


def test_text_holds_the_same(shop, cli, listed) -> None:
    lines = cli(shop, "list").out.splitlines()
    titles = [line for line in lines if not line.startswith(" ")]
    assert titles == [f"{title} ({len(rows)})" for title, rows in listed.items()]
    for title, rows in listed.items():
        start = lines.index(f"{title} ({len(rows)})") + 1
        names = [line.split()[0] for line in lines[start : start + len(rows)]]
        assert names == [row.get("key") or row["name"] for row in rows]


def test_a_program_can_read_it_from_stdout(shop, kedro, listed) -> None:
    outcome = kedro(shop, "assets", "list", "--json")
    assert outcome.code == 0
    assert parse(outcome.out) == listed


def test_other_letters_are_legible(new_project, cli) -> None:
    project = new_project(
        nodes="""
            from kedro.pipeline import node, pipeline

            def same(value):
                return value

            def register_pipelines():
                return {"__default__": pipeline([node(same, "raw", "größe", name="messen")])}
        """
    )
    outcome = cli(project, "list", "--json")
    assert outcome.code == 0
    assert '"größe"' in outcome.out
    assert {asset["kedro"] for asset in parse(outcome.out)["assets"]} == {"raw", "größe"}


def test_a_schedule_with_several_crons(new_project, cli) -> None:
    project = new_project(dagster='jobs: {a: {pipeline: {}, schedule: {cron_schedule: ["0 2 * * *", "@daily"]}}}\n')
    [schedule] = parse(cli(project, "list", "--json").out)["schedules"]
    assert schedule["cron"] == ["0 2 * * *", "@daily"]
    assert "cron: 0 2 * * *, @daily" in cli(project, "list").out


def test_the_environment_is_honoured(new_project, cli) -> None:
    project = new_project()
    project.write("conf/test/dagster.yml", "assets: {key_prefix: [testing]}\n")
    keys = [asset["key"] for asset in parse(cli(project, "list", "--json", "--env", "test").out)["assets"]]
    assert keys
    assert all(key.startswith("testing/") for key in keys)
    assert not any("testing" in asset["key"] for asset in parse(cli(project, "list", "--json").out)["assets"])


def test_a_mistake_leaves_stdout_without_json(new_project, cli) -> None:
    outcome = cli(new_project(dagster="jbos: {}\n"), "list", "--json")
    assert outcome.code == 1
    assert outcome.out == ""
    assert "unknown key 'jbos'" in outcome.err
