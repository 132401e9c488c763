"""kedro-mlflow's hooks: one MLflow run per Dagster run, whichever processes its nodes run in."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from helpers import KedroProject, execute, json_dataset, kedro_run, materialized, run_command, write_project

mlflow = pytest.importorskip("mlflow", reason="`nox -s plugins` runs these with kedro-mlflow")

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def project(tmp_path: Path) -> KedroProject:
    project = write_project(
        tmp_path,
        nodes="""
            import mlflow

            def fit(raw, depth):
                mlflow.log_metric("score", raw * depth)
                return raw * depth

            def evaluate(model, threshold):
                mlflow.log_metric("margin", model - threshold)
                if model < threshold:
                    raise ValueError("too low")
                return model - threshold
        """,
        pipelines="""{"__default__": pipeline([
            node(fit, ["raw", "params:depth"], "model", name="fit"),
            node(evaluate, ["model", "params:threshold"], "margin", name="evaluate"),
        ])}""",
        catalog=json_dataset("raw", "model", "margin"),
        parameters="depth: 3\nthreshold: 5\n",
        dagster="""
            executors:
              two: {multiprocess: {max_concurrent: 2}}
              spawned: {multiprocess: {max_concurrent: 2, start_method: {spawn: {}}}}
            jobs:
              sequential: {pipeline: {}}
              parallel: {pipeline: {}, executor: two}
              spawned: {pipeline: {}, executor: spawned}
        """,
    )
    project.write("data/raw.json", "4")
    project.write("conf/base/mlflow.yml", f"server: {{mlflow_tracking_uri: 'sqlite:///{project.path}/mlflow.db'}}\n")
    return project


def mlflow_runs(project: KedroProject) -> list[Any]:
    client = mlflow.MlflowClient(f"sqlite:///{project.path}/mlflow.db")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return list(client.search_runs(experiments))


def test_kedro_run_makes_one_mlflow_run(project: KedroProject) -> None:
    kedro_run(project)
    [run] = mlflow_runs(project)
    assert (run.data.metrics, run.data.params) == ({"score": 12, "margin": 7}, {"depth": "3", "threshold": "5"})


@pytest.mark.parametrize("job", ["sequential", "parallel", "spawned"])
def test_a_dagster_run_makes_the_mlflow_run_of_kedro_run_and_links_to_it(
    project: KedroProject, instance: dg.DagsterInstance, job: str
) -> None:
    result = execute(project, instance, job)
    assert result.success
    [run] = mlflow_runs(project)
    assert (run.data.metrics, run.data.params) == ({"score": 12, "margin": 7}, {"depth": "3", "threshold": "5"})
    assert run.info.status == "FINISHED"
    record = instance.get_run_by_id(result.run_id)
    assert record is not None
    assert record.tags["mlflow/run_id"] == run.info.run_id
    events = [event for event in result.all_events if event.is_step_materialization]
    links = {event.materialization.metadata["mlflow/run"].value for event in events}
    assert (len(events), links) == (2, {run.info.run_id})


@pytest.mark.parametrize("job", ["sequential", "parallel"])
def test_a_failed_dagster_run_ends_its_mlflow_run_as_failed(
    project: KedroProject, instance: dg.DagsterInstance, job: str
) -> None:
    project.write("data/raw.json", "1")
    result = execute(project, instance, job)
    assert materialized(result) == ["model"]
    [run] = mlflow_runs(project)
    assert (run.info.status, run.data.metrics) == ("FAILED", {"score": 3, "margin": -2})


def test_two_runs_of_one_process_are_two_mlflow_runs(project: KedroProject, instance: dg.DagsterInstance) -> None:
    assert execute(project, instance, "sequential").success
    assert execute(project, instance, "sequential").success
    runs = mlflow_runs(project)
    assert len(runs) == 2
    assert all(run.data.metrics == {"score": 12, "margin": 7} for run in runs)


TRAINING = """
    from kedro_mlflow.pipeline import pipeline_ml_factory

    def clean(raw):
        return raw

    def fit(cleaned):
        return cleaned * 2

    def predict(model, cleaned):
        return model * cleaned

    def training():
        both = pipeline([
            node(clean, "raw", "cleaned", name="clean", tags=["training", "inference"]),
            node(fit, "cleaned", "model", name="fit", tags=["training"]),
            node(predict, ["model", "cleaned"], "predicted", name="predict", tags=["inference"]),
        ])
        return pipeline_ml_factory(
            training=both.only_nodes_with_tags("training"),
            inference=both.only_nodes_with_tags("inference"),
            input_name="raw",
            log_model_kwargs={"name": "doubling"},
        )
