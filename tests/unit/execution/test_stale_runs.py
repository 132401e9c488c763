"""What a run of a job with `only: stale` leaves out; runs on disk are in tests/integration/test_stale_jobs.py."""

from types import SimpleNamespace

import dagster as dg
import pytest
from attrs import evolve

from kedro_assets._internals.dagster_executors import ExecutedRun
from kedro_assets.execution import stale_runs
from kedro_assets.execution.stale_runs import assets_to_make
from kedro_assets.runtime import IF_CHANGED_TAG, STALE_TAG, StaleAsset
from unit.builders import make_node
from unit.records import definitions_of, make_kedro

NODES = [make_node("a", ["raw"], ["x"]), make_node("b", ["x"], ["y"])]
X, Y = dg.AssetKey("x"), dg.AssetKey("y")


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture
def stale(monkeypatch):
    """The assets that are not up to date, as they are said to be, and what was asked."""
    found, asked = {}, []

    def stale_assets(project, keys, instance, partition, run, runtime_params):
        asked.append((set(keys), partition, run))
        return {key: found[key] for key in (X, Y) if key in found and key in keys}

    monkeypatch.setattr(stale_runs, "stale_assets", stale_assets)
    monkeypatch.setattr(stale_runs, "read_credentials", lambda *_: {"token": "s3cr3t-token"})
    return SimpleNamespace(found=found, asked=asked)


class Log:
    def __init__(self):
        self.lines = []

    def info(self, text):
        self.lines.append(text)

    warning = info


def decided(instance, *, only=True, resumed=False, tags=None, steps=None, **options):
    """Decide for a run of everything, and return the assets, the tags and the log of the run."""
    kedro = make_kedro(NODES, files=["x", "y"], **options)
    definitions = definitions_of(kedro)
    job = definitions.resolve_implicit_global_asset_job_def()
    kedro = evolve(kedro, stale_jobs={job.name} if only else set())
    run, log = instance.create_run_for_job(job, tags=tags), Log()
    asked = run._replace(step_keys_to_execute=steps) if steps else run
    found = assets_to_make([kedro], ExecutedRun(asked, job, None, instance, log, resumed, raises=False))
    return found, instance.get_run_by_id(run.run_id).tags, log.lines


def test_another_job_makes_all_that_is_selected(instance, stale):
    found, tags, _ = decided(instance, only=False)
    assert (found, STALE_TAG in tags, stale.asked) == (None, False, [])


def test_the_assets_that_are_made_are_written_down_with_the_reasons(instance, stale):
    stale.found.update({X: StaleAsset(["never made"]), Y: StaleAsset(["'x' is made again"], follows=True)})
    found, tags, log = decided(instance)
    assert found == {X, Y}
    assert (tags[STALE_TAG], tags[IF_CHANGED_TAG]) == ('["x", "y"]', '["y"]')
    assert log == ["2 assets to make:\nx: never made\ny: 'x' is made again"]


def test_secrets_in_the_reasons_are_masked(instance, stale):
    stale.found[X] = StaleAsset(["there are no files at https://s3cr3t-token@host/x.json"])
    _, _, [line] = decided(instance)
    assert "s3cr3t-token" not in line


def test_where_nothing_is_to_be_made_that_is_said(instance, stale):
    found, tags, log = decided(instance)
    assert (found, tags[STALE_TAG]) == (set(), "[]")
    assert log == ["Everything is up to date: there is nothing to make."]


def test_only_the_assets_of_the_steps_of_the_run_are_looked_at(instance, stale):
    decided(instance, steps=["b"])
    [(keys, partition, run)] = stale.asked
    assert (keys, partition, bool(run)) == ({Y}, None, True)


def test_a_process_that_goes_on_with_a_run_does_not_decide_again(instance, stale):
    stale.found[Y] = StaleAsset(["never made"])
    found, _, _ = decided(instance, resumed=True, tags={STALE_TAG: '["x"]'})
    assert (found, stale.asked) == ({X}, [])
    found, _, _ = decided(instance, resumed=True)
    assert found == {Y}


@pytest.mark.parametrize(("only", "now"), [(True, "[]"), (False, "")], ids=["of the same kind", "of another kind"])
def test_the_decision_of_the_run_before_does_not_hold(only, now, instance, stale):
    tags = {STALE_TAG: '["x"]', IF_CHANGED_TAG: '["x"]'}
    found, tags, _ = decided(instance, only=only, tags=tags)
    assert found == (set() if only else None)
    assert tags[STALE_TAG] == now
    assert tags[IF_CHANGED_TAG] == ("[]" if only else '["x"]')
