"""The Jobs and pods of `fake_kubernetes`, and how they describe themselves. A pod is a local process."""

from __future__ import annotations

import random
import re
import shutil
import string
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

from fake_docker import LocalProcess

NO_NODE = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity."
NO_HOST = (
    'rpc error: code = Unknown desc = Error response from daemon: Get "https://{host}/v2/": dial tcp: lookup {host} on '
    "10.0.0.1:53: no such host"
)
OVERDUE = "Job was active longer than specified deadline"
EXCEEDED = "Job has reached the specified backoff limit"
EVICTION_SECONDS = 2
UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def now() -> str:
    return f"{datetime.now(tz=timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


@dataclass
class Pod:
    """A pod, which runs the command of its first container.

    Attributes:
        name: Its name.
        namespace: Its namespace.
        template: Its specification with its metadata, in the words of the API.
        job: The name of the Job that it belongs to.
        job_uid: The id of that.
        uid: Its id.
        created: When it was created.
        scheduled: Whether there is a node for it.
        pulled: Whether there is an image for it.
        process: What runs in it, once it has started.
        evicted: What it was evicted for.
        deleted_at: When somebody has asked for its end.
        deleted: Whether it is no longer here.
        folders: The folders of its volumes of the kind `emptyDir`, by the names of these.
    """

    name: str
    namespace: str
    template: Mapping[str, Any]
    job: str
    job_uid: str
    uid: str = field(default_factory=lambda: str(uuid4()))
    created: str = field(default_factory=now)
    scheduled: bool = True
    pulled: bool = True
    process: LocalProcess | None = None
    evicted: str | None = None
    deleted_at: str | None = None
    deleted: bool = False
    folders: dict[str, Path] = field(default_factory=dict)
    _ending: threading.Thread | None = None

    @property
    def container(self) -> Mapping[str, Any]:
        return self.template["spec"]["containers"][0]

    @property
    def phase(self) -> str:
        if self.evicted:
            return "Failed"
        if self.process is None:
            return "Pending"
        code = self.process.exit_code()
        return "Running" if code is None else "Failed" if code else "Succeeded"

    @property
    def has_ended(self) -> bool:
        return self.phase in ("Failed", "Succeeded")

    def start(self, environment: Mapping[str, str]) -> None:
        """Run the command, with the volumes at paths that are free on this machine."""
        command = [*(self.container.get("command") or []), *(self.container.get("args") or [])]
        for volume in self.template["spec"].get("volumes") or []:
            if "emptyDir" in volume:
                self.folders[volume["name"]] = Path(tempfile.mkdtemp(prefix="volume_"))
        for mount in self.container.get("volumeMounts") or []:
            if mount["name"] in self.folders:
                here = str(self.folders[mount["name"]])
                command = [part.replace(mount["mountPath"], here) for part in command]
        self.process = LocalProcess(command, environment)

    def look_after(self) -> None:
        """Evict it if one of its volumes has more in it than it may have."""
        for volume in self.template["spec"].get("volumes") or []:
            limit = (volume.get("emptyDir") or {}).get("sizeLimit")
            folder = self.folders.get(volume["name"])
            if limit and folder and self.phase == "Running" and _size(folder) > _bytes(limit):
                self.evicted = f'Usage of EmptyDir volume "{volume["name"]}" exceeds the limit "{limit}". '
                self._stop(EVICTION_SECONDS, self.process.stop)

    def delete(self) -> None:
        """End what runs in it, which has some seconds for that, and be here until then."""
        if self.deleted_at:
            return
        self.deleted_at = now()
        if self.process is None:
            self.deleted = True
            return
        self._stop(self.grace, self._end)

    def _stop(self, seconds: float, stop: Callable[[float], None]) -> None:
        self._ending = threading.Thread(target=stop, args=(seconds,))
        self._ending.start()

    def _end(self, seconds: float) -> None:
        self.process.stop(seconds)
        self.deleted = True

    def events(self) -> list[dict[str, Any]]:
        """Return what the cluster has noted down of it."""
        found = []
        if not self.scheduled:
            return [event(self.described(), {}, "Warning", "FailedScheduling", NO_NODE)]
        if not self.pulled:
            image = self.container["image"]
            why = NO_HOST.format(host=image.partition("/")[0])
            found = [("Failed", f'Failed to pull image "{image}": {why}'), ("Failed", "Error: ImagePullBackOff")]
        if self.evicted:
            found.append(("Evicted", self.evicted))
        kubelet = {"component": "kubelet", "host": "node"}
        return [event(self.described(), kubelet, "Warning", *each) for each in found]

    def close(self) -> None:
        """Kill what runs in it, and forget what it has written."""
        if self.process:
            self.process.kill()
        if self._ending:
            self._ending.join()
        if self.process:
            self.process.close()
        for folder in self.folders.values():
            shutil.rmtree(folder, ignore_errors=True)

    def described(self) -> dict[str, Any]:
        """Return it in the words of the API."""
        metadata = {**self.template.get("metadata", {}), **_identity(self.name, self.namespace, self.uid, self.created)}
        owner = {"job-name": self.job, "controller-uid": self.job_uid}
        metadata["labels"] = {**metadata.get("labels", {}), **owner}
        if self.deleted_at:
            metadata |= {"deletionTimestamp": self.deleted_at, "deletionGracePeriodSeconds": self.grace}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {**self.template["spec"], **({"nodeName": "node"} if self.scheduled else {})},
            "status": self._status(),
        }

    @property
    def grace(self) -> int:
        """How many seconds it has to end."""
        return self.template["spec"].get("terminationGracePeriodSeconds", 30)

    def _status(self) -> dict[str, Any]:
        if self.evicted:
            return {"phase": "Failed", "reason": "Evicted", "message": self.evicted, "startTime": self.created}
        if not self.scheduled:
            return {"phase": "Pending", "conditions": [_condition("PodScheduled", "Unschedulable", NO_NODE)]}
        return {"phase": self.phase, "startTime": self.created, "containerStatuses": [self._container_status()]}

    def _container_status(self) -> dict[str, Any]:
        code = self.process.exit_code() if self.process else None
        image = self.container["image"]
        times = {"startedAt": self.created, "finishedAt": now()}
        if not self.process:
            state: dict[str, Any] = {
                "waiting": {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}"'}
            }
        elif code is None:
            state = {"running": {"startedAt": self.created}}
        else:
            state = {"terminated": {**times, "exitCode": code, "reason": "Error" if code else "Completed"}}
        return {
            "name": self.container["name"],
            "image": image,
            "imageID": f"docker://sha256:{0:064}" if self.process else "",
            "ready": bool(self.process) and code is None,
            "restartCount": 0,
            "started": bool(self.process) and code is None,
            "state": state,
            "lastState": {},
        }


