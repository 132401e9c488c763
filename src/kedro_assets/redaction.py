"""Credentials kept out of what Dagster records: log lines and the messages of errors.

Kedro's terminal is gone when it is closed; Dagster's event log stays, and more people see it.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import is_dataclass
from typing import Any

from attrs import frozen

MASK = "***"

_SECRET_KEY = re.compile(r"pass|pwd|secret|token|key|credential|auth|sas|con$|conn|dsn|ur[il]$", re.IGNORECASE)
_SHORTEST = 4  # a shorter value is in too many words
_DEEPEST = 6  # an error may refer to itself
_BESIDE_ITS_OWN = ("args", "strerror", "filename", "filename2")  # what errors have that is not in their `__dict__`
_USER_INFO = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)")
_BEFORE_HOST = re.compile(r"(\w*)://([^/]*)@")
_WITH_CONTAINER = {"abfs", "abfss", "wasb", "wasbs"}
_QUERY = re.compile(
    r"([?&][\w.-]*(?:pass|pwd|secret|token|key|credential|auth|sig)[\w.-]*=)[^\s&#'\"<>]+", re.IGNORECASE
)


@frozen
class Redactor:
    """Masks credentials in text.

    Attributes:
        secrets: What may not be shown, the longest first.
    """

    secrets: tuple[str, ...] = ()

    @classmethod
    def of(cls, credentials: Mapping[str, Any]) -> Redactor:
        """Take the secret values of a project's credentials: those under keys such as `password`, `token` or `url`.

        Examples:
            >>> Redactor.of({"db": {"user": "admin", "password": "hunter2"}}).text("admin:hunter2")
            'admin:***'
        """
        return cls(tuple(sorted(set(_secret_values(credentials)), key=len, reverse=True)))

    def text(self, text: str) -> str:
        """Mask the secrets in a text, and in any address user, password, and what keys such as `token` have in its query.

        Examples:
            >>> Redactor().text("no answer from postgresql://me:hunter2@db/sales")
            'no answer from postgresql://***@db/sales'
            >>> Redactor().text("no answer from https://host/a.csv?token=hunter2&page=3")
            'no answer from https://host/a.csv?token=***&page=3'
        """
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return _QUERY.sub(rf"\g<1>{MASK}", _USER_INFO.sub(MASK, text))

    def error(self, error: BaseException | None) -> None:
        """Mask the secrets in an error and in all that caused it, in place: types and tracebacks stay."""
        seen: list[BaseException] = []
        todo = [error]
        while todo:
            found = todo.pop()
            if found is None or any(found is other for other in seen):
                continue
            seen.append(found)
            self._parts(found)
            inside = getattr(found, "exceptions", ())
            todo += [found.__cause__, found.__context__]
            todo += [error for error in inside if isinstance(error, BaseException)] if _is_list(inside) else []

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Mask the secrets in the errors raised inside."""
        try:
            yield
        except Exception as error:
            self.error(error)
            raise

    def _parts(self, error: BaseException) -> None:
        """Mask what an error may make its message of, also if it is frozen; what cannot be changed stays as it is."""
        own = vars(error)
        slots = (name for kind in type(error).__mro__ for name in vars(kind).get("__slots__", ()))
        for name in (*own, *_BESIDE_ITS_OWN, *slots):
            with suppress(Exception):
                value = own[name] if name in own else getattr(error, name, None)
                masked = self._value(value)
                if masked is value:
                    continue
                if name in own:
                    own[name] = masked
                else:
                    BaseException.__setattr__(error, name, masked)

    def _value(self, value: Any, depth: int = _DEEPEST) -> Any:
        """Mask a text, and the texts in lists, tuples, dicts and dataclasses; without secrets it is the value itself."""
        if isinstance(value, str):
            masked = self.text(value)
            return value if masked == value else masked
        if depth and _is_list(value):
            items = [self._value(item, depth - 1) for item in value]
            return value if all(map(operator.is_, items, value)) else type(value)(items)
        if depth and type(value) is dict:
            pairs = [(self._value(key), self._value(item, depth - 1)) for key, item in value.items()]
            same = all(key is pair[0] and value[key] is pair[1] for key, pair in zip(value, pairs, strict=True))
            return value if same else dict(pairs)
        if depth and is_dataclass(value) and not isinstance(value, type) and hasattr(value, "__dict__"):
            own = self._value(vars(value), depth - 1)
            if own is not vars(value):
                changed = copy(value)
                vars(changed).update(own)
                return changed
        return value


def _is_list(value: Any) -> bool:
    return type(value) in {list, tuple}


def redacted(location: str) -> str:
    """Take user, password and query out of a URL, chained ones included; a plain path stays as it is.

    In an address of Azure's, the container stands where others have the user.

    Examples:
        >>> redacted("https://me:secret@host/data.csv?token=abc"), redacted("data/a.csv")
        ('https://host/data.csv', 'data/a.csv')
    """
    if "://" not in location:
        return location
    return _BEFORE_HOST.sub(_host_alone, location).partition("?")[0]


def _host_alone(found: re.Match[str]) -> str:
    scheme, before = found.groups()
    return found[0] if scheme.lower() in _WITH_CONTAINER and ":" not in before else f"{scheme}://"


def _secret_values(credentials: object, key: str = "") -> Iterator[str]:
    if isinstance(credentials, Mapping):
        for name, value in credentials.items():
            yield from _secret_values(value, str(name))
    elif isinstance(credentials, (list, tuple)):
        for value in credentials:
            yield from _secret_values(value, key)
    elif isinstance(credentials, str) and len(credentials) >= _SHORTEST and _SECRET_KEY.search(key):
        yield credentials
