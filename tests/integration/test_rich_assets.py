"""What Dagster shows of an asset and of its materializations, from real runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import ANY

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest
from helpers import KedroProject, execute, json_dataset, kedro_run, load_definitions, write_project
from rich.filesize import decimal

NODES = """
    def double(raw, factor):
        return raw * factor


    def add(doubled):
        return doubled + 1
"""


def two_steps(folder: Path) -> KedroProject:
    project = write_project(
        folder,
        nodes=NODES,
        pipelines="""{"__default__": pipeline([
            node(double, ["raw", "params:factor"], "doubled", name="double"), node(add, "doubled", "final", name="add"),
        ])}""",
        catalog=json_dataset("raw", "doubled", "final"),
        parameters="factor: 2",
    )
    project.write("data/raw.json", "1")
    return project


def stale(project: KedroProject, instance: dg.DagsterInstance) -> dict[str, list[str]]:
    """Why the UI marks assets as out of date."""
    graph = load_definitions(project).get_repository_def().asset_graph
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    keys = sorted(graph.materializable_asset_keys)
    return {
        key.to_user_string(): causes
        for key in keys
        if (causes := [cause.reason for cause in resolver.get_stale_causes(key)])
    }


def test_what_a_change_of_code_or_parameters_concerns_is_marked(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = two_steps(tmp_path)
    assert execute(project, instance).success
    assert stale(project, instance) == {}
    project.write("conf/base/parameters.yml", "factor: 3")
    assert stale(project, instance)["doubled"] == ["has a new code version"]


def test_what_is_made_anew_marks_what_is_made_of_it(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = two_steps(tmp_path)
    assert execute(project, instance).success
    assert execute(project, instance, assets=["doubled"]).success
    assert stale(project, instance) == {"final": ["has a new dependency data version"]}


def test_what_a_job_of_ops_makes_is_marked_as_that_of_a_job_of_assets(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = two_steps(tmp_path)
    project.write(
        "conf/base/dagster.yml", "jobs: {ops: {view: ops, pipeline: {}}, one: {pipeline: {to_nodes: [double]}}}"
    )
    for job, marked in (
        ("ops", {}),
        ("one", {"final": ["has a new dependency data version"]}),
        ("ops", {}),
    ):
        assert execute(project, instance, job).success
        assert stale(project, instance) == marked
    project.write("conf/base/parameters.yml", "factor: 3")
    assert stale(project, instance) == {"doubled": ["has a new code version"]}


TABLES = """
    import pandas as pd
    import polars as pl
    from matplotlib.figure import Figure


    class Odd(pd.DataFrame):
        def __len__(self):
            raise RuntimeError("no length")

        def __repr__(self):
            return "odd"


    def tables(raw):
        frame = pd.DataFrame({"a": raw, "b": [str(value) for value in raw]})
        return frame, pl.DataFrame(frame.to_dict("list")), frame["a"]


    def chunks(raw):
        for value in raw:
            yield pd.DataFrame({"a": [value, value]})


    def report(frame, model):
        figure = Figure()
        figure.subplots().plot(frame["a"])
        return figure, {"rows": len(frame), "dsn": "postgresql://me:sesame@db/x"}, Odd(frame), "text"
"""
CATALOG = """
    frame: {type: pandas.CSVDataset, filepath: data/frame.csv, metadata: {kedro-viz: {preview_args: {nrows: 2}}}}
    versioned: {type: polars.EagerPolarsDataset, file_format: parquet, filepath: data/table.parquet, versioned: true}
    chunked: {type: PACKAGE.datasets.SinkDataset, filepath: "https://me:hunter2@host/chunked.csv?token=abc"}
    plot: {type: matplotlib.MatplotlibDataset, filepath: data/plot.png, metadata: {kedro-viz: {preview: true}}}
    metrics: {type: kedro.io.CachedDataset, dataset: {type: json.JSONDataset, filepath: data/metrics.json}, metadata: {kedro-viz: {preview: true}}}
    odd: {type: PACKAGE.datasets.SinkDataset, credentials: sink, metadata: {kedro-viz: {preview: true}}}
    text: {type: PACKAGE.datasets.SinkDataset, filepath: "s3://bucket/sesame/text", versioned: true}
"""
SINK = """
    from kedro.io import AbstractDataset


    class SinkDataset(AbstractDataset):
        def __init__(self, filepath="", credentials=None, metadata=None, version=None):
            pass

        def _load(self):
            raise NotImplementedError

        def _save(self, data):
            pass

        def _describe(self):
            return {}
