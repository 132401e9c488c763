"""What `kedro assets run` is asked for, and the assets of Dagster that this means."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import dagster as dg
from attrs import field, frozen

from kedro_assets._internals import dagster_assets, dagster_jobs
from kedro_assets.cli.meanings import OF_FILTERS, Meanings
from kedro_assets.config import PipelineFilter
from kedro_assets.errors import KedroAssetsError, Scope, suggest
from kedro_assets.jobs import filtered_keys
from kedro_assets.names import identifier
from kedro_assets.runtime import KedroProject


@frozen
class Asked:
    """What the command line asks for.

    Attributes:
        job: The name of a job or a registered pipeline; without it, assets are materialized.
        select: Which assets, in Dagster's selection syntax or by Kedro's names; without it, what `kedro run` makes.
        partition: A partition's key, or the first and the last with `...` between.
        filters: Kedro's filters, by the keys of a job's `pipeline` in dagster.yml.
        options: What Kedro is given for the run, as the configuration of its resource has it.
        stale: Whether only those assets are made that are not up to date.
        only_missing_outputs: Whether only those nodes run that Kedro would run for missing outputs.
        dry_run: Whether it is only said which assets that are.
    """

    job: str | None = None
    select: str | None = None
    partition: str | None = None
    filters: Mapping[str, list[str]] = field(factory=dict)
    options: Mapping[str, Any] = field(factory=dict)
    stale: bool = False
    only_missing_outputs: bool = False
    dry_run: bool = False


@frozen
class Target:
    """What is to run.

    Attributes:
        job: The name of a job in Dagster.
        keys: The assets of it that are meant.
        is_whole: Whether that is all of the job, with what it has beside assets.
        is_chosen: Whether the user has chosen just these assets.
    """

    job: str
    keys: frozenset[dg.AssetKey]
    is_whole: bool = False
    is_chosen: bool = True


def find_target(
    definition: dg.RepositoryDefinition, graph: dagster_assets.AssetGraph, own: Sequence[KedroProject], asked: Asked
) -> Target:
    """Find what the command line asks for.

    Raises:
        KedroAssetsError: If there is no such job, or nothing is selected that can be made.
    """
    job, meanings = asked.job, Meanings(own, definition)
    if job is not None:
        pipeline = _pipeline_assets(meanings, job) if _find_job(definition, meanings, job) is None else None
        if pipeline is None:
            name = _job_name(definition, meanings, job)
            keys = frozenset[dg.AssetKey]().union(*dagster_jobs.assets_by_step(definition.get_job(name)).values())
            if (asked.stale or asked.only_missing_outputs) and not keys:
                option = "--stale" if asked.stale else "--only-missing-outputs"
                msg = f"The job '{job}' is made of ops, which are not assets. Use {option} with a job of assets."
                raise KedroAssetsError(msg)
            return Target(name, keys, is_whole=True)
        return Target(dagster_jobs.ASSET_JOB, pipeline)
    if asked.filters:
        return Target(dagster_jobs.ASSET_JOB, _filtered(meanings, asked.filters))
    if not graph.made:
        msg = "There is no asset that can be materialized: no node of the project makes one."
        raise KedroAssetsError(msg)
    if asked.select is None:
        return Target(dagster_jobs.ASSET_JOB, _by_default(graph, meanings.projects), is_chosen=False)
    return Target(dagster_jobs.ASSET_JOB, _selected(graph, asked.select, meanings))


def _filtered(meanings: Meanings, filters: Mapping[str, list[str]]) -> frozenset[dg.AssetKey]:
    """Return the assets that Kedro's filters leave; datasets may be named by the keys of their assets.

    Raises:
        KedroAssetsError: If the filters do not fit the pipelines.
    """
    found = frozenset[dg.AssetKey]()
    datasets = [key for key in filters if OF_FILTERS[key] == "dataset"]
    named = {**filters, **{key: [meanings.dataset(name) for name in filters[key]] for key in datasets}}
    for project in meanings.projects:
        problems = Scope()
        found |= frozenset(filtered_keys(project, PipelineFilter(**dict[str, Any](named)), problems))
        if problems.failed:
            hints = (_hint(meanings, name, key, named) for key, names in named.items() for name in names)
            told = [f"{problem.found} {problem.hint}".strip() for problem in problems]
            raise KedroAssetsError("\n".join([*told, *filter(None, hints)]))
    return found


def _hint(meanings: Meanings, name: str, key: str, filters: Mapping[str, list[str]]) -> str:
    """Return what a name in a filter means that does not fit: something else, or something of another pipeline."""
    kind = OF_FILTERS[key]
    chosen = filters.get("pipeline_names") or ["__default__"]
    return meanings.hint(name, kind) or meanings.pipeline_hint(name, kind, chosen)


def _find_job(definition: dg.RepositoryDefinition, meanings: Meanings, job: str) -> str | None:
    """Find a job by its name in Dagster, or by that of dagster.yml where Dagster has to write it otherwise.

    The project's own job goes before one of another project in its code location.
    """
    names = [name for name in definition.job_names if name != dagster_jobs.ASSET_JOB]
    prefixed = sorted({project.project.config.assets.prefixed(job) for project in meanings.projects})
    exact = next((name for name in prefixed if name in names), None)
    if exact is not None:
        return exact
    written = [job] if meanings.is_asset_or_node(job) else [*map(identifier, prefixed), job, identifier(job)]
    return next((name for name in written if name in names), None)


def _job_name(definition: dg.RepositoryDefinition, meanings: Meanings, job: str) -> str:
    """Find a job.

    Raises:
        KedroAssetsError: If there is none of the name.
    """
    found = _find_job(definition, meanings, job)
    if found is not None:
        return found
    names = [name for name in definition.job_names if name != dagster_jobs.ASSET_JOB]
    msg = f"The project has no job '{job}'. {meanings.hint(job, 'job') or suggest(job, names)}"
    raise KedroAssetsError(msg)


def _pipeline_assets(meanings: Meanings, pipeline: str) -> frozenset[dg.AssetKey] | None:
    """Return the assets of a registered pipeline; None if there is none of the name.

    Raises:
        KedroAssetsError: If it makes no assets.
    """
    registered = [project.project.pipelines for project in meanings.projects if pipeline in project.project.pipelines]
    if not registered:
        return None
    if not any(pipelines[pipeline].nodes for pipelines in registered):
        msg = f"The pipeline '{pipeline}' has no nodes, so there is nothing to run."
        raise KedroAssetsError(msg)
    graphs = [(project.table, project.table.graph) for project in meanings.projects]
    found = [table.selected_for(graph.pipelines[pipeline]) for table, graph in graphs if pipeline in graph.pipelines]
    if not any(found):
        return _filtered(meanings, {"pipeline_names": [pipeline]})  # which knows why
    return frozenset(asset.key for assets in found for asset in assets if asset.is_shown)


def _keys_by_name(projects: Sequence[KedroProject]) -> dict[str, list[dg.AssetKey]]:
    """Return the assets that Kedro's names stand for: datasets, and nodes with what they make."""
    found: dict[str, list[dg.AssetKey]] = {}
    for table in (project.table for project in projects):
        nodes = {table.graph.nodes[node].name: table.made_by([node]) for node in table.graph.nodes}
        datasets = {asset.name: [asset] for asset in table.assets if asset.is_dataset}
        for name, assets in {**nodes, **datasets}.items():
            found.setdefault(name, []).extend(asset.key for asset in assets)
    return found


