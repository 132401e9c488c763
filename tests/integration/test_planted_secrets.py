"""Secrets in every spelling, on every way out of a project: none is in what Dagster keeps or shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from helpers import KedroProject, execute, load_definitions, renew_forkserver, run_command, write_project
from instance_files import files
from planted import CREDENTIALS, LISTED, OF_VARIABLE, PARAMETER, TEXTS, VARIABLE, leaks

NODES = """
    import logging
    import subprocess
    import sys
    import os
    from collections import namedtuple
    from pathlib import Path

    import dagster as dg
    import pydantic

    logger = logging.getLogger(__name__)
    TEXT = (Path(__file__).parents[2] / "planted.txt").read_text()
    Pair = namedtuple("Pair", "first second")

    class Port(pydantic.BaseModel):
        port: int

    class Computed(Exception):
        def __init__(self, holder):
            self.holder = holder

        def __str__(self):
            return "".join(self.holder())

    def deep(levels):
        return [deep(levels - 1)] if levels else TEXT

    def logs():
        logger.info(TEXT)
        logger.warning("with %s", TEXT)
        logger.error("with %s", {"all": [TEXT]})
        return 1

    def logs_errors():
        try:
            raise ValueError(TEXT)
        except ValueError:
            logger.exception("caught")
        return 1

    def prints():
        print(TEXT)
        print(*TEXT.splitlines(), sep=" ")
        sys.stderr.write(TEXT)
        return 1

    def previewed():
        return TEXT

    def previewed_as_json():
        return {"lines": TEXT.splitlines()}

    def processes():
        commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (os.getpid(), os.getppid())]
        given = {name: value for name, value in os.environ.items() if name != "PLANTED_API_TOKEN"}
        (Path(__file__).parents[2] / f"processes-{os.getpid()}").write_text(repr((commands, given)))
        return 1

    def reads_parameters(token, licence, model):
        assert (token, licence, model) == (os.environ["PLANTED_PARAMETER"], os.environ["PLANTED_LISTED"], {
            "depth": 3, "api_key": os.environ["PLANTED_PARAMETER"]})
        return len(token)

    def message(): raise ValueError(TEXT)
    def arguments(): raise ValueError("with", TEXT, {"x": [TEXT]}, (TEXT,))
    def key(): raise KeyError(TEXT)
    def os_error(): raise FileNotFoundError(2, "no file", TEXT)
    def import_error(): raise ImportError(TEXT)
    def syntax_error(): raise SyntaxError(TEXT, (TEXT, 1, 1, TEXT))
    def unicode_error(): raise UnicodeDecodeError("utf-8", TEXT.encode(), 0, 1, TEXT)
    def computed(): raise Computed(lambda: list(TEXT))
    def as_bytes(): raise ValueError(TEXT.encode())
    def as_set(): raise ValueError({TEXT}, frozenset([TEXT]))
    def as_tuple(): raise ValueError(Pair(TEXT, 1))
    def as_deep(): raise ValueError(deep(12))
    def validation(): Port(port=TEXT)
    def note():
        error = ValueError("with notes")
        error.__notes__ = [TEXT]
        raise error
    def cause(): raise ValueError("caused") from KeyError(TEXT)
    def in_context():
        try:
            Port(port=TEXT)
        except ValueError:
            raise RuntimeError("in the course of")
    def group():
        raise ExceptionGroup(TEXT, [ValueError(TEXT)]) if sys.version_info >= (3, 11) else ValueError(TEXT)
    def failure():
        raise dg.Failure(TEXT, {"text": TEXT, "json": {"x": [TEXT]}, "url": dg.MetadataValue.url(TEXT), TEXT[:50]: 1})
    def retry(): raise dg.RetryRequested(1, 0) from ValueError(TEXT)
    def leaves(): raise SystemExit(TEXT)
    def saved(): return 1
    def loaded(locked): return 1
"""
SUCCEED = ["logs", "logs_errors", "prints", "previewed", "previewed_as_json", "processes"]
FAIL = [
    *(
        "message",
        "arguments",
        "key",
        "os_error",
        "import_error",
        "syntax_error",
        "unicode_error",
        "computed",
        "as_bytes",
    ),
    *(
        "as_set",
        "as_tuple",
        "as_deep",
        "validation",
        "note",
        "cause",
        "in_context",
        "group",
        "failure",
        "retry",
        "saved",
    ),
]
CATALOG = """
    "{previewed}_out":
      type: PACKAGE.datasets.TextDataset
      metadata: {kedro-viz: {preview_args: {nrows: 5}}}
    saved_out: {type: PACKAGE.datasets.LockedDataset, credentials: odd}
    locked: {type: PACKAGE.datasets.LockedDataset, credentials: odd}
    sensed: {type: json.JSONDataset, filepath: "memory://sensed/x.json", fs_args: {wrong: true}, credentials: sensed}
