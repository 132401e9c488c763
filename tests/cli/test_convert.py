"""`kedro assets convert`: a project of kedro-dagster, with the configuration of its own example."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from conftest import Project

from kedro_assets.convert.yaml_text import comments_in

CONVERTED = [
    "conf/base/catalog.yml",
    "conf/local/dagster.yml",
    "conf/local/catalog.yml",
    "conf/prod/dagster.yml",
    "conf/prod/catalog.yml",
]
NODES = "pipelines/data_processing/nodes.py"


def configuration(project: Project) -> dict[str, dict]:
    return {name: yaml.safe_load((project.path / name).read_text(encoding="utf-8")) for name in CONVERTED}


def section(text: str, title: str) -> list[str]:
    """The lines below a title of the report."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(title)) + 1
    end = next((number for number, line in enumerate(lines[start:], start) if not line.startswith("  ")), len(lines))
    return [line.strip() for line in lines[start:end]]


def test_a_diff_of_every_environment_is_shown_and_nothing_is_written(peer, cli) -> None:
    before = peer.files()
    outcome = cli(peer, "convert")
    assert outcome.code == 0
    assert re.findall(r"^\+\+\+ b/(.*)$", outcome.out, re.MULTILINE) == CONVERTED
    assert outcome.out.splitlines()[-1] == "Nothing is written: with --write, 5 files would be."
    assert peer.files() == before


@pytest.mark.parametrize("environment", ["local", "prod"])
def test_what_is_written_passes_the_check(peer, cli, environment) -> None:
    pytest.importorskip("dagster_celery")
    assert cli(peer, "convert", "--write").code == 0
    outcome = cli(peer, "check", "--env", environment)
    assert (outcome.code, outcome.out.splitlines()[-1]) == (0, "No problems."), outcome


def test_the_second_time_changes_nothing(peer, cli) -> None:
    cli(peer, "convert", "--write")
    before = peer.files()
    outcome = cli(peer, "convert", "--write")
    assert outcome.out.splitlines()[-1] == "Nothing to convert in dagster.yml and the catalogs."
    assert peer.files() == before


def test_every_comment_stays_and_no_other_file_is_written(peer, cli) -> None:
    before = peer.files()
    cli(peer, "convert", "--write")
    after = peer.files()
    assert [name for name in before if before[name] != after[name]] == sorted(CONVERTED)
    assert before.keys() == after.keys()
    for name in CONVERTED:
        comments = [
            sorted(text[start:end] for start, end in comments_in(text))
            for text in (before[name].decode(), after[name].decode())
        ]
        assert comments[0] == comments[1]
        assert comments[0] or name == "conf/prod/catalog.yml"


def test_each_thing_is_where_it_is_read(peer, cli) -> None:
    cli(peer, "convert", "--write")
    base, local, local_catalog, prod, _ = configuration(peer).values()
    companies, reviews = base["companies_dagster_partition"], base["reviews_partition"]
    assert companies["metadata"]["dagster"]["partitions"] == {"static": ["1.csv", "2.csv", "3.csv"]}
    assert {"partition", "partition_mapping"}.isdisjoint(companies)
    assert reviews["metadata"]["dagster"] == {"description": "Reviews of shuttles.", "group_name": "customers"}
    made = local_catalog["{namespace}.preprocessed_companies_dagster_partition"]["metadata"]["dagster"]
    keys = {"1.csv": "10.csv", "2.csv": "20.csv", "3.csv": "30.csv"}
    assert made["partition_mappings"] == {"companies_dagster_partition": {"static": keys}}
    assert local_catalog["{namespace}.is_company_preprocessing_done"]["type"] == "pickle.PickleDataset"
    assert local["default_executor"] == prod["default_executor"] == {"multiprocess": {"max_concurrent": 2}}
    assert local["executors"]["multiprocessing"] == {"multiprocess": {"max_concurrent": 1}}
    assert local["jobs"]["price_predictor_data_science_test1"]["executor"] == {"multiprocess": {"max_concurrent": 2}}
    assert prod["jobs"]["{product}__data_processing_base"]["retries"] == {"max_retries": 2}
    own = "price_predictor_data_science_base_logger"
    assert prod["jobs"]["price_predictor_data_science_base"]["loggers"] == ["file_logger", own]
    assert prod["loggers"][own]["log_level"] == "WARNING"


