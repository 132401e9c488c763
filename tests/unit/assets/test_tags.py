"""Tags of runs and of steps as Dagster keeps them, and what is wrong with some."""

import datetime as dt
import json

import pytest
from attrs import evolve

from kedro_assets.assets import TagReader
from kedro_assets.config import DagsterConfig
from kedro_assets.errors import Scope
from unit.builders import make_node, make_project

GPU = {"container_config": {"resources": {"limits": {"nvidia.com/gpu": 1}}}}


def read(tags, **options):
    """Return the tags that fit, and what is reported."""
    problems = Scope()
    found = TagReader(**options).read(tags, problems)
    return found, [(problem.path, problem.found) for problem in problems]


def test_a_string_stays_as_it_is_and_any_other_value_becomes_json():
    tags = {"team": "growth", "size": 3, "on": True, "rate": 0.5, "list": ["a", None], "shop/deep": {"b": 1, "a": {}}}
    texts = {"team": "growth", "size": "3", "on": "true", "rate": "0.5", "list": '["a", null]'}
    assert read(tags) == ({**texts, "shop/deep": '{"a": {}, "b": 1}'}, [])


@pytest.mark.parametrize(
    "value", [{1: 2}, {"a": {2026: "x"}}, float("nan"), dt.date(2026, 1, 1), {"a": {1, 2}}, ("a",)]
)
def test_a_value_that_json_would_change_is_reported(value):
    found, [(path, message)] = read({"a": value, "b": "kept"})
    assert (found, path) == ({"b": "kept"}, "a")
    assert message == "Dagster does not allow this value, as it would not be the same after it was written as JSON."


def test_a_tag_without_a_value_is_reported():
    assert read({"a": None, "b": ""}) == ({"b": ""}, [("a", "this tag has no value.")])


@pytest.mark.parametrize("key", ["a b", "a/b/c", "", "x" * 64, "ü"])
def test_a_key_of_which_dagster_warns_is_reported_unless_it_was_taken_before(key):
    found, problems = read({key: "x"})
    assert (found, [message for _, message in problems]) == (
        {},
        [f"Dagster does not allow '{key}' as the key of a tag."],
    )
    assert read({key: "x"}, of_runs=True) == ({key: "x"}, [])


def test_a_key_that_is_no_string_is_reported():
    assert read({5: "x"}) == ({}, [("[5]", "the key 5 is not a string.")])


@pytest.mark.parametrize("tag", ["dagster/priority", "dagster-celery/priority", "dagster-celery/run_priority"])
@pytest.mark.parametrize(
    ("value", "fits"), [(3, True), ("-2", True), ("high", False), (1.5, False), (True, False), ({}, False)]
)
def test_a_priority_is_a_whole_number(tag, value, fits):
    found, problems = read({tag: value})
    assert bool(found) is fits
    assert [message.startswith("expected a whole number, found ") for _, message in problems] == (
        [] if fits else [True]
    )


@pytest.mark.parametrize("value", [3, "", " ", ["gpu"]])
def test_a_queue_has_a_name(value):
    _, [(path, message)] = read({"dagster-celery/queue": value})
    assert (path, message[:33]) == ("dagster-celery/queue", "expected the name of a queue, fou")
    assert read({"dagster-celery/queue": "gpu"})[1] == []


def test_resources_of_dask_are_numbers():
    tag = "dagster-dask/resource_requirements"
    assert read({tag: {"GPU": 1, "MEM": 1e9}})[1] == []
    assert read({tag: '{"GPU": 1}'}) == ({tag: '{"GPU": 1}'}, [])
    assert read({tag: {"GPU": "two", "MEM": 1}})[1] == [(f"{tag}.GPU", "expected a number, found 'two'.")]
    assert read({tag: "GPU=1"})[1] == [(tag, "expected a mapping of numbers, found 'GPU=1'.")]


def test_what_kubernetes_takes_is_not_reported():
    pytest.importorskip("dagster_k8s")
    pod = {**GPU, "pod_spec_config": {"nodeSelector": {"gpu": "yes"}}, "merge_behavior": "SHALLOW"}
    found, problems = read({"dagster-k8s/config": pod, "dagster-k8s/resource_requirements": {"limits": {"cpu": 1}}})
    assert problems == []
    assert json.loads(found["dagster-k8s/config"]) == pod


@pytest.mark.parametrize(
    ("value", "path", "said"),
    [
        ({"container_confg": {}}, ".container_confg", "the executor has no option 'container_confg'."),
        ({"container_config": 5}, ".container_config", "Dagster rejects this option: "),
        ({"merge_behavior": "DEEPER"}, ".merge_behavior", "Dagster rejects this option: "),
        ({"container_config": {"resources": {"limit": {}}}}, ".container_config", "Kubernetes does not know this: "),
        ({"pod_spec_config": {"node_selektor": {}}}, ".pod_spec_config", "Kubernetes does not know this: "),
        ("gpu", "", "expected a mapping, found 'gpu'."),
        ([GPU], "", "expected a mapping, found a list."),
    ],
    ids=["key", "type", "value", "resources", "pod", "string", "list"],
)
def test_what_kubernetes_could_not_read_is_reported_at_its_place(value, path, said):
    pytest.importorskip("dagster_k8s")
    found, [(at, message)] = read({"dagster-k8s/config": value})
    assert (found, at) == ({}, f"dagster-k8s/config{path}")
    assert message.startswith(said)


