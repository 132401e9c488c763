"""Which keys of a configuration say that their value is secret, and which that it is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from itertools import zip_longest
from typing import Any

MASK = "***"

SECRET_WORDS = "password|passwd|passphrase|passcode|pwd|pw|secret|credential|token"  # noqa: S105 - a pattern
"""Words that say secret in any key."""

SECRET_KEYS = (
    "(?:api|access|account|auth|private|secret|shared|sas|signing|encryption|storage|master|ssh|subscription)[_-]?key"  # noqa: S105 - a pattern
)
"""What a key is called that opens something; others sort or join tables."""

_SAYS_SECRET = re.compile(rf"(?:^|[\W_])(?:{SECRET_WORDS}|{SECRET_KEYS})s?(?:$|[\W_\d])", re.IGNORECASE)
_IS_NONE = re.compile(
    "user|username|login|account|host|hostname|server|port|region|zone|location|database|db|dbname|schema|catalog|driver|drivername|"
    "dialect|protocol|scheme|type|kind|role|name|domain|email|project|bucket|container|timeout|retries|version|encoding"
)
_OPENS = frozenset({"key", "auth", "cert", "certificate", "con", "conn", "connection", "dsn", "url", "uri"})
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MANY = re.compile(r"(?:max|min|num|n|total)[\W_].*", re.IGNORECASE)  # `max_tokens` counts


def says_secret(key: str, listed: Collection[str] = ()) -> bool:
    """Whether a key says that its value is secret.

    Args:
        key: The key.
        listed: Keys that do so in this project.

    Examples:
        >>> [says_secret(key) for key in ("db_password", "apiKey", "token", "primary_key", "max_tokens", "tokenizer")]
        [True, True, True, False, False, False]
    """
    words = _CAMEL.sub("_", key)
    return key in listed or bool(_SAYS_SECRET.search(words) and not _MANY.fullmatch(words))


def says_none(key: str) -> bool:
    """Whether a key of the credentials says that its value is no secret: a user, a host, a region.

    Examples:
        >>> [says_none(key) for key in ("user", "region_name", "userName", "user_token", "cert")]
        [True, True, True, False, False]
    """
    words = re.split(r"[\W_]+", _CAMEL.sub("_", key).lower())
    return not says_secret(key) and _OPENS.isdisjoint(words) and any(map(_IS_NONE.fullmatch, words))


def masked(
    value: Any, mask: Callable[[str], str], listed: Collection[str] = (), key: str = "", *, inside: bool = False
) -> Any:
    """Return a value of the configuration as it may be shown: what is under a key that says secret is masked.

    Args:
        value: The value.
        mask: Masks other texts.
        listed: Keys, or places such as `model.licence`, that are secret in this project.
        key: Where it stands.
        inside: Whether a key around it is secret.

    Examples:
        >>> masked({"api": {"url": "https://host", "api_key": "hunter2", "tokens": {"a": "b", "c": None}}}, str)
        {'api': {'url': 'https://host', 'api_key': '***', 'tokens': {'a': '***', 'c': None}}}
    """
    inside = inside or key in listed or says_secret(key.rpartition(".")[2], listed)
    if isinstance(value, Mapping):
        prefix = f"{key}." if key else ""
        return {name: masked(item, mask, listed, f"{prefix}{name}", inside=inside) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(item, mask, listed, key, inside=inside) for item in value]
    if inside:
        return value if value is None or isinstance(value, bool) else MASK
    return mask(value) if isinstance(value, str) else value


def unmasked(value: Any, shown: Any, original: Any) -> Any:
    """Return a value that was changed where it was shown with masks, with what is behind those that are left.

    Examples:
        >>> unmasked({"depth": 5, "api_key": "***"}, {"depth": 3, "api_key": "***"}, {"depth": 3, "api_key": "hunter2"})
        {'depth': 5, 'api_key': 'hunter2'}
    """
    if isinstance(value, Mapping) and isinstance(shown, Mapping) and isinstance(original, Mapping):
        before = {str(name): item for name, item in original.items()}
        return {
            name: unmasked(item, shown[name], before[name]) if name in shown and name in before else item
            for name, item in value.items()
        }
    if isinstance(value, list) and isinstance(shown, list) and isinstance(original, (list, tuple)):
        known = zip(shown, original, strict=False)
        return [unmasked(item, *pair) if pair else item for item, pair in zip_longest(value, known)][: len(value)]
    return original if isinstance(value, str) and value == shown and MASK in value else value
