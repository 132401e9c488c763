"""A run with Dagster's storages left as they are, as `KEDRO_ASSETS_PLAIN_DAGSTER` asks for."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
import pytest
from helpers import execute, json_dataset, materialized, renew_forkserver, write_project

NODES = """
    import os
    import sys
    from pathlib import Path

    SEEN = Path(__file__).parents[2] / "seen"

    def look(name):
        sql = sys.modules.get("dagster._core.storage.sql")
        replaced = sql is not None and sql.ScriptDirectory.__module__.startswith("kedro_assets")
        SEEN.mkdir(exist_ok=True)
        (SEEN / name).write_text(f"{os.getpid()} {replaced}")

    def first(raw):
        look("first")
        return raw

    def second(made):
        look("second")
        return made
"""
PIPELINES = """{
    "__default__": pipeline([
        node(first, "raw", "made", name="first"), node(second, "made", "more", name="second"),
    ]),
}"""
DAGSTER = "default_executor: two\nexecutors: {two: {multiprocess: {max_concurrent: 2}}}"


@pytest.mark.parametrize(("plain", "replaced"), [("1", "False"), ("", "True")], ids=["switched off", "as always"])
def test_a_run_of_two_processes_works_with_and_without_what_makes_it_faster(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, plain: str, replaced: str
) -> None:
    monkeypatch.setenv("KEDRO_ASSETS_PLAIN_DAGSTER", plain)
    project = write_project(
        tmp_path,
        nodes=NODES,
        pipelines=PIPELINES,
        catalog=json_dataset("raw", "made", "more"),
        dagster=DAGSTER,
    )
    project.write("data/raw.json", "[1]")
    try:
        result = execute(project, instance)
        assert result.success
        assert materialized(result) == ["made", "more"]
        seen = [(project.path / "seen" / name).read_text().split() for name in ("first", "second")]
        assert [found for _, found in seen] == [replaced, replaced]
        assert len({str(os.getpid()), *(process for process, _ in seen)}) == 3
    finally:
        monkeypatch.undo()
        renew_forkserver()
