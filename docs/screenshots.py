"""Take the pictures of Dagster's UI that the documentation shows: `python docs/screenshots.py`.

The example project is copied, served and run first, and so is a small one with tables of Ibis; each picture is taken in light
and in dark, into docs/images.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

from dagster_ui import (  # noqa: E402 - it is shared with the tests of the UI
    ENVIRONMENT,
    DagsterUI,
    Workspace,
    copy_example,
    expand_graph,
    find_chromium,
    launch_chromium,
    new_page,
    open_graph,
    serving,
)
from servers import wait_for  # noqa: E402
from terminal_pictures import page_of, screen_of  # noqa: E402
from terminals import in_terminal  # noqa: E402

IMAGES = ROOT / "docs" / "images"
WIDTH, HEIGHT = 1600, 1000
MAX_BYTES = 300_000
SHOWN_JOB = "daily_features"
MONTHS = [f"2013-{month:02}-01" for month in range(1, 6)]
JOBS = ["everything", SHOWN_JOB, "nightly_refresh"]  # one after the other; the last leaves all assets up to date

# A project with tables of Ibis. Its node is the one that the page on data shows.
SHOP = {
    "pyproject.toml": """
[tool.kedro]
package_name = "shop"
project_name = "shop"
kedro_init_version = "1.6.0"
source_dir = "src"

[tool.dagster]
module_name = "kedro_assets.location"
""",
    "src/shop/__init__.py": "",
    "src/shop/settings.py": "",
    "src/shop/pipeline_registry.py": """
from kedro.pipeline import node, pipeline


def customer_revenue(orders, customers):
    paid = orders.mutate(paid=orders.quantity * orders.price)
    totals = paid.group_by("customer_id").agg(orders=paid.count(), revenue=paid.paid.sum())
    return totals.join(customers, "customer_id")[["name", "city", "orders", "revenue"]]


def register_pipelines():
    made = node(customer_revenue, ["shop.orders", "shop.customers"], "shop.customer_revenue", name="customer_revenue")
    return {"__default__": pipeline([made])}
""",
    "conf/base/catalog.yml": """