"""
DATASETS = """
    from pathlib import Path

    from kedro.io import AbstractDataset

    TEXT = (Path(__file__).parents[2] / "planted.txt").read_text()

    class TextDataset(AbstractDataset):
        def __init__(self, metadata=None):
            self.metadata = metadata

        def _describe(self):
            return {}

        def _load(self):
            return 1

        def _save(self, data):
            pass

    class LockedDataset(AbstractDataset):
        def __init__(self, credentials):
            self._credentials = credentials

        def _describe(self):
            return {"credentials": self._credentials, "text": TEXT}

        def _load(self):
            raise PermissionError(TEXT, self._credentials)

        def _save(self, data):
            raise PermissionError(TEXT, self._credentials)
"""
HOOKS = """
    import logging
    import os
    from pathlib import Path

    from kedro.framework.hooks import hook_impl

    TEXT = (Path(__file__).parents[2] / "planted.txt").read_text()

    class Recorder:
        @hook_impl
        def after_context_created(self):
            logging.getLogger(__name__).warning("context %s", TEXT)

        @hook_impl
        def after_catalog_created(self):
            logging.getLogger(__name__).warning("catalog %s", TEXT)

        @hook_impl
        def before_pipeline_run(self):
            logging.getLogger(__name__).warning("pipeline %s", TEXT)

        @hook_impl
        def on_pipeline_error(self, error):
            logging.getLogger(__name__).warning("error %s", error)
            raise ConnectionError(TEXT)
"""
PARAMETERS = """
    token: "${env:PLANTED_PARAMETER}"
    licence: "${env:PLANTED_LISTED}"
    model: {depth: 3, api_key: "${env:PLANTED_PARAMETER}"}
"""
DAGSTER = """
    secrets: [licence]
    mask_output: true
    executors: {two: {multiprocess: {max_concurrent: 2}}}
    jobs:
      all: {}
      parallel: {executor: two, pipeline: {node_names: [logs, prints, processes, computed, validation, reads_parameters]}}
      leaves: {pipeline: {pipeline_name: leaves}}
      sensed: {pipeline: {pipeline_name: sensed}, sensor: {dataset: sensed}}
"""

SETTINGS = """
    import os

    from .hooks import Recorder

    HOOKS = (Recorder(),)
    CONFIG_LOADER_ARGS = {"custom_resolvers": {"env": lambda name: os.environ[name]}}
