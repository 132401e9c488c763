import logging
import logging.config
import threading

import pytest

from kedro_assets.redaction import Redactor
from kedro_assets.runtime.log_capture import captured_logs

PROJECT = logging.getLogger("shop.nodes")
LIBRARY = logging.getLogger("some_library.deep")
KEPT_APART = logging.getLogger("kept_apart")


class FakeLog:
    """Takes lines as Dagster's log does, at the levels it has."""

    def __init__(self, also=lambda: None):
        self.lines = []
        self.also = also

    def log(self, level, message):
        assert level in (10, 20, 30, 40, 50)
        self.also()
        self.lines.append((logging.getLevelName(level), message))

    @property
    def messages(self):
        return [message for _, message in self.lines]


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """Let every line through, keep one logger to itself, and fail if a test leaves a handler behind."""
    root = logging.getLogger()
    level = root.level
    monkeypatch.setattr(KEPT_APART, "propagate", False)
    root.setLevel(1)
    yield
    root.setLevel(level)
    KEPT_APART.handlers.clear()


@pytest.fixture
def log():
    return FakeLog()


# Which line at which level.


def test_what_is_logged_inside_is_passed_on_and_nothing_else(log):
    PROJECT.warning("before")
    with captured_logs(log):
        PROJECT.warning("inside")
    PROJECT.warning("after")
    assert log.lines == [("WARNING", "inside")]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (1, "DEBUG"),
        (9, "DEBUG"),
        (10, "DEBUG"),
        (15, "DEBUG"),
        (20, "INFO"),
        (25, "INFO"),
        (30, "WARNING"),
        (39, "WARNING"),
        (40, "ERROR"),
        (50, "CRITICAL"),
        (99, "CRITICAL"),
    ],
)
def test_a_line_gets_the_nearest_level_below_that_dagster_has(log, level, expected):
    with captured_logs(log):
        PROJECT.log(level, "line")
    assert log.lines == [(expected, "line")]


def test_a_level_that_has_a_name_of_its_own_is_one_that_dagster_has(log, monkeypatch):
    monkeypatch.setattr(logging, "_levelToName", dict(logging._levelToName))
    monkeypatch.setattr(logging, "_nameToLevel", dict(logging._nameToLevel))
    logging.addLevelName(35, "NOTICE")
    with captured_logs(log):
        PROJECT.log(35, "line")
    assert log.lines == [("WARNING", "line")]


def test_a_line_below_the_level_of_its_logger_is_not_passed_on(log, monkeypatch):
    monkeypatch.setattr(PROJECT, "level", logging.ERROR)
    PROJECT.manager._clear_cache()
    with captured_logs(log):
        PROJECT.warning("too low")
        PROJECT.error("high enough")
    PROJECT.manager._clear_cache()
    assert log.messages == ["high enough"]


@pytest.mark.parametrize(
    ("message", "args", "expected"),
    [
        ("100 %", (), "100 %"),
        ("%s of %s", (), "%s of %s"),
        ("%d %%", (5,), "5 %"),
        ("{} {name} }{", (), "{} {name} }{"),
        ("%s", ("%d {}",), "%d {}"),
        ("%(one)s", ({"one": "{1}"},), "{1}"),
        ("größe \N{SNOWMAN}\nsecond line", (), "größe \N{SNOWMAN}\nsecond line"),
    ],
    ids=["percent", "placeholders", "escaped", "braces", "argument", "mapping", "lines"],
)
def test_a_message_arrives_as_the_standard_library_formats_it(log, message, args, expected):
    with captured_logs(log):
        PROJECT.warning(message, *args)
    assert log.messages == [expected]


def test_an_object_as_the_message_arrives_as_its_text(log):
    with captured_logs(log):
        PROJECT.warning({"a": 1})
    assert log.messages == ["{'a': 1}"]


def test_an_exception_arrives_with_its_traceback(log):
    def fail():
        raise ValueError("100 %s {empty}")

    with captured_logs(log):
        try:
            fail()
        except ValueError:
            PROJECT.exception("no %s", "stock")
    [(level, message)] = log.lines
    assert level == "ERROR"
    assert message.startswith("no stock\nTraceback (most recent call last):\n")
    assert "in fail" in message
    assert message.endswith("\nValueError: 100 %s {empty}")


