import traceback
from dataclasses import dataclass

import attrs
import pytest

from kedro_assets.redaction import Redactor

CREDENTIALS = {
    "warehouse": {"username": "reporting", "password": "hunter2", "con": "postgresql://me:hunter2@db/sales"},
    "bucket": {
        "key": "AKIA0123",
        "secret": "s3cr3t/+=",
        "client_kwargs": {"aws_session_token": "t0ken", "region": "eu"},
    },
    "list": {"tokens": ["first-token", "second-token"]},
    "number": {"password": 5},
    "short": {"password": "abc"},
    "no mapping": "password",
}


@pytest.fixture
def redactor():
    return Redactor.of(CREDENTIALS)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("login with hunter2 failed", "login with *** failed"),
        ("no answer from postgresql://me:hunter2@db/sales", "no answer from ***"),
        ("AKIA0123 has no right", "*** has no right"),
        ("s3cr3t/+= and t0ken", "*** and ***"),
        ("first-token, second-token", "***, ***"),
        ("user reporting in eu", "user reporting in eu"),
        ("abc", "abc"),
    ],
)
def test_secrets_are_masked_in_text(redactor, text, masked):
    assert redactor.text(text) == masked


def test_addresses_are_masked_without_any_credentials():
    assert Redactor.of({}).text("amqp://guest:guest@queue") == "amqp://***@queue"


class OwnMessage(Exception):  # noqa: N818
    def __init__(self, url):
        self.url = url
        super().__init__()

    def __str__(self):
        return f"cannot open {self.url}"


@attrs.frozen
class Frozen(Exception):  # noqa: N818
    url: str


@dataclass(frozen=True)
class FrozenDataclass(Exception):  # noqa: N818
    url: str


class WithProperty(Exception):  # noqa: N818
    def __init__(self, url):
        vars(self)["url"] = url
        super().__init__(url)

    @property
    def url(self):
        return vars(self)["url"]


class OwnFilename(OSError):  # noqa: N818
    @property
    def filename(self):
        return "hunter2"

    def __str__(self):
        return f"cannot open {self.strerror}"


@pytest.mark.parametrize(
    "error",
    [
        Frozen("postgresql://me:hunter2@db/sales"),
        FrozenDataclass("postgresql://me:hunter2@db/sales"),
        WithProperty("hunter2"),
        OwnFilename(2, "hunter2"),
        ValueError("hunter2"),
        ValueError("with", "hunter2", 3),
        ValueError({"login": ["hunter2", ("t0ken", None)]}, ["hunter2"]),
        KeyError("hunter2"),
        FileNotFoundError(2, "No such file", "/data/hunter2"),
        OSError("connect postgresql://me:hunter2@db/sales"),
        OwnMessage("postgresql://me:hunter2@db/sales"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_secrets_are_masked_in_errors_and_their_types_stay(redactor, error):
    kind = type(error)
    redactor.error(error)
    assert type(error) is kind
    assert "hunter2" not in f"{error} {error!r}"
    assert "***" in str(error)


def test_what_caused_an_error_is_masked_too(redactor):
    try:
        try:
            try:
                raise KeyError("t0ken")  # noqa: TRY301
            except KeyError:
                raise ValueError("hunter2")  # noqa: B904
        except ValueError as cause:
            raise RuntimeError("no data") from cause
    except RuntimeError as error:
        redactor.error(error)
        shown = "".join(traceback.format_exception(error))
    assert "no data" in shown
    assert not any(
        secret in shown.replace('("hunter2")', "").replace('("t0ken")', "") for secret in ("hunter2", "t0ken")
    )


def test_errors_that_refer_to_each_other_end(redactor):
    first, second = ValueError("hunter2"), ValueError("hunter2")
    first.__cause__, second.__cause__ = second, first
    redactor.error(first)
    assert (str(first), str(second)) == ("***", "***")


def test_what_else_an_error_carries_is_masked_too(redactor):
    error, itself = ValueError("no login"), ["hunter2"]
    itself.append(itself)
    error.__notes__ = ["tried hunter2"]
    error.tried, error.itself, error.when = {"password": "hunter2"}, itself, {1, 2}
    redactor.error(error)
    assert error.__notes__ == ["tried ***"]
    assert (error.tried, error.itself[0], error.when) == ({"password": "***"}, "***", {1, 2})


def test_an_error_without_secrets_is_left_alone(redactor):
    error = ValueError("plain", 1)
    redactor.error(error)
    assert error.args == ("plain", 1)


def test_what_an_error_calls_exceptions_need_not_be_errors(redactor):
    error = ValueError("hunter2")
    for error.exceptions in (None, "hunter2", [KeyError("hunter2"), "text"]):
        redactor.error(error)
    assert str(error.exceptions[0]) == "'***'"


def test_secrets_in_a_dataclass_that_an_error_carries_are_masked_in_a_copy(redactor):
    @dataclass(frozen=True)
    class Failure:
        message: str
        examples: list

    plain, found = Failure("plain", [1]), Failure("hunter2", ["hunter2", 1])
    error = ValueError()
    error.failures = [plain, found, Failure]
    redactor.error(error)
    assert error.failures == [plain, Failure("***", ["***", 1]), Failure]
    assert (error.failures[0] is plain, found.message) == (True, "hunter2")


def test_errors_raised_inside_are_masked_and_raised_on(redactor):
    with pytest.raises(ValueError, match=r"no \*\*\* here"), redactor.errors():
        raise ValueError("no hunter2 here")
    with redactor.errors():
        assert redactor.text("nothing is raised") == "nothing is raised"


class Several(Exception):  # noqa: N818
    """A group of errors, as Python has them from 3.11 on."""

    def __init__(self, message, exceptions):
        super().__init__(message)
        self._exceptions = tuple(exceptions)

    @property
    def exceptions(self):
        return self._exceptions


def test_the_errors_of_a_group_are_masked_too(redactor):
    inner, deep = KeyError("hunter2"), ValueError("hunter2")
    group = Several("of t0ken", [inner, Several("deep", [deep])])
    redactor.error(group)
    assert (inner.args, deep.args, str(group)) == (("***",), ("***",), "of ***")


def test_of_two_secrets_the_longer_one_is_masked_whole():
    redactor = Redactor.of({"a": {"password": "hunter"}, "b": {"password": "hunter22"}})
    assert redactor.text("hunter22 and hunter") == "*** and ***"
