"""A Kubernetes without a cluster: the API of Jobs and pods on loopback, and a local process for each pod.

It answers what dagster-k8s and dagster-celery-k8s ask through the `kubernetes` package. A pod runs the command of its
first container on this machine, in the environment that the container's specification gives it.

`test_fake_kubernetes` compares its answers with those of a real cluster. Not compared is how long things take, which is no
time here: pods start at once, and are evicted at once. What is asked of quotas is for the tests alone.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import yaml
from fake_docker import Api, LocalProcess, Request
from fake_pods import Job, Pod, now
from servers import wait_for

IMAGE = "registry.example.com/flights:1.0"
NAMESPACE = "flights"
JOBS = r"/apis/batch/v1/namespaces/([^/]+)/jobs"
PODS = r"/api/v1/namespaces/([^/]+)/pods"
QUOTAS = r"/api/v1/namespaces/([^/]+)/resourcequotas"
WAIT_SECONDS = 30


class FakeKubernetes(Api):
    """The API server, and the nodes behind it.

    Attributes:
        config_maps: The data of config maps, by name.
        secrets: The data of secrets, by name.
        node_labels: The labels of its only node.
        jobs: Every Job that was ever created, in order, whatever has become of it.
    """

    image = IMAGE
    namespace = NAMESPACE
    step_config: ClassVar[dict[str, Any]] = {}
    """What has to be in the `step_k8s_config` for pods to find what they need: they are on this machine."""

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
        ("POST", QUOTAS, "create_quota"),
        ("GET", rf"{QUOTAS}/([^/]+)", "read_quota"),
        ("DELETE", rf"{QUOTAS}/([^/]+)", "delete_quota"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.config_maps: dict[str, dict[str, str]] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.node_labels: dict[str, str] = {}
        self.jobs: list[Job] = []
        self.kubeconfig: Path | None = None
        self._quotas: dict[str, Mapping[str, str]] = {}
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
        self.kubeconfig = file
        return file

    def options(self) -> dict[str, Any]:
        """What dagster.yml has to say at least, outside the cluster."""
        return {
            "job_image": self.image,
            "job_namespace": self.namespace,
            "load_incluster_config": False,
            "kubeconfig_file": str(self.kubeconfig),
        }

    def lose(self, job: Job) -> None:
        """Delete a Job with its pod, as somebody else may do."""
        job.deleted = True
        for pod in job.pods:
            pod.delete()

    def delete_pod_of(self, job: Job) -> None:
        """Delete a pod, as somebody does who drains its node."""
        job.pods[-1].delete()

    def exit_codes(self) -> list[int | None]:
        """How the pods have ended, in the order of their creation; waits for those that run."""
        return [process.wait() for process in self._processes()]

    def processes(self) -> set[int]:
        """The processes of all pods."""
        return {process.pid for process in self._processes()}

    def is_gone(self, job: Job) -> bool:
        """Wait until neither a Job nor its pod is there any more."""

        def gone() -> bool:
            ended = all(pod.deleted and (not pod.process or pod.process.exit_code() is not None) for pod in job.pods)
            return job.deleted and ended

        return bool(wait_for(gone, f"the end of {job.name}", WAIT_SECONDS))

    def pods(self, job: Job) -> list[dict[str, Any]]:
        """Return the pods of a Job, as the API has them."""
        return [pod.described() for pod in job.pods]

    def warnings(self) -> list[str]:
        """Return the reason of every event that warns."""
        return [event["reason"] for event in self._events() if event["type"] == "Warning"]

    @contextmanager
    def quota(self, name: str, limit: int) -> Iterator[None]:
        """Have a quota until the end of the block."""
        self._quotas["small"] = {name: str(limit)}
        try:
            yield
        finally:
            del self._quotas["small"]

    def clear(self) -> None:
        for job in self.jobs:
            for pod in job.pods:
                pod.close()
        self.jobs.clear()

    def create_job(self, request: Request, namespace: str) -> tuple[int, Any]:
        asked = request.body
        name = asked["metadata"]["name"]
        user = request.headers.get("Impersonate-User")
        if user:
            right = f'cannot create resource "jobs" in API group "batch" in the namespace "{namespace}"'
            message = f'jobs.batch is forbidden: User "{user}" {right}'
            return _status(403, "Forbidden", message, {"group": "batch", "kind": "jobs"})
        unknown = _unknown_volumes(asked["spec"]["template"]["spec"])
        if unknown:
            return _invalid(name, unknown)
        if self._find(namespace, name):
            return _status(409, "AlreadyExists", f'jobs.batch "{name}" already exists', _details("jobs", name))
        refused = self._over_quota("count/jobs.batch", len(self._jobs(namespace)))
        if refused:
            return _status(403, "Forbidden", f'jobs.batch "{name}" is forbidden: {refused}', _details("jobs", name))
        job = Job(namespace, asked)
        created = {**job.described(), "status": {}}
        with self.lock:
            self.jobs.append(job)
            self._start_pod(job)
        return 201, created

    def list_jobs(self, request: Request, namespace: str) -> tuple[int, Any]:
        wanted = _selected(request.query.get("fieldSelector", ""), "metadata.name")
        found = [job.described() for job in self._jobs(namespace) if wanted in (None, job.name)]
        return 200, _listed("batch/v1", "JobList", found)

    def read_job(self, request: Request, namespace: str, name: str) -> tuple[int, Any]:
        job = self._find(namespace, name)
        return (200, job.described()) if job else _not_found("jobs", name)

    def delete_job(self, request: Request, namespace: str, name: str) -> tuple[int, Any]:
        job = self._find(namespace, name)
        if job is None:
            return _not_found("jobs", name)
        answer = job.described()
        job.deleted = True
        policy = request.query.get("propagationPolicy", "Orphan")
        if policy == "Background":
            details = {**_details("jobs", name), "uid": job.uid}
            answer = {"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Success", "details": details}
        else:  # others have work to do before it is gone
            finalizer = "orphan" if policy == "Orphan" else "foregroundDeletion"
            marks = {"deletionTimestamp": now(), "deletionGracePeriodSeconds": 0, "finalizers": [finalizer]}
            answer["metadata"] |= marks
        if policy != "Orphan":
            for pod in job.pods:
                pod.delete()
        return 200, answer

    def list_pods(self, request: Request, namespace: str) -> tuple[int, Any]:
        of_job = _selected(request.query.get("labelSelector", ""), "job-name")
        name = _selected(request.query.get("fieldSelector", ""), "metadata.name")
        found = [pod for pod in self._pods(namespace) if of_job in (None, pod.job) and name in (None, pod.name)]
        return 200, _listed("v1", "PodList", [pod.described() for pod in found])

    def read_pod(self, request: Request, namespace: str, name: str) -> tuple[int, Any]:
        pod = self._find_pod(namespace, name)
        return (200, pod.described()) if pod else _not_found("pods", name)

    def read_log(self, request: Request, namespace: str, name: str) -> tuple[int, Any]:
        pod = self._find_pod(namespace, name)
        if pod is None:
            return _not_found("pods", name)
        container = request.query.get("container", pod.container["name"])
        if container != pod.container["name"]:
            return _status(400, "BadRequest", f"container {container} is not valid for pod {name}")
        if not pod.scheduled:
            return 204, None
        if pod.process is None:
            why = "is waiting to start: trying and failing to pull image"
            return _status(400, "BadRequest", f'container "{container}" in pod "{name}" {why}')
        if pod.evicted:
            return _status(400, "BadRequest", f'container "{container}" in pod "{name}" is not available')
        out, err = pod.process.output()
        lines = (err + out).splitlines(keepends=True)
        if request.query.get("timestamps") == "True":
            lines = [f"{now()} ".encode() + line for line in lines]
        return 200, b"".join(lines[-int(request.query.get("tailLines", len(lines) or 1)) :])

    def delete_pod(self, request: Request, namespace: str, name: str) -> tuple[int, Any]:
        pod = self._find_pod(namespace, name)
        if pod is None:
            return _not_found("pods", name)
        pod.delete()
        return 200, pod.described()

    def list_events(self, request: Request, namespace: str) -> tuple[int, Any]:
        of = _selected(request.query.get("fieldSelector", ""), "involvedObject.name")
        found = [event for event in self._events() if of in (None, event["involvedObject"]["name"])]
        return 200, _listed("v1", "EventList", found)

    def create_quota(self, request: Request, namespace: str) -> tuple[int, Any]:
        self._quotas[request.body["metadata"]["name"]] = request.body["spec"]["hard"]
        return 201, request.body

    def read_quota(self, request: Request, namespace: str, name: str) -> tuple[int, Any]:
        hard = self._quotas.get(name)
        return (200, {"status": {"hard": hard, "used": hard}}) if hard else _not_found("resourcequotas", name)

    def delete_quota(self, request: Request, namespace: str, name: str) -> tuple[int, Any]:
        del self._quotas[name]
        return 200, {}

    def _start_pod(self, job: Job) -> None:
        used = sum(not pod.has_ended for pod in self._pods_of(job.namespace))
        refused = self._over_quota("pods", used)
        if refused:
            job.refused = f'pods "{job.name}-xxxxx" is forbidden: {refused}'
            return
        job.refused = None
        pod = job.new_pod()
        selector = job.template["spec"].get("nodeSelector") or {}
        pod.scheduled = selector.items() <= self.node_labels.items()
        pod.pulled = ".invalid/" not in job.container["image"]
        if pod.scheduled and pod.pulled:
            pod.start(self._environment(job.container))

    def _over_quota(self, resource: str, used: int) -> str | None:
        for name, hard in self._quotas.items():
            limit = hard.get(resource)
            if limit is not None and used + 1 > int(limit):
                counted = f"requested: {resource}=1, used: {resource}={used}, limited: {resource}={limit}"
                return f"exceeded quota: {name}, {counted}"
        return None

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

    def _events(self) -> list[dict[str, Any]]:
        return [event for job in self.jobs for event in job.events()]

    def _processes(self) -> list[LocalProcess]:
        return [pod.process for job in self.jobs for pod in job.pods if pod.process]

    def _jobs(self, namespace: str) -> list[Job]:
        found = [job for job in self.jobs if job.namespace == namespace and not job.deleted]
        with self.lock:
            for job in found:
                job.look_after()
                if job.needs_pod:
                    self._start_pod(job)
        return found

    def _pods(self, namespace: str) -> list[Pod]:
        self._jobs(namespace)
        return self._pods_of(namespace)

    def _pods_of(self, namespace: str) -> list[Pod]:
        pods = [pod for job in self.jobs for pod in job.pods if job.namespace == namespace]
        return [pod for pod in pods if not pod.deleted]

    def _find(self, namespace: str, name: str) -> Job | None:
        return next((job for job in self._jobs(namespace) if job.name == name), None)

    def _find_pod(self, namespace: str, name: str) -> Pod | None:
        return next((pod for pod in self._pods(namespace) if pod.name == name), None)


def _selected(selector: str, field: str) -> str | None:
    match = re.fullmatch(rf"{re.escape(field)}=(.+)", selector)
    return match[1] if match else None


def _listed(version: str, kind: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    bare = [{key: value for key, value in item.items() if key not in ("apiVersion", "kind")} for item in items]
    return {"apiVersion": version, "kind": kind, "metadata": {"resourceVersion": "1"}, "items": bare}


def _status(code: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> tuple[int, Any]:
    told = {"status": "Failure", "reason": reason, "message": message, "code": code}
    return code, {
        "apiVersion": "v1",
        "kind": "Status",
        "metadata": {},
        **told,
        **({"details": details} if details else {}),
    }


def _details(kind: str, name: str) -> dict[str, Any]:
    return {"name": name, "kind": kind, **({"group": "batch"} if kind == "jobs" else {})}


def _not_found(kind: str, name: str) -> tuple[int, Any]:
    full = "jobs.batch" if kind == "jobs" else kind
    return _status(404, "NotFound", f'{full} "{name}" not found', _details(kind, name))


def _unknown_volumes(pod: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the path and the name of every volume that a container mounts and the pod has not."""
    known = {volume["name"] for volume in pod.get("volumes") or []}
    return [
        (f"spec.template.spec.containers[{i}].volumeMounts[{j}].name", mount["name"])
        for i, container in enumerate(pod["containers"])
        for j, mount in enumerate(container.get("volumeMounts") or [])
        if mount["name"] not in known
    ]


def _invalid(name: str, unknown: list[tuple[str, str]]) -> tuple[int, Any]:
    causes = [
        {"reason": "FieldValueNotFound", "message": f'Not found: "{value}"', "field": field} for field, value in unknown
    ]
    errors = [f"{cause['field']}: {cause['message']}" for cause in causes]
    listed = errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"
    details = {"name": name, "group": "batch", "kind": "Job", "causes": causes}
    return _status(422, "Invalid", f'Job.batch "{name}" is invalid: {listed}', details)


@contextmanager
def fake_kubernetes() -> Iterator[FakeKubernetes]:
    """Run a cluster."""
    kubernetes = FakeKubernetes()
    with kubernetes.serving():
        yield kubernetes
