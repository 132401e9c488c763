"""What every test shares: no telemetry, and a Dagster instance of its own."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("comparing", "helpers", "history_model")
os.environ["DO_NOT_TRACK"] = "1"
os.environ["KEDRO_DISABLE_TELEMETRY"] = "1"
os.environ.pop("KEDRO_ENV", None)
# The same examples each time, so that it is the change that makes a test fail; who asks for more draws new ones.
settings.register_profile(
    "tests", max_examples=30, deadline=None, print_blob=True, derandomize="KEDRO_ASSETS_EXAMPLES" not in os.environ
)
settings.load_profile("tests")

import dagster as dg  # noqa: E402
from helpers import forget_loggers  # noqa: E402
from kedro.framework.project import LOGGING  # noqa: E402

from kedro_assets._internals import dagster_storage  # noqa: E402

# Every instance of Dagster that a test makes reads the same ninety files.
dagster_storage.read_migrations_once()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what the lowest version of Dagster does not have."""
    if item.get_closest_marker("newer_jobs") and not hasattr(dg.AutomationCondition, "any_job_root_assets_match"):
        pytest.skip("this Dagster has no owners and conditions of jobs")


@pytest.fixture(scope="module", autouse=True)
def logging_as_found() -> Iterator[None]:
    """Let no test file change what is logged in those after it: projects bring configurations of their own."""
    found = [logging.root, logging.getLogger("kedro"), logging.getLogger("kedro_assets")]
    before = [(logger, logger.level, logger.disabled, logger.propagate) for logger in found]
    known = set(LOGGING.get("loggers", {}))
    yield
    logging.disable(logging.NOTSET)
    for logger, level, disabled, propagate in before:
        logger.setLevel(level)
        logger.disabled, logger.propagate = disabled, propagate
    forget_loggers(set(LOGGING.get("loggers", {})) - known)


@pytest.fixture(scope="module")
def dagster_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A DAGSTER_HOME that the tests of one file and the processes they start share; those of other files have other assets."""
    home = tmp_path_factory.mktemp("dagster_home")
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    before = os.environ.get("DAGSTER_HOME")
    os.environ["DAGSTER_HOME"] = str(home)
    yield home
    if before is None:
        del os.environ["DAGSTER_HOME"]
    else:
        os.environ["DAGSTER_HOME"] = before


@pytest.fixture(scope="module")
def instance(dagster_home: Path) -> Iterator[dg.DagsterInstance]:
    """The instance in `dagster_home`."""
    with dg.DagsterInstance.get() as found:
        yield found
