"""What nodes, hooks and libraries log and print: in Dagster's event log, in the step's output, and in `loggers`."""

from __future__ import annotations

import gc
import logging
from collections import Counter
from pathlib import Path

import dagster as dg
import pytest
from helpers import KedroProject, execute, job_execute, json_dataset, write_project

JOBS = ["__default__", "parallel"]
FAILING = ["failing", "parallel_failing"]
DAGSTER = """
    executors: {two: {multiprocess: {max_concurrent: 2}}}
    jobs:
      __default__: {}
      parallel: {executor: two}
      failing: {pipeline: {pipeline_name: failing}}
      parallel_failing: {pipeline: {pipeline_name: failing}, executor: two}
"""
NODES = """
    import logging
    import sys
    import threading
    import warnings

    from some_library import work

    logger = logging.getLogger(__name__)

    def one(raw):
        logger.debug("one is too low")
        logger.info("one has read %s", raw)
        logging.getLogger("some_library").warning("%d %% of {one}", 100)
        warnings.warn("one is old")
        try:
            work(raw)
        except ValueError:
            logger.exception("one has caught")
        thread = threading.Thread(target=logger.warning, args=("one has a thread",))
        thread.start()
        thread.join()
        print("one prints")
        print("one complains", file=sys.stderr)
        return raw

    def two(first):
        logger.warning("two has read %s", first)
        work(first, fail=False)
        print("two prints")
        return first

    def no(first):
        logger.error("no is about to fail")
        print("no prints")
        raise ValueError("no")
"""
LIBRARY = """
    import logging

    logger = logging.getLogger(__name__)
    logger.setLevel(logging.DEBUG)
    apart = logging.getLogger(f"{__name__}.apart")
    apart.propagate = False

    def work(raw, fail=True):
        logger.debug("working on %s", raw)
        apart.warning("apart on %s", raw)
        if fail:
            raise ValueError(f"cannot work on {raw}")
"""
PIPELINES = """{
    "__default__": pipeline([node(one, "raw", "first", name="one"), node(two, "first", "second", name="two")]),
    "failing": pipeline([node(one, "raw", "first", name="one"), node(no, "first", "never", name="no")]),
}"""
SPEAKING = [
    "after_context_created",
    "after_catalog_created",
    "before_pipeline_run",
    "before_dataset_loaded",
    "after_dataset_loaded",
    "before_node_run",
    "after_node_run",
    "before_dataset_saved",
    "after_dataset_saved",
    "after_pipeline_run",
    "on_node_error",
    "on_pipeline_error",
]
SPEAKER = """
import logging

from kedro.framework.hooks import hook_impl

logger = logging.getLogger(__name__)


class Speaker:
"""
ABOUT_A_DATASET = """
    @hook_impl
    def HOOK(self, dataset_name):
        logger.warning("HOOK %s", dataset_name)
"""
ABOUT_THE_REST = """
    @hook_impl
    def HOOK(self):
        logger.warning("HOOK")
"""
HOOKS = SPEAKER + "".join(
    (ABOUT_A_DATASET if "dataset" in hook else ABOUT_THE_REST).replace("HOOK", hook) for hook in SPEAKING
)
SETTINGS = "from .hooks import Speaker\n\nHOOKS = (Speaker(),)\n"

Line = tuple[str | None, str, str]
Runs = dict[str, tuple[str, list[Line]]]


def speaking(folder: Path, dagster: str = DAGSTER) -> KedroProject:
    """A project that logs in all ways, wherever it can."""
    project = write_project(
        folder,
        nodes=NODES,
        pipelines=PIPELINES,
        catalog=json_dataset("raw", "first", "second", "never"),
        dagster=dagster,
        hooks=HOOKS,
        settings=SETTINGS,
    )
    project.write("src/some_library.py", LIBRARY)
    project.write("data/raw.json", "1")
    return project


