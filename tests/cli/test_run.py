"""`kedro assets run`: what is run, what is said, and what is left behind."""

from __future__ import annotations

import re
from pathlib import Path

import click
import dagster as dg
import pytest


def runs(home: Path) -> list[dg.DagsterRun]:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        return list(instance.get_runs())


def lines(outcome) -> list[str]:
    """The lines of the progress about assets, failures and the run, without their times: `+ doubled`."""
    return [line for line in all_lines(outcome) if line[0] in "+!="]


def all_lines(outcome) -> list[str]:
    """The lines of the progress, without their times: `> step multiply`."""
    marked = [
        re.fullmatch(r"([>+~!.=]) +\d+\.\d s  (.*?)(  \(\d+\.\d s\))?", line) for line in outcome.out.splitlines()
    ]
    return [f"{line[1]} {line[2]}" for line in marked if line]


@pytest.fixture(autouse=True)
def no_data(shop) -> None:
    for name in ("doubled.json", "summary.json", "test/doubled.json", "test/summary.json"):
        (shop.path / "data" / name).unlink(missing_ok=True)


def test_without_a_job_all_that_lasts_is_materialized(shop, cli) -> None:
    before = shop.files()
    outcome = cli(shop, "run")
    assert outcome.code == 0
    assert shop.read("doubled.json") == 10
    assert shop.read("summary.json") == {"total": 10}
    assert lines(outcome) == ["+ doubled", "+ reports/summary", "= the run succeeded: 2 assets materialized"]
    assert "DAGSTER_HOME is not set" in outcome.out
    assert shop.files() == before


@pytest.mark.parametrize(
    ("filters", "made"),
    [
        (["--nodes", "multiply"], ["doubled"]),
        (["--to-outputs", "doubled"], ["doubled"]),
        (["--from-nodes", "multiply"], ["doubled", "reports/summary"]),
        (["-p", "__default__", "-n", "multiply,reports.summarize"], ["doubled", "reports/summary"]),
    ],
    ids=["a node", "to an output", "from a node", "several nodes of a pipeline"],
)
def test_kedros_filters_choose_the_assets(filters, made, shop, cli) -> None:
    outcome = cli(shop, "run", *filters)
    assert outcome.code == 0
    assert [line[2:] for line in lines(outcome) if line[0] == "+"] == made


def test_a_filter_that_does_not_fit_is_a_message(shop, cli) -> None:
    outcome = cli(shop, "run", "--tags", "nope")
    assert outcome.code == 1
    assert "pipeline '__default__' has no tag 'nope'." in outcome.err
    assert "Traceback" not in outcome.err


def test_only_what_is_not_up_to_date_is_made(shop, cli, home: Path) -> None:
    def run(*options: str):
        return cli(shop, "run", "--stale", *options, variables={"DAGSTER_HOME": str(home)})

    assert [line for line in run("--dry-run").out.splitlines() if line.startswith("*")] == [
        "* doubled: never made",
        "* reports/summary: never made",
    ]
    assert not runs(home)
    assert lines(run())[-1] == "= the run succeeded: 2 assets materialized"
    assert "Everything is up to date." in run().out
    (shop.path / "data/summary.json").unlink()
    again = run()
    assert "* reports/summary: there are no files at data/summary.json" in again.out
    assert lines(again) == ["+ reports/summary", "= the run succeeded: 1 asset materialized"]
    assert len(runs(home)) == 2


def test_it_says_which_step_starts_and_how_long_each_asset_took(shop, cli) -> None:
    outcome = cli(shop, "run", "--select", '+key:"reports/summary"')
    assert all_lines(outcome)[:-1] == [
        "> step multiply",
        "+ cleaned",
        "+ doubled",
        ". step multiply",
        "> step reports_summarize",
        "+ reports/summary",
    ]
    timed = [line for line in outcome.out.splitlines() if line[:2] in ("+ ", ". ")]
    assert all(re.search(r"  \(\d+\.\d s\)$", line) for line in timed)
    assert click.unstyle(outcome.out) == outcome.out  # colours are for terminals only


