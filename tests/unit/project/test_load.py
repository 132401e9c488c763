"""Reading a project: what is read, and that it is only read."""

import sys

import pytest

from kedro_assets.errors import ProjectError, Scope
from kedro_assets.project.catalog import CatalogEntry
from kedro_assets.project.load import Project, load_project, parameter_values
from kedro_assets.project.location import locate_project
from unit.builders import make_project

FILE = "{type: pandas.CSVDataset, filepath: a.csv}"


def load(root, **options):
    """Load a project that has no problems."""
    problems = Scope()
    project = load_project(locate_project(root, **options), problems)
    problems.raise_if_any()
    return project


# What is read.


def test_a_project_without_any_configuration_loads(write_project):
    project = load(write_project("return {'__default__': Pipeline([n('a', ['raw'], ['x'])]), 'empty': Pipeline([])}"))
    assert {name: len(pipeline.nodes) for name, pipeline in project.pipelines.items()} == {"__default__": 1, "empty": 0}
    assert project.parameters == {}
    assert project.entry("x") == CatalogEntry(
        "x", "kedro.io.MemoryDataset", {"type": "kedro.io.MemoryDataset"}, declared=False
    )


def test_the_environment_overrides_the_base(write_project):
    root = write_project(
        conf={
            "catalog.yml": f"x: {FILE}",
            "parameters.yml": "a: 1\nb: 2",
            "prod/catalog.yml": "x: {type: pandas.ParquetDataset, filepath: b.parquet}",
            "prod/parameters.yml": "a: 3",
            "prod/dagster.yml": "assets: {group_by: none}",
        }
    )
    base, prod = load(root), load(root, env="prod")
    assert (base.entry("x").type, base.parameters, base.config.assets.group_by) == (
        "pandas.CSVDataset",
        {"a": 1, "b": 2},
        "pipeline",
    )
    assert (prod.entry("x").type, prod.parameters, prod.config.assets.group_by) == (
        "pandas.ParquetDataset",
        {"a": 3, "b": 2},
        "none",
    )


def test_an_environment_that_does_not_exist_is_an_error(write_project):
    root = write_project(conf={"catalog.yml": f"x: {FILE}"})
    with pytest.raises(ProjectError, match="prd"):
        load(root, env="prd")


def test_dagster_yml_may_be_several_files(write_project):
    root = write_project(
        conf={
            "dagster.yml": "load_with_hooks: false",
            "dagster_jobs.yml": "jobs: {a: {}}",
            "dagster/b.yml": "schedules: {}",
        }
    )
    assert list(load(root).config.jobs) == ["a"]


def test_another_configuration_source_is_read_in_place_of_the_projects(write_project, tmp_path):
    root = write_project(conf={"parameters.yml": "a: 1"})
    for folder in ("base", "local"):
        (tmp_path / "elsewhere" / folder).mkdir(parents=True)
    (tmp_path / "elsewhere/base/parameters.yml").write_text("a: 2", encoding="utf-8")
    assert load(root, conf_source=str(tmp_path / "elsewhere")).parameters == {"a": 2}


# Reading is only reading.

HOOKS = """
from kedro.framework.hooks import hook_impl

class Loud:
    @hook_impl
    def after_context_created(self, context):
        raise RuntimeError("a hook has fired")

    @hook_impl
    def after_catalog_created(self, catalog):
        raise RuntimeError("a hook has fired")

HOOKS = (Loud(),)
"""

CREDENTIALS = """
x: {type: unit_test_no_such_module.Dataset, filepath: a, credentials: db}
inline: {type: pandas.CSVDataset, filepath: a, credentials: {token: hunter2}}
parts:
  type: partitions.PartitionedDataset
  path: p
  credentials: db
  dataset: {type: pandas.CSVDataset, credentials: db}
"{name}_table": {type: pandas.SQLTableDataset, table_name: "{name}", credentials: db}
"""


def test_no_hook_fires_no_dataset_class_is_imported_and_no_credentials_are_read(write_project):
    root = write_project(
        settings=HOOKS,
        conf={"catalog.yml": CREDENTIALS, "credentials.yml": "db: {password: '${nope:this would fail}'}"},
    )
    before = set(sys.modules)
    project = load(root)
    for name in ("x", "inline", "parts", "till_table"):
        assert project.entry(name).declared
        assert "credentials" not in str(project.entry(name).config)
    assert "hunter2" not in repr(project)
    assert not {name for name in set(sys.modules) - before if name.startswith(("kedro_datasets", "unit_test_no"))}


RESOLVER_IN_HOOK = """
from kedro.framework.hooks import hook_impl
from omegaconf import OmegaConf

class Resolvers:
    @hook_impl
    def after_context_created(self, context):
        OmegaConf.register_new_resolver("from_hook", lambda name: name.upper(), replace=True)

HOOKS = (Resolvers(),)
"""


