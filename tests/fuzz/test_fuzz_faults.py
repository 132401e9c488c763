"""Runs and ticks in which something around them fails: hooks fire as often as they have to, and no claim is false."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import pytest
from helpers import KedroProject, execute, json_dataset, load_definitions, write_project
from hypothesis import given, note
from hypothesis import strategies as st
from invariants import bounded, quiet, share

from kedro_assets import ProjectError

NODES = """
from pathlib import Path

HERE = Path(__file__).parents[2]


def one(value):
    return value


def two(value):
    if (HERE / "fails").exists():
        raise ValueError("the shelf is empty")
    return value


def three(value):
    yield value
    yield value
"""
PIPELINES = """{
    "__default__": pipeline([
        node(one, "raw", "first", name="one"), node(two, "first", "middle", name="two"),
        node(three, "middle", "last", name="three"),
    ]),
    "arrivals": pipeline([node(one, "parts", "counted", name="count")]),
}"""
DAGSTER = """
    sensors: {new_raw: {dataset: raw}, new_parts: {dataset: parts}}
    partitions: {found: {dynamic: found}}
    assets: {partitions: {parts: found, counted: found}}
    jobs:
      all: {pipeline: {to_outputs: [last]}, sensor: new_raw}
      as_ops: {view: ops}
      each: {pipeline: {pipeline_name: arrivals}, sensor: new_parts}
"""
STORAGES = {
    "_event_storage": ["store_event", "get_asset_records"],
    "_run_storage": ["add_run", "add_run_tags", "handle_run_event", "get_run_records"],
}
"""What a run calls; a `store_event` fails as often as all others together."""
METHODS = [(storage, method) for storage, methods in STORAGES.items() for method in methods] + 4 * [
    ("_event_storage", "store_event")
]
ERRORS: list[Callable[[], BaseException]] = [
    lambda: sqlite3.OperationalError("database is locked"),
    lambda: OSError(28, "No space left on device"),
    lambda: ConnectionError("gone"),
    RuntimeError,
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KedroProject]:
    with quiet():
        found = write_project(
            tmp_path_factory.mktemp("faults"),
            nodes=NODES,
            pipelines=PIPELINES,
            catalog=json_dataset("raw", "first", "last")
            + "parts: {type: partitions.PartitionedDataset, path: data/parts, dataset: json.JSONDataset}\n",
            dagster=DAGSTER,
        )
        yield found


class Failing:
    """A method that fails for some of its calls."""

    def __init__(self, method: Callable[..., Any], first: int, count: int, error: Callable[[], BaseException]) -> None:
        self._method, self._failing, self._error, self._calls = method, range(first, first + count), error, 0

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self._calls += 1
        if self._calls - 1 in self._failing:
            raise self._error()
        return self._method(*arguments, **options)


@share(3)
@given(
    job=st.sampled_from(["all", "as_ops"]),
    where=st.sampled_from(METHODS),
    first=st.integers(0, 25),
    count=st.sampled_from([1, 2, 10_000]),
    error=st.sampled_from(ERRORS),
    fails=st.booleans(),
)
def test_hooks_fire_once_and_claims_are_true_whatever_call_of_the_storage_fails(
    project: KedroProject,
    job: str,
    where: tuple[str, str],
    first: int,
    count: int,
    error: Callable[[], BaseException],
    *,
    fails: bool,
) -> None:
    shutil.rmtree(project.path / "data", ignore_errors=True)
    project.write("data/raw.json", "1")
    (project.path / "fails").unlink(missing_ok=True)
    if fails:
        project.write("fails", "")
    project.forget()
    storage, method = where
    with dg.DagsterInstance.ephemeral() as instance, bounded(20):
        held = getattr(instance, storage)
        failing = Failing(getattr(held, method), first, count, error)
        with mock.patch.object(held, method, failing):
            try:
                success = execute(project, instance, job).success
            except Exception as raised:  # noqa: BLE001 - what the storage raises, or what Dagster makes of it
                note(repr(raised))
                success = False
        began, ended, broke = (
            len(project.calls(hook)) for hook in ("before_pipeline_run", "after_pipeline_run", "on_pipeline_error")
        )
        assert began <= 1
        assert ended + broke == began
        if success:
            assert (began, ended) == (1, 1)
            assert not fails
        for key in instance.all_asset_keys():
            if instance.get_latest_materialization_event(key) and key.path[-1] in ("first", "last"):
                assert (project.path / f"data/{key.path[-1]}.json").exists()


def _nothing(path: Path) -> None:
    pass


def _folder(path: Path) -> None:
    (path / "inside").mkdir(parents=True)


def _file(path: Path) -> None:
    path.write_text("{")


def _broken_link(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def _folder_with_a_loop(path: Path) -> None:
    path.mkdir()
    (path / "up").symlink_to(path)
    (path / "a.json").write_text("1")


def _odd_names(path: Path) -> None:
    path.mkdir()
    for name in ("a b.json", "größe.json", "x" * 200, "\n", "\udcff", ".hidden", "a'b\""):
        (path / name).write_text("1")


@share(2)
@given(
    raw=st.sampled_from([_nothing, _folder, _file, _broken_link, _link_to_itself, _folder_with_a_loop, _odd_names]),
    parts=st.sampled_from([_nothing, _folder, _file, _broken_link, _link_to_itself, _folder_with_a_loop, _odd_names]),
    cursor=st.sampled_from([None, "", "{", "[]", "1", '{"a": 1}', "x" * 100]),
    unreadable=st.sampled_from([None, None, PermissionError(13, "denied"), OSError(5, "broken"), TimeoutError()]),
)
def test_a_tick_of_a_sensor_ends_whatever_is_on_the_disk(
    project: KedroProject, raw: Any, parts: Any, cursor: str | None, unreadable: OSError | None
) -> None:
    shutil.rmtree(project.path / "data", ignore_errors=True)
    (project.path / "data").mkdir()
    raw(project.path / "data/raw.json")
    parts(project.path / "data/parts")
    repository = load_definitions(project).get_repository_def()
    for name in ("new_raw", "new_parts"):
        with (
            dg.DagsterInstance.ephemeral() as instance,
            bounded(),
            dg.build_sensor_context(instance, cursor, repository_def=repository, sensor_name=name) as context,
            mock.patch.object(os, "scandir", side_effect=unreadable) if unreadable else nullcontext(),
            suppress(ProjectError),  # which says why the files cannot be looked at
        ):
            result = repository.get_sensor_def(name)(context)
            assert result.run_requests or result.skip_reason
