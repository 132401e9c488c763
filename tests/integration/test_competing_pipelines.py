"""Two pipelines that write the same dataset, each in a code location of its own."""

from __future__ import annotations

import dagster as dg
from helpers import json_dataset, load_definitions, write_project

from kedro_assets import build_definitions

NODES = """
    def steady(raw):
        return {"by": "steady", "of": raw}

    def daring(raw):
        return {"by": "daring", "of": raw}

    def judge(model):
        return {"winner": model["by"]}
"""
PIPELINES = """
    {
        "__default__": pipeline([node(steady, "raw", "model"), node(judge, "model", "score")]),
        "challenger": pipeline([node(daring, "raw", "model"), node(judge, "model", "score")]),
    }
"""


def materialize(definitions: dg.Definitions) -> set[str]:
    result = definitions.resolve_implicit_global_asset_job_def().execute_in_process()
    return {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}


def test_each_shows_and_makes_its_own(tmp_path):
    project = write_project(tmp_path, nodes=NODES, pipelines=PIPELINES, catalog=json_dataset("raw", "model", "score"))
    project.write("data/raw.json", "3")
    project.write("conf/challenger/dagster.yml", "assets: {pipelines: [challenger], key_prefix: [challenger]}")
    project.write(
        "conf/challenger/catalog.yml",
        json_dataset("model", "score").replace("data/", "data/challenger/"),
    )
    champion, challenger = load_definitions(project), build_definitions(project.path, env="challenger")
    assert materialize(champion) == {"model", "score"}
    assert materialize(challenger) == {"challenger/model", "challenger/score"}
    assert project.read("score.json") == {"winner": "steady"}
    assert project.read("challenger/score.json") == {"winner": "daring"}
