"""A Kubernetes without a cluster: the API of Jobs and Pods on loopback, and a local process for each pod.

It answers what dagster-k8s and dagster-celery-k8s ask through the `kubernetes` package. A pod runs the command of its
first container on this machine, in the environment that the container's specification gives it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, ClassVar

import yaml
from fake_docker import Api, LocalProcess, Request

JOBS = r"/apis/batch/v1/namespaces/([^/]+)/jobs"
PODS = r"/api/v1/namespaces/([^/]+)/pods"


@dataclass
class Job:
    """A Job and its pod, which has the Job's name.

    Attributes:
        namespace: Its namespace.
        asked: What it was created with, in the words of the API.
        process: What runs in the pod.
        created: When it was created.
        deleted: Whether the Job is no longer here.
        pod_deleted: Whether the pod is no longer here.
    """

    namespace: str
    asked: Mapping[str, Any]
    process: LocalProcess
    created: str
    deleted: bool = False
    pod_deleted: bool = False

    @property
    def name(self) -> str:
        return self.asked["metadata"]["name"]

    @property
    def step(self) -> str:
        """The key of the step that runs in the pod."""
        return self.environment["DAGSTER_RUN_STEP_KEY"]

    @property
    def template(self) -> Mapping[str, Any]:
        """The specification of the pod, with its metadata."""
        return self.asked["spec"]["template"]

    @property
    def container(self) -> Mapping[str, Any]:
        return self.template["spec"]["containers"][0]

    @property
    def environment(self) -> dict[str, str]:
        """What the specification of the container says word by word."""
        return {entry["name"]: entry["value"] for entry in self.container.get("env") or [] if "value" in entry}

    def described(self) -> dict[str, Any]:
        code = self.process.exit_code()
        outcome = {"active": 1} if code is None else {"succeeded": 1} if code == 0 else {"failed": 1}
        return {**self.asked, "metadata": self._metadata(self.asked), "status": {"startTime": self.created, **outcome}}

    def pod(self) -> dict[str, Any]:
        code = self.process.exit_code()
        phase = "Running" if code is None else "Succeeded" if code == 0 else "Failed"
        state = {"running": {"startedAt": self.created}} if code is None else {"terminated": {"exitCode": code}}
        name = self.container["name"]
        status = {"name": name, "state": state, "ready": code is None, "restartCount": 0}
        image = {"image": self.container["image"], "imageID": self.container["image"]}
        metadata = self._metadata(self.template)
        metadata["labels"] = {**metadata.get("labels", {}), "job-name": self.name}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**metadata, "name": self.name},
            "spec": self.template["spec"],
            "status": {"phase": phase, "containerStatuses": [{**status, **image}]},
        }

    def _metadata(self, of: Mapping[str, Any]) -> dict[str, Any]:
        return {**of.get("metadata", {}), "namespace": self.namespace, "creationTimestamp": self.created}


class FakeKubernetes(Api):
    """The API server, and the nodes behind it.

    Attributes:
        config_maps: The data of config maps, by name.
        secrets: The data of secrets, by name.
        jobs: Every Job that was ever created, in order, whatever has become of it.
        refuse: What the creation of a Job is refused with; None takes it.
    """

    routes: ClassVar = [
        ("POST", JOBS, "create_job"),
        ("GET", JOBS, "list_jobs"),
        ("GET", rf"{JOBS}/([^/]+)(?:/status)?", "read_job"),
        ("DELETE", rf"{JOBS}/([^/]+)", "delete_job"),
        ("GET", PODS, "list_pods"),
        ("GET", rf"{PODS}/([^/]+)", "read_pod"),
        ("GET", rf"{PODS}/([^/]+)/log", "read_log"),
        ("DELETE", rf"{PODS}/([^/]+)", "delete_pod"),
        ("GET", r"/api/v1/namespaces/([^/]+)/events", "list_events"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.config_maps: dict[str, dict[str, str]] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.jobs: list[Job] = []
        self.refuse: str | None = None
        self._ending: list[threading.Thread] = []

    def write_kubeconfig(self, file: Path) -> Path:
        """Write what a client needs to find the API server."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "tester"}}],
            "clusters": [{"name": "fake", "cluster": {"server": f"http://{self.address}"}}],
            "users": [{"name": "tester", "user": {"token": "a-token"}}],
        }
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        return file

    def lose(self, job: Job) -> None:
        """Delete a Job with its pod, as if somebody else had done so."""
        job.deleted = job.pod_deleted = True
        job.process.kill()

    def exit_codes(self) -> list[int | None]:
        """How the pods have ended, in the order of their creation; waits for those that run."""
        return [job.process.wait() for job in self.jobs]

    def processes(self) -> set[int]:
        """The processes of all pods."""
        return {job.process.pid for job in self.jobs}

    def clear(self) -> None:
        for job in self.jobs:
            job.process.kill()
        for thread in self._ending:
            thread.join()
        for job in self.jobs:
            job.process.close()
        self._ending.clear()
        self.jobs.clear()

    def create_job(self, request: Request, namespace: str) -> tuple[int, Any]:
        if self.refuse:
            return _status(403, "Forbidden", self.refuse)
        name = request.body["metadata"]["name"]
        if self._find(namespace, name):
            return _status(409, "AlreadyExists", f'jobs.batch "{name}" already exists')
        container = request.body["spec"]["template"]["spec"]["containers"][0]
        command = [*(container.get("command") or []), *(container.get("args") or [])]
        now = f"{datetime.now(tz=timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
        process = LocalProcess(command, self._environment(container))
        job = Job(namespace, request.body, process, now)
        self.jobs.append(job)
        return 201, job.described()

    def list_jobs(self, request: Request, namespace: str) -> tuple[int, Any]:
        wanted = _selected(request.query.get("fieldSelector", ""), "metadata.name")
        found = [job.described() for job in self._jobs(namespace) if wanted in (None, job.name)]
        return 200, {"apiVersion": "batch/v1", "kind": "JobList", "metadata": {}, "items": found}

    def read_job(self, request: Request, namespace: str, name: str) -> tuple[int, Any]:
        job = self._find(namespace, name)
        return (200, job.described()) if job else _not_found("jobs.batch", name)

    def delete_job(self, request: Request, namespace: str, name: str) -> tuple[int, Any]:
        job = self._find(namespace, name)
        if job is None:
            return _not_found("jobs.batch", name)
        job.deleted = True  # its pod stays: nobody has asked for it to go too
        return _status(200, "", "")

    def list_pods(self, request: Request, namespace: str) -> tuple[int, Any]:
        of_job = _selected(request.query.get("labelSelector", ""), "job-name")
        name = _selected(request.query.get("fieldSelector", ""), "metadata.name")
        found = [pod for pod in self._pods(namespace) if of_job in (None, pod.name) and name in (None, pod.name)]
        items = [pod.pod() for pod in found]
        return 200, {"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": items}

    def read_pod(self, request: Request, namespace: str, name: str) -> tuple[int, Any]:
        found = [pod.pod() for pod in self._pods(namespace) if pod.name == name]
        return (200, found[-1]) if found else _not_found("pods", name)

    def read_log(self, request: Request, namespace: str, name: str) -> tuple[int, Any]:
        found = [pod for pod in self._pods(namespace) if pod.name == name]
        if not found:
            return _not_found("pods", name)
        out, err = found[-1].process.output()
        lines = (err + out).splitlines(keepends=True)
        return 200, b"".join(lines[-int(request.query.get("tailLines", len(lines) or 1)) :])

    def delete_pod(self, request: Request, namespace: str, name: str) -> tuple[int, Any]:
        found = [pod for pod in self._pods(namespace) if pod.name == name]
        if not found:
            return _not_found("pods", name)
        pod = found[-1]
        pod.pod_deleted = True
        grace = pod.template["spec"].get("terminationGracePeriodSeconds", 30)
        self._ending.append(threading.Thread(target=pod.process.stop, args=(grace,)))
        self._ending[-1].start()
        return 200, pod.pod()

    def list_events(self, request: Request, namespace: str) -> tuple[int, Any]:
        return 200, {"apiVersion": "v1", "kind": "EventList", "metadata": {}, "items": []}

    def _environment(self, container: Mapping[str, Any]) -> dict[str, str]:
        found: dict[str, str] = {}
        for source in container.get("envFrom") or []:
            if "configMapRef" in source:
                found.update(self.config_maps[source["configMapRef"]["name"]])
            if "secretRef" in source:
                found.update(self.secrets[source["secretRef"]["name"]])
        for entry in container.get("env") or []:
            reference = (entry.get("valueFrom") or {}).get("secretKeyRef")
            found[entry["name"]] = self.secrets[reference["name"]][reference["key"]] if reference else entry["value"]
        return found

    def _jobs(self, namespace: str) -> list[Job]:
        return [job for job in self.jobs if job.namespace == namespace and not job.deleted]

    def _pods(self, namespace: str) -> list[Job]:
        return [job for job in self.jobs if job.namespace == namespace and not job.pod_deleted]

    def _find(self, namespace: str, name: str) -> Job | None:
        return next((job for job in self._jobs(namespace) if job.name == name), None)


def _selected(selector: str, field: str) -> str | None:
    match = re.fullmatch(rf"{re.escape(field)}=(.+)", selector)
    return match[1] if match else None


def _status(code: int, reason: str, message: str) -> tuple[int, Any]:
    outcome = "Success" if code == 200 else "Failure"
    facts = {"status": outcome, "reason": reason, "message": message, "code": code}
    return code, {"apiVersion": "v1", "kind": "Status", "metadata": {}, **facts}


def _not_found(kind: str, name: str) -> tuple[int, Any]:
    return _status(404, "NotFound", f'{kind} "{name}" not found')


@contextmanager
def fake_kubernetes() -> Iterator[FakeKubernetes]:
    """Run a cluster."""
    kubernetes = FakeKubernetes()
    with kubernetes.serving():
        yield kubernetes
