"""`kedro assets check`: what it says of a project that fits, and of one that does not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from dagster_yml import MISFITS, MISTAKES

EXPECTED = {  # the path: the line where it stands, and a word of the report
    "assets.cluster_bye": (2, "cluster_by"),
    "assets.memory_assets": (3, "true or false"),
    "executors.heavy.dask": (6, "pip install dagster-dask"),
    "schedules.nightly": (9, "every night"),
    "jobs.report.pipeline.pipeline_name": (14, "Did you mean '__default__'?"),
    "jobs.report.executor": (15, "no executor 'heavi' is defined."),
}


def entries(text: str) -> dict[str, tuple[str, str]]:
    """Read a report: for every path, the file and line, and all that is said."""
    parts = re.split(r"^ {2}(?=\S)", text, flags=re.MULTILINE)[1:]
    found = {}
    for part in parts:
        match = re.match(r"(?:(\S+:\d+)  )?(\S+): ", part)
        assert match, part
        assert match[2] not in found, f"{match[2]} is reported twice"
        found[match[2]] = (match[1] or "", part)
    return found


def test_a_project_that_fits(shop, cli) -> None:
    outcome = cli(shop, "check")
    assert outcome.code == 0, outcome
    lines = outcome.out.splitlines()
    assert lines[0] == "4 assets (1 external) of 3 nodes in 2 steps; 3 jobs, 1 schedule, 0 sensors, 0 checks."
    assert lines[-1] == "No problems."
    assert outcome.err == ""


def test_it_says_which_nodes_share_a_step_and_why(shop, cli) -> None:
    lines = [line.strip() for line in cli(shop, "check").out.splitlines()]
    assert "Why nodes share a step or not (`assets.cluster_by: memory`):" in lines
    assert "nodes: clean, multiply" in lines
    assert "because 'cleaned' is handed on in memory." in lines


def test_it_says_which_pipelines_are_left_out_and_why(shop, cli) -> None:
    [line] = [line for line in cli(shop, "check").out.splitlines() if "left out" in line]
    assert line.startswith("Pipeline 'rival' is left out of the assets: ")
    assert "'rival_multiply' writes 'doubled', which node 'multiply' of pipeline '__default__' writes already" in line


def test_nodes_that_would_wait_for_each_other_are_explained(new_project, cli) -> None:
    project = new_project(
        nodes="""
            from kedro.pipeline import node, pipeline

            def same(*values):
                return values[0]

            def both(value):
                return value, value

            def register_pipelines():
                return {"__default__": pipeline([
                    node(both, "raw", ["handed", "doubled"], name="a"),
                    node(same, "doubled", "raw_again", name="b"),
                    node(same, ["handed", "raw_again"], "last", name="c"),
                ])}
        """
    )
    project.write("conf/base/catalog_more.yml", "raw_again: {type: json.JSONDataset, filepath: data/again.json}\n")
    text = cli(project, "check").text
    assert "nodes: a, b, c" in text
    assert "because 'handed' is handed on in memory." in text
    assert "would otherwise wait for each other" in text


def test_a_project_without_dagster_yml_fits(new_project, cli) -> None:
    outcome = cli(new_project(), "check")
    assert outcome.code == 0
    assert outcome.out.endswith("No problems.\n")


def test_all_mistakes_are_one_report(new_project, cli) -> None:
    outcome = cli(new_project(dagster=MISTAKES), "check")
    assert outcome.code == 1
    assert "No problems." not in outcome.out
    assert outcome.err.startswith("Error: 6 problems in the project's configuration:\n")
    found = entries(outcome.err)
    assert found.keys() == EXPECTED.keys()
    for path, (_, words) in EXPECTED.items():
        assert words in found[path][1], path


@pytest.mark.parametrize("path", EXPECTED)
def test_every_mistake_is_shown_with_its_file_and_line(path: str, six_mistakes) -> None:
    line, _ = EXPECTED[path]
    source, _ = six_mistakes[path]
    file, _, number = source.rpartition(":")
    assert file == "conf/base/dagster.yml"
    assert int(number) in {line, line + 1}  # of the entry, or of the value in it


@pytest.fixture
def six_mistakes(new_project, cli) -> dict[str, tuple[str, str]]:
    return entries(cli(new_project(dagster=MISTAKES), "check").err)


def test_a_report_as_a_user_sees_it_has_no_traceback(new_project, kedro) -> None:
    outcome = kedro(new_project(dagster=MISTAKES), "assets", "check")
    assert outcome.code == 1
    assert "Error: 6 problems" in outcome.err
    assert "Traceback" not in outcome.text


@pytest.mark.parametrize(
    ("settings", "path", "words"),
    [
        ("{group: sales}", "catalog.doubled.metadata.dagster.group", "group_name"),
        ("{owners: me@example.com}", "catalog.doubled.metadata.dagster.owners", "a list"),
        ("{owners: [nobody]}", "catalog.doubled.metadata.dagster", "nobody"),
        ("{group_name: 'a b'}", "catalog.doubled.metadata.dagster", "a b"),
        ("{tags: {'not a key!': x}}", "catalog.doubled.metadata.dagster", "not a key!"),
        ("[1]", "catalog.doubled.metadata.dagster", "a mapping"),
    ],
)
def test_mistakes_in_the_catalog(settings: str, path: str, words: str, new_project, cli) -> None:
    project = new_project()
    catalog = project.path / "conf/base/catalog.yml"
    entry = "  filepath: data/doubled.json\n"
    text = catalog.read_text(encoding="utf-8").replace(entry, f"{entry}  metadata:\n    dagster: {settings}\n")
    catalog.write_text(text, encoding="utf-8")
    outcome = cli(project, "check")
    assert outcome.code == 1
    assert path in outcome.err
    assert words in outcome.err


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ("a: x.csv", "catalog.a"),
        ("a:", "catalog.a"),
        ("a: [1]", "catalog.a"),
        ("a: {filepath: x.csv}", "catalog.a"),
        ("a: {type: [x]}", "catalog.a.type"),
        ("a: {type: null}", "catalog.a.type"),
        ("a: {type: json.JSONDataset, filepath: x, 1: 2}", "catalog.a[1]"),
        ('"{a}": {type: json.JSONDataset, filepath: "{b}"}', "catalog.{a}"),
    ],
)
def test_what_is_no_entry_of_a_catalog_is_reported_at_its_place(entry: str, path: str, new_project, cli) -> None:
    project = new_project()
    project.write("conf/base/catalog_more.yml", f"# more\n{entry}\n")
    outcome = cli(project, "check")
    assert outcome.code == 1
    assert {path: source for path, (source, _) in entries(outcome.err).items()} == {
        path: "conf/base/catalog_more.yml:2"
    }


def test_mistakes_of_the_catalog_and_of_dagster_yml_come_together(new_project, cli) -> None:
    project = new_project(dagster="asets: {}\n")
    catalog = project.path / "conf/base/catalog.yml"
    text = catalog.read_text(encoding="utf-8") + "  metadata: {dagster: {kind: csv}}\n"
    catalog.write_text(text, encoding="utf-8")
    assert entries(cli(project, "check").err).keys() == {"asets", "catalog.reports.summary.metadata.dagster.kind"}


def test_a_pipeline_that_cannot_be_imported(new_project, kedro) -> None:
    outcome = kedro(new_project(nodes="import a_library_that_is_missing\n"), "assets", "check")
    assert outcome.code == 1
    assert "ModuleNotFoundError: No module named 'a_library_that_is_missing'" in outcome.text
    assert "Traceback" not in outcome.text


FOUND = """
    from kedro.framework.project import find_pipelines

    def register_pipelines():
        return {**find_pipelines(), "__default__": None}
