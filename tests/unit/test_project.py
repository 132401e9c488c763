import sys
from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader

from kedro_assets.errors import Problems, ProjectError
from kedro_assets.project.load import (
    CatalogEntry,
    ProjectLocation,
    SourceLines,
    load_project,
    locate_project,
    resolve_catalog,
)

from .builders import make_project

FILE = "{type: pandas.CSVDataset, filepath: a.csv}"


def load(root, **options):
    """Load a project that has no problems."""
    problems = Problems()
    project = load_project(locate_project(root, **options), problems)
    problems.raise_if_any()
    return project


# Where a project is.


@pytest.mark.parametrize("inside", [".", "src", "conf/base", "pyproject.toml"])
def test_a_project_is_found_from_anywhere_inside(write_project, inside):
    root = write_project()
    assert locate_project(root / inside) == ProjectLocation(root)


def test_without_a_path_the_working_directory_counts(write_project, monkeypatch):
    root = write_project()
    monkeypatch.chdir(root / "conf")
    assert locate_project().path == root


def test_outside_of_a_project_the_error_says_where_was_looked_and_for_what(tmp_path):
    with pytest.raises(ProjectError, match=rf"No Kedro project at {tmp_path} .* \[tool\.kedro\]"):
        locate_project(tmp_path)


@pytest.mark.parametrize(
    ("given", "variable", "expected"),
    [(None, None, None), (None, "", None), (None, "prod", "prod"), ("test", "prod", "test")],
    ids=["neither", "empty variable", "variable", "argument wins"],
)
def test_the_environment_is_the_argument_or_the_variable(write_project, monkeypatch, given, variable, expected):
    root = write_project()
    if variable is not None:
        monkeypatch.setenv("KEDRO_ENV", variable)
    assert locate_project(root, given).env == expected


def test_a_configuration_source_is_relative_to_the_working_directory(write_project, monkeypatch):
    root = write_project()
    monkeypatch.chdir(root / "conf")
    assert locate_project(root, conf_source="base").conf_source == str(root / "conf" / "base")


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
inline: {type: pandas.CSVDataset, filepath: a, credentials: {token: secret}}
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
    assert "secret" not in repr(project)
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


# The catalog.


def test_patterns_are_resolved():
    project = make_project([], catalog={"{name}#csv": {"type": "pandas.CSVDataset", "filepath": "data/{name}.csv"}})
    entry = project.entry("cars#csv")
    assert (entry.type, entry.config["filepath"], entry.declared) == ("pandas.CSVDataset", "data/cars.csv", True)
    assert not entry.in_memory


def test_a_catch_all_pattern_is_a_declaration():
    project = make_project([], catalog={"{any}": {"type": "pandas.CSVDataset", "filepath": "{any}.csv"}})
    assert project.entry("cars").declared
    assert project.entry("cars").config["filepath"] == "cars.csv"


def test_an_entry_in_memory_is_declared_and_in_memory():
    entry = make_project([], catalog={"x": {"type": "MemoryDataset"}}).entry("x")
    assert (entry.declared, entry.in_memory) == (True, True)


def test_a_dataset_that_is_called_credentials_is_a_dataset():
    entry = make_project([], catalog={"credentials": {"type": "pandas.CSVDataset", "filepath": "a"}}).entry(
        "credentials"
    )
    assert (entry.type, entry.declared) == ("pandas.CSVDataset", True)


def test_taking_credentials_out_leaves_the_configuration_as_it_is():
    config = {"x": {"type": "a.B", "credentials": "db", "layers": [{"credentials": "db", "kept": 1}]}}
    assert resolve_catalog(config).config == {"x": {"type": "a.B", "layers": [{"kept": 1}]}}
    assert config["x"]["credentials"] == "db"


@pytest.mark.parametrize(
    ("config", "versioned"),
    [({"versioned": True}, True), ({"versioned": False}, False), ({}, False)],
    ids=["yes", "no", "default"],
)
def test_an_entry_knows_whether_it_is_versioned(config, versioned):
    assert CatalogEntry("x", "pandas.CSVDataset", config).versioned is versioned


# Lines.


@pytest.fixture
def locate(tmp_path):
    """Write configuration files, and give the function that locates paths in them."""

    def make(files, env="local", root=tmp_path):
        for name in ("base/.keep", f"{env}/.keep", *files):
            path = tmp_path / "conf" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files.get(name, ""), encoding="utf-8")
        loader = OmegaConfigLoader(str(tmp_path / "conf"), env=env, base_env="base", default_run_env="local")
        return SourceLines(loader, root).locate

    return make


JOBS = "jobs:\n  a:\n    schedule:\n      - nightly\n      - weekly\n  b: {executor: quick}\n"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("jobs",), 1),
        (("jobs", "a", "schedule"), 3),
        (("jobs", "a", "schedule", 1), 5),
        (("jobs", "b", "executor"), 6),
        (("jobs", "a", "missing", "deeper"), 2),
    ],
    ids=["section", "key", "item", "flow", "missing"],
)
def test_a_path_is_found_at_its_line_or_at_what_is_around_it(locate, path, line):
    assert locate({"base/dagster.yml": JOBS})(path) == f"conf/base/dagster.yml:{line}"


def test_a_path_that_no_file_has_has_no_line(locate):
    assert locate({"base/dagster.yml": JOBS})(("assets", "pipelines")) == ""


def test_a_value_that_the_environment_overrides_is_found_there(locate):
    find = locate({"base/dagster.yml": JOBS, "prod/dagster.yml": "# prod\njobs:\n  b: {executor: slow}\n"}, env="prod")
    assert find(("jobs", "b", "executor")) == "conf/prod/dagster.yml:3"
    assert find(("jobs", "a", "schedule")) == "conf/base/dagster.yml:3"


@pytest.mark.parametrize(
    "name",
    ["dagster.yaml", "dagster_jobs.yml", "deep/dagster.yml", "dagster/jobs.yml"],
    ids=["yaml", "suffix", "folder", "inside"],
)
def test_every_file_that_kedro_reads_as_dagster_yml_has_lines(locate, name):
    assert locate({f"base/{name}": JOBS})(("jobs", "b")) == f"conf/base/{name}:6"


def test_a_file_that_is_no_yaml_does_not_hide_the_others(locate):
    find = locate({"base/dagster_a.yml": "[", "base/dagster_b.yml": JOBS})
    assert find(("jobs", "b")) == "conf/base/dagster_b.yml:6"


def test_a_file_outside_of_the_project_is_shown_in_full(locate, tmp_path):
    find = locate({"base/dagster.yml": JOBS}, root=Path("/elsewhere"))
    assert find(("jobs",)) == f"{tmp_path}/conf/base/dagster.yml:1"


def test_a_mistake_in_dagster_yml_is_reported_with_file_and_line(write_project):
    problems = Problems()
    load_project(locate_project(write_project(conf={"dagster.yml": "assets:\n  clusterby: node\n"})), problems)
    assert [(problem.source, problem.path) for problem in problems] == [("conf/base/dagster.yml:2", "assets.clusterby")]


@pytest.mark.parametrize(
    ("config", "location"),
    [
        ({"filepath": "a.csv", "path": "b"}, "a.csv"),
        ({"path": "parts", "dataset": {"type": "x", "filepath": "c"}}, "parts"),
        ({"dataset": {"type": "x", "filepath": "c"}}, "c"),
        ({"dataset": "pandas.CSVDataset"}, None),
        ({"filepath": ["a"]}, None),
        ({}, None),
    ],
    ids=str,
)
def test_a_dataset_is_where_its_configuration_says(config, location):
    assert CatalogEntry("a", "x", config).location == location
