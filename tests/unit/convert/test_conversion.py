"""A whole project of kedro-dagster; what becomes of a realistic one is in tests/cli."""

import pytest
import yaml

from kedro_assets.convert import Change, convert_project
from kedro_assets.errors import ProjectError
from kedro_assets.project import ProjectLocation

DEFINITIONS = """
import dagster as dg
from kedro_dagster import KedroProjectTranslator

code = KedroProjectTranslator(env="local").to_dagster()
defs = dg.Definitions(executor=dg.multiprocess_executor.configured({"max_concurrent": 2}))
"""


@pytest.fixture
def convert(write_project):
    """Write a project and return what becomes of it, by the name of the file."""

    def call(conf, files=None):
        root = write_project(conf=conf)
        for name, text in (files or {}).items():
            (root / name).write_text(text, encoding="utf-8")
        found = convert_project(ProjectLocation(root))
        return {change.shown: change.after for change in found.changes}, found

    return call


def test_a_project_without_anything_of_kedro_dagster_stays(convert):
    changes, found = convert(
        {"dagster.yml": "jobs: {a: {schedule: x}}", "catalog.yml": "raw: {type: json.JSONDataset, filepath: a}"}
    )
    assert changes == {}
    assert (found.by_hand, found.renamed, found.stopped) == ((), {}, {})


def test_the_executor_of_the_definitions_is_written_in_the_base_environment(convert):
    changes, _ = convert(
        {"dagster.yml": "jobs: {}\n", "prod/dagster.yml": "jobs: {}\n"}, {"definitions.py": DEFINITIONS}
    )
    assert changes == {
        "conf/base/dagster.yml": "jobs: {}\n\ndefault_executor:\n  multiprocess:\n    max_concurrent: 2\n"
    }


def test_the_executor_is_written_in_all_environments_if_the_base_has_no_file(convert):
    changes, _ = convert(
        {"a/dagster.yml": "jobs: {}\n", "b/dagster.yml": "jobs: {}\n"}, {"definitions.py": DEFINITIONS}
    )
    assert list(changes) == ["conf/a/dagster.yml", "conf/b/dagster.yml"]


def test_a_default_executor_that_is_there_stays(convert):
    changes, _ = convert({"dagster.yml": "default_executor: in_process\n"}, {"definitions.py": DEFINITIONS})
    assert changes == {}


def test_without_a_dagster_yml_the_executor_is_left_to_the_user(convert):
    changes, found = convert({}, {"definitions.py": DEFINITIONS})
    assert changes == {}
    assert "default_executor" in [problem.path for problem in found.by_hand]


def test_retries_of_an_executor_in_the_base_environment_reach_jobs_of_another_one(convert):
    base = "executors: {c: {celery_executor: {retries: 2}}}\n"
    changes, _ = convert({"dagster.yml": base, "prod/dagster.yml": "jobs:\n  a:\n    executor: c\n"})
    assert changes == {
        "conf/base/dagster.yml": "executors: {c: {celery_executor: {}}}\n",
        "conf/prod/dagster.yml": "jobs:\n  a:\n    executor: c\n    retries:\n      max_retries: 2\n",
    }


def test_loggers_of_the_base_environment_are_not_lost_where_a_job_of_another_one_writes_one_out(convert):
    base = "loggers: {all: {log_level: INFO}}\n"
    conf = {"dagster.yml": base, "prod/dagster.yml": "jobs:\n  a:\n    loggers: [all, {log_level: error}]\n"}
    changes, _ = convert(conf)
    assert list(changes) == ["conf/prod/dagster.yml"]
    found = yaml.safe_load(changes["conf/prod/dagster.yml"])
    assert found["loggers"] == {"all": {"log_level": "INFO"}, "a_logger": {"log_level": "ERROR"}}
    assert found["jobs"]["a"]["loggers"] == ["all", "a_logger"]


@pytest.mark.parametrize(("assets", "told"), [("", ["definitions.py:5"]), ("assets: {key_prefix: [local]}", [])])
def test_other_asset_keys_are_said_unless_there_is_a_prefix(convert, assets, told):
    _, found = convert({"dagster.yml": assets}, {"definitions.py": DEFINITIONS})
    assert [problem.source for problem in found.by_hand if problem.path == "assets.key_prefix"] == told


def test_names_begin_with_the_environment_of_the_folder_or_else_of_the_definitions(convert):
    conf = {"dagster.yml": "jobs: {a: {schedule: x}}\n", "prod/dagster.yml": "jobs: {b: {}}\n"}
    _, found = convert(conf, {"definitions.py": DEFINITIONS})
    assert found.renamed == {"local__a": "a", "prod__b": "b"}
    assert found.stopped == {"a_x_schedule": "x"}


def test_what_names_kedro_dagster_elsewhere_is_listed_with_its_line(convert):
    conf = {
        "parameters.yml": "# kedro_dagster\na: kedro_dagster.x\n",
        "catalog.yml": "raw:\n  type: kedro_dagster.Other\n",
    }
    conf["local/credentials.yml"] = "db: kedro_dagster:hunter2"
    files = {"dg.toml": "", "requirements.txt": "kedro\nkedro-dagster>=0.8\nkedro_dagster_more\n"}
    changes, found = convert(conf, files)
    assert changes == {}
    assert [problem.source for problem in found.by_hand] == [
        "conf/base/catalog.yml:2",
        "conf/base/parameters.yml:2",
        "dg.toml:1",
        "requirements.txt:2",
    ]


def test_a_file_that_cannot_be_edited_stops_the_conversion(convert):
    partition = "partition: {type: DynamicPartitionsDefinition, name: p}"
    catalog = f"_x: &x\n  {partition}\ny:\n  <<: *x\n  type: kedro_dagster.DagsterPartitionedDataset\n"
    with pytest.raises(ProjectError, match=r"^conf/base/catalog\.yml:3: 'y' cannot be converted in place"):
        convert({"catalog.yml": catalog})


def test_a_file_is_replaced_as_a_whole_and_keeps_its_permissions(tmp_path):
    path = tmp_path / "a.yml"
    path.write_bytes(b"a: 1\r\n")
    path.chmod(0o640)
    before = path.stat().st_ino
    Change(path, "a.yml", "a: 1\r\n", "a: é\r\n").write()
    assert path.read_bytes() == "a: é\r\n".encode()
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.stat().st_ino != before
    assert [file.name for file in tmp_path.iterdir()] == ["a.yml"]


def test_a_diff_names_the_file_and_the_lines(tmp_path):
    assert list(Change(tmp_path, "conf/a.yml", "a: 1\nb: 2\n", "a: 1\nb: 3\n").diff()) == [
        "--- a/conf/a.yml",
        "+++ b/conf/a.yml",
        "@@ -1,2 +1,2 @@",
        " a: 1",
        "-b: 2",
        "+b: 3",
    ]
