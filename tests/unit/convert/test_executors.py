"""Executors of kedro-dagster."""

import pytest

from kedro_assets.convert.executors import celery_retries, converted_executor, type_of
from kedro_assets.errors import Scope


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, "in_process"),
        ({"retries": {"enabled": {}}}, "in_process"),
        ({"retries": 2}, "celery_executor"),
        ({"max_concurrent": 2}, "multiprocess"),
        ({"cluster": {"local": {}}}, "dask_executor"),
        ({"env_vars": ["A"]}, "k8s_job_executor"),
        ({"image": "shop"}, "docker_executor"),
        ({"broker": "redis://"}, "celery_executor"),
        ({"broker": "redis://", "image": "shop"}, "celery_docker_executor"),
        ({"broker": "redis://", "labels": {}}, "celery_k8s_job_executor"),
        ({"anything": 1}, None),
    ],
    ids=str,
)
def test_an_executor_without_a_type_has_the_first_that_takes_its_options(options, kind):
    assert type_of(options) == kind


@pytest.mark.parametrize(
    ("executor", "converted"),
    [
        ({"in_process": None}, {"in_process": None}),
        ({"in_process": {}}, {"in_process": {}}),
        ({"multiprocess": None}, {"multiprocess": {"max_concurrent": 1}}),
        ({"multiprocess": {"max_concurrent": 3}}, {"multiprocess": {"max_concurrent": 3}}),
        ({"max_concurrent": 3}, {"multiprocess": {"max_concurrent": 3}}),
        ({"docker_executor": {"image": "a"}}, {"docker_executor": {"image": "a", "max_concurrent": 1}}),
        ({"celery_executor": {"broker": "a", "retries": 2}}, {"celery_executor": {"broker": "a"}}),
        (
            {"celery_docker_executor": {"broker": "a", "image": "b", "registry": {"url": "c"}}},
            {"celery_docker_executor": {"broker": "a", "docker": {"image": "b", "registry": {"url": "c"}}}},
        ),
        ({"my.own.executor": {"x": 1}}, {"my.own.executor": {"x": 1}}),
        ("multiprocess", "multiprocess"),
    ],
    ids=str,
)
def test_an_executor_has_a_type_with_its_options(executor, converted):
    problems = Scope()
    assert converted_executor(executor, problems) == converted
    assert converted_executor(converted, problems) == converted
    assert not problems.failed


@pytest.mark.parametrize(
    ("executor", "left_out"),
    [
        ({"celery_docker_executor": {"max_concurrent": 2}}, ["max_concurrent"]),
        (
            {"celery_k8s_job_executor": {"max_concurrent": 2, "step_k8s_config": {}}},
            ["max_concurrent", "step_k8s_config"],
        ),
    ],
    ids=["celery_docker", "celery_k8s"],
)
def test_an_option_that_is_not_there_is_left_out_and_reported(executor, left_out):
    problems = Scope()
    [kind] = executor
    assert converted_executor(executor, problems) == {kind: {}}
    assert [problem.path for problem in problems] == [f"{kind}.{option}" for option in left_out]


@pytest.mark.parametrize(
    ("executor", "retries"),
    [
        ({"celery_executor": {"retries": 2}}, 2),
        ({"retries": 2}, 2),
        ({"celery_executor": {"retries": {"enabled": {}}}}, None),
        ({"in_process": None}, None),
        ("in_process", None),
    ],
    ids=str,
)
def test_the_retries_of_celery_are_a_number(executor, retries):
    assert celery_retries(executor) == retries
