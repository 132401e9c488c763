"""Configurations with mistakes of every kind: Dagster loads what is accepted, and what is refused has its place in a file.

The environment variable KEDRO_ASSETS_EXAMPLES says how many inputs all fuzzers draw together; `nox -s fuzz` draws 10,000.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from generators import (
    RIVALS,
    Place,
    crons,
    executors,
    logger_configs,
    mutations,
    nested_conditions,
    partition_configs,
    selections,
    spoiled,
    texts,
    values,
)
from helpers import KedroProject
from hypothesis import given, note
from hypothesis import strategies as st
from invariants import assert_report, overlap, put, quiet, refused, share
from sample import CATALOG, DAGSTER, PARAMETERS, as_bytes, write_conf, write_sample

from kedro_assets.assets import condition_words
from kedro_assets.config import DagsterConfig, DatasetSettings, read_config
from kedro_assets.errors import Scope, dotted

CORPUS = Path(__file__).parent / "corpus"
DATASETS = ["raw", "middle", "model", "score", "days_made", "sales", "shop.plot", "shop.{name}"]
WORDS = list(condition_words())
SECTIONS = {"dagster": DAGSTER, "catalog": CATALOG, "parameters": PARAMETERS}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KedroProject]:
    with quiet():
        yield write_sample(tmp_path_factory.mktemp("sample"))


def assert_sound(project: KedroProject, **files: Any) -> None:
    """Write some files of the configuration, load the project, and look whether all that must hold does."""
    write_conf(project, **files)
    error = refused(project.path)
    if error is not None:
        assert_report(error, project.path)


def with_job(**keys: Any) -> dict[str, Any]:
    return put(DAGSTER, ("jobs", "new"), keys, {})


def test_the_sample_is_accepted(project: KedroProject) -> None:
    write_conf(project)
    assert refused(project.path) is None


@pytest.mark.parametrize("file", sorted(CORPUS.glob("*/*")), ids=lambda file: f"{file.parent.name}/{file.name}")
def test_what_was_found_before(project: KedroProject, file: Path) -> None:
    assert_sound(project, **{file.parent.name: file.read_bytes()})


@share(40)
@given(mutation=mutations(DagsterConfig, DAGSTER))
def test_the_reader_reports_the_place_that_was_changed_and_no_other(mutation: tuple[Place, Any]) -> None:
    place, value = mutation
    problems = Scope()
    read_config(put(DAGSTER, place, value, RIVALS), problems)
    for problem in problems:
        note(str(problem))
        is_beside = problem.found == "this required key is missing."  # in a section that the place has made
        assert overlap(problem.path.rpartition(".")[0] if is_beside else problem.path, dotted(place))


@share(10)
@given(mutation=mutations(DagsterConfig, DAGSTER))
def test_any_place_of_dagster_yml_takes_any_value(project: KedroProject, mutation: tuple[Place, Any]) -> None:
    place, value = mutation
    assert_sound(project, dagster=put(DAGSTER, place, value, RIVALS))


@share(5)
@given(mutation=mutations(DatasetSettings, {}), dataset=st.sampled_from(DATASETS))
def test_any_place_of_the_settings_of_a_dataset_takes_any_value(
    project: KedroProject, mutation: tuple[Place, Any], dataset: str
) -> None:
    place, value = mutation
    catalog = {**CATALOG, dataset: CATALOG.get(dataset, CATALOG["shop.{name}"])}
    assert_sound(project, catalog=put(catalog, (dataset, "metadata", "dagster", *place), value, RIVALS))


@share(5)
@given(
    name=st.sampled_from([*CATALOG, "middle"]) | texts(),
    place=st.sampled_from(
        [(), ("type",), ("filepath",), ("versioned",), ("metadata",), ("credentials",), ("dataset",), ("validator",)]
    ),
    value=values(),
)
def test_any_entry_of_the_catalog_takes_any_value(project: KedroProject, name: str, place: Place, value: Any) -> None:
    usual = CATALOG.get(name, {"type": "json.JSONDataset", "filepath": "data/x.json"})
    assert_sound(project, catalog={**CATALOG, name: put(usual, place, value, {})})


@share(8)
@given(section=st.sampled_from(["dagster", "dagster", "catalog", "parameters"]), data=st.data())
def test_any_bytes_of_a_file_are_read_or_have_a_place(project: KedroProject, section: str, data: st.DataObject) -> None:
    content = data.draw(spoiled(as_bytes(SECTIONS[section])), label="content")
    assert_sound(project, **{section: content})


@share(3)
@given(
    executor=executors(),
    where=st.sampled_from([("executors", "two"), ("default_executor",), ("jobs", "all", "executor")]),
)
def test_any_options_of_an_executor_are_checked(project: KedroProject, executor: Any, where: Place) -> None:
    assert_sound(project, dagster=put(DAGSTER, where, executor, {}))


@share(3)
@given(cron=crons(), as_list=st.booleans())
def test_any_cron_expression_is_accepted_with_its_ticks_or_refused(
    project: KedroProject, cron: str, *, as_list: bool
) -> None:
    schedule = {"cron_schedule": [cron, "@daily"] if as_list else cron}
    assert_sound(project, dagster=put(DAGSTER, ("schedules", "nightly"), schedule, {}))


@share(3)
@given(selection=selections())
def test_any_selection_is_accepted_or_refused(project: KedroProject, selection: str) -> None:
    assert_sound(project, dagster=with_job(selection=selection))


@share(3)
@given(condition=nested_conditions(WORDS), where=st.sampled_from(["asset", "check", "job"]))
def test_any_condition_is_accepted_or_refused(project: KedroProject, condition: Any, where: str) -> None:
    if where == "job":
        assert_sound(project, dagster=with_job(automation_condition={"any_job_root_assets_match": condition}))
        return
    key = "automation_condition" if where == "asset" else "check_automation_condition"
    catalog = put(CATALOG, ("score", "metadata", "dagster", key), condition, {})
    assert_sound(project, catalog=catalog)


@share(3)
@given(logger=logger_configs())
def test_any_logger_is_accepted_or_refused(project: KedroProject, logger: Any) -> None:
    assert_sound(project, dagster=put(DAGSTER, ("loggers", "file"), logger, {}))


@share(3)
@given(config=partition_configs(), where=st.sampled_from([("partitions", "daily"), ("assets", "partitions", "model")]))
def test_any_partitions_are_accepted_or_refused(project: KedroProject, config: Any, where: Place) -> None:
    assert_sound(project, dagster=put(DAGSTER, where, config, {}))


@share(3)
@given(names=st.lists(texts(), min_size=1, max_size=3), pattern=texts(), data=st.data())
def test_any_names_are_accepted_or_refused(
    project: KedroProject, names: list[str], pattern: str, data: st.DataObject
) -> None:
    dagster = copy.deepcopy(DAGSTER)
    for kind in data.draw(
        st.sets(st.sampled_from(["executors", "schedules", "sensors", "loggers", "partitions", "jobs"]))
    ):
        taken = list(dagster[kind].values())
        dagster[kind] |= dict.fromkeys(names, taken[0])
    if data.draw(st.booleans()):
        dagster["jobs"][pattern] = {"pipeline": {"pipeline_name": data.draw(texts()), "tags": [data.draw(texts())]}}
    if data.draw(st.booleans()):
        dagster["assets"]["key_prefix"] = names
    assert_sound(project, dagster=dagster)
