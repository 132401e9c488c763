"""What a project's settings, hooks, configuration and code can be: each in `kedro run` and in Dagster, side by side."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import comparing
import dagster as dg
import pytest
from comparing import Outcome, assert_same, by_dagster, by_kedro, start_over
from helpers import HOOKS, SETTINGS, KedroProject, execute, json_dataset, kedro_run, load_definitions, write_project
from kedro.framework.session import KedroServiceSession

from kedro_assets import ProjectError

PARALLEL = """
    executors: {two: {multiprocess: {max_concurrent: 2}}}
    jobs: {__default__: {}, parallel: {executor: two}}
"""
JOBS = ["__default__", "parallel"]
SPAWNED = PARALLEL.replace("max_concurrent: 2", "max_concurrent: 2, start_method: {spawn: {}}")  # sees this environment
NODES = "def add(value, amount):\n    return value + amount\n\ndef join(*values):\n    return list(values)\n"
TWO = """{"__default__": pipeline([
    node(add, ["raw", "params:amount"], "middle", name="one"), node(add, ["middle", "params:amount"], "final", name="two"),
])}"""
FILES = json_dataset("raw", "middle", "final")
RAW = {"raw.json": "1"}
LOADER_ARGS = 'CONFIG_LOADER_ARGS = {"base_env": "base", "default_run_env": "local", EXTRA}\n'


def compare(
    project: KedroProject,
    instance: dg.DagsterInstance,
    data: Mapping[str, str],
    job: str = "__default__",
    *,
    merged: bool = False,
    **options: Any,
) -> Outcome:
    """Run a project both ways from the same data, fail unless both have done the same, and give Dagster's run."""
    start_over(project, data)
    theirs = by_kedro(project, **options)
    start_over(project, data)
    ours = by_dagster(project, instance, job, merged=merged)
    assert_same(ours, theirs, one_process=job != "parallel")
    return ours


def two_nodes(folder: Path, **options: Any) -> KedroProject:
    """A project whose two nodes add the parameter `amount` to `raw`."""
    given = {"nodes": NODES, "pipelines": TWO, "catalog": FILES, "parameters": "amount: 2", "dagster": PARALLEL}
    return write_project(folder, **{**given, **options})


def hooks_of(*classes: str, body: str) -> dict[str, str]:
    """Hooks and settings with the recorder and some classes more, registered in this order."""
    names = ", ".join(("Recorder", *classes))
    made = ", ".join(f"{name}()" for name in ("Recorder", *classes))
    return {"hooks": f"{HOOKS}\n\n{body}", "settings": f"from .hooks import {names}\n\nHOOKS = ({made},)\n"}


# Classes in settings.py


