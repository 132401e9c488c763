"""Random histories of small projects: after each action Dagster's own reasoning comes to what is true.

The environment variable KEDRO_ASSETS_EXAMPLES says how many histories are drawn, 50 without it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from histories import Action, SmallProject, histories
from history_model import world
from hypothesis import HealthCheck, given, note, settings
from kedro.framework.project import LOGGING, configure_logging

EXAMPLES = int(os.environ.get("KEDRO_ASSETS_EXAMPLES", "50"))
RANDOM = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Namespace .* is interrupted:UserWarning"),
    pytest.mark.filterwarnings("ignore:Parameter `include_sources`"),
]


@pytest.fixture(scope="module", autouse=True)
def quiet_console() -> Iterator[None]:
    """Write no log lines to the terminal, which would take a third of the time."""
    before = LOGGING.data
    loggers = {"kedro": {"level": "INFO"}}
    configure_logging({"version": 1, "disable_existing_loggers": False, "loggers": loggers, "root": {"handlers": []}})
    yield
    configure_logging(before)


@pytest.fixture(scope="module")
def in_memory() -> Iterator[dg.DagsterInstance]:
    """One instance for all examples: it takes longer to make one than to use it."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@settings(RANDOM)
@given(history=histories())
def test_dagster_knows_what_is_true_after_every_action(
    history: tuple[SmallProject, tuple[Action, ...]], tmp_path: Path, in_memory: dg.DagsterInstance
) -> None:
    project, actions = history
    note(f"\n{project}\n\n" + "\n".join(map(str, actions)))
    with world(project, tmp_path, in_memory) as found:
        found.automation.settle()
        for action in actions:
            found.do(action)
            found.check_staleness()
            found.automation.settle()
            found.sensors.look()
            found.automation.settle()
            found.check_staleness()