@dataclass
class Job:
    """A Job.

    Attributes:
        namespace: Its namespace.
        asked: What it was created with, in the words of the API.
        pods: Its pod, if it could be created, after those that somebody has deleted.
        refused: Why it could not.
        uid: Its id.
        created: When it was created.
        ended: When its deadline was over.
        deleted: Whether it is no longer here.
    """

    namespace: str
    asked: Mapping[str, Any]
    pods: list[Pod] = field(default_factory=list)
    refused: str | None = None
    uid: str = field(default_factory=lambda: str(uuid4()))
    created: str = field(default_factory=now)
    ended: str | None = None
    deleted: bool = False
    _start: float = field(default_factory=time.monotonic)
    _failed: int = 0

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

    @property
    def needs_pod(self) -> bool:
        """Whether it has none, or somebody has deleted the one that it had."""
        return not (self.deleted or self.ended) and all(pod.deleted_at for pod in self.pods)

    def new_pod(self) -> Pod:
        """Add a pod."""
        ending = "".join(random.choices(string.ascii_lowercase, k=5))
        self.pods.append(Pod(f"{self.name}-{ending}", self.namespace, self.template, self.name, self.uid))
        return self.pods[-1]

    def look_after(self) -> None:
        """Do what Kubernetes does as time goes by: evict pods, and delete them after the deadline."""
        for pod in self.pods:
            pod.look_after()
        seconds = self.asked["spec"].get("activeDeadlineSeconds")
        over = seconds is not None and time.monotonic() > self._start + seconds
        if not over or self.refused or self.ended or self._counts().keys() & {"succeeded", "failed"}:
            return
        self.ended = now()
        for pod in self.pods:
            self._failed += not pod.deleted
            pod.delete()

    def described(self) -> dict[str, Any]:
        """Return it in the words of the API."""
        identity = _identity(self.name, self.namespace, self.uid, self.created)
        metadata = {**self.asked["metadata"], **identity}
        return {**self.asked, "metadata": metadata, "status": self._status()}

    def events(self) -> list[dict[str, Any]]:
        """Return what the cluster has noted down of it and its pods."""
        found = []
        if self.refused:
            found.append(self._event("Warning", "FailedCreate", f"Error creating: {self.refused}"))
        for pod in self.pods:
            found.append(self._event("Normal", "SuccessfulCreate", f"Created pod: {pod.name}"))
            found += pod.events()
        condition = self._condition()
        if condition and condition["type"] == "Complete":
            found.append(self._event("Normal", "Completed", "Job completed"))
        elif condition:
            found.append(self._event("Warning", condition["reason"], condition["message"]))
        return found

    def _event(self, kind: str, reason: str, message: str) -> dict[str, Any]:
        return event(self.described(), {"component": "job-controller"}, kind, reason, message)

    def _condition(self) -> dict[str, Any] | None:
        """Return what its status says of its end."""
        counts = self._counts()
        ended = {"status": "True", "lastProbeTime": now()}
        if "succeeded" in counts:
            return {"type": "Complete", "lastTransitionTime": now(), **ended}
        if self.ended:
            return {**_condition("Failed", "DeadlineExceeded", OVERDUE), **ended}
        if "failed" in counts:
            return {**_condition("Failed", "BackoffLimitExceeded", EXCEEDED), **ended}
        return None

    def _status(self) -> dict[str, Any]:
        if self.refused:  # it does not start without a pod
            return {}
        status: dict[str, Any] = {"startTime": self.created, **self._counts()}
        condition = self._condition()
        if condition:
            status["conditions"] = [condition]
            if condition["type"] == "Complete":
                status["completionTime"] = now()
        return status

    def _counts(self) -> dict[str, int]:
        """How many pods there are of each kind; of none, nothing is said."""
        found = {"active": 0, "succeeded": 0, "failed": self._failed}
        for pod in self.pods:
            if not pod.deleted_at:
                found[{"Succeeded": "succeeded", "Failed": "failed"}.get(pod.phase, "active")] += 1
        return {name: count for name, count in found.items() if count}


def event(of: Mapping[str, Any], source: Mapping[str, str], kind: str, reason: str, message: str) -> dict[str, Any]:
    """Return an event of a Job or a pod."""
    metadata = of["metadata"]
    about = {"apiVersion": of["apiVersion"], "kind": of["kind"], "name": metadata["name"]}
    return {
        "metadata": _identity(
            f"{metadata['name']}.{random.getrandbits(64):016x}", metadata["namespace"], str(uuid4()), now()
        ),
        "involvedObject": {**about, "namespace": metadata["namespace"], "uid": metadata["uid"]},
        "type": kind,
        "reason": reason,
        "message": message,
        "source": source,
    }


def _identity(name: str, namespace: str, uid: str, created: str) -> dict[str, Any]:
    found = {"name": name, "namespace": namespace, "uid": uid, "creationTimestamp": created}
    return {**found, "resourceVersion": "1"}


def _condition(kind: str, reason: str, message: str) -> dict[str, Any]:
    return {"type": kind, "status": "False", "reason": reason, "message": message, "lastTransitionTime": now()}


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _bytes(quantity: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([A-Z]i)?", quantity).groups()
    return int(number) * UNITS.get(unit, 1)
