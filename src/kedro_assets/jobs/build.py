"""Jobs of dagster.yml: selections of assets, or ops where a job asks for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from importlib.metadata import version
from typing import Any

import dagster as dg
from attrs import frozen

from kedro_assets._internals import dagster_assets, dagster_jobs
from kedro_assets.assets import AssetTable, TagReader
from kedro_assets.config import ExecutorConfig, JobConfig, RunConfig
from kedro_assets.errors import Scope
from kedro_assets.graph import ProjectGraph, check_depth
from kedro_assets.jobs.conditions import build_job_condition
from kedro_assets.jobs.loggers import loggers_of
from kedro_assets.jobs.ops import OpJob, build_op_job
from kedro_assets.jobs.plan import PlannedJob
from kedro_assets.jobs.run_config import Reads, check_parameters, check_tags, combined, dagster_run_config
from kedro_assets.names import is_parameter
from kedro_assets.runtime import KedroProject, View, retry_policy

GetExecutor = Callable[[str | ExecutorConfig | None, Scope], dg.ExecutorDefinition | None]
"""Returns the executor that dagster.yml names or writes out at a place."""


@frozen
class BuiltJob:
    """A job as Dagster takes it, and what a schedule needs to know of it.

    Attributes:
        definition: The job.
        config: What dagster.yml says of it.
        resource_key: The key of the project's resource.
        partitions: How its assets are partitioned, if they are.
        reads: The parameters that each of its steps reads, under the names that nodes use.
        loggers: The names in Dagster of its loggers.
    """

    definition: Any
    config: JobConfig
    resource_key: str
    reads: Reads
    partitions: dg.PartitionsDefinition[Any] | None = None
    loggers: Sequence[str] = ()

    def run_config(self, more: RunConfig) -> dict[str, Any]:
        """Return the configuration of a run, with more laid over the job's own."""
        config = combined(self.config.config, more)
        return dagster_run_config(config, self.reads, self.loggers, self.resource_key)


def build_jobs(
    planned: Mapping[str, PlannedJob],
    project: KedroProject,
    assets: Sequence[dg.AssetsDefinition],
    get_executor: GetExecutor,
    loggers: Mapping[str, dg.LoggerDefinition],
    problems: Scope,
) -> Mapping[str, BuiltJob]:
    """Build jobs as selections of assets, or of ops.

    A run makes partitions of one kind only. A job whose assets are partitioned in several ways is reported, or, if it is
    there because a pipeline is registered, left out.

    Args:
        planned: The jobs by their names in dagster.yml.
        project: The project, with the views of its jobs.
        assets: The assets.
        get_executor: Returns the executor of a job.
        loggers: The loggers of the project, by their names in Dagster.
        problems: Collects selections that cannot be read, unknown executors and what Dagster refuses.

    Returns:
        The jobs by their names in dagster.yml.
    """
    if not project.project.config.jobs:
        problems = Scope()  # nobody has written these jobs: one that cannot be is left out
    taken = {job.name for job in planned.values()} | {
        step.op.name for step in assets if dagster_assets.is_executable(step)
    }
    jobs: dict[str, BuiltJob] = {}
    for name, job in planned.items():
        plan = _JobBuilder(job, project, problems.at("jobs", name))
        executor = get_executor(job.config.executor, plan.scope.at("executor"))
        view = project.view(job.name)
        if not view.ops:
            built = plan.of_assets(assets, executor)
        else:
            built = plan.of_ops(taken, executor, loggers)
            taken |= dagster_jobs.definition_names(built.definition) if built else set()
        if built is not None:
            jobs[name] = built
    return jobs


