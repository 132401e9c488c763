"""Dagster's UI on a copy of the example project, and a browser to look at it with.

For the tests of this folder and for docs/screenshots.py.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Playwright
from servers import Server, web_server

EXAMPLE = Path(__file__).parents[2] / "examples" / "flights"
ENVIRONMENT = "fast"  # a sample of the data
WAIT_SECONDS = 60  # for something to show up on a page
CHROMIUM_OPTIONS = [
    "--no-sandbox",  # there is none in most containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Workspace:
    """A copy of the example, and a Dagster instance of its own."""

    project: Path
    dagster_home: Path

    @property
    def variables(self) -> dict[str, str]:
        """The environment of every process that works on it."""
        own = {"DAGSTER_HOME": str(self.dagster_home), "DO_NOT_TRACK": "1", "KEDRO_DISABLE_TELEMETRY": "1"}
        return {**os.environ, **own, "KEDRO_ENV": ENVIRONMENT}

    def listed(self) -> dict[str, list[dict[str, Any]]]:
        """What `kedro assets list` says; Kedro may log something before."""
        command = [sys.executable, "-m", "kedro", "assets", "list", "--json"]
        text = subprocess.check_output(command, cwd=self.project, env=self.variables, text=True)
        lines = text.splitlines()
        return json.loads("\n".join(lines[lines.index("{") :]))


class DagsterUI(Server):
    """The UI of the example."""

    @cached_property
    def code(self) -> dict[str, str]:
        """The code location, in the words of the API."""
        return self.location(EXAMPLE.name)

    def page_of(self, kind: str, name: str) -> str:
        """The address of a job or a schedule."""
        return f"{self.url}/locations/{self.code['repositoryLocationName']}/{kind}/{name}"

    def launch(self, job: str, assets: Sequence[str] | None = None, tags: Mapping[str, str] | None = None) -> str:
        """Launch a job, or some of its assets, and give the id of its run."""
        return self.start(self.code, job, assets and [key.split("/") for key in assets], tags)


def copy_example(folder: Path) -> Workspace:
    """Copy the example into a folder, without what earlier runs left in it."""
    project, home = folder / "flights", folder / "dagster_home"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("data", "__pycache__", "*.egg-info"))
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    return Workspace(project, home)


@contextmanager
def serving(workspace: Workspace) -> Iterator[DagsterUI]:
    """Run `kedro assets dev` until the end of the block."""
    command = [sys.executable, "-m", "kedro", "assets", "dev"]
    home, variables = workspace.dagster_home, workspace.variables
    with web_server(command, folder=workspace.project, home=home, variables=variables) as url:
        yield DagsterUI(url)


def find_chromium(playwright: Playwright) -> str | None:
    """Give the path of the system's Chromium, or else of Playwright's own; None where neither is installed."""
    own = playwright.chromium.executable_path
    return shutil.which("chromium") or (own if Path(own).exists() else None)


def launch_chromium(playwright: Playwright, path: str) -> Browser:
    """Start a browser that calls nobody."""
    return playwright.chromium.launch(executable_path=path, args=CHROMIUM_OPTIONS)


def new_page(browser: Browser, stored: dict[str, Any] | None = None, **options: Any) -> Page:
    """Open a page of a visitor's own.

    Args:
        browser: The browser.
        stored: What the UI finds in its local storage, in JSON.
        options: Options of Playwright's `new_context`.
    """
    context = browser.new_context(viewport={"width": 1600, "height": 1000}, **options)
    # The invitation to join Dagster's community would cover the page.
    for key, value in {"communityNux": "1", **(stored or {})}.items():
        context.add_init_script(f"localStorage.setItem({json.dumps(key)}, {json.dumps(json.dumps(value))})")
    page = context.new_page()
    page.set_default_timeout(WAIT_SECONDS * 1000)
    return page


def open_graph(page: Page, address: str) -> None:
    """Go to a page with an asset graph, and wait for it."""
    page.goto(address)
    page.get_by_label("zoom_in").wait_for()
    page.locator("foreignObject").first.wait_for()


def expand_graph(page: Page) -> None:
    """Show the assets of every group of an asset graph."""
    page.get_by_role("button").filter(has=page.get_by_label("settings", exact=True)).last.click()
    page.get_by_role("menuitem", name="Expand all groups").click()
