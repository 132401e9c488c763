"""What can be told of steps on Dask without a cluster."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

dagster_dask = pytest.importorskip("dagster_dask")
dask_steps = pytest.importorskip("kedro_assets.execution.dask_steps")


def test_the_executor_has_the_name_and_the_options_of_dagsters_own_and_is_made_once() -> None:
    theirs = dagster_dask.dask_executor
    ours = dask_steps.dask_executor(theirs)
    assert dask_steps.dask_executor(theirs) is ours
    assert (ours.name, ours.description) == (theirs.name, theirs.description)
    assert ours.config_schema.config_type.key == theirs.config_schema.config_type.key


@pytest.mark.parametrize("options", [{"n_workers": 2}, None], ids=["options", "none"])
def test_the_kind_of_cluster_and_its_options_are_those_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any] | None
) -> None:
    made = record_clusters(monkeypatch, "dask.distributed", "LocalCluster")
    context = SimpleNamespace(executor_config={"cluster": {"local": options}})
    dask_steps.dask_executor(dagster_dask.dask_executor).executor_creation_fn(context)._cluster("j")
    assert made == [{**(options or {}), "threads_per_worker": 1}]


def record_clusters(monkeypatch: pytest.MonkeyPatch, module: str, name: str) -> list[dict[str, Any]]:
    """Stand in for a library with clusters, and return the options of those that are made."""
    made: list[dict[str, Any]] = []
    library = ModuleType(module)
    setattr(library, name, lambda **options: made.append(options))
    monkeypatch.setitem(sys.modules, module, library)
    return made


@pytest.mark.parametrize(
    ("kind", "module", "name", "options"),
    [
        ("local", "dask.distributed", "LocalCluster", {"threads_per_worker": 1}),
        ("ssh", "dask.distributed", "SSHCluster", {}),
        ("yarn", "dask_yarn", "YarnCluster", {"name": "j"}),
        ("kube", "dask_kubernetes", "KubeCluster", {"name": "j"}),
        ("moab", "dask_jobqueue", "MoabCluster", {"name": "j"}),
        ("pbs", "dask_jobqueue", "PBSCluster", {"name": "j"}),
        ("slurm", "dask_jobqueue", "SLURMCluster", {"name": "j"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_cluster_is_made_by_the_library_of_its_kind_for_the_job(
    monkeypatch: pytest.MonkeyPatch, kind: str, module: str, name: str, options: dict[str, Any]
) -> None:
    made = record_clusters(monkeypatch, module, name)
    dask_steps.DaskSteps(kind, {})._cluster("j")
    assert made == [options]


@pytest.mark.parametrize(
    ("kind", "module", "name", "given"),
    [
        ("local", "dask.distributed", "LocalCluster", {"threads_per_worker": 4}),
        ("slurm", "dask_jobqueue", "SLURMCluster", {"name": "mine"}),
    ],
    ids=["local", "slurm"],
)
def test_options_that_are_written_go_before_ours(
    monkeypatch: pytest.MonkeyPatch, kind: str, module: str, name: str, given: dict[str, Any]
) -> None:
    made = record_clusters(monkeypatch, module, name)
    dask_steps.DaskSteps(kind, given)._cluster("j")
    assert made == [given]


def test_a_cluster_that_is_there_is_used_by_its_address() -> None:
    with dask_steps.DaskSteps("existing", {"address": "tcp://scheduler:8786"})._cluster("j") as address:
        assert address == "tcp://scheduler:8786"


def test_every_kind_that_the_executor_takes_is_known() -> None:
    schema = dagster_dask.dask_executor.config_schema.config_type
    kinds = set(schema.fields["cluster"].config_type.fields)
    assert kinds - {"existing"} <= dask_steps._CLUSTERS.keys()
