"""One secret in all of its spellings: as it is, in `repr` and JSON, percent-encoded, in HTML, in base64, and a part of it."""

from __future__ import annotations

import html
import re
from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from itertools import groupby

from attrs import field, frozen

from kedro_assets.redaction.keys import MASK

_LETTERS = 8  # a shorter word, or any number, is masked where it stands alone
_PIECE = 16  # that much of the beginning or the end of a longer secret is one, too
_ENCODED = 8  # less of base64 may stand in any text
_LINE = 76  # of base64 in MIME
_RUN = re.compile(r"[A-Za-z0-9]+")
_ESCAPED = r"(?<!\\)(?<!%[0-9A-Fa-f])"  # the letter before is no end of `\n` or `%2F`


@frozen
class Spellings:
    """Finds a secret in a text, however it is written.

    Attributes:
        secret: The secret.
    """

    secret: str
    _ways: tuple[tuple[str, str], ...] = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        encoded = sorted({*_base64(self.secret), *_hexadecimal(self.secret)}, key=len, reverse=True)
        ways = tuple((max(_RUN.findall(text), key=len, default=""), text) for text in (self.secret, *encoded))
        object.__setattr__(self, "_ways", ways)

    def mask(self, text: str) -> str:
        """Mask the secret.

        Examples:
            >>> Spellings("p@ss 1").mask("p@ss 1, p%40ss+1, cEBzcyAx")
            '***, ***, ***'
        """
        for run, written in self._ways:  # letters and digits are never escaped, so most texts are looked through fast
            if run in text:
                text = _pattern(written).sub(MASK, text)
        return self._pieces(text)

    def _pieces(self, text: str) -> str:
        """Mask the beginning and the end of a long secret, as far as they stand there: other programs cut what they show."""
        secret = self.secret
        if len(secret) <= _PIECE or "://" in secret:
            return text
        start, end = secret[:_PIECE], secret[-_PIECE:]
        while (at := text.find(start)) >= 0:
            length = _common(text[at:], secret)
            text = text[:at] + MASK + text[at + length :]
        while (at := text.find(end)) >= 0:
            stop = at + _PIECE
            length = _common(text[:stop][::-1], secret[::-1])
            text = text[: stop - length] + MASK + text[stop:]
        return text


def _common(text: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    return next(
        (at for at, pair in enumerate(zip(text, other, strict=False)) if pair[0] != pair[1]), min(len(text), len(other))
    )


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Return a pattern for a text: a short word matches as a word only, and a number as a number."""
    pattern = _spelled(text)
    if text.isascii() and text.isdigit():
        pattern = rf"(?<![0-9]){pattern}(?![0-9])"
    elif text.isascii() and text.isalpha() and len(text) < _LETTERS:
        pattern = rf"(?<!{_ESCAPED}[A-Za-z]){pattern}(?![A-Za-z])"
    return re.compile(pattern)


def _spelled(text: str) -> str:
    """Return a pattern for a text of which any character may be escaped or encoded."""
    return "".join(
        rf"(?:\\{{{len(run)},}}|(?:%(?:25)*5[cC]){{{len(run)}}})"
        if character == "\\"
        else _character(character) * len(run)
        for character, found in groupby(text)
        if (run := list(found))
    )


@cache
def _character(character: str) -> str:
    """Return a pattern for one character, as it is or as some encoding writes it."""
    if character.isascii() and (character.isalnum() or character == "_"):
        return character
    code, encoded = ord(character), character.encode("utf-8", "surrogatepass")
    units = character.encode("utf-16-be", "surrogatepass")
    ways = [
        "".join(rf"%(?:25)*{_hex(f'{byte:02x}')}" for byte in encoded),
        "".join(rf"\\+x{_hex(f'{byte:02x}')}" for byte in encoded),
        "".join(rf"\\+u{_hex(units[at : at + 2].hex())}" for at in range(0, len(units), 2)),
        rf"\\+U{_hex(f'{code:08x}')}",
        rf"&#(?:0*{code}|[xX]0*{_hex(f'{code:x}')});",
        rf"\\*{re.escape(character)}",
    ]
    if code < 0x100:  # what `\x` can write
        ways.append(rf"\\+x{_hex(f'{code:02x}')}")
    ways += {
        "\n": [r"\\+n", r"\\+r\\+n", r"\r?\n[ \t]*"],
        "\r": [r"\\+r"],
        "\t": [r"\\+t"],
        " ": [r"\+"],
        "'": [r"'(?:\\+'|\"'\")'", "''", "&apos;"],
    }.get(character, [])
    entity = html.escape(character)
    ways += [entity] if entity != character else []
    return f"(?:{'|'.join(sorted(ways, key=len, reverse=True))})"


def _hex(digits: str) -> str:
    """Return a pattern for hexadecimal digits, capital or not."""
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)


def _base64(secret: str) -> Iterator[str]:
    """Yield what base64 makes of a secret, wherever it stands in what is encoded."""
    data = secret.encode("utf-8", "surrogatepass")
    for offset, start in enumerate((0, 2, 3)):
        whole = b64encode(bytes(offset) + data).decode()
        sure = whole[start : (offset + len(data)) * 8 // 6]
        lines = [whole[at : at + _LINE] for at in range(0, len(whole), _LINE)] if offset == 0 else []
        for text in (sure, *lines):
            if len(text) >= _ENCODED:
                yield text
                yield text.replace("+", "-").replace("/", "_")


def _hexadecimal(secret: str) -> Iterator[str]:
    digits = secret.encode("utf-8", "surrogatepass").hex()
    yield from (digits, digits.upper()) if len(digits) >= _ENCODED else ()