def test_a_project_that_cannot_be_read_without_its_hooks_is_told_how(write_project):
    root = write_project(settings=RESOLVER_IN_HOOK, conf={"parameters.yml": "a: '${not_registered:b}'"})
    with pytest.raises(ProjectError, match=r"parameters configuration cannot be read.*(.|\n)*`load_with_hooks: true`"):
        load(root)


def test_with_hooks_a_resolver_from_a_hook_can_be_used(write_project):
    root = write_project(
        settings=RESOLVER_IN_HOOK,
        conf={"parameters.yml": "a: '${from_hook:b}'", "dagster.yml": "load_with_hooks: true"},
    )
    assert load(root).parameters == {"a": "B"}


@pytest.mark.parametrize(
    "catalog",
    [
        "x: {type: a.B, filepath: '${_nope}'}",
        "x: {type: a.B, filepath: '${runtime_params:day}', load_args: '${runtime_params:day.start}'}",
        "x: [",
        f"x: {FILE}\nx: {FILE}",
    ],
    ids=["interpolation", "runtime parameter", "syntax", "duplicate"],
)
def test_a_catalog_that_cannot_be_read_is_an_error_and_not_an_empty_catalog(write_project, catalog):
    root = write_project(conf={"catalog.yml": catalog})
    with pytest.raises(ProjectError, match="catalog configuration cannot be read"):
        load(root)


@pytest.mark.parametrize("metadata", ["[a]", "text", "{dagster: 5}"])
def test_metadata_of_any_form_is_left_to_other_plugins(write_project, metadata):
    catalog = f"a: {{type: pandas.CSVDataset, filepath: a.csv, metadata: {metadata}}}"
    project = load(write_project(conf={"catalog.yml": catalog}))
    assert project.entry("a").type == "pandas.CSVDataset"


def test_a_runtime_parameter_without_a_default_is_a_placeholder_where_there_is_no_run(write_project):
    catalog = "'{name}_raw': {type: a.B, filepath: 'data/{name}/${runtime_params:day}/${runtime_params:time.hour}.csv'}"
    conf = {
        "catalog.yml": catalog,
        "parameters.yml": "depth: ${runtime_params:model.depth}\nseed: ${runtime_params:s, 1}",
    }
    project = load(write_project(conf=conf))
    assert project.entry("sales_raw").config["filepath"] == "data/sales/<day>/<time.hour>.csv"
    assert {name: project.parameters[name] for name in ("depth", "seed")} == {"depth": "<model.depth>", "seed": 1}
    assert project.runtime_params == {
        "day": "<day>",
        "time": {"hour": "<time.hour>"},
        "model": {"depth": "<model.depth>"},
    }


def test_pipelines_that_cannot_be_imported_are_an_error_with_the_cause(write_project):
    root = write_project("raise ValueError('no nodes today')")
    with pytest.raises(ProjectError, match="cannot be imported: ValueError: no nodes today") as caught:
        load(root)
    assert isinstance(caught.value.__cause__, ValueError)


def test_settings_that_cannot_be_imported_are_an_error_with_the_cause(write_project):
    root = write_project(settings="import no_such_module_at_all")
    with pytest.raises(ProjectError, match=r"cannot be opened: .*no_such_module_at_all"):
        load(root)


def test_a_mistake_in_dagster_yml_is_reported_with_file_and_line(write_project):
    problems = Scope()
    load_project(locate_project(write_project(conf={"dagster.yml": "assets:\n  clusterby: node\n"})), problems)
    assert [(problem.source, problem.path) for problem in problems] == [("conf/base/dagster.yml:2", "assets.clusterby")]


# Parts of a partition in the catalog.

DAYS = "{daily: {start_date: '2026-01-01'}}"
KEYED = "x: {type: json.JSONDataset, filepath: 'x/${runtime_params:partition_key, all}.json'}"


@pytest.mark.parametrize(
    "conf",
    [
        {"catalog.yml": KEYED, "dagster.yml": f"assets: {{partitions: {{y: {DAYS}}}}}"},
        {
            "catalog.yml": f"{KEYED}\ny: {{type: a.B, metadata: {{dagster: {{partitions: {DAYS}}}}}}}",
        },
    ],
    ids=["dagster.yml", "catalog"],
)
def test_where_datasets_are_partitioned_a_part_with_a_default_is_seen_too(write_project, conf):
    project = load(write_project(conf=conf))
    assert project.entry("x").partition_parts == {"partition_key"}
    assert project.runtime_params == {}


PLACED = """
plain: 3
key: "${runtime_params:partition_key}"
default: "of ${runtime_params:partition_start,none}"
around: {region: "${runtime_params:partition_keys.region,none}", depth: 3}
behind: "${default}"
"""


