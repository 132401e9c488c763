"""The errors of kedro-assets: one base class, and what was found as data on the instance."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator

from attrs import frozen


class KedroAssetsError(Exception):
    """Base class of every error that kedro-assets raises on purpose."""


class ProjectError(KedroAssetsError):
    """The Kedro project cannot be found, imported or read."""


class StepError(KedroAssetsError):
    """A step of the run failed in a process whose exception object is gone.

    Args:
        step_key: Dagster's key of the failed step.
        cause: The error as Dagster recorded it, with its traceback.
    """

    def __init__(self, step_key: str, cause: str) -> None:
        self.step_key = step_key
        self.cause = cause
        super().__init__(f"Step '{step_key}' failed: {cause}")


class RunError(KedroAssetsError):
    """A run failed outside of its steps, and its own process is gone.

    Args:
        run_id: Dagster's id of the run.
        cause: What Dagster recorded.
    """

    def __init__(self, run_id: str, cause: str) -> None:
        self.run_id = run_id
        self.cause = cause
        super().__init__(f"Run '{run_id}' failed: {cause}")


class InMemoryDataError(KedroAssetsError):
    """An in-memory dataset cannot be handed from one step to another."""


class PartitionError(KedroAssetsError):
    """A run has no partition where it needs one, or a node gives partitions that its run does not make."""


Path = tuple[str | int, ...]
"""A place in a configuration, such as `("jobs", "daily", "schedule", 0)`."""


@frozen
class Problem:
    """One thing that is wrong in a project's configuration.

    Attributes:
        path: Where in the configuration, such as `jobs.daily.schedule`.
        found: What is wrong there, one sentence.
        hint: What is allowed, or what to do.
        source: File and line, such as `conf/base/dagster.yml:12`; empty if the value is in no file.
    """

    path: str
    found: str
    hint: str = ""
    source: str = ""

    def __str__(self) -> str:
        place = f"{self.source}  {self.path}" if self.source else self.path
        return f"{place}: {self.found}" + (f"\n    {self.hint}" if self.hint else "")


class ConfigError(KedroAssetsError):
    """Everything that is wrong in a project's configuration, reported at once.

    Args:
        problems: At least one problem, in the order in which they are reported.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{count} problem{'s' if count > 1 else ''} in the project's configuration:"
        super().__init__("\n".join([head, *(f"  {problem}".replace("\n", "\n  ") for problem in self.problems)]))


class Problems:
    """Collects problems over all stages, so that they are reported together.

    Attributes:
        locate: Gives the file and line of a path, or an empty text; set once the configuration's files are known.
    """

    def __init__(self) -> None:
        self.locate: Callable[[Path], str] = lambda _: ""
        self._problems: dict[tuple[Path, str], Problem] = {}

    def add(self, path: Path, found: str, hint: str = "") -> None:
        """Note one problem and go on; the same one is noted once."""
        self._problems.setdefault((path, found), Problem(dotted(path), found, hint, self.locate(path)))

    def at(self, *path: str | int) -> bool:
        """Say whether a problem was noted at a path or below it."""
        return any(noted[: len(path)] == path for noted, _ in self._problems)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._problems.values())

    def __len__(self) -> int:
        return len(self._problems)

    def raise_if_any(self) -> None:
        """Raise a `ConfigError` with every problem noted so far.

        Raises:
            ConfigError: If there is any.
        """
        if self._problems:
            raise ConfigError(self._problems.values())


def dotted(path: Path) -> str:
    """Write a path as users do.

    Examples:
        >>> dotted(("jobs", "daily", "schedule", 0, "cron_schedule"))
        'jobs.daily.schedule[0].cron_schedule'
    """
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else str(key)
    return text


def suggest(name: str, allowed: Iterable[str]) -> str:
    """Say which names are allowed, nearest match first.

    Examples:
        >>> suggest("nigthly", ["nightly", "weekly"])
        "Did you mean 'nightly'? Allowed: nightly, weekly."
        >>> suggest("x", [])
        'None is defined.'
    """
    names = sorted(map(str, allowed))
    if not names:
        return "None is defined."
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    nearest = difflib.get_close_matches(name, names, n=1)
    return (f"Did you mean '{nearest[0]}'? " if nearest else "") + f"Allowed: {shown}."
