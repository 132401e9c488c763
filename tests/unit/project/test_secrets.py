"""The secrets of a project, and errors without them."""

import pytest

from kedro_assets.project.location import ProjectLocation
from kedro_assets.project.secrets import masked_errors, read_credentials

CONF = {
    "credentials.yml": "db: {password: hunter2}\n",
    "parameters.yml": "api_key: t0ken-t0ken\nlicence: AAAA-BBBB\n",
    "catalog.yml": "a: {type: pandas.SQLTableDataset, con: 'postgresql://me:p4ss-p4ss@host/db'}\n",
    "dagster.yml": "secrets: [licence, 1]\n",
}
SECRETS = ["hunter2", "t0ken-t0ken", "AAAA-BBBB", "p4ss-p4ss"]


@pytest.fixture
def location_of(write_project):
    """Write a project with some configuration, and open it."""

    def make(conf, **options):
        location = ProjectLocation(write_project(conf=conf), **options)
        location.open()
        return location

    return make


def test_credentials_are_those_of_the_environment(location_of):
    conf = {**CONF, "prod/credentials.yml": "db: {password: other}\n"}
    assert read_credentials(location_of(conf)) == {"db": {"password": "hunter2"}}
    assert read_credentials(location_of(conf, env="prod")) == {"db": {"password": "other"}}


def test_credentials_are_read_with_runtime_parameters(location_of):
    location = location_of({"credentials.yml": "db: {password: '${runtime_params:password}'}\n"})
    assert read_credentials(location, {"password": "hunter2"}) == {"db": {"password": "hunter2"}}


@pytest.mark.parametrize(
    "text", [None, "", "db: ${runtime_params:missing}\n", "db: {password: [\n", "- a\n"],
    ids=["none", "empty", "without a parameter", "no yaml", "no mapping"],
)  # fmt: skip
def test_credentials_that_cannot_be_read_are_empty(text, location_of):
    assert read_credentials(location_of({} if text is None else {"credentials.yml": text})) == {}


@pytest.mark.parametrize("secret", SECRETS)
def test_an_error_has_no_secret_of_any_part_of_the_configuration(secret, location_of):
    with pytest.raises(ValueError, match=r"^no \*\*\* here$"), masked_errors(location_of(CONF)):
        raise ValueError(f"no {secret} here")


def test_the_names_of_credentials_are_no_secrets(location_of):
    catalog = "x: {type: a.B, credentials: vault}\ny: {type: a.B, credentials: {key: hunter2}}\n"
    with pytest.raises(ValueError, match=r"^no vault, \*\*\*$"), masked_errors(location_of({"catalog.yml": catalog})):
        raise ValueError("no vault, hunter2")


def test_a_runtime_parameter_may_be_a_secret(location_of):
    with pytest.raises(ValueError, match=r"^\*\*\*$"), masked_errors(location_of({}), {"password": "hunter2"}):
        raise ValueError("hunter2")


def test_an_error_stays_itself_and_keeps_its_cause(location_of):
    error, cause = ValueError("hunter2"), KeyError("hunter2")
    with pytest.raises(ValueError, match=r"\*") as caught, masked_errors(location_of(CONF)):
        raise error from cause
    assert caught.value is error
    assert caught.value.__cause__ is cause
    assert "hunter2" not in repr(cause)


class Fixed(Exception):  # noqa: N818
    """An error that cannot be changed."""

    __slots__ = ()

    def __str__(self):
        return "hunter2"


def test_an_error_that_cannot_be_changed_is_replaced(location_of):
    with pytest.raises(Exception, match=r"\*\*\*") as caught, masked_errors(location_of(CONF)):
        raise Fixed
    assert "hunter2" not in str(caught.value)


def test_what_ends_a_process_is_masked_too(location_of):
    with pytest.raises(SystemExit, match=r"^\*\*\*$"), masked_errors(location_of(CONF)):
        raise SystemExit("hunter2")


def test_the_plain_configuration_masks_where_the_rest_cannot_be_read(location_of):
    conf = {**CONF, "credentials.yml": "db: [\n", "catalog.yml": "a: ${missing:}\n", "dagster.yml": "- a\n"}
    with pytest.raises(ValueError, match=r"^\*\*\*$"), masked_errors(location_of(conf)):
        raise ValueError("t0ken-t0ken")


def test_nothing_is_read_unless_there_is_an_error(monkeypatch):
    monkeypatch.setattr("kedro_assets.project.secrets.config_loader", None)
    location = ProjectLocation("/nowhere")
    with masked_errors(location):
        pass

    def partly():
        with masked_errors(location):
            yield 1

    stopped = partly()
    next(stopped)
    stopped.close()