def test_it_says_that_a_step_is_tried_again(new_project, cli) -> None:
    nodes = """
        from pathlib import Path

        from kedro.pipeline import node, pipeline

        HERE = Path(__file__).parent

        def fail_once(raw):
            if not (HERE / "tried").exists():
                (HERE / "tried").touch()
                raise ValueError("not yet")
            return raw

        def register_pipelines():
            return {"__default__": pipeline([node(fail_once, "raw", "doubled", name="fail_once")])}
    """
    project = new_project(nodes=nodes, dagster="jobs: {all: {retries: {max_retries: 1}}}\n")
    outcome = cli(project, "run", "all")
    assert outcome.code == 0, outcome.text
    first, again, *rest = all_lines(outcome)
    assert first == "> step fail_once"
    assert again == "~ Node 'fail_once' failed: ValueError: not yet"
    assert again.endswith("ValueError: not yet")
    assert rest == ["> step fail_once", "+ doubled", "= the run succeeded: 1 asset materialized"]


def test_a_job(shop, cli, home: Path) -> None:
    outcome = cli(shop, "run", "everything", variables={"DAGSTER_HOME": str(home)})
    assert outcome.code == 0
    assert shop.read("summary.json") == {"total": 10}
    assert "DAGSTER_HOME" not in outcome.out
    [run] = runs(home)
    assert run.job_name == "everything"
    assert run.is_success
    with dg.DagsterInstance.from_config(str(home)) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["reports", "summary"]))
    assert event is not None
    assert event.run_id == run.run_id


def test_a_job_may_be_called_by_its_name_in_dagster_yml(shop, cli) -> None:
    outcome = cli(shop, "run", "two-steps")
    assert outcome.code == 0, outcome.err


def test_a_selection(shop, cli, home: Path) -> None:
    shop.write("data/doubled.json", "7")
    outcome = cli(shop, "run", "--select", 'key:"reports/summary"', variables={"DAGSTER_HOME": str(home)})
    assert outcome.code == 0
    assert lines(outcome) == ["+ reports/summary", "= the run succeeded: 1 asset materialized"]
    assert shop.read("summary.json") == {"total": 7}
    [run] = runs(home)
    assert run.asset_selection == {dg.AssetKey(["reports", "summary"])}


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ('key:"nowhere"', "selects no asset that can be materialized"),
        ('key:"raw"', "selects no asset that can be materialized"),
        ("+++(", "Dagster cannot read the selection '+++('"),
        ("", "selection"),
    ],
)
def test_a_selection_of_nothing(selection: str, words: str, shop, cli) -> None:
    outcome = cli(shop, "run", "--select", selection)
    assert outcome.code == 1
    assert words in outcome.err
    assert not (shop.path / "data/summary.json").exists()


@pytest.mark.parametrize(
    ("selection", "assets"),
    [
        ("reports.summary", ["reports/summary"]),
        ("multiply", ["doubled"]),
        ("+reports.summary", ["cleaned", "doubled", "reports/summary"]),
        ("doubled or reports.summarize", ["doubled", "reports/summary"]),
        ('key:"doubled" or (reports.summary)', ["doubled", "reports/summary"]),
    ],
)
def test_a_selection_takes_the_names_of_datasets_and_nodes(
    selection: str, assets: list[str], shop, cli, home: Path
) -> None:
    shop.write("data/doubled.json", "10")
    outcome = cli(shop, "run", "--select", selection, variables={"DAGSTER_HOME": str(home)})
    assert outcome.code == 0, outcome
    [run] = runs(home)
    assert sorted(key.to_user_string() for key in run.asset_selection) == assets


def test_a_registered_pipeline_runs_by_its_name_though_it_is_no_job(new_project, cli) -> None:
    nodes = """
        from kedro.pipeline import node, pipeline

        def same(value):
            return value

        def register_pipelines():
            first = pipeline([node(same, "raw", "doubled", name="first")])
            return {"__default__": first + pipeline([node(same, "doubled", "last", name="last")]), "first": first}
    """
    project = new_project(nodes=nodes, dagster="jobs: {mine: {pipeline: {}}}\n")
    project.write("definitions.py", "from kedro_assets import build_definitions\n\ndefs = build_definitions()\n")
    outcome = cli(project, "run", "first")
    assert outcome.code == 0, outcome
    assert re.findall(r"\+ +\S+ s  (\S+)", outcome.out) == ["doubled"]


def test_parameters_reach_the_nodes_and_a_selection_takes_all_that_is_upstream(shop, cli) -> None:
    assert cli(shop, "run", "-s", '+key:"reports/summary"', "--params", "factor=7").code == 0
    assert shop.read("doubled.json") == 35
    assert shop.read("summary.json") == {"total": 35}


def test_parameters_reach_a_selection(shop, cli) -> None:
    assert cli(shop, "run", "-s", 'key:"doubled"', "--params", "factor=1.5,other.nested=x").code == 0
    assert shop.read("doubled.json") == 7.5
    assert not (shop.path / "data/summary.json").exists()


