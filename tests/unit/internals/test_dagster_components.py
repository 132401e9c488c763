"""Fails when Dagster's components change."""

from typing import get_type_hints

from kedro_assets._internals import dagster_components
from kedro_assets.component import KedroProjectComponent


def test_a_translation_is_read_by_dagsters_own_resolver():
    resolver = dagster_components.TRANSLATION_RESOLVER(lambda record: {"record": record})
    annotation = get_type_hints(KedroProjectComponent, include_extras=True)["translation"]
    assert type(annotation.__metadata__[0]) is type(resolver)
    assert resolver.model_field_type is not None
