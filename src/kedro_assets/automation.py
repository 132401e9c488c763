"""Automation conditions and freshness policies of the catalog, in Dagster's own names.

What may stand there is read from Dagster's classes: `on_cron: {cron_schedule: "0 6 * * *"}` is
`AutomationCondition.on_cron(cron_schedule="0 6 * * *")`, so whatever the installed Dagster has can be written.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import reduce
from operator import and_, or_
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dagster as dg
from attrs import frozen

from kedro_assets import _private
from kedro_assets.errors import Path, Problems, suggest

Condition = dg.AutomationCondition[Any]


def build_condition(raw: object, where: Path, problems: Problems) -> Condition | None:
    """Build an automation condition; None if there is none, or if it does not fit, which is reported.

    Args:
        raw: What the catalog has.
        where: Its place in the catalog.
        problems: Collects what does not fit.

    Examples:
        >>> build_condition("eager", (), Problems()).get_label()
        'eager'
    """
    known = {**_constructors(dg.AutomationCondition), **_OPERATORS}
    condition: Condition | None = _Reader(known, problems).read(raw, where)
    return condition


def build_freshness(raw: object, where: Path, problems: Problems) -> dg.FreshnessPolicy | None:
    """Build a freshness policy; None if there is none, or if it does not fit, which is reported."""
    policy: dg.FreshnessPolicy | None = _Reader(_constructors(dg.FreshnessPolicy), problems).read(raw, where)
    return policy


def read_duration(text: str) -> timedelta | None:
    """Read a duration; None if it is none.

    Examples:
        >>> read_duration("1d12h"), read_duration("90m"), read_duration("soon")
        (datetime.timedelta(days=1, seconds=43200), datetime.timedelta(seconds=5400), None)
    """
    found = re.fullmatch(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text)
    if found is None or not text:
        return None
    days, hours, minutes, seconds = (int(number or 0) for number in found.groups())
    try:
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        return None


def _all_of(operands: Sequence[Condition]) -> Condition:
    return reduce(and_, operands)


def _any_of(operands: Sequence[Condition]) -> Condition:
    return reduce(or_, operands)


def _not(condition: Condition) -> Condition:
    return ~condition


def _since(trigger_condition: Condition, reset_condition: Condition) -> Condition:
    return trigger_condition.since(reset_condition)


def _newly_true(condition: Condition) -> Condition:
    return condition.newly_true()


def _since_last_handled(condition: Condition) -> Condition:
    return condition.since_last_handled()


_OPERATORS: Mapping[str, Callable[..., Condition]] = {
    "all_of": _all_of,
    "any_of": _any_of,
    "not": _not,
    "since": _since,
    "newly_true": _newly_true,
    "since_last_handled": _since_last_handled,
}


def _constructors(cls: type) -> dict[str, Callable[..., Any]]:
    """Give the constructors that a class of Dagster's has beside `__init__`, by name."""
    return {name: getattr(cls, name) for name, member in vars(cls).items() if isinstance(member, staticmethod)}


class _MisfitError(Exception):
    """What stands at a place does not fit; it is reported."""


@frozen
class _Reader:
    """Turns names with arguments into calls."""

    known: Mapping[str, Callable[..., Any]]
    problems: Problems

    def read(self, raw: object, where: Path) -> Any:
        if raw is None:
            return None
        try:
            return self._call(raw, where)
        except _MisfitError:
            return None

    def _misfit(self, where: Path, found: str, hint: str) -> _MisfitError:
        self.problems.add(where, found, hint)
        return _MisfitError()

    def _call(self, raw: object, where: Path) -> Any:
        if isinstance(raw, dict) and len(raw) == 1:
            [(name, given)] = raw.items()
            inside: Path = (*where, str(name))
        elif isinstance(raw, str):
            name, given, inside = raw, None, where
        else:
            hint = "Write a name, such as `eager`, or one name with its arguments, such as `on_cron: '0 6 * * *'`."
            raise self._misfit(where, "this is no condition or policy of Dagster's.", hint)
        if name not in self.known:
            raise self._misfit(inside, f"Dagster has no '{name}'.", suggest(str(name), self.known))
        function = self.known[name]
        arguments = self._arguments(inspect.signature(function).parameters, given, inside)
        try:
            return function(**arguments)
        except (_private.CHECK_ERROR, dg.DagsterError, TypeError, ValueError, OverflowError) as error:
            raise self._misfit(
                inside, f"Dagster refuses it: {error}", f"See `{name}` in Dagster's reference."
            ) from None

    def _arguments(self, parameters: Mapping[str, inspect.Parameter], given: object, where: Path) -> dict[str, Any]:
        """Read the arguments of a call: all by name, or the first alone."""
        first = next(iter(parameters), None)
        by_name = given if isinstance(given, dict) else {}
        alone = isinstance(given, (str, list)) or (
            isinstance(given, dict) and first is not None and _is_condition(parameters[first]) and first not in given
        )
        if alone and first is not None:
            return {first: self._argument(parameters[first], given, where)}
        if given is not None and not isinstance(given, dict):
            allowed = f"Its arguments are: {', '.join(parameters)}." if parameters else "It takes no arguments."
            raise self._misfit(where, f"{given!r} stands here.", allowed)
        found, fits = {}, True
        for name, value in by_name.items():
            if name not in parameters:
                self.problems.add((*where, name), f"unknown argument '{name}'.", suggest(str(name), parameters))
                fits = False
                continue
            try:
                found[name] = self._argument(parameters[name], value, (*where, name))
            except _MisfitError:
                fits = False
        for name, parameter in parameters.items():
            if parameter.default is parameter.empty and name not in by_name:
                self.problems.add((*where, name), "this required argument is missing.", "Add it.")
                fits = False
        if not fits:
            raise _MisfitError
        return found

    def _argument(self, parameter: inspect.Parameter, value: Any, where: Path) -> Any:
        kind = str(parameter.annotation)
        if _is_condition(parameter):
            return self._operands(value, where) if "Sequence" in kind else self._call(value, where)
        if "timedelta" in kind:
            duration = read_duration(value) if isinstance(value, str) else None
            if duration is None:
                raise self._misfit(where, f"{value!r} is no duration.", "Write it as in `30m`, `24h` or `1d12h`.")
            return duration
        if parameter.name.endswith("timezone"):
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, OSError, ValueError, TypeError):
                raise self._misfit(where, f"{value!r} is no time zone.", "Write it as in `Europe/Berlin`.") from None
        if "AssetKey" in kind and isinstance(value, str):
            return dg.AssetKey.from_user_string(value)
        return set(value) if ".Set[" in kind and isinstance(value, list) else value

    def _operands(self, value: object, where: Path) -> list[Any]:
        if not isinstance(value, list) or not value:
            raise self._misfit(where, "no list of conditions stands here.", "Write at least one, each behind a dash.")
        found = [self.read(item, (*where, position)) for position, item in enumerate(value)]
        if None in found:
            raise _MisfitError
        return found


def _is_condition(parameter: inspect.Parameter) -> bool:
    return "Condition" in str(parameter.annotation)
