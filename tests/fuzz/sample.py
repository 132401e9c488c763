"""One project whose configuration the fuzzers write anew for each input: a process imports its code once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from generators import dumped
from helpers import KedroProject, write_project

NODES = '''
def one(*values, **named):
    """Give one value."""
    return 1


def two(*values):
    return 1, 2


def nothing(value):
    pass
'''
PIPELINES = """{
    "__default__": pipeline([
        node(one, ["raw", "params:depth"], "middle", name="clean", tags=["daily"]),
        node(one, "middle", "model", name="train", tags=["gpu", "daily"]),
        node(two, ["model", "parameters"], ["score", "shop.plot"], name="score_all"),
        node(nothing, "score", None, name="publish"),
        node(one, "sales", "shop.by_day", name="by_day", namespace="shop"),
        node(one, "days", "days_made", name="per_day"),
    ]),
    "training": pipeline([
        node(one, ["raw", "params:depth"], "middle", name="clean", tags=["daily"]),
        node(one, "middle", "model", name="train", tags=["gpu", "daily"]),
    ]),
    "rival": pipeline([node(two, "raw", ["model", "other"], name="rival")]),
    "empty": pipeline([]),
}"""
PARAMETERS: dict[str, Any] = {"depth": 3, "model": {"rate": 0.5, "names": ["a", None]}}


def _file(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "json.JSONDataset", "filepath": f"data/{name}.json", **more}


CATALOG: dict[str, Any] = {
    "raw": _file("raw", metadata={"dagster": {"description": "Raw", "owners": ["team:data"], "tags": {"a": "b"}}}),
    "model": _file("model", versioned=True),
    "score": _file(
        "score",
        metadata={
            "dagster": {"group_name": "scores", "kinds": ["json"], "automation_condition": "eager", "deps": ["raw"]},
            "kedro-viz": {"layer": "primary"},
        },
    ),
    "sales": {"type": "partitions.PartitionedDataset", "path": "data/sales", "dataset": "json.JSONDataset"},
    "days": {"type": "json.JSONDataset", "filepath": "data/days/${runtime_params:partition_key, none}.json"},
    "days_made": {
        "type": "json.JSONDataset",
        "filepath": "data/made/${runtime_params:partition_key, none}.json",
        "metadata": {"dagster": {"partition_mappings": {"days": "identity"}}},
    },
    "shop.{name}": _file("{name}"),
}
DAGSTER: dict[str, Any] = {
    "assets": {
        "cluster_by": "memory",
        "partitions": {"days": "daily", "days_made": "daily"},
        "deps": {"publish": ["model"]},
        "pools": {"gpu": "cards"},
        "step_tags": {"gpu": {"dagster-celery/queue": "cards"}, "shop": {"dagster/priority": 2}},
        "merge_step_tags": True,
        "retries": {"max_retries": 1, "delay": 1.5},
        "node_retries": {"train": {"max_retries": 2}},
    },
    "partitions": {"daily": {"daily": {"start_date": "2026-01-01"}}, "regions": {"static": ["eu", "us"]}},
    "default_executor": "two",
    "executors": {"two": {"multiprocess": {"max_concurrent": 2}}, "quick": {"in_process": {}}},
    "schedules": {"nightly": {"cron_schedule": "0 2 * * *", "execution_timezone": "Europe/Berlin"}},
    "sensors": {"new_raw": {"dataset": "raw"}, "new_model": {"asset": "model"}},
    "loggers": {
        "file": {
            "formatters": {"short": {"format": "%(message)s"}},
            "filters": {"ours": {"name": "kedro"}},
            "handlers": [{"class": "logging.StreamHandler", "formatter": "short", "filters": ["ours"]}],
        }
    },
    "jobs": {
        "all": {
            "pipeline": {"to_outputs": ["score"]},
            "executor": "two",
            "schedule": ["nightly"],
            "sensor": "new_raw",
            "loggers": ["file", "console"],
            "tags": {"team": "growth"},
            "config": {"parameters": {"params:depth": 4}, "runtime_params": {"x": 1}, "load_versions": {"model": "1"}},
            "retries": {"max_retries": 2},
            "metadata": {"page": "https://example.com"},
        },
        "models": {"selection": "+model", "sensor": "new_raw"},
        "each_day": {"pipeline": {"node_names": ["per_day"]}},
        "as_ops": {"view": "ops", "pipeline": {"pipeline_name": "training"}},
        "{tag}_nodes": {"pipeline": {"pipeline_name": "training", "tags": ["{tag}"]}},
    },
}


def write_sample(folder: Path) -> KedroProject:
    """Write the project."""
    project = write_project(folder, nodes=NODES, pipelines=PIPELINES, hooks="", settings="")
    write_conf(project)
    return project


def write_conf(project: KedroProject, **files: Any) -> None:
    """Write the configuration: each file as it is in the sample, or as bytes, or as values."""
    for name, usual in {"dagster": DAGSTER, "catalog": CATALOG, "parameters": PARAMETERS}.items():
        (project.path / f"conf/base/{name}.yml").write_bytes(as_bytes(files.get(name, usual)))


def as_bytes(wanted: Any) -> bytes:
    """Return the content of a file."""
    return wanted if isinstance(wanted, bytes) else dumped(wanted).encode()
