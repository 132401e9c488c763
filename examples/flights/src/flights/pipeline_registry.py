"""The pipelines of the project."""

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline


def register_pipelines() -> dict[str, Pipeline]:
    """Register every pipeline found in ``flights.pipelines``, and their sum as the default one.

    The pipeline ``monthly`` is not part of the sum: each of its runs is for one month.

    Returns:
        A mapping from pipeline names to ``Pipeline`` objects.
    """
    pipelines = find_pipelines(raise_errors=True)
    daily = [pipeline for name, pipeline in pipelines.items() if name != "monthly"]
    pipelines["__default__"] = sum(daily, start=Pipeline([]))
    return pipelines