# Which loggers.


def test_kedros_own_lines_are_left_out_below_warnings(log):
    with captured_logs(log):
        for name in ("kedro", "kedro.io.data_catalog"):
            logging.getLogger(name).info("loading")
            logging.getLogger(name).warning("beware of %s", name)
    assert log.lines == [("WARNING", "beware of kedro"), ("WARNING", "beware of kedro.io.data_catalog")]


def test_a_logger_whose_name_only_begins_like_kedros_is_anybodys(log):
    with captured_logs(log):
        logging.getLogger("kedro_datasets.pandas").info("line")
        logging.getLogger("dagster_shop").info("line")
    assert log.messages == ["line", "line"]


@pytest.mark.parametrize("name", ["dagster", "dagster.builtin", "dagster.daemon"])
def test_dagsters_own_loggers_are_never_passed_on(log, name):
    with captured_logs(log):
        logging.getLogger(name).critical("line")
    assert log.lines == []


def test_the_root_logger_is_passed_on(log):
    with captured_logs(log):
        logging.getLogger().warning("line")
    assert log.messages == ["line"]


def test_a_logger_that_keeps_its_lines_to_itself_is_passed_on_once(log):
    with captured_logs(log):
        KEPT_APART.warning("line")
        logging.getLogger("kept_apart.deep").warning("deeper")
    assert log.messages == ["line", "deeper"]


def test_a_warning_that_logging_captures_is_passed_on(log):
    with captured_logs(log):
        logging.getLogger("py.warnings").warning("%s", "UserWarning: mind the gap")
    assert log.lines == [("WARNING", "UserWarning: mind the gap")]


@pytest.mark.parametrize(
    ("managed", "left"),
    [
        (["root"], []),
        (["some_library"], ["shop"]),
        (["some_library.deep"], ["shop"]),
        (["some_library.deep", "shop"], []),
        (["some_library.deep.er", "some", "some_lib"], ["library", "shop"]),
        ([], ["library", "shop"]),
    ],
    ids=["root", "parent", "same", "both", "others", "none"],
)
def test_what_dagster_itself_captures_is_left_to_it(log, managed, left):
    for name in managed:  # as Dagster does
        logging.getLogger(None if name == "root" else name)
    with captured_logs(log, managed):
        LIBRARY.warning("library")
        PROJECT.warning("shop")
    assert log.messages == left


def test_a_logger_that_keeps_its_lines_from_a_managed_one_is_passed_on(log):
    with captured_logs(log, ["root"]):
        KEPT_APART.warning("line")
    assert log.messages == ["line"]


# Whose capture.


def test_a_line_goes_to_the_innermost_of_nested_captures_only(log):
    inner = FakeLog()
    with captured_logs(log):
        PROJECT.warning("one")
        with captured_logs(inner):
            PROJECT.warning("two")
        PROJECT.warning("three")
    assert (log.messages, inner.messages) == (["one", "three"], ["two"])


def test_a_line_of_a_thread_started_inside_goes_to_the_latest_capture(log):
    inner = FakeLog()

    def speak(line):
        thread = threading.Thread(target=PROJECT.warning, args=(line,))
        thread.start()
        thread.join()

    with captured_logs(log):
        speak("one")
        with captured_logs(inner):
            speak("two")
        speak("three")
    assert (log.messages, inner.messages) == (["one", "three"], ["two"])


