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

from kedro_assets._internals import dagster_assets, dagster_config
from kedro_assets.errors import Scope, suggest

Condition = dg.AutomationCondition[Any]


def build_condition(raw: object, scope: Scope) -> Condition | None:
    """Build an automation condition; None if there is none, or if it does not fit, which is reported.

    Args:
        raw: What the catalog has.
        scope: Its place in the catalog.

    Examples:
        >>> build_condition("eager", Scope()).get_label()
        'eager'
    """
    if raw is None:
        return None
    known = {**_constructors(dg.AutomationCondition), **_OPERATORS}
    example = "`eager`, or `on_cron: '0 6 * * *'` with an argument"
    condition: Condition | None = _Reader(known, "automation condition", example).read(raw, scope)
    return condition


def build_freshness(raw: object, scope: Scope) -> dg.FreshnessPolicy | None:
    """Build a freshness policy; None if there is none, or if it does not fit, which is reported."""
    if raw is None:
        return None
    known, example = _constructors(dg.FreshnessPolicy), "`time_window: {fail_window: 24h}`"
    policy: dg.FreshnessPolicy | None = _Reader(known, "freshness policy", example).read(raw, scope)
    return policy


def placed_condition(condition: Condition, external: Sequence[dg.AssetSpec], *, virtual: bool) -> Condition:
    """Fit a condition to what its asset depends on.

    It looks through virtual assets to what is behind them. `on_cron` does not wait for external datasets that nothing
    observes on a condition of their own: for Dagster they would never be updated, and it would never fire.

    Args:
        condition: The condition.
        external: What the asset depends on and no node makes.
        virtual: Whether it depends on virtual assets.
    """
    silent = [spec.key for spec in external if spec.automation_condition is None]
    found: Any = condition
    if silent and dagster_assets.condition_label(condition).startswith("on_cron"):
        found = found.ignore(dg.AssetSelection.assets(*silent))
    fitted: Condition = (
        found.resolve_through_virtual() if virtual and hasattr(found, "resolve_through_virtual") else found
    )
    return fitted


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
    """Return the constructors that a class of Dagster's has beside `__init__`, by name."""
    return {name: getattr(cls, name) for name, member in vars(cls).items() if isinstance(member, staticmethod)}


class _RefusedError(Exception):
    """What is at a place does not fit; it is reported."""


def _refused(scope: Scope, found: str, hint: str) -> _RefusedError:
    scope.add(found, hint)
    return _RefusedError()


@frozen
class _Reader:
    """Turns names with arguments into calls.

    Attributes:
        known: What may be called, by name.
        what: What it makes, for messages.
        example: How one is written, for messages.
    """

    known: Mapping[str, Callable[..., Any]]
    what: str
    example: str

    def read(self, raw: object, scope: Scope) -> Any:
        """Return what is written at a place; None if it does not fit, which is reported."""
        try:
            return self._call(raw, scope)
        except _RefusedError:
            return None

    def _call(self, raw: object, scope: Scope) -> Any:
        if isinstance(raw, dict) and len(raw) == 1:
            [(name, given)] = raw.items()
            inside = scope.at(str(name))
        elif isinstance(raw, str):
            name, given, inside = raw, None, scope
        else:
            found = f"expected one {self.what}, alone or with its arguments."
            raise _refused(scope, found, f"Write it as in {self.example}.")
        if name not in self.known:
            raise _refused(inside, f"Dagster has no {self.what} '{name}'.", suggest(str(name), self.known))
        function = self.known[name]
        arguments = self._arguments(inspect.signature(function).parameters, given, inside)
        try:
            return function(**arguments)
        except (dagster_config.CHECK_ERROR, dg.DagsterError, TypeError, ValueError, OverflowError) as error:
            raise _refused(
                inside, f"Dagster rejects these arguments: {error}", f"See `{name}` in Dagster's reference."
            ) from None

    def _arguments(self, parameters: Mapping[str, inspect.Parameter], given: object, scope: Scope) -> dict[str, Any]:
        """Read the arguments of a call: all by name, or the first alone."""
        first = next(iter(parameters), None)
        by_name = given if isinstance(given, dict) else {}
        alone = isinstance(given, (str, list)) or (
            isinstance(given, dict) and first is not None and _is_condition(parameters[first]) and first not in given
        )
        if alone and first is not None:
            return {first: self._argument(parameters[first], given, scope)}
        if given is not None and not isinstance(given, dict):
            expected = "arguments by name" if parameters else "no arguments"
            hint = f"Allowed: {', '.join(parameters)}." if parameters else "Write the name alone."
            raise _refused(scope, f"expected {expected}, found {given!r}.", hint)
        found, fits = {}, True
        for name, value in by_name.items():
            if name not in parameters:
                scope.at(name).add(f"unknown argument '{name}'.", suggest(str(name), parameters))
                fits = False
                continue
            try:
                found[name] = self._argument(parameters[name], value, scope.at(name))
            except _RefusedError:
                fits = False
        for name, parameter in parameters.items():
            if parameter.default is parameter.empty and name not in by_name:
                scope.at(name).add("this required argument is missing.", "Add it.")
                fits = False
        if not fits:
            raise _RefusedError
        return found

    def _argument(self, parameter: inspect.Parameter, value: Any, scope: Scope) -> Any:
        kind = str(parameter.annotation)
        if _is_condition(parameter):
            return self._operands(value, scope) if "Sequence" in kind else self._call(value, scope)
        if "timedelta" in kind:
            duration = read_duration(value) if isinstance(value, str) else None
            if duration is None:
                raise _refused(scope, f"{value!r} is not a duration.", "Write it as in `30m`, `24h` or `1d12h`.")
            return duration
        if parameter.name.endswith("timezone"):
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, OSError, ValueError, TypeError):
                raise _refused(scope, f"{value!r} is not a time zone.", "Write it as in `Europe/Berlin`.") from None
        if "AssetKey" in kind and isinstance(value, str):
            return dg.AssetKey.from_user_string(value)
        return set(value) if ".Set[" in kind and isinstance(value, list) else value

    def _operands(self, value: object, scope: Scope) -> list[Any]:
        if not isinstance(value, list) or not value:
            raise _refused(scope, "expected a list of at least one condition.", "Write each condition after a dash.")
        found = [self.read(item, scope.at(position)) for position, item in enumerate(value)]
        if None in found:
            raise _RefusedError
        return found


def _is_condition(parameter: inspect.Parameter) -> bool:
    return "Condition" in str(parameter.annotation)
