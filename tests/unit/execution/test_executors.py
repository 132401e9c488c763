import importlib.util
import json

import dagster as dg
import pytest

from kedro_assets.config import DagsterConfig, ExecutorConfig, JobConfig
from kedro_assets.errors import Scope
from kedro_assets.execution.executors import (
    PRELOAD,
    Executors,
    _in_words_of_dagster_docker,
    check_step_names,
    with_hooks,
)

NOT_INSTALLED = [
    (kind, package)
    for kind, package in [
        ("dask", "dagster-dask"),
        ("docker", "dagster-docker"),
        ("celery_k8s", "dagster-celery-k8s"),
        ("k8s", "dagster-k8s"),
    ]
    if importlib.util.find_spec(package.replace("-", "_")) is None
]


def executor_of(translation):
    return translation.definitions.executor


def job_executor(translation, name="j"):
    return translation.definitions.resolve_job_def(name).executor_def


def options_of(executor):
    """Give the options that an executor was configured with, with Dagster's own defaults."""
    return executor.apply_config_mapping({}).value["config"]


def test_without_any_executor_everything_runs_in_one_process(translate_project):
    translation = translate_project(conf={"dagster.yml": "jobs: {j: {}}"})
    assert (executor_of(translation).name, job_executor(translation).name) == ("in_process", "in_process")


@pytest.mark.parametrize(
    "executor",
    [
        "{multiprocess: {max_concurrent: 2}}",
        "{multiprocess_executor: {}}",
        "{dagster.multiprocess_executor: {}}",
        "parallel",
    ],
    ids=["short", "dagster's", "path", "name"],
)
def test_an_executor_can_be_given_in_each_of_these_ways(translate_project, executor):
    dagster = f"executors: {{parallel: {{multiprocess: {{}}}}}}\ndefault_executor: {executor}\njobs: {{j: {{executor: {executor}}}}}"
    translation = translate_project(conf={"dagster.yml": dagster})
    assert (executor_of(translation).name, job_executor(translation).name) == ("multiprocess", "multiprocess")


def test_a_job_may_have_another_executor_than_the_default(translate_project):
    dagster = "executors: {p: {multiprocess: {}}}\njobs: {j: {executor: p}, k: {}}"
    translation = translate_project(conf={"dagster.yml": dagster})
    assert (job_executor(translation, "j").name, job_executor(translation, "k").name) == ("multiprocess", "in_process")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("{}", {"forkserver": {"preload_modules": [PRELOAD]}}),
        ("{max_concurrent: 3}", {"forkserver": {"preload_modules": [PRELOAD]}}),
        ("{start_method: {spawn: {}}}", {"spawn": {}}),
    ],
    ids=["no options", "other options", "told how"],
)
def test_steps_fork_from_a_process_that_has_everything_loaded_unless_told_how(translate_project, options, expected):
    translation = translate_project(conf={"dagster.yml": f"default_executor: {{multiprocess: {options}}}"})
    assert options_of(executor_of(translation))["start_method"] == expected


def test_options_reach_the_executor(translate_project):
    dagster = "default_executor: {multiprocess: {max_concurrent: 3, retries: {disabled: {}}}}"
    options = options_of(executor_of(translate_project(conf={"dagster.yml": dagster})))
    assert (options["max_concurrent"], options["retries"]) == (3, {"disabled": {}})


def test_an_unknown_name_is_reported_with_the_nearest(problems_of):
    dagster = "executors: {quick: {in_process: {}}}\ndefault_executor: quik\njobs: {j: {executor: qick}}"
    problems = problems_of(conf={"dagster.yml": dagster})
    assert {problem.path for problem in problems} == {"default_executor", "jobs.j.executor"}
    assert all(problem.hint.startswith("Did you mean 'quick'? Allowed: ") for problem in problems)


@pytest.mark.parametrize("name", ["multiprocess", "multiprocess_executor"])
def test_a_type_without_options_can_stand_for_itself(translate_project, name):
    translation = translate_project(
        conf={"dagster.yml": f"default_executor: {name}\njobs: {{j: {{executor: {name}}}}}"}
    )
    assert executor_of(translation).name == "multiprocess"
    assert translation.definitions.resolve_job_def("j").executor_def.name == "multiprocess"
    assert "forkserver" in options_of(executor_of(translation))["start_method"]


