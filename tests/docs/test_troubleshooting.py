"""The page on troubleshooting quotes messages that the source has, and says of each what causes and cures it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import dagster as dg
import pytest
from dagster._core.workspace.autodiscovery import loadable_targets_from_loaded_module

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "troubleshooting.md"
SOURCE = ROOT / "src" / "kedro_assets"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GAP = "…"


def sections() -> Iterator[object]:
    """Give the sections about messages, as parameters of a test."""
    page = PAGE.read_text(encoding="utf-8").partition("\n## Messages of Kedro and Dagster")[0]
    for section in re.split(r"^### ", page, flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        yield pytest.param(text.partition("\n## ")[0], id=title)


def quoted() -> list[str]:
    """The messages of the page, each as one line."""
    found = [message for section in sections() for _, message in FENCE.findall(section.values[0])]
    return [" ".join(message.split()) for message in found]


@pytest.fixture(scope="module")
def texts() -> set[str]:
    """The texts of the source, with a gap for each value that is put into them."""
    return {text for path in SOURCE.rglob("*.py") for text in texts_of(path.read_text(encoding="utf-8"))}


def texts_of(source: str) -> Iterator[str]:
    tree = ast.parse(source)
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    described = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else GAP for part in node.values]
            yield " ".join("".join(map(str, parts)).split())
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside | described:
            yield " ".join(re.sub(r"%s|\{\w*\}", GAP, node.value).split())


def test_a_message_is_found_with_gaps_for_its_values_and_no_docstring_is_one() -> None:
    source = '''def f(a):
    """No message: described."""
    raise ValueError(f"no pipeline '{a}' is " "registered.")
    log.warning("'%s' cannot be read", a)
'''
    assert set(texts_of(source)) == {"no pipeline '…' is registered.", "'…' cannot be read"}


@pytest.mark.parametrize("message", quoted())
def test_the_source_has_every_message_that_the_page_quotes(message: str, texts: set[str]) -> None:
    assert len(message.replace(GAP, "")) > 10
    assert any(message in text for text in texts)


@pytest.mark.parametrize("section", list(sections()))
def test_every_message_has_a_cause_and_a_cure(section: str) -> None:
    assert FENCE.search(section)
    assert re.findall(r"^\*\*(\w+)\.\*\* ", section, re.MULTILINE) == ["Cause", "Cure"]


def test_the_page_has_the_thirty_messages_that_users_meet_first() -> None:
    messages = quoted()
    assert len(messages) >= 30
    assert len(messages) == len({*messages})


@pytest.mark.parametrize("content", [{}, {"one": dg.Definitions(), "other": dg.Definitions()}], ids=["none", "several"])
def test_the_page_has_dagsters_own_words_for_a_module_without_definitions_or_with_several(
    content: dict[str, object],
) -> None:
    module = ModuleType("definitions")
    vars(module).update(content)
    with pytest.raises(dg.DagsterInvariantViolationError) as raised:
        loadable_targets_from_loaded_module(module)
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert str(raised.value).partition(" Found ")[0] in page
