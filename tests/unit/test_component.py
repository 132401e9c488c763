"""The Kedro project as a component: what its `defs.yaml` says, and what becomes of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster.components.testing import create_defs_folder_sandbox

import kedro_assets
from kedro_assets import DatasetRecord, KedroProjectComponent, NodeRecord, ProjectError

pytestmark = pytest.mark.filterwarnings(  # of what Dagster itself uses
    "ignore:.parse_obj_as. is deprecated", "ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning"
)

CATALOG = """
    raw: {type: json.JSONDataset, filepath: data/raw.json}
    made:
      type: json.JSONDataset
      filepath: data/made.json
      metadata: {dagster: {description: What is made., tags: {a: b}}}
"""
JOB = "jobs: {all: {pipeline: {}}}"


class WithKinds(KedroProjectComponent):
    """A component of a user's own, with an attribute of its own."""

    kind: str = "plain"

    def get_asset_spec(self, record: DatasetRecord) -> dg.AssetSpec:
        return super().get_asset_spec(record).replace_attributes(kinds={self.kind, str(record.namespace)})


class WithQueues(KedroProjectComponent):
    """A component that says to which queue the steps of a node go."""

    def get_step_tags(self, record: NodeRecord) -> dict[str, Any]:
        return {**super().get_step_tags(record), "dagster-celery/queue": f"of_{record.node.name}"}


@pytest.fixture
def project(write_project) -> Path:
    return write_project(conf={"catalog.yml": CATALOG, "dagster.yml": JOB, "cloud/catalog.yml": ""})


@pytest.fixture
def sandbox():
    with create_defs_folder_sandbox() as found:
        yield found


def load(sandbox, cls: type = KedroProjectComponent, **attributes: Any) -> tuple[KedroProjectComponent, dg.Definitions]:
    """Load a `defs.yaml` with these attributes, and let Dagster check what it defines."""
    contents = {"type": f"{cls.__module__}.{cls.__name__}", "attributes": attributes}
    folder = sandbox.scaffold_component(component_cls=cls, defs_path="kedro", defs_yaml_contents=contents)
    with sandbox.load_component_and_build_defs(folder) as (component, definitions):
        dg.Definitions.validate_loadable(definitions)
    return component.components[0] if hasattr(component, "components") else component, definitions


