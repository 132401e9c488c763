"""The project's nodes and datasets as one NetworkX graph, and what follows from it: order, clusters, the plan of a run."""

from kedro_assets.graph.clusters import Boundaries, Cluster, check_depth, cluster
from kedro_assets.graph.data_versions import with_data_versions
from kedro_assets.graph.ordering import with_order
from kedro_assets.graph.pattern_settings import with_pattern_settings
from kedro_assets.graph.project_graph import ProjectGraph, Vertex, build_graph, same_node
from kedro_assets.graph.run_plan import RunPlan, StepPlan, early_reads, nodes_left, plan_run, readers_of
from kedro_assets.graph.ties import confirmed_together, handed_on_in_memory

__all__ = [
    "Boundaries",
    "Cluster",
    "ProjectGraph",
    "RunPlan",
    "StepPlan",
    "Vertex",
    "build_graph",
    "check_depth",
    "cluster",
    "confirmed_together",
    "early_reads",
    "handed_on_in_memory",
    "nodes_left",
    "plan_run",
    "readers_of",
    "same_node",
    "with_data_versions",
    "with_order",
    "with_pattern_settings",
]
