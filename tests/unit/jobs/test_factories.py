import pytest
from kedro.pipeline import Pipeline, node

from kedro_assets.config import JobConfig, PipelineFilter
from kedro_assets.errors import Scope
from kedro_assets.jobs.factories import expand_jobs


def nothing(*args):
    pass


PIPELINES = {
    "__default__": Pipeline(
        [
            node(nothing, "raw", "x", name="a.one", namespace="a", tags=["daily_eu"]),
            node(nothing, "x", "y", name="a.b.two", namespace="a.b", tags=["daily_us"]),
            node(nothing, "y", "z", name="c.three", namespace="c"),
            node(nothing, "z", "end", name="four"),
        ]
    ),
    "train_forest": Pipeline([node(nothing, "raw", "forest", name="forest")]),
    "train_linear": Pipeline([node(nothing, "raw", "linear", name="linear", namespace="a")]),
}


def expanded(**jobs):
    problems = Scope()
    found = expand_jobs(jobs, PIPELINES, problems)
    return found, list(problems)


def filters(found):
    return {name: (job.pipeline.pipeline_name, job.pipeline.node_namespaces) for name, job in found.items()}


def test_a_job_without_placeholders_stays_as_it_is():
    job = JobConfig(description="{not} a place")
    assert expanded(plain=job) == ({"plain": job}, [])


def test_one_job_is_made_per_pipeline_that_fits():
    found, problems = expanded(**{"{model}_nightly": JobConfig(pipeline=PipelineFilter("train_{model}"))})
    assert filters(found) == {"forest_nightly": ("train_forest", None), "linear_nightly": ("train_linear", None)}
    assert not problems


@pytest.mark.parametrize(
    ("name", "wanted", "path"),
    [
        ("{tag.x}", PipelineFilter(tags=["{tag}"]), "jobs.{tag.x}"),
        ("{tag[x]}", PipelineFilter(tags=["{tag[x]}"]), "jobs.{tag[x]}"),
        ("{}", PipelineFilter(tags=["{tag}"]), "jobs.{}"),
        ("{tag}", PipelineFilter(tags=["{tag:none}"]), "jobs.{tag}.pipeline.tags[0]"),
        ("{tag}", PipelineFilter("{tag!r}"), "jobs.{tag}.pipeline.pipeline_name"),
        ("{tag}", PipelineFilter(pipeline_names=["a", "{tag:none}"]), "jobs.{tag}.pipeline.pipeline_names[1]"),
    ],
)
def test_placeholders_that_cannot_be_read_or_filled_in_are_reported(name, wanted, path):
    found, [problem] = expanded(**{name: JobConfig(pipeline=wanted)})
    assert (found, problem.path) == ({}, path)
    assert "cannot be" in problem.found


def test_one_job_is_made_per_namespace_of_that_depth():
    jobs = {
        "{space}": JobConfig(pipeline=PipelineFilter(node_namespaces=["{space}"])),
        "{outer}__{inner}": JobConfig(pipeline=PipelineFilter(node_namespaces=["{outer}.{inner}"])),
    }
    found, problems = expanded(**jobs)
    assert filters(found) == {
        "a": ("__default__", ["a"]),
        "c": ("__default__", ["c"]),
        "a__b": ("__default__", ["a.b"]),
    }
    assert not problems


def test_one_job_is_made_per_tag_and_every_text_of_it_is_filled():
    job = JobConfig(
        pipeline=PipelineFilter(tags=["daily_{region}"]),
        description="What {region} needs.",
        schedule=["{region}", "all"],
        tags={"region": "{region}"},
    )
    found, _ = expanded(**{"{region}": job})
    assert [(name, made.description, made.schedule, made.tags, made.pipeline.tags) for name, made in found.items()] == [
        ("eu", "What eu needs.", ["eu", "all"], {"region": "eu"}, ["daily_eu"]),
        ("us", "What us needs.", ["us", "all"], {"region": "us"}, ["daily_us"]),
    ]


def test_pipelines_and_namespaces_are_combined_where_they_fit():
    job = JobConfig(pipeline=PipelineFilter("train_{model}", node_namespaces=["{space}"]))
    found, _ = expanded(**{"{model}_{space}": job})
    assert filters(found) == {"linear_a": ("train_linear", ["a"])}


def test_a_job_that_is_written_out_goes_before_one_of_a_factory():
    own = JobConfig(description="my own")
    found, _ = expanded(**{"{m}": JobConfig(pipeline=PipelineFilter("train_{m}")), "forest": own})
    assert found["forest"] is own
    assert set(found) == {"forest", "linear"}


@pytest.mark.parametrize(
    ("name", "pipeline", "said"),
    [
        ("{model}", PipelineFilter("fit_{model}"), "no pipeline, namespace or tag matches"),
        ("{tag}", PipelineFilter(tags=["x_{tag}"]), "no pipeline, namespace or tag matches"),
        ("{modle}", PipelineFilter("train_{model}"), "placeholder 'modle' does not appear in a filter"),
        ("{model}", PipelineFilter("train_forest"), "placeholder 'model' does not appear in a filter"),
    ],
)
def test_a_factory_that_makes_nothing_is_reported(name, pipeline, said):
    found, [problem] = expanded(**{name: JobConfig(pipeline=pipeline)})
    assert found == {}
    assert (problem.path, said in problem.found) == (f"jobs.{name}", True)


@pytest.mark.parametrize("pattern", ["TRAIN_{model}", "Train_{model}"], ids=str)
def test_a_pattern_tells_capitals_from_small_letters(pattern):
    found, [problem] = expanded(**{"{model}": JobConfig(pipeline=PipelineFilter(pattern))})
    assert (found, problem.path) == ({}, "jobs.{model}")


def test_namespaces_and_tags_tell_capitals_from_small_letters():
    tags = JobConfig(pipeline=PipelineFilter(tags=["Daily_{region}"]))
    spaces = JobConfig(pipeline=PipelineFilter(node_namespaces=["A.{inner}"]))
    found, problems = expanded(**{"{region}": tags, "{inner}": spaces})
    assert (found, len(problems)) == ({}, 2)
