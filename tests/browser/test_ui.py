"""What a newcomer sees and does in Dagster's UI, on the example project."""

from __future__ import annotations

import re
from collections import Counter

import pandas as pd
import pytest
from dagster_ui import WAIT_SECONDS, expand_graph, open_graph
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

SECONDS = WAIT_SECONDS * 1000
ASSETS = """[...document.querySelectorAll("foreignObject [data-tooltip]")]
    .map(name => [name.dataset.tooltip, name.closest("foreignObject").textContent])
    .filter(([name, text]) => text.includes("Latest event"))"""  # groups have names too
POSTER = {"width": 9800, "height": 4200}  # so wide that every asset of the graph is drawn in full


def graph_of(page, address, count):
    """The names in an asset graph, each with all that its box says, when that many are there."""
    page.set_viewport_size(POSTER)
    open_graph(page, address)
    expand_graph(page)
    page.wait_for_function(f"() => ({ASSETS}).length >= {count}")
    return page.evaluate(ASSETS)


def last_part(key):
    return key.rpartition("/")[2]


def plain(text):
    """Kinds have labels, such as Scikit Learn for scikitlearn."""
    return text.lower().replace(" ", "")


def row_of(page, key):
    """A row of an asset's metadata."""
    return page.get_by_role("row").filter(has_text=key)


def edit_config(page, old, new):
    """Change what stands in the editor of the launchpad, once it has been validated."""
    expect(page.get_by_text("No errors")).to_be_visible(timeout=SECONDS)
    editor = page.locator(".CodeMirror")
    text = editor.evaluate("element => element.CodeMirror.getValue()")
    assert text.count(old) == 1
    editor.evaluate("(element, text) => element.CodeMirror.setValue(text)", text.replace(old, new))
    expect(editor).to_contain_text(new)


def parameters_of(ui, run, step):
    """The parameters in the config of a run for one step."""
    asked = "query ($id: ID!) {runOrError(runId: $id) {... on Run {runConfig}}}"
    config = ui.ask(asked, id=run)["runOrError"]["runConfig"]["ops"][step]["config"]["parameters"]
    return {name.removeprefix("params:"): value for name, value in config.items()}


def steps_of(ui, run):
    asked = "query ($id: ID!) {runOrError(runId: $id) {... on Run {stepKeysToExecute}}}"
    return ui.ask(asked, id=run)["runOrError"]["stepKeysToExecute"]


def highest_wind_speed(workspace):
    """What is left of `wind_speed` by `clean_weather`, which takes anything above `max_wind_speed` for an error."""
    path = workspace.project / "data" / "fast" / "02_intermediate" / "weather.parquet"
    return pd.read_parquet(path)["wind_speed"].max()


def test_the_graph_shows_every_dataset_with_its_group_and_kinds(page, ui, listed):
    assets = listed["assets"]

    nodes = graph_of(page, f"{ui.url}/asset-groups", len(assets))

    assert Counter(name for name, _ in nodes) == Counter(last_part(asset["key"]) for asset in assets)
    said = {name: plain(text.removeprefix(name)) for name, text in nodes}
    for asset in assets:
        for kind in set(asset["kinds"]) - {"csv"}:  # which has an icon and no label
            assert kind in said[last_part(asset["key"])], asset["key"]
    for group in {asset["group"] for asset in assets}:
        assert page.locator("foreignObject").filter(has_text=re.compile(f"^{group}$")).count() == 1


def test_the_server_knows_the_same_groups_kinds_and_edges_as_the_list(ui, listed):
    answer = ui.ask("{assetNodes {assetKey {path} groupName kinds dependencyKeys {path}}}")

    served = {
        "/".join(node["assetKey"]["path"]): (
            node["groupName"],
            sorted(node["kinds"]),
            sorted("/".join(key["path"]) for key in node["dependencyKeys"]),
        )
        for node in answer["assetNodes"]
    }
    assert served == {
        asset["key"]: (asset["group"], sorted(asset["kinds"]), sorted(asset["deps"])) for asset in listed["assets"]
    }


def test_two_assets_are_materialized_from_the_graph(page, ui, listed):
    names = ["intermediate_planes", "intermediate_weather"]
    graph_of(page, f"{ui.url}/asset-groups", len(listed["assets"]))
    before = set(ui.runs())

    page.locator(f"foreignObject [data-tooltip={names[0]}]").click()
    page.locator(f"foreignObject [data-tooltip={names[1]}]").click(modifiers=["Shift"])
    page.get_by_role("button", name="Materialize selected (2)").click()
    expect(page.get_by_text("Launched run").first).to_be_visible(timeout=SECONDS)

    (run,) = set(ui.runs()) - before
    assert ui.wait_for_run(run) == "SUCCESS"
    page.set_viewport_size({"width": 1600, "height": 1000})
    run_ids = set()
    for name in names:
        page.goto(f"{ui.url}/assets/{name}?view=events")
        expect(page.get_by_text("Materialized in run")).to_be_visible(timeout=SECONDS)
        expect(page.get_by_text(run[:8]).first).to_be_visible()
        row = row_of(page, "kedro/run_id")
        run_ids.add(row.get_by_role("cell").nth(1).inner_text().strip())
    assert len(run_ids) == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d\.\d{3}Z", run_ids.pop())


