"""A project as resources: its own, and an IO manager for every dataset."""

import dagster as dg
import pytest

from kedro_assets.config import AssetsConfig, DagsterConfig
from kedro_assets.runtime import DatasetIOManager, KedroResource
from kedro_assets.steps import build_resources, projects_of, resource_key
from unit.builders import make_node
from unit.records import definitions_of, json_entry, make_kedro, open_over

NODES = [make_node("a", ["raw"], ["x"])]


def job_of(*kedros):
    definitions = dg.Definitions.merge(*map(definitions_of, kedros))
    return definitions, definitions.resolve_implicit_global_asset_job_def()


@pytest.mark.parametrize(
    ("prefix", "key"), [([], "kedro"), (["eu"], "kedro_eu"), (["eu", "a-b"], "kedro_eu_a_b")], ids=str
)
def test_the_key_of_a_project_follows_its_key_prefix(prefix, key):
    assert resource_key(DagsterConfig(assets=AssetsConfig(key_prefix=prefix))) == key


def test_every_dataset_has_an_io_manager_that_needs_the_project():
    resources = build_resources(make_kedro(NODES, catalog={"lonely": json_entry("lonely")}))
    assert set(resources) == {"kedro", "raw__io_manager", "x__io_manager", "lonely__io_manager"}
    assert resources["lonely__io_manager"].required_resource_keys == {"kedro"}
    assert resources["lonely__io_manager"].description == "The Kedro dataset 'lonely'."


def test_the_resource_has_the_project_and_what_the_run_gives():
    kedro = make_kedro(NODES)
    config = {"runtime_params": {"a": 1}, "load_versions": {"x": "2026"}}
    with dg.build_resources(build_resources(kedro), resource_config={"kedro": {"config": config}}) as resources:
        assert resources.kedro == KedroResource(kedro, {"a": 1}, {"x": "2026"})
        assert resources.x__io_manager is kedro.io_managers["x"]
        assert isinstance(resources.raw__io_manager, DatasetIOManager)


def test_an_unknown_key_in_the_runs_configuration_is_refused():
    _, job = job_of(make_kedro(NODES))
    with pytest.raises(dg.DagsterInvalidConfigError, match="runtime_parms"):
        dg.validate_run_config(job, {"resources": {"kedro": {"config": {"runtime_parms": {}}}}})


def test_the_launchpad_lists_the_project_and_dagsters_own_io_manager_but_none_of_the_projects():
    _, job = job_of(make_kedro(NODES))
    known = job.run_config_schema.run_config_schema_type.fields["resources"].config_type.fields
    assert set(known) == {"kedro", "io_manager"}
    assert "kedro" in dg.validate_run_config(job, {})["resources"]


def test_the_projects_of_a_job_are_those_among_its_resources():
    east, west = make_kedro(NODES, key_prefix=["west"]), make_kedro(NODES, key_prefix=["east"])
    _, job = job_of(east, west)
    assert projects_of(job) == [west, east]
    assert (
        projects_of(dg.GraphDefinition("g").to_job(resource_defs={"other": dg.ResourceDefinition(lambda _: 1)})) == []
    )


# Values outside a run, and in assets of one's own.


def test_a_value_is_loaded_through_the_io_manager_of_its_dataset(monkeypatch, tmp_path):
    (tmp_path / "x.json").write_text("[1, 2]")
    catalog = {"x": json_entry(tmp_path / "x.json"), "lonely": json_entry(tmp_path / "x.json")}
    open_over(monkeypatch, lambda params: catalog)
    kedro = make_kedro(NODES, catalog=catalog)

    @dg.asset(io_manager_key="lonely__io_manager")
    def lonely():
        return None

    definitions = definitions_of(kedro, lonely)
    with dg.DagsterInstance.ephemeral() as instance:
        assert definitions.load_asset_value("x", instance=instance) == [1, 2]
        assert definitions.load_asset_value("lonely", instance=instance) == [1, 2]


def test_an_asset_of_ones_own_reads_and_makes_datasets_of_the_catalog(monkeypatch, tmp_path):
    (tmp_path / "raw.json").write_text("20")
    catalog = {name: json_entry(tmp_path / f"{name}.json") for name in ("raw", "total")}
    open_over(monkeypatch, lambda params: catalog)

    @dg.asset(ins={"raw": dg.AssetIn(input_manager_key="raw__io_manager")}, io_manager_key="total__io_manager")
    def total(raw):
        return raw + 1

    definitions = definitions_of(make_kedro(NODES, catalog=catalog), total)
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions.resolve_implicit_global_asset_job_def()
        assert job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("total")]).success
    assert (tmp_path / "total.json").read_text() == "21"