def run_of(instance: dg.DagsterInstance) -> str:
    """The latest run: one that a command has launched."""
    return instance.get_runs(limit=1)[0].run_id


def launched(project: KedroProject, instance: dg.DagsterInstance, job: str, *, check: bool = True) -> str:
    """Run a job in a process of its own, where Python's warnings are Kedro's and not pytest's."""
    job_execute(project, job, check=check)
    return run_of(instance)


def lines(instance: dg.DagsterInstance, run_id: str) -> list[Line]:
    """What was logged in a run: the step, the level and the first line of the message; Dagster's events left out."""
    return [
        (entry.step_key, logging.getLevelName(entry.level), entry.user_message.splitlines()[0])
        for entry in instance.all_logs(run_id)
        if entry.dagster_event is None
    ]


def without_place(found: list[Line]) -> Counter[Line]:
    """Count the lines; those of Python's warnings without the file and the number of the line."""
    return Counter((step, level, text[max(text.find("UserWarning"), 0) :]) for step, level, text in found)


def of_hooks(found: list[Line], *, pipeline: bool) -> list[tuple[str | None, str]]:
    hooks = [hook for hook in SPEAKING if ("pipeline" in hook) == pipeline]
    return [(step, text) for step, level, text in found if text.split()[0] in hooks and level == "WARNING"]


ONE = {
    ("one", "INFO", "one has read 1"): 1,
    ("one", "WARNING", "100 % of {one}"): 1,
    ("one", "WARNING", "UserWarning: one is old"): 1,
    ("one", "DEBUG", "working on 1"): 1,
    ("one", "WARNING", "apart on 1"): 1,
    ("one", "ERROR", "one has caught"): 1,
    ("one", "WARNING", "one has a thread"): 1,
}
TWO = {
    ("two", "WARNING", "two has read 1"): 1,
    ("two", "DEBUG", "working on 1"): 1,
    ("two", "WARNING", "apart on 1"): 1,
}


def node_hooks(node: str, reads: str, writes: str | None) -> list[tuple[str, str]]:
    """The hooks of a node that reads one dataset and writes another, or fails."""
    loaded = [f"before_dataset_loaded {reads}", f"after_dataset_loaded {reads}", "before_node_run"]
    if writes is None:
        return [(node, text) for text in [*loaded, "on_node_error"]]
    saved = [f"before_dataset_saved {writes}", f"after_dataset_saved {writes}"]
    return [(node, text) for text in [*loaded, "after_node_run", *saved]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, instance: dg.DagsterInstance) -> Runs:
    """Every job of one project, each launched once."""
    project = speaking(tmp_path_factory.mktemp("speaking"))
    found: Runs = {}
    for job in (*JOBS, *FAILING):
        run_id = launched(project, instance, job, check=job in JOBS)
        found[job] = (run_id, lines(instance, run_id))
    return found


@pytest.mark.parametrize("job", JOBS)
def test_what_nodes_and_libraries_log_is_at_their_step_once(runs: Runs, job: str) -> None:
    _, found = runs[job]
    mine = {line: count for line, count in without_place(found).items() if line[2].split()[0] not in SPEAKING}
    assert {line: count for line, count in mine.items() if not line[2].startswith("Completed")} == {**ONE, **TWO}


@pytest.mark.parametrize("job", JOBS)
def test_what_hooks_of_nodes_and_datasets_log_is_at_the_step_in_their_order(runs: Runs, job: str) -> None:
    _, found = runs[job]
    mine = [line for line in of_hooks(found, pipeline=False) if not line[1].endswith("created")]
    assert [line for line in mine if line[0] == "one"] == node_hooks("one", "raw", "first")
    assert [line for line in mine if line[0] == "two"] == node_hooks("two", "first", "second")
    assert {step for step, _ in mine} == {"one", "two"}


