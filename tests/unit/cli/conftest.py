"""What is said of the automation of a project."""

import pytest

from kedro_assets.cli.automation import Automation
from kedro_assets.cli.idle import idle_notes
from kedro_assets.cli.loops import loop_notes
from unit.cli.automated import CHAIN, file


@pytest.fixture
def notes_of(translate_project):
    """Return what is said of a project, by the conditions of its datasets."""

    def notes(pipelines=CHAIN, dagster="", catalog="", **conditions):
        names = ("raw", "x", "y", "z")
        entries = "".join(file(name, conditions.get(name, "")) for name in names if f"\n{name}:" not in f"\n{catalog}")
        conf = {"catalog.yml": catalog + entries, "dagster.yml": dagster}
        return [*idle_notes(found := Automation(translate_project(pipelines, conf=conf))), *loop_notes(found)]

    return notes