"""

Kept = dict[str, str]


def planted_project(folder: Path, dagster: str = DAGSTER) -> KedroProject:
    nodes = ", ".join(f'node({name}, None, "{name}_out", name="{name}")' for name in [*SUCCEED, *FAIL])
    pipelines = f"""{{
        "__default__": pipeline([
            {nodes},
            node(loaded, "locked", "loaded_out", name="loaded"),
            node(reads_parameters, ["params:token", "params:licence", "params:model"], "size", name="reads_parameters"),
        ]),
        "leaves": pipeline([node(leaves, None, "leaves_out", name="leaves")]),
        "sensed": pipeline([node(loaded, "sensed", "sensed_out", name="reads_sensed")]),
    }}"""
    project = write_project(
        folder, nodes=NODES, pipelines=pipelines, dagster=dagster, hooks=HOOKS, parameters=PARAMETERS, settings=SETTINGS
    )
    project.write("conf/base/catalog.yml", CATALOG.replace("PACKAGE", project.package))
    credentials = {**CREDENTIALS, "sensed": {"password": CREDENTIALS["odd"]["password"]}}
    project.write("conf/local/credentials.yml", yaml.safe_dump(credentials))
    project.write(f"src/{project.package}/datasets.py", DATASETS)
    text = "\n".join(text for text, _ in TEXTS.values())
    (project.path / "planted.txt").write_text(text, encoding="utf-8", newline="")
    assert leaks(text).keys() == TEXTS.keys()
    return project


@pytest.fixture(scope="module")
def variables() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, OF_VARIABLE)
        patch.setenv("PLANTED_PARAMETER", PARAMETER)
        patch.setenv("PLANTED_LISTED", LISTED)
        renew_forkserver()
        yield


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, variables: None) -> KedroProject:
    return planted_project(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def kept(project: KedroProject, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """What Dagster keeps of the runs: the log of each step, and all that is in the files of its instance."""
    home = tmp_path_factory.mktemp("home")
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    found: Kept = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        with dg.DagsterInstance.get() as instance:
            for job in ("all", "parallel", "leaves"):
                assert not execute(project, instance, job).success
            for run in instance.get_runs():
                for entry in instance.all_logs(run.run_id):
                    place = f"{run.job_name}: {entry.step_key}"
                    found[place] = found.get(place, "") + entry.to_json() + "\n"
    found.update(files(home))
    return found


@pytest.mark.parametrize("step", [*SUCCEED, *FAIL, "loaded", "reads_parameters"])
def test_no_secret_is_in_the_log_of_a_step(kept: Kept, step: str) -> None:
    text = kept[f"all: {step}"]
    assert ("STEP_SUCCESS" in text) == (step in {*SUCCEED, "reads_parameters"})
    assert not leaks(text)


@pytest.mark.parametrize("job", ["all", "parallel", "leaves"])
def test_no_secret_is_in_the_log_of_a_run(kept: Kept, job: str) -> None:
    assert "ConnectionError" in kept[f"{job}: None"] or job == "leaves"
    assert not leaks("\n".join(text for place, text in kept.items() if place.startswith(f"{job}: ")))


def test_no_secret_is_in_any_file_of_the_instance(kept: Kept) -> None:
    """Databases, pickles, and the output of steps, as `mask_output` is set."""
    found = {place: leaks(text) for place, text in kept.items() if "/" in place or place.endswith(".db")}
    assert any("compute_logs" in place for place in found)
    assert any(place.endswith(".db") for place in found)
    assert not {place: titles for place, titles in found.items() if titles}


def test_no_secret_is_in_the_arguments_and_the_environment_of_processes(kept: Kept, project: KedroProject) -> None:
    assert kept
    found = [file.read_text() for file in project.path.glob("processes-*")]
    assert found
    own = [text for text in found if PARAMETER in text]  # it is in the environment that the test gives them
    assert own == found
    titles = {title for text in found for title in leaks(text)} - {"a parameter", "a listed key"}
    assert not titles


def test_no_secret_is_in_the_snapshot_of_a_job(project: KedroProject) -> None:
    job = load_definitions(project).resolve_job_def("all")
    snapshot = dg.serialize_value(job.get_job_snapshot())
    assert "params:token" in snapshot
    assert not leaks(snapshot)


def test_a_masked_parameter_can_be_left_beside_one_that_is_changed(
    project: KedroProject, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    own = planted_project(tmp_path)
    config = {"ops": {"reads_parameters": {"config": {"parameters": {"params:model": {"depth": 3, "api_key": "***"}}}}}}
    result = execute(own, instance, "all", assets=["size"], config=config)
    assert result.success


@pytest.mark.parametrize("name", ["reads_parameters", "all", "locked", "sensed"])
def test_no_secret_is_in_what_explain_says(project: KedroProject, name: str) -> None:
    for options in ([], ["--json"]):
        told = run_command(project, "kedro", "assets", "explain", name, *options).stdout
        assert name in told
        assert not leaks(told)


def test_no_secret_is_in_what_the_command_line_says_of_a_run(project: KedroProject) -> None:
    told = run_command(project, "kedro", "assets", "run", "parallel", check=False)
    assert "failed" in told.stdout, told.stderr
    assert not leaks(told.stdout)


def test_no_secret_is_in_the_tick_of_a_sensor(
    project: KedroProject, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (project.path / "planted.txt").read_text(encoding="utf-8")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(text)

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.isfile", refuse)
    repository = load_definitions(project).get_repository_def()
    sensor = repository.get_sensor_def("sensed_sensor")
    with (
        dg.build_sensor_context(instance, None, repository_def=repository, sensor_name=sensor.name) as context,
        pytest.raises(Exception) as raised,  # noqa: PT011 - whatever Dagster makes of it
    ):
        sensor.evaluate_tick(context)
    error: BaseException | None = raised.value
    while error is not None:
        assert not leaks(f"{error} {error!r}")
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    "command", [["kedro", "assets", "check"], ["dagster", "definitions", "validate", "-f", "definitions.py"]]
)
def test_no_secret_is_in_the_error_of_a_project_that_cannot_be_loaded(
    tmp_path: Path, variables: None, command: list[str]
) -> None:
    project = planted_project(tmp_path)
    registry = project.path / "src" / project.package / "pipeline_registry.py"
    text = '\nfrom pathlib import Path\nraise ImportError((Path(__file__).parents[2] / "planted.txt").read_text())\n'
    registry.write_text(registry.read_text(encoding="utf-8") + text, encoding="utf-8")
    project.write("definitions.py", "from kedro_assets import build_definitions\n\ndefs = build_definitions()\n")
    told = run_command(project, *command, check=False)
    assert told.returncode
    assert "***" in told.stdout + told.stderr
    assert not leaks(told.stdout + told.stderr)