def test_parameters_of_the_job_in_dagster_yml_hold_and_those_given_come_before_them(shop, cli) -> None:
    assert cli(shop, "run", "seeded").code == 0
    assert shop.read("doubled.json") == 45
    assert cli(shop, "run", "seeded", "--params", "factor=3").code == 0
    assert shop.read("doubled.json") == 15


def test_parameters_that_cannot_be_read_are_a_usage_error(shop, cli) -> None:
    outcome = cli(shop, "run", "--params", "factor")
    assert outcome.code == 2
    assert "Usage:" in outcome.err


def test_the_environment_is_honoured(shop, cli) -> None:
    for arguments, variables in ((["--env", "test"], {}), ([], {"KEDRO_ENV": "test"})):
        assert cli(shop, "run", *arguments, variables=variables).code == 0
        assert shop.read("test/doubled.json") == 50
        assert not (shop.path / "data/doubled.json").exists()
        (shop.path / "data/test/doubled.json").unlink()


def test_an_unknown_job(shop, cli, home: Path) -> None:
    outcome = cli(shop, "run", "evrything", variables={"DAGSTER_HOME": str(home)})
    assert outcome.code == 1
    assert "no job 'evrything'" in outcome.err
    assert "Did you mean 'everything'?" in outcome.err
    assert "__ASSET_JOB" not in outcome.err
    assert runs(home) == []


def test_dagsters_own_job_is_no_job_of_the_user(shop, cli) -> None:
    assert cli(shop, "run", "__ASSET_JOB").code == 1


def test_a_job_and_a_selection_together_are_a_usage_error(shop, cli) -> None:
    outcome = cli(shop, "run", "everything", "--select", "key:doubled")
    assert outcome.code == 2
    assert "not both" in outcome.err


def test_a_failing_node(shop, cli, home: Path) -> None:
    outcome = cli(shop, "run", "--params", "fail=true", variables={"DAGSTER_HOME": str(home)})
    assert outcome.code == 1
    told = lines(outcome)
    assert told[0] == "! Node 'multiply' failed: ValueError: the shelf is empty"
    assert told[-1] == "= the run failed: 0 assets materialized, 1 step failed"
    assert not (shop.path / "data/summary.json").exists()
    [run] = runs(home)
    assert run.is_failure


def test_a_project_with_mistakes_is_not_run(new_project, cli) -> None:
    project = new_project(dagster="jbos: {}\n")
    project.write("definitions.py", "from kedro_assets import build_definitions\n\ndefs = build_definitions()\n")
    outcome = cli(project, "run")
    assert outcome.code == 1
    assert "jbos" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_definitions_py_with_more_in_it(new_project, cli) -> None:
    project = new_project()
    project.write(
        "definitions.py",
        """
        import dagster as dg
        from kedro_assets import build_definitions


        @dg.asset(deps=["doubled"])
        def native() -> None:
            pass


        @dg.logger
        def quiet(_):
            import logging

            return logging.getLogger("quiet")


        defs = dg.Definitions.merge(build_definitions(), dg.Definitions(assets=[native], loggers={"quiet": quiet}))
        """,
    )
    outcome = cli(project, "run")
    assert outcome.code == 0, outcome
    assert "+ native" in lines(outcome)


def test_a_dagster_home_that_is_missing(shop, cli, tmp_path: Path) -> None:
    outcome = cli(shop, "run", variables={"DAGSTER_HOME": str(tmp_path / "missing")})
    assert outcome.code == 1
    assert "missing" in outcome.err


def test_as_a_user_with_several_processes_and_without_definitions_py(new_project, kedro) -> None:
    """The whole way once: `kedro`, the executor's processes, and a project to which nothing was added."""
    project = new_project(dagster="executors: {two: {multiprocess: {max_concurrent: 2}}}\ndefault_executor: two\n")
    before = project.files()
    outcome = kedro(project, "assets", "run", "--params", "factor=4")
    assert outcome.code == 0, outcome.text
    assert project.read("summary.json") == {"total": 20}
    assert lines(outcome)[-1] == "= the run succeeded: 2 assets materialized"
    assert project.files() == before


def test_a_failing_step_in_another_process(shop, kedro) -> None:
    outcome = kedro(shop, "assets", "run", "two_steps", "--params", "fail=true")
    assert outcome.code == 1
    assert any("the shelf is empty" in line for line in lines(outcome) if line.startswith("!"))
    assert "Traceback" not in outcome.err
