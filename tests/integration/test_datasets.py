"""Datasets of every kind, each in `kedro run` and in a run of Dagster's, side by side."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from comparing import Outcome, assert_same, by_dagster, by_kedro, start_over
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import serialize_value
from helpers import (
    HOOKS,
    KedroProject,
    execute,
    job_execute,
    json_dataset,
    kedro_run,
    load_definitions,
    materialized,
    write_project,
)

PARALLEL = """
    executors: {two: {multiprocess: {max_concurrent: 2}}}
    jobs: {__default__: {}, parallel: {executor: two}}
"""
JOBS = ["__default__", "parallel"]
dots_in_names = pytest.mark.filterwarnings("ignore:One or more dataset names contain '.' characters:UserWarning")

# Every call of a dataset is a line in data/calls.txt, and thereby part of the files that are compared.
DATASETS = '''
    import json
    import os
    import resource
    from pathlib import Path

    from kedro.io import AbstractDataset, DatasetError


    class Recording(AbstractDataset):
        def __init__(self, filepath, metadata=None):
            self._path = Path(filepath)

        def _note(self, call):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with (self._path.parent / "calls.txt").open("a") as file:
                file.write(f"{call} {self._path.stem}\\n")

        def _load(self):
            self._note("load")
            return json.loads(self._path.read_text())

        def _save(self, data):
            self._note("save")
            self._path.write_text(json.dumps(data))

        def _exists(self):
            self._note("exists")
            return self._path.exists()

        def _release(self):
            self._note("release")

        def confirm(self):
            self._note("confirm")

        def _describe(self):
            return {"path": str(self._path)}


    class Secret(AbstractDataset):
        """Needs a password; `broken` cannot be loaded."""

        def __init__(self, filepath, credentials, broken=False, metadata=None):
            self._path, self._password, self._broken = Path(filepath), credentials["password"], broken

        def _load(self):
            if self._broken:
                raise DatasetError("the server is away")
            return [json.loads(self._path.read_text()), len(self._password)]

        def _save(self, data):
            self._path.write_text(json.dumps([data, len(self._password)]))

        def _describe(self):
            return {"path": str(self._path)}


    class Peak(AbstractDataset):
        """Appends the peak of the process's memory at every save, in kilobytes."""

        def __init__(self, filepath, metadata=None):
            self._path = Path(filepath)

        def _load(self):
            return [int(line) for line in self._path.read_text().splitlines()]

        def _save(self, data):
            with self._path.open("a") as file:
                file.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}\\n")

        def _describe(self):
            return {"path": str(self._path)}
