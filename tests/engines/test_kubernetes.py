"""The k8s executor: dagster-k8s starts a Job for each step, in a cluster that runs their pods as processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from comparing import PIPELINE_HOOKS, assert_same, by_dagster, by_kedro, start_over
from dagster._core.executor.step_delegating import StepDelegatingExecutor
from engine_servers import RAW, MakeProject, need_modules
from fake_docker import Watcher
from fake_kubernetes import FakeKubernetes, Job, fake_kubernetes
from helpers import KedroProject, execute, materialized

IMAGE = "registry.example.com/flights:1.0"
STEP = {
    "container_config": {
        "resources": {"limits": {"cpu": "500m"}},
        "volume_mounts": [{"name": "data", "mount_path": "/mnt/data"}],
        "env": [{"name": "FROM_STEP", "value": "yes"}],
    },
    "pod_spec_config": {
        "volumes": [{"name": "data", "persistent_volume_claim": {"claim_name": "flights"}}],
        "node_selector": {"disk": "ssd"},
    },
    "pod_template_spec_metadata": {"annotations": {"team": "operations"}},
    "job_spec_config": {"ttl_seconds_after_finished": 600},
}


@pytest.fixture
def kubernetes(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKubernetes]:
    """A cluster; its pods are looked after every second, and not every 20."""
    need_modules("dagster_k8s")
    soon = partial(StepDelegatingExecutor, check_step_health_interval_seconds=1)
    monkeypatch.setattr(import_module("dagster_k8s.executor"), "StepDelegatingExecutor", soon)
    monkeypatch.setenv("DAGSTER_STEP_DELEGATING_EXECUTOR_SLEEP_SECONDS", "0.1")
    with fake_kubernetes() as cluster:
        cluster.config_maps["settings"] = {"FROM_CONFIG_MAP": "yes"}
        cluster.secrets["passwords"] = {"FROM_SECRET": "yes"}
        yield cluster


@pytest.fixture
def options(kubernetes: FakeKubernetes, tmp_path: Path) -> dict[str, Any]:
    """What dagster.yml has to say at least, outside the cluster."""
    kubeconfig = kubernetes.write_kubeconfig(tmp_path / "kubeconfig.yaml")
    return {
        "job_image": IMAGE,
        "job_namespace": "flights",
        "load_incluster_config": False,
        "kubeconfig_file": str(kubeconfig),
    }


@pytest.fixture
def instance(options: dict[str, Any], tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with the run launcher that dagster-k8s wants there."""
    home = tmp_path / "home"
    home.mkdir()
    launcher = {
        "service_account_name": "dagster",
        "instance_config_map": "dagster-instance",
        "dagster_home": str(home),
        "load_incluster_config": False,
        "kubeconfig_file": options["kubeconfig_file"],
    }
    config = {
        "telemetry": {"enabled": False},
        "run_launcher": {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": launcher},
    }
    (home / "dagster.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(home)) as found:
        yield found


def new_project(
    make_project: MakeProject, folder: Path, options: dict[str, Any], *, cluster_by: str = "memory", retries: int = 0
) -> KedroProject:
    """In-memory data passes between all steps, or between none: then the first step has `clean`, `split` and `total`."""
    job: dict[str, Any] = {"pipeline": {}, "executor": "pods"}
    if retries:
        job["retries"] = {"max_retries": retries}
    return make_project(
        folder, assets={"cluster_by": cluster_by}, executors={"pods": {"k8s": options}}, jobs={"everything": job}
    )


def step_of(job: Job) -> str:
    return job.environment["DAGSTER_RUN_STEP_KEY"]


def step_errors(result: dg.JobExecutionResult) -> str:
    return "\n".join(str(event.step_failure_data.error) for event in result.all_events if event.is_step_failure)


def test_a_run_in_pods_does_what_kedro_run_does(
    tmp_path: Path,
    kubernetes: FakeKubernetes,
    options: dict[str, Any],
    instance: dg.DagsterInstance,
    make_project: MakeProject,
) -> None:
    project = new_project(make_project, tmp_path, options, cluster_by="node")
    theirs = by_kedro(project)
    start_over(project, RAW)
    ours = by_dagster(project, instance, "everything")
    assert_same(ours, theirs, one_process=False)
    inside = {job.process.pid for job in kubernetes.jobs}
    assert {call["pid"] for call in ours.of("before_node_run")} == inside
    assert {call["pid"] for call in ours.of(*PIPELINE_HOOKS)} == {os.getpid()}
    assert kubernetes.exit_codes() == [0] * 6
    assert {(job.namespace, job.container["image"]) for job in kubernetes.jobs} == {("flights", IMAGE)}


def test_the_options_of_dagster_yml_arrive_in_the_jobs_of_the_cluster(
    tmp_path: Path,
    kubernetes: FakeKubernetes,
    options: dict[str, Any],
    instance: dg.DagsterInstance,
    make_project: MakeProject,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FROM_HERE", "yes")
    options |= {
        "env_vars": ["FROM_HERE", "FROM_THE_FILE=yes"],
        "env_config_maps": ["settings"],
        "env_secrets": ["passwords"],
        "labels": {"department": "flights"},
        "service_account_name": "runner",
        "image_pull_secrets": [{"name": "registry"}],
        "step_k8s_config": STEP,
        "per_step_k8s_config": {"split": {"container_config": {"resources": {"limits": {"cpu": "2"}}}}},
    }
    project = new_project(make_project, tmp_path, options, cluster_by="node")
    result = execute(project, instance, "everything", assets=["cleaned", "low"])
    assert result.success
    jobs = {step_of(job): job for job in kubernetes.jobs}
    assert jobs.keys() == {"clean", "split"}
    for job in jobs.values():
        pod, container = job.template["spec"], job.container
        assert {"name": "data", "persistentVolumeClaim": {"claimName": "flights"}} in pod["volumes"]
        assert {"name": "data", "mountPath": "/mnt/data"} in container["volumeMounts"]
        assert job.environment.items() >= {"FROM_HERE": "yes", "FROM_THE_FILE": "yes", "FROM_STEP": "yes"}.items()
        sources = [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "passwords"}}]
        assert container["envFrom"] == sources
        assert (pod["serviceAccountName"], pod["imagePullSecrets"]) == ("runner", [{"name": "registry"}])
        assert pod["nodeSelector"] == {"disk": "ssd"}
        assert job.template["metadata"]["annotations"] == {"team": "operations"}
        assert job.asked["spec"]["ttlSecondsAfterFinished"] == 600
        told = {"department": "flights", "dagster/job": "everything", "dagster/run-id": result.run_id}
        assert job.asked["metadata"]["labels"].items() >= told.items()
    limits = {step: job.container["resources"]["limits"]["cpu"] for step, job in jobs.items()}
    assert limits == {"clean": "500m", "split": "2"}


def test_a_failing_node_in_a_pod_fails_the_run_as_in_kedro_run(
    tmp_path: Path,
    kubernetes: FakeKubernetes,
    options: dict[str, Any],
    instance: dg.DagsterInstance,
    make_project: MakeProject,
) -> None:
    project = new_project(make_project, tmp_path, options, cluster_by="node")
    project.write("fail", "")
    theirs = by_kedro(project)
    start_over(project, RAW)
    ours = by_dagster(project, instance, "everything")
    assert ours.error == ("RuntimeError", "never")
    assert_same(ours, theirs, one_process=False)


def test_a_pod_that_is_killed_fails_the_run_with_one_error_of_the_pipeline(
    tmp_path: Path,
    kubernetes: FakeKubernetes,
    options: dict[str, Any],
    instance: dg.DagsterInstance,
    make_project: MakeProject,
) -> None:
    project = new_project(make_project, tmp_path, options, cluster_by="node")
    kill = project.write("kill", "")
    result = execute(project, instance, "everything")
    assert not result.success
    assert "Discovered failed Kubernetes job" in step_errors(result)
    assert 128 + signal.SIGKILL in kubernetes.exit_codes()
    assert not {"total", "stats/history", "report"} & set(materialized(result))
    [before, error] = project.calls(*PIPELINE_HOOKS)
    assert (before["hook"], error["hook"]) == ("before_pipeline_run", "on_pipeline_error")
    assert (error["pid"], error["error"]) == (os.getpid(), "StepError")
    assert "Discovered failed Kubernetes job" in error["message"]
    kill.unlink()
    project.forget()
    assert execute(project, instance, "everything", continue_from=result.run_id).success
    assert sorted(project.nodes_run()) == ["report", "stats.history", "total"]
    assert [call["hook"] for call in project.calls(*PIPELINE_HOOKS)] == ["before_pipeline_run", "after_pipeline_run"]


@pytest.mark.parametrize("how", ["fail_once", "kill_once"])
def test_retries_of_a_job_create_another_job_for_a_step(
    tmp_path: Path,
    kubernetes: FakeKubernetes,
    options: dict[str, Any],
    instance: dg.DagsterInstance,
    make_project: MakeProject,
    how: str,
) -> None:
    project = new_project(make_project, tmp_path, options, retries=1)
    project.write(how, "")
    assert execute(project, instance, "everything", assets=["total"]).success
    [first, second] = kubernetes.jobs
    assert second.name == f"{first.name}-1"
    assert project.nodes_run() == ["clean", "split", "total"] * 2
    assert [call["hook"] for call in project.calls(*PIPELINE_HOOKS)] == ["before_pipeline_run", "after_pipeline_run"]
    assert len({call["run_id"] for call in project.calls() if "run_id" in call}) == 1


def test_a_job_that_somebody_deletes_fails_the_run_with_one_error_of_the_pipeline(
    tmp_path: Path,
    kubernetes: FakeKubernetes,
    options: dict[str, Any],
    instance: dg.DagsterInstance,
    make_project: MakeProject,
) -> None:
    project = new_project(make_project, tmp_path, options)
    project.write("wait", "")

    def lose() -> None:
        [job] = kubernetes.running()
        kubernetes.lose(job)

    with Watcher(lambda: (project.path / "waiting").exists() and len(kubernetes.running()) == 1, lose) as watcher:
        result = execute(project, instance, "everything", assets=["total"])
    assert watcher.done
    assert not result.success
    assert "could not be found" in step_errors(result)
    [error] = project.calls("on_pipeline_error", "after_pipeline_run")
    assert (error["hook"], error["error"]) == ("on_pipeline_error", "StepError")
    assert "could not be found" in error["message"]


def test_a_job_that_the_cluster_refuses_fails_the_run_with_one_error_of_the_pipeline(
    tmp_path: Path,
    kubernetes: FakeKubernetes,
    options: dict[str, Any],
    instance: dg.DagsterInstance,
    make_project: MakeProject,
) -> None:
    project = new_project(make_project, tmp_path, options)
    kubernetes.refuse = "exceeded quota: pods"
    assert not execute(project, instance, "everything").success
    [error] = project.calls("on_pipeline_error", "after_pipeline_run")
    assert (error["hook"], error["error"]) == ("on_pipeline_error", "DagsterK8sUnrecoverableAPIError")


def test_a_run_that_is_cancelled_deletes_its_jobs_and_fires_no_further_hook_of_the_pipeline(
    tmp_path: Path,
    kubernetes: FakeKubernetes,
    options: dict[str, Any],
    instance: dg.DagsterInstance,
    make_project: MakeProject,
) -> None:
    project = new_project(make_project, tmp_path, options)
    project.write("wait", "")

    def cancel() -> None:
        [run] = instance.get_runs(limit=1)
        instance.report_run_canceling(run)
        os.kill(os.getpid(), signal.SIGTERM)

    with Watcher((project.path / "waiting").exists, cancel):
        result = execute(project, instance, "everything", assets=["total"])
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.status == dg.DagsterRunStatus.CANCELED
    [job] = kubernetes.jobs
    assert job.deleted
    assert job.pod_deleted
    assert job.process.wait() is not None
    assert [call["hook"] for call in project.calls(*PIPELINE_HOOKS)] == ["before_pipeline_run"]
    assert not (project.path / "data/total.json").exists()
