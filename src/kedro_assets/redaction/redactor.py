"""Secrets kept out of texts and errors."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from attrs import field, frozen

from kedro_assets.redaction.errors import masked_error
from kedro_assets.redaction.patterns import mask_patterns
from kedro_assets.redaction.secrets import secrets_of
from kedro_assets.redaction.spellings import Spellings

E = TypeVar("E", bound=BaseException)


@frozen
class Redactor:
    """Masks secrets in texts and errors.

    Attributes:
        secrets: What may not be shown, the longest first.
    """

    secrets: tuple[str, ...] = ()
    _spellings: tuple[Spellings, ...] = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_spellings", tuple(map(Spellings, self.secrets)))

    @classmethod
    def of(
        cls,
        credentials: Mapping[str, Any],
        settings: Iterable[Mapping[str, Any]] = (),
        keys: Collection[str] = (),
    ) -> Redactor:
        """Take the secrets of a project, and those of the environment.

        Args:
            credentials: Its credentials.
            settings: The rest of its configuration: parameters, catalog.
            keys: Keys that say secret in this project, beside those that do so everywhere.

        Examples:
            >>> Redactor.of({"db": {"user": "admin", "password": "hunter2"}}).text("admin:hunter2")
            'admin:***'
        """
        return cls(secrets_of(credentials, settings, keys))

    def text(self, text: str) -> str:
        """Mask the secrets in a text, and in any text what looks like one.

        Examples:
            >>> Redactor().text("no answer from postgresql://me:hunter2@db/sales")
            'no answer from postgresql://***@db/sales'
            >>> Redactor().text("no answer from https://host/a.csv?token=hunter2&page=3")
            'no answer from https://host/a.csv?token=***&page=3'
        """
        for spellings in self._spellings:
            text = spellings.mask(text)
        return mask_patterns(text)

    def error(self, error: E) -> E:
        """Mask the secrets in an error and in all that caused it; types, or at least their names, and tracebacks stay.

        Returns:
            The error itself, masked in place; another one if that could not be done.
        """
        return masked_error(error, self.text)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Mask the secrets in the errors raised inside."""
        try:
            yield
        except GeneratorExit:
            raise
        except BaseException as error:
            found = self.error(error)
            if found is error:
                raise
            raise found from found.__cause__
