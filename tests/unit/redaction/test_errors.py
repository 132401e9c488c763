import inspect
import pickle
import sys
import traceback

import pydantic
import pytest

from kedro_assets.redaction import Redactor

REDACTOR = Redactor(("hunter2",))


class Computed(Exception):  # noqa: N818
    def __str__(self):
        return chr(104) + "unter2"


class Port(pydantic.BaseModel):
    port: int


def raised(function):
    try:
        function()
    except Exception as error:  # noqa: BLE001
        return error


def refused():
    Port(port="hunter2")


def test_an_error_whose_text_is_computed_stays_itself_with_another_text():
    error = Computed()
    assert REDACTOR.error(error) is error
    assert (isinstance(error, Computed), type(error).__name__, str(error)) == (True, "Computed", "***")


def test_an_error_that_cannot_be_changed_is_replaced_by_one_of_its_name_with_its_traceback():
    error = raised(refused)
    found = REDACTOR.error(error)
    assert type(found).__name__ == "ValidationError"
    assert isinstance(found, ValueError)
    assert found.__traceback__ is error.__traceback__
    assert "input_value='***'" in str(found)


def test_a_cause_that_cannot_be_changed_is_replaced_in_its_place():
    def chained():
        try:
            refused()
        except ValueError as error:
            raise RuntimeError("no port") from error

    error = raised(chained)
    assert REDACTOR.error(error) is error
    text = "".join(traceback.format_exception(error))
    assert "input_value='***'" in text
    assert "direct cause" in text
    assert "'hunter2'" not in text.replace('Port(port="hunter2")', "")


def test_the_error_that_leaves_has_no_secret_in_what_it_came_from():
    def leave():
        with REDACTOR.errors():
            refused()

    error = raised(leave)
    assert error.__suppress_context__
    assert "'hunter2'" not in "".join(traceback.format_exception(error))


def test_a_masked_error_can_be_pickled():
    for error in (Computed(), raised(refused)):
        assert "***" in str(pickle.loads(pickle.dumps(REDACTOR.error(error))))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python has groups since 3.11")
def test_a_group_keeps_its_class_and_its_errors():
    plain = KeyError("plain")
    group = ExceptionGroup("with hunter2", [plain, ValueError("hunter2"), raised(refused)])  # noqa: F821
    found = REDACTOR.error(group)
    assert type(found) is type(group)
    assert found.message == "with ***"
    assert found.exceptions[0] is plain
    assert "'hunter2'" not in "".join(map(str, found.exceptions))


@pytest.fixture
def few_frames():
    """A stack that is full after 200 calls."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 200)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("few_frames")
def test_a_chain_of_more_errors_than_the_stack_has_frames_is_masked_to_its_end():
    first = error = ValueError("hunter2")
    for _ in range(400):  # Python's own time grows with the square
        error.__context__ = ValueError("hunter2")
        error = error.__context__
    REDACTOR.error(first)
    assert (str(first), str(error)) == ("***", "***")