def test_an_executor_that_is_named_like_a_type_goes_before_the_type(translate_project):
    dagster = "executors: {multiprocess: {in_process: {}}}\ndefault_executor: multiprocess"
    assert executor_of(translate_project(conf={"dagster.yml": dagster})).name == "in_process"


def test_an_unknown_type_is_reported_with_the_nearest(problems_of):
    [problem] = problems_of(conf={"dagster.yml": "executors: {e: {multiproces: {}}}"})
    assert (problem.path, problem.found) == ("executors.e.multiproces", "there is no executor type 'multiproces'.")
    assert problem.hint.startswith("Did you mean 'multiprocess'?")


@pytest.mark.parametrize(("kind", "package"), NOT_INSTALLED, ids=[kind for kind, _ in NOT_INSTALLED])
def test_an_executor_whose_library_is_missing_is_reported_with_what_to_install(problems_of, kind, package):
    [problem] = problems_of(conf={"dagster.yml": f"executors: {{e: {{{kind}: {{}}}}}}"})
    assert problem.path == f"executors.e.{kind}"
    assert problem.hint == f"Install it: pip install {package}"


@pytest.mark.parametrize(
    "path",
    ["os.path.join", "os.path.nope", "no_such_module.executor", "..a.b", "a."],
    ids=["function", "name", "module", "relative", "dot"],
)
def test_a_path_that_leads_to_no_executor_is_reported(problems_of, path):
    [problem] = problems_of(conf={"dagster.yml": f"default_executor: {{'{path}': {{}}}}"})
    assert problem.path == f"default_executor.{path}"


def test_every_option_that_the_executor_refuses_is_reported(problems_of):
    dagster = "executors: {a: {multiprocess: {max_concurrent: two, retries: {nope: {}}}}, b: {in_process: {nope: 1}}}"
    problems = problems_of(conf={"dagster.yml": dagster})
    assert {problem.path for problem in problems} == {
        "executors.a.multiprocess.max_concurrent",
        "executors.a.multiprocess.retries.nope",
        "executors.b.in_process.nope",
    }


def test_a_misspelled_option_is_reported_with_the_nearest(problems_of):
    [problem] = problems_of(conf={"dagster.yml": "executors: {a: {multiprocess: {max_concurent: 2}}}"})
    assert problem.hint.startswith("Did you mean 'max_concurrent'?")


def test_an_executor_that_was_refused_is_not_reported_as_unknown_too(problems_of):
    dagster = "executors: {e: {nope: {}}}\ndefault_executor: e\njobs: {j: {executor: e}}"
    assert [problem.path for problem in problems_of(conf={"dagster.yml": dagster})] == ["executors.e.nope"]


def test_an_unknown_name_is_reported_although_one_with_a_longer_name_was_refused(problems_of):
    dagster = "executors: {quick: {nope: {}}}\njobs: {j: {executor: qui}}"
    paths = {problem.path for problem in problems_of(conf={"dagster.yml": dagster})}
    assert paths == {"executors.quick.nope", "jobs.j.executor"}


def test_an_executor_keeps_the_schema_that_dagster_gives_it(translate_project):
    executor = executor_of(translate_project())
    assert executor.config_schema.config_type.key == dg.in_process_executor.config_schema.config_type.key


# As the document that this project was founded on writes it.
DOCKER = """
executors:
  my_docker_executor:
    docker_executor:
      image: my-custom-image:latest
      registry: "my_registry.com"
      network: "my_network"
      networks: ["my_network_1", "my_network_2"]
      container_kwargs:
        volumes:
          - "/host/path:/container/path"
        environment:
          - "ENV_VAR=value"
jobs: {j: {executor: my_docker_executor}}
"""


