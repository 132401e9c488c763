"""A configuration file while it is converted: what it is to hold, and what is left to its author."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from attrs import define, field

from kedro_assets.convert.yaml_edits import EditError, edited
from kedro_assets.errors import Problem, ProjectError, Scope
from kedro_assets.project import ConfigFile


@define(eq=False)
class Draft:
    """One file.

    Attributes:
        file: As it is.
        wanted: What it is to hold; it begins as what it holds.
        scope: Collects what is left to its author, with the line in the file as it is.
    """

    file: ConfigFile
    wanted: dict[str, Any] = field(init=False)
    scope: Scope = field(factory=Scope, init=False)

    def __attrs_post_init__(self) -> None:
        self.wanted = deepcopy(dict(self.file.data))
        self.scope.locate_with(self.file.locate)

    @property
    def text(self) -> str:
        """The file's text as it is to be.

        Raises:
            ProjectError: If the file cannot be edited, with its line.
        """
        if self.wanted == self.file.data:
            return self.file.text
        if self.file.path.suffix == ".json":
            msg = f"{self.file.shown}:1: a JSON file is not converted. Write it as YAML, and call the command again."
            raise ProjectError(msg)
        try:
            return edited(self.file.text, self.wanted)
        except EditError as error:
            msg = (
                f"{self.file.locate((error.key,))}: '{error.key}' cannot be converted in place, as a part of it comes from an "
                "alias (`*name` or `<<`). Write it out, and call the command again."
            )
            raise ProjectError(msg) from error

    @property
    def problems(self) -> list[Problem]:
        """What is left to the file's author."""
        return list(self.scope)