@pytest.mark.parametrize("job", JOBS)
def test_what_pipeline_hooks_log_is_at_no_step(runs: Runs, job: str) -> None:
    _, found = runs[job]
    assert of_hooks(found, pipeline=True) == [(None, "before_pipeline_run"), (None, "after_pipeline_run")]


@pytest.mark.parametrize(("job", "steps"), [("__default__", [None]), ("parallel", [None, "one", "two"])])
def test_what_context_hooks_log_is_there_once_per_process(runs: Runs, job: str, steps: list[str | None]) -> None:
    _, found = runs[job]
    for hook in ("after_context_created", "after_catalog_created"):
        assert sorted((step for step, _, text in found if text == hook), key=str) == sorted(steps, key=str)


@pytest.mark.parametrize("job", FAILING)
def test_a_failed_run_has_its_lines_too(runs: Runs, job: str) -> None:
    _, found = runs[job]
    counted = without_place(found)
    expected = {**ONE, ("no", "ERROR", "no is about to fail"): 1}
    assert {line: counted[line] for line in expected} == expected
    mine = of_hooks(found, pipeline=False)
    assert [line for line in mine if line[0] == "no" and not line[1].endswith("created")] == node_hooks(
        "no", "first", None
    )
    assert of_hooks(found, pipeline=True) == [(None, "before_pipeline_run"), (None, "on_pipeline_error")]


@pytest.mark.parametrize("job", JOBS)
def test_an_exception_that_is_logged_has_its_traceback(runs: Runs, instance: dg.DagsterInstance, job: str) -> None:
    [entry] = [entry for entry in instance.all_logs(runs[job][0]) if entry.user_message.startswith("one has caught")]
    assert "some_library.py" in entry.user_message
    assert entry.user_message.endswith("ValueError: cannot work on 1")


@pytest.mark.parametrize("job", [*JOBS, *FAILING])
def test_kedros_own_lines_are_not_in_the_event_log(runs: Runs, job: str) -> None:
    assert [text for _, _, text in runs[job][1] if "Loading data from" in text or "Running node" in text] == []


def printed(instance: dg.DagsterInstance, run_id: str) -> dict[str, list[str]]:
    """What was written to the standard output and error of each step, one after the other, by each of its keys.

    A step of the multiprocess executor has a key of its own; in one process all steps share one.
    """
    found: dict[str, list[str]] = {}
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.LOGS_CAPTURED):
        captured = entry.dagster_event.logs_captured_data
        data = instance.compute_log_manager.get_log_data([run_id, "compute_logs", captured.file_key])
        text = ((data.stdout or b"") + (data.stderr or b"")).decode().splitlines()
        for step in captured.step_keys or []:
            found.setdefault(step, []).extend(text)
    return found


@pytest.mark.parametrize(("job", "second"), [("__default__", "two"), ("parallel", "two"), ("parallel_failing", "no")])
def test_what_a_node_prints_is_in_the_output_of_its_step(
    runs: Runs, instance: dg.DagsterInstance, job: str, second: str
) -> None:
    found = printed(instance, runs[job][0])
    assert found["one"].count("one prints") == 1
    assert found["one"].count("one complains") == 1
    assert found[second].count(f"{second} prints") == 1
    if job != "__default__":
        assert "one prints" not in found[second]


# Kedro's own configuration of logging.

LOGGING = """
    version: 1
    disable_existing_loggers: false
    formatters: {marked: {format: "<<%(name)s|%(levelname)s|%(message)s>>"}}
    handlers: {out: {class: logging.StreamHandler, formatter: marked, stream: "ext://sys.stdout"}}
    loggers:
      kedro: {level: INFO}
      some_library: {level: ERROR}
    root: {handlers: [out]}
"""


