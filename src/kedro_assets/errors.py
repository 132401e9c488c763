"""The errors of kedro-assets: one base class, and what was found as data on the instance."""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

from attrs import define, field, frozen


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
        is_told = cause.startswith(("Node '", "Step '"))  # which has failed, by the headline of the recorded error
        super().__init__(cause if is_told else f"Step '{step_key}' failed: {cause}")


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


class SelectionError(KedroAssetsError):
    """A run is to make some assets of which others would be made from older data than what the run itself makes."""


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


@define
class _Report:
    """The errors of a project's configuration, shared by all of its scopes.

    Attributes:
        locate: Returns the file and line of a path, or an empty text.
        found: What to do about each error, by its path and what was found there.
    """

    locate: Callable[[Path], str] = lambda _: ""
    found: dict[tuple[Path, str], str] = field(factory=dict)


class Scope:
    """A place in a project's configuration at which errors are reported.

    All scopes that are made from one share what is reported, so that all of it is raised together.

    Examples:
        >>> project = Scope()
        >>> job = project.at("jobs", "daily")
        >>> job.at("schedule").add("no schedule 'nigthly' is defined.", suggest("nigthly", ["nightly"]))
        >>> job.failed, project.at("executors").failed
        (True, False)
        >>> print(*project)
        jobs.daily.schedule: no schedule 'nigthly' is defined.
            Did you mean 'nightly'? Allowed: nightly.

    Attributes:
        path: The place; empty for the whole configuration.
    """

    def __init__(self, path: Path = (), report: _Report | None = None) -> None:
        self.path = path
        self._report = report or _Report()

    def at(self, *keys: str | int) -> Scope:
        """Return the scope of a place inside this one."""
        return Scope((*self.path, *keys), self._report)

    def add(self, found: str, hint: str = "") -> None:
        """Report an error here and go on; the same one is reported once.

        Args:
            found: What is wrong, one sentence.
            hint: What is allowed, or what to do.
        """
        self._report.found.setdefault((self.path, found), hint)

    @property
    def failed(self) -> bool:
        """Whether an error was reported here or further inside."""
        return any(self._holds(path) for path, _ in self._report.found)

    def locate_with(self, locate: Callable[[Path], str]) -> None:
        """Set what finds the file and the line of a path; it is asked when errors are shown, not when they are added."""
        self._report.locate = locate

    def _holds(self, path: Path) -> bool:
        return path[: len(self.path)] == self.path

    def __iter__(self) -> Iterator[Problem]:
        for (path, found), hint in self._report.found.items():
            if self._holds(path):
                yield Problem(dotted(path), found, hint, self._report.locate(path))

    def __len__(self) -> int:
        return sum(1 for path, _ in self._report.found if self._holds(path))

    def raise_if_any(self) -> None:
        """Raise a `ConfigError` with every error reported here and further inside.

        Raises:
            ConfigError: If there is any.
        """
        if self.failed:
            raise ConfigError(self)


def message(error: BaseException) -> str:
    """Return what an error says, or the name of its class where it says nothing or cannot.

    Examples:
        >>> message(ValueError("no such value")), message(ValueError())
        ('no such value', 'ValueError')
    """
    try:
        return str(error) or type(error).__name__
    except Exception:  # noqa: BLE001 - of the class that somebody has written
        return type(error).__name__


def dotted(path: Path) -> str:
    """Write a path as users do.

    Examples:
        >>> dotted(("jobs", "daily", "schedule", 0, "cron_schedule"))
        'jobs.daily.schedule[0].cron_schedule'
        >>> dotted(("jobs", "", "view"))  # a key that nobody sees
        "jobs[''].view"
    """
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        elif not str(key).isprintable() or str(key) != str(key).strip() or key == "":
            text += f"[{str(key)!r}]"
        else:
            text += f".{key}" if text else str(key)
    return text


def suggest(name: str, allowed: Iterable[str]) -> str:
    """Return which names are allowed, nearest match first.

    Examples:
        >>> suggest("nigthly", ["nightly", "weekly"])
        "Did you mean 'nightly'? Allowed: nightly, weekly."
        >>> suggest("x", [])
        'There is nothing to choose from.'
    """
    names = sorted(map(str, allowed))
    if not names:
        return "There is nothing to choose from."
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    nearest = difflib.get_close_matches(name, _alike(name, names), n=1)
    return (f"Did you mean '{nearest[0]}'? " if nearest else "") + f"Allowed: {shown}."


def _alike(name: str, names: Sequence[str]) -> Sequence[str]:
    """Return those of many names that share most with one: to compare all of them takes seconds in a long report."""
    if len(names) <= _MOST_ALIKE:
        return names
    own = _parts(name)
    return heapq.nlargest(
        _MOST_ALIKE, names, key=lambda other: len(own & _parts(other)) / (len(own) + len(_parts(other)) or 1)
    )


_MOST_ALIKE = 10


@lru_cache(maxsize=10_000)
def _parts(name: str) -> frozenset[str]:
    """Return the characters of a name, and the pairs of them."""
    return frozenset([*name, *(name[at : at + 2] for at in range(len(name) - 1))])
