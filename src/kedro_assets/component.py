"""A Kedro project as a component of a Dagster project: one `defs.yaml` in its `defs` folder.

`dg` imports this for every command, also where no Kedro project is concerned; Kedro is imported when one is built.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import dagster as dg

from kedro_assets._internals.dagster_components import TRANSLATION_RESOLVER

if TYPE_CHECKING:
    from kedro_assets.assets import DatasetRecord, NodeRecord


def _resolve_path(context: dg.ResolutionContext, value: str | None) -> str | None:
    """Return a path as it is seen from the folder of the `defs.yaml`; an address stays as it is."""
    return str(context.resolve_source_relative_path(value)) if value and "://" not in value else value


class KedroProjectParams(dg.Model):
    """What `dg scaffold defs kedro_assets.KedroProjectComponent` takes.

    Attributes:
        project_path: The Kedro project; by default the one around the component.
        env: Kedro's environment.
    """

    project_path: str | None = None
    env: str | None = None


class KedroProjectScaffolder(dg.Scaffolder[KedroProjectParams]):
    """Writes the `defs.yaml` of a Kedro project."""

    @classmethod
    def get_scaffold_params(cls) -> type[KedroProjectParams]:
        """Return the parameters."""
        return KedroProjectParams

    def scaffold(self, request: dg.ScaffoldRequest[KedroProjectParams]) -> None:
        """Write the file; it names the Kedro project as it is seen from there.

        Args:
            request: The parameters, and the folder of the component.
        """
        attributes = request.params.model_dump(exclude_none=True)
        if "project_path" in attributes:
            relative = os.path.relpath(attributes["project_path"], request.target_path)
            attributes["project_path"] = Path(relative).as_posix()
        dg.scaffold_component(request, attributes)


@dg.scaffold_with(KedroProjectScaffolder)
class KedroProjectComponent(dg.Component, dg.Resolvable, dg.Model):
    """A Kedro project, with the datasets of its catalog as assets.

    Override `get_asset_spec` in a subclass to say in Python what an asset looks like, and `get_step_tags` to say what tags
    the steps of nodes have.

    Attributes:
        project_path: The Kedro project; relative to the folder of the `defs.yaml`, and by default around it.
        env: Kedro's environment, as for `build_definitions`.
        conf_source: The configuration folder or archive, as for `build_definitions`; relative like `project_path`.
        package: The name of an installed package that `kedro package` has made, as for `build_definitions`.
        translation: Laid over what `KedroTranslator` says of each asset.
    """

    project_path: Annotated[
        str | None,
        dg.Resolver(
            _resolve_path,
            description="The folder of the Kedro project, relative to the folder of this file; by default the project around it.",
            examples=["../../../../../my_kedro_project", "{{ env.KEDRO_PROJECT }}"],
        ),
    ] = None
    env: Annotated[
        str | None,
        dg.Resolver.default(
            description="The Kedro environment; by default the variable `KEDRO_ENV`, then what the project's settings say.",
            examples=["prod"],
        ),
    ] = None
    conf_source: Annotated[
        str | None,
        dg.Resolver(
            _resolve_path,
            description="The configuration folder or archive; relative to the folder of this file.",
            examples=["../../../../../my_configuration"],
        ),
    ] = None
    package: Annotated[
        str | None,
        dg.Resolver.default(
            description="The name of an installed package that `kedro package` has made. `project_path` is then the "
            "folder that relative paths of its catalog start from, by default the working directory.",
            examples=["my_kedro_project"],
        ),
    ] = None
    translation: Annotated[
        Callable[[dg.AssetSpec, Any], dg.AssetSpec] | None,
        TRANSLATION_RESOLVER(lambda record: {"record": record}),
    ] = None

    def get_asset_spec(self, record: DatasetRecord) -> dg.AssetSpec:
        """Describe one asset; its dependencies and its IO manager are added afterwards.

        Args:
            record: The dataset.
        """
        from kedro_assets.assets import KedroTranslator

        spec = KedroTranslator().get_asset_spec(record)
        return self.translation(spec, record) if self.translation else spec

    def get_step_tags(self, record: NodeRecord) -> Mapping[str, Any]:
        """Return the tags of a node's step in Dagster; by default those of dagster.yml.

        Args:
            record: The node.
        """
        return record.step_tags

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Build the definitions of the Kedro project.

        Args:
            context: Where the component is.

        Raises:
            ProjectError: If there is no project, or it cannot be imported or read.
            ConfigError: If its configuration does not fit; with every problem found.
        """
        from kedro_assets.assets import KedroTranslator
        from kedro_assets.definitions import build_definitions

        component = self

        class Translator(KedroTranslator):
            def get_asset_spec(self, data: DatasetRecord) -> dg.AssetSpec:
                return component.get_asset_spec(data)

            def get_step_tags(self, data: NodeRecord) -> Mapping[str, Any]:
                return component.get_step_tags(data)

        around = None if self.package else context.path
        return build_definitions(
            self.project_path or around,
            env=self.env,
            conf_source=self.conf_source,
            package=self.package,
            translator=Translator(),
        )
