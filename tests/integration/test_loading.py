"""Loading a code location: it only reads, and says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest
from helpers import HOOKS, SETTINGS, execute, json_dataset, load_definitions, write_project

from kedro_assets import ConfigError, ProjectError, build_definitions

NODES = "def add(value):\n    return value + 1\n\ndef other(value):\n    return value - 1\n"
ONE = '{"__default__": pipeline([node(add, "raw", "final", name="add")])}'


def test_loading_fires_no_hook_builds_no_dataset_and_reads_no_credential(tmp_path: Path) -> None:
    hooks = HOOKS + (
        "\n\nclass StartsAServer:\n"
        "    @hook_impl\n    def after_context_created(self, context):\n"
        '        raise RuntimeError("a session was started")\n'
        "    @hook_impl\n    def after_catalog_created(self):\n"
        '        raise RuntimeError("a catalog was built")\n'
    )
    project = write_project(
        tmp_path,
        nodes=NODES,
        pipelines=ONE,
        catalog="""
            raw:
              type: json.JSONDataset
              filepath: s3://bucket/raw.json
              credentials: nowhere_defined
            final:
              type: no_such_library.NoSuchDataset
              credentials: nowhere_defined
              nested: {credentials: nowhere_defined_either}
        """,
        hooks=hooks,
        settings="from .hooks import Recorder, StartsAServer\n\nHOOKS = (Recorder(), StartsAServer())\n",
    )
    project.write("conf/local/credentials.yml", "nowhere: ${oc.env:NO_SUCH_VARIABLE_AT_ALL}")
    definitions = load_definitions(project)
    dg.Definitions.validate_loadable(definitions)
    assert project.calls() == []
    shown = json.dumps([str(spec) for spec in definitions.resolve_all_asset_specs()])
    assert "nowhere_defined" not in shown


def test_loading_does_not_change_the_project(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        nodes=NODES,
        pipelines=ONE,
        catalog="raw: {type: json.JSONDataset, filepath: data/raw.json, metadata: {dagster: {group_name: given}}}",
    )
    first, second = (load_definitions(project).resolve_asset_graph() for _ in range(2))
    assert first.get(dg.AssetKey("raw")).group_name == second.get(dg.AssetKey("raw")).group_name == "given"
    assert not (project.path / "data").exists()


RESOLVER_HOOKS = """
    from kedro.framework.hooks import hook_impl
    from omegaconf import OmegaConf


    class Resolvers:
        @hook_impl
        def after_context_created(self, context):
            OmegaConf.register_new_resolver("RESOLVER", lambda: 5, replace=True)
