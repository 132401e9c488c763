"""The settings of kedro-mlflow's hook in a step; tests/integration/test_mlflow.py compares them with `kedro run`."""

import dis
from types import SimpleNamespace

import pytest
from kedro.io import DataCatalog

from kedro_assets._internals import kedro_mlflow


class OfTheProject:
    """A hook with the names of kedro-mlflow's."""

    _is_mlflow_enabled = True
    run_id = "own"


@pytest.fixture
def hook():
    module = pytest.importorskip("kedro_mlflow.framework.hooks.mlflow_hook", reason="`nox -s plugins` installs it")
    hook = module.MlflowHook()
    flat = SimpleNamespace(flatten=True, recursive=False, sep="-")
    params = SimpleNamespace(dict_params=flat, long_params_strategy="tag")
    hook.mlflow_config = SimpleNamespace(tracking=SimpleNamespace(params=params))
    return hook


def test_other_hooks_are_left_alone():
    hook = OfTheProject()
    kedro_mlflow.go_on([hook], DataCatalog({}), None)
    assert vars(hook) == {}


def test_the_hook_gets_the_settings_of_its_configuration(hook):
    kedro_mlflow.go_on([OfTheProject(), hook], DataCatalog({}), "one")
    assert (hook._is_mlflow_enabled, hook.run_id, hook.long_params_strategy) == (True, "one", "tag")
    assert (hook.flatten, hook.recursive, hook.sep) == (True, False, "-")


def test_what_before_pipeline_run_sets_is_what_is_set_here(hook):
    instructions = dis.get_instructions(type(hook).before_pipeline_run)
    theirs = {each.argval for each in instructions if each.opname == "STORE_ATTR"}
    assert theirs == {"_is_mlflow_enabled", "run_id", "flatten", "recursive", "sep", "long_params_strategy"}


def test_where_no_run_was_started_nothing_is_tracked(hook):
    metrics = pytest.importorskip("kedro_mlflow.io.metrics")
    catalog = DataCatalog({"margin": metrics.MlflowMetricDataset(key="margin")})
    kedro_mlflow.go_on([hook], catalog, None)
    assert (hook._is_mlflow_enabled, catalog["margin"]._logging_activated) == (False, False)