@pytest.mark.parametrize("job", JOBS)
def test_kedros_configuration_of_logging_applies_beside_the_event_log(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, job: str
) -> None:
    project = speaking(tmp_path)
    project.write("src/some_library.py", LIBRARY.replace("logger.setLevel(logging.DEBUG)", ""))
    monkeypatch.setenv("KEDRO_LOGGING_CONFIG", str(project.write("conf/logging.yml", LOGGING)))
    written = job_execute(project, job).stdout
    package = project.package
    for line in (
        f"<<{package}.nodes|INFO|one has read 1>>",
        f"<<{package}.nodes|WARNING|two has read 1>>",
        f"<<{package}.hooks|WARNING|before_pipeline_run>>",
        f"<<{package}.hooks|WARNING|after_pipeline_run>>",
    ):
        assert written.count(line) == 1, line
    assert "|INFO|Loading data from" in written
    assert "100 % of {one}" not in written
    found = without_place(lines(instance, run_of(instance)))
    assert found["one", "INFO", "one has read 1"] == 1
    assert found["two", "WARNING", "two has read 1"] == 1
    assert found["one", "WARNING", "100 % of {one}"] == 0


# `loggers` in dagster.yml.

LOGGERS = """
    loggers:
      file:
        log_level: INFO
        formatters: {plain: {format: "%(levelname)s <<%(message)s>>"}}
        handlers: [{class: logging.FileHandler, filename: PATH/run.log, formatter: plain}]
    executors: {two: {multiprocess: {max_concurrent: 2}}}
    jobs:
      __default__: {loggers: [file]}
      parallel: {loggers: [file, console], executor: two}
      silent: {}
"""


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.filterwarnings("ignore:one is old:UserWarning")
def test_a_logger_of_a_job_writes_the_lines_of_the_run_to_its_file(
    tmp_path: Path, instance: dg.DagsterInstance, job: str
) -> None:
    project = speaking(tmp_path, LOGGERS.replace("PATH", str(tmp_path)))
    assert execute(project, instance, job).success
    text = (tmp_path / "run.log").read_text(encoding="utf-8")
    for level, line in (
        ("INFO", "one has read 1"),
        ("WARNING", "two has read 1"),
        ("WARNING", "before_pipeline_run"),
        ("WARNING", "before_node_run"),
    ):
        found = [entry for entry in text.splitlines() if entry.startswith(f"{level} <<") and f" {line}>>" in entry]
        assert len(found) == (2 if line == "before_node_run" else 1), (line, text)
    assert "working on" not in text
    assert "DEBUG" not in text


