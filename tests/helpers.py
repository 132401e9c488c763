"""Small Kedro projects in a temporary folder, and the ways to run them."""

from __future__ import annotations

import cProfile
import gc
import json
import logging
import os
import subprocess
import textwrap
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import forkserver
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
from kedro.framework.project import LOGGING
from kedro.framework.startup import bootstrap_project
from stack_names import ask_for_names_only
from warm_python import WARM_PYTHON

from kedro_assets import build_definitions
from kedro_assets.execution.forkserver import DATASETS_VARIABLE, JOB_VARIABLE
from kedro_assets.runtime.step_process import RUN_PROCESS_VARIABLE

ask_for_names_only()  # the processes of steps import this module too

SETTINGS = "from .hooks import Recorder\n\nHOOKS = (Recorder(),)\n"

# Writes one line per call of a hook. Nothing but standard library, so that it costs nothing to import.
HOOKS = """
import gc
import json
import os
from pathlib import Path

from kedro.framework.hooks import hook_impl

LOG = Path(__file__).parents[2] / "hooks.jsonl"


class Recorder:
    run_id = None
    save_version = None

    def _write(self, hook, **facts):
        line = json.dumps({"hook": hook, "pid": os.getpid(), **facts}, default=str) + "\\n"
        handle = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(handle, line.encode())
        os.close(handle)

    @hook_impl
    def after_context_created(self, context):
        self._write("after_context_created", env=context.env)

    @hook_impl
    def after_catalog_created(self, catalog, conf_catalog, conf_creds, parameters, save_version, load_versions):
        self._write("after_catalog_created", save_version=save_version, load_versions=load_versions)

    def _pipeline(self, hook, run_params, pipeline, **facts):
        nodes = [node.name for node in pipeline.nodes]
        self._write(hook, run_id=run_params["run_id"], nodes=nodes, run_params=run_params, **facts)

    @hook_impl
    def before_pipeline_run(self, run_params, pipeline, catalog):
        self._pipeline("before_pipeline_run", run_params, pipeline)

    @hook_impl
    def after_pipeline_run(self, run_params, run_result, pipeline, catalog):
        self._pipeline("after_pipeline_run", run_params, pipeline, results=sorted(run_result))

    @hook_impl
    def on_pipeline_error(self, error, run_params, pipeline, catalog):
        facts = {"error": type(error).__name__, "message": str(error)}
        self._pipeline("on_pipeline_error", run_params, pipeline, **facts)

    @hook_impl
    def before_node_run(self, node, catalog, inputs, is_async, run_id):
        self._write("before_node_run", node=node.name, run_id=run_id, inputs=sorted(inputs), is_async=is_async)

    @hook_impl
    def after_node_run(self, node, catalog, inputs, outputs, is_async, run_id):
        facts = {"inputs": sorted(inputs), "outputs": sorted(outputs or {}), "is_async": is_async}
        self._write("after_node_run", node=node.name, run_id=run_id, **facts)

    @hook_impl
    def on_node_error(self, error, node, catalog, inputs, is_async, run_id):
        facts = {"error": type(error).__name__, "message": str(error)}
        self._write("on_node_error", node=node.name, run_id=run_id, **facts)

    @hook_impl
    def before_dataset_loaded(self, dataset_name, node):
        self._write("before_dataset_loaded", dataset=dataset_name, node=node.name)

    @hook_impl
    def after_dataset_loaded(self, dataset_name, data, node):
        self._write("after_dataset_loaded", dataset=dataset_name, node=node.name, data=repr(data)[:80])

    @hook_impl
    def before_dataset_saved(self, dataset_name, data, node):
        self._write("before_dataset_saved", dataset=dataset_name, node=node.name, data=repr(data)[:80])

    @hook_impl
    def after_dataset_saved(self, dataset_name, data, node):
        self._write("after_dataset_saved", dataset=dataset_name, node=node.name)
"""

PYPROJECT = """
[project]
name = "{package}"
version = "0.1"

[tool.kedro]
package_name = "{package}"
project_name = "{package}"
kedro_init_version = "1.7.0"
source_dir = "src"

[tool.dagster]
module_name = "{package}.definitions"
"""

REGISTRY = (
    "from kedro.pipeline import Pipeline, node, pipeline\n\nfrom .nodes import *\n\n\ndef register_pipelines():\n"
)


