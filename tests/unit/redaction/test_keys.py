import pytest

from kedro_assets.redaction import masked, says_secret, unmasked


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "db_password",
        "PASSWORD",
        "sslPassword",
        "pw",
        "api-key",
        "apiKey",
        "aws_secret_access_key",
        "tokens",
    ],
)
def test_a_key_says_secret(key):
    assert says_secret(key)


@pytest.mark.parametrize(
    "key", ["user", "key", "primary_key", "max_tokens", "tokenizer", "passenger", "secretary", "pwned"]
)
def test_a_key_says_nothing_of_the_kind(key):
    assert not says_secret(key)


def test_a_listed_key_is_secret_wherever_it_stands_and_a_place_is_one():
    parameters = {"licence": "a", "model": {"licence": "b", "seed": 1}, "seed": 2, 3: "c"}
    shown = {"licence": "***", "model": {"licence": "***", "seed": "***"}, "seed": 2, 3: "c"}
    assert masked(parameters, str, ["licence", "model.seed"]) == shown


def test_what_is_under_a_secret_key_is_masked_and_nothing_and_switches_are_shown():
    shown = masked({"secrets": {"a": [1, ("b",)], "c": None, "d": True}}, str)
    assert shown == {"secrets": {"a": ["***", ["***"]], "c": None, "d": True}}


def test_a_mask_that_is_left_stands_for_the_value():
    original = {"a": [{"token": "x", "n": 1}, {"token": "y"}], "url": "https://u:p@host", 3: "z"}
    shown = {"a": [{"token": "***", "n": 1}, {"token": "***"}], "url": "https://***@host", "3": "z"}
    changed = {
        "a": [{"token": "***", "n": 2}, {"token": "new"}, {"token": "***"}],
        "url": "https://***@host",
        "b": "***",
    }
    assert unmasked(changed, shown, original) == {
        "a": [{"token": "x", "n": 2}, {"token": "new"}, {"token": "***"}],
        "url": "https://u:p@host",
        "b": "***",
    }