def _in_dagsters_words(select: str, names: Mapping[str, Collection[dg.AssetKey]]) -> str:
    """Write Kedro's names in a selection as keys; what is in quotes or has an attribute is Dagster's already.

    Examples:
        >>> names = {"forest.model": [dg.AssetKey(["forest", "model"])], "split": [dg.AssetKey("x"), dg.AssetKey("y")]}
        >>> _in_dagsters_words('+forest.model or split+1 and key:"split"', names)
        '+key:"forest/model" or (key:"x" or key:"y")+1 and key:"split"'
        >>> _in_dagsters_words("forest/model", names)
        'forest/model'
    """
    if select in names:
        return _as_keys(names[select])
    words = re.split(r'("[^"]*"|[\s()+,]+)', select)
    return "".join(
        _as_keys(names[word]) if word in names and word not in ("and", "or", "not") else word for word in words
    )


def _as_keys(keys: Collection[dg.AssetKey]) -> str:
    written = " or ".join(f'key:"{key.to_user_string()}"' for key in keys)
    return f"({written})" if len(keys) > 1 else written


def _by_default(graph: dagster_assets.AssetGraph, projects: Sequence[KedroProject]) -> frozenset[dg.AssetKey]:
    """Return what `kedro run` makes of projects, and all assets of other origin.

    In-memory data that only nodes of its project read is made on the way. Without a pipeline `__default__` that makes an
    asset, all nodes of a project count.
    """
    left = set[dg.AssetKey]()
    for table in (project.table for project in projects):
        nodes: Collection[str] = table.graph.pipelines.get("__default__", ())
        nodes = nodes if table.made_by(nodes) else table.graph.nodes
        made, selected = ({asset.key for asset in found(nodes)} for found in (table.made_by, table.selected_for))
        left |= table.by_key.keys() - made
        left |= {key for key in made - selected if graph.children(key) <= table.by_key.keys()}
    return frozenset(graph.made - left)


def _selected(graph: dagster_assets.AssetGraph, select: str, meanings: Meanings) -> frozenset[dg.AssetKey]:
    everything = frozenset(graph.made)
    meant = meanings.hint(select, "dataset", "asset", "node")
    if meant:
        msg = f"'{select}' selects no asset. {meant}"
        raise KedroAssetsError(msg)
    hint = suggest(select, (key.to_user_string() for key in everything))
    words = _in_dagsters_words(select, _keys_by_name(meanings.projects))
    try:
        keys = graph.selected(dagster_assets.read_selection(words)) & everything
    except Exception as error:
        reason = str(error) or type(error).__name__
        msg = f"Dagster cannot read the selection '{select}': {reason} {hint}"
        raise KedroAssetsError(msg) from error
    if not keys:
        msg = f"'{select}' selects no asset that can be materialized. {hint}"
        raise KedroAssetsError(msg)
    return frozenset(keys)