@frozen
class _JobBuilder:
    """Builds one job.

    Attributes:
        job: What is planned.
        project: The project.
        scope: The job's place in dagster.yml.
    """

    job: PlannedJob
    project: KedroProject
    scope: Scope

    @property
    def view(self) -> View:
        return self.project.view(self.job.name)

    @property
    def loggers(self) -> list[str]:
        return loggers_of(self.job.config, self.project.project.config)

    def of_assets(
        self, assets: Sequence[dg.AssetsDefinition], executor: dg.ExecutorDefinition | None
    ) -> BuiltJob | None:
        """Build a job that is a selection of assets; None if it cannot be one."""
        table = self.view.table
        selection, keys = self._selection(assets)
        partitions = _partitions(table, keys)
        if len(partitions) > 1:
            self._report_mixed(partitions)
            return None
        reads = _parameters_by_step(keys, table, assets)
        if selection is None:
            self._options(reads, executor)  # what is wrong there is reported all the same
            return None
        check_parameters(self.job.config.config, reads, self.scope.at("config"))
        options = {**self._options(reads, executor), **self._condition(keys, partitioned=bool(partitions))}
        return self._built(self._job(selection, options), reads, next(iter(partitions), None))

    def _job(self, selection: dg.AssetSelection, options: Mapping[str, Any]) -> Any:
        """Define a job of assets, without what the installed Dagster does not know of them, which is reported."""
        known = inspect.signature(dg.define_asset_job).parameters
        for name in [name for name in ("owners", "automation_condition") if name in options and name not in known]:
            found = f"the installed Dagster ({version('dagster')}) does not support this key for jobs of assets."
            self.scope.at(name).add(found, "Remove it, or install a newer version of Dagster.")
        with dagster_jobs.known_previews():
            return dg.define_asset_job(
                self.job.name, selection=selection, **{name: value for name, value in options.items() if name in known}
            )

    def _condition(self, keys: AbstractSet[dg.AssetKey], *, partitioned: bool) -> dict[str, Any]:
        """Return the automation condition of a job of assets; nothing if it has none."""
        config, scope = self.job.config, self.scope.at("automation_condition")
        condition = build_job_condition(config.automation_condition, keys, self.view.table, scope)
        if condition is None:
            return {}
        if partitioned and (config.config != RunConfig() or self.loggers):
            found = "the job is partitioned, and a condition starts runs of partitions without the job's `config` and `loggers`."
            scope.add(found, "Remove `config` and `loggers`, or start the job with a schedule or a sensor.")
            return {}
        return {"automation_condition": condition}

    def of_ops(
        self,
        taken: AbstractSet[str],
        executor: dg.ExecutorDefinition | None,
        loggers: Mapping[str, dg.LoggerDefinition],
    ) -> BuiltJob | None:
        """Build a job of ops; None if it cannot be one. Dagster checks its configuration before it is given loggers."""
        view = self.view
        nodes = [node for cluster in view.ops.values() for node in cluster.nodes]
        if any(node in self.project.table.partitions.nodes for node in nodes):
            found = "its nodes make partitioned data, but a job with `view: ops` cannot have partitions."
            self.scope.at("view").add(found, "Remove `view: ops`, so that the job is a selection of assets.")
            return None
        reads = {op: _parameters(cluster.nodes, view.graph) for op, cluster in view.ops.items()}
        check_parameters(self.job.config.config, reads, self.scope.at("config"))
        options = {**self._options(reads, executor), "logger_defs": dict(loggers) or None}
        if self.job.config.automation_condition is not None:
            found = "a job with `view: ops` makes no selection of assets at which a condition could look."
            hint = "Remove `view: ops`, or start the job with a schedule or a sensor."
            self.scope.at("automation_condition").add(found, hint)
        if self.job.config.only is not None:
            found = "a job with `view: ops` runs all of its ops: only assets can be up to date."
            self.scope.at("only").add(found, "Remove `view: ops`, so that the job is a selection of assets.")
        if not check_depth(view.graph, view.ops.values(), self.scope.at("view")):
            return None
        job = OpJob(self.job.name, frozenset(taken), options)
        return self._built(build_op_job(job, view, self.project), reads)

    def _built(self, definition: Any, reads: Reads, partitions: dg.PartitionsDefinition[Any] | None = None) -> BuiltJob:
        return BuiltJob(definition, self.job.config, self.project.resource_key, reads, partitions, self.loggers)

    def _options(self, reads: Reads, executor: dg.ExecutorDefinition | None) -> dict[str, Any]:
        """Return what every job takes, whatever it is made of."""
        config = self.job.config
        run_config = dagster_run_config(config.config, reads, self.loggers, self.project.resource_key)
        return {
            "description": config.description,
            "tags": self._tags(),
            "config": run_config or None,
            "executor_def": executor,
            "op_retry_policy": retry_policy(config.retries, self.scope.at("retries")),
            **({"metadata": config.metadata} if config.metadata else {}),
            **({"owners": self._owners()} if config.owners else {}),
        }

    def _tags(self) -> dict[str, str]:
        """Return the tags of the job's runs; Dagster reads how a run is queued and repeated from tags of its own."""
        config = self.job.config
        check_tags(config.tags, self.project.resource_key, self.scope.at("tags"))
        own = {"dagster/priority": config.priority, "dagster/max_retries": config.run_retries}
        written = TagReader(self.project.project, of_runs=True).read(config.tags, self.scope.at("tags"))
        return {**{key: str(value) for key, value in own.items() if value is not None}, **written}

    def _owners(self) -> list[str]:
        """Return the owners that Dagster takes; others are reported."""
        found = []
        for position, owner in enumerate(self.job.config.owners):
            try:
                dg.AssetSpec("job", owners=[owner])
                found.append(owner)
            except dg.DagsterInvalidDefinitionError:
                hint = "Write an email address, or the name of a team as in `team:operations`."
                self.scope.at("owners", position).add(f"'{owner}' is not an owner.", hint)
        return found

    def _selection(
        self, assets: Sequence[dg.AssetsDefinition]
    ) -> tuple[dg.AssetSelection | None, AbstractSet[dg.AssetKey]]:
        """Return the assets of a job, as a selection and as keys; none if there are not any, which is reported."""
        text, scope = self.job.config.selection, self.scope.at("selection")
        if text is None:
            keys = {asset.key for asset in self.view.table.selected_for(self.job.nodes)}
            return (dg.AssetSelection.assets(*keys) if keys else None), keys
        if self.job.config.view == "ops":
            scope.add("a job with `view: ops` cannot be a selection of assets.", "Choose its nodes with `pipeline`.")
            return None, frozenset()
        try:
            selection = dagster_assets.read_selection(text)
            found = dagster_assets.select(selection, assets)
        except NotImplementedError:
            message = f"Dagster does not support the selection '{text}' outside of its UI."
            scope.add(
                message,
                "Use other attributes: some, such as `changed_in_branch` and `table_name`, work in the UI only.",
            )
            return None, frozenset()
        except Exception as error:  # noqa: BLE001 - of many classes, some of them not Dagster's own
            hint = 'Write it as in `+key:"forest/model"` or `group:reporting`.'
            scope.add(f"Dagster cannot read this selection: {error or type(error).__name__}", hint)
            return None, frozenset()
        if not found:
            scope.add(f"'{text}' selects no asset.", "See the asset keys and the groups with `kedro assets list`.")
            return None, frozenset()
        return selection, found

    def _report_mixed(self, partitions: Mapping[dg.PartitionsDefinition[Any], str]) -> None:
        shown = ", ".join(f"'{name}' by {definition}" for definition, name in partitions.items())
        found = (
            f"its assets have {len(partitions)} different partitions definitions, but a run can have one only: {shown}."
        )
        self.scope.add(
            found, "Write a job for each of them, for example with the filters `to_outputs` and `from_inputs`."
        )


def _partitions(table: AssetTable, keys: Iterable[dg.AssetKey]) -> Mapping[dg.PartitionsDefinition[Any], str]:
    """Return each way in which something that a job makes is partitioned, with one such asset."""
    found: dict[dg.PartitionsDefinition[Any], str] = {}
    for asset in table.of_keys(sorted(keys)):
        if asset.cluster and asset.partitioning:
            found.setdefault(asset.partitioning.definition, asset.name)
    return found


def _parameters_by_step(
    keys: AbstractSet[dg.AssetKey], table: AssetTable, assets: Sequence[dg.AssetsDefinition]
) -> Reads:
    """Return the parameters that each step of a job reads."""
    found = {}
    for definition in assets:
        cluster = next((asset.cluster for asset in table.of_keys(definition.keys & keys) if asset.cluster), None)
        if cluster is not None:
            found[definition.op.name] = _parameters(cluster.nodes, table.graph)
    return found


def _parameters(nodes: Sequence[str], graph: ProjectGraph) -> frozenset[str]:
    return frozenset(name for node in nodes for name in graph.nodes[node].inputs if is_parameter(name))