def test_a_parameter_is_changed_for_one_asset(page, ui, workspace):
    before = set(ui.runs())
    page.goto(f"{ui.url}/assets/intermediate_weather")

    page.get_by_role("button", name="Materialize").locator("xpath=following::button[1]").click()
    page.get_by_role("menuitem", name="Open launchpad").click()
    edit_config(page, "max_wind_speed: 100", "max_wind_speed: 20")
    page.get_by_role("dialog").get_by_role("button", name="Materialize").click()
    page.wait_for_url("**/runs/*")

    (run,) = set(ui.runs()) - before
    assert page.url == f"{ui.url}/runs/{run}"
    assert ui.wait_for_run(run) == "SUCCESS"
    assert parameters_of(ui, run, "clean_weather") == {"ingestion.weather": {"max_gap_hours": 3, "max_wind_speed": 20}}
    assert 15 < highest_wind_speed(workspace) <= 20


def test_a_parameter_is_changed_for_one_node_of_a_job(page, ui, workspace):
    before = set(ui.runs())
    page.goto(ui.page_of("jobs", "node_by_node"))

    page.get_by_role("tab", name="Launchpad").click()
    nodes = page.get_by_placeholder("Type an op subset")
    nodes.fill("clean_weather")
    nodes.press("Enter")
    edit_config(page, "max_wind_speed: 100", "max_wind_speed: 10")
    page.get_by_role("button", name="Launch Run").click()
    page.wait_for_url("**/runs/*")

    (run,) = set(ui.runs()) - before
    assert ui.wait_for_run(run) == "SUCCESS"
    assert steps_of(ui, run) == ["clean_weather"]
    assert parameters_of(ui, run, "clean_weather") == {"ingestion.weather": {"max_gap_hours": 3, "max_wind_speed": 10}}
    assert 5 < highest_wind_speed(workspace) <= 10


def test_an_asset_shows_a_preview_of_its_table(page, ui):
    run = ui.launch("everything", ["intermediate_planes"])
    assert ui.wait_for_run(run) == "SUCCESS"

    page.goto(f"{ui.url}/assets/intermediate_planes")

    table = row_of(page, "kedro/preview").get_by_role("table")
    expect(table).to_be_visible(timeout=SECONDS)
    columns = ["tailnum", "manufactured", "manufacturer", "engines", "seats"]
    assert table.get_by_role("columnheader").all_inner_texts() == columns
    first = table.get_by_role("row").nth(1).get_by_role("cell").all_inner_texts()
    assert first == ["N10156", "2004.0", "Embraer", "2", "55"]
    assert table.get_by_role("row").count() == 1 + 5


def test_an_asset_shows_its_plot(page, ui):
    upstream = ["intermediate_planes", "intermediate_weather", "intermediate_flights", "enriched_flights"]
    run = ui.launch("everything", [*upstream, "delays_by_hour", "delays_by_hour_plot"])
    assert ui.wait_for_run(run) == "SUCCESS"

    page.goto(f"{ui.url}/assets/delays_by_hour_plot")

    row_of(page, "kedro/preview").get_by_text("[Show Markdown]").click()
    plot = page.get_by_role("dialog").locator("img")
    expect(plot).to_be_visible(timeout=SECONDS)
    size = plot.evaluate("image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])")
    assert size == [960, 540]  # inches of the figure times dots per inch in the catalog


def test_a_job_shows_its_assets(page, ui, listed):
    (job,) = [job for job in listed["jobs"] if job["name"] == "everything"]

    nodes = graph_of(page, ui.page_of("jobs", "everything"), len(job["assets"]))

    assert job["assets"]
    assert not Counter(map(last_part, job["assets"])) - Counter(name for name, _ in nodes)
    assert page.get_by_text(job["description"]).count()
    assert page.get_by_text(f"View {len(job['assets'])} assets").count()


def test_a_schedule_can_be_switched_on(page, ui, listed):
    (schedule,) = listed["schedules"]
    page.goto(ui.page_of("schedules", schedule["name"]))

    expect(page.get_by_text(f"({schedule['cron']})")).to_be_visible(timeout=SECONDS)
    expect(page.get_by_text(schedule["timezone"])).to_be_visible()
    expect(page.get_by_role("link", name=schedule["job"])).to_be_visible()
    switch = page.get_by_role("row", name="Running").get_by_role("checkbox")
    expect(switch).not_to_be_checked()
    page.get_by_role("row", name="Running").locator("label").click()
    expect(switch).to_be_checked(timeout=SECONDS)
    expect(page.get_by_text("Next tick")).to_be_visible(timeout=SECONDS)


def test_an_asset_is_described(page, ui):
    page.goto(f"{ui.url}/assets/forest/model")

    shown = [
        "The fitted forest model, with the preparation of its input.",
        "data-science",  # its owner
        "Scikit Learn",  # its kind
        "domain: punctuality",  # its tag
        "modelling_forest",  # its group
    ]
    for text in shown:
        expect(page.get_by_text(text, exact=True).first).to_be_visible(timeout=SECONDS)
    metadata = {
        "kedro/dataset": "forest.model",
        "kedro/type": "pickle.PickleDataset",
        "kedro/node": "forest.fit_model",
        "kedro/filepath": "data/fast/06_models/forest.pkl",
        "kedro/layer": "models",
    }
    for key, value in metadata.items():
        row = row_of(page, key)
        expect(row.get_by_text(value, exact=True)).to_be_visible(timeout=SECONDS)


def test_a_failed_run_shows_the_error_of_kedro(page, ui, workspace):
    enriched_flights = workspace.project / "data" / "fast" / "03_primary" / "enriched_flights.parquet"
    enriched_flights.unlink(missing_ok=True)

    run = ui.launch("daily_features")
    assert ui.wait_for_run(run) == "FAILURE"

    page.goto(f"{ui.url}/runs/{run}")
    expect(page.get_by_text("STEP_FAILURE").first).to_be_visible(timeout=SECONDS)
    expect(page.get_by_text("Failed while loading data from dataset").first).to_be_visible(timeout=SECONDS)
