"""The registered pipelines, and what Kedro leaves out of them with a warning only."""

import re
import sys
import textwrap
import warnings
from pathlib import Path

import pytest
from kedro.framework.project import find_pipelines

from kedro_assets.errors import ProjectError
from kedro_assets.project.location import ProjectLocation
from kedro_assets.project.registry import LeftOutModule, read_registry, watch_registry

FINE = "from kedro.pipeline import Pipeline\n\n\ndef create_pipeline():\n    return Pipeline([])\n"


@pytest.fixture
def registry_of(write_project):
    """Open a project with a body of `register_pipelines`, and read its registry."""

    def read(pipelines):
        location = ProjectLocation(write_project(pipelines))
        location.open()
        return read_registry(location)

    return read


@pytest.fixture
def left_out_of(write_project):
    """Open a project with modules of pipelines, and return what is left out of them, with the package."""

    def watch(**modules):
        root = write_project("from kedro.framework.project import find_pipelines\nreturn find_pipelines()")
        location = ProjectLocation(root)
        package = location.open()
        for name, text in modules.items():
            file = root / "src" / package / "pipelines" / name / "__init__.py"
            file.parent.mkdir(parents=True)
            file.write_text(textwrap.dedent(text), encoding="utf-8")
            (file.parents[1] / "__init__.py").touch()
        with warnings.catch_warnings(record=True) as shown, watch_registry(root) as found:
            read_registry(location)
            assert list(found) == []  # they are known at the end
        return list(found), package, [str(warning.message) for warning in shown]

    return watch


# The registry.


def test_pipelines_have_their_names_and_one_that_is_none_is_left_out(registry_of):
    assert list(registry_of("return {'b': Pipeline([]), 'a': Pipeline([]), '__default__': None}")) == ["b", "a"]


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("return {'a': [1]}", "registers something that is not a pipeline: 'a' is of type list."),
        ("return {1: Pipeline([])}", "registers something that is not a pipeline: the name 1 is not a string."),
        (
            "return ({},)",
            "cannot be imported: ValueError: dictionary update sequence element #0 has length 0; 2 is required",
        ),
    ],
    ids=["pipeline", "name", "no mapping"],
)
def test_what_is_no_pipeline_is_refused(body, shown, registry_of):
    with pytest.raises(ProjectError) as caught:
        registry_of(body)
    said, _, place = str(caught.value).rpartition(" (")
    assert said.endswith(shown)
    assert re.fullmatch(r"src/\S+/pipeline_registry\.py:\d+\)", place)


def test_a_registry_that_raises_is_refused_with_its_place(registry_of):
    with pytest.raises(ProjectError, match=r"cannot be imported: ValueError: not today \(src/\S+/pipeline_registry.py:\d+\)$") as caught:  # fmt: skip
        registry_of("raise ValueError('not today')")
    assert isinstance(caught.value.__cause__, ValueError)


def test_the_place_is_that_of_the_first_error_in_the_project(registry_of):
    with pytest.raises(ProjectError, match=r"ValueError: first \(src/\S+:15\)$"):
        registry_of("""
            try:
                raise ValueError("first")
            except ValueError as error:
                raise RuntimeError("second") from error
        """)


def test_an_error_while_another_is_handled_is_the_one_that_counts(registry_of):
    with pytest.raises(ProjectError, match=r"RuntimeError: second \(src/\S+:17\)$"):
        registry_of("""
            try:
                raise ValueError("first")
            except ValueError:
                raise RuntimeError("second")
        """)


def test_an_error_below_the_projects_code_has_the_line_that_led_to_it(registry_of):
    with pytest.raises(ProjectError, match=r"FileNotFoundError: .* \(src/\S+:\d+\)$"):
        registry_of("from pathlib import Path\nPath('/no/such/file').read_text()")


def test_a_library_in_the_projects_folder_is_not_the_projects(write_project):
    root = write_project("import library_inside\nlibrary_inside.fail()")
    library = root / ".venv/lib/site-packages/library_inside.py"
    library.parent.mkdir(parents=True)
    library.write_text("def fail():\n    raise ValueError('inside')\n", encoding="utf-8")
    location = ProjectLocation(root)
    location.open()
    sys.path.append(str(library.parent))
    with pytest.raises(ProjectError, match=r"ValueError: inside \(src/\S+/pipeline_registry.py:\d+\)$"):
        read_registry(location)


# What is left out.


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("import a_library_that_is_missing\n", "ModuleNotFoundError: No module named 'a_library_that_is_missing'", 1),
        ("\n\nraise ValueError('several\\nlines')\n", "ValueError: several", 3),
        ("\nclass Own(Exception): pass\nraise Own\n", "{module}.Own", 3),
        ("def create_pipeline(:\n", "SyntaxError: invalid syntax", 1),
    ],
    ids=["import", "lines", "no message", "syntax"],
)
def test_a_module_that_cannot_be_imported_has_its_error_and_its_place(text, reason, line, left_out_of):
    found, package, shown = left_out_of(broken=text, fine=FINE)
    module = f"{package}.pipelines.broken"
    [left] = found
    assert left == LeftOutModule(
        module, reason.format(module=module), f"src/{package}/pipelines/broken/__init__.py:{line}"
    )
    assert str(left) == f"{left.source}  {module}: {left.reason}"
    assert any(module in message for message in shown)


def test_a_function_that_makes_no_pipeline_has_failed_and_a_module_without_one_has_not(left_out_of):
    found, package, _ = left_out_of(wrong="def create_pipeline():\n    return [1]\n", tools="")
    by_name = {left.module.rpartition(".")[2]: left for left in found}
    assert by_name.keys() == {"wrong", "tools"}
    assert (by_name["wrong"].failed, by_name["tools"].failed) == (True, False)
    assert by_name["wrong"].reason == "`create_pipeline` returns an object of type list, not a pipeline."
    assert str(by_name["tools"]) == f"{package}.pipelines.tools: it has no function `create_pipeline`."


def test_a_module_is_left_out_once_however_often_the_registry_is_read(left_out_of, tmp_path):
    _, package, _ = left_out_of(tools="")
    with warnings.catch_warnings(record=True), watch_registry(tmp_path) as found:
        find_pipelines()
        find_pipelines()
    assert [left.module for left in found] == [f"{package}.pipelines.tools"]


def test_other_warnings_are_shown_and_left_out_of_it(tmp_path):
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        with watch_registry(tmp_path) as found:
            warnings.warn("another", UserWarning, stacklevel=1)
    assert [str(warning.message) for warning in shown] == ["another"]
    assert list(found) == []


def test_how_warnings_are_shown_is_as_before_afterwards(tmp_path):
    before = warnings.showwarning, list(warnings.filters)
    with watch_registry(Path("/nowhere")):
        pass
    assert (warnings.showwarning, warnings.filters) == before
