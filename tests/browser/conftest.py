"""One server and one browser for all tests of the UI."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from dagster_ui import DagsterUI, Workspace, copy_example, find_chromium, launch_chromium, new_page, serving
from playwright.sync_api import Browser, Page, sync_playwright

NO_CHROMIUM = "Chromium is not installed: `apt-get install chromium`, or `playwright install chromium`."


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium; where none is installed the tests are skipped, but not in continuous integration."""
    with sync_playwright() as playwright:
        path = find_chromium(playwright)
        if path is None and os.environ.get("CI") == "true":
            pytest.fail(NO_CHROMIUM)
        if path is None:
            pytest.skip(NO_CHROMIUM)
        with launch_chromium(playwright, path) as launched:
            yield launched


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of the example."""
    return copy_example(tmp_path_factory.mktemp("ui"))


@pytest.fixture(scope="session")
def ui(browser: Browser, workspace: Workspace) -> Iterator[DagsterUI]:
    """The UI on it; `browser` comes first, as nothing needs a server without one."""
    with serving(workspace) as served:
        yield served


@pytest.fixture(scope="session")
def listed(ui: DagsterUI, workspace: Workspace) -> dict:
    """What `kedro assets list` says of it."""
    return workspace.listed()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a visitor who comes for the first time, with few of the pixels, as a processor has to draw them all."""
    opened = new_page(browser, device_scale_factor=0.25)
    yield opened
    opened.context.close()
