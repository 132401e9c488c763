"""Kedro's sessions, contexts and catalogs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from kedro.framework.cli.utils import _split_load_versions, _split_params, split_node_names
from kedro.framework.context import KedroContext
from kedro.framework.project import settings
from kedro.framework.session import KedroServiceSession, KedroSession
from kedro.io import CatalogProtocol, DataCatalog
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner
from kedro.validation import ValidationConfigurationError, Validator, ValidatorSpec, resolve_validator
from pluggy import PluginManager

_W = TypeVar("_W", bound=Validator)

REGISTRY_MODULE = r"kedro\.framework\.project"
"""A pattern of the module that warns of what `find_pipelines` leaves out.

Reason: Kedro has no other way to say which modules it leaves out.
Risk: low; where it moves, a module that was reported before is reported once in a process.
"""
NO_PIPELINE = "it has no function `create_pipeline`."
"""The reason of a module that was to hold no pipeline.

Reason: it goes with the warning that `left_out_module` reads.
Risk: low; the words are those of this package.
"""
_LEFT_OUT = re.compile(
    r"An error occurred while importing the '(?P<broken>[^']+)' module\..*?\n\n(?P<trace>.*)"
    r"|The '(?P<empty>[^']+)' module does not expose a 'create_pipeline' function"
    r"|Expected the 'create_pipeline' function in the '(?P<wrong>[^']+)' module to return a 'Pipeline' object, got '(?P<kind>[^']+)'",
    re.DOTALL,
)


def left_out_module(warning: str) -> tuple[str, str, str] | None:
    """Return the module that a warning of Kedro's `find_pipelines` is about.

    Reason: Kedro has no other way to say which modules it leaves out.
    Risk: low; where the words change, such a module is left out with Kedro's warning alone.

    Returns:
        The module, the reason, and the traceback where there is one; None if the warning is about something else.
    """
    found = _LEFT_OUT.match(warning)
    if found is None:
        return None
    if found["broken"]:
        return found["broken"], "it cannot be imported.", found["trace"]
    if found["empty"]:
        return found["empty"], NO_PIPELINE, ""
    return found["wrong"], f"`create_pipeline` returns an object of type {found['kind']}, not a pipeline.", ""


def create_session(
    place: Mapping[str, Any], runtime_params: Mapping[str, Any], *, serving: bool = False
) -> tuple[Any, dict[str, Any]]:
    """Return a session of the project's own `SESSION_CLASS`, or else of Kedro's newer one, which reads and writes no store.

    Reason: Kedro's two kinds of sessions take runtime parameters in different places, and nothing public tells which.
    Risk: low; Kedro's command line tells them apart in the same way.

    Args:
        place: What says where the project is: `project_path`, `env` and `conf_source`.
        runtime_params: What the project is opened with.
        serving: Whether it runs a pipeline inside of a step, where the pipelines that are loaded stay.

    Returns:
        The session, and the runtime parameters as its `load_context` and `run` still take them: not if they are given to
        the session itself.
    """
    kind: Any = settings.SESSION_CLASS
    if issubclass(kind, KedroSession) and kind is not KedroSession:
        return kind.create(**place, runtime_params=dict(runtime_params), save_on_close=False), {}
    options: dict[str, Any] = {"serving_mode": True} if serving else {}
    session = (KedroServiceSession if kind is KedroSession else kind).create(**place, **options)
    return session, {"runtime_params": dict(runtime_params)}


def session_id(session: Any) -> str | None:
    """Return the id of a session that its hooks get beside the id of the run; None if the project's class gives none.

    Reason: Kedro's two kinds of sessions give hooks different keys, and nothing public tells which.
    Risk: low; hooks get one key more or less.
    """
    kind: Any = settings.SESSION_CLASS
    return None if issubclass(kind, KedroSession) else getattr(session, "session_id", None)


def hook_manager(session: KedroServiceSession | KedroSession) -> PluginManager:
    """Return the hooks of a session.

    Reason: Kedro has no public way to fire the pipeline hooks outside `session.run`.
    Risk: medium; where it changes, no run starts. Kedro's own session and its plugins use it.
    """
    return session._hook_manager


def create_catalog(
    context: KedroContext, save_version: str, load_versions: Mapping[str, str]
) -> CatalogProtocol[Any, Any]:
    """Build the catalog with a save version and load versions.

    Reason: the public `context.catalog` takes none.
    Risk: medium; where it changes, no run starts. Kedro's own session calls it so.
    """
    return context._get_catalog(
        catalog_class=settings.DATA_CATALOG_CLASS,
        save_version=save_version,
        load_versions=dict(load_versions) or None,
    )


def limit_validation(context: KedroContext, pipeline: str) -> None:
    """Let a context check the parameters of one pipeline only, as Kedro's session does.

    Reason: it has no public way to say so.
    Risk: low; where it changes, the parameters of all pipelines are checked.
    """
    context._pipelines_to_validate = [pipeline]


def watch_validator(
    catalog: CatalogProtocol[Any, Any], dataset: str, watched: type[_W]
) -> tuple[ValidatorSpec, _W] | None:
    """Watch the validator that a catalog applies to a dataset.

    A validator that cannot be made is left to Kedro, which says so when it needs it.

    Reason: Kedro only logs what one with `severity: warn` refuses, and makes validators for itself. Which one a dataset has is
    public (`validator_specs`).
    Risk: medium; where it changes, the checks of a dataset have no result.

    Args:
        catalog: The catalog of a run.
        dataset: The dataset's name in the catalog.
        watched: The class that wraps a validator.
    """
    spec = catalog.validator_specs.get(dataset) if isinstance(catalog, DataCatalog) else None
    if spec is None or not isinstance(catalog, DataCatalog):
        return None
    validator = catalog._validators.get(dataset)
    if not isinstance(validator, watched):
        try:
            make: Any = watched
            validator = make(validator or resolve_validator(spec))
        except ValidationConfigurationError:
            return None
        catalog._validators[dataset] = validator
    return spec, validator


def split_params(ctx: Any, param: Any, value: str | None) -> dict[str, Any]:
    """Return the runtime parameters in `--params`, exactly as `kedro run` reads it.

    Reason: `kedro run` has no public reader of its own options.
    Risk: low.
    """
    return dict(_split_params(ctx, param, value or ""))


def split_names(ctx: Any, param: Any, value: str | None) -> list[str]:
    """Return the names in an option such as `--nodes`, exactly as `kedro run` reads it: commas in brackets are no separators.

    Reason: as for `split_params`.
    Risk: low.
    """
    return [name.strip() for name in split_node_names(ctx, param, value or "") if name.strip()]


def split_load_versions(ctx: Any, param: Any, value: str | None) -> dict[str, str]:
    """Return the versions in `--load-versions`, exactly as `kedro run` reads it.

    Reason: as for `split_params`.
    Risk: low.
    """
    return dict(_split_load_versions(ctx, param, value or ""))


def missing_outputs(pipeline: Pipeline, catalog: Any) -> Pipeline:
    """Return the nodes of a pipeline that `kedro run --only-missing-outputs` runs.

    Reason: a runner decides it and runs them at once.
    Risk: medium; where it changes, `kedro assets run --only-missing-outputs` fails.

    Args:
        pipeline: The pipeline.
        catalog: Says which datasets it has, and which of them exist.
    """
    return SequentialRunner()._filter_pipeline_for_missing_outputs(pipeline, catalog)
