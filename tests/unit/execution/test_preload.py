"""What the process knows from which steps are forked."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from kedro_assets.execution import forkserver

PROGRAM = """
import sys
import kedro_assets.execution.preload
print(*(name for name in sys.argv[1:] if name in sys.modules), sep="\\n")
"""


def imported_ahead(*modules, **variables):
    command = [sys.executable, "-c", PROGRAM, *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**environment(), **variables})
    return [line for line in done.stdout.splitlines() if line in modules]


def environment():
    return {name: value for name, value in os.environ.items() if not name.startswith("KEDRO_ASSETS_")}


def test_the_libraries_of_datasets_are_imported_and_a_missing_one_is_left_to_the_step():
    variables = {forkserver.DATASETS_VARIABLE: "nowhere.NoDataset json.JSONDataset shop.Dataset"}
    assert imported_ahead("kedro_datasets.json.json_dataset", **variables) == ["kedro_datasets.json.json_dataset"]
    assert imported_ahead("kedro_datasets.json.json_dataset") == []


def test_what_kedro_imports_for_a_run_is_there():
    assert imported_ahead("pandas", "kedro.framework.session") == ["pandas", "kedro.framework.session"]


def test_a_job_that_cannot_be_loaded_is_left_to_the_step():
    assert imported_ahead("kedro.io", **{forkserver.JOB_VARIABLE: '{"no": "job"}'}) == ["kedro.io"]


CONFIG_LOADERS = """
import warnings
from kedro.config import OmegaConfigLoader
if {ahead}:
    import kedro_assets.execution.preload
for _ in range(3):
    with warnings.catch_warnings():  # after it Python shows again what it has shown
        pass
    OmegaConfigLoader(".")
warnings.warn("of a node")
"""


@pytest.mark.parametrize("ahead", [False, True])
def test_steps_do_not_repeat_what_omegaconf_warns_kedro_of(ahead):
    command = [sys.executable, "-W", "default", "-c", CONFIG_LOADERS.format(ahead=ahead)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    shown = " ".join((done.stdout + done.stderr).split())
    assert shown.count("UserWarning: of a node") == 1
    repeated = shown.count("register_new_resolver() is deprecated")
    assert repeated in ((0,) if ahead else (0, 6))  # older versions of OmegaConf do not warn
