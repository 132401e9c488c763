"""Whether the memory and the descriptors of a process stay as they are."""

from __future__ import annotations

import statistics
import threading
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from soak.deployment import Deployment, Process

SAMPLE_SECONDS = 5
WARM_UP = 0.3
"""The part of the samples that is left out: modules are imported, and caches filled."""
ENOUGH_SAMPLES = 24
MOST_MEGABYTES = 12
"""What may be added after the warm-up, besides a share of the whole."""
MOST_SHARE = 0.1
MOST_DESCRIPTORS = 6


@dataclass(frozen=True)
class Growth:
    """How a process has changed after its warm-up, from the first third of the samples to the last.

    Attributes:
        service: What it is.
        minutes: How long it was watched after the warm-up.
        megabytes: The medians of its memory.
        descriptors: The fewest descriptors, as each run that goes on has some.
    """

    service: str
    minutes: float
    megabytes: tuple[float, float]
    descriptors: tuple[float, float]

    def is_flat(self) -> bool:
        (before, after), (few, many) = self.megabytes, self.descriptors
        return after - before <= max(MOST_MEGABYTES, MOST_SHARE * before) and many - few <= MOST_DESCRIPTORS


class Watch:
    """Looks at the services of a deployment in a thread of its own, until `close`."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._samples: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._closed.wait(SAMPLE_SECONDS):
            for name, service in self._deployment.services.items():
                with suppress(OSError, AssertionError):
                    process = Process(service.pid, 0, "", "")
                    self._samples[name, service.pid].append((process.megabytes, process.descriptors))

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def growth(self) -> list[Growth]:
        """Return how the last process of each service has changed, if it was watched for long enough."""
        last = {name: samples for (name, _), samples in self._samples.items()}
        return [
            growth_of(name, samples, len(samples) * SAMPLE_SECONDS / 60)
            for name, samples in last.items()
            if len(samples) >= ENOUGH_SAMPLES
        ]


def growth_of(service: str, samples: Sequence[tuple[float, float]], minutes: float) -> Growth:
    """Say how a process has changed.

    Args:
        service: What it is.
        samples: Its megabytes and descriptors, of at least three times.
        minutes: How long it was watched.
    """
    warm = samples[int(len(samples) * WARM_UP) :]
    third = len(warm) // 3
    first, last = warm[:third], warm[-third:]
    megabytes = (statistics.median(each[0] for each in first), statistics.median(each[0] for each in last))
    descriptors = (min(each[1] for each in first), min(each[1] for each in last))
    return Growth(service, round(minutes * len(warm) / len(samples), 1), megabytes, descriptors)
