"""What the run's own process tells the process from which its steps are forked."""

import os
import subprocess
import sys

import dagster as dg
import pytest

from kedro_assets.execution import forkserver


def make_job():
    return dg.GraphDefinition("empty").to_job()


@pytest.fixture(autouse=True)
def told(monkeypatch):
    """Keep what is told to this test's own forkserver out of the other tests'."""
    monkeypatch.setenv(forkserver.JOB_VARIABLE, "")
    monkeypatch.setenv(forkserver.DATASETS_VARIABLE, "")


def test_the_forkserver_is_told_the_job_and_the_types_of_its_datasets():
    job = dg.reconstructable(make_job)
    forkserver.tell(job, ["json.JSONDataset", "MemoryDataset", "json.JSONDataset"])
    assert forkserver.job().name == job.get_definition().name
    assert forkserver.dataset_types() == ["MemoryDataset", "json.JSONDataset"]


def test_a_job_that_is_in_one_process_only_is_not_told():
    forkserver.tell(make_job(), [])
    assert (forkserver.job(), forkserver.dataset_types()) == (None, [])


def test_where_nothing_was_told_nothing_is_known(monkeypatch):
    monkeypatch.delenv(forkserver.JOB_VARIABLE)
    monkeypatch.delenv(forkserver.DATASETS_VARIABLE)
    assert (forkserver.job(), forkserver.dataset_types()) == (None, [])


def test_the_latest_run_is_the_one_that_is_told():
    forkserver.tell(dg.reconstructable(make_job), ["a.A"])
    forkserver.tell(make_job(), ["b.B"])
    assert (forkserver.job(), forkserver.dataset_types()) == (None, ["b.B"])


def test_what_is_told_reaches_a_process_that_is_started_afterwards():
    forkserver.tell(dg.reconstructable(make_job), ["a.A"])
    program = "from kedro_assets.execution import forkserver; print(forkserver.dataset_types())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.splitlines()[-1] == "['a.A']"
