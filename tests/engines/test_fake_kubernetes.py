"""`fake_kubernetes` answers what a real Kubernetes has answered to the same requests.

`record_kubernetes` sends them to both. What the real one has answered is in `recorded_kubernetes`, and in `version.json`
there which one it was. An answer of the fake may say less than the real one; what it says has to be the same, and what
dagster-k8s and dagster-celery-k8s read has to be there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from engine_servers import need_modules
from fake_kubernetes import fake_kubernetes

RECORDED = Path(__file__).with_name("recorded_kubernetes")
NAMES = sorted(file.stem for file in RECORDED.glob("*.json") if file.stem != "version")

CONTAINER = "status.containerStatuses.0"
# What is read in an answer.
READ = {
    "Job": (
        "metadata.name",
        "status.active",
        "status.succeeded",
        "status.failed",
        "status.startTime",
        "status.conditions",
    ),
    "Pod": (
        *("metadata.name", "metadata.labels", "metadata.deletionTimestamp", "spec.restartPolicy"),
        *("status.phase", "status.reason", "status.message"),
        *(f"{CONTAINER}.{field}" for field in ("name", "ready", "restartCount", "state.running", "lastState")),
        *(f"{CONTAINER}.state.waiting.reason", f"{CONTAINER}.state.waiting.message"),
        *(f"{CONTAINER}.state.terminated.{field}" for field in ("exitCode", "reason", "message")),
    ),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What the fake answers to the requests of the recorder."""
    need_modules("kubernetes")
    from kubernetes_client import KubernetesClient  # noqa: PLC0415
    from record_kubernetes import Recorder, record  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("answers")
    image = recorded("create_job")["answer"]["spec"]["template"]["spec"]["containers"][0]["image"]
    with fake_kubernetes() as cluster:
        client = KubernetesClient(str(cluster.write_kubeconfig(folder / "kubeconfig.yaml")))
        record(Recorder(client, image, folder))
        client.close()
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*.json")}


@pytest.mark.parametrize("name", NAMES)
def test_the_fake_answers_as_a_real_cluster_has_answered(name: str, answers: Mapping[str, Any]) -> None:
    real, fake = recorded(name), answers[name]
    assert fake["request"] == real["request"]
    assert fake["code"] == real["code"]
    assert differences(fake["answer"], real["answer"]) == []
    if real["code"] >= 400 or isinstance(real["answer"], str):
        assert fake["answer"] == real["answer"]
        return
    kind = real["answer"]["kind"]
    assert fake["answer"]["kind"] == kind
    if kind == "EventList":
        assert warnings(fake["answer"]) == warnings(real["answer"])
    elif kind in READ:
        assert read(kind, fake["answer"]) == read(kind, real["answer"])
    elif kind.endswith("List"):
        items, of_real = ([read(kind[:-4], item) for item in found["answer"]["items"]] for found in (fake, real))
        assert items == of_real


def test_everything_that_is_recorded_is_asked(answers: Mapping[str, Any]) -> None:
    assert sorted(answers) == NAMES


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))


def differences(fake: Any, real: Any, place: str = "") -> list[str]:
    """Return where an answer says what the real one does not say: a key, an item of a list, or another value."""
    if isinstance(fake, dict) and isinstance(real, dict):
        return [
            each
            for key in fake
            for each in (
                differences(fake[key], real[key], f"{place}.{key}") if key in real else [f"{place}.{key} is unknown"]
            )
        ]
    if isinstance(fake, list) and isinstance(real, list):
        tried = ([differences(value, other, f"{place}.*") for other in real] for value in fake)
        return [each for value in tried for each in min(value, key=len, default=[f"{place}.* is unknown"])]
    return [] if fake == real else [f"{place}: {fake!r}, not {real!r}"]


def warnings(events: Any) -> set[str]:
    return {event["reason"] for event in events["items"] if event["type"] == "Warning"}


def read(kind: str, thing: Any) -> dict[str, Any]:
    """Return what is read of a Job or a pod."""
    return {path: at(thing, path) for path in READ[kind]}


def at(thing: Any, path: str) -> Any:
    """Return the value at a path, or None."""
    for part in path.split("."):
        if isinstance(thing, list):
            thing = thing[int(part)] if len(thing) > int(part) else None
        elif thing is not None:
            thing = thing.get(part)
    return thing