def test_the_docker_executor_takes_a_plain_registry_and_more_than_one_network(translate_project):
    config = options_of(job_executor(translate_project(conf={"dagster.yml": DOCKER})))
    assert config["image"] == "my_registry.com/my-custom-image:latest"
    assert config["networks"] == ["my_network", "my_network_1", "my_network_2"]
    assert config["container_kwargs"]["volumes"] == ["/host/path:/container/path"]
    assert "registry" not in config


# Executors know no project.


def test_an_executor_is_the_same_object_for_the_same_options():
    first = with_hooks(dg.multiprocess_executor, {"max_concurrent": 2, "retries": {"disabled": {}}})
    assert with_hooks(dg.multiprocess_executor, {"retries": {"disabled": {}}, "max_concurrent": 2}) is first
    assert with_hooks(dg.multiprocess_executor, {"max_concurrent": 3}) is not first
    assert with_hooks(dg.in_process_executor) is with_hooks(dg.in_process_executor, {})
    assert with_hooks(dg.in_process_executor) is not with_hooks(dg.multiprocess_executor)


def test_options_that_are_set_leave_the_rest_to_dagsters_defaults():
    assert options_of(with_hooks(dg.multiprocess_executor, {"max_concurrent": 2}))["max_concurrent"] == 2
    assert with_hooks(dg.multiprocess_executor, {"max_concurrent": 2}).name == "multiprocess"


def test_two_projects_of_one_code_location_share_their_executor(translate_project):
    dagster = "assets: {key_prefix: [%s]}\ndefault_executor: {multiprocess: {max_concurrent: 2}}"
    east, west = (translate_project(conf={"dagster.yml": dagster % name}).definitions for name in ("east", "west"))
    merged = dg.Definitions.merge(east, west)
    assert merged.executor is east.executor is west.executor
    dg.Definitions.validate_loadable(merged)


@pytest.mark.parametrize(("wanted", "place"), [(None, "default_executor"), ("in_process", "jobs.j.executor")], ids=str)
def test_by_hand_an_executor_is_found_by_its_name_or_its_type(wanted, place):
    problems = Scope()
    executors = Executors(DagsterConfig(executors={"quick": ExecutorConfig("in_process")}), problems)
    assert executors.get(wanted, problems.at(place)) is (with_hooks(dg.in_process_executor) if wanted else None)
    assert executors.get("quick", problems) is executors.default()
    assert not len(problems)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"image": "i", "registry": {"url": "r"}}, {"image": "i", "registry": {"url": "r"}}),
        ({"image": "i", "network": "n"}, {"image": "i", "network": "n"}),
        ({"registry": "r"}, {"registry": "r"}),
        (
            {"container_kwargs": {"environment": {"A": 1, "B": None}}},
            {"container_kwargs": {}, "env_vars": ["A=1", "B"]},
        ),
        (
            {"env_vars": ["X"], "container_kwargs": {"environment": ["A=1"], "user": "me"}},
            {"env_vars": ["X", "A=1"], "container_kwargs": {"user": "me"}},
        ),
        ({"container_kwargs": {"environment": None}}, {"container_kwargs": {}, "env_vars": []}),
    ],
    ids=["login", "one network", "no image", "mapping", "list", "nothing"],
)
def test_options_of_docker_become_those_that_its_executor_takes(options, expected):
    given = json.loads(json.dumps(options))
    assert _in_words_of_dagster_docker(options) == expected
    assert options == given


def test_names_of_steps_that_are_none_are_reported():
    given = {"per_step_k8s_config": {"train": {}, "trian": {}}}
    pods = ExecutorConfig("k8s", given)
    config = DagsterConfig(
        executors={"pods": pods, "plain": ExecutorConfig("in_process")},
        jobs={"own": JobConfig(executor=pods), "named": JobConfig(executor="pods")},
        default_executor=pods,
    )
    problems = Scope()
    check_step_names(config, ["train", "report"], problems)
    assert sorted(problem.path for problem in problems) == [
        "default_executor.k8s.per_step_k8s_config.trian",
        "executors.pods.k8s.per_step_k8s_config.trian",
        "jobs.own.executor.k8s.per_step_k8s_config.trian",
    ]
    assert all("Did you mean 'train'?" in problem.hint for problem in problems)
