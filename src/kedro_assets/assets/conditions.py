"""Automation conditions and freshness policies of the catalog, in Dagster's own names.

What may stand there is read from Dagster's classes: `on_cron: {cron_schedule: "0 6 * * *"}` is
`AutomationCondition.on_cron(cron_schedule="0 6 * * *")`, so whatever the installed Dagster has can be written. Further keys
are methods, as in Python's chain: `{eager: null, ignore: 'key:"rates"'}` is `eager().ignore(...)`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import reduce
from operator import and_, or_
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dagster as dg
from attrs import frozen

from kedro_assets._internals import dagster_assets, dagster_conditions, dagster_config, dagster_jobs
from kedro_assets.errors import Scope, suggest

Condition = dg.AutomationCondition[Any]


def build_condition(raw: object, scope: Scope, of: Literal["asset", "check", "job"] = "asset") -> Condition | None:
    """Build an automation condition; None if there is none, or if it does not fit, which is reported.

    Args:
        raw: What is written.
        scope: Its place.
        of: What it starts. A condition of a job says which of its assets are looked at, and only such a condition does.

    Examples:
        >>> build_condition("eager", Scope()).get_label()
        'eager'
        >>> build_condition({"eager": None, "with_label": "soon"}, Scope()).get_label()
        'soon'
    """
    if raw is None:
        return None
    example = "`eager`, or `on_cron: '0 6 * * *'` with an argument"
    condition: Condition | None = _Reader(_conditions(), "automation condition", example, methods_of).read(raw, scope)
    if condition is None or dagster_conditions.is_of_job(condition) == (of == "job"):
        return condition
    if of == "job":
        found = "a job has no data of its own, so its condition has to say which of its assets it looks at."
        hint = "Put the condition into `any_job_root_assets_match` or `all_job_root_assets_match`."
        known = "any_job_root_assets_match" in _conditions()
        scope.add(found, hint if known else "Give the assets of the job an `automation_condition` in the catalog.")
    else:
        scope.add(f"this is a condition of jobs, and cannot be one of {of}s.", "Write the condition inside it alone.")
    return None


def condition_words() -> Mapping[str, tuple[str, bool]]:
    """Return what a condition may be written with, each with what it is and whether it can stand alone.

    The methods are those of conditions that are made of others, which have all of them.
    """
    made = _conditions()
    found = {
        **made,
        **{name: method for name, method in methods_of(dg.AutomationCondition.eager()).items() if name not in made},
    }
    return {
        name: (_first_sentence(function), name in made and _stands_alone(function)) for name, function in found.items()
    }


def build_freshness(raw: object, scope: Scope) -> dg.FreshnessPolicy | None:
    """Build a freshness policy; None if there is none, or if it does not fit, which is reported."""
    if raw is None:
        return None
    known, example = _constructors(dg.FreshnessPolicy), "`time_window: {fail_window: 24h}`"
    policy: dg.FreshnessPolicy | None = _Reader(known, "freshness policy", example).read(raw, scope)
    return policy


def placed_condition(
    condition: Condition, external: Sequence[dg.AssetSpec], made_with: Sequence[dg.AssetKey] = (), *, virtual: bool
) -> Condition:
    """Fit a condition to what its asset is made from.

    It looks through virtual assets to what is behind them. It leaves out what is made anew whenever the asset is: to wait for it
    or to follow it would be to wait for the asset or to follow it, for ever. What waits for all updates since a cron tick,
    such as `on_cron`, does not wait for external datasets that nothing observes on a condition of their own: for Dagster they
    would never be updated, and it would never fire.

    Args:
        condition: The condition.
        external: What the asset depends on and no node makes.
        made_with: What the nodes make that hand data in memory to the asset's own, and so run with it.
        virtual: Whether it depends on virtual assets that it is to look through.
    """
    silent = [spec.key for spec in external if spec.automation_condition is None]
    found: Any = condition
    if silent:
        for part in dagster_conditions.parts(condition):
            if dagster_conditions.label(part).startswith("all_deps_updated_since_cron"):
                waiting: Any = part
                found = found.replace(part, waiting.ignore(dg.AssetSelection.assets(*silent)))
    if made_with and hasattr(found, "ignore"):
        found = found.ignore(dg.AssetSelection.assets(*made_with))
    fitted: Condition = (
        found.resolve_through_virtual() if virtual and hasattr(found, "resolve_through_virtual") else found
    )
    return fitted


def names_method(raw: object, method: str) -> bool:
    """Whether a condition as it is written calls a method anywhere.

    Examples:
        >>> names_method({"any_of": ["missing", {"eager": None, "resolve_through_virtual": False}]}, "resolve_through_virtual")
        True
    """
    if isinstance(raw, dict):
        return method in raw or any(names_method(value, method) for value in raw.values())
    return isinstance(raw, list) and any(names_method(item, method) for item in raw)


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
    """True where all of these conditions are."""
    return reduce(and_, operands)


def _any_of(operands: Sequence[Condition]) -> Condition:
    """True where one of these conditions is."""
    return reduce(or_, operands)


def _not(condition: Condition) -> Condition:
    """True where this condition is not."""
    return ~condition


def _since(trigger_condition: Condition, reset_condition: Condition) -> Condition:
    """True from when the trigger condition becomes true until the reset condition does."""
    return trigger_condition.since(reset_condition)


def _newly_true(condition: Condition) -> Condition:
    """True on the tick on which this condition becomes true."""
    return condition.newly_true()


def _since_last_handled(condition: Condition) -> Condition:
    """True from when this condition becomes true until its target is requested or updated."""
    return condition.since_last_handled()


_OPERATORS: Mapping[str, Callable[..., Condition]] = {
    "all_of": _all_of,
    "any_of": _any_of,
    "not": _not,
    "since": _since,
    "newly_true": _newly_true,
    "since_last_handled": _since_last_handled,
}


def _conditions() -> Mapping[str, Callable[..., Any]]:
    """Return what makes a condition, by name."""
    return {**_constructors(dg.AutomationCondition), **_OPERATORS}


_CHAINED = ("since", "newly_true", "since_last_handled")  # of every condition; overloads hide what they return


def methods_of(condition: Condition) -> Mapping[str, Callable[..., Any]]:
    """Return the public methods of a condition that make another one of it, by name.

    Examples:
        >>> sorted(methods_of(dg.AutomationCondition.missing()))
        ['newly_true', 'replace', 'since', 'since_last_handled', 'with_label']
    """
    constructors = _constructors(dg.AutomationCondition)
    found = {
        name
        for name, method in inspect.getmembers(type(condition), inspect.isfunction)
        if not name.startswith("_")
        and name not in constructors
        and re.search(r"(Condition|Self)\b", str(inspect.signature(method).return_annotation))
    }
    return {name: getattr(condition, name) for name in sorted({*found, *_CHAINED}) if hasattr(condition, name)}


def _first_sentence(function: Callable[..., Any]) -> str:
    text = " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
    return re.split(r"(?<=\.) ", text)[0]


def _stands_alone(function: Callable[..., Any]) -> bool:
    """Whether a call needs no arguments."""
    parameters = inspect.signature(function).parameters.values()
    return all(parameter.default is not parameter.empty for parameter in parameters)


def _no_methods(_: Any) -> Mapping[str, Callable[..., Any]]:
    return {}


def _constructors(cls: type) -> dict[str, Callable[..., Any]]:
    """Return the constructors that a class of Dagster's has beside `__init__`, by name."""
    return {name: getattr(cls, name) for name, member in vars(cls).items() if isinstance(member, staticmethod)}