def test_what_parameters_ask_for_of_a_partition_is_seen_with_and_without_a_default(write_project):
    multi = "{multi: {day: {daily: {start_date: '2026-01-01'}}, region: {static: [n, s]}}}"
    catalog = f"x: {{type: a.B, metadata: {{dagster: {{partitions: {multi}}}}}}}"
    project = load(write_project(conf={"catalog.yml": catalog, "parameters.yml": PLACED}))
    asked = {name: sorted(parts) for name, parts in project.partition_parts.items() if "partition_" not in name}
    assert {name: parts for name, parts in asked.items() if name != "parameters"} == {
        "params:key": ["partition_key"],
        "params:default": ["partition_start"],
        "params:behind": ["partition_start"],
        "params:around": ["partition_keys.region"],
        "params:around.region": ["partition_keys.region"],
    }
    assert project.parameters["default"] == "of none"


def test_where_nothing_is_partitioned_a_part_has_its_default(write_project):
    conf = {"catalog.yml": KEYED, "dagster.yml": f"partitions: {{days: {DAYS}}}"}
    entry = load(write_project(conf=conf)).entry("x")
    assert (entry.location, entry.partition_parts) == ("x/all.json", frozenset())


ALL_PARTS = """
x:
  type: json.JSONDataset
  filepath: 'x/${{runtime_params:{part}}}.json'
"""


@pytest.mark.parametrize("default", ["", ", none"], ids=["asked", "default"])
@pytest.mark.parametrize(
    "part", ["partition_key", "partition_start", "partition_end", "partition_keys.day", "partition_keys.region"]
)
def test_every_part_of_a_partition_is_seen_with_and_without_a_default(write_project, part, default):
    dagster = f"""
        partitions: {{days: {DAYS}, both: {{multi: {{day: days, region: {{static: [eu]}}}}}}}}
        assets: {{partitions: {{y: both}}}}
    """
    catalog = ALL_PARTS.format(part=f"{part}{default}")
    entry = load(write_project(conf={"catalog.yml": catalog, "dagster.yml": dagster})).entry("x")
    assert entry.partition_parts == {part}


def test_a_dimension_that_is_written_out_anywhere_is_seen(write_project):
    catalog = (
        ALL_PARTS.format(part="partition_keys.shop, none")
        + """
y:
  type: json.JSONDataset
  metadata: {dagster: {partitions: {multi: {shop: {dynamic: shops}, other: {static: [a]}}}}}
"""
    )
    assert load(write_project(conf={"catalog.yml": catalog})).entry("x").partition_parts == {"partition_keys.shop"}


def test_a_part_of_a_partition_in_metadata_is_no_place(write_project):
    catalog = f"""
x:
  type: json.JSONDataset
  filepath: x.json
  metadata: {{about: '${{runtime_params:partition_key}}', dagster: {{partitions: {DAYS}}}}}
"""
    assert load(write_project(conf={"catalog.yml": catalog})).entry("x").partition_parts == frozenset()


def test_other_runtime_parameters_keep_their_defaults_where_datasets_are_partitioned(write_project):
    catalog = "x: {type: json.JSONDataset, filepath: '${runtime_params:folder, data}/${runtime_params:day}.json'}"
    conf = {"catalog.yml": catalog, "dagster.yml": f"assets: {{partitions: {{x: {DAYS}}}}}"}
    project = load(write_project(conf=conf))
    assert project.entry("x").location == "data/<day>.json"
    assert project.runtime_params == {"day": "<day>"}


# What is known of it.


def test_a_dataset_is_known_by_the_name_that_its_variants_share():
    catalog = {"x@csv": {"type": "a.B"}, "y": {"type": "a.C"}, "x@frame": {"type": "a.D"}, "{z}_raw": {"type": "a.E"}}
    project = make_project([], catalog=catalog)
    assert project.catalog_names == {"x": "x@csv", "y": "y"}
    assert project.catalog_names is project.catalog_names  # it is asked for each dataset that no node uses
    assert project.first_entry("x").name == "x@csv"
    assert project.first_entry("y").type == "a.C"


def test_every_name_of_a_parameter_has_its_value():
    assert parameter_values({}) == {"parameters": {}}
    values = parameter_values({"a": {"b": {"c": 1}, "d": [{"e": 2}]}, 3: None})
    assert values == {
        "parameters": {"a": {"b": {"c": 1}, "d": [{"e": 2}]}, 3: None},
        "params:a": {"b": {"c": 1}, "d": [{"e": 2}]},
        "params:a.b": {"c": 1},
        "params:a.b.c": 1,
        "params:a.d": [{"e": 2}],
        "params:3": None,
    }


def test_the_names_of_parameters_are_looked_for_once():
    project = Project(locate_anywhere(), "shop", {}, parameters={"a": 1})
    assert project.parameter_values is project.parameter_values


def locate_anywhere():
    return make_project([]).location