"""


@pytest.mark.parametrize("job", ["training", "parallel"])
def test_a_pipeline_of_kedro_mlflow_logs_its_model(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, job: str
) -> None:
    project = write_project(
        tmp_path,
        nodes="from kedro.pipeline import node, pipeline\n" + textwrap.dedent(TRAINING),
        pipelines="""{"training": training(), "__default__": training()}""",
        catalog=json_dataset("raw", "model"),
        dagster="""
            jobs:
              training: {pipeline: {pipeline_name: training}}
              parallel: {pipeline: {pipeline_name: training}, executor: multiprocess}
        """,
    )
    project.write("data/raw.json", "4")
    project.write("conf/base/mlflow.yml", f"server: {{mlflow_tracking_uri: 'sqlite:///{project.path}/mlflow.db'}}\n")
    monkeypatch.chdir(project.path)  # where MLflow writes models
    assert execute(project, instance, job).success
    [run] = mlflow_runs(project)
    client = mlflow.MlflowClient(f"sqlite:///{project.path}/mlflow.db")
    assert [model.name for model in client.search_logged_models([run.info.experiment_id])] == ["doubling"]


LONG = "depth: 3\nnested: {a: 1, b: {c: 2}}\nwith_text: {d: 3}\nlong: " + "x" * 6001 + "\n"


@pytest.fixture
def settings(tmp_path: Path) -> KedroProject:
    """A project whose nodes read parameters that kedro-mlflow logs as its settings say, and save a metric."""
    project = write_project(
        tmp_path,
        nodes="""
            def fit(raw, depth, nested):
                return raw * depth

            def evaluate(model, long, both):
                return float(model)
        """,
        pipelines="""{"__default__": pipeline([
            node(fit, ["raw", "params:depth", "params:nested"], "model", name="fit"),
            node(evaluate, ["model", "params:long", "params:with_text"], "margin", name="evaluate"),
        ])}""",
        catalog=json_dataset("raw", "model") + "margin: {type: kedro_mlflow.io.metrics.MlflowMetricDataset}\n",
        parameters=LONG,
        dagster="jobs:\n  one: {pipeline: {}}\n  several: {pipeline: {}, executor: multiprocess}\n",
    )
    project.write("data/raw.json", "4")
    return project


@pytest.mark.parametrize(
    "tracking",
    [
        "params: {long_params_strategy: truncate}",
        "params: {long_params_strategy: tag, dict_params: {flatten: true}}",
        "params: {long_params_strategy: truncate, dict_params: {flatten: true, recursive: false, sep: '-'}}",
        "disable_tracking: {pipelines: [__default__]}",
    ],
    ids=["long", "flattened", "separator", "disabled"],
)
def test_steps_in_one_process_and_in_several_log_what_kedro_run_logs(settings: KedroProject, tracking: str) -> None:
    found = {}
    for name, command in {
        "kedro run": ("kedro", "run"),
        "one": ("kedro", "assets", "run", "one"),
        "several": ("kedro", "assets", "run", "several"),
    }.items():
        settings.write(
            "conf/base/mlflow.yml",
            f"server: {{mlflow_tracking_uri: 'sqlite:///{settings.path}/mlflow.db'}}\ntracking: {{{tracking}}}\n",
        )
        run_command(settings, *command)
        found[name] = [
            (run.info.status, run.data.params, run.data.metrics, run.data.tags.get("long"))
            for run in mlflow_runs(settings)
        ]
        (settings.path / "mlflow.db").unlink(missing_ok=True)
    assert len(found["kedro run"]) == (0 if "disable" in tracking else 1)
    assert found["one"] == found["kedro run"]
    assert found["several"] == found["kedro run"]