shop.orders: {type: ibis.FileDataset, file_format: csv, filepath: data/orders.csv}
shop.customers: {type: ibis.FileDataset, file_format: csv, filepath: data/customers.csv}
shop.customer_revenue: {type: ibis.FileDataset, filepath: data/customer_revenue.parquet}
""",
    f"conf/{ENVIRONMENT}/.gitkeep": "",
    "data/orders.csv": "id,customer_id,quantity,price\n1,1,2,3.5\n2,1,1,2.0\n3,2,4,1.0\n",
    "data/customers.csv": "customer_id,name,city\n1,Ann,Bern\n2,Bob,Rome\n",
}

START_SENSOR = """mutation ($selector: SensorSelector!) {
    startSensor(sensorSelector: $selector) {__typename ... on PythonError {message}}
}"""

# What a visitor would set by hand, as the UI keeps it.
STORED = {
    "dagster-nav-collapsed": True,
    "dagster.panel-width.run-gantt": 58,
    "dagster.panel-width.gantt-split": 100,
    "GanttChartModePreference": "waterfall",
}


def lineage(page: Page, ui: DagsterUI) -> int:
    open_graph(page, f"{ui.url}/asset-groups")
    page.get_by_label("panel_show_right").click()
    expand_graph(page)
    _settle(page)
    page.mouse.dblclick(WIDTH - 200, HEIGHT - 20)  # the graph is fitted to the page
    _settle(page)
    page.mouse.move(WIDTH - 200, HEIGHT - 20)
    page.mouse.down()
    page.mouse.move(WIDTH - 200, HEIGHT, steps=5)
    page.mouse.up()
    return HEIGHT


def asset(page: Page, ui: DagsterUI) -> int:
    page.goto(f"{ui.url}/assets/forest/model")
    page.get_by_text("kedro/run_id").wait_for()
    page.get_by_text("Downstream assets").wait_for()
    page.set_viewport_size({"width": WIDTH - 1, "height": HEIGHT})  # the asset's path is laid out anew, in full
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    return HEIGHT


def job(page: Page, ui: DagsterUI) -> int:
    open_graph(page, ui.page_of("jobs", SHOWN_JOB))
    page.get_by_text("Latest run").wait_for()
    _settle(page)
    middle = 860  # the border between graph and description
    page.mouse.move(middle, 400)
    page.mouse.down()
    page.mouse.move(middle + 380, 400, steps=10)
    page.mouse.up()
    _settle(page)
    page.mouse.dblclick(400, HEIGHT - 60)
    return HEIGHT


def schedule(page: Page, ui: DagsterUI) -> int:
    page.goto(ui.page_of("schedules", "nightly"))
    row = page.get_by_role("row", name="Running")
    row.wait_for()
    if not row.get_by_role("checkbox").is_checked():
        row.locator("label").click()
        page.get_by_text("Next tick").wait_for()
        page.reload()
    page.get_by_text("Next tick").wait_for()
    return 400


def run(page: Page, ui: DagsterUI) -> int:
    page.goto(f"{ui.url}/runs/{list(ui.runs())[-1]}")
    page.get_by_text("RUN_SUCCESS").wait_for()
    page.get_by_placeholder("Filter…").fill("materialized")
    page.mouse.move(WIDTH // 2, 300)
    page.mouse.wheel(12, 0)  # the last steps are a little too far to the right
    return HEIGHT


def partitions(page: Page, ui: DagsterUI) -> int:
    page.goto(f"{ui.url}/assets/carriers_by_month?view=partitions")
    page.get_by_text("2013-01-01").first.wait_for()
    return 700


def checks(page: Page, ui: DagsterUI) -> int:
    page.goto(f"{ui.url}/assets/monthly_summary?view=checks")
    page.get_by_text("validator").first.wait_for()
    return 700


def automation(page: Page, ui: DagsterUI) -> int:
    page.set_viewport_size({"width": WIDTH, "height": 640})
    page.goto(f"{ui.url}/assets/carriers_by_month_plot?view=automation")
    requested = page.get_by_role("row").filter(has=page.get_by_text("Requested", exact=True)).first
    requested.get_by_role("button").first.click()
    page.get_by_role("dialog").get_by_text("True").first.wait_for()
    return 640


def launchpad(page: Page, ui: DagsterUI) -> int:
    page.goto(ui.page_of("jobs", "forest_model"))
    page.get_by_role("button", name="Materialize all").locator("xpath=following::button[1]").click()
    page.get_by_role("menuitem", name="Open launchpad").click()
    page.get_by_text("No errors").wait_for()
    return HEIGHT


def plot(page: Page, ui: DagsterUI) -> int:
    page.goto(f"{ui.url}/assets/delays_by_hour_plot")
    page.get_by_text("[Show Markdown]").click()
    page.get_by_role("dialog").locator("img").wait_for()
    return 860


def columns(page: Page, ui: DagsterUI) -> int:
    page.goto(f"{ui.url}/assets/shop/customer_revenue")
    page.get_by_text("Column name").wait_for()
    return 760


# Each picture, and what else is set for it.
PICTURES: dict[Callable[[Page, DagsterUI], int], dict[str, Any]] = {
    lineage: {"asset-graph-direction": "vertical", "asset-node-facets": ["latest-event", "status", "kind-tag"]},
    asset: {},
    launchpad: {},
    job: {"asset-node-facets": ["description", "latest-event", "status", "kind-tag"]},
    schedule: {},
    run: {},
    partitions: {},
    checks: {},
    automation: {},
    plot: {},
}


def take(browser: Browser, ui: DagsterUI, pictures: dict[Callable[[Page, DagsterUI], int], dict[str, Any]]) -> None:
    for scheme in ("light", "dark"):
        for picture, stored in pictures.items():
            page = new_page(browser, STORED | stored, color_scheme=scheme, locale="en-GB")
            height = picture(page, ui)
            page.mouse.move(WIDTH // 2, 2)  # nothing is hovered over
            _settle(page)
            taken = page.screenshot(clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
            path = IMAGES / f"{picture.__name__}-{scheme}.png"
            _write(Image.open(io.BytesIO(taken)), path, dark=scheme == "dark")
            page.context.close()
            print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1000:.0f} kB")


def _settle(page: Page) -> None:
    """Wait for what moves on a page: it tells nobody when it has come to rest."""
    page.wait_for_timeout(3000)


def _write(picture: Image.Image, path: Path, *, dark: bool) -> None:
    brightness = fmean(picture.convert("L").resize((32, 32)).tobytes())
    if dark != (brightness < 128):
        raise RuntimeError(f"{path.name} has the wrong colours: its brightness is {brightness:.0f} of 255.")
    picture.convert("RGB").save(path, optimize=True)
    if path.stat().st_size > MAX_BYTES:
        raise RuntimeError(f"{path.name} is larger than {MAX_BYTES} bytes.")


def make(ui: DagsterUI) -> None:
    """Run the jobs, and let the daemon draw a plot of a month that is made alone."""
    ui.ask(START_SENSOR, selector={**ui.code, "sensorName": "default_automation_condition_sensor"})
    first, *others = JOBS
    succeed(ui, ui.launch(first))
    for month in MONTHS[:-1]:
        succeed(ui, ui.launch("carriers_of_a_month", tags={"dagster/partition": month}))
    before = set(ui.runs())
    month = ui.launch(
        "carriers_of_a_month", ["flights_of_month", "carriers_by_month"], {"dagster/partition": MONTHS[-1]}
    )
    succeed(ui, month)
    succeed(ui, *wait_for(lambda: set(ui.runs()) - before - {month}, "the run of the sensor"))
    for job in others:
        succeed(ui, ui.launch(job))


def succeed(ui: DagsterUI, run_id: str) -> None:
    if ui.wait_for_run(run_id) != "SUCCESS":
        raise RuntimeError(f"Run {run_id} has failed.")


def write_shop(folder: Path) -> Workspace:
    """Write the small project, and run it."""
    project, home = folder / "shop", folder / "home"
    for name, text in SHOP.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    shop = Workspace(project, home)
    subprocess.run([sys.executable, "-m", "kedro", "assets", "run"], cwd=project, env=shop.variables, check=True)
    return shop


RUN = f"kedro assets run everything --env {ENVIRONMENT}"
FAILING = (
    f"kedro assets run forest_model --env {ENVIRONMENT} --params forest.model_options.estimator=sklearn.ensemble.Forest"
)
UNDER_WAY = re.compile(r".*?step forest_fit_model.*?steps done.*? s(?=\s|\x1b)", re.DOTALL)
COLUMNS, ROWS = 112, 32


def take_terminals(browser: Browser, workspace: Workspace) -> None:
    """Take a picture of a run under way, and of one that has failed."""
    for name, command in [("terminal", RUN), ("failed", FAILING)]:
        program = [sys.executable, "-m", *command.split()]
        written = in_terminal(program, workspace.project, width=COLUMNS, env=workspace.variables).written
        under_way = UNDER_WAY.match(written) if name == "terminal" else None
        screen = screen_of(under_way[0] if under_way else written, COLUMNS, ROWS)
        for scheme in ("light", "dark"):
            page = new_page(browser)
            page.set_content(page_of(screen, f"$ {command}", scheme))
            picture = Image.open(io.BytesIO(page.locator("body").screenshot()))
            _write(picture, IMAGES / f"{name}-{scheme}.png", dark=scheme == "dark")
            page.context.close()


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = find_chromium(playwright)
        if path is None:
            raise RuntimeError("Chromium is not installed.")
        with launch_chromium(playwright, path) as browser:
            example = copy_example(Path(folder))
            take_terminals(browser, example)
            with serving(example) as ui:
                make(ui)
                take(browser, ui, PICTURES)
            with serving(write_shop(Path(folder))) as ui:
                take(browser, ui, {columns: {}})


if __name__ == "__main__":
    main()