def test_hooks_get_the_projects_own_context(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    body = """
class UsesContext:
    @hook_impl
    def after_context_created(self, context):
        self.amount = context.amount

    @hook_impl
    def after_catalog_created(self, catalog):
        catalog["given"] = self.amount
"""
    told = hooks_of("UsesContext", body=body)
    context = (
        "from kedro.framework.context import KedroContext\n\n\nclass ShopContext(KedroContext):\n    amount = 40\n"
    )
    project = two_nodes(
        tmp_path,
        pipelines='{"__default__": pipeline([node(add, ["raw", "given"], "middle", name="one")])}',
        hooks=told["hooks"],
        settings=f"{told['settings']}\n{context}\n\nCONTEXT_CLASS = ShopContext\n",
    )
    compare(project, instance, RAW)
    assert project.read("middle.json") == 41


@pytest.mark.parametrize(
    "session",
    [
        (
            "class Own(KedroServiceSession):\n    def load_context(self, runtime_params=None):\n"
            "        return super().load_context({'who': 'the session', **(runtime_params or {})})\n"
        ),
        (
            "class Own(KedroSession):\n    def _get_config_loader(self):\n        loader = super()._get_config_loader()\n"
            "        loader.runtime_params['who'] = 'the session'\n        return loader\n"
        ),
    ],
    ids=["KedroServiceSession", "KedroSession"],
)
def test_a_session_class_of_the_project_opens_it_as_in_kedro_run(
    session: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = write_project(
        tmp_path,
        nodes="def show(who, given):\n    return [who, given]\n",
        pipelines='{"__default__": pipeline([node(show, ["params:who", "params:given"], "shown", name="show")])}',
        catalog=json_dataset("shown"),
        parameters="who: nobody\ngiven: nothing\n",
        settings=SETTINGS
        + "from kedro.framework.session import KedroServiceSession, KedroSession\n"
        + session
        + "SESSION_CLASS = Own\n",
    )
    kedro_run(project, "--params", "given=more")
    expected = project.read("shown.json")
    assert expected == ["the session", "more"]
    project.forget()
    given = {"resources": {"kedro": {"config": {"runtime_params": {"given": "more"}}}}}
    assert execute(project, instance, config=given).success
    assert project.read("shown.json") == expected


def test_a_config_loader_of_the_project_reads_its_configuration(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    loader = """
from kedro.config import OmegaConfigLoader


class ShopLoader(OmegaConfigLoader):
    def __init__(self, *args, amount, **options):
        self.amount = amount
        super().__init__(*args, **options)

    def __getitem__(self, key):
        found = super().__getitem__(key)
        return {**found, "amount": self.amount} if key == "parameters" else found


CONFIG_LOADER_CLASS = ShopLoader
"""
    project = two_nodes(tmp_path, settings=SETTINGS + loader + LOADER_ARGS.replace("EXTRA", '"amount": 30'))
    compare(project, instance, RAW)
    assert project.read("final.json") == 61


def test_resolvers_of_the_settings_are_used_in_parameters_and_catalog(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    resolvers = '"custom_resolvers": {"double": lambda number: 2 * number, "folder": lambda: "data/deep"}'
    project = two_nodes(
        tmp_path,
        parameters='amount: "${double:21}"',
        catalog=json_dataset("raw", "middle") + 'final: {type: json.JSONDataset, filepath: "${folder:}/final.json"}\n',
        settings=SETTINGS + LOADER_ARGS.replace("EXTRA", resolvers),
    )
    compare(project, instance, RAW)
    assert project.read("deep/final.json") == 85


@pytest.mark.parametrize("layout", ["names of its own", "one environment", "none"])
def test_environments_may_have_any_names_or_be_left_out(
    tmp_path: Path, instance: dg.DagsterInstance, layout: str
) -> None:
    arguments = {
        "names of its own": '{"base_env": "common", "default_run_env": "dev"}',
        "one environment": '{"base_env": "common", "default_run_env": "common"}',
        "none": "{}",
    }[layout]
    project = two_nodes(tmp_path, settings=f"{SETTINGS}CONFIG_LOADER_ARGS = {arguments}\n")
    conf = project.path / "conf"
    shutil.rmtree(conf / "local")
    if layout == "none":
        shutil.copytree(conf / "base", conf, dirs_exist_ok=True)
        shutil.rmtree(conf / "base")
    else:
        (conf / "base").rename(conf / "common")
    if layout == "names of its own":
        project.write("conf/dev/parameters.yml", "amount: 10")
    compare(project, instance, RAW)
    assert project.read("final.json") == (21 if layout == "names of its own" else 5)


CATALOG_CLASS = """
from pathlib import Path

from kedro.io import DataCatalog

DATA = Path(__file__).parents[2] / "data"


class ShopCatalog(DataCatalog):
    default_runtime_patterns = {PATTERNS}

    def load(self, name, version=None):
        DATA.mkdir(exist_ok=True)
        with (DATA / "loads.txt").open("a") as file:
            file.write(f"{name}\\n")
        return super().load(name, version)

    def save(self, name, data):
        super().save(name, data if name.startswith("params") else -data)


DATA_CATALOG_CLASS = ShopCatalog
"""


def test_all_data_goes_through_the_projects_own_catalog(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    own = CATALOG_CLASS.replace("{PATTERNS}", "DataCatalog.default_runtime_patterns")
    project = two_nodes(tmp_path, settings=SETTINGS + own, catalog=json_dataset("raw", "final"))
    compare(project, instance, RAW)
    assert project.read("final.json") == 1


@pytest.mark.parametrize("job", JOBS)
def test_a_default_runtime_pattern_of_the_projects_own_catalog_holds_what_the_catalog_does_not_name(
    tmp_path: Path, instance: dg.DagsterInstance, job: str
) -> None:
    own = CATALOG_CLASS.replace(
        "{PATTERNS}", '{"{default}": {"type": "json.JSONDataset", "filepath": f"{DATA}/runtime/{{default}}.json"}}'
    )
    project = two_nodes(tmp_path, settings=SETTINGS + own, catalog=json_dataset("raw", "final"))
    start_over(project, RAW)
    theirs = by_kedro(project)
    start_over(project, RAW)
    ours = by_dagster(project, instance, job)
    assert_same(without(ours, "loads.txt"), without(theirs, "loads.txt"), one_process=job != "parallel")
    assert project.read("runtime/middle.json") == -3


def without(outcome: Outcome, name: str) -> Outcome:
    """The same without a file that the processes of a run write in any order."""
    return replace(outcome, files={key: value for key, value in outcome.files.items() if key != name})


# Where the configuration is


def test_the_configuration_may_be_where_the_settings_say(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = two_nodes(tmp_path, settings=f'{SETTINGS}CONF_SOURCE = "settings/of_the_shop"\n')
    (project.path / "settings").mkdir()
    (project.path / "conf").rename(project.path / "settings/of_the_shop")
    compare(project, instance, RAW)
    assert project.read("final.json") == 5


def write_native(project: KedroProject, arguments: str) -> None:
    """Write the module whose definitions `by_dagster` takes with `merged=True`."""
    project.write(
        f"src/{project.package}/native.py",
        f"from kedro_assets import build_definitions\n\ndefs = build_definitions('{project.path}', {arguments})\n",
    )


def packed(project: KedroProject, kind: str) -> Path:
    """The project's configuration with another amount, elsewhere: `kedro package` makes the tar archive like this."""
    project.write("conf/base/parameters.yml", "amount: 7")
    if kind == "folder":
        return (project.path / "conf").rename(project.path.parent / "elsewhere")
    if kind == "zip":
        archive = Path(shutil.make_archive(str(project.path.parent / "conf"), "zip", project.path, "conf"))
    else:
        archive = project.path.parent / f"conf-{project.package}.tar.gz"
        subprocess.run(
            ["tar", "--exclude=local/*.yml", "-czf", archive, f"--directory={project.path}", "conf"], check=True
        )
    shutil.rmtree(project.path / "conf")
    return archive


@pytest.mark.parametrize(
    ("kind", "way"), [("folder", "argument"), ("tar.gz", "argument"), ("zip", "argument"), ("folder", "variable")]
)
def test_the_configuration_may_be_another_folder_or_an_archive(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, kind: str, way: str
) -> None:
    project = two_nodes(tmp_path)
    source = str(packed(project, kind))
    start_over(project, RAW)
    with monkeypatch.context() as patch:
        session = SimpleNamespace(create=partial(KedroServiceSession.create, conf_source=source))
        patch.setattr(comparing, "KedroServiceSession", session)
        theirs = by_kedro(project)
    start_over(project, RAW)
    if way == "variable":
        monkeypatch.setenv("KEDRO_ASSETS_CONF_SOURCE", source)
    write_native(project, f'conf_source="{source}"' if way == "argument" else "")
    ours = by_dagster(project, instance, merged=True)
    assert_same(ours, theirs)
    assert project.read("final.json") == 15


def test_a_project_without_the_folder_of_its_environment_is_refused_as_by_kedro_run(tmp_path: Path) -> None:
    project = two_nodes(tmp_path)
    shutil.rmtree(project.path / "conf/local")
    start_over(project, RAW)
    theirs = by_kedro(project)
    assert theirs.error is not None
    assert theirs.error[0] == "MissingConfigException"
    with pytest.raises(ProjectError, match=r"'local' has no folder in .*default: make its folder, which may be empty"):
        load_definitions(project)


@pytest.mark.parametrize(
    ("env", "final", "job"), [(None, 5, "__default__"), ("prod", 101, "__default__"), ("prod", 101, "parallel")]
)
def test_an_environment_replaces_what_it_names_in_catalog_parameters_and_globals(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, env: str | None, final: int, job: str
) -> None:
    project = two_nodes(
        tmp_path,
        parameters='amount: "${globals:shop.amount}"',
        catalog=json_dataset("raw", "middle")
        + 'final: {type: json.JSONDataset, filepath: "data/${globals:shop.name}/final.json"}\n',
    )
    project.write("conf/base/globals.yml", "shop: {amount: 2, name: main}")
    project.write("conf/prod/globals.yml", "shop: {amount: 50, name: branch}")
    project.write("conf/prod/catalog.yml", "middle: {type: json.JSONDataset, filepath: data/prod/middle.json}")
    project.write("conf/local/parameters.yml", "unused: 1")
    if env:
        monkeypatch.setenv("KEDRO_ENV", env)
    write_native(project, "env='prod'" if job == "parallel" else "")
    ours = compare(project, instance, RAW, job, merged=True)
    assert project.read("branch/final.json" if env else "main/final.json") == final
    assert ("prod/middle.json" in ours.files) == (env == "prod")


# Hooks


PLUGIN = """
import os

from kedro.framework.hooks import hook_impl


def note(hook):
    with open(os.environ["SHOP_LOG"], "a") as file:
        file.write(f"{hook}\\n")


class ShopHooks:
    @hook_impl
    def after_context_created(self, context):
        note("after_context_created")

    @hook_impl
    def before_pipeline_run(self, run_params):
        note("before_pipeline_run")

    @hook_impl
    def before_node_run(self, node):
        note(f"before_node_run {node.name}")
        return {"params:amount": 100}


hooks = ShopHooks()
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plugin with hooks, installed for this test; gives the file in which it notes their calls."""
    site = tmp_path / "site"
    metadata = site / "shop_plugin-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / "shop_plugin.py").write_text(PLUGIN)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[kedro.hooks]\nshop = shop_plugin:hooks\n")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("SHOP_LOG", str(tmp_path / "plugin.txt"))
    return tmp_path / "plugin.txt"


@pytest.mark.parametrize(("disabled", "job"), [(False, "__default__"), (False, "parallel"), (True, "__default__")])
def test_the_hooks_of_an_installed_plugin_fire_unless_the_settings_disable_them(
    tmp_path: Path, instance: dg.DagsterInstance, plugin: Path, job: str, *, disabled: bool
) -> None:
    project = two_nodes(
        tmp_path,
        settings=SETTINGS + ('DISABLE_HOOKS_FOR_PLUGINS = ("shop-plugin",)\n' if disabled else ""),
        dagster=SPAWNED,
    )
    load_definitions(project)
    assert not plugin.exists()
    start_over(project, RAW)
    theirs = by_kedro(project)
    noted = plugin.read_text().splitlines() if plugin.exists() else []
    plugin.unlink(missing_ok=True)
    start_over(project, RAW)
    ours = by_dagster(project, instance, job)
    assert_same(ours, theirs, one_process=job != "parallel")
    found = plugin.read_text().splitlines() if plugin.exists() else []
    if job == "parallel":
        noted, found = ([line for line in lines if line != "after_context_created"] for lines in (noted, found))
    assert found == noted
    assert project.read("final.json") == (5 if disabled else 201)


ORDER = """
DATA = Path(__file__).parents[2] / "data"


class Notes:
    OPTIONS = {}

    def note(self, hook):
        DATA.mkdir(exist_ok=True)
        with (DATA / "order.txt").open("a") as file:
            file.write(f"{type(self).__name__} {hook}\\n")
"""
NOTING = """

class {name}(Notes):
    @hook_impl({options})
    def after_context_created(self, context):
        self.note("after_context_created")

    @hook_impl({options})
    def after_catalog_created(self, catalog):
        self.note("after_catalog_created")

    @hook_impl({options})
    def before_pipeline_run(self, run_params):
        self.note("before_pipeline_run")

    @hook_impl({options})
    def before_dataset_loaded(self, dataset_name):
        self.note(f"before_dataset_loaded {{dataset_name}}")

    @hook_impl({options})
    def before_node_run(self, node):
        self.note(f"before_node_run {{node.name}}")
        return {{"params:amount": {amount}}}

    @hook_impl({options})
    def after_node_run(self, node):
        self.note(f"after_node_run {{node.name}}")

    @hook_impl({options})
    def after_pipeline_run(self, run_params):
        self.note("after_pipeline_run")
"""


def test_several_hooks_are_called_in_the_order_of_kedro_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    options = {"First": "", "Second": "tryfirst=True", "Third": "", "Fourth": "trylast=True"}
    body = ORDER + "".join(
        NOTING.format(name=name, options=option, amount=10**power)
        for power, (name, option) in enumerate(options.items(), 1)
    )
    project = two_nodes(tmp_path, **hooks_of(*options, body=body))
    ours = compare(project, instance, RAW)
    assert len(ours.files["order.txt"].splitlines()) == 4 * (4 + 2 * 4)


def test_what_a_hook_keeps_between_its_calls_is_there_in_a_run_of_one_process(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    body = """
class Counts:
    @hook_impl
    def before_pipeline_run(self, run_params):
        self.run_id, self.nodes = run_params["run_id"], []

    @hook_impl
    def after_node_run(self, node, run_id):
        self.nodes.append([node.name, run_id == self.run_id])

    @hook_impl
    def after_pipeline_run(self, catalog, run_result):
        catalog.save("seen", [self.nodes, sorted(run_result), catalog.load("final")])
"""
    project = two_nodes(tmp_path, catalog=FILES + json_dataset("seen"), **hooks_of("Counts", body=body))
    compare(project, instance, RAW)
    assert project.read("seen.json") == [[["one", True], ["two", True]], ["final"], 5]


@pytest.mark.parametrize("job", JOBS)
def test_a_hook_may_add_and_replace_datasets_of_the_catalog(
    tmp_path: Path, instance: dg.DagsterInstance, job: str
) -> None:
    body = """
from kedro.io import MemoryDataset
from kedro_datasets.json import JSONDataset

DATA = Path(__file__).parents[2] / "data"


class ChangesCatalog:
    @hook_impl
    def after_catalog_created(self, catalog):
        catalog["added"] = JSONDataset(filepath=str(DATA / "added.json"))
        catalog["raw"] = MemoryDataset(100)
        catalog["middle"] = JSONDataset(filepath=str(DATA / "replaced.json"))
        catalog["params:amount"] = 1000
"""
    project = two_nodes(
        tmp_path,
        pipelines="""{"__default__": pipeline([
            node(add, ["raw", "params:amount"], "middle", name="one"), node(join, ["middle", "raw"], "added", name="two"),
            node(join, ["added", "params:amount"], "final", name="three"),
        ])}""",
        **hooks_of("ChangesCatalog", body=body),
    )
    compare(project, instance, RAW, job)
    assert project.read("final.json") == [[1100, 100], 1000]


@pytest.mark.parametrize(
    ("load_with_hooks", "job"), [("false", "__default__"), ("true", "__default__"), ("true", "parallel")]
)
def test_a_hook_may_change_the_configuration(
    tmp_path: Path, instance: dg.DagsterInstance, load_with_hooks: str, job: str
) -> None:
    body = """
class ChangesConfiguration:
    @hook_impl
    def after_context_created(self, context):
        loader = context.config_loader
        loader["parameters"] = {**loader["parameters"], "amount": 20}
        loader["catalog"] = {**loader["catalog"], "middle": {"type": "json.JSONDataset", "filepath": "data/moved.json"}}
"""
    project = two_nodes(
        tmp_path,
        dagster=f"{PARALLEL}\n    load_with_hooks: {load_with_hooks}\n",
        **hooks_of("ChangesConfiguration", body=body),
    )
    start_over(project, RAW)
    theirs = by_kedro(project)
    start_over(project, RAW)
    ours = by_dagster(project, instance, job)
    if load_with_hooks == "true":  # then it also fires whenever definitions are loaded
        ours = replace(ours, calls=once_per_process(ours.calls, "after_context_created"))
    assert_same(ours, theirs, one_process=job != "parallel")
    assert project.read("final.json") == 41
    assert "moved.json" in ours.files


def once_per_process(calls: list[dict[str, Any]], hook: str) -> list[dict[str, Any]]:
    """The calls, with only the last of a hook in each process that did more than load definitions."""
    working = {call["pid"] for call in calls if call["hook"] != hook}
    last = {call["pid"]: call for call in calls if call["hook"] == hook and call["pid"] in working}
    return [call for call in calls if call["hook"] != hook or last.get(call["pid"]) is call]


@pytest.mark.parametrize(
    ("returned", "final"),
    [('{"params:amount": 9}', 19), ('{"params:amount": value for value in (1, 2)}', 5), ("None", 5), ("[1]", None)],
)
def test_what_before_node_run_returns_replaces_inputs_or_is_refused_as_in_kedro_run(
    tmp_path: Path, instance: dg.DagsterInstance, returned: str, final: int | None
) -> None:
    body = f"""
class Overrides:
    @hook_impl
    def before_node_run(self, node, inputs):
        inputs.clear()
        return {returned}
"""
    project = two_nodes(tmp_path, **hooks_of("Overrides", body=body))
    ours = compare(project, instance, RAW)
    assert (project.read("final.json") if ours.success else None) == final


@pytest.mark.parametrize("memory", [False, True], ids=["in a file", "in memory"])
def test_a_hook_that_changes_data_before_it_is_saved_changes_what_is_saved(
    tmp_path: Path, instance: dg.DagsterInstance, *, memory: bool
) -> None:
    body = """
class Changes:
    @hook_impl
    def before_dataset_saved(self, dataset_name, data):
        data.append(f"before {dataset_name}")

    @hook_impl
    def after_dataset_saved(self, dataset_name, data):
        data.append(f"after {dataset_name}")

    @hook_impl
    def after_dataset_loaded(self, dataset_name, data):
        if isinstance(data, list):
            data.append(f"loaded {dataset_name}")
"""
    project = two_nodes(
        tmp_path,
        pipelines="""{"__default__": pipeline([
            node(join, "raw", "middle", name="one"), node(join, ["middle", "raw"], "final", name="two")])}""",
        catalog=json_dataset("raw", "final") if memory else FILES,
        **hooks_of("Changes", body=body),
    )
    compare(project, instance, RAW)
    assert project.read("final.json") == [[1, "before middle", "loaded middle"], 1, "before final"]


@pytest.mark.parametrize(
    "hook", ["before_pipeline_run", "after_pipeline_run", "before_dataset_loaded", "after_node_run"]
)
def test_a_hook_that_raises_ends_the_run_as_in_kedro_run(
    tmp_path: Path, instance: dg.DagsterInstance, hook: str
) -> None:
    body = f"""
class Raises:
    @hook_impl
    def {hook}(self):
        raise ValueError("not like this")
"""
    project = two_nodes(tmp_path, **hooks_of("Raises", body=body))
    ours = compare(project, instance, RAW)
    assert ours.error == ("ValueError", "not like this")


def test_a_slow_hook_and_credentials_that_are_elsewhere_do_not_matter_when_definitions_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plugin: Path
) -> None:
    body = """
import time


class StartsSession:
    @hook_impl
    def after_context_created(self, context):
        LOG.with_name("started").touch()
        time.sleep(5)
"""
    project = two_nodes(tmp_path, **hooks_of("StartsSession", body=body))
    project.write(
        f"src/{project.package}/datasets.py",
        """
            from pathlib import Path

            Path(__file__).with_name("imported").touch()
        """,
    )
    project.write("conf/local/credentials.yml", "not: [even, yaml")
    project.write(
        "conf/base/catalog.yml",
        f"""
            raw: {{type: {project.package}.datasets.Warehouse, table: raw, credentials: warehouse}}
            middle: {{type: {project.package}.datasets.Warehouse, table: middle, credentials: warehouse}}
            "{{name}}": {{type: {project.package}.datasets.Warehouse, table: "{{name}}", credentials: warehouse}}
        """,
    )
    before = {path for path in tmp_path.rglob("*") if "__pycache__" not in path.parts}
    started = time.monotonic()
    definitions = load_definitions(project)
    dg.Definitions.validate_loadable(definitions)
    jobs = definitions.get_repository_def().get_all_jobs()
    assert time.monotonic() - started < 4
    assert {path for path in tmp_path.rglob("*") if "__pycache__" not in path.parts} == before
    assert not [name for name in sys.modules if name == f"{project.package}.datasets"]
    assert {"__default__", "parallel"} <= {job.name for job in jobs}
    keys = {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()}
    assert keys == {"raw", "middle", "final"}


# Nodes and parameters


SHAPES = """
    from functools import partial

    def by_name(first, second):
        return {"sum": first + second, "difference": first - second}

    def any_number(*values):
        return sum(values)

    def any_names(**values):
        return dict(sorted(values.items()))

    def mixed(first, *others, last=0, **named):
        return [first, list(others), last, named]

    class Multiplies:
        def __init__(self, factor):
            self.factor = factor

        def __call__(self, value):
            return value * self.factor

        def __repr__(self):
            return f"Multiplies({self.factor})"

        def method(self, value):
            return [value, self.factor]

    def tuple_of(value):
        return value, [value]

    def nothing(value):
        return None
"""
SHAPES_PIPELINE = """{"__default__": pipeline([
    node(by_name, {"first": "raw", "second": "params:amount"}, {"sum": "sum", "difference": "difference"}, name="by-name"),
    node(by_name, inputs=dict(second="sum", first="raw"), outputs=dict(difference="less", sum="more"), name="größe_1.0-x"),
    node(any_number, ["raw", "sum", "raw", "params:amount"], "any_number"),
    node(any_names, {"b": "raw", "a": "sum"}, "any_names"),
    node(mixed, {"first": "raw", "last": "sum", "extra": "params:amount"}, "mixed"),
    node(mixed, ["raw", "sum", "difference"], "mixed_by_place", name="mixed.by_place"),
    node(lambda value: value + 1, "raw", "by_lambda", name="lambda"),
    node(partial(by_name, second=4), "raw", {"sum": "partial_sum", "difference": "partial_difference"}, name="partial"),
    node(Multiplies(3), "raw", "by_object", name="object"),
    node(Multiplies(4).method, "raw", "by_method", name="method"),
    node(len, "any_names", "by_builtin", name="builtin"),
    node(tuple_of, "raw", ["first", "second"]),
    node(nothing, "raw", None, name="nothing"),
])}"""
SHAPES_OUTPUTS = (
    "sum", "difference", "less", "more", "any_number", "any_names", "mixed", "mixed_by_place", "by_lambda", "partial_sum",
    "partial_difference", "by_object", "by_method", "by_builtin", "first", "second",
)  # fmt: skip


@pytest.mark.filterwarnings("ignore:The node producing outputs:UserWarning")
@pytest.mark.parametrize("memory", [False, True], ids=["in files", "in memory"])
def test_functions_of_every_shape_run_as_in_kedro_run(
    tmp_path: Path, instance: dg.DagsterInstance, *, memory: bool
) -> None:
    project = two_nodes(
        tmp_path,
        nodes=SHAPES,
        pipelines=SHAPES_PIPELINE,
        catalog=json_dataset("raw", *(SHAPES_OUTPUTS[::3] if memory else SHAPES_OUTPUTS)),
    )
    ours = compare(project, instance, {"raw.json": "10"})
    assert ours.success
    assert project.read("by_lambda.json" if not memory else "sum.json") == (11 if not memory else 12)


REFUSED = """
    async def coroutine(value):
        return value

    async def async_chunks(value):
        yield value

    def too_few(value):
        return [value]

    def no_dict(value):
        return [value, value]

    def nothing(value):
        return None

    class OwnError(Exception):
        def __init__(self, value, why):
            super().__init__(f"{value}: {why}")

    def own_error(value):
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise OwnError(value, "outer") from error
"""


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("function", "outputs"),
    [
        ("coroutine", '"final"'),
        ("coroutine", '"in_memory"'),
        ("async_chunks", '"final"'),
        ("too_few", '["middle", "final"]'),
        ("no_dict", '{"first": "middle", "second": "final"}'),
        ("nothing", '"final"'),
        ("own_error", '"final"'),
    ],
)
def test_a_function_that_kedro_refuses_fails_with_the_same_error(
    tmp_path: Path, instance: dg.DagsterInstance, function: str, outputs: str
) -> None:
    project = two_nodes(
        tmp_path,
        nodes=REFUSED,
        pipelines=f'{{"__default__": pipeline([node({function}, "raw", {outputs}, name="one")])}}',
        hooks=HOOKS.replace("repr(data)[:80]", "type(data).__name__"),  # a coroutine shows its address
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert not compare(project, instance, RAW).success
        gc.collect()  # coroutines that nobody has awaited say so when they go


TYPED = """
    from dataclasses import dataclass, field

    from pydantic import BaseModel, Field


    @dataclass
    class Tree:
        depth: int
        name: str = "oak"


    class Forest(BaseModel):
        trees: int = Field(gt=0)
        tree: Tree


    def shown(value):
        return [type(value).__name__, repr(value)]

    def tree(tree: Tree):
        return shown(tree)

    def forest(forest: Forest, trees: int, depth):
        return [*shown(forest), trees, depth]

    def whole(parameters):
        return {key: shown(value) for key, value in sorted(parameters.items())}
"""
TYPED_PIPELINE = """{
    "__default__": pipeline([
        node(tree, "params:tree", "tree", name="tree"),
        node(forest, ["params:forest", "params:forest.trees", "params:forest.tree.depth"], "forest", name="forest"),
        node(whole, "parameters", "whole", name="whole"),
    ]) + pipeline([node(tree, "params:tree", "final", name="tree")], namespace="north")
    + pipeline([node(tree, "params:options.tree", "last", name="nested")], namespace="south.east"),
    "tree": pipeline([node(tree, "params:tree", "tree", name="tree")]),
}"""
TYPED_VALUES = """
    tree: {depth: 3}
    forest: {trees: COUNT, tree: {depth: 5, name: elm}}
    north: {tree: {depth: 7}}
    south: {east: {options: {tree: {depth: 9}}}}
    plain: {deep: {deeper: [1, {a: null}]}}
"""


def typed(folder: Path, count: int) -> KedroProject:
    return two_nodes(
        folder,
        nodes=TYPED,
        pipelines=TYPED_PIPELINE,
        catalog=json_dataset("tree", "forest", "whole", "north.final", "south.east.last"),
        parameters=TYPED_VALUES.replace("COUNT", str(count)),
        dagster="""
            jobs: {__default__: {}, only_tree: {pipeline: {pipeline_name: tree}}}
        """,
    )


typed_names = pytest.mark.filterwarnings(
    "ignore:One or more dataset names contain '.' characters:UserWarning",
    "ignore:Accessing the 'model_fields' attribute:DeprecationWarning",  # Kedro does
)


@typed_names
def test_typed_parameters_reach_the_nodes_as_in_kedro_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = typed(tmp_path, 4)
    compare(project, instance, {})
    assert project.read("forest.json")[2:] == [4, 5]


@typed_names
def test_a_parameter_that_does_not_fit_its_type_fails_the_run_as_in_kedro_run(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = typed(tmp_path, 0)
    start_over(project, {})
    theirs = by_kedro(project)
    start_over(project, {})
    ours = by_dagster(project, instance)
    assert theirs.error is not None
    assert theirs.error[0] == "ParameterValidationError"
    assert ours.error == theirs.error
    assert [call["hook"] for call in ours.calls] == [call["hook"] for call in theirs.calls] == ["after_context_created"]


@typed_names
@pytest.mark.parametrize("count", [4, 0], ids=["valid", "invalid"])
def test_a_parameter_of_a_pipeline_that_does_not_run_need_not_fit_its_type(
    tmp_path: Path, instance: dg.DagsterInstance, count: int
) -> None:
    ours = compare(typed(tmp_path, count), instance, {}, "only_tree", pipeline_names=["tree"])
    assert ours.success


# Pipelines and layouts


MODULAR = {
    "pipelines/__init__.py": "",
    "pipelines/clean/__init__.py": "from .pipeline import create_pipeline\n",
    "pipelines/clean/pipeline.py": """
        from kedro.pipeline import node, pipeline

        def add(value, amount):
            return value + amount

        def create_pipeline(**kwargs):
            return pipeline([node(add, ["raw", "params:amount"], "middle", name="one")], tags="daily")
    """,
    "pipelines/train/__init__.py": "from .pipeline import create_pipeline\n",
    "pipelines/train/pipeline.py": """
        from kedro.pipeline import node, pipeline

        def add(value, amount):
            return value + amount

        def create_pipeline(**kwargs):
            steps = pipeline([node(add, ["middle", "params:amount"], "final", name="two", tags="weekly")])
            return pipeline(steps, namespace="shop", prefix_datasets_with_namespace=False, tags=["daily", "train"])
    """,
}
REGISTRIES = {
    "find_pipelines": """
        from kedro.framework.project import find_pipelines

        def register_pipelines():
            found = find_pipelines()
            found["__default__"] = sum(found.values())
            return found
    """,
    "by hand": """
        def register_pipelines():
            from .pipelines import clean, train

            return {name: made for name, made in _made(clean, train)}

        def _made(clean, train):
            first = clean.create_pipeline()
            yield "clean", first
            second = train.create_pipeline()
            yield "train", second
            yield "__default__", first + second
    """,
}


@pytest.mark.parametrize(
    ("registry", "job", "options"),
    [
        ("find_pipelines", "__default__", {}),
        ("find_pipelines", "clean", {"pipeline_names": ["clean"]}),
        ("find_pipelines", "weekly", {"tags": ["weekly"]}),
        ("find_pipelines", "daily", {"tags": ["daily"], "pipeline_names": ["train"]}),
        ("find_pipelines", "shop", {"namespaces": ["shop"]}),
        ("by hand", "__default__", {}),
        ("by hand", "train", {"pipeline_names": ["train"]}),
    ],
)
def test_registered_pipelines_are_found_and_filtered_as_in_kedro_run(
    tmp_path: Path, instance: dg.DagsterInstance, registry: str, job: str, options: dict[str, Any]
) -> None:
    project = two_nodes(
        tmp_path,
        dagster="""
            jobs:
              __default__: {}
              clean: {pipeline: {pipeline_name: clean}}
              train: {pipeline: {pipeline_name: train}}
              weekly: {pipeline: {tags: [weekly]}}
              daily: {pipeline: {pipeline_name: train, tags: [daily]}}
              shop: {pipeline: {node_namespaces: [shop]}}
        """,
    )
    for name, text in MODULAR.items():
        project.write(f"src/{project.package}/{name}", text)
    project.write(f"src/{project.package}/pipeline_registry.py", REGISTRIES[registry])
    ours = compare(project, instance, {**RAW, "middle.json": "10"}, job, **options)
    assert ours.success


def test_a_project_without_a_src_folder_runs(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = two_nodes(tmp_path, hooks=HOOKS.replace("parents[2]", "parents[1]"))
    (project.path / "src" / project.package).rename(project.path / project.package)
    (project.path / "src").rmdir()
    pyproject = project.path / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('source_dir = "src"', 'source_dir = "."'))
    compare(project, instance, RAW)
    assert project.read("final.json") == 5
