"""What processes of one command leave out of its terminal, as Kedro, Dagster and Python write it."""

import logging
import os
import warnings

import pytest
from dagster import colored_console_logger
from kedro.framework import project as kedro_project

from kedro_assets._internals import process_output


@pytest.fixture
def written():
    """The texts of the warnings that are written."""
    found, logger = [], logging.getLogger("py.warnings")
    handler = logging.Handler()
    handler.emit = lambda record: found.append(record.getMessage().partition("Warning: ")[2].partition("\n")[0])
    logger.addHandler(handler)
    before, logger.disabled = logger.disabled, False  # as the logging of another test's project may have left it
    yield found
    logger.disabled = before
    logger.removeHandler(handler)


def warn(text, kind=UserWarning, file="/shop/nodes.py"):
    """Write a warning as Python does where a project's logging captures them."""
    logging.getLogger("py.warnings").warning("%s", warnings.formatwarning(text, kind, file, 3, "old()"))


@pytest.fixture
def joined():
    """Join a command as a process of a step does, and take that back."""
    kind = logging.getLoggerClass()
    before = {name: list(logging.getLogger(name).filters) for name in ("py.warnings", "kedro.framework.project")}
    yield process_output.join_terminal
    logging.setLoggerClass(kind)
    for name, filters in before.items():
        logging.getLogger(name).filters[:] = filters


def test_a_warning_is_written_once_wherever_it_comes_from(written):
    with process_output.shared_terminal():
        warn("old")
        warn("old")
        warn("old", DeprecationWarning)
        warn("older")
    assert written == ["old", "old", "older"]


def test_another_process_of_the_command_leaves_out_what_was_shown(written, joined):
    with process_output.shared_terminal():
        warn("old")
        logging.getLogger("py.warnings").filters.clear()  # as in another process
        joined()
        warn("old", file="/elsewhere.py")
        warn("new")
    assert written == ["old", "new"]


def test_after_the_command_all_is_as_it_was(written):
    with process_output.shared_terminal():
        assert os.path.isdir(os.environ[process_output.VARIABLE])  # noqa: PTH112 - as it is in the environment
    assert process_output.VARIABLE not in os.environ
    for _ in range(2):
        warn("old")
    assert written == ["old", "old"]


def test_without_such_a_command_nothing_is_left_out(joined, monkeypatch):
    monkeypatch.delenv(process_output.VARIABLE, raising=False)
    joined()
    assert not logging.getLogger("py.warnings").filters


def test_a_folder_that_is_gone_lets_warnings_pass(written, joined, monkeypatch):
    monkeypatch.setenv(process_output.VARIABLE, "/nowhere/at/all")
    joined()
    warn("old")
    assert written == ["old"]


def test_a_process_of_a_step_has_no_debug_lines_of_dagster_and_no_word_of_kedros_logging(joined, capsys, monkeypatch):
    monkeypatch.setenv(process_output.VARIABLE, "/nowhere/at/all")
    joined()
    logger = colored_console_logger.logger_fn(_context())
    logger.debug("a step has started")
    logger.error("a step has failed")
    error = capsys.readouterr().err
    assert "a step has started" not in error
    assert "a step has failed" in error
    kedros = logging.getLogger(kedro_project.__name__)
    assert not kedros.filter(logging.LogRecord(kedros.name, logging.INFO, "", 1, "Using ...", (), None))
    assert kedros.filter(logging.LogRecord(kedros.name, logging.WARNING, "", 1, "Lost ...", (), None))


def _context():
    class Context:
        logger_config = {"name": "dagster", "log_level": "DEBUG"}  # noqa: RUF012 - a stand-in

    return Context()
