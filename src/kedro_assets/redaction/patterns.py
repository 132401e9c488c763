"""What looks like a secret in any text, known or not: addresses with user and password, `password=x`, `Bearer x`."""

from __future__ import annotations

import re

from kedro_assets.redaction.keys import MASK, SECRET_KEYS, SECRET_WORDS, says_secret

_END = r"\s\"'<>"  # what ends an address in a text
_SCHEME = r"[A-Za-z][\w+.-]{0,30}"
_USER = re.compile(
    rf"(?P<scheme>{_SCHEME})://(?P<user>[^/?#{_END}]+"  # any character but those that end it
    rf"|(?!\[)[^/:@{_END}]*:(?!\d+(?:[/?#{_END}]|$))[^{_END}]+)@"  # or a password with those, where no port stands
)
_WITH_CONTAINER = {"abfs", "abfss", "wasb", "wasbs"}
_START = r"(?:(?<![^\W_])|(?<=\\[nrt])|(?-i:(?<=[a-z0-9])(?=[A-Z])))"  # of a word in a key
_KEY = rf"(?:(?<![\w.\\-])|(?<=\\[nrt]))[\w.-]*{_START}(?:{SECRET_WORDS}|{SECRET_KEYS})s?(?![^\W_])[\w.-]*"
_NAME = re.compile(r"[\w.-]+")
_QUOTE = r"\\*[\"']"
_QUERY = re.compile(
    r"(?P<key>[?&][\w.-]*(?:pass|pwd|secret|token|key|credential|auth|sig)[\w.-]*=)(?P<value>[^\s&#'\"<>\\]+)",
    re.IGNORECASE,
)
_NO_VALUE = r"(?!(?:None|True|False|null|true|false|\d{1,3})(?![\w.-])|\*\*\*|[<{$(\[])"
_PAIR = re.compile(
    rf"(?P<key>{_KEY}(?:{_QUOTE})?(?:\s*=\s*(?=[bru]?{_QUOTE})|=(?!=)|(?<=[\"'])\s*:\s*(?=[bru]?{_QUOTE}|\d))[bru]?)"
    rf"(?:(?P<quote>{_QUOTE})(?P<quoted>(?:(?!(?P=quote)).)+)(?P=quote)|{_NO_VALUE}(?P<value>[^,;&)\]}}{_END}\\]+))",
    re.IGNORECASE,
)
_HEADER = re.compile(
    rf"(?P<key>authorization(?:{_QUOTE})?\s*[:=]\s*(?:[bru]?{_QUOTE})?(?:(?:basic|bearer|digest|token|negotiate|ntlm)\s+|(?=\S*\d)))"
    rf"(?!\*\*\*)(?P<value>[^,;{_END}\\\]}}]+)",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(?P<key>\bbearer +)(?P<value>(?=[\w.~+/=-]*[\d._~+/=-]|\w{20})[\w.~+/=-]{6,})", re.IGNORECASE)
_BY_TOKEN = {"http", "https"}
"""Where the user of an address may be a token."""
_NO_PASSWORDS = {"", "x", "x-oauth-basic"}
"""What is written for the password where the user is a token."""


def find_secrets(text: str) -> list[str]:
    """Return what looks like a secret in a text.

    Examples:
        >>> find_secrets("postgresql://me:p@ss@db/sales?sslpassword=hunter2")
        ['p@ss', 'hunter2']
    """
    passwords = []
    for found in _USER.finditer(text):
        user, _, password = found["user"].partition(":")
        is_token = found["scheme"].lower() in _BY_TOKEN and password.lower() in _NO_PASSWORDS
        passwords += [user] if is_token else [password] if password else []
    values = [found["value"] for found in _QUERY.finditer(text)]
    pairs = [found["quoted"] or found["value"] for found in _PAIR.finditer(_USER.sub("", text))]
    return list(dict.fromkeys(passwords + values + pairs))


def mask_patterns(text: str) -> str:
    """Mask what looks like a secret in a text.

    Examples:
        >>> mask_patterns("https://hunter2@host/a?page=3, password=hunter2")
        'https://***@host/a?page=3, password=***'
    """
    text = _USER.sub(_without_user, text) if "@" in text else text
    if "=" not in text and ":" not in text and "earer" not in text.lower():
        return text
    text = _QUERY.sub(rf"\g<key>{MASK}", text)
    text = _BEARER.sub(rf"\g<key>{MASK}", _HEADER.sub(rf"\g<key>{MASK}", text))
    return _PAIR.sub(_without_value, text)


def redacted(location: str) -> str:
    """Take user, password and query out of a URL, chained ones included; a plain path stays as it is.

    In an address of Azure's, the container stands where others have the user.

    Examples:
        >>> redacted("https://me:secret@host/data.csv?token=abc"), redacted("data/a.csv")
        ('https://host/data.csv', 'data/a.csv')
    """
    if "://" not in location:
        return location
    return _USER.sub(_host_alone, location).partition("?")[0]


def _host_alone(found: re.Match[str]) -> str:
    return found[0] if _is_container(found) else f"{found['scheme']}://"


def _is_container(found: re.Match[str]) -> bool:
    return found["scheme"].lower() in _WITH_CONTAINER and ":" not in found["user"]


def _without_user(found: re.Match[str]) -> str:
    return found[0] if _is_container(found) else f"{found['scheme']}://{MASK}@"


def _without_value(found: re.Match[str]) -> str:
    name = _NAME.match(found["key"])
    if name is None or not says_secret(name[0]):
        return found[0]
    quote = found["quote"] or ""
    return f"{found['key']}{quote}{MASK}{quote}"