@dataclass(frozen=True)
class KedroProject:
    """A project on disk, with what a run has left in it."""

    path: Path
    package: str

    def data(self) -> dict[str, bytes]:
        """Every data file, versions left out of the path."""
        folder = self.path / "data"
        return {
            str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
        }

    def read(self, name: str) -> Any:
        """The content of a JSON file under data/."""
        return json.loads((self.path / "data" / name).read_text(encoding="utf-8"))

    def calls(self, *hooks: str) -> list[dict[str, Any]]:
        """What the recorder wrote, for all hooks or for some."""
        log = self.path / "hooks.jsonl"
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        calls = [json.loads(line) for line in lines]
        return [call for call in calls if not hooks or call["hook"] in hooks]

    def nodes_run(self) -> list[str]:
        """The nodes that ran, in order."""
        return [call["node"] for call in self.calls("before_node_run")]

    def forget(self) -> None:
        """Empty the recorder's log."""
        (self.path / "hooks.jsonl").unlink(missing_ok=True)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file


def write_project(
    folder: Path,
    *,
    nodes: str,
    pipelines: str,
    catalog: str = "",
    parameters: str = "",
    dagster: str | None = None,
    hooks: str = HOOKS,
    settings: str = SETTINGS,
) -> KedroProject:
    """Write a Kedro project whose package no other test uses.

    Args:
        folder: An empty folder.
        nodes: The module with the node functions.
        pipelines: The dict that `register_pipelines` returns, as source.
        catalog: catalog.yml.
        parameters: parameters.yml.
        dagster: dagster.yml; None for a project without.
        hooks: The module with the hooks.
        settings: settings.py.
    """
    package = f"project_{uuid4().hex[:10]}"
    project = KedroProject(folder / package, package)
    source = f"src/{package}"
    project.write("pyproject.toml", PYPROJECT.format(package=package))
    project.write(f"{source}/__init__.py", "")
    project.write(f"{source}/nodes.py", nodes)
    registry = textwrap.indent(textwrap.dedent(pipelines).strip(), "    ")
    project.write(f"{source}/pipeline_registry.py", f"{REGISTRY}    return (\n{registry}\n    )\n")
    project.write(f"{source}/hooks.py", hooks)
    project.write(f"{source}/settings.py", settings)
    project.write(
        f"{source}/definitions.py", "from kedro_assets import build_definitions\n\ndefs = build_definitions()\n"
    )
    project.write("conf/base/catalog.yml", catalog)
    project.write("conf/base/parameters.yml", parameters)
    project.write("conf/local/credentials.yml", "")
    if dagster is not None:
        project.write("conf/base/dagster.yml", dagster)
    return project


def json_dataset(*names: str, versioned: bool = False) -> str:
    """Catalog entries for JSON files."""
    extra = "\n  versioned: true" if versioned else ""
    return "".join(f'"{name}":\n  type: json.JSONDataset\n  filepath: data/{name}.json{extra}\n' for name in names)


def load_definitions(project: KedroProject) -> dg.Definitions:
    """Import what `defs` is in the project's definitions.py, afresh."""
    return build_definitions(project.path)


_built: list[dict[tuple[str, str], dg.JobDefinition]] = []
"""The jobs that the runs which this process executes just now have asked for."""


@contextmanager
def jobs_built_once() -> Iterator[None]:
    """Build a job once for a run in this process, as a code location does; Dagster asks four times for one that has none."""
    _built.append({})
    try:
        yield
    finally:
        _built.pop()


def load_job(path: str, job: str) -> dg.JobDefinition:
    """Build one job of a project, in whatever process needs it."""
    built = _built[-1] if _built else {}
    if (path, job) not in built:
        built[path, job] = build_definitions(path).resolve_job_def(job)
    return built[path, job]


def load_merged_job(path: str, package: str, job: str) -> dg.JobDefinition:
    """Build one job of a project whose `native.py` has definitions of its own, merged in there as `defs`."""
    bootstrap_project(Path(path))
    return import_module(f"{package}.native").defs.resolve_job_def(job)


_kedro_variables: dict[str, str] = {}
OF_A_RUN = {JOB_VARIABLE, DATASETS_VARIABLE, RUN_PROCESS_VARIABLE}


