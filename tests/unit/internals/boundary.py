"""Finds in source text what Dagster and Kedro do not publish."""

import ast
import inspect
import logging
import re
from collections.abc import Iterator
from enum import Enum
from functools import cache

import dagster as dg
from dagster._annotations import is_public

OF_OTHER_CLASSES = {
    # of classes that `dagster` does not export, so that they cannot be found in it
    *("reconstructable_job", "resume_from_failure", "get_steps_to_execute", "plan_context"),
    *("check_for_interrupts", "mark_interrupted", "handle_event", "verify_complete", "plan_events_iterator"),
    *("materializable_asset_keys", "child_keys", "parent_keys", "get_assets_def_for_node"),
    *("duration_ms", "run_config_schema_type", "get_reconstructable_job", "scalar_type", "non_scalar_type"),
    # that another exported class takes as an argument, or inherits
    *("step_context", "executor_config", "event_specific_data", "partitions_defs"),
}
"""Names that Dagster does not publish and `unpublished_names` does not find."""

IN_GUIDES = {
    *("from_user_string", "to_user_string"),  # of asset keys
    *("newly_true", "since", "since_last_handled"),  # of automation conditions
    "build_add_request",  # of dynamic partitions
    "resolve_source_relative_path",  # of components
}
"""Names that Dagster does not mark as public, and its guides show."""

OF_OTHERS = {
    *("create", "load_context"),  # Kedro's session
    *("resolve", "unlink", "terminate"),  # paths and processes
    "targets",  # assignments in a syntax tree
}
"""Names that others than Dagster's classes have here too."""

_PRIVATE = re.compile(r"(dagster|kedro)(?!_assets)\w*(\.\w+)*\.(?!__)_\w+.*")
_INSIDE = re.compile(r"dagster\.\w+")


@cache
def unpublished_names() -> frozenset[str]:
    """Return the names of methods and properties of Dagster's exported classes that none of them marks as public.

    What a class takes as an argument is published with it.
    """
    published, found = set(), set()
    for kind in (kind for _, kind in inspect.getmembers(dg, inspect.isclass) if not issubclass(kind, Enum)):
        arguments = _arguments(kind)
        published |= arguments
        for base in (base for base in kind.__mro__ if base.__module__.startswith("dagster")):
            for name, member in vars(base).items():
                (published if name in arguments or _marked(member) else found).add(name)
    of_python = set().union(*(dir(kind) for kind in (str, dict, list, tuple, set, Exception, logging.Logger, int)))
    return frozenset(name for name in found - published - of_python if not name.startswith("_"))


def _arguments(kind: type) -> set[str]:
    found = set()
    for base in kind.__mro__:
        found |= {*getattr(base, "__annotations__", {}), *getattr(base, "_fields", ())}
        make = vars(base).get("__init__") or vars(base).get("__new__")
        if inspect.isfunction(make):
            found |= set(inspect.signature(make).parameters)
    return found


def _marked(member: object) -> bool:
    try:
        return is_public(member)
    except Exception:  # noqa: BLE001 - what is no method has no mark
        return False


def violations(source: str, own: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield each import, attribute and text in a source that only the room may have.

    Args:
        source: The source.
        own: Names that classes of this package have too.
    """
    unpublished = (unpublished_names() | OF_OTHER_CLASSES) - IN_GUIDES - OF_OTHERS - own
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found = [name.name for name in node.names if _INSIDE.match(name.name) or _PRIVATE.match(f"{name.name}.")]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{name.name}" for name in node.names]
            found = [name for name in names if _PRIVATE.match(name) or _INSIDE.match(str(node.module))]
        elif isinstance(node, ast.Attribute):
            of = node.value.id if isinstance(node.value, ast.Name) else ""
            private = (
                node.attr.startswith("_") and not node.attr.endswith("__") and of not in {"self", "cls", "os"}
            )  # `os._exit` is published
            in_room = of.startswith(("dagster_", "kedro_"))
            found = [node.attr] if private or (node.attr in unpublished and not in_room) else []
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"getattr", "hasattr"}:
            names = [each.value for each in node.args[1:2] if isinstance(each, ast.Constant)]
            found = [name for name in names if name in unpublished or re.match(r"_[^_]", str(name))]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = [node.value] if _PRIVATE.fullmatch(node.value) else []
        else:
            continue
        yield from (f"line {node.lineno}: {name}" for name in found)


def defined_names(source: str) -> Iterator[str]:
    """Yield the names of the methods, the properties and the attributes that classes in a source have."""
    for kind in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)):
        for node in kind.body:
            if isinstance(node, ast.FunctionDef):
                yield node.name
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield node.target.id