def test_without_dagster_k8s_its_tag_is_only_a_mapping(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "dagster_k8s.job", None)
    assert read({"dagster-k8s/config": {"anything": 1}})[1] == []
    assert read({"dagster-k8s/config": "x"})[1] == [("dagster-k8s/config", "expected a mapping, found 'x'.")]


@pytest.mark.parametrize(
    "value",
    [
        {"num_cpus": 2, "resources": {"a100": 1}, "runtime_env": {"pip": ["polars"]}},
        '{"num_gpus": 0.5, "memory": 4096}',
    ],
    ids=["mapping", "json"],
)
def test_what_dagster_ray_takes_is_not_reported(value):
    pytest.importorskip("dagster_ray")
    found, problems = read({"dagster-ray/config": value})
    assert (list(found), problems) == (["dagster-ray/config"], [])


@pytest.mark.parametrize(
    ("value", "path", "said"),
    [
        ({"num_gpu": 1}, ".num_gpu", "the executor has no option 'num_gpu'."),
        ({"num_gpus": "one"}, ".num_gpus", "Dagster rejects this option: "),
        ({"resources": {"a100": "x"}}, ".resources.a100", "Dagster rejects this option: "),
        ({"env_vars": ["A=B"]}, ".env_vars", "the executor has no option 'env_vars'."),
        ("gpu", "", "expected a mapping, found 'gpu'."),
    ],
    ids=["key", "type", "inside", "of-runs", "string"],
)
def test_what_dagster_ray_would_pass_over_or_could_not_read_is_reported_at_its_place(value, path, said):
    pytest.importorskip("dagster_ray")
    found, [(at, message)] = read({"dagster-ray/config": value})
    assert (found, at) == ({}, f"dagster-ray/config{path}")
    assert message.startswith(said)


def test_a_run_has_variables_in_the_tag_of_dagster_ray_too():
    pytest.importorskip("dagster_ray")
    assert read({"dagster-ray/config": {"env_vars": ["A=B"]}}, of_runs=True)[1] == []
    [(at, _)] = read({"dagster-ray/config": {"env_var": ["A=B"]}}, of_runs=True)[1]
    assert at == "dagster-ray/config.env_var"


def test_without_dagster_ray_its_tag_is_only_a_mapping(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "dagster_ray.configs", None)
    assert read({"dagster-ray/config": {"anything": 1}})[1] == []
    assert read({"dagster-ray/config": "x"})[1] == [("dagster-ray/config", "expected a mapping, found 'x'.")]


# Secrets.

SECRET = "this value contains a secret, and everyone who sees Dagster's UI sees tags."


@pytest.mark.parametrize(
    "value",
    [
        "xylophone-77",
        {"a": ["for xylophone-77 only"]},
        "postgresql://me:hunter2@db/sales",
        {"container_config": {"env": [{"name": "DB_PASSWORD", "value": "anything"}]}},
        {"container_config": {"args": ["--password=hunter2"]}},
        {"runtime_env": {"env_vars": {"DB_PASSWORD": "anything"}}},
    ],
    ids=["value", "inside", "address", "variable", "argument", "variable-of-ray"],
)
def test_a_secret_is_no_tag(value):
    project = evolve(make_project([make_node("a", ["r"], ["x"])]), parameters={"api": {"api_key": "xylophone-77"}})
    assert read({"a": value}, project=project) == ({}, [("a", SECRET)])


def test_a_key_that_the_project_calls_secret_is_secret():
    project = evolve(
        make_project([make_node("a", ["r"], ["x"])]),
        parameters={"licence": "xylophone-77"},
        config=DagsterConfig(secrets=["licence"]),
    )
    assert read({"a": "xylophone-77"}, project=project)[1] == [("a", SECRET)]


def test_the_value_of_a_secret_variable_of_the_environment_is_no_tag(monkeypatch):
    monkeypatch.setenv("SHOP_DB_PASSWORD", "xylophone-77")
    project = make_project([make_node("a", ["r"], ["x"])])
    assert read({"a": "xylophone-77"}, project=project)[1] == [("a", SECRET)]


def test_a_reference_to_a_secret_is_none():
    pod = {
        "container_config": {
            "env": [
                {"name": "SECRET_FILE", "value": "/run/secrets/db"},
                {"name": "PGPASSWORD", "value": "$(DB_PASSWORD)"},
                {"name": "DB_TOKEN", "value": "$(DB_PASSWORD)"},
                {"name": "DB_PASSWORD", "value_from": {"secret_key_ref": {"name": "db", "key": "password"}}},
            ],
            "env_from": [{"secret_ref": {"name": "passwords"}}],
        },
        "pod_spec_config": {"volumes": [{"name": "tls", "secret": {"secret_name": "shop-tls"}}]},
    }
    assert read({"dagster-k8s/config": pod}, project=make_project([make_node("a", ["r"], ["x"])]))[1] == []
    ray = {"runtime_env": {"env_vars": {"SECRET_FILE": "/run/secrets/db", "DB_HOST": "db"}}}
    assert read({"dagster-ray/config": ray}, project=make_project([make_node("a", ["r"], ["x"])]))[1] == []