'''


def write(folder: Path, *, catalog: str, validators: str = "", **options: Any) -> KedroProject:
    """Write a project with modules `datasets` and `validators`; its package is PACKAGE in its catalog."""
    project = write_project(folder, **options)
    project.write("conf/base/catalog.yml", textwrap.dedent(catalog).replace("PACKAGE", project.package))
    project.write(f"src/{project.package}/datasets.py", DATASETS)
    project.write(f"src/{project.package}/validators.py", validators)
    return project


def compare(
    project: KedroProject,
    instance: dg.DagsterInstance,
    data: Mapping[str, str],
    job: str = "__default__",
    config: dict[str, Any] | None = None,
    **options: Any,
) -> Outcome:
    """Run a project both ways from the same data, fail unless both have done the same, and give Dagster's run."""
    start_over(project, data)
    theirs = by_kedro(project, **options)
    start_over(project, data)
    ours = by_dagster(project, instance, job, config=config)
    assert_same(ours, theirs, one_process=job == "__default__")
    return ours


# Partitions


PARTITIONS = """
    from pathlib import Path

    FOLDER = Path(__file__).parents[2] / "data" / "out"


    class Lazy:
        # Called by the dataset when it saves, so each sees the files of those before it.
        def __init__(self, value):
            self.value = value

        def __call__(self):
            return [self.value, len(list(FOLDER.glob("*.json")))]

        def __repr__(self):
            return f"Lazy({self.value})"


    def read(parts):
        return {"lazy": all(map(callable, parts.values())), "loaded": {name: part() for name, part in parts.items()}}

    def split(merged):
        return {name: Lazy(value) for name, value in merged["loaded"].items()}

    def count(out):
        return len(out)
"""


def partitioned(folder: Path, overwrite: str = "false") -> KedroProject:
    return write(
        folder,
        nodes=PARTITIONS,
        pipelines="""{"__default__": pipeline([
            node(read, "parts", "merged", name="read"), node(split, "merged", "out", name="split"),
            node(count, "out", "size", name="count"),
        ])}""",
        catalog="""
            parts: {type: partitions.PartitionedDataset, path: data/parts, dataset: json.JSONDataset, filename_suffix: .json}
            out: {type: partitions.PartitionedDataset, path: data/out, dataset: json.JSONDataset, filename_suffix: .json, overwrite: OVERWRITE}
            merged: {type: json.JSONDataset, filepath: data/merged.json}
            size: {type: json.JSONDataset, filepath: data/size.json}
        """.replace("OVERWRITE", overwrite),
        hooks=HOOKS.replace("repr(data)[:80]", "sorted(data) if isinstance(data, dict) else data"),  # no addresses
        dagster=PARALLEL,
    )


PARTS = {"parts/a.json": "1", "parts/deep/b.json": "2", "parts/ignored.txt": "-", "out/stale.json": "0"}


@pytest.mark.parametrize(("overwrite", "size"), [("false", 3), ("true", 2)])
def test_a_partitioned_dataset_is_one_asset_that_loads_and_saves_its_partitions_lazily(
    tmp_path: Path, instance: dg.DagsterInstance, overwrite: str, size: int
) -> None:
    project = partitioned(tmp_path, overwrite)
    ours = compare(project, instance, PARTS)
    assert ours.success
    assert project.read("merged.json") == {"lazy": True, "loaded": {"a": 1, "deep/b": 2}}
    assert project.read("size.json") == size
    # The second partition was made when the first had been saved.
    assert project.read("out/deep/b.json")[1] == project.read("out/a.json")[1] + 1


def test_a_partitioned_dataset_is_reported_once(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = partitioned(tmp_path)
    start_over(project, PARTS)
    assert materialized(execute(project, instance)) == ["merged", "out", "size"]


INCREMENTAL = """
    import json
    from pathlib import Path

    DATA = Path(__file__).parents[2] / "data"

    def process(new, divisor):
        # One more arrives while its node is running.
        if late := json.loads((DATA / "late.json").read_text()):
            (DATA / "new" / f"{late}.json").write_text("9")
        return sorted(new)

    def publish(names, divisor):
        return [names, 1 / divisor]
"""


def incremental(folder: Path) -> KedroProject:
    return write(
        folder,
        nodes=INCREMENTAL,
        pipelines="""{"__default__": pipeline([
            node(process, ["new", "divisor"], "names", name="process"),
            node(publish, ["names", "divisor"], "published", name="publish", confirms="new"),
        ])}""",
        catalog="new: {type: partitions.IncrementalDataset, path: data/new, dataset: json.JSONDataset, filename_suffix: .json}\n"
        + json_dataset("divisor", "names", "published"),
        dagster=PARALLEL,
    )


def run_twice(project: KedroProject, run: Any, data: dict[str, str], between: dict[str, str]) -> list[Outcome]:
    """Run a project, change some of its data, and run it again."""
    start_over(project, {"late.json": "null", "divisor.json": "1", "new/a.json": "1", "new/b.json": "2", **data})
    first = run()
    project.forget()
    for name, text in between.items():
        project.write(f"data/{name}", text)
    return [first, run()]


COMES_LATE = ({"late.json": '"d"'}, {"late.json": "null"}, ["d"])


@pytest.mark.parametrize(
    ("data", "between", "published", "job"),
    [
        pytest.param({}, {"new/c.json": "3"}, ["c"], "__default__", id="the next run sees new partitions only"),
        pytest.param({}, {}, [], "__default__", id="the next run sees none"),
        pytest.param(
            {"divisor.json": "0"}, {"divisor.json": "1"}, ["a", "b"], "__default__", id="a failure does not confirm"
        ),
        pytest.param(*COMES_LATE, "__default__", id="one that came during the run is new"),
        pytest.param(*COMES_LATE, "parallel", id="one that came during the run is new, parallel"),
    ],
)
def test_an_incremental_dataset_is_confirmed_by_the_node_that_confirms_it(
    tmp_path: Path,
    instance: dg.DagsterInstance,
    data: dict[str, str],
    between: dict[str, str],
    published: list[str],
    job: str,
) -> None:
    project = incremental(tmp_path)
    theirs = run_twice(project, lambda: by_kedro(project), data, between)
    ours = run_twice(project, lambda: by_dagster(project, instance, job), data, between)
    for mine, reference in zip(ours, theirs, strict=True):
        assert_same(mine, reference, one_process=job == "__default__")
    assert project.read("published.json")[0] == published


# Caches and memory


@pytest.mark.parametrize(
    ("source", "data"),
    [("raw", {"raw.json": "1", "cached.json": "5"}), ("params:amount", {"cached.json": "5"})],
    ids=["from a file", "from a parameter"],
)
def test_a_cached_dataset_is_loaded_as_often_as_in_kedro_run(
    tmp_path: Path, instance: dg.DagsterInstance, source: str, data: dict[str, str]
) -> None:
    project = write(
        tmp_path,
        nodes="def add(*values):\n    return sum(values)\n",
        pipelines=f"""{{"__default__": pipeline([
            node(add, "cached", "one", name="one"), node(add, ["cached", "one"], "two", name="two"),
            node(add, ["two", "{source}"], "made", name="make"), node(add, "made", "three", name="three"),
            node(add, ["made", "three"], "four", name="four"),
        ])}}""",
        catalog=json_dataset("raw", "one", "two", "three", "four")
        + "".join(
            f"{name}: {{type: CachedDataset, dataset: {{type: PACKAGE.datasets.Recording, filepath: data/{name}.json}}}}\n"
            for name in ("cached", "made")
        ),
        parameters="amount: 1",
    )
    compare(project, instance, data)


def test_a_versioned_cached_dataset_is_loaded_at_the_version_that_the_run_has_saved(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = write(
        tmp_path,
        nodes="""
            from pathlib import Path

            def save(raw):
                return raw

            def other_run_saves(model):
                folder = Path(__file__).parents[2] / "data" / "model.json" / "2999-01-01T00.00.00.000Z"
                folder.mkdir(parents=True)
                (folder / "model.json").write_text('"of another run"')
                return model

            def load(model, done):
                return [model, done]
        """,
        pipelines="""{"__default__": pipeline([
            node(save, "raw", "model", name="save"), node(other_run_saves, "model", "done", name="other"),
            node(load, ["model", "done"], "final", name="load"),
        ])}""",
        catalog=json_dataset("raw", "done", "final")
        + "model:\n  type: CachedDataset\n  versioned: true\n"
        + "  dataset: {type: json.JSONDataset, filepath: data/model.json}\n",
        dagster=PARALLEL,
    )
    compare(project, instance, {"raw.json": "1"})
    assert project.read("final.json") == [1, 1]


@pytest.mark.parametrize(
    ("options", "read"),
    [
        ("{type: MemoryDataset}", {"inner": [1]}),
        ("{type: MemoryDataset, copy_mode: deepcopy}", {"inner": [1]}),
        ("{type: MemoryDataset, copy_mode: copy}", {"inner": [1, 2]}),
        ("{type: MemoryDataset, copy_mode: assign}", {"inner": [1, 2], "outer": 3}),
    ],
)
def test_a_node_that_changes_its_input_is_seen_by_later_nodes_as_the_copy_mode_says(
    tmp_path: Path, instance: dg.DagsterInstance, options: str, read: dict[str, Any]
) -> None:
    project = write(
        tmp_path,
        nodes="""
            def make():
                return {"inner": [1]}

            def change(table):
                table["inner"].append(2)
                table["outer"] = 3
                return True

            def read(table, changed):
                return table
        """,
        pipelines="""{"__default__": pipeline([
            node(make, None, "table", name="make"), node(change, "table", "changed", name="change"),
            node(read, ["table", "changed"], "final", name="read"),
        ])}""",
        catalog=f"table: {options}\n" + json_dataset("changed", "final"),
    )
    compare(project, instance, {})
    assert project.read("final.json") == read


def test_a_declared_shared_memory_dataset_fails_as_in_kedro_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = write(
        tmp_path,
        nodes="def make():\n    return 1\n\ndef add(value):\n    return value + 1\n",
        pipelines="""{"__default__": pipeline([
            node(make, None, "shared", name="make"), node(add, "shared", "final", name="add")])}""",
        catalog="shared: {type: SharedMemoryDataset}\n" + json_dataset("final"),
    )
    assert not compare(project, instance, {}).success


# Versions


VERSIONS = {
    f"model.json/{year}-01-01T00.00.00.000Z/model.json": f'"{text}"' for year, text in ((2020, "old"), (2021, "new"))
}


def versioned(folder: Path) -> KedroProject:
    return write(
        folder,
        nodes="def join(model, text):\n    return [model, text]\n\ndef copy(value):\n    return value\n",
        pipelines="""{"__default__": pipeline([
            node(copy, "model", "first", name="first"), node(join, ["model", "first"], "final", name="join")])}""",
        catalog=json_dataset("model", versioned=True)
        + json_dataset("first")
        + "final: {type: json.JSONDataset, filepath: data/final.json, versioned: true}\n",
        dagster=PARALLEL,
    )


def test_a_versioned_input_is_loaded_at_its_latest_version(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = versioned(tmp_path)
    ours = compare(project, instance, VERSIONS)
    assert json.loads(ours.files["final.json/VERSION/final.json"]) == ["new", "new"]


@pytest.mark.parametrize("job", JOBS)
def test_a_load_version_that_is_given_at_launch_is_the_one_that_is_loaded(
    tmp_path: Path, instance: dg.DagsterInstance, job: str
) -> None:
    project = versioned(tmp_path)
    versions = {"model": "2020-01-01T00.00.00.000Z"}
    config = {"resources": {"kedro": {"config": {"load_versions": versions}}}}
    ours = compare(project, instance, VERSIONS, job, config, load_versions=versions)
    assert json.loads(ours.files["final.json/VERSION/final.json"]) == ["old", "old"]
    assert all(call["load_versions"] == versions for call in ours.of("after_catalog_created"))
    assert all(call["run_params"]["load_versions"] == versions for call in ours.of("before_pipeline_run"))


def test_a_load_version_that_does_not_exist_fails_as_in_kedro_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = versioned(tmp_path)
    versions = {"model": "1999-01-01T00.00.00.000Z"}
    start_over(project, VERSIONS)
    theirs = by_kedro(project, load_versions=versions)
    start_over(project, VERSIONS)
    ours = by_dagster(project, instance, config={"resources": {"kedro": {"config": {"load_versions": versions}}}})
    assert not ours.success
    assert ours.error == theirs.error  # the messages that hooks get have the run's version in them


# Validators


VALIDATORS = """
    from pathlib import Path

    CALLS = Path(__file__).parents[2] / "data" / "calls.txt"


    class Below:
        def __init__(self, limit=10):
            self.limit = limit

        def validate(self, data):
            with CALLS.open("a") as file:
                file.write(f"validate {data}\\n")
            if data >= self.limit:
                raise ValueError(f"{data} is too large")
            return round(data)


    def is_a_number(data):
        assert isinstance(data, float)
"""


@pytest.mark.parametrize(
    ("options", "raw"),
    [
        ("PACKAGE.validators.Below", "2.4"),
        ("PACKAGE.validators.Below", "20.4"),
        ("{class: PACKAGE.validators.Below, on: load}", "20.4"),
        ("{class: PACKAGE.validators.Below, on: [save], options: {limit: 15}}", "20.4"),
        ("{class: PACKAGE.validators.Below, severity: warn}", "20.4"),
        ("{class: PACKAGE.validators.Below, enabled: false}", "20.4"),
        ("{class: PACKAGE.validators.Below, skip_load_after_save: true}", "2.4"),
        ("PACKAGE.validators.is_a_number", "2.4"),
        ("PACKAGE.validators.is_a_number", "2"),
    ],
)
def test_a_validator_of_the_catalog_acts_as_in_kedro_run(
    tmp_path: Path, instance: dg.DagsterInstance, options: str, raw: str
) -> None:
    compare(validated(tmp_path, options), instance, {"raw.json": raw})


def test_a_validator_acts_in_every_process_as_in_kedro_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = validated(tmp_path, "{class: PACKAGE.validators.Below, options: {limit: 4}}")
    ours = compare(project, instance, {"raw.json": "2.4"}, "parallel")
    assert not ours.success
    assert ours.files["middle.json"] == b"3"


def validated(folder: Path, options: str) -> KedroProject:
    """Two nodes, with one validator for all of their datasets."""
    return write(
        folder,
        nodes="def add(value):\n    return value + 1.2\n",
        pipelines="""{"__default__": pipeline([
            node(add, "raw", "middle", name="one"), node(add, "middle", "final", name="two")])}""",
        catalog="".join(
            f"{name}:\n  type: json.JSONDataset\n  filepath: data/{name}.json\n  validator: {options}\n"
            for name in ("raw", "middle", "final")
        ),
        validators=VALIDATORS,
        dagster=PARALLEL,
    )


# Factories


FACTORIES = """
    "{namespace}.{name}_table": {type: json.JSONDataset, filepath: "data/{namespace}/{name}.json"}
    "{namespace}.model": {type: json.JSONDataset, filepath: "data/models/{namespace}.json", versioned: true}
    "forest.model": {type: json.JSONDataset, filepath: data/forest.json}
    "{name}_memory": {type: MemoryDataset, copy_mode: assign}
"""


@dots_in_names
@pytest.mark.parametrize("catch_all", [False, True], ids=["default pattern", "catch-all pattern"])
def test_dataset_factories_give_each_name_what_they_give_it_in_kedro_run(
    tmp_path: Path, instance: dg.DagsterInstance, *, catch_all: bool
) -> None:
    project = write(
        tmp_path,
        nodes="def add(value):\n    return value + 1\n",
        pipelines="""{"__default__": sum((pipeline([
            node(add, "raw_table", "prepared_table", name="prepare"), node(add, "prepared_table", "kept_memory", name="keep"),
            node(add, "kept_memory", "model", name="fit"), node(add, "model", "undeclared", name="score"),
            node(add, "undeclared", "last_table", name="end"),
        ], namespace=namespace) for namespace in ("forest", "linear.small")), pipeline([]))}""",
        catalog=FACTORIES
        + ('    "{anything}": {type: json.JSONDataset, filepath: "data/any/{anything}.json"}\n' if catch_all else ""),
    )
    data = {"forest/raw.json": "1", "linear/small.raw.json": "10"}
    ours = compare(project, instance, data)
    assert {"forest.json", "models/linear.small.json/VERSION/linear.small.json"} <= ours.files.keys()
    assert ("any/forest.undeclared.json" in ours.files) == catch_all


# Transcoding


TRANSCODED = """
    "table@json": {type: json.JSONDataset, filepath: data/table.csv, save_args: {indent: null}VERSIONED}
    "table@text": {type: text.TextDataset, filepath: data/table.csvVERSIONED}
    "table@raw": {type: PACKAGE.datasets.Recording, filepath: data/table.csv}
    raw: {type: json.JSONDataset, filepath: data/raw.json}
    final: {type: json.JSONDataset, filepath: data/final.json}
"""
VARIANTS = {"": ["@text", "@json", "@raw"], ", versioned: true": ["@text", "@json"]}


@pytest.mark.parametrize(
    ("versioned", "other", "job"),
    [
        pytest.param("", "raw", "__default__", id="three variants, two clusters"),
        pytest.param("", "memory", "__default__", id="three variants, one cluster"),
        pytest.param(", versioned: true", "raw", "__default__", id="versioned, two clusters"),
        pytest.param(", versioned: true", "memory", "__default__", id="versioned, one cluster"),
        pytest.param(", versioned: true", "raw", "parallel", id="versioned, two processes"),
    ],
)
def test_transcoded_variants_read_what_another_variant_has_saved(
    tmp_path: Path, instance: dg.DagsterInstance, versioned: str, other: str, job: str
) -> None:
    inputs = [*(f"table{variant}" for variant in VARIANTS[versioned]), other]
    project = write(
        tmp_path,
        nodes="def one(raw):\n    return [raw], raw\n\ndef join(*values):\n    return list(values)\n",
        pipelines=f"""{{"__default__": pipeline([
            node(one, "raw", ["table@json", "memory"], name="one"), node(join, {inputs}, "final", name="join")])}}""",
        catalog=TRANSCODED.replace("VERSIONED", versioned),
        dagster=PARALLEL,
    )
    ours = compare(project, instance, {"raw.json": "1"}, job)
    assert ours.success
    assert project.read("final.json") == ["[1]", *[[1]] * (len(inputs) - 2), 1]
    assert len(load_definitions(project).resolve_asset_graph().get_all_asset_keys()) == 4


# Credentials


PASSWORD = "tr0ub4dor-and-3"


def guarded(folder: Path, *, broken: bool = False) -> KedroProject:
    project = write(
        folder,
        nodes="def copy(value):\n    return value\n",
        pipelines="""{"__default__": pipeline([
            node(copy, "secret", "well_kept", name="one"), node(copy, "well_kept", "plain", name="two")])}""",
        catalog=f"""
            secret: {{type: PACKAGE.datasets.Secret, filepath: data/secret.json, credentials: server, broken: {broken}}}
            "{{name}}_kept": {{type: PACKAGE.datasets.Secret, filepath: "data/{{name}}.json", credentials: server}}
            plain: {{type: json.JSONDataset, filepath: data/plain.json}}
        """,
        dagster=PARALLEL,
    )
    project.write("conf/local/credentials.yml", f"server: {{password: {PASSWORD}}}")
    return project


def recorded(project: KedroProject, instance: dg.DagsterInstance, run_id: str) -> str:
    """All that Dagster has or shows of a project and of one of its runs, as text."""
    repository = load_definitions(project).get_repository_def()
    snapshots = [serialize_value(job.get_job_snapshot()) for job in repository.get_all_jobs()]
    entries = [serialize_value(entry) for entry in instance.all_logs(run_id)]
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return "\n".join([serialize_value(RepositorySnap.from_def(repository)), *snapshots, *entries, serialize_value(run)])


@pytest.mark.parametrize(("broken", "job"), [(False, "__default__"), (True, "__default__"), (True, "parallel")])
def test_a_credential_reaches_its_datasets_and_nothing_that_dagster_keeps(
    tmp_path: Path, instance: dg.DagsterInstance, broken: bool, job: str
) -> None:
    project = guarded(tmp_path, broken=broken)
    ours = compare(project, instance, {"secret.json": "1"}, job)
    assert ours.success is not broken
    text = recorded(project, instance, ours.run_id)
    assert "well_kept" in text
    assert PASSWORD not in text


def test_a_credential_that_is_not_defined_fails_as_in_kedro_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = guarded(tmp_path)
    project.write("conf/local/credentials.yml", "other: {password: unused}")
    start_over(project, {"secret.json": "1"})
    theirs, ours = by_kedro(project), by_dagster(project, instance)
    assert not theirs.success
    assert (ours.success, ours.error) == (theirs.success, theirs.error)


# Generators


CHUNKS, SIZE = 40, 8_000_000


def test_the_memory_of_a_node_that_yields_large_chunks_stays_flat(tmp_path: Path, dagster_home: Path) -> None:
    project = write(
        tmp_path,
        nodes=f"""
            class Chunk(bytearray):
                def __repr__(self):
                    return "a chunk"

            def chunks():
                for number in range({CHUNKS}):
                    yield Chunk(b"x" * {SIZE})
        """,
        pipelines='{"__default__": pipeline([node(chunks, None, "peak", name="chunks")])}',
        catalog="peak: {type: PACKAGE.datasets.Peak, filepath: data/peak.txt}\n",
        dagster="",
    )
    for run in (kedro_run, lambda project: job_execute(project, "__default__")):
        start_over(project, {"keep": ""})
        run(project)
        peaks = [int(line) * 1024 for line in (project.path / "data/peak.txt").read_text().splitlines()]
        assert len(peaks) == CHUNKS
        assert peaks[-1] - peaks[0] < 5 * SIZE


def test_the_outputs_of_a_generator_node_are_saved_in_turn_as_in_kedro_run(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = write(
        tmp_path,
        nodes="""
            def chunks(raw):
                for value in raw:
                    yield {"left": value, "right": [value]}
        """,
        pipelines="""{"__default__": pipeline([
            node(chunks, "raw", {"left": "left", "right": "right"}, name="chunks"),
            node(lambda left, right: [left, right], ["left", "right"], "both", name="both"),
        ])}""",
        catalog=json_dataset("raw")
        + "".join(
            f"{name}: {{type: PACKAGE.datasets.Recording, filepath: data/{name}.json}}\n"
            for name in ("left", "right", "both")
        ),
    )
    ours = compare(project, instance, {"raw.json": "[1, 2, 3]"})
    calls = ours.files["calls.txt"].decode().split("\n")
    assert calls[:6] == ["save left", "save right"] * 3


# Datasets of the project's own


@pytest.mark.parametrize("memory", ["memory", "file"], ids=["one cluster", "a cluster each"])
def test_a_dataset_is_loaded_saved_released_and_confirmed_at_the_points_of_kedro_run(
    tmp_path: Path, instance: dg.DagsterInstance, memory: str
) -> None:
    project = write(
        tmp_path,
        nodes="def add(*values):\n    return sum(values)\n",
        pipelines=f"""{{"__default__": pipeline([
            node(add, "raw", "first", name="one"), node(add, ["raw", "first"], "{memory}", name="two", confirms="raw"),
            node(add, ["first", "{memory}"], "third", name="three", confirms="first"),
            node(add, "third", "last", name="four"),
        ])}}""",
        catalog="".join(
            f"{name}: {{type: PACKAGE.datasets.Recording, filepath: data/{name}.json}}\n"
            for name in ("raw", "first", "file", "third", "last")
        ),
    )
    ours = compare(project, instance, {"raw.json": "1"})
    assert b"release first" in ours.files["calls.txt"]


def test_a_confirmed_dataset_that_cannot_be_confirmed_fails_as_in_kedro_run(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = write(
        tmp_path,
        nodes="def add(value):\n    return value + 1\n",
        pipelines='{"__default__": pipeline([node(add, "raw", "final", name="add", confirms="raw")])}',
        catalog=json_dataset("raw", "final"),
    )
    ours = compare(project, instance, {"raw.json": "1"})
    assert ours.error is not None
    assert "does not have 'confirm' method" in ours.error[1]
