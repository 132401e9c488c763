"""A real cluster, the one that `KEDRO_ASSETS_KUBECONFIG` names, in the place of `fake_kubernetes`.

Pods have to find the interpreter, kedro-assets and the projects of the tests at the paths where they are here. On a cluster on
this machine, folders of this machine are mounted, and an image may be next to empty. For another one, `KEDRO_ASSETS_K8S_IMAGE`
names an image and `KEDRO_ASSETS_K8S_STEP` a YAML file with the `step_k8s_config` that takes the place of these mounts.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from docker_engine import IMAGE, volumes
from fake_docker import IMAGE_ENVIRONMENT
from kubernetes_client import KubernetesClient
from servers import wait_for

KUBECONFIG = "KEDRO_ASSETS_KUBECONFIG"
POLL_SECONDS = 0.2
WAIT_SECONDS = 120
# As Dagster's lines are: package, level, job, run, process, step.
PROCESS = re.compile(r" - dagster - \w+ - \S+ - [0-9a-f-]{36} - (\d+) - ")


def is_real() -> bool:
    """Whether there is one to run the tests on."""
    return KUBECONFIG in os.environ


@dataclass
class ClusterJob:
    """A Job, as the cluster had it when it was last looked at.

    Attributes:
        asked: The Job, in the words of the API.
        pods: Its pods.
        deleted: Whether it is no longer there.
    """

    asked: Mapping[str, Any]
    pods: dict[str, Any] = field(default_factory=dict)
    deleted: bool = False

    @property
    def name(self) -> str:
        return self.asked["metadata"]["name"]

    @property
    def namespace(self) -> str:
        return self.asked["metadata"]["namespace"]

    @property
    def container(self) -> Mapping[str, Any]:
        return self.asked["spec"]["template"]["spec"]["containers"][0]

    @property
    def step(self) -> str:
        [key] = [entry["value"] for entry in self.container["env"] if entry["name"] == "DAGSTER_RUN_STEP_KEY"]
        return key


class KubernetesCluster:
    """The cluster.

    Args:
        client: Asks the API server.
        namespace: Where the tests work.
        kubeconfig: The file that says where the API server is.
        shared: A folder that pods may write to.

    Attributes:
        jobs: Every Job that was created since the last `clear`, in order, whatever has become of it.
    """

    def __init__(self, client: KubernetesClient, namespace: str, kubeconfig: str, shared: Path) -> None:
        self.client = client
        self.namespace = namespace
        self.kubeconfig = kubeconfig
        self.image = os.environ.get("KEDRO_ASSETS_K8S_IMAGE", IMAGE)
        self.step_config = _step_config(shared)
        self._jobs: dict[str, ClusterJob] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._poller = threading.Thread(target=self._poll, daemon=True)
        self._poller.start()

    @property
    def jobs(self) -> list[ClusterJob]:
        self._look()
        with self._lock:
            return list(self._jobs.values())

    def options(self) -> dict[str, Any]:
        """What dagster.yml has to say at least, outside the cluster."""
        return {
            "job_image": self.image,
            "job_namespace": self.namespace,
            "load_incluster_config": False,
            "kubeconfig_file": self.kubeconfig,
        }

    def processes(self) -> set[int]:
        """The processes of all pods, as their logs name them."""
        return {int(number) for job in self.jobs for log in self._logs(job) for number in PROCESS.findall(log)}

    def exit_codes(self) -> list[int | None]:
        """How the pods have ended, in the order of their Jobs; waits for those that run."""

        def ended() -> list[int] | None:
            codes = [_exit_code(pod) for job in self.jobs for pod in job.pods.values()]
            return None if None in codes else [code for code in codes if code is not None]

        return list(wait_for(ended, "the end of all pods", WAIT_SECONDS))

    def lose(self, job: ClusterJob) -> None:
        """Delete a Job with its pod, as somebody else may do."""
        path = f"/apis/batch/v1/namespaces/{self.namespace}/jobs/{job.name}"
        self.client.ask("DELETE", path, query={"propagationPolicy": "Background"})

    def delete_pod_of(self, job: ClusterJob) -> None:
        """Delete a pod, as somebody does who drains its node."""
        [pod] = self.pods(job)
        self.client.need("DELETE", f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}")

    def is_gone(self, job: ClusterJob) -> bool:
        """Wait until neither a Job nor its pod is there any more."""
        wait_for(
            lambda: job in self.jobs and job.deleted and not self.pods(job), f"the end of {job.name}", WAIT_SECONDS
        )
        return True

    def pods(self, job: ClusterJob) -> list[Any]:
        """Return the pods of a Job, as the API has them."""
        path = f"/api/v1/namespaces/{self.namespace}/pods"
        return self.client.need("GET", path, query={"labelSelector": f"job-name={job.name}"})["items"]

    def warnings(self) -> list[str]:
        """Return the reason of every event that warns of one of the Jobs, or of a pod of them."""
        events = self.client.need("GET", f"/api/v1/namespaces/{self.namespace}/events")["items"]
        names = tuple(job.name for job in self.jobs)
        warnings = [event for event in events if event["type"] == "Warning"]
        return [event["reason"] for event in warnings if event["involvedObject"]["name"].startswith(names)]

    @contextmanager
    def quota(self, name: str, limit: int) -> Iterator[None]:
        """Have a quota until the end of the block."""
        path = f"/api/v1/namespaces/{self.namespace}/resourcequotas"
        self.client.need("POST", path, {"metadata": {"name": "small"}, "spec": {"hard": {name: str(limit)}}})
        try:
            wait_for(lambda: self.client.need("GET", f"{path}/small")["status"].get("used"), "the quota", WAIT_SECONDS)
            yield
        finally:
            self.client.need("DELETE", f"{path}/small")

    def prepare(self) -> None:
        """Create what Jobs refer to."""
        metadata = {"metadata": {"name": self.namespace}}
        self.client.ensure("/api/v1/namespaces", metadata)
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts"
        self.client.ensure(path, {"metadata": {"name": "dagster"}})
        wait_for(lambda: self.client.find(f"{path}/dagster"), "the service account", WAIT_SECONDS)

    def clear(self) -> None:
        """Delete all Jobs and pods."""
        for job in self.jobs:
            self.lose(job)
        for job in self.jobs:
            self.is_gone(job)
        with self._lock:
            self._jobs.clear()

    def close(self) -> None:
        """Look no more."""
        self._over.set()
        self._poller.join()
        self.client.close()

    def _poll(self) -> None:
        while not self._over.wait(POLL_SECONDS):
            self._look()

    def _look(self) -> None:
        """See what is there now; what was there before has been deleted."""
        found = self.client.find(f"/apis/batch/v1/namespaces/{self.namespace}/jobs") or {"items": []}
        pods = self.client.find(f"/api/v1/namespaces/{self.namespace}/pods") or {"items": []}
        here = {job["metadata"]["uid"]: job for job in found["items"]}
        with self._lock:
            for uid, asked in sorted(here.items(), key=lambda each: each[1]["metadata"]["creationTimestamp"]):
                self._jobs.setdefault(uid, ClusterJob(asked)).asked = asked
            for uid, job in self._jobs.items():
                job.deleted = uid not in here
            for pod in pods["items"]:
                uid = pod["metadata"].get("labels", {}).get("controller-uid")
                if uid in self._jobs:
                    self._jobs[uid].pods[pod["metadata"]["name"]] = pod

    def _logs(self, job: ClusterJob) -> Iterator[str]:
        for pod in self.pods(job):
            code, text = self.client.ask(
                "GET", f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}/log"
            )
            if code == 200:
                yield text


def _exit_code(pod: Mapping[str, Any]) -> int | None:
    statuses = pod["status"].get("containerStatuses") or [{}]
    return statuses[0].get("state", {}).get("terminated", {}).get("exitCode")


def _step_config(shared: Path) -> dict[str, Any]:
    """The `step_k8s_config` with what pods need to find the programs and the projects of the tests."""
    file = os.environ.get("KEDRO_ASSETS_K8S_STEP")
    if file:
        return yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    mounts, folders = [], []
    for number, volume in enumerate(volumes(shared)):
        path, _, mode = volume.split(":")
        name = f"tests-{number}"
        mounts.append({"name": name, "mount_path": path, "read_only": mode == "ro"})
        folders.append({"name": name, "host_path": {"path": path}})
    environment = [{"name": name, "value": value} for name, value in {**IMAGE_ENVIRONMENT, "HOME": "/tmp"}.items()]
    return {
        "container_config": {"volume_mounts": mounts, "env": environment},
        "pod_spec_config": {"volumes": folders, "host_network": True, "host_pid": True},
    }


@contextmanager
def running_cluster(shared: Path) -> Iterator[KubernetesCluster]:
    """Work in a namespace of the cluster until the end of the block."""
    kubeconfig = os.environ[KUBECONFIG]
    client = KubernetesClient(kubeconfig)
    namespace = os.environ.get("KEDRO_ASSETS_K8S_NAMESPACE", "kedro-assets-tests")
    cluster = KubernetesCluster(client, namespace, kubeconfig, shared)
    try:
        cluster.prepare()
        cluster.clear()
        yield cluster
    finally:
        cluster.clear()
        cluster.close()
