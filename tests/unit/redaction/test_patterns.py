"""What looks like a secret in any text."""

import pytest

from kedro_assets.redaction.patterns import find_secrets, mask_patterns, redacted


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("redis://:pw@host:6379/0", "redis://***@host:6379/0"),
        ("https://user:p%40ss@host/a?b=c", "https://***@host/a?b=c"),
        ("postgresql://me:p/a@ss@host/db", "postgresql://***@host/db"),
        ("HTTPS://token@host", "HTTPS://***@host"),
        ("https://token:x-oauth-basic@host", "https://***@host"),
        ("from a://b:c@d to e://f:g@h", "from a://***@d to e://***@h"),
        ("abfss://me:secret@account/a", "abfss://***@account/a"),
        ("https://host/a?token=a1&v=2&api-key=b2 b", "https://host/a?token=***&v=2&api-key=*** b"),
        ("'s3://host/a?X-Amz-Signature=a1' is gone", "'s3://host/a?X-Amz-Signature=***' is gone"),
        ("password=hunter2, user=me", "password=***, user=me"),
        ("db.sslPassword = 'hunter 2'", "db.sslPassword = '***'"),
        ('{"api_key": "hunter2", "n": 1}', '{"api_key": "***", "n": 1}'),
        ("{'token': b'hunter2'}", "{'token': b'***'}"),
        (r"{\"token\": \"hunter2\"}", r"{\"token\": \"***\"}"),
        ("{'pin': 1, 'password': 12345}", "{'pin': 1, 'password': ***}"),
        (r"first\npassword=hunter2\nlast", r"first\npassword=***\nlast"),
        ("Authorization: Basic aHVudGVyMg==", "Authorization: Basic ***"),
        ("{'Authorization': 'Bearer abc'}", "{'Authorization': 'Bearer ***'}"),
        ("sent bearer abc.def-123 to it", "sent bearer *** to it"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text, masked):
    assert mask_patterns(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no secret",
        "mail me@host",
        "https://host/path@version",
        "https://host:8080/a@b",
        "http://[::1]:80/a@b",
        "abfs://container@account/a.csv",
        "https://host/a?page=3&sort=name",
        "tokens: 3",
        "max_tokens=300",
        "password=None",
        "password=***",
        "password = os.environ['X']",
        "if password == other:",
        "password=<db.password>",
        "password=${oc.env:PASSWORD}",
        "compass=north",
        "the bearer of news",
        "Authorization: none",
    ],
)
def test_what_does_not_look_like_one_stays(text):
    assert mask_patterns(text) == text


@pytest.mark.parametrize("text", ["https://hunter2@host/a?token=b", "password=hunter2", "Bearer abcdef123"])
def test_what_is_masked_once_stays_as_it_is(text):
    assert mask_patterns(mask_patterns(text)) == mask_patterns(text)


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("postgresql://me:p@ss@db/sales?sslpassword=hunter2", ["p@ss", "hunter2"]),
        ("https://hunter2@host", ["hunter2"]),
        ("https://hunter2:x-oauth-basic@host and https://hunter3:@host", ["hunter2", "hunter3"]),
        ("s3://bucket@host", []),
        ("postgresql://me@db/sales", []),
        ("host=db password='hunter 2' user=me", ["hunter 2"]),
        ("password=hunter2;password=hunter2", ["hunter2"]),
        ("data/a.csv", []),
    ],
    ids=[
        "address",
        "token",
        "token without a password",
        "user of a store",
        "user of a database",
        "pairs",
        "twice",
        "path",
    ],
)
def test_secrets_in_a_text_are_each_found_once(text, secrets):
    assert find_secrets(text) == secrets


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("data/a.csv", "data/a.csv"),
        ("data/a?b.csv", "data/a?b.csv"),
        ("s3://bucket/a.csv", "s3://bucket/a.csv"),
        ("https://host:8080/a@b", "https://host:8080/a@b"),
        ("https://me:secret@host/a.csv?token=abc", "https://host/a.csv"),
        ("postgresql://me:p/a@ss@host/db", "postgresql://host/db"),
        ("simplecache::https://me:secret@host/a.csv", "simplecache::https://host/a.csv"),
        ("simplecache::s3://token@bucket/a.csv?x=1", "simplecache::s3://bucket/a.csv"),
        ("abfs://container@account/a.csv", "abfs://container@account/a.csv"),
        ("abfs://me:secret@account/a.csv", "abfs://account/a.csv"),
    ],
    ids=[
        *("path", "path with a question mark", "address", "port", "login", "password with a slash", "chained"),
        *("chained token", "container", "login of azure"),
    ],
)
def test_a_place_is_shown_without_login_and_query(location, shown):
    assert redacted(location) == shown
