"""The k8s executor: dagster-k8s starts a Job for each step.

The cluster is `fake_kubernetes`, or with `nox -s kubernetes` the one that KUBECONFIG names.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from engine_servers import hurry_steps, need_modules
from engine_tests import (
    CANCELLED,
    SUCCEEDED,
    Engine,
    EngineTests,
    Watcher,
    error_of_the_pipeline,
    hooks_of_the_pipeline,
    run_error,
    step_errors,
)
from fake_kubernetes import FakeKubernetes, fake_kubernetes
from helpers import KedroProject, execute, materialized
from kubernetes_cluster import KubernetesCluster, is_real, running_cluster
from servers import wait_for

Kubernetes = FakeKubernetes | KubernetesCluster
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


# A step whose pod has to end says itself that it was interrupted, unless Dagster sees before what has become of its job.
ENDED = ("DagsterExecutionInterruptedError", "could not be found", "Discovered failed Kubernetes job")
FAKE_ONLY = pytest.mark.skipif(is_real(), reason="the cluster would need what these options name")
NODE_LABELS = {"disk": "ssd", "gpu": "yes"}
NO_NODE = {"node_selector": {"disk": "of-glass"}}
FULL = {
    "container_config": {
        "command": ["sh", "-c", 'head -c 9000000 /dev/zero > /scratch/file; exec "$0" "$@"'],
        "volume_mounts": [{"name": "scratch", "mount_path": "/scratch"}],
    },
    "pod_spec_config": {"volumes": [{"name": "scratch", "empty_dir": {"size_limit": "1Mi"}}]},
}


@pytest.fixture(scope="module")
def real_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesCluster | None]:
    """The cluster that KEDRO_ASSETS_KUBECONFIG names."""
    if is_real():
        with running_cluster(tmp_path_factory.getbasetemp()) as cluster:
            yield cluster
    else:
        yield None


@pytest.fixture
def kubernetes(
    real_cluster: KubernetesCluster | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Kubernetes]:
    """The cluster that the tests are for, with no Job yet: a real one, or one on loopback."""
    need_modules("dagster_k8s")
    hurry_steps(monkeypatch, "dagster_k8s.executor")
    if real_cluster:
        yield real_cluster
        real_cluster.clear()
        return
    with fake_kubernetes() as cluster:
        cluster.write_kubeconfig(tmp_path / "kubeconfig.yaml")
        cluster.node_labels |= NODE_LABELS
        cluster.config_maps["settings"] = {"FROM_CONFIG_MAP": "yes"}
        cluster.secrets["passwords"] = {"FROM_SECRET": "yes"}
        yield cluster


@pytest.fixture
def options(kubernetes: Kubernetes) -> dict[str, Any]:
    """What dagster.yml has to say at least, outside the cluster."""
    return kubernetes.options()


@pytest.fixture
def instance(kubernetes: Kubernetes, options: dict[str, Any], tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with the run launcher that dagster-k8s wants there."""
    home = tmp_path / "home"
    home.mkdir()
    launcher = {
        "service_account_name": "dagster",
        "instance_config_map": "dagster-instance",
        "dagster_home": str(home),
        "load_incluster_config": False,
        "kubeconfig_file": options["kubeconfig_file"],
        "run_k8s_config": kubernetes.step_config,
    }
    config = {
        "telemetry": {"enabled": False},
        "run_launcher": {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": launcher},
    }
    (home / "dagster.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(home)) as found:
        yield found


@pytest.fixture
def engine(kubernetes: Kubernetes, options: dict[str, Any], instance: dg.DagsterInstance) -> Engine:
    return Engine({"k8s": options}, instance, kubernetes.processes, ends_steps=True)


class TestKubernetes(EngineTests):
    """What every engine does."""

    def test_a_run_does_what_kedro_run_does(
        self, engine: Engine, project: KedroProject, kubernetes: Kubernetes
    ) -> None:
        super().test_a_run_does_what_kedro_run_does(engine, project)
        assert {call["pid"] for call in project.calls("before_node_run")} == kubernetes.processes()
        assert kubernetes.exit_codes() == [0] * 5
        assert {(job.namespace, job.container["image"]) for job in kubernetes.jobs} == {
            (kubernetes.namespace, kubernetes.image)
        }

    def test_retries_of_a_job_try_a_failed_step_again(
        self, engine: Engine, clustered: KedroProject, kubernetes: Kubernetes
    ) -> None:
        super().test_retries_of_a_job_try_a_failed_step_again(engine, clustered)
        [first, second, *rest] = kubernetes.jobs
        assert second.name == f"{first.name}-1"
        assert {job.step for job in rest} == {"stats_chunks", "stats_report"}

    def test_a_cancelled_run_starts_no_more_steps_and_fires_no_further_hook_of_the_pipeline(
        self, engine: Engine, clustered: KedroProject, kubernetes: Kubernetes
    ) -> None:
        super().test_a_cancelled_run_starts_no_more_steps_and_fires_no_further_hook_of_the_pipeline(engine, clustered)
        [job] = kubernetes.jobs
        assert kubernetes.is_gone(job)


@FAKE_ONLY
def test_the_options_of_dagster_yml_arrive_in_the_jobs_of_the_cluster(
    tmp_path: Path,
    kubernetes: Kubernetes,
    engine: Engine,
    options: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FROM_HERE", "yes")
    more = {
        "env_vars": ["FROM_HERE", "FROM_THE_FILE=yes"],
        "env_config_maps": ["settings"],
        "env_secrets": ["passwords"],
        "labels": {"department": "flights"},
        "service_account_name": "runner",
        "image_pull_secrets": [{"name": "registry"}],
        "step_k8s_config": STEP,
        "per_step_k8s_config": {"split": {"container_config": {"resources": {"limits": {"cpu": "2"}}}}},
    }
    project = replace(engine, executor={"k8s": options | more}).project(tmp_path)
    result = execute(project, engine.instance, "short", assets=["cleaned", "low"])
    assert result.success
    jobs = {job.step: job for job in kubernetes.jobs}
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
        told = {"department": "flights", "dagster/job": "short", "dagster/run-id": result.run_id}
        assert job.asked["metadata"]["labels"].items() >= told.items()
    limits = {step: job.container["resources"]["limits"]["cpu"] for step, job in jobs.items()}
    assert limits == {"clean": "500m", "split": "2"}


@FAKE_ONLY
@pytest.mark.parametrize("job", ["short", "ops"])
def test_what_a_tag_of_a_node_asks_for_is_in_the_specification_of_its_pod_and_of_no_other(
    tmp_path: Path, kubernetes: Kubernetes, engine: Engine, options: dict[str, Any], job: str
) -> None:
    tag = {
        "container_config": {"resources": {"limits": {"nvidia.com/gpu": 1}}, "image": "flights:with-cuda"},
        "pod_spec_config": {"tolerations": [{"key": "gpu", "operator": "Exists"}], "node_selector": {"gpu": "yes"}},
    }
    engine = replace(engine, executor={"k8s": {**options, "step_k8s_config": STEP}})
    project = engine.project(tmp_path, step_tags={"gpu": {"dagster-k8s/config": tag}})
    assert execute(project, engine.instance, job).success
    found = {
        job.step: (job.container["image"], job.container["resources"]["limits"], job.template["spec"]["nodeSelector"])
        for job in kubernetes.jobs
    }
    limits, selector = {"cpu": "500m", "nvidia.com/gpu": "1"}, {"disk": "ssd", "gpu": "yes"}
    assert found.pop("total") == ("flights:with-cuda", limits, selector)
    assert set(found) >= {"clean", "split"}
    assert all(other == (kubernetes.image, {"cpu": "500m"}, {"disk": "ssd"}) for other in found.values())
    [with_gpu] = [job for job in kubernetes.jobs if job.step == "total"]
    assert with_gpu.template["spec"]["tolerations"] == [{"key": "gpu", "operator": "Exists"}]


def test_a_pod_that_is_killed_fails_the_run_with_one_error_of_the_pipeline(
    project: KedroProject, kubernetes: Kubernetes, instance: dg.DagsterInstance
) -> None:
    kill = project.write("kill", "")
    result = execute(project, instance, "short")
    assert not result.success
    assert "Discovered failed Kubernetes job" in step_errors(result)
    assert kubernetes.exit_codes() == [0, 0, 128 + signal.SIGKILL]
    assert sorted(materialized(result)) == ["cleaned", "high", "low"]
    error = error_of_the_pipeline(project)
    assert error["error"] == "StepError"
    assert "Discovered failed Kubernetes job" in error["message"]
    kill.unlink()
    project.forget()
    assert execute(project, instance, "short", continue_from=result.run_id).success
    assert project.nodes_run() == ["total"]
    assert hooks_of_the_pipeline(project) == SUCCEEDED


def test_retries_of_a_job_create_another_job_for_a_step_whose_pod_is_killed(
    clustered: KedroProject, kubernetes: Kubernetes, instance: dg.DagsterInstance
) -> None:
    clustered.write("kill_once", "")
    assert execute(clustered, instance, "retried", assets=["total"]).success
    [first, second] = kubernetes.jobs
    assert second.name == f"{first.name}-1"
    assert clustered.nodes_run() == ["clean", "split", "total"] * 2
    assert hooks_of_the_pipeline(clustered) == SUCCEEDED
    assert len({call["run_id"] for call in clustered.calls() if "run_id" in call}) == 1


@pytest.mark.parametrize("what", ["its pod", "its job"])
def test_what_somebody_deletes_fails_the_run_with_one_error_of_the_pipeline(
    clustered: KedroProject, kubernetes: Kubernetes, instance: dg.DagsterInstance, what: str
) -> None:
    clustered.write("wait", "")
    delete = kubernetes.delete_pod_of if what == "its pod" else kubernetes.lose
    with Watcher((clustered.path / "waiting").exists, lambda: delete(kubernetes.jobs[-1])) as watcher:
        result = execute(clustered, instance)
    assert watcher.done
    assert not result.success
    [job] = kubernetes.jobs
    error = error_of_the_pipeline(clustered)
    assert error["error"] == "StepError"
    assert any(each in step_errors(result) and each in error["message"] for each in ENDED)
    # Kubernetes has started another pod in place of the one that was deleted, in which the step does not run again.
    wait_for(lambda: {pod["status"]["phase"] for pod in kubernetes.pods(job)} <= {"Succeeded", "Failed"}, "its pods")
    assert clustered.nodes_run().count("clean") == 1


def test_retries_of_a_job_create_another_job_for_a_step_whose_pod_somebody_deletes(
    clustered: KedroProject, kubernetes: Kubernetes, instance: dg.DagsterInstance
) -> None:
    wait = clustered.write("wait", "")

    def delete() -> None:
        kubernetes.delete_pod_of(kubernetes.jobs[-1])
        wait_for(lambda: len(kubernetes.jobs) == 2, "the second try")
        wait.unlink()

    with Watcher((clustered.path / "waiting").exists, delete):
        assert execute(clustered, instance, "retried", assets=["total"]).success
    [first, second] = kubernetes.jobs
    assert second.name == f"{first.name}-1"
    assert clustered.nodes_run() == ["clean", "split", "total"] * 2
    assert hooks_of_the_pipeline(clustered) == SUCCEEDED


def test_a_job_that_a_quota_refuses_fails_the_run_with_one_error_of_the_pipeline(
    clustered: KedroProject, kubernetes: Kubernetes, instance: dg.DagsterInstance
) -> None:
    with kubernetes.quota("count/jobs.batch", 0):
        result = execute(clustered, instance)
    assert not result.success
    assert error_of_the_pipeline(clustered)["error"] == "ForbiddenException"
    headline, _, answer = run_error(result, instance).partition("\n")
    assert headline == "kubernetes.client.exceptions.ForbiddenException: (403)"
    assert "exceeded quota: small, requested: count/jobs.batch=1" in answer.partition("Stack Trace")[0]


def test_an_evicted_pod_fails_the_run_with_one_error_of_the_pipeline(
    tmp_path: Path, kubernetes: Kubernetes, engine: Engine, options: dict[str, Any]
) -> None:
    project = replace(engine, executor={"k8s": {**options, "step_k8s_config": FULL}}).project(tmp_path, "memory")
    project.write("wait", "")
    result = execute(project, engine.instance)
    assert not result.success
    [pod] = kubernetes.pods(kubernetes.jobs[0])
    assert (pod["status"]["phase"], pod["status"]["reason"]) == ("Failed", "Evicted")
    assert_no_reason_is_said(project, result, engine.instance)


@pytest.mark.parametrize("quota", [None, 0], ids=["no node is fit", "a quota has no room"])
def test_a_pod_that_never_starts_keeps_its_run_waiting_until_that_is_cancelled(
    tmp_path: Path, kubernetes: Kubernetes, engine: Engine, options: dict[str, Any], quota: int | None
) -> None:
    config = {} if quota == 0 else {"pod_spec_config": NO_NODE}
    project = replace(engine, executor={"k8s": {**options, "step_k8s_config": config}}).project(tmp_path, "memory")

    def waits() -> bool:
        return any("FailedCreate" if quota == 0 else "FailedScheduling" in said for said in kubernetes.warnings())

    def cancel_later() -> None:
        time.sleep(2)  # until Dagster has looked after it
        cancel(engine.instance)

    with kubernetes.quota("pods", 0) if quota == 0 else nullcontext(), Watcher(waits, cancel_later) as watcher:
        result = execute(project, engine.instance)
    assert watcher.done
    run = engine.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.status == dg.DagsterRunStatus.CANCELED
    assert hooks_of_the_pipeline(project) == CANCELLED
    assert kubernetes.is_gone(kubernetes.jobs[0])


def test_a_deadline_of_its_job_fails_the_run_whose_pod_never_starts(
    tmp_path: Path, kubernetes: Kubernetes, engine: Engine, options: dict[str, Any]
) -> None:
    config = {"pod_spec_config": NO_NODE, "job_spec_config": {"active_deadline_seconds": 2}}
    project = replace(engine, executor={"k8s": {**options, "step_k8s_config": config}}).project(tmp_path, "memory")

    def has_lost_count() -> bool:
        states = [job.asked.get("status", {}) for job in kubernetes.jobs] if is_real() else []
        return any("conditions" in status and "failed" not in status for status in states)

    with Watcher(has_lost_count, lambda: cancel(engine.instance)) as watcher:
        result = execute(project, engine.instance)
    assert not result.success
    if watcher.done:
        pytest.skip("the cluster has not counted the pod whose deadline was over, as happens with Kubernetes 1.20")
    assert_no_reason_is_said(project, result, engine.instance)


def cancel(instance: dg.DagsterInstance) -> None:
    """Cancel the run."""
    [run] = instance.get_runs(limit=1)
    instance.report_run_canceling(run)
    os.kill(os.getpid(), signal.SIGTERM)


def assert_no_reason_is_said(
    project: KedroProject, result: dg.JobExecutionResult, instance: dg.DagsterInstance
) -> None:
    """Fail unless a run has failed with one error of the pipeline that does not say why its pod has ended."""
    error = error_of_the_pipeline(project)
    assert error["error"] == "StepError"
    assert any(each in run_error(result, instance) and each in error["message"] for each in ENDED)
    for reason in ("exceeds the limit", "nodes are available", "specified deadline"):
        assert reason not in error["message"]
