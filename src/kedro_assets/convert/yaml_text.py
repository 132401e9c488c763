"""Values as YAML text, and the comments of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\r\n]*", re.MULTILINE)


def comments_in(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each comment starts and ends.

    Examples:
        >>> text = "a: 'b # no' # yes"
        >>> [text[start:end] for start, end in comments_in(text)]
        ['# yes']
    """
    position = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.ScalarToken | yaml.StreamEndToken):
            for match in _COMMENT.finditer(text, position, token.start_mark.index):
                yield match.span()
            position = token.end_mark.index


def indented(lines: str, indent: int, newline: str) -> Iterator[str]:
    """Yield lines of which the first is to be indented by some spaces, and the others as much more or less."""
    found = lines.splitlines()
    own = len(found[0]) - len(found[0].lstrip())
    for line in found:
        rest = line[min(own, len(line) - len(line.lstrip())) :]
        yield f"{' ' * indent}{rest}{newline}" if rest.strip() else newline


def as_block(value: Any, indent: int, newline: str) -> str:
    """Return a value as indented lines."""
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=False, width=1_000_000)
    return "".join(f"{' ' * indent}{line}{newline}" for line in text.splitlines())


def as_flow(value: Any, style: str | None = None) -> str:
    """Return a value on one line.

    Args:
        value: The value.
        style: The quotes of a string, if it has any.

    Examples:
        >>> as_flow({"a": [1, "x: y"]}), as_flow("x", '"')
        ("{a: [1, 'x: y']}", '"x"')
    """
    text = yaml.safe_dump(
        value,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=True,
        default_style=style if isinstance(value, str) else None,
        width=1_000_000,
    )
    return str(text).removesuffix("\n").removesuffix("\n...")