_METHODS = {*methods_of(dg.AutomationCondition.eager())}
"""The methods of a condition that is made of others, which has all there are."""

_CHANGING = {
    "replace": "The parts of the condition are ",
    "ignore": "It has no part that looks at other assets: its parts are ",
    "allow": "It has no part that looks at other assets: its parts are ",
}
"""The methods that are called in vain where nothing changes, each with the start of a sentence that ends with the parts."""


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
        methods: Returns what may be called on what is made, by name.
    """

    known: Mapping[str, Callable[..., Any]]
    what: str
    example: str
    methods: Callable[[Any], Mapping[str, Callable[..., Any]]] = _no_methods

    def read(self, raw: object, scope: Scope) -> Any:
        """Return what is written at a place; None if it does not fit, which is reported."""
        try:
            return self._call(raw, scope)
        except _RefusedError:
            return None

    def _call(self, raw: object, scope: Scope) -> Any:
        """Make what is written: the first name makes it, and each one behind it is a method of what is made so far."""
        if isinstance(raw, str):
            return self._made(raw, None, scope, scope)
        calls = list(raw.items()) if isinstance(raw, dict) else []
        if not calls or (len(calls) > 1 and self._is_ambiguous([name for name, _ in calls])):
            found = f"expected one {self.what}, alone or with its arguments."
            raise _refused(scope, found, f"Write it as in {self.example}.")
        (first, given), *chained = calls
        made = self._made(first, given, scope.at(str(first)), scope)
        for name, value in chained:
            made = self._chained(made, name, value, scope.at(str(name)))
        return made

    def _is_ambiguous(self, names: Sequence[object]) -> bool:
        """Whether several names make something, so that it is not said how they belong together."""
        return self.methods is _no_methods or sum(name in self.known and name not in _CHAINED for name in names) > 1

    def _made(self, name: object, given: object, inside: Scope, scope: Scope) -> Any:
        """Make something by its name."""
        if name in self.known:
            return self._result(str(name), self.known[str(name)], given, inside)
        if name in _METHODS and self.methods is not _no_methods:
            found = f"`{name}` changes a condition, but there is none before it."
            raise _refused(scope, found, f"Write the condition first, as in `{{eager: null, {name}: ...}}`.")
        raise _refused(inside, f"Dagster has no {self.what} '{name}'.", suggest(str(name), self.known))

    def _chained(self, made: Any, name: object, given: object, scope: Scope) -> Any:
        """Call a method of what is made so far; once for each item of a list."""
        for position, value in enumerate(given) if isinstance(given, list) else [(None, given)]:
            inside = scope if position is None else scope.at(position)
            methods = self.methods(made)
            if name not in methods:
                raise _refused(inside, f"the condition before it has no method '{name}'.", suggest(str(name), methods))
            changed = self._result(str(name), methods[str(name)], value, inside)
            if changed == made and name in _CHANGING:
                shown = ", ".join(dagster_conditions.names(made))
                raise _refused(
                    inside, f"`{name}` changes nothing of the condition before it.", _CHANGING[str(name)] + shown + "."
                )
            made = changed
        return made

    def _result(self, name: str, function: Callable[..., Any], given: object, inside: Scope) -> Any:
        arguments = self._arguments(inspect.signature(function).parameters, given, inside)
        try:
            with dagster_jobs.known_previews():
                return function(**arguments)
        except (dagster_config.CHECK_ERROR, dg.DagsterError, TypeError, ValueError, OverflowError) as error:
            raise _refused(
                inside, f"Dagster rejects these arguments: {error}", f"See `{name}` in Dagster's reference."
            ) from None

    def _arguments(self, parameters: Mapping[str, inspect.Parameter], given: object, scope: Scope) -> dict[str, Any]:
        """Read the arguments of a call: all by name, or the first alone."""
        first = next(iter(parameters), None)
        by_name = given if isinstance(given, dict) else {}
        alone = isinstance(given, (str, list)) or (first is not None and _stands_for(parameters[first], given))
        if alone and first is not None:
            by_name = {first: given}
        elif given is not None and not isinstance(given, dict):
            expected = "arguments by name" if parameters else "no arguments"
            hint = f"Allowed: {', '.join(parameters)}." if parameters else "Write the name alone."
            raise _refused(scope, f"expected {expected}, found {given!r}.", hint)
        found, fits = {}, True
        for name, value in by_name.items():
            inside = scope if alone else scope.at(name)
            if name not in parameters:
                scope.at(name).add(f"unknown argument '{name}'.", suggest(str(name), parameters))
                fits = False
                continue
            try:
                found[name] = self._argument(parameters[name], value, inside)
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
        if isinstance(value, str) and _is_condition(parameter) and re.search(r"\bstr\b", kind):
            return value  # the label or the name of a condition
        if _is_condition(parameter):
            return self._operands(value, scope) if "Sequence" in kind else self._call(value, scope)
        if _is_flag(parameter) and not isinstance(value, bool):
            raise _refused(scope, f"expected true or false, found {value!r}.", "Write `true` or `false`.")
        if "timedelta" in kind:
            duration = read_duration(value) if isinstance(value, str) else None
            if duration is None:
                raise _refused(scope, f"{value!r} is not a duration.", "Write it as in `30m`, `24h` or `1d12h`.")
            return duration
        if parameter.name.endswith("timezone"):
            _check_time_zone(value, scope)
        if "AssetSelection" in kind:
            return _selection(value, scope)
        if "AssetKey" in kind and isinstance(value, str):
            return dg.AssetKey.from_user_string(value)
        if "cron" in parameter.name:
            _check_ticks(value, scope)
        return set(value) if ".Set[" in kind and isinstance(value, list) else value

    def _operands(self, value: object, scope: Scope) -> list[Any]:
        if not isinstance(value, list) or not value:
            raise _refused(scope, "expected a list of at least one condition.", "Write each condition after a dash.")
        found = [self.read(item, scope.at(position)) for position, item in enumerate(value)]
        if None in found:
            raise _RefusedError
        return found


def _check_time_zone(value: Any, scope: Scope) -> None:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, OSError, ValueError, TypeError):
        raise _refused(scope, f"{value!r} is not a time zone.", "Write it as in `Europe/Berlin`.") from None


def _check_ticks(value: object, scope: Scope) -> None:
    if isinstance(value, str) and not dagster_conditions.has_ticks(value):
        hint = "Write the expression of days that there are."
        raise _refused(scope, f"no time fits the cron expression {value!r}.", hint)


def _selection(value: object, scope: Scope) -> dg.AssetSelection:
    """Read a selection, and refuse one with which Dagster could not look for assets."""
    hint = 'Write it as in `key:"forest/model"` or `group:reporting`.'
    if not isinstance(value, str):
        raise _refused(scope, f"expected a selection of assets, found {value!r}.", hint)
    try:
        selection = dagster_assets.read_selection(value)
        dagster_assets.select_known(selection, [])
    except NotImplementedError:
        hint = "Use other attributes: some, such as `changed_in_branch` and `table_name`, work in the UI only."
        raise _refused(scope, f"Dagster does not support the selection '{value}' outside of its UI.", hint) from None
    except Exception as error:  # noqa: BLE001 - of many classes, some of them not Dagster's own
        raise _refused(scope, f"Dagster cannot read this selection: {error or type(error).__name__}", hint) from None
    return selection


def _is_condition(parameter: inspect.Parameter) -> bool:
    return "Condition" in str(parameter.annotation) or parameter.name.endswith("_condition")


def _stands_for(parameter: inspect.Parameter, given: object) -> bool:
    """Whether what is given is the argument itself, and not the arguments by name."""
    if isinstance(given, dict):
        return _is_condition(parameter) and parameter.name not in given
    return isinstance(given, bool) and _is_flag(parameter)


def _is_flag(parameter: inspect.Parameter) -> bool:
    return parameter.annotation in (bool, "bool")