"""


@pytest.mark.parametrize("load_with_hooks", [False, True], ids=["without", "with"])
def test_a_resolver_that_a_hook_registers_needs_load_with_hooks(
    tmp_path: Path, instance: dg.DagsterInstance, *, load_with_hooks: bool
) -> None:
    resolver = f"shop_{load_with_hooks}"  # OmegaConf keeps resolvers for the whole process
    project = write_project(
        tmp_path,
        nodes="def one(value):\n    return value\n",
        pipelines='{"__default__": pipeline([node(one, "params:amount", "final", name="one")])}',
        catalog=json_dataset("final"),
        parameters=f'amount: "${{{resolver}:}}"',
        dagster="load_with_hooks: true" if load_with_hooks else "",
        hooks=RESOLVER_HOOKS.replace("RESOLVER", resolver),
        settings="from .hooks import Resolvers\n\nHOOKS = (Resolvers(),)\n",
    )
    if not load_with_hooks:
        with pytest.raises(ProjectError, match="load_with_hooks: true"):
            load_definitions(project)
        return
    assert execute(project, instance).success
    assert project.read("final.json") == 5


def test_without_dagster_yml_every_dataset_is_an_asset_and_every_pipeline_a_job(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        nodes=NODES,
        pipelines="""{
            "__default__": pipeline([node(add, "raw", "middle", name="add"), node(other, "middle", "final", name="other")]),
            "first": pipeline([node(add, "raw", "middle", name="add")]),
            "nothing": pipeline([]),
        }""",
        catalog=json_dataset("raw", "final"),
    )
    definitions = load_definitions(project)
    dg.Definitions.validate_loadable(definitions)
    assert {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()} == {"raw", "middle", "final"}
    jobs = definitions.get_repository_def().get_all_jobs()
    assert {job.name for job in jobs if not job.name.startswith("__ASSET_JOB")} == {"__default__", "first"}


def test_a_pipeline_a_node_and_a_dataset_may_have_one_name(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = write_project(
        tmp_path,
        nodes=NODES,
        pipelines="""{
            "__default__": pipeline([node(add, "raw", "train", name="train"), node(other, "train", "final", name="report")]),
            "train": pipeline([node(add, "raw", "train", name="train")]),
            "report": pipeline([node(other, "train", "final", name="report")]),
        }""",
        catalog=json_dataset("raw", "train", "final"),
    )
    project.write("data/raw.json", "1")
    dg.Definitions.validate_loadable(load_definitions(project))
    assert execute(project, instance, "train").success
    assert project.nodes_run() == ["train"]


@pytest.mark.parametrize("cluster_by", ["pipeline", "tag", "namespace"])
def test_clusters_named_like_a_job_are_no_conflict(tmp_path: Path, cluster_by: str) -> None:
    project = write_project(
        tmp_path,
        nodes=NODES,
        pipelines="""{"shop": pipeline([
            node(add, "raw", "middle", name="add", tags="shop"), node(other, "middle", "final", name="other", tags="shop"),
        ], namespace="shop", inputs="raw")}""",
        dagster=f"assets: {{cluster_by: {cluster_by}}}",
    )
    dg.Definitions.validate_loadable(load_definitions(project))


CONFLICT = """{
    "__default__": pipeline([node(add, "raw", "final", name="add")]),
    "again": pipeline([node(other, "raw", "final", name="other")]),
    "more": pipeline([node(other, "final", "last", name="subtract")]),
}"""


def test_of_two_pipelines_that_make_one_dataset_the_later_is_left_out(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = write_project(tmp_path, nodes=NODES, pipelines=CONFLICT, catalog=json_dataset("raw", "final", "last"))
    project.write("data/raw.json", "1")
    jobs = load_definitions(project).get_repository_def().get_all_jobs()
    made = {job.name: {node.name for node in job.nodes} for job in jobs if not job.name.startswith("__ASSET_JOB")}
    assert made.keys() == {"__default__", "more", "again"}
    assert made["again"] == {"other"}  # as ops: it makes no assets
    assert execute(project, instance, assets=["final"]).success
    assert project.read("final.json") == 2


def test_asking_for_two_pipelines_that_make_one_dataset_is_an_error_that_names_both_nodes(tmp_path: Path) -> None:
    project = write_project(
        tmp_path, nodes=NODES, pipelines=CONFLICT, dagster="assets: {pipelines: [__default__, again]}"
    )
    with pytest.raises(ConfigError, match=r"assets\.pipelines\[1\].*'other' writes 'final'.*'add'"):
        load_definitions(project)


def test_a_job_of_a_pipeline_that_is_left_out_says_why(tmp_path: Path) -> None:
    project = write_project(
        tmp_path, nodes=NODES, pipelines=CONFLICT, dagster="jobs: {second: {pipeline: {pipeline_name: again}}}"
    )
    with pytest.raises(ConfigError, match=r"jobs\.second\.pipeline.*'again' is not among the assets.*'final'"):
        load_definitions(project)


def test_every_mistake_in_dagster_yml_is_reported_at_once_with_file_and_line(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        nodes=NODES,
        pipelines=ONE,
        dagster="""
            assets:
              cluster_by: nod
            executors:
              two: {multiprocess: {max_concurent: 2}}
              away: {no_such_executor: {}}
            schedules:
              bad: {cron_schedule: "61 * * * *"}
            jobs:
              one: {pipeline: {pipeline_name: __defalt__}, executor: too, schedule: badd}
              two: {selection: "nothing_here"}
              three: {pipeline: {tags: [unknown]}, schedule: bad}
        """,
    )
    with pytest.raises(ConfigError) as raised:
        load_definitions(project)
    text = str(raised.value)
    for expected in (
        "conf/base/dagster.yml:3",
        "assets.cluster_by",
        "Did you mean 'node'?",
        "executors.two.multiprocess",
        "max_concurent",
        "executors.away.no_such_executor",
        "schedules.bad",
        "jobs.one.pipeline.pipeline_name",
        "Did you mean '__default__'?",
        "jobs.one.executor",
        "Did you mean 'two'?",
        "jobs.one.schedule",
        "Did you mean 'bad'?",
        "jobs.two.selection",
        "jobs.three.pipeline",
    ):
        assert expected in text


def test_the_examples_of_every_section_are_accepted(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        nodes=NODES,
        pipelines=ONE,
        catalog=json_dataset("raw", "final"),
        dagster="""
            assets: {pipelines: [__default__], cluster_by: memory, group_by: pipeline, key_prefix: [shop], memory_assets: true}
            default_executor: quick
            executors:
              quick: {in_process: {}}
              parallel:
                multiprocess:
                  max_concurrent: 4
                  start_method: {spawn: {}}
                  tag_concurrency_limits: [{key: database, limit: 1}]
            schedules:
              nightly: {cron_schedule: "0 2 * * *", execution_timezone: Europe/Berlin, default_status: RUNNING}
            jobs:
              features:
                description: Features for tomorrow
                pipeline: {pipeline_name: __default__, node_names: [add]}
                executor: parallel
                schedule: nightly
                tags: {team: growth}
                config: {runtime_params: {amount: 1}}
                retries: {max_retries: 2, delay: 30}
              models: {selection: '+key:"shop/final"', schedule: {cron_schedule: "@daily"}}
              inline: {pipeline: {}, executor: {multiprocess: {max_concurrent: 2}}}
        """,
    )
    definitions = load_definitions(project)
    dg.Definitions.validate_loadable(definitions)
    repository = definitions.get_repository_def()
    assert {schedule.name for schedule in repository.schedule_defs} == {"shop__nightly", "shop__models_schedule"}
    assert repository.get_schedule_def("shop__nightly").default_status == dg.DefaultScheduleStatus.RUNNING
    assert repository.get_job("shop__features").tags["team"] == "growth"


def test_metadata_of_the_catalog_describes_the_asset(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        nodes='def add(value):\n    """Add one.\n\n    And no more.\n    """\n    return value + 1\n',
        pipelines='{"__default__": pipeline([node(add, "raw", "final", name="add", tags=["daily"]), node(add, "final", "last")])}',
        catalog="""
            final:
              type: json.JSONDataset
              filepath: data/final.json
              metadata:
                kedro-viz: {layer: primary}
                dagster: {group_name: given, owners: ["team:data"], tags: {domain: sales}, kinds: [json], description: Told}
        """,
    )
    graph = load_definitions(project).resolve_asset_graph()
    final, last = graph.get(dg.AssetKey("final")), graph.get(dg.AssetKey("last"))
    assert (final.group_name, final.owners, final.kinds, final.description) == (
        "given",
        ["team:data"],
        {"json"},
        "Told",
    )
    assert {"domain", "daily"} <= final.tags.keys()
    assert last.description == "Add one."
    assert last.kinds == {"memory"}


@pytest.mark.filterwarnings("ignore:One or more dataset names contain '.' characters:UserWarning")
def test_two_names_that_would_be_one_asset_are_reported_together(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        nodes=NODES,
        pipelines='{"__default__": pipeline([node(add, "raw", "a.b", name="one"), node(add, "raw", "a/b", name="two")])}',
    )
    with pytest.raises(ConfigError) as raised:
        load_definitions(project)
    assert "'a.b' and 'a/b'" in str(raised.value)


def test_a_folder_without_a_project_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="There is no Kedro project at"):
        build_definitions(tmp_path)


def test_an_error_in_the_projects_code_is_named(tmp_path: Path) -> None:
    project = write_project(tmp_path, nodes="import no_such_module\n", pipelines="{}", settings=SETTINGS)
    with pytest.raises(ProjectError, match="no_such_module"):
        load_definitions(project)


def test_the_registry_of_pipelines_is_called_once_however_many_nodes_there_are(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        nodes="""
            from pathlib import Path

            def called():
                with (Path(__file__).parent / "calls").open("a") as file:
                    file.write("once ")
                return {}
        """,
        pipelines='{"__default__": pipeline([node(len, f"d{i}", f"d{i + 1}", name=f"n{i}") for i in range(20)]), **called()}',
    )
    dg.Definitions.validate_loadable(load_definitions(project))
    assert (project.path / f"src/{project.package}/calls").read_text() == "once "


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (
            'node(twice, "raw", "final", name="other")',
            "its node 'other' writes 'final', which node 'one' of pipeline '__default__' writes already.",
        ),
        (
            'node(twice, "raw", "final", name="one")',
            "in pipeline '__default__': it calls 'PACKAGE.nodes.twice', not 'PACKAGE.nodes.once'.",
        ),
        ('node(once, "other", "final", name="one")', "in pipeline '__default__': its inputs are 'other', not 'raw'."),
        (
            'node(once, "raw", "final", name="one", confirms="raw")',
            "in pipeline '__default__': its confirms are 'raw', not none.",
        ),
    ],
    ids=["name", "function", "inputs", "confirms"],
)
def test_a_conflict_of_two_pipelines_says_with_which_one_and_what_differs(
    second: str, said: str, tmp_path: Path
) -> None:
    project = write_project(
        tmp_path,
        nodes="def once(value):\n    return value\n\n\ndef twice(value):\n    return 2 * value\n",
        pipelines=f'{{"__default__": pipeline([node(once, "raw", "final", name="one")]), "again": pipeline([{second}])}}',
        catalog=json_dataset("raw", "other", "final"),
        dagster="assets: {pipelines: [__default__, again]}",
    )
    with pytest.raises(ConfigError) as caught:
        load_definitions(project)
    [problem] = caught.value.problems
    assert problem.path == "assets.pipelines[1]"
    assert problem.found.endswith(said.replace("PACKAGE", project.package))
