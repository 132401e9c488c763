"""A run in the terminal: what it takes, what it says, and how it ends."""

import re
import textwrap

import dagster as dg
import pytest

from kedro_assets.cli.run import run_assets
from kedro_assets.cli.targets import Asked
from kedro_assets.errors import KedroAssetsError

DEFINITIONS = """
    import dagster as dg

    @dg.asset
    def first(): pass

    @dg.asset(deps=[first], retry_policy=dg.RetryPolicy(max_retries=1))
    def second(context):
        if context.retry_number == 0 and "flaky" in context.run.tags:
            raise RuntimeError("try again")

    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["eu", "us"]))
    def region(context):
        if context.partition_key == "eu":
            raise ValueError("no shop in eu")

    @dg.multi_asset(specs=[dg.AssetSpec("left"), dg.AssetSpec("right")])
    def both():
        yield dg.MaterializeResult("left")
        yield dg.MaterializeResult("right")

    outside = dg.AssetSpec("outside")

    defs = dg.Definitions(
        assets=[first, second, region, both, outside],
        jobs=[
            dg.define_asset_job("a_job", [first]),
            dg.define_asset_job("flaky", [second], tags={"flaky": "yes"}),
        ],
        executor=dg.in_process_executor,
    )
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A folder with definitions that have nothing to do with Kedro, and a Dagster instance."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.kedro]\n", encoding="utf-8")
    (folder / "definitions.py").write_text(textwrap.dedent(DEFINITIONS), encoding="utf-8")
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def ran(root):
    """Run something; return whether it succeeded, and what is said without seconds."""

    def make(job=None, select=None, partition=None, **options):
        said = []
        outcome = run_assets(root, Asked(job, select, partition, options=options), said.append)
        return outcome, [re.sub(r"\x1b\[\d*m| +\d+\.\d s(?=  )|  \(\d+\.\d s\)", "", line) for line in said]

    return make


def test_a_step_of_one_asset_is_two_lines_and_the_run_is_one(ran):
    assert ran("a_job") == (True, [">  step first", "+  first", "=  the run succeeded: 1 asset materialized"])


def test_a_step_of_several_assets_says_when_it_has_ended(ran):
    assert ran(select="key:left or key:right")[1][1:-1] == ["+  left", "+  right", ".  step both"]


def test_a_selection_takes_dagsters_syntax(ran):
    outcome, said = ran(select="+second")
    assert outcome
    assert [line for line in said if line.startswith("+")] == ["+  first", "+  second"]
    assert said[-1] == "=  the run succeeded: 2 assets materialized"


def test_a_step_that_is_tried_again_says_why(ran):
    outcome, said = ran("flaky")
    assert outcome
    assert [line for line in said if line[0] in "~!"] == [
        "~  step second failed: RuntimeError: try again\n             It is tried again."
    ]


def test_after_a_partition_that_fails_the_others_are_made(ran):
    outcome, said = ran(select="region", partition="eu...us")
    assert not outcome
    assert [line for line in said if line[0] in "P!=+"] == [
        "Partition eu",
        "!  step region failed: ValueError: no shop in eu",
        "=  the run failed: 0 assets materialized, 1 step failed",
        "Partition us",
        "+  region",
        "=  the run succeeded: 1 asset materialized",
    ]


def test_without_a_choice_all_that_can_be_made_without_a_partition_is_made(ran):
    outcome, said = ran()
    assert outcome
    assert said[0] == "Left out, as they are partitioned or depend on partitioned assets: region"
    assert said[-1] == "=  the run succeeded: 4 assets materialized"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"job": "a_jbo"}, "The project has no job 'a_jbo'. Did you mean 'a_job'?"),
        ({"job": "__ASSET_JOB"}, "The project has no job '__ASSET_JOB'."),
        ({"select": "frist"}, "Did you mean 'first'?"),
        ({"select": "left"}, "This AssetsDefinition does not support subsetting."),
        ({"select": "outside"}, "'outside' selects no asset that can be materialized."),
        ({"select": "+++("}, "Dagster cannot read the selection '+++('"),
    ],
    ids=["job", "dagster's job", "asset", "part of a step", "external asset", "syntax"],
)
def test_what_is_not_there_is_refused(asked, words, ran):
    with pytest.raises(KedroAssetsError) as caught:
        ran(**asked)
    assert words in str(caught.value)


def test_runs_are_kept_in_dagsters_instance(ran):
    ran("a_job")
    with dg.DagsterInstance.get() as instance:
        [run] = instance.get_runs()
    assert (run.job_name, run.is_success) == ("a_job", True)


def test_without_an_instance_the_run_is_forgotten_and_that_is_said(ran, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME")
    outcome, said = ran("a_job")
    assert outcome
    assert said[0] == "DAGSTER_HOME is not set, so Dagster does not keep the history of this run."
    with pytest.raises(dg.DagsterError):
        dg.DagsterInstance.get()


def test_an_instance_that_cannot_be_opened_is_refused(ran, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "/no/such/folder")
    with pytest.raises(KedroAssetsError, match="DAGSTER_HOME=/no/such/folder cannot be opened"):
        ran("a_job")


def test_without_assets_there_is_nothing_to_run(root, ran):
    text = "import dagster as dg\n\ndefs = dg.Definitions(assets=[dg.AssetSpec('outside')])\n"
    (root / "definitions.py").write_text(text, encoding="utf-8")
    with pytest.raises(KedroAssetsError, match="no asset that can be materialized"):
        ran()
