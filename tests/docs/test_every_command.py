"""Every command on a page is run by a test, or stands in a short list that says why not."""

from __future__ import annotations

import re

import pytest
from page_commands import NOT_RUN, ROOT, RUN_BY, Command, all_commands, run_by

COMMANDS = list(all_commands())


def reasons(command: Command) -> list[str]:
    return [reason for pattern, reason in NOT_RUN.items() if re.fullmatch(pattern, command.text)]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command.page}:{command.line}")
def test_a_command_is_run_by_one_file_of_tests_or_there_is_a_reason(command: Command) -> None:
    assert len(run_by(command) + reasons(command)) == 1, command


def test_what_is_not_run_is_on_a_page() -> None:
    texts = [command.text for command in COMMANDS]
    assert [pattern for pattern in NOT_RUN if not any(re.fullmatch(pattern, text) for text in texts)] == []


@pytest.mark.parametrize("test", RUN_BY)
def test_a_file_of_tests_takes_the_commands_of_its_pages(test: str) -> None:
    source = (ROOT / test).read_text(encoding="utf-8")
    assert "commands_for(__file__, " in source
    for page in RUN_BY[test]:
        assert any(command.page == page and test in run_by(command) for command in COMMANDS), page
