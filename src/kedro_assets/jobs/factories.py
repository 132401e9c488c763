"""Job factories: an entry of `jobs` with placeholders stands for one job per pipeline, namespace or tag that fits.

They are to jobs what dataset factories are to Kedro's catalog, with the same patterns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from kedro.pipeline import Pipeline
from parse import parse

from kedro_assets.config import JobConfig, PipelineFilter
from kedro_assets.errors import Scope, suggest
from kedro_assets.project import filled, pattern_refused

Values = dict[str, str]


def expand_jobs(
    jobs: Mapping[str, JobConfig], pipelines: Mapping[str, Pipeline], problems: Scope
) -> Mapping[str, JobConfig]:
    """Make the jobs of every factory; a job that is written out goes before one of that name from a factory.

    Args:
        jobs: The entries of dagster.yml.
        pipelines: The registered pipelines.
        problems: Collects factories that fit nothing, and placeholders that stand nowhere in `pipeline`.
    """
    expanded: dict[str, JobConfig] = {}
    for name, job in jobs.items():
        if not _has_place(name):
            expanded[name] = job
            continue
        wanted = job.pipeline or PipelineFilter()
        if not _check_patterns(wanted, problems.at("jobs", name, "pipeline")):
            continue
        found = list(_matches(wanted, pipelines))
        try:
            made = {name.format(**values): values for values in found}
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            message = f"the placeholders in this name cannot be filled in: {error}."
            problems.at("jobs", name).add(message, "Write them as in `{namespace}_nightly`.")
            continue
        except KeyError as error:
            message = f"the placeholder {error} does not appear in a filter of this job."
            hint = "Use it in `pipeline_name`, `node_namespaces` or `tags`, as in `node_namespaces: ['{namespace}']`."
            problems.at("jobs", name).add(message, hint)
            continue
        if not made:
            message = "no pipeline, namespace or tag matches this job factory."
            problems.at("jobs", name).add(message, suggest(wanted.pipelines[0], pipelines))
        for title, values in made.items():
            if title not in jobs:
                expanded.setdefault(title, filled(job, values))
    return expanded


def _check_patterns(wanted: PipelineFilter, scope: Scope) -> bool:
    """Whether names can be compared with all patterns of a filter; those with which they cannot are reported."""
    for key, patterns in (
        ("pipeline_names" if wanted.pipeline_names else "pipeline_name", wanted.pipelines),
        ("node_namespaces", wanted.node_namespaces or []),
        ("tags", wanted.tags or []),
    ):
        for position, pattern in enumerate(patterns):
            refused = pattern_refused(pattern) if _has_place(pattern) else ""
            if refused:
                place = scope.at(key) if key == "pipeline_name" else scope.at(key, position)
                place.add(refused, "Write placeholders as in `{namespace}`.")
    return not scope.failed


def _matches(wanted: PipelineFilter, pipelines: Mapping[str, Pipeline]) -> Iterator[Values]:
    """Yield the values of the placeholders for everything that fits all patterns of a filter."""
    patterns = list(filter(_has_place, wanted.pipelines)) or wanted.pipelines
    for name, pipeline in pipelines.items():
        for from_name in (values for pattern in patterns for values in _fits(pattern, [name])):
            found = [from_name]
            for pattern, names in _patterns(wanted, pipeline):
                found = [
                    {**values, **more}
                    for values in found
                    for more in _fits(pattern, names)
                    if all(values.get(place, value) == value for place, value in more.items())
                ]
            yield from found


def _patterns(wanted: PipelineFilter, pipeline: Pipeline) -> Iterator[tuple[str, list[str]]]:
    """Yield the patterns of a filter, each with the names in a pipeline that it can stand for.

    A pattern with one dot less than a namespace stands for the namespace around it.
    """
    for pattern in filter(_has_place, wanted.node_namespaces or []):
        depth = pattern.count(".") + 1
        paths = [(node.namespace or "").split(".") for node in pipeline.nodes]
        yield pattern, sorted({".".join(path[:depth]) for path in paths if path[0] and len(path) >= depth})
    for pattern in filter(_has_place, wanted.tags or []):
        yield pattern, sorted({tag for node in pipeline.nodes for tag in node.tags})


def _has_place(pattern: str) -> bool:
    return "{" in pattern


def _fits(pattern: str, names: Iterable[str]) -> Iterator[Values]:
    for name in names:
        found = parse(pattern, name, case_sensitive=True)
        if found is not None:
            yield {place: str(value) for place, value in found.named.items()}
