"""Clusters as multi_assets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg
from attrs import frozen

from kedro_assets._internals import dagster_assets, dagster_jobs
from kedro_assets.assets import AssetTable, node_tags
from kedro_assets.errors import Scope
from kedro_assets.graph import Cluster, ProjectGraph
from kedro_assets.names import distinct_identifiers, identifiers
from kedro_assets.project import check_node_keys, deciding_keys
from kedro_assets.runtime import ConfigSchemas, KedroProject
from kedro_assets.steps.external import build_external, build_external_checks
from kedro_assets.steps.step import KedroStep


def build_assets(
    project: KedroProject, clusters: Sequence[Cluster], jobs: Sequence[str], problems: Scope
) -> list[dg.AssetsDefinition]:
    """Build all assets of a project as Dagster takes them: external ones, steps, and checks of what no node writes.

    Args:
        project: The project.
        clusters: Which nodes share a step.
        jobs: The names of its jobs: Dagster keeps those and the names of steps in one space.
        problems: Collects steps that would be in two pools, and pools of no node.
    """
    steps = build_multi_assets(project, clusters, jobs, problems)
    taken = [*jobs, *(step.op.name for step in steps)]
    checks = build_external_checks(project, taken)
    taken += [step.op.name for step in checks]
    return [*build_external(project, taken), *steps, *checks]


def build_multi_assets(
    project: KedroProject, clusters: Sequence[Cluster], taken: Iterable[str], problems: Scope
) -> list[dg.AssetsDefinition]:
    """Turn every cluster into one subsettable `multi_asset`.

    Args:
        project: The project.
        clusters: The clusters.
        taken: Names that no step may have: those of jobs, as Dagster keeps both in one space.
        problems: Collects steps that would be in two pools, and pools of no node.
    """
    table, config = project.table, project.project.config.assets
    check_node_keys(config.pools, project.project.nodes, problems.at("assets", "pools"))
    schemas = ConfigSchemas(project.project.shown_parameters)
    titles = {cluster.name: config.prefixed(cluster.name) for cluster in clusters}
    names = identifiers(titles.values(), taken=[*taken, dagster_jobs.ASSET_JOB], kind="step")
    return [
        _ClusterStep(
            KedroStep(project.resource_key, cluster),
            names[titles[cluster.name]],
            schemas.of(table.graph.nodes[node] for node in cluster.nodes),
            _pool(cluster, table.graph, config.pools, problems),
            project.retries.of_step([table.graph.nodes[node] for node in cluster.nodes]),
        ).assets(table)
        for cluster in clusters
        if table.graph.assets_of(cluster.nodes)
    ]


def _pool(cluster: Cluster, graph: ProjectGraph, pools: Mapping[str, str], problems: Scope) -> str | None:
    """Return the pool of a step: that of its nodes."""
    keys = sorted({key for node in cluster.nodes for key in deciding_keys(graph.nodes[node], pools)})
    found = sorted({pools[key] for key in keys})
    if len(found) > 1:
        hint = "Give them the same pool, or let each node run in its own step with `assets.cluster_by: node`."
        nodes, several = (", ".join(f"'{name}'" for name in names) for names in (cluster.nodes, found))
        message = f"the nodes {nodes} share a step, but would be in several pools: {several}."
        problems.at("assets", "pools", keys[0]).add(message, hint)
    return found[0] if found else None


@frozen
class _ClusterStep:
    """The step of a cluster before it has assets."""

    step: KedroStep
    name: str
    config_schema: dg.Field
    pool: str | None
    retry_policy: dg.RetryPolicy | None

    def assets(self, table: AssetTable) -> dg.AssetsDefinition:
        """Return the assets of the step: as `dagster.multi_asset` would, which cannot name an input for every key."""
        cluster, graph = self.step.cluster, table.graph
        assets = table.made_by(cluster.nodes)
        outputs = list(
            identifiers(asset.name if asset.is_dataset else f"node {asset.name}" for asset in assets).values()
        )
        # what is stored behind in-memory data of its own is to be there first even where that is not selected
        made = {asset.key for asset in assets if not asset.is_virtual}
        read = sorted({dep.asset_key for asset in assets for dep in asset.spec.deps} - made)
        inputs = distinct_identifiers(key.to_user_string() for key in read)
        checks = [check for asset in assets for check in asset.checks.values()]
        ports = identifiers((f"check {check.key.to_user_string()}" for check in checks), taken=outputs)
        nodes = [graph.nodes[node] for node in cluster.nodes]
        op = dg.OpDefinition(
            self.step.materialize,
            self.name,
            ins={port: dg.In(dg.Nothing) for port in inputs},
            outs={
                port: dg.Out(
                    io_manager_key=table.access[asset.name].io_manager_key if asset.is_dataset else None,
                    is_required=False,
                    description=asset.spec.description,
                    metadata=asset.spec.metadata,
                    code_version=asset.spec.code_version,
                )
                for port, asset in zip(outputs, assets, strict=True)
            }
            | {port: dg.Out(is_required=False) for port in ports.values()},
            description="\n".join(
                [
                    f"Kedro nodes: {', '.join(cluster.nodes)}.",
                    *(each[:1].upper() + each[1:] for each in cluster.reasons),
                ]
            ),
            tags={
                "kedro/nodes": str(len(nodes)),
                **{tag: "" for node in nodes for tag in node_tags(node)},
                **table.step_tags.of_step(nodes),
            },
            pool=self.pool,
            retry_policy=self.retry_policy,
            config_schema=self.config_schema,
            required_resource_keys={self.step.resource_key},
        )
        partitioning = table.partitions.nodes.get(cluster.nodes[0])
        return dagster_assets.StepAssets(
            node_def=op,
            keys_by_input_name=dict(zip(inputs, read, strict=True)),
            keys_by_output_name={port: asset.key for port, asset in zip(outputs, assets, strict=True)},
            specs=[asset.spec for asset in assets],
            check_specs_by_output_name=dict(zip(ports.values(), checks, strict=True)),
            can_subset=True,
            backfill_policy=partitioning.policy if partitioning else None,
        )
