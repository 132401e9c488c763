"""What the docstrings of `model` say, for the reference and for the JSON schema of dagster.yml."""

from __future__ import annotations

import inspect
import re

_ENTRY = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


def summary(section: type) -> str:
    """Return what a section is.

    Examples:
        >>> from kedro_assets.config import RunConfig
        >>> summary(RunConfig)
        'The parameters and versions that runs start with.'
    """
    return _parts(section)[0]


def key_notes(section: type) -> dict[str, str]:
    """Return what each key of a section is, as far as its docstring does.

    Examples:
        >>> from kedro_assets.config import RetryConfig
        >>> key_notes(RetryConfig)["delay"]
        'Seconds before each retry.'
    """
    return {name: " ".join(text.split()) for name, text in _ENTRY.findall(_parts(section)[1])}


def _parts(section: type) -> tuple[str, str]:
    """Return a docstring's text before its list of attributes, and the list."""
    text, _, attributes = (inspect.getdoc(section) or "").partition("\n\nAttributes:\n")
    return " ".join(text.split()), attributes