def specs_of(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_it_defines_what_build_definitions_does(sandbox, project):
    component, definitions = load(sandbox, project_path=str(project))
    specs = specs_of(definitions)
    assert isinstance(component, KedroProjectComponent)
    assert specs.keys() == {"raw", "made"}
    assert specs["made"].description == "What is made."
    assert [dep.asset_key for dep in specs["made"].deps] == [dg.AssetKey("raw")]
    assert definitions.resolve_job_def("all").asset_layer.has(dg.AssetKey("made"))


def test_paths_start_from_the_folder_of_the_defs_yaml(sandbox, project, tmp_path):
    (tmp_path / "configuration" / "base").mkdir(parents=True)
    (tmp_path / "configuration" / "local").mkdir()
    project.rename(sandbox.project_root / "kedro_project")
    (tmp_path / "configuration").rename(sandbox.project_root / "configuration")
    root = Path("../../../..")
    component, definitions = load(
        sandbox, project_path=f"{root}/kedro_project", conf_source=f"{root}/configuration", translation={"owners": []}
    )
    assert component.project_path == str(sandbox.project_root.resolve() / "kedro_project")
    assert component.conf_source == str(sandbox.project_root.resolve() / "configuration")
    assert {spec.metadata.get("kedro/type") for spec in specs_of(definitions).values()} == {"kedro.io.MemoryDataset"}


def test_an_address_of_a_configuration_stays_as_it_is(project):
    component = KedroProjectComponent.resolve_from_dict({"conf_source": "s3://bucket/conf.tar.gz"})
    assert component.conf_source == "s3://bucket/conf.tar.gz"


def test_without_a_path_it_is_the_project_around_the_component(project):
    folder = project / "src" / project.name / "defs" / "kedro"
    folder.mkdir(parents=True)
    (folder / "defs.yaml").write_text("type: kedro_assets.KedroProjectComponent\n", encoding="utf-8")
    (folder.parent / "__init__.py").touch()
    with (project / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "{project.name}"\n')
    sys.path.insert(0, str(project / "src"))
    assert specs_of(dg.load_from_defs_folder(path_within_project=project)).keys() == {"raw", "made"}


def test_the_environment_is_that_of_the_component(sandbox, project):
    _, definitions = load(sandbox, project_path=str(project), env="cloud")
    assert specs_of(definitions).keys() == {"raw", "made"}
    with pytest.raises(Exception, match="Error while building definitions") as caught:
        load(sandbox, project_path=str(project), env="nowhere")
    assert isinstance(caught.value.__cause__, ProjectError)


def test_translation_is_laid_over_what_the_translator_says(sandbox, project):
    translation = {
        "group_name": "kedro",
        "key_prefix": ["shop"],
        "tags": {"dataset": "{{ record.name }}"},
        "owners": ["team:data"],
        "description": "{{ record.name }} of {{ record.pipelines | join }}: {{ spec.description }}",
    }
    _, definitions = load(sandbox, project_path=str(project), translation=translation)
    specs = specs_of(definitions)
    assert specs.keys() == {"shop/raw", "shop/made"}
    made = specs["shop/made"]
    assert (made.group_name, list(made.owners)) == ("kedro", ["team:data"])
    assert made.description == "made of __default__: What is made."
    assert {"a": "b", "dataset": "made"}.items() <= made.tags.items()
    assert [dep.asset_key for dep in made.deps] == [dg.AssetKey(["shop", "raw"])]


def test_a_subclass_has_the_last_word(sandbox, project):
    _, definitions = load(
        sandbox, WithKinds, project_path=str(project), kind="fancy", translation={"kinds": ["lost"], "group_name": "g"}
    )
    made = specs_of(definitions)["made"]
    assert made.kinds == {"fancy", "None"}
    assert made.group_name == "g"


@pytest.mark.parametrize(
    ("component", "queue"), [(KedroProjectComponent, "plain"), (WithQueues, "of_make")], ids=["dagster.yml", "subclass"]
)
def test_steps_have_the_tags_of_dagster_yml_or_those_that_a_subclass_gives(sandbox, project, component, queue):
    assets = "assets: {step_tags: {make: {dagster-celery/queue: plain, dagster/priority: 3}}}"
    (project / "conf/base/dagster.yml").write_text(assets, encoding="utf-8")
    _, definitions = load(sandbox, component, project_path=str(project))
    [step] = [each for each in definitions.assets or () if dg.AssetKey("made") in each.keys]
    assert {key: step.op.tags[key] for key in ("dagster-celery/queue", "dagster/priority")} == {
        "dagster-celery/queue": queue,
        "dagster/priority": "3",
    }


def test_it_can_be_written_in_python(project):
    component = KedroProjectComponent(
        project_path=str(project), translation=lambda spec, record: spec.replace_attributes(group_name=record.name)
    )
    specs = specs_of(dg.build_defs_for_component(component))
    assert {key: spec.group_name for key, spec in specs.items()} == {"raw": "raw", "made": "made"}


def test_assets_of_dagster_may_come_before_and_after(sandbox, write_project):
    catalog = "raw: {type: MemoryDataset, metadata: {dagster: {external: false}}}"
    project = write_project(conf={"catalog.yml": catalog})
    (sandbox.defs_folder_path / "native.py").write_text(
        "import dagster as dg\n\n"
        "@dg.asset(io_manager_key='raw__io_manager')\ndef raw(): return 1\n\n"
        "@dg.asset(deps=['made'])\ndef mail(): ...\n",
        encoding="utf-8",
    )
    load(sandbox, project_path=str(project))
    with sandbox.build_all_defs() as definitions:
        dg.Definitions.validate_loadable(definitions)
        graph = definitions.resolve_asset_graph()
        parents = {
            key.to_user_string(): {k.to_user_string() for k in graph.get(key).parent_keys}
            for key in graph.get_all_asset_keys()
        }
    assert parents == {"raw": set(), "made": {"raw"}, "mail": {"made"}}


def test_a_missing_project_is_said_so(sandbox, tmp_path):
    with pytest.raises(Exception, match="Error while building definitions for kedro") as caught:
        load(sandbox, project_path=str(tmp_path))
    assert isinstance(caught.value.__cause__, ProjectError)
    assert f"There is no Kedro project at {tmp_path}" in str(caught.value.__cause__)


def test_an_unknown_attribute_is_refused(sandbox, project):
    with pytest.raises(Exception, match="Error while loading component kedro") as caught:
        load(sandbox, projekt_path=str(project))
    assert "projekt_path" in str(caught.value.__cause__)


def test_scaffolding_names_the_project_as_seen_from_the_component(sandbox, project, monkeypatch):
    monkeypatch.chdir(project.parent)
    parameters = {"project_path": project.name, "env": "cloud"}
    folder = sandbox.scaffold_component(KedroProjectComponent, "kedro", parameters)
    written = yaml.safe_load((folder / "defs.yaml").read_text(encoding="utf-8"))
    assert written["attributes"].keys() == {"project_path", "env"}
    assert (folder / written["attributes"]["project_path"]).resolve() == project
    with sandbox.load_component_and_build_defs(folder) as (_, definitions):
        assert specs_of(definitions).keys() == {"raw", "made"}


def test_scaffolding_without_parameters_leaves_all_to_the_defaults(sandbox):
    folder = sandbox.scaffold_component(KedroProjectComponent, "kedro")
    assert yaml.safe_load((folder / "defs.yaml").read_text(encoding="utf-8"))["attributes"] == {}


def test_looking_for_components_does_not_import_kedro():
    code = "import sys, kedro_assets as k; [getattr(k, name) for name in dir(k)]; sys.exit('kedro' in sys.modules)"
    assert "KedroProjectComponent" in dir(kedro_assets)
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=False).returncode == 0


def test_all_that_build_definitions_takes_is_passed_on(monkeypatch, tmp_path):
    passed = {}
    monkeypatch.setattr(
        "kedro_assets.definitions.build_definitions", lambda path, **others: passed.update(others, path=path)
    )
    component = KedroProjectComponent(package="shop", conf_source=str(tmp_path), env="cloud")
    component.build_defs(dg.ComponentTree.for_test().load_context)
    del passed["translator"]
    assert passed == {"path": None, "package": "shop", "conf_source": str(tmp_path), "env": "cloud"}
