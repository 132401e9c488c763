"""Validators of the catalog as asset checks: reported with the save, and on demand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from helpers import KedroProject, execute, json_dataset, materialized, write_project

VALIDATORS = """
    from pathlib import Path

    from kedro.validation import CheckFailure, DataValidationError

    CALLS = Path(__file__).parents[2] / "calls.txt"


    class Below:
        def __init__(self, limit=10):
            self.limit = limit

        def validate(self, data):
            with CALLS.open("a") as file:
                file.write("validate\\n")
            if data >= self.limit:
                failure = CheckFailure("too large", check="below", column="value", failure_examples=[data])
                raise DataValidationError("refused", failures=[failure])
            return data


    def refuses(data):
        raise ValueError("never good")
"""


JOBS = 'jobs: {__default__: {}, all: {selection: "*"}, steps: {view: ops}}\n'


def validated(folder: Path, *, dagster: str = "", **validators: str) -> KedroProject:
    """Three nodes in a row, `raw` to `middle` to `memory` to `final`; the validators by dataset."""
    project = write_project(
        folder,
        nodes="def add(value):\n    return value + 1\n\ndef fail(value):\n    raise RuntimeError\n",
        pipelines="""{
            "__default__": pipeline([
                node(add, "raw", "middle", name="one"),
                node(add, "middle", "memory", name="two"),
                node(add, "memory", "final", name="three")]),
            "reading": pipeline([node(add, "middle", "other", name="reader")]),
        }""",
        dagster=JOBS + dagster,
    )
    project.write(f"src/{project.package}/validators.py", VALIDATORS)
    project.write("data/raw.json", "1")
    declare(project, **validators)
    return project


def declare(project: KedroProject, **validators: str) -> None:
    """Write the catalog anew."""
    lines = []
    for name in ("raw", "middle", "memory", "final", "other"):
        if name == "memory":
            lines.append("memory:\n  type: MemoryDataset\n" if name in validators else "")
        else:
            lines.append(json_dataset(name))
        if name in validators:
            lines.append(f"  validator: {validators[name].replace('PACKAGE', project.package)}\n")
    project.write("conf/base/catalog.yml", "".join(lines))


def evaluations(result: dg.JobExecutionResult) -> dict[str, tuple[bool, str]]:
    """What was told of each check: whether it passed, and on what occasion."""
    return {
        f"{found.asset_key.to_user_string()}:{found.check_name}": (
            found.passed,
            found.metadata["kedro/validated_on"].value,
        )
        for found in result.get_asset_check_evaluations()
    }


def run_checks(project: KedroProject, instance: dg.DagsterInstance, *keys: dg.AssetCheckKey) -> dg.JobExecutionResult:
    """Execute checks alone, as the button of the UI does."""
    place = str(Path(__file__).parents[1])
    job = dg.build_reconstructable_job(
        "helpers", "load_job", (str(project.path), "all"), reconstructor_working_directory=place
    )
    definition = job.get_subset(asset_selection=frozenset(), asset_check_selection=frozenset(keys))
    return dg.execute_job(definition, instance)


def key(asset: str, name: str = "validator") -> dg.AssetCheckKey:
    return dg.AssetCheckKey(dg.AssetKey(asset), name)


BELOW = "PACKAGE.validators.Below"


def test_a_check_passes_with_the_save_and_the_validator_is_asked_once(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = validated(tmp_path, final=BELOW)
    result = execute(project, instance)
    assert result.success
    assert evaluations(result) == {"final:validator": (True, "save")}
    assert (project.path / "calls.txt").read_text().count("validate") == 1
    [found] = result.get_asset_check_evaluations()
    assert found.target_materialization_data.run_id == result.run_id


def test_data_that_is_refused_fails_its_check_and_the_step_with_kedros_error(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = validated(tmp_path, middle="{class: PACKAGE.validators.Below, options: {limit: 2}}")
    result = execute(project, instance)
    assert not result.success
    assert materialized(result) == []
    [found] = result.get_asset_check_evaluations()
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "value: below — 1 case (e.g. 2)" in found.description
    [record] = found.metadata["kedro/failures"].records
    assert record.data == {
        "column": "value", "check": "below", "cases": 1, "examples": "2", "message": "too large",
    }  # fmt: skip
    [failed] = project.calls("on_pipeline_error")
    assert failed["error"] == "DataValidationError"
    assert not project.calls("on_node_error")  # the node itself has run, as in Kedro


def test_an_error_without_structure_is_the_description(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = validated(tmp_path, middle="PACKAGE.validators.refuses")
    [found] = execute(project, instance).get_asset_check_evaluations()
    assert found.description == "never good"
    assert "kedro/failures" not in found.metadata


def test_a_validator_that_warns_leaves_the_run_to_go_on(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = validated(tmp_path, middle="{class: PACKAGE.validators.Below, severity: warn, options: {limit: 2}}")
    result = execute(project, instance)
    assert result.success
    assert project.read("final.json") == 4
    [found] = [found for found in result.get_asset_check_evaluations() if not found.passed][:1]
    assert (found.severity, found.asset_key) == (dg.AssetCheckSeverity.WARN, dg.AssetKey("middle"))
    assert found.metadata["kedro/failures"].records[0].data["column"] == "value"


@pytest.mark.parametrize("severity", ["warn", "error"])
def test_no_credential_is_in_what_is_told_of_a_check(
    tmp_path: Path, instance: dg.DagsterInstance, severity: str
) -> None:
    project = validated(tmp_path, middle=f"{{class: PACKAGE.validators.tells, severity: {severity}}}")
    project.write(
        f"src/{project.package}/validators.py",
        """
        from kedro.validation import CheckFailure, DataValidationError

        SECRET = "".join(["hunt", "er2"])  # the event log has lines of this file

        def tells(data):
            failure = CheckFailure(SECRET, check=SECRET, column=SECRET, failure_examples=["x" * 35 + SECRET])
            raise DataValidationError(f"refused {SECRET}", failures=[failure])
        """,
    )
    project.write("conf/local/credentials.yml", "server: {password: hunter2}")
    result = execute(project, instance)
    [found] = [found for found in result.get_asset_check_evaluations() if not found.passed][:1]
    [record] = found.metadata["kedro/failures"].records
    assert "hunt" not in f"{found.description} {record.data}"
    assert "***: *** — 1 case" in found.description
    assert not [entry for entry in instance.all_logs(result.run_id) if "hunter2" in str(entry)]


@pytest.mark.parametrize("cluster_by", ["memory", "node"])
def test_an_in_memory_dataset_has_a_check(tmp_path: Path, instance: dg.DagsterInstance, cluster_by: str) -> None:
    project = validated(tmp_path, dagster=f"assets: {{cluster_by: {cluster_by}}}", memory=BELOW)
    result = execute(project, instance)
    assert result.success
    assert evaluations(result) == {"memory:validator": (True, "save")}


def test_checks_are_reported_by_every_process(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    dagster = "default_executor: multiprocess\nassets: {cluster_by: node}\n"
    project = validated(tmp_path, dagster=dagster, raw=BELOW, middle=BELOW, memory=BELOW)
    result = execute(project, instance)
    assert result.success
    assert evaluations(result) == {
        "raw:validator": (True, "load"), "middle:validator": (True, "save"), "memory:validator": (True, "save"),
    }  # fmt: skip


def test_ops_report_the_checks_of_their_datasets(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = validated(tmp_path, raw=BELOW, middle=BELOW)
    result = execute(project, instance, "steps")
    assert result.success
    found = {event.asset_check_evaluation_data.asset_key.to_user_string() for event in check_events(result)}
    assert found == {"raw", "middle"}


def check_events(result: dg.JobExecutionResult) -> list[Any]:
    return [event for event in result.all_events if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION]


def test_what_fails_on_load_after_it_passed_on_save_fails_its_check(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = validated(tmp_path, final=BELOW)
    declare(project, middle="{class: PACKAGE.validators.Below, on: load, options: {limit: 2}}")
    result = execute(project, instance)
    assert not result.success
    assert materialized(result) == ["middle"]
    assert evaluations(result) == {"middle:validator": (False, "load")}


def test_a_check_that_passes_on_save_and_fails_on_load_in_one_step_gives_kedros_error(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = validated(tmp_path, dagster="assets: {cluster_by: pipeline}", middle="PACKAGE.validators.Twice")
    more = """
    class Twice:
        def __init__(self):
            self.asked = 0

        def validate(self, data):
            self.asked += 1
            if self.asked == 2:
                raise ValueError("once was enough")
            return data
    """
    project.write(f"src/{project.package}/validators.py", VALIDATORS + more)
    result = execute(project, instance)
    assert not result.success
    assert [found.passed for found in result.get_asset_check_evaluations()] == [True, False]
    assert "once was enough" in project.calls("on_pipeline_error")[0]["message"]


def test_an_external_dataset_is_checked_when_a_node_loads_it(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = validated(tmp_path, raw=BELOW)
    result = execute(project, instance)
    assert evaluations(result) == {"raw:validator": (True, "load")}
    project.write("data/raw.json", "11")
    result = execute(project, instance)
    assert not result.success
    assert evaluations(result) == {"raw:validator": (False, "load")}


def test_with_a_subset_what_is_made_is_checked_and_nothing_else(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = validated(tmp_path, raw=BELOW, middle=BELOW, final=BELOW)
    assert execute(project, instance, assets=["middle"]).success
    project.forget()
    result = execute(project, instance, assets=["final"])
    assert result.success
    assert project.nodes_run() == ["two", "three"]
    assert evaluations(result) == {"middle:validator": (True, "load"), "final:validator": (True, "save")}


@pytest.mark.parametrize("on", ["[load, save]", "save", "load"])
@pytest.mark.parametrize("dataset", ["raw", "final"])
def test_a_check_alone_looks_at_what_is_stored_and_runs_no_node(
    tmp_path: Path, instance: dg.DagsterInstance, dataset: str, on: str
) -> None:
    project = validated(tmp_path, **{dataset: f"{{class: PACKAGE.validators.Below, on: {on}}}"})
    assert execute(project, instance).success
    project.forget()
    for stored, passed in (("9", True), ("10", False)):
        project.write(f"data/{dataset}.json", stored)
        result = run_checks(project, instance, key(dataset))
        assert evaluations(result) == {f"{dataset}:validator": (passed, "stored")}
        assert result.success  # the check has failed, the run that looked has not
    assert {call["hook"] for call in project.calls()} == {"after_context_created", "after_catalog_created"}


def test_a_check_alone_of_a_validator_that_warns_is_a_warning(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = validated(tmp_path, raw="{class: PACKAGE.validators.Below, severity: warn, options: {limit: 1}}")
    [found] = run_checks(project, instance, key("raw")).get_asset_check_evaluations()
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_a_check_alone_of_in_memory_data_looks_at_what_a_run_has_left(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    project = validated(tmp_path, dagster="assets: {cluster_by: node}", memory=BELOW)
    [failed] = [event for event in run_checks(project, instance, key("memory")).all_events if event.is_step_failure]
    assert "no run has made it yet" in failed.step_failure_data.error.cause.message
    assert execute(project, instance).success
    assert evaluations(run_checks(project, instance, key("memory"))) == {"memory:validator": (True, "stored")}


def test_a_check_of_dagsters_own_can_be_attached_to_a_dataset(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = validated(tmp_path, final=BELOW)
    project.write(
        f"src/{project.package}/native.py",
        """
        import dagster as dg

        from kedro_assets import build_definitions


        @dg.asset_check(
            asset="final", additional_ins={"middle": dg.AssetIn(input_manager_key="middle__io_manager")}, blocking=True
        )
        def is_larger(final: int, middle: int) -> dg.AssetCheckResult:
            return dg.AssetCheckResult(passed=final > middle)

        more = dg.Definitions(asset_checks=[is_larger])
        defs = dg.Definitions.merge(build_definitions(), more)
        """,
    )
    result = execute(project, instance, merged=True)
    assert result.success
    found = {(check.check_name, check.passed) for check in result.get_asset_check_evaluations()}
    assert found == {("validator", True), ("is_larger", True)}


def test_a_schema_of_pandera_is_a_check(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    pytest.importorskip("pandera.pandas")
    project = write_project(
        tmp_path,
        nodes="import pandas as pd\n\ndef make(raw):\n    return pd.DataFrame({'price': raw})\n",
        pipelines='{"__default__": pipeline([node(make, "raw", "prices", name="make")])}',
    )
    project.write(
        f"src/{project.package}/schemas.py",
        """
        import pandera.pandas as pa

        class Prices(pa.DataFrameModel):
            price: float = pa.Field(ge=0, coerce=True)
        """,
    )
    entry = f"prices:\n  type: pandas.CSVDataset\n  filepath: data/prices.csv\n  validator: {project.package}.schemas.Prices\n"
    project.write("conf/base/catalog.yml", json_dataset("raw") + entry)
    project.write("data/raw.json", "[1, 2]")
    assert evaluations(execute(project, instance)) == {"prices:validator": (True, "save")}
    project.write("data/raw.json", "[1, -2, -3]")
    result = execute(project, instance)
    assert not result.success
    [found] = result.get_asset_check_evaluations()
    [row] = [record.data for record in found.metadata["kedro/failures"].records]
    assert (row["column"], row["cases"], row["examples"]) == ("price", 2, "-2.0, -3.0")


def test_a_job_of_checks_alone_runs_no_node(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    project = validated(tmp_path, raw=BELOW)
    project.write(
        f"src/{project.package}/native.py",
        """
        import dagster as dg

        from kedro_assets import build_definitions

        sources = dg.define_asset_job("sources", selection=dg.AssetSelection.checks_for_assets("raw"))
        defs = dg.Definitions.merge(build_definitions(), dg.Definitions(jobs=[sources]))
        """,
    )
    result = execute(project, instance, "sources", merged=True)
    assert result.success
    assert evaluations(result) == {"raw:validator": (True, "stored")}
    assert not project.nodes_run()