def renew_forkserver() -> None:
    """Stop the process that steps are forked from if Kedro's variables have changed: it keeps those of its start."""
    own = {name: value for name, value in os.environ.items() if name.startswith("KEDRO_")}
    now = {name: value for name, value in own.items() if name not in OF_A_RUN}
    if now != _kedro_variables:
        forkserver._forkserver._stop()  # type: ignore[attr-defined]  # Python has it for tests
        _kedro_variables.clear()
        _kedro_variables.update(now)


def execute(
    project: KedroProject,
    instance: dg.DagsterInstance,
    job: str = "__default__",
    *,
    assets: list[Any] | None = None,
    config: dict[str, Any] | None = None,
    merged: bool = False,
    continue_from: str | None = None,
    tags: dict[str, str] | None = None,
    raise_on_error: bool = False,
) -> dg.JobExecutionResult:
    """Execute a job through its executor: the way every launch of Dagster goes in the end."""
    function = "load_merged_job" if merged else "load_job"
    arguments = (str(project.path), project.package, job) if merged else (str(project.path), job)
    renew_forkserver()
    job_definition = dg.build_reconstructable_job(
        "helpers", function, arguments, reconstructor_working_directory=str(Path(__file__).parent)
    )
    keys = [dg.AssetKey(asset) for asset in assets] if assets else None
    options = dg.ReexecutionOptions.from_failure(continue_from, instance) if continue_from else None
    resumes = (
        {"dagster/is_resume_retry": "true"} if continue_from else {}
    )  # as of the UI, of backfills and of run retries
    with jobs_built_once():
        return dg.execute_job(
            job_definition,
            instance,
            tags={**(tags or {}), **resumes},
            run_config=config,
            asset_selection=keys,
            reexecution_options=options,
            raise_on_error=raise_on_error,
        )


def materialized(result: dg.JobExecutionResult) -> list[str]:
    """The asset keys of all materializations of a run, in order."""
    events = [event for event in result.all_events if event.is_step_materialization]
    return [event.asset_key.to_user_string() for event in events]


def run_command(project: KedroProject, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command of this Python's environment in the project's folder."""
    result = WARM_PYTHON.run(command, project.path)
    if check and result.returncode:
        msg = f"{' '.join(command)} failed:\n{result.stdout[-4000:]}\n{result.stderr[-6000:]}"
        raise AssertionError(msg)
    return result


def kedro_run(project: KedroProject, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the project as Kedro does."""
    return run_command(project, "kedro", "run", *options)


def job_execute(project: KedroProject, job: str, *options: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a job as Dagster's command line does."""
    target = ("-m", f"{project.package}.definitions", "-d", "src", "-j", job)
    return run_command(project, "dagster", "job", "execute", *target, *options, check=check)


def asset_materialize(project: KedroProject, selection: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Materialize assets as Dagster's command line does."""
    target = ("-m", f"{project.package}.definitions", "-d", "src", "--select", selection)
    return run_command(project, "dagster", "asset", "materialize", *target, *options)


def calls(function: Callable[[], object]) -> int:
    """Count the calls of Python functions while another one runs; cProfile does so in C."""
    profile = cProfile.Profile(builtins=False)
    gc.disable()
    try:
        profile.runcall(function)
    finally:
        gc.enable()
    return sum(entry.callcount for entry in profile.getstats())


def forget_loggers(packages: Collection[str]) -> None:
    """Let Kedro and `logging` forget projects: to open another takes time that grows with the square of those they know."""
    for package in packages:
        LOGGING.get("loggers", {}).pop(package, None)
    loggers = logging.Logger.manager.loggerDict
    for name in [name for name in loggers if name.partition(".")[0] in packages]:
        del loggers[name]


def hook_counts(calls: list[dict[str, Any]]) -> Counter[tuple[str, str | None, str | None]]:
    """How often each hook was called for which dataset and node, without what each process does once."""
    per_process = ("after_context_created", "after_catalog_created")
    return Counter(
        (call["hook"], call.get("dataset"), call.get("node")) for call in calls if call["hook"] not in per_process
    )


def order_per_node(calls: list[dict[str, Any]]) -> dict[str, list[tuple[str, str | None]]]:
    """The calls that concern each node, in order."""
    order: dict[str, list[tuple[str, str | None]]] = {}
    for call in calls:
        if "node" in call:
            order.setdefault(call["node"], []).append((call["hook"], call.get("dataset")))
    return order
