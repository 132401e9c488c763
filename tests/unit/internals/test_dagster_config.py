"""Fails when Dagster's configuration schemas change."""

import dagster as dg
import pytest

from kedro_assets._internals import dagster_config
from kedro_assets._internals.dagster_config import OptionType


def test_what_dagsters_constructors_raise_is_known():
    with pytest.raises(dagster_config.CHECK_ERROR):
        dg.AutomationCondition.on_cron("every day")


def test_options_that_an_executor_takes_are_not_refused():
    options = {"max_concurrent": 2, "retries": {"enabled": {}}}
    assert list(dagster_config.refused_options(dg.multiprocess_executor, options)) == []
    assert list(dagster_config.refused_options(dg.in_process_executor, {})) == []


def test_each_option_that_an_executor_refuses_has_its_path():
    options = {"max_concurrent": "two", "nonsense": 1, "tag_concurrency_limits": [{"key": 5, "limit": 1}]}
    refused = list(dagster_config.refused_options(dg.multiprocess_executor, options))
    found = {tuple(path): message for path, message, _ in refused}
    assert set(found) == {("nonsense",), ("max_concurrent",), ("tag_concurrency_limits", "0", "key")}
    assert "Int" in found["max_concurrent",]
    [allowed] = [allowed for path, _, allowed in refused if path == ["nonsense"]]
    assert {"max_concurrent", "retries", "start_method"} <= set(allowed)


def test_what_dagster_k8s_or_kubernetes_does_not_know_is_refused_with_its_place():
    pytest.importorskip("dagster_k8s")
    known = {"container_config": {"resources": {"limits": {"cpu": "1"}}}, "pod_spec_config": {"node_selector": {}}}
    assert list(dagster_config.refused_by_kubernetes("dagster-k8s/config", known)) == []
    refused = list(dagster_config.refused_by_kubernetes("dagster-k8s/config", {"container": {}}))
    assert [path for path, _, _ in refused] == [["container"]]
    assert "container_config" in refused[0][2]
    [(path, message, _)] = dagster_config.refused_by_kubernetes(
        "dagster-k8s/config", {"container_config": {"resorces": 1}}
    )
    assert (path, "resorces" in message) == (["container_config"], True)
    [(path, _, _)] = dagster_config.refused_by_kubernetes("dagster-k8s/resource_requirements", {"limit": {}})
    assert path == ["limit"]


def test_the_key_of_a_mapping_is_in_the_path_of_what_is_refused_in_it():
    executor = dg.ExecutorDefinition("e", config_schema={"numbers": dg.Map(str, int)})
    [(path, _, _)] = dagster_config.refused_options(executor, {"numbers": {"one": 1, "two": "x"}})
    assert path == ["numbers", "two"]


def test_what_dagster_ray_does_not_know_is_refused_with_its_place():
    pytest.importorskip("dagster_ray")
    known = {"num_cpus": 1, "resources": {"card": 0.5}, "runtime_env": {"env_vars": {"A": "B"}}}
    assert list(dagster_config.refused_by_ray(known, of_run=False)) == []
    assert list(dagster_config.refused_by_ray({**known, "env_vars": ["A=B"]}, of_run=True)) == []
    for of_run in (True, False):
        [(path, _, allowed)] = dagster_config.refused_by_ray({"num_cpu": 1}, of_run=of_run)
        assert (path, "num_cpus" in allowed, "env_vars" in allowed) == (["num_cpu"], True, of_run)
    [(path, _, _)] = dagster_config.refused_by_ray({"resources": {"card": "x"}}, of_run=False)
    assert path == ["resources", "card"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (int, OptionType("SCALAR", "Int")),
        (dg.Noneable(str), OptionType("NONEABLE", inner=(OptionType("SCALAR", "String"),))),
        ([bool], OptionType("ARRAY", inner=(OptionType("SCALAR", "Bool"),))),
        (dg.Map(str, float), OptionType("MAP", inner=(OptionType("SCALAR", "Float"),))),
        (dg.Enum("Colour", [dg.EnumValue("red")]), OptionType("ENUM", "Colour", values=("red",))),
        (dg.Any, OptionType("ANY", "Any")),
    ],
    ids=["scalar", "noneable", "array", "map", "enum", "any"],
)
def test_a_type_of_configuration_is_read(kind, expected):
    assert dagster_config.read_type(kind) == expected


def test_a_union_of_scalars_has_both_of_its_types():
    found = dagster_config.read_type(dg.StringSource)
    assert (found.kind, found.inner[0]) == ("SCALAR_UNION", OptionType("SCALAR", "String"))


def test_the_options_of_an_executor_are_read():
    executor = dg.executor(
        name="e", config_schema={"size": dg.Field(int, default_value=3, description="How many."), "name": dg.Field(str)}
    )(lambda _: None)
    found = dagster_config.executor_options(executor)
    assert found.kind == "STRICT_SHAPE"
    size, name = found.options["size"], found.options["name"]
    assert (size.type.name, size.default, size.is_required, size.description) == ("Int", 3, False, "How many.")
    assert (name.default, name.is_required) == (None, True)


def test_an_unlisted_io_manager_works_and_is_not_in_run_configuration():
    class Manager(dg.IOManager):
        def handle_output(self, context, obj):
            self.saved = obj

        def load_input(self, context):
            raise NotImplementedError

    manager = Manager()

    @dg.asset(io_manager_key="unlisted")
    def made():
        return 5

    unlisted = dagster_config.UnlistedIOManager(resource_fn=lambda _: manager)
    listed = dg.ResourceDefinition(lambda _: None)
    resources = {"unlisted": unlisted, "listed": listed}
    job = dg.Definitions([made], resources=resources).resolve_implicit_global_asset_job_def()
    assert job.execute_in_process().success
    assert manager.saved == 5
    shown = job.run_config_schema.run_config_schema_type.fields["resources"].config_type.fields
    assert "listed" in shown
    assert "unlisted" not in shown
