"""What a newcomer sees and does in Dagster's UI, on the example project."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from dagster_ui import WAIT_SECONDS, expand_graph, open_graph
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

SECONDS = WAIT_SECONDS * 1000
ASSETS = """[...document.querySelectorAll("foreignObject [data-tooltip]")]
    .map(name => [name.dataset.tooltip, name.closest("foreignObject").textContent])
    .filter(([name, text]) => text.includes("Latest event"))"""  # groups have names too
POSTER = {"width": 9000, "height": 3800}  # so wide that every asset of the graph is drawn in full


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
        row = page.get_by_role("row").filter(has_text="kedro/run_id")
        run_ids.add(row.get_by_role("cell").nth(1).inner_text().strip())
    assert len(run_ids) == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d\.\d{3}Z", run_ids.pop())


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
        "modelling",  # its group
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
        row = page.get_by_role("row").filter(has_text=key)
        expect(row.get_by_text(value, exact=True)).to_be_visible(timeout=SECONDS)


def test_a_failed_run_shows_the_error_of_kedro(page, ui):
    run = ui.launch("daily_features")
    assert ui.wait_for_run(run) == "FAILURE"  # nothing has made what it reads

    page.goto(f"{ui.url}/runs/{run}")
    expect(page.get_by_text("STEP_FAILURE").first).to_be_visible(timeout=SECONDS)
    expect(page.get_by_text("Failed while loading data from dataset").first).to_be_visible(timeout=SECONDS)