"""
DEFINITIONS = "from kedro_assets import build_definitions\n\ndefs = build_definitions()\n"
ONE_NODE = "from kedro.pipeline import node, pipeline\n\n\ndef create_pipeline():\n    return pipeline([node(lambda: 1, None, 'one')])\n"


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (
            "import a_library_that_is_missing\n",
            "1  {name}: ModuleNotFoundError: No module named 'a_library_that_is_missing'",
        ),
        ("\n\ndef create_pipeline(:\n", "3  {name}: SyntaxError: invalid syntax"),
        ("from pathlib import Path\nPath('/no/such/file').read_text()\n", "2  {name}: FileNotFoundError: "),
    ],
    ids=["a library is missing", "no Python", "an error below the project's code"],
)
@pytest.mark.filterwarnings("ignore:.*find_pipelines")  # shown as Kedro shows it
def test_a_pipeline_module_that_kedro_only_warns_of_is_an_error(module: str, words: str, new_project, cli) -> None:
    project = new_project(nodes=FOUND)
    for name, text in {"fine": ONE_NODE, "broken": module}.items():
        project.write(f"src/{project.package}/pipelines/{name}/__init__.py", text)
    project.write(f"src/{project.package}/pipelines/__init__.py", "")
    project.write("definitions.py", DEFINITIONS)
    file = f"src/{project.package}/pipelines/broken/__init__.py"
    expected = f"{file}:" + words.format(name=f"{project.package}.pipelines.broken")
    outcome = cli(project, "check")
    assert outcome.code == 1
    assert expected in outcome.err
    assert "No problems." not in outcome.out
    for command in ("list", "run"):
        outcome = cli(project, command)
        assert outcome.code == 0, outcome
        assert expected in outcome.out + outcome.err


@pytest.mark.filterwarnings("ignore:.*find_pipelines")  # shown as Kedro shows it
def test_a_module_without_a_pipeline_is_mentioned(new_project, cli) -> None:
    project = new_project(nodes=FOUND)
    for name, text in {"fine": ONE_NODE, "tools": ""}.items():
        project.write(f"src/{project.package}/pipelines/{name}/__init__.py", text)
    project.write(f"src/{project.package}/pipelines/__init__.py", "")
    outcome = cli(project, "check")
    assert outcome.code == 0
    assert f"Module '{project.package}.pipelines.tools' defines no pipeline" in outcome.out


def test_a_registry_that_raises_is_shown_with_its_place(new_project, cli) -> None:
    outcome = cli(new_project(nodes="def register_pipelines():\n    raise ValueError('no nodes today')\n"), "check")
    assert outcome.code == 1
    assert re.search(r"cannot be imported: ValueError: no nodes today \(src/\S+\.py:\d+\)", outcome.err)


def test_a_project_without_nodes_has_nothing_to_run(new_project, cli) -> None:
    project = new_project(nodes="def register_pipelines():\n    return {}\n")
    project.write("definitions.py", DEFINITIONS)
    for command in ("check", "run"):
        outcome = cli(project, command)
        assert outcome.code == 1
        assert "no pipeline that has nodes" in outcome.text
    assert "no pipeline that has nodes" in cli(project, "list").err


def test_pipelines_that_a_hook_registers_are_read_with_hooks(new_project, cli) -> None:
    project = new_project(nodes="def register_pipelines():\n    return {}\n", dagster="load_with_hooks: true\n")
    hook = """
        from kedro.framework.hooks import hook_impl
        from kedro.framework.project import pipelines
        from kedro.pipeline import node, pipeline

        class Adds:
            @hook_impl
            def after_context_created(self, context):
                pipelines["made"] = pipeline([node(lambda: 2, None, "doubled", name="double")])

        HOOKS = (Adds(),)
    """
    project.write(f"src/{project.package}/settings.py", hook)
    outcome = cli(project, "check")
    assert outcome.code == 0, outcome
    assert outcome.out.startswith("1 asset ")


def test_a_dagster_yml_that_is_no_yaml(new_project, cli) -> None:
    outcome = cli(new_project(dagster="jobs: {a: [}\n"), "check")
    assert outcome.code == 1
    assert "dagster.yml" in outcome.err


def test_a_dagster_yml_that_is_no_mapping(new_project, cli) -> None:
    outcome = cli(new_project(dagster="- a\n"), "check")
    assert outcome.code == 1
    assert "dagster" in outcome.err


def test_outside_of_a_project_kedro_says_so(tmp_path: Path, kedro) -> None:
    outcome = kedro(tmp_path, "assets", "check")
    assert outcome.code == 2
    assert "No such command 'assets'" in outcome.text
    assert "Traceback" not in outcome.text


def test_outside_of_a_project_the_group_says_so(tmp_path: Path, cli) -> None:
    outcome = cli(tmp_path, "check")
    assert outcome.code == 1
    assert f"There is no Kedro project at {tmp_path}" in outcome.err


def test_it_works_from_a_folder_inside_the_project(shop, cli) -> None:
    assert cli(shop.path / "src" / shop.package, "check").out == cli(shop, "check").out


def test_the_environment_is_honoured(new_project, cli) -> None:
    project = new_project()
    project.write("conf/test/dagster.yml", "jobs: {a: {pipeline: {pipeline_name: nowhere}}}\n")
    assert cli(project, "check").code == 0
    for outcome in (cli(project, "check", "--env", "test"), cli(project, "check", variables={"KEDRO_ENV": "test"})):
        assert outcome.code == 1
        assert "jobs.a.pipeline.pipeline_name" in outcome.err


def test_an_environment_that_is_not_there_is_no_empty_configuration(new_project, cli) -> None:
    outcome = cli(new_project(), "check", "--env", "tset")
    assert outcome.code == 1
    assert "tset" in outcome.err


@pytest.mark.parametrize(("text", "path"), MISFITS)
def test_what_dagster_would_refuse_is_reported_at_its_path_or_made_to_fit(
    text: str, path: str, new_project, cli
) -> None:
    outcome = cli(new_project(dagster=text), "check")
    if path:
        assert outcome.code == 1
        assert entries(outcome.err).keys() == {path}
    else:
        assert outcome.code == 0, outcome.err


def test_a_configuration_folder_elsewhere_is_honoured(new_project, cli, tmp_path: Path) -> None:
    project = new_project()
    (tmp_path / "elsewhere/base").mkdir(parents=True)
    (tmp_path / "elsewhere/local").mkdir()
    (tmp_path / "elsewhere/base/dagster.yml").write_text("jbos: {}\n", encoding="utf-8")
    outcome = cli(project, "check", "--conf-source", str(tmp_path / "elsewhere"))
    assert outcome.code == 1
    assert f"{tmp_path}/elsewhere/base/dagster.yml:1  jbos: unknown key 'jbos'." in outcome.err
    assert cli(project, "check", "--conf-source", "nowhere").code == 2


def test_it_changes_nothing(shop, cli) -> None:
    before = shop.files()
    cli(shop, "check")
    assert shop.files() == before


def test_no_advice_that_is_followed_already(new_project, cli) -> None:
    text = 'load_with_hooks: true\njobs: {j: {description: "${late:}"}}\n'
    outcome = cli(new_project(dagster=text), "check")
    assert outcome.code == 1
    assert "conf/base/dagster.yml:2  Unsupported interpolation type late" in outcome.err
    assert "write `load_with_hooks" not in outcome.err
    assert "before any hook fires" in outcome.err


@pytest.mark.parametrize(
    ("section", "factory"),
    [
        ("formatters", "{'()': os.system, command: 'touch RAN'}"),
        ("formatters", "{'()': pathlib.Path.touch, self: RAN}"),
        ("formatters", "{class: sys.exit}"),
        ("formatters", "{format: '%(nothing'}"),
        ("filters", "{'()': sys.exit}"),
        ("filters", "{'()': builtins.open, file: RAN, mode: w}"),
        ("filters", "{'()': logging.Filter, colour: red}"),
        ("filters", "{'()': ends.anything}"),
        ("filters", "{name: 5}"),
    ],
)
def test_nothing_in_loggers_is_called_while_definitions_load(section: str, factory: str, new_project, cli) -> None:
    project = new_project(dagster=f"loggers: {{l: {{{section}: {{one: {factory}}}}}}}\n")
    project.write("src/ends.py", "raise SystemExit(3)\n")
    outcome = cli(project, "check")
    assert outcome.code == 1
    assert entries(outcome.err).keys() == {f"loggers.l.{section}.one"}
    assert not (project.path / "RAN").exists()


@pytest.mark.parametrize("factory", ["os.system", "sys.exit", "ends.anything"])
def test_no_handler_is_called_while_definitions_load(factory: str, new_project, cli) -> None:
    project = new_project(dagster=f"loggers: {{l: {{handlers: [{{class: {factory}}}]}}}}\n")
    project.write("src/ends.py", "raise SystemExit(3)\n")
    outcome = cli(project, "check")
    assert outcome.code == 1
    assert entries(outcome.err).keys() == {"loggers.l.handlers[0].class"}


@pytest.mark.parametrize(
    ("key", "value"), [("translator", "sys.exit"), ("translator", "ends.anything")], ids=["function", "module"]
)
def test_nothing_that_dagster_yml_names_ends_the_process(key: str, value: str, new_project, cli) -> None:
    project = new_project(dagster=f"assets: {{{key}: {value}}}\n")
    project.write("src/ends.py", "raise SystemExit(3)\n")
    outcome = cli(project, "check")
    assert outcome.code == 1
    assert entries(outcome.err).keys() == {f"assets.{key}"}


def test_a_dataset_class_that_cannot_be_imported_is_reported_with_its_line(new_project, cli) -> None:
    project = new_project()
    catalog = """
        raw: {type: json.JSONDatasett, filepath: data/raw.json}
        doubled:
          type: partitions.PartitionedDataset
          path: data/doubled
          dataset:
            type: no_such_library.Dataset
        "reports.{name}": {type: a.B, filepath: "{name}.json"}
        unused: {type: json.JSONDatasetttt, filepath: data/unused.json}
    """
    project.write("conf/base/catalog.yml", catalog)
    outcome = cli(project, "check")
    assert outcome.code == 1
    found = entries(outcome.err)
    assert {path: source for path, (source, _) in found.items()} == {
        "catalog.raw.type": "conf/base/catalog.yml:2",
        "catalog.doubled.dataset.type": "conf/base/catalog.yml:7",
        "catalog.reports.summary.type": "conf/base/catalog.yml:8",
    }
    assert "'json.JSONDatasett' cannot be imported" in found["catalog.raw.type"][1]
    assert cli(project, "list").code == 0  # loading imports no dataset


def test_a_dataset_class_that_no_node_uses_is_only_mentioned(new_project, cli) -> None:
    project = new_project()
    project.write("conf/base/catalog_more.yml", "unused: {type: json.JSONDatasett, filepath: data/unused.json}\n")
    outcome = cli(project, "check")
    assert outcome.code == 0
    assert "Dataset 'unused', which no node uses: the class 'json.JSONDatasett' cannot be imported" in outcome.out


SETTINGS = """
    assets:
      settings:
        "{any}":
          owners: ["team:everyone"]
          automation_condition: eager
        "reports.{name}":
          description: The {name} of the shop.
          group_name: reports_of_{name}
          kinds: [json]
        cleaned: {owners: ["team:cleaning"]}
"""


def test_dagster_yml_says_something_of_many_datasets(new_project, cli) -> None:
    project = new_project(dagster=SETTINGS)
    assert cli(project, "check").out.splitlines()[-1] == "No problems."
    assets = {asset["kedro"]: asset for asset in json.loads(cli(project, "list", "--json").out)["assets"]}
    assert (assets["reports.summary"]["group"], assets["reports.summary"]["kinds"]) == ("reports_of_summary", ["json"])
    found = cli(project, "explain", "reports.summary").out
    assert "The summary of the shop." in found
    assert "team:everyone" not in found


def test_what_is_wrong_with_a_setting_has_its_line_in_dagster_yml(new_project, cli) -> None:
    wrong = SETTINGS.replace("automation_condition: eager", "automation_condition: eagre").replace("kinds:", "kindz:")
    outcome = cli(new_project(dagster=wrong), "check")
    found = entries(outcome.out + outcome.err)
    assert {path: place for path, (place, _) in found.items()} == {
        "assets.settings.{any}.automation_condition": "conf/base/dagster.yml:6",
        "assets.settings.reports.{name}.kindz": "conf/base/dagster.yml:10",
    }
