"""Record what a real Kubernetes answers to the requests of dagster-k8s, for `test_fake_kubernetes.py`.

    KUBECONFIG=~/.kube/config python tests/engines/record_kubernetes.py

It needs a cluster with a node on which pods run, the rights of an administrator, and an image with a shell: `busybox`, or
the one that an argument names. It works in a namespace of its own, `recorded`, which it deletes at the end, and writes one
file for each request into `recorded_kubernetes`.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[1]))  # where the helpers of all tests are

from kubernetes_client import KubernetesClient
from servers import wait_for

FOLDER = Path(__file__).with_name("recorded_kubernetes")
NAMESPACE = "recorded"
CORE = f"/api/v1/namespaces/{NAMESPACE}"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
STRANGER = "system:serviceaccount:recorded:stranger"
WAIT_SECONDS = 180

SAY = "echo one; echo two; echo three"
NO_NODE = {"nodeSelector": {"disk": "of-glass"}}
FULL = {
    "mounts": [{"name": "scratch", "mountPath": "/scratch"}],
    "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}}],
}
# What differs from one recording to the next: ids, times, addresses, the endings of names.
REPLACED = {
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}": "00000000-0000-0000-0000-000000000000",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z": "2026-01-01T00:00:00Z",
    r'("resourceVersion": )"\d+"': r'\1"1"',
    r"\b[0-9a-f]{64}\b": "0",
    r"\b\d{1,3}(\.\d{1,3}){3}\b": "10.0.0.1",
    r"\.[0-9a-f]{16}\b": ".0",
    r"\b(step-[a-z]+)-[a-z0-9]{5}\b": r"\1-xxxxx",
    r"\bdefault-scheduler-[\w.-]+": "default-scheduler-0",
    r"\bdefault-token-[a-z0-9]{5}\b": "default-token-xxxxx",
}


class Recorder:
    """Asks the cluster, and writes down what it has answered.

    Args:
        client: Asks the API server.
        image: An image with a shell.
        folder: Where the answers are written to.
        nodes: The names of the nodes, which are written as `node`.
    """

    def __init__(self, client: KubernetesClient, image: str, folder: Path, nodes: Sequence[str] = ()) -> None:
        self.client = client
        self.image = image
        self.folder = folder
        self.nodes = nodes

    def job(self, name: str, script: str, spec: Mapping[str, Any] | None = None, **pod: Any) -> dict[str, Any]:
        """Return a Job with one container, as dagster-k8s makes it for a step.

        Args:
            name: Its name.
            script: What the shell in its container runs.
            spec: What else is in its specification.
            pod: What else is in the specification of its pod; of its container, `image` and `mounts`.
        """
        metadata = {"name": name, "labels": {"dagster/job": "training", "dagster/op": "fit"}}
        container = {
            "name": "dagster",
            "image": pod.pop("image", self.image),
            "imagePullPolicy": "IfNotPresent",
            "args": ["sh", "-c", script],
            "env": [{"name": "DAGSTER_RUN_STEP_KEY", "value": "fit"}],
            "resources": {},
        }
        if "mounts" in pod:
            container["volumeMounts"] = pod.pop("mounts")
        # Of the network of the node, for clusters that have no other.
        of_pod = {"containers": [container], "hostNetwork": True, "restartPolicy": "Never", **pod}
        template = {"metadata": metadata, "spec": {**of_pod, "terminationGracePeriodSeconds": 2}}
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": metadata,
            "spec": {"backoffLimit": 0, "template": template, **(spec or {})},
        }

    def record(
        self,
        name: str,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        """Ask, and write the answer to a file."""
        code, answer = self.client.ask(method, path, body, query, user)
        asked = {"method": method, "path": path, "query": dict(query or {})}
        self.write(name, {"request": asked, "code": code, "answer": answer})

    def write(self, name: str, found: Any) -> None:
        """Write a file, in which nothing differs from one recording to the next."""
        text = json.dumps(_without(found, "managedFields"), indent=1, sort_keys=True)
        for pattern, replacement in REPLACED.items():
            text = re.sub(pattern, replacement, text)
        for node in self.nodes:
            text = re.sub(rf"(?<=[\"/ ]){re.escape(node)}(?=[\"/])", "node", text)
        (self.folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")

    def create(self, name: str, script: str = "sleep 600", spec: Mapping[str, Any] | None = None, **pod: Any) -> None:
        """Create a Job."""
        self.client.need("POST", JOBS, self.job(name, script, spec, **pod))

    def create_overdue(self, name: str, seconds: int, **pod: Any) -> None:
        """Create a Job with a deadline, and wait until that is over and the Job has a failed pod.

        Now and then Kubernetes 1.20 forgets to count it. Such a Job is deleted, and created again.
        """
        status: Any = {}
        while "failed" not in status:
            self.client.ask("DELETE", f"{JOBS}/{name}", query={"propagationPolicy": "Background"})
            self.wait_for_end(f"{JOBS}/{name}")
            self.create(name, spec={"activeDeadlineSeconds": seconds}, **pod)
            status = self.wait_for_job(name, "conditions")
        wait_for(lambda: not self.pods(name), f"the end of the pods of {name}", WAIT_SECONDS)

    def pods(self, job: str) -> list[Any]:
        return self.client.need("GET", f"{CORE}/pods", query={"labelSelector": f"job-name={job}"})["items"]

    def wait_for_pod(self, job: str, holds: Callable[[Any], Any]) -> str:
        """Wait until something holds of the pod of a Job, and return its name."""

        def found() -> str | None:
            return next((pod["metadata"]["name"] for pod in self.pods(job) if holds(pod)), None)

        return str(wait_for(found, f"the pod of {job}", WAIT_SECONDS))

    def wait_for_job(self, name: str, field: str) -> Any:
        """Wait until the status of a Job has a field, and return the status."""

        def found() -> Any:
            status = self.client.need("GET", f"{JOBS}/{name}")["status"]
            return field in status and status

        return wait_for(found, f"{field} of {name}", WAIT_SECONDS)

    def wait_for_event(self, of: str, reason: str) -> None:
        query = {"fieldSelector": f"involvedObject.name={of}"}

        def found() -> bool:
            events = self.client.need("GET", f"{CORE}/events", query=query)["items"]
            return any(event["reason"] == reason for event in events)

        wait_for(found, f"{reason} of {of}", WAIT_SECONDS)

    def wait_for_end(self, path: str) -> None:
        wait_for(lambda: self.client.find(path) is None, f"the end of {path}", WAIT_SECONDS)

    @contextmanager
    def quota(self, name: str, limit: int) -> Iterator[None]:
        """Have a quota until the end of the block."""
        path = f"{CORE}/resourcequotas"
        self.client.need("POST", path, {"metadata": {"name": "small"}, "spec": {"hard": {name: str(limit)}}})
        wait_for(lambda: self.client.need("GET", f"{path}/small")["status"].get("used"), "the quota", WAIT_SECONDS)
        yield
        self.client.need("DELETE", f"{path}/small")
        self.wait_for_end(f"{path}/small")

    def record_state(self, state: str, pod: str | None) -> None:
        """Record what dagster-k8s asks of a Job and its pod."""
        name = f"step-{state}"
        self.record(f"job_{state}", "GET", f"{JOBS}/{name}/status")
        self.record(f"pods_of_job_{state}", "GET", f"{CORE}/pods", query={"labelSelector": f"job-name={name}"})
        self.record_events(f"events_of_job_{state}", name)
        if pod:
            self.record_events(f"events_of_pod_{state}", pod)
            self.record_log(f"log_{state}", pod)

    def record_events(self, name: str, of: str) -> None:
        self.record(name, "GET", f"{CORE}/events", query={"fieldSelector": f"involvedObject.name={of}"})

    def record_log(self, name: str, pod: str, container: str = "dagster", **query: str) -> None:
        self.record(name, "GET", f"{CORE}/pods/{pod}/log", query={"container": container, **query})


def record(recorder: Recorder) -> None:
    """Record everything."""
    record_creation(recorder)
    record_running(recorder)
    record_ends(recorder)
    record_what_never_starts(recorder)
    record_replacement(recorder)
    record_deletion(recorder)
    record_nothing(recorder)


def record_creation(recorder: Recorder) -> None:
    running = recorder.job("step-running", f"trap '' TERM; {SAY}; sleep 600")
    recorder.record("create_job", "POST", JOBS, running)
    recorder.record("create_job_again", "POST", JOBS, running)
    mounts = [{"name": "data", "mountPath": "/mnt/data"}]
    recorder.record("create_job_invalid", "POST", JOBS, recorder.job("step-invalid", "true", mounts=mounts))
    recorder.record("create_job_forbidden", "POST", JOBS, recorder.job("step-forbidden", "true"), user=STRANGER)
    with recorder.quota("count/jobs.batch", 1):
        recorder.record("create_job_over_quota", "POST", JOBS, recorder.job("step-quota", "true"))


def record_running(recorder: Recorder) -> None:
    pod = recorder.wait_for_pod("step-running", _is_in("Running"))
    recorder.wait_for_job("step-running", "active")
    wait_for(lambda: recorder.client.need("GET", f"{CORE}/pods/{pod}/log").count("\n") == 3, "its log", WAIT_SECONDS)
    recorder.record_state("running", pod)
    recorder.record("pod_running", "GET", f"{CORE}/pods/{pod}")
    recorder.record("list_job", "GET", JOBS, query={"fieldSelector": "metadata.name=step-running"})
    recorder.record("list_pod", "GET", f"{CORE}/pods", query={"fieldSelector": f"metadata.name={pod}"})
    recorder.record_log("log_tail", pod, tailLines="2")
    recorder.record_log("log_with_times", pod, tailLines="25", timestamps="True")
    recorder.record_log("log_of_unknown_container", pod, "other")


def record_ends(recorder: Recorder) -> None:
    recorder.create("step-succeeded", SAY)
    recorder.create("step-failed", f"{SAY}; exit 3")
    kill = "sh -c 'kill -9 $PPID'; sleep 600"
    recorder.create("step-killed", f"{SAY}; {kill}", shareProcessNamespace=True)  # or it would be init, and stay
    recorder.create("step-evicted", "dd if=/dev/zero of=/scratch/file bs=1M count=9; sleep 600", **FULL)
    for state, phase in (("succeeded", "Succeeded"), ("failed", "Failed"), ("killed", "Failed")):
        pod = recorder.wait_for_pod(f"step-{state}", _is_in(phase))
        recorder.wait_for_job(f"step-{state}", "conditions")
        recorder.record_state(state, pod)
    recorder.create_overdue("step-late", 3)
    recorder.record_state("late", None)
    pod = recorder.wait_for_pod("step-evicted", lambda pod: pod["status"].get("reason") == "Evicted")
    recorder.wait_for_job("step-evicted", "conditions")
    recorder.wait_for_event(pod, "Evicted")
    recorder.record_state("evicted", pod)


def record_what_never_starts(recorder: Recorder) -> None:
    recorder.create("step-unschedulable", **NO_NODE)
    pod = recorder.wait_for_pod("step-unschedulable", lambda pod: "conditions" in pod["status"])
    recorder.wait_for_event(pod, "FailedScheduling")
    recorder.record_state("unschedulable", pod)
    recorder.create("step-unpullable", image="registry.invalid/nothing:1.0")
    pod = recorder.wait_for_pod("step-unpullable", lambda pod: _waits_for(pod) == "ImagePullBackOff")
    recorder.record_state("unpullable", pod)
    recorder.create_overdue("step-overdue", 1, **NO_NODE)
    recorder.record_state("overdue", None)
    with recorder.quota("pods", 0):
        recorder.create("step-podless", spec={"activeDeadlineSeconds": 1})
        recorder.wait_for_event("step-podless", "FailedCreate")
        time.sleep(2)  # its deadline ends nothing
        recorder.record_state("podless", None)


def record_replacement(recorder: Recorder) -> None:
    """Record what becomes of a Job whose pod somebody deletes."""
    recorder.create("step-drained")
    old = recorder.wait_for_pod("step-drained", _is_in("Running"))
    recorder.client.need("DELETE", f"{CORE}/pods/{old}")
    recorder.wait_for_end(f"{CORE}/pods/{old}")
    pod = recorder.wait_for_pod("step-drained", _is_in("Running"))
    path = f"{JOBS}/step-drained"
    wait_for(lambda: "failed" not in recorder.client.need("GET", path)["status"], "its status", WAIT_SECONDS)
    recorder.record_state("drained", pod)


def record_deletion(recorder: Recorder) -> None:
    """Record how Jobs and pods are deleted: as dagster-k8s does, which says nothing of a policy, and with one."""
    pod = recorder.wait_for_pod("step-running", _is_in("Running"))
    recorder.record("delete_job", "DELETE", f"{JOBS}/step-running")
    recorder.wait_for_end(f"{JOBS}/step-running")
    recorder.record("pod_without_job", "GET", f"{CORE}/pods/{pod}")
    recorder.record("delete_pod", "DELETE", f"{CORE}/pods/{pod}")
    recorder.record("pod_deleted", "GET", f"{CORE}/pods/{pod}")
    for policy in ("Background", "Foreground"):
        name = f"step-{policy.lower()}"
        recorder.create(name)
        recorder.wait_for_pod(name, _is_in("Running"))
        query = {"propagationPolicy": policy}
        recorder.record(f"delete_job_in_{policy.lower()}", "DELETE", f"{JOBS}/{name}", query=query)
        wait_for(lambda: not recorder.pods(name), f"the end of the pods of {name}", WAIT_SECONDS)  # noqa: B023


def record_nothing(recorder: Recorder) -> None:
    recorder.record("job_unknown", "GET", f"{JOBS}/step-unknown/status")
    recorder.record("delete_job_unknown", "DELETE", f"{JOBS}/step-unknown")
    recorder.record("list_job_unknown", "GET", JOBS, query={"fieldSelector": "metadata.name=step-unknown"})
    recorder.record("pod_unknown", "GET", f"{CORE}/pods/step-unknown")
    recorder.record("delete_pod_unknown", "DELETE", f"{CORE}/pods/step-unknown")
    recorder.record_log("log_of_pod_unknown", "step-unknown")
    query = {"labelSelector": "job-name=step-unknown"}
    recorder.record("pods_of_job_unknown", "GET", f"{CORE}/pods", query=query)
    recorder.record_events("events_of_unknown", "step-unknown")


def _is_in(phase: str) -> Callable[[Any], bool]:
    return lambda pod: pod["status"].get("phase") == phase


def _waits_for(pod: Any) -> str | None:
    state = next((status["state"] for status in pod["status"].get("containerStatuses", [])), {})
    return state.get("waiting", {}).get("reason")


def _without(found: Any, key: str) -> Any:
    if isinstance(found, dict):
        return {name: _without(value, key) for name, value in found.items() if name != key}
    return [_without(value, key) for value in found] if isinstance(found, list) else found


def main(arguments: Sequence[str]) -> None:
    """Record everything anew."""
    client = KubernetesClient(os.environ["KUBECONFIG"])
    nodes = [node["metadata"]["name"] for node in client.need("GET", "/api/v1/nodes")["items"]]
    recorder = Recorder(client, arguments[0] if arguments else "busybox", FOLDER, nodes)
    if client.find(f"/api/v1/namespaces/{NAMESPACE}"):
        sys.exit(f"There is a namespace {NAMESPACE!r} already.")
    client.need("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    try:
        wait_for(lambda: client.find(f"{CORE}/serviceaccounts/default"), "the service account", WAIT_SECONDS)
        recorder.write("version", client.need("GET", "/version"))
        record(recorder)
    finally:
        client.need("DELETE", f"/api/v1/namespaces/{NAMESPACE}")
        client.close()


if __name__ == "__main__":
    main(sys.argv[1:])
