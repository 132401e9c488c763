"""Loggers of kedro-dagster."""

import pytest

from kedro_assets.convert.loggers import PLAIN, converted_logger
from kedro_assets.errors import Scope


@pytest.mark.parametrize(("level", "converted"), [("info", "INFO"), (" Debug", "DEBUG"), ("NOTSET", "DEBUG"), (10, 10)])
def test_a_level_is_in_capitals(level, converted):
    assert converted_logger({"log_level": level}, Scope()) == {"log_level": converted}


def test_the_level_of_a_handler_is_in_capitals():
    handlers = [{"class": "logging.StreamHandler", "level": "warning"}, {"class": "logging.NullHandler"}]
    converted = converted_logger({"handlers": handlers}, Scope())
    assert converted == {"handlers": [{**handlers[0], "level": "WARNING"}, handlers[1]]}


def test_a_class_of_filters_is_called_with_the_other_keys():
    converted = converted_logger({"filters": {"f": {"class": "my.Filter", "word": "x"}}}, Scope())
    assert converted == {"filters": {"f": {"()": "my.Filter", "word": "x"}}}


@pytest.mark.parametrize(
    ("formatter", "converted"),
    [
        ({"format": "%(message)s"}, {"format": "%(message)s"}),
        ({"class": "my.Formatter", "format": "x"}, {"class": "my.Formatter", "format": "x"}),
        ({"class": "my.Formatter", "format": "x", "colour": 1}, {"()": "my.Formatter", "format": "x", "colour": 1}),
        ({"()": "my.Formatter", "colour": 1}, {"()": "my.Formatter", "colour": 1}),
    ],
    ids=["format", "class", "class with arguments", "factory"],
)
def test_a_class_of_formatters_with_arguments_of_its_own_is_called_with_them(formatter, converted):
    assert converted_logger({"formatters": {"f": formatter}}, Scope()) == {"formatters": {"f": converted}}


@pytest.mark.parametrize(
    "path", ["kedro_dagster.dagster_colored_formatter", "kedro_dagster.logging.DagsterColoredFormatter"]
)
def test_the_coloured_formatter_is_that_of_the_library_behind_it(path):
    problems = Scope()
    converted = converted_logger({"formatters": {"f": {"()": path}}}, problems)["formatters"]["f"]
    assert (converted["()"], converted["fmt"]) == ("coloredlogs.ColoredFormatter", PLAIN)
    assert not problems.failed


@pytest.mark.parametrize("kind", ["Rich", "Json"])
def test_the_other_formatters_become_plain_ones_which_is_reported(kind):
    problems = Scope()
    found = {"class": f"kedro_dagster.Dagster{kind}Formatter"}
    assert converted_logger({"formatters": {"f": found}}, problems) == {"formatters": {"f": {"format": PLAIN}}}
    assert [problem.path for problem in problems] == ["formatters.f"]


@pytest.mark.parametrize("logger", [None, "x", {"handlers": "x", "formatters": [], "filters": {"f": 1}}], ids=str)
def test_what_is_no_logger_is_left_to_the_check(logger):
    assert converted_logger(logger, Scope()) == logger
