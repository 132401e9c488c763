"""Tags of runs and of steps: what Dagster takes, and what executors can read of those that they know."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property, partial
from itertools import starmap
from typing import Any

import dagster as dg
from attrs import field, frozen

from kedro_assets._internals import dagster_config
from kedro_assets.errors import Scope, suggest
from kedro_assets.project import Project
from kedro_assets.redaction import Redactor, says_secret

_NO_SECRET = "Let the process get it from its environment, for example with `env_secrets` of the executor `k8s`."  # noqa: S105 - a hint

_LEADS_TO_ONE = re.compile(r"_(?:FILE|PATH|DIR|NAME|ARN|ID)=|=\$\(\w+\)$")
"""A variable that says where a secret is, or takes it from another variable of the container."""


@frozen(slots=False)
class TagReader:
    """Reads tags as Dagster keeps them: a text as it is, any other value as JSON.

    Attributes:
        project: Its project, which knows its secrets.
        of_runs: Whether they are those of runs; then keys may be such as Dagster warns of.
        credentials: The project's credentials, where they are read.
    """

    project: Project | None = None
    of_runs: bool = False
    credentials: Mapping[str, Any] = field(factory=dict, eq=False, repr=False)

    @cached_property
    def redactor(self) -> Redactor:
        """What knows the secrets."""
        if self.project is None:
            return Redactor()
        if not self.credentials:
            return self.project.own_redactor
        return self.project.redactor(self.credentials, self.project.runtime_params)

    def read(self, tags: Mapping[str, Any], scope: Scope) -> dict[str, str]:
        """Return the tags that fit, as texts that are the same for the same values.

        Args:
            tags: Their values by key.
            scope: Their place; collects what Dagster refuses, what its executors cannot read, and secrets.
        """
        found = {key: self._read(key, value, scope.at(key)) for key, value in tags.items()}
        return {key: text for key, text in found.items() if text is not None}

    def _read(self, key: Any, value: Any, scope: Scope) -> str | None:
        refused = list(self._refused(key, value))
        for path, found, hint in refused:
            scope.at(*path).add(found, hint)
        if refused:
            return None
        return value if isinstance(value, str) else json.dumps(value, sort_keys=True)

    def _refused(self, key: Any, value: Any) -> Iterator[tuple[list[Any], str, str]]:
        """Yield what is wrong with a tag: where in its value, what, and what to do."""
        if not isinstance(key, str):
            yield [], f"the key {key!r} is not a string.", "Tags have strings as keys."
        elif value is None:
            yield [], "this tag has no value.", "Write a value, or an empty string as `''`."
        elif not _is_kept(value):
            found = "Dagster does not allow this value, as it would not be the same after it was written as JSON."
            yield [], found, "Use strings, numbers, true and false, lists, and mappings whose keys are strings."
        elif not self.of_runs and not _is_key(key):
            hint = "Write up to 63 letters, digits, `_`, `-` and `.`, and before them, if you like, a namespace of such and a `/`."
            yield [], f"Dagster does not allow '{key}' as the key of a tag.", hint
        elif self._is_secret(value):
            yield [], "this value contains a secret, and everyone who sees Dagster's UI sees tags.", _NO_SECRET
        elif key in (known := _KNOWN_OF_RUNS if self.of_runs else _KNOWN):
            for path, found, allowed in known[key](value):
                yield path, found, suggest(str(path[-1]), allowed) if allowed else ""

    def _is_secret(self, value: Any) -> bool:
        """Whether a secret is in a value, or a variable whose name says so has its value beside it.

        That is as in `env` of a container, or in `env_vars` of Ray's `runtime_env`.
        """
        if isinstance(value, Mapping):
            variables = value.get("env_vars")
            named = {value.get("name"): value.get("value")} if isinstance(value.get("name"), str) else {}
            named |= variables if isinstance(variables, Mapping) else {}
            return any(starmap(_is_secret_variable, named.items())) or any(map(self._is_secret, value.values()))
        if isinstance(value, list):
            return any(map(self._is_secret, value))
        return not isinstance(value, bool) and self.redactor.text(str(value)) != str(value)


def _is_secret_variable(name: Any, text: Any) -> bool:
    if not isinstance(name, str) or not isinstance(text, str) or not text:
        return False
    return says_secret(name) and not _LEADS_TO_ONE.search(f"{name}={text}")


def _is_kept(value: Any) -> bool:
    """Whether Dagster takes a value for a tag."""
    try:
        dg.GraphDefinition("probe", tags={"tag": value})
    except dg.DagsterInvalidDefinitionError:
        return False
    return True


def _is_key(key: str) -> bool:
    """Whether Dagster takes a key for a tag, and does not warn of it."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        dg.GraphDefinition("probe", tags={key: ""})
    return not warned


Refused = Iterator[tuple[list[Any], str, Collection[str]]]
"""Places in a value, with what is wrong there and what is allowed."""


def _whole_number(value: Any) -> Refused:
    try:
        fits = not isinstance(value, bool | float) and str(int(value)) == str(value)
    except (TypeError, ValueError):
        fits = False
    if not fits:
        yield [], f"expected a whole number, found {_shown(value)}.", ()


def _name(value: Any) -> Refused:
    if not isinstance(value, str) or not value.strip():
        yield [], f"expected the name of a queue, found {_shown(value)}.", ()


def _numbers(value: Any) -> Refused:
    value = _parsed(value)
    if not isinstance(value, dict):
        yield [], f"expected a mapping of numbers, found {_shown(value)}.", ()
        return
    for name, number in value.items():
        if isinstance(number, bool) or not isinstance(number, int | float):
            yield [name], f"expected a number, found {_shown(number)}.", ()


def _mapping_that(refused: Callable[[dict[str, Any]], Refused]) -> Callable[[Any], Refused]:
    """Return what finds the places in a value that is a mapping, by what finds them in mappings."""

    def refused_of(value: Any) -> Refused:
        value = _parsed(value)
        if isinstance(value, dict):
            yield from refused(value)
        else:
            yield [], f"expected a mapping, found {_shown(value)}.", ()

    return refused_of


def _parsed(value: Any) -> Any:
    """Return the value of a tag, which may be written as JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _shown(value: Any) -> str:
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)


_KNOWN: Mapping[str, Callable[[Any], Refused]] = {
    "dagster/priority": _whole_number,
    "dagster-celery/priority": _whole_number,
    "dagster-celery/run_priority": _whole_number,
    "dagster-celery/queue": _name,
    "dagster-dask/resource_requirements": _numbers,
    **{
        key: _mapping_that(partial(dagster_config.refused_by_kubernetes, key))
        for key in ("dagster-k8s/config", "dagster-k8s/resource_requirements")
    },
    "dagster-ray/config": _mapping_that(partial(dagster_config.refused_by_ray, of_run=False)),
}
"""The tags of steps that Dagster and executors read, each with what finds in a value what they could not read."""

_KNOWN_OF_RUNS: Mapping[str, Callable[[Any], Refused]] = {
    **_KNOWN,
    "dagster-ray/config": _mapping_that(partial(dagster_config.refused_by_ray, of_run=True)),
}
"""The same of runs, which run launchers read."""