"""


@pytest.fixture
def tables(tmp_path: Path) -> KedroProject:
    project = write_project(
        tmp_path,
        nodes=TABLES,
        pipelines="""{"__default__": pipeline([
            node(tables, "raw", ["frame", "versioned", "column"], name="tables"),
            node(chunks, "raw", "chunked", name="chunks"),
            node(report, ["frame", "column"], ["plot", "metrics", "odd", "text"], name="report"),
        ])}""",
        dagster="jobs: {all: {selection: '*'}, ops: {view: ops, pipeline: {}}}",
    )
    project.write(
        "conf/base/catalog.yml",
        CATALOG.replace("PACKAGE", project.package) + f"    {json_dataset('raw')}".replace("\n  ", "\n      "),
    )
    project.write("conf/local/credentials.yml", "sink: {password: sesame}")
    project.write(f"src/{project.package}/datasets.py", SINK)
    project.write("data/raw.json", "[1, 2, 3]")
    return project


def shown(result: dg.JobExecutionResult) -> dict[str, dict[str, Any]]:
    """The metadata of all materializations."""
    events = (event.materialization for event in result.all_events if event.is_step_materialization)
    return {
        event.asset_key.to_user_string(): {
            key: value.value
            for key, value in event.metadata.items()
            if key not in ("kedro/run_id", "kedro/node_seconds", "kedro/code")
        }
        for event in events
    }


def schema(**columns: str) -> dg.TableSchema:
    return dg.TableSchema([dg.TableColumn(name, kind) for name, kind in columns.items()])


@pytest.mark.parametrize("job", ["all", "ops"])
def test_a_materialization_tells_what_has_been_saved_and_where(
    tables: KedroProject, instance: dg.DagsterInstance, job: str
) -> None:
    result = execute(tables, instance, job)
    assert result.success
    found, data = shown(result), tables.path / "data"
    version = found["versioned"]["kedro/save_version"]
    assert found["frame"] == {
        "dagster/row_count": 3,
        "dagster/column_schema": ANY,
        "dagster/uri": (data / "frame.csv").as_uri(),
        "kedro/size": "16 bytes",
        "kedro/size_bytes": 16,
        "kedro/preview": "| a | b |\n| --- | --- |\n| 1 | 1 |\n| 2 | 2 |",
    }
    file = data / "table.parquet" / version / "table.parquet"
    assert found["versioned"] == {
        "dagster/row_count": 3,
        "dagster/column_schema": schema(a="Int64", b="String"),
        "dagster/uri": file.as_uri(),
        "kedro/size": decimal(file.stat().st_size),
        "kedro/size_bytes": file.stat().st_size,
        "kedro/save_version": version,
    }
    assert found["column"] == {"dagster/row_count": 3, "dagster/column_schema": schema(a="int64")}
    assert found["chunked"] == {
        "dagster/row_count": 6,
        "dagster/column_schema": schema(a="int64"),
        "dagster/uri": "https://host/chunked.csv",
    }
    assert found["plot"]["kedro/preview"].startswith("![plot.png](data:image/png;base64,")
    assert found["metrics"]["kedro/preview"] == {"rows": 3, "dsn": "postgresql://***@db/x"}
    assert found["metrics"]["kedro/size_bytes"] == (data / "metrics.json").stat().st_size
    assert found["odd"] == {}
    assert found["text"]["dagster/uri"] == f"s3://bucket/***/text/{version}/text"


def test_no_credential_is_in_what_is_recorded(tables: KedroProject, instance: dg.DagsterInstance) -> None:
    result = execute(tables, instance, "all")
    records = "".join(repr(entry) for entry in instance.all_logs(result.run_id))
    definitions = repr(load_definitions(tables).get_repository_def().get_all_jobs()) + repr(
        load_definitions(tables).resolve_all_asset_specs()
    )
    assert not [
        word for word in ("hunter2", "sesame", "token=") if word in records + definitions.replace("sesame/text", "")
    ]


def test_hooks_and_data_are_those_of_kedro_run(tables: KedroProject, instance: dg.DagsterInstance) -> None:
    def calls() -> list[tuple[Any, ...]]:
        hooks = [call for call in tables.calls() if "dataset" in call]
        return [(call["hook"], call["dataset"], call.get("data", "").partition("object at")[0]) for call in hooks]

    assert execute(tables, instance, "all").success
    ours, data = calls(), tables.data()
    tables.forget()
    kedro_run(tables)
    assert sorted(ours) == sorted(calls())
    theirs = tables.data()
    assert all(data[name] == theirs[name] for name in ("frame.csv", "metrics.json"))


def test_how_long_a_node_took_is_told(tables: KedroProject, instance: dg.DagsterInstance) -> None:
    result = execute(tables, instance, "all")
    seconds = {
        event.asset_key.to_user_string(): event.materialization.metadata.get("kedro/node_seconds")
        for event in result.all_events
        if event.is_step_materialization
    }
    assert seconds["frame"].value >= 0
    assert seconds["frame"] == seconds["versioned"]
    assert seconds["chunked"] is None