def test_what_is_left_is_listed_with_its_place(peer, cli) -> None:
    out = cli(peer, "convert").out
    left = section(out, "To do by hand")
    places = [line.partition(": ")[0] for line in left]
    source = f"src/{peer.package}"
    assert {f"{source}/definitions.py:4", f"{source}/{NODES}:5", "dg.toml:1", "pyproject.toml:12"} <= {*places}
    assert any(place.startswith("conf/prod/dagster.yml:31  schedules.daily.metadata") for place in places)
    assert section(out, "Jobs with another name") == [
        "local__price_predictor_data_processing_test1 -> price_predictor_data_processing_test1",
        "local__price_predictor_data_science_test1 -> price_predictor_data_science_test1",
        "prod__{product}__data_processing_base -> {product}__data_processing_base",
        "prod__price_predictor_data_science_base -> price_predictor_data_science_base",
    ]
    assert section(out, "Schedules with another name") == [
        "{product}__data_processing_base_daily_schedule -> {product}__data_processing_base__daily",
        "price_predictor_data_science_base__schedule -> price_predictor_data_science_base_schedule",
    ]


def test_after_what_is_left_is_done_the_jobs_run_and_make_what_they_made(peer, cli) -> None:
    cli(peer, "convert", "--write")
    (peer.path / "dg.toml").unlink()
    (peer.path / "src" / peer.package / "definitions.py").unlink()
    nodes = peer.path / "src" / peer.package / NODES
    nodes.write_text(nodes.read_text(encoding="utf-8").replace("kedro_dagster.logging", "logging"), encoding="utf-8")
    job = "price_predictor_data_processing_test1"
    outcome = cli(peer, "run", job, "--partition", "20.csv")
    assert outcome.code == 0, outcome
    made = Path("data/02_intermediate/local/price_predictor/preprocessed_companies/20.csv")
    assert (peer.path / made).read_text(encoding="utf-8").splitlines() == ["id,rating", "2,0.2"]
    assert (peer.path / "data/03_primary/local/price_predictor/model_input_table.csv").exists()
    assert not [line for line in cli(peer, "convert").out.splitlines() if "imports" in line or "dg.toml" in line]


def test_pipelines_that_need_kedro_dagster_leave_a_choice_to_the_user(peer, cli) -> None:
    nodes = peer.path / "src" / peer.package / NODES
    nodes.write_text(
        "from kedro_dagster.logging import getLogger\n" + nodes.read_text(encoding="utf-8"), encoding="utf-8"
    )
    outcome = cli(peer, "convert")
    assert "this dataset without data is a `MemoryDataset` now." in outcome.text
    assert "If the nodes around it have different partitions" in outcome.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("jobs:\n  a: [\n", "conf/prod/dagster.yml:3: this is not valid YAML"),
        ("jobs:\n  a: {}\njobs: {}\n", "conf/prod/dagster.yml:3: the key 'jobs' appears twice."),
        ("- a\n", "conf/prod/dagster.yml:1: expected a mapping of keys, found a list."),
    ],
    ids=["no YAML", "a key twice", "a list"],
)
def test_a_file_that_is_no_configuration_is_an_error_with_its_line_and_nothing_is_written(
    peer, cli, text, said
) -> None:
    peer.write("conf/prod/dagster.yml", text)
    before = peer.files()
    outcome = cli(peer, "convert", "--write")
    assert outcome.code == 1
    assert said in outcome.text
    assert peer.files() == before
