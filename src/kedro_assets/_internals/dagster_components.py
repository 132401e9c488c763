"""Dagster's components."""

from dagster.components.utils.translation import TranslationFnResolver

TRANSLATION_RESOLVER = TranslationFnResolver
"""Reads the `translation` of a component.

Reason: `dagster` does not export it, and the components of Dagster's own integrations use it.
Risk: low; without it `translation` would be read by a resolver of one's own.
"""
