"""Which values of a project are secret."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

from kedro_assets.redaction.keys import SECRET_WORDS, says_none, says_secret
from kedro_assets.redaction.patterns import find_secrets

_SHORTEST = 4  # a shorter value is in too many words
_SHORTEST_LINE = 8
_NO_SECRETS = frozenset({"true", "false", "none", "null", "***", "pwd", "oldpwd"})
_NOTHING = re.compile(rf"<[\w.]+>|(?:{SECRET_WORDS})s?", re.IGNORECASE)  # a runtime parameter that is not given; a key
_ARMOUR = "-----"  # around a key

Leaf = tuple[str, str]


def secrets_of(
    credentials: Mapping[str, Any], settings: Iterable[Mapping[str, Any]] = (), keys: Collection[str] = ()
) -> tuple[str, ...]:
    """Return what is secret, the longest first.

    Of the credentials that is every value, except under keys that say none, such as `user`, and what also stands in the plain
    configuration under a key that says nothing. Of all else it is what stands under keys that say secret.

    Args:
        credentials: The project's credentials.
        settings: The rest of its configuration: parameters, catalog.
        keys: Keys that say secret in this project, beside those that do so everywhere.

    Examples:
        >>> secrets_of({"db": {"user": "admin", "password": "hunter2"}}, [{"api": {"api_key": 12345678}}])
        ('12345678', 'hunter2')
    """
    found, plain = set[str](), set[str]()
    for mapping in settings:
        for key, value in _leaves(mapping):
            (found if _is_secret(key, keys) else plain).add(value)
            found.update(find_secrets(value))
    for key, value in _leaves(credentials):
        name = key.rpartition(".")[2] if "." in key else ""  # of what stands alone, the name says nothing
        if _is_secret(key, keys) or (value not in plain and not (says_none(name) and not find_secrets(value))):
            found.add(value)
    for name, value in os.environ.items():
        if says_secret(name) and name.lower() not in _NO_SECRETS:
            found.add(value)
    parts = {part for value in found for part in (value, *_parts(value))}
    return tuple(sorted(filter(_can_be, parts), key=lambda part: (-len(part), part)))


def _is_secret(key: str, keys: Collection[str]) -> bool:
    """Whether a key, or one around it, says secret; `user` inside of that still says none."""
    parts = key.split(".")
    around = any(says_secret(part, keys) for part in parts[:-1]) and not says_none(parts[-1])
    return (
        around or says_secret(parts[-1], keys) or any(".".join(parts[:end]) in keys for end in range(1, len(parts) + 1))
    )


def _leaves(value: Any, key: str = "") -> Iterator[Leaf]:
    """Yield every scalar of a configuration as text, with its place."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, f"{key}.{name}" if key else str(name).replace(".", "_"))
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _leaves(item, key)
    elif isinstance(value, (bytes, bytearray)):
        yield key, bytes(value).decode("utf-8", "surrogateescape")
    elif value is not None and not isinstance(value, bool):
        yield key, str(value)


def _parts(value: str) -> Iterator[str]:
    """Yield what is a secret in a secret: its lines, what an address or a text of pairs has, what is in JSON."""
    yield value.strip()
    if value.lstrip()[:1] in {"{", "["}:
        with suppress(ValueError):
            for key, item in _leaves(json.loads(value)):
                if not says_none(key.rpartition(".")[2]):
                    yield item
                    yield from _lines(item)
            return
    yield from _lines(value)
    for found in find_secrets(value):
        yield found
        yield unquote(found)
    with suppress(ValueError):
        address = urlsplit(value)
        if address.scheme in {"http", "https"} and len(address.path) >= _SHORTEST_LINE:
            yield address.path


def _lines(value: str) -> Iterator[str]:
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _SHORTEST_LINE and not line.startswith(_ARMOUR))


def _can_be(value: str) -> bool:
    return len(value) >= _SHORTEST and value.lower() not in _NO_SECRETS and not _NOTHING.fullmatch(value)