def test_captures_of_two_threads_at_once_do_not_mix():
    logs = [FakeLog(), FakeLog()]
    together = threading.Barrier(2, timeout=10)

    def speak(number):
        with captured_logs(logs[number]):
            for line in range(20):
                together.wait()
                PROJECT.warning("%s of %s", line, number)
            together.wait()

    threads = [threading.Thread(target=speak, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [log.messages for log in logs] == [[f"{line} of {number}" for line in range(20)] for number in range(2)]


def test_a_capture_goes_on_after_another_one_that_began_later_has_ended_first_or_last(log):
    later = FakeLog()
    first, second = captured_logs(log), captured_logs(later)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    PROJECT.warning("line")
    second.__exit__(None, None, None)
    assert (log.messages, later.messages) == ([], ["line"])


# What is left behind.


def handlers():
    """Give the handlers where records end up; pytest has some of its own there."""
    return [*logging.getLogger().handlers], [*KEPT_APART.handlers]


def test_handlers_are_as_before_afterwards(log):
    before = handlers()
    with captured_logs(log), captured_logs(log):
        assert [len(inside) - len(outside) for inside, outside in zip(handlers(), before, strict=True)] == [1, 1]
    assert handlers() == before


def test_handlers_are_as_before_after_an_exception(log):
    before = handlers()
    with pytest.raises(ValueError, match="stop"), captured_logs(log), captured_logs(log):
        raise ValueError("stop")
    assert handlers() == before


def test_handlers_are_as_before_where_a_logger_began_to_hand_its_lines_on(log):
    before = handlers()
    with captured_logs(log):
        KEPT_APART.propagate = True
    assert handlers() == before


def test_a_line_of_a_logger_that_began_to_hand_its_lines_on_is_passed_on_once(log):
    with captured_logs(log):
        KEPT_APART.propagate = True
        KEPT_APART.warning("line")
    assert log.messages == ["line"]


def test_the_handlers_of_the_project_still_get_every_line(log):
    listener = logging.Handler()
    heard = []
    listener.emit = heard.append
    PROJECT.addHandler(listener)
    try:
        with captured_logs(log):
            PROJECT.warning("line %s", 1)
    finally:
        PROJECT.removeHandler(listener)
    assert [(record.msg, record.args) for record in heard] == [("line %s", (1,))]


def test_renewing_a_capture_takes_up_what_a_new_configuration_of_logging_has_dropped(log):
    root = logging.getLogger()
    before = list(root.handlers)
    try:
        with captured_logs(log) as capture:
            new = {"kept_apart_later": {"propagate": False}}
            logging.config.dictConfig(
                {"version": 1, "disable_existing_loggers": False, "root": {"handlers": []}, "loggers": new}
            )
            PROJECT.warning("lost")
            capture.renew(Redactor())
            capture.renew(Redactor())
            PROJECT.warning("found")
            logging.getLogger("kept_apart_later").warning("apart")
        assert (root.handlers, logging.getLogger("kept_apart_later").handlers) == ([], [])
    finally:
        logging.getLogger("kept_apart_later").propagate = True
        for handler in before:
            root.addHandler(handler)
    assert log.messages == ["found", "apart"]


# When writing goes wrong.


def test_a_log_that_cannot_be_written_to_ends_nothing(capsys):
    def fail():
        raise OSError("the disk is full")

    broken = FakeLog(fail)
    with captured_logs(broken):
        PROJECT.warning("one")
        broken.also = lambda: None
        PROJECT.warning("two")
    assert broken.messages == ["two"]
    assert "the disk is full" in capsys.readouterr().err


def test_a_message_that_cannot_be_formatted_ends_nothing(log, capsys):
    KEPT_APART.handlers.clear()  # pytest's own does not let this pass
    with captured_logs(log):
        KEPT_APART.warning("%d", "one")
        KEPT_APART.warning("two")
    assert log.messages == ["two"]
    assert "TypeError" in capsys.readouterr().err


def test_what_is_logged_while_a_line_is_written_is_not_passed_on():
    log = FakeLog(also=lambda: LIBRARY.warning("a slow query"))
    with captured_logs(log):
        PROJECT.warning("one")
        PROJECT.warning("two")
    assert log.messages == ["one", "two"]


def test_what_another_thread_logs_while_a_line_is_written_is_passed_on():
    writing, done = threading.Event(), threading.Event()

    def wait():
        if threading.current_thread() is threading.main_thread():
            writing.set()
            done.wait(5)

    def speak():
        writing.wait(5)
        PROJECT.info("two")
        done.set()

    log = FakeLog(also=wait)
    other = threading.Thread(target=speak)
    other.start()
    with captured_logs(log):
        PROJECT.warning("one")
        other.join()
    assert sorted(log.messages) == ["one", "two"]
    assert done.is_set()
