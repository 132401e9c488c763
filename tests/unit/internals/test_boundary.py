"""What Dagster and Kedro do not publish is used in `kedro_assets._internals` only."""

import ast
import re
from pathlib import Path

import pytest

import kedro_assets

from .boundary import IN_GUIDES, OF_OTHER_CLASSES, defined_names, unpublished_names, violations

PACKAGE = Path(kedro_assets.__file__).parent
ROOM = PACKAGE / "_internals"
OUTSIDE = [path for path in sorted(PACKAGE.rglob("*.py")) if ROOM not in path.parents]


@pytest.fixture(scope="module")
def own():
    """The names that classes of this package have themselves, so that they cannot be told from Dagster's."""
    return frozenset(name for path in OUTSIDE for name in defined_names(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", OUTSIDE, ids=[path.relative_to(PACKAGE).as_posix() for path in OUTSIDE])
def test_what_is_not_published_is_not_used_outside_of_the_room(path, own):
    assert list(violations(path.read_text(encoding="utf-8"), own)) == []


@pytest.mark.parametrize(
    "source",
    [
        "from dagster._core.instance import DagsterInstance",
        "import dagster._core.instance",
        "from dagster import _check",
        "from dagster.components.utils.translation import TranslationFnResolver",
        "from dagster_dask._internal import thing",
        "from kedro.framework.cli.utils import _split_params",
        "import kedro.io._private",
        "session._hook_manager",
        "self.session._hook_manager",
        "import_module('dagster._core.instance')",
        "getattr(context, 'step_context')",
        "getattr(session, '_hook_manager', None)",
        "instance.all_logs(run_id)",
        "context.step_context",
        "context.op_handle",
        "context.instance.managed_python_loggers",
        "instance.storage_directory()",
        "instance.add_run_tags(run_id, {})",
        "job.get_subset(asset_selection=keys)",
        "dg.AssetSelection.from_string(text)",
        "super().with_resources(resources)",
        "plan.get_steps_to_execute()",
        "definition.get_last_partition_key()",
        "graph.materializable_asset_keys",
    ],
)
def test_a_use_of_what_is_not_published_is_found(source):
    assert len(list(violations(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "import dagster as dg",
        "from dagster import asset",
        "from kedro.io import DataCatalog",
        "from kedro_assets._internals import dagster_jobs",
        "self._anything",
        "cls.__name__",
        "dagster_instance.add_run_tags(instance, run_id, {})",
        "dg.AssetKey.from_user_string(text)",
        "instance.get_run_by_id(run_id)",
        "spec.replace_attributes(deps=[])",
        "run.asset_selection",
        "text.removeprefix('_')",
        "getattr(function, '__self__', None)",
        "__all__ = ['get_io_manager_key']",
    ],
)
def test_what_is_published_may_be_used(source):
    assert list(violations(source)) == []


def test_no_name_is_listed_that_is_published_or_is_found_by_itself():
    assert OF_OTHER_CLASSES & unpublished_names() == set()
    assert unpublished_names() >= IN_GUIDES


def _documented(path: Path) -> dict[str, str]:
    """Return the docstrings of the functions, classes and constants of a module that others use."""
    found = {}
    body = ast.parse(path.read_text(encoding="utf-8")).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            found[node.name] = ast.get_docstring(node) or ""
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
            if isinstance(target, ast.Name) and target.id.isupper() and not target.id.startswith("_"):
                found[target.id] = text
    return found


OWN_RECORDS = {
    "Option",
    "OptionType",
    "ExecutedRun",
    "DueStep",
    "RecordedData",
    "RunInProgress",
    "PLAIN_VARIABLE",
    "is_plain",
}
"""What the room has of its own; the functions that make the records say what of Dagster's they need."""

ROOM_NAMES = [
    pytest.param(text, id=f"{path.stem}.{name}")
    for path in sorted(ROOM.glob("*.py"))
    for name, text in _documented(path).items()
    if name not in OWN_RECORDS
]


@pytest.mark.parametrize("text", ROOM_NAMES)
def test_each_name_of_the_room_has_a_reason_and_a_risk(text):
    assert re.search(r"Reason: \S+", text)
    assert re.search(r"Risk: (low|medium|high)\b", text)