@pytest.mark.filterwarnings("ignore:one is old:UserWarning")
def test_a_job_that_names_no_logger_writes_no_file(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = speaking(tmp_path, LOGGERS.replace("PATH", str(tmp_path)))
    assert execute(project, instance, "silent").success
    assert not (tmp_path / "run.log").exists()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux")
@pytest.mark.filterwarnings("ignore:one is old:UserWarning")
def test_a_run_closes_the_files_of_its_loggers(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = speaking(tmp_path, LOGGERS.replace("PATH", str(tmp_path)))
    assert execute(project, instance).success
    gc.collect()  # Dagster's log of the run is in a circle of references
    descriptors = [place for place in Path("/proc/self/fd").iterdir() if place.is_symlink()]
    assert tmp_path / "run.log" not in [place.readlink() for place in descriptors if place.exists()]


# Beside other assets, and beside what Dagster captures itself.

NATIVE = """
    import logging

    import dagster as dg
    from kedro_assets import build_definitions

    @dg.asset(deps=["first"])
    def native(context) -> None:
        logging.getLogger("native").warning("native by the standard library")
        context.log.warning("native by its context")

    @dg.asset(deps=["second", "native"])
    def after(context) -> None:
        logging.getLogger("native").warning("native by the standard library")

    jobs = [dg.define_asset_job("everything", dg.AssetSelection.assets("after").upstream())]
    defs = dg.Definitions.merge(build_definitions(), dg.Definitions(assets=[native, after], jobs=jobs))
"""


@pytest.mark.parametrize(
    "dagster", ["", "default_executor: {multiprocess: {max_concurrent: 2}}"], ids=["in process", "multiprocess"]
)
@pytest.mark.filterwarnings("ignore:one is old:UserWarning")
def test_standard_logging_of_an_asset_of_another_origin_stays_where_it_is(
    tmp_path: Path, instance: dg.DagsterInstance, dagster: str
) -> None:
    project = speaking(tmp_path, f"{dagster}\n")
    project.write(f"src/{project.package}/native.py", NATIVE)
    result = execute(project, instance, "everything", merged=True)
    assert result.success
    found = lines(instance, result.run_id)
    assert [line for line in found if line[2].startswith("native")] == [("native", "WARNING", "native by its context")]
    assert ("two", "WARNING", "two has read 1") in found


@pytest.mark.parametrize(
    ("managed", "job"), [("root", "__default__"), ("root", "parallel"), ("some_library", "failing")]
)
def test_a_line_that_dagster_captures_itself_is_there_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, managed: str, job: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    settings = f"telemetry: {{enabled: false}}\npython_logs: {{managed_python_loggers: [{managed}]}}\n"
    (home / "dagster.yaml").write_text(settings, encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    project = speaking(tmp_path)
    with dg.DagsterInstance.get() as instance:
        found = lines(instance, launched(project, instance, job, check=job in JOBS))
    counted = without_place(found)
    expected = {**ONE, **(TWO if job in JOBS else {("no", "ERROR", "no is about to fail"): 1})}
    assert {line: counted[line] for line in expected} == expected
    last = "after_pipeline_run" if job in JOBS else "on_pipeline_error"
    assert of_hooks(found, pipeline=True) == [(None, "before_pipeline_run"), (None, last)]
    assert counted["one", "WARNING", "before_node_run"] == 1


def test_a_run_ends_though_the_storage_of_dagster_logs_too(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = write_project(
        tmp_path,
        nodes="def first(raw):\n    return raw\n",
        pipelines='{"__default__": pipeline([node(first, "raw", "one", name="first")])}',
        catalog=json_dataset("raw", "one"),
        dagster="default_executor: {multiprocess: {max_concurrent: 1}}\n",
    )
    logging_yml = "{version: 1, disable_existing_loggers: false, root: {level: INFO}}"
    monkeypatch.setenv("KEDRO_LOGGING_CONFIG", str(project.write("conf/logging.yml", logging_yml)))
    failed = execute(project, instance)
    assert not failed.success
    project.write("data/raw.json", "1")
    assert execute(project, instance, continue_from=failed.run_id).success


FILE_LOGGER = """
    loggers:
      file:
        log_level: INFO
        handlers: [{class: logging.FileHandler, filename: "PATH/run.log", delay: DELAY}]
    jobs: {__default__: {loggers: [file]}}
"""


@pytest.mark.parametrize("delay", ["true", "false"])
@pytest.mark.filterwarnings("ignore:one is old:UserWarning")
def test_a_handler_that_cannot_open_its_file_says_so_once_and_the_run_goes_on(
    delay: str, tmp_path: Path, instance: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]
) -> None:
    text = FILE_LOGGER.replace("PATH", str(tmp_path / "nowhere" / delay)).replace("DELAY", delay)
    assert execute(speaking(tmp_path, text), instance).success
    written = capfd.readouterr().err
    assert written.count("loggers.file.handlers[0] cannot write: FileNotFoundError: ") == 1
    assert "Logging error" not in written


@pytest.mark.filterwarnings("ignore:one is old:UserWarning")
def test_a_logger_at_info_gets_the_events_of_the_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    text = FILE_LOGGER.replace("PATH", str(tmp_path)).replace("DELAY", "true")
    assert execute(speaking(tmp_path, text), instance).success
    text = (tmp_path / "run.log").read_text(encoding="utf-8")
    for event in ("RUN_START", "STEP_START", "ASSET_MATERIALIZATION", "RUN_SUCCESS"):
        assert event in text
