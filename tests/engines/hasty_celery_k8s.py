"""The Celery app of dagster-celery-k8s, whose tasks look after their pods several times a second, not every ten seconds."""

import time
from typing import Any

from dagster_celery_k8s.app import app
from dagster_k8s.client import DagsterKubernetesClient

__all__ = ["app"]

POLL_SECONDS = 0.3

production_client = DagsterKubernetesClient.production_client


def hasty_client(*overrides: Any, **more: Any) -> DagsterKubernetesClient:
    client = production_client(*overrides, **more)
    client.sleeper = lambda seconds: time.sleep(min(seconds, POLL_SECONDS))
    return client


DagsterKubernetesClient.production_client = staticmethod(hasty_client)
