import pytest

from kedro_assets.redaction.secrets import secrets_of


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    monkeypatch.setattr("os.environ", {})


@pytest.mark.parametrize(
    ("credentials", "secrets"),
    [
        ({"db": {"user": "admin", "host": "db.example.com", "port": 5432, "region_name": "eu-central"}}, []),
        (
            {"db": {"password": "hunter2", "cert": "AAAA", "pin": 1234, "rate": 0.25}},
            ["hunter2", "0.25", "1234", "AAAA"],
        ),
        ({"db": {"a": True, "b": None, "c": "abc", "d": "None", "e": "<name>"}}, []),
        ({"user": "hunter2"}, ["hunter2"]),
        ({"db": ["hunter2", {"user": "x", "key": ["t0ken"]}]}, ["hunter2", "t0ken"]),
        ({"db": {"host": "https://hunter2@db.example.com"}}, ["https://hunter2@db.example.com", "hunter2"]),
        ({"db": {"blob": b"hunter2"}}, ["hunter2"]),
    ],
)
def test_every_value_of_the_credentials_is_secret_unless_it_is_plainly_none(credentials, secrets):
    assert list(secrets_of(credentials)) == secrets


def test_what_also_stands_in_the_plain_configuration_is_no_secret_unless_its_key_says_so():
    settings = [{"schema": "reporting", "mode": ["overwrite"]}]
    assert secrets_of({"db": {"a": "reporting", "b": "overwrite", "password": "reporting"}}, settings) == ("reporting",)


def test_the_rest_of_the_configuration_has_secrets_under_keys_that_say_so():
    settings = [{"api_key": "hunter2", "url": "https://me:t0ken@host", "depth": 12345}, {"licence": "AAAA"}]
    assert secrets_of({}, settings, ["licence"]) == ("hunter2", "t0ken", "AAAA")


def test_variables_whose_names_say_so_are_secret(monkeypatch):
    monkeypatch.setattr(
        "os.environ", {"SLACK_TOKEN": "hunter2", "PWD": "/home/me", "OLDPWD": "/home", "HOME": "/home/me"}
    )
    assert secrets_of({}) == ("hunter2",)
