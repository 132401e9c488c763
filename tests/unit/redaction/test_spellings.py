import pytest
from planted import CREDENTIALS, LISTED, OF_VARIABLE, PARAMETER, PLAIN, TEXTS, VARIABLE

from kedro_assets.redaction import Redactor

SETTINGS = [{"api": {"secret_name": PARAMETER, "licence": LISTED}, "plain": "reader"}]


@pytest.fixture
def redactor(monkeypatch):
    monkeypatch.setenv(VARIABLE, OF_VARIABLE)
    return Redactor.of(CREDENTIALS, SETTINGS, ["licence"])


@pytest.mark.parametrize(("text", "core"), TEXTS.values(), ids=TEXTS)
def test_a_secret_is_masked_in_every_spelling(redactor, text, core):
    assert core in text
    assert core not in redactor.text(text)


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_secret_stays(redactor, text):
    assert redactor.text(text) == text
