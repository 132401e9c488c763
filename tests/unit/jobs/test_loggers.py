import json
import logging
import logging.handlers
import textwrap

import dagster as dg
import pytest
import yaml

from kedro_assets.config import DagsterConfig, JobConfig, LoggerConfig
from kedro_assets.errors import Scope
from kedro_assets.jobs.loggers import CONSOLE, build_loggers

FILE = "{class: logging.FileHandler, filename: run.log, delay: true}"


class Marked(logging.Filter):
    """Lets lines through that have a mark."""

    def __init__(self, mark="!"):
        super().__init__()
        self.mark = mark

    def filter(self, record):
        return self.mark in record.getMessage()


class Shouting(logging.Formatter):
    """Writes lines in capitals."""

    def __init__(self, fmt=None, datefmt=None, style="%", *, end=""):
        super().__init__(fmt, datefmt, style)
        self.end = end

    def format(self, record):
        return super().format(record).upper() + self.end


class Lines(logging.Handler):
    """Keeps the lines of all handlers of this class."""

    lines = []  # noqa: RUF012

    def __init__(self, mark, level=0):
        super().__init__(level)
        self.mark = mark

    def emit(self, record):
        self.lines.append(self.mark + self.format(record))


@pytest.fixture(autouse=True)
def no_lines():
    Lines.lines.clear()


def problems_in(text):
    """Give the problems of one logger, by path below it."""
    problems = Scope()
    build_loggers(DagsterConfig(loggers={"log": LoggerConfig(**yaml.safe_load(text))}), problems)
    found = {}
    for problem in problems:
        found.setdefault(problem.path.removeprefix("loggers.log").lstrip("."), []).append(problem.found)
    return found


def make(text):
    """Make one logger as a run of Dagster does."""
    problems = Scope()
    built = build_loggers(DagsterConfig(loggers={"log": LoggerConfig(**yaml.safe_load(text))}), problems)
    assert not list(problems)
    return built["log"].logger_fn(dg.build_init_logger_context())


def close(logger):
    """Close the files that a logger has opened."""
    for handler in logger.handlers:
        handler.close()


# What does not fit.


@pytest.mark.parametrize(
    ("handler", "path", "said"),
    [
        ("{}", "", "no `class`"),
        ("{formatter: plain}", "", "no `class`"),
        ("{class: logging.NoHandler}", ".class", "'logging.NoHandler' cannot be imported"),
        ("{class: no.such.module.Handler}", ".class", "'no.such.module.Handler' cannot be imported"),
        ("{class: StreamHandler}", ".class", "'StreamHandler' cannot be imported"),
        ("{class: 5}", "", "no `class`"),
        ("{class: logging}", "", "'logging' cannot be created"),
        ("{class: logging.FileHandler}", "", "missing a required argument: 'filename'"),
        ("{class: logging.FileHandler, filename: a, colour: red}", "", "unexpected keyword argument 'colour'"),
        ("{class: logging.StreamHandler, filename: a}", "", "unexpected keyword argument 'filename'"),
        ("{class: logging.StreamHandler, formatter: plian}", ".formatter", "no formatter 'plian'"),
        ("{class: logging.StreamHandler, filters: [marekd]}", ".filters", "no filter 'marekd'"),
        ("{class: logging.StreamHandler, level: LOUD}", ".level", "'LOUD' is not a log level"),
        ("{class: logging.StreamHandler, level: warning}", ".level", "'warning' is not a log level"),
        ("{(): no.such.factory}", ".class", "'no.such.factory' cannot be imported"),
        ("{(): " + __name__ + ".Lines}", "", "missing a required argument: 'mark'"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("{") else "",
)
def test_a_handler_that_does_not_fit_is_reported_at_its_place(handler, path, said):
    found = problems_in(f"""
        formatters: {{plain: {{format: "%(message)s"}}}}
        filters: {{marked: {{"()": {__name__}.Marked}}}}
        handlers: [{FILE}, {handler}]
    """)
    [(where, [message])] = found.items()
    assert where == f"handlers[1]{path}"
    assert said in message


@pytest.mark.parametrize(
    "handler",
    [
        "{class: logging.StreamHandler, level: {a: 1}}",
        "{class: logging.StreamHandler, level: [1]}",
        "{class: logging.StreamHandler, formatter: [plain]}",
        "{class: logging.StreamHandler, formatter: {format: x}}",
        "{class: logging.StreamHandler, filters: 5}",
        "{class: logging.StreamHandler, filters: [[marked]]}",
        "{class: [logging.StreamHandler]}",
        "{class: {a: 1}}",
        "{class: ''}",
        "{class: null}",
        "{5: a, class: logging.StreamHandler}",
    ],
    ids=str,
)
def test_a_value_of_the_wrong_kind_is_reported(problems_of, handler):
    problems = problems_of(conf={"dagster.yml": f"loggers: {{log: {{handlers: [{handler}]}}}}"})
    assert len(problems) == 1
    assert problems[0].path.startswith("loggers.log.handlers[0]")


@pytest.mark.parametrize(
    "handler",
    [
        "{class: logging.StreamHandler, level: 30}",
        "{class: logging.StreamHandler, level: 15}",
        "{class: logging.StreamHandler, level: null}",
        "{class: logging.StreamHandler, level: WARN}",
        "{class: logging.StreamHandler, stream: 'ext://sys.stdout'}",
        "{class: logging.StreamHandler, filters: null, formatter: null}",
        "{class: logging.handlers.RotatingFileHandler, filename: a.log, maxBytes: 10, backupCount: 2, delay: true}",
        "{class: logging.NullHandler}",
        "{(): " + __name__ + ".Lines, mark: '*', level: ERROR, '.': {name: lines}}",
        "{class: " + __name__ + ".Lines, mark: '*'}",
    ],
    ids=str,
)
def test_what_the_standard_library_takes_fits(handler):
    text = f"handlers: [{handler}]"
    assert problems_in(text) == {}
    close(make(text))


@pytest.mark.parametrize(
    ("handler", "key"),
    [
        ("{class: logging.Formatter}", "class"),
        ("{class: logging.handlers.MemoryHandler, capacity: 2, target: a}", "target"),
    ],
    ids=["no handler", "target"],
)
def test_a_handler_that_the_standard_library_cannot_make_is_reported(handler, key):
    assert list(problems_in(f"handlers: [{handler}]")) == [f"handlers[0].{key}"]


@pytest.mark.parametrize(
    ("formatter", "said"),
    [
        ("{class: logging.NoFormatter}", "NoFormatter"),
        ("{(): no.such.Formatter}", "no"),
        ("{(): " + __name__ + ".Shouting, colour: red}", "colour"),
        ("{format: '%(message)s', style: '?'}", "Style"),
        ("{format: '{message}'}", "Invalid format"),
        ("{format: '{message', style: '{'}", "nvalid format"),
    ],
    ids=str,
)
def test_a_formatter_that_cannot_be_made_is_reported(formatter, said):
    [(where, [message])] = problems_in(f"formatters: {{plain: {formatter}}}").items()
    assert where == "formatters.plain"
    assert said in message


@pytest.mark.parametrize(
    "kept", ["{(): no.such.Filter}", "{(): " + __name__ + ".Marked, colour: red}"], ids=["import", "option"]
)
def test_a_filter_that_cannot_be_made_is_reported(kept):
    assert list(problems_in(f"filters: {{marked: {kept}}}")) == ["filters.marked"]


def test_no_formatter_or_filter_is_made_before_a_run_needs_it(monkeypatch):
    def fail(self, **_):
        raise KeyError("no such colour")

    monkeypatch.setattr(Shouting, "__init__", fail)
    monkeypatch.setattr(Marked, "__init__", fail)
    found = problems_in(f"""
        formatters: {{loud: {{"()": {__name__}.Shouting}}}}
        filters: {{marked: {{"()": {__name__}.Marked}}}}
    """)
    assert found == {}


def test_a_job_that_names_an_unknown_logger_is_told_what_there_is(problems_of):
    text = f"loggers: {{file: {{handlers: [{FILE}]}}}}\njobs: {{a: {{loggers: [file, console, flie]}}}}"
    [problem] = problems_of(conf={"dagster.yml": text})
    assert (problem.path, problem.found) == ("jobs.a.loggers[2]", "no logger 'flie' is defined.")
    assert "file" in problem.hint


def test_a_job_that_names_a_logger_which_does_not_fit_adds_no_problem(problems_of):
    text = "loggers: {file: {handlers: [{class: no.Handler}]}}\njobs: {a: {loggers: [file]}}"
    assert [problem.path for problem in problems_of(conf={"dagster.yml": text})] == ["loggers.file.handlers[0].class"]


def test_everything_that_does_not_fit_is_reported_at_once(problems_of):
    text = """
        loggers:
          one:
            log_level: LOUD
            handlers: [{class: logging.StreamHandler, formatter: f, filters: [g, h], level: X}, {}, {class: no.Handler}]
          two:
            colour: red
            formatters: {a: {format: "%(message)s", style: "?"}, b: {}}
            filters: {c: {"()": no.Filter}}
            handlers: {class: logging.StreamHandler}
        jobs:
          j: {loggers: [three]}
          k: {loggers: one}
    """
    assert sorted(problem.path for problem in problems_of(conf={"dagster.yml": text})) == [
        "jobs.j.loggers[0]",
        "jobs.k.loggers",
        "loggers.one.handlers[0].filters",
        "loggers.one.handlers[0].filters",
        "loggers.one.handlers[0].formatter",
        "loggers.one.handlers[0].level",
        "loggers.one.handlers[1]",
        "loggers.one.handlers[2].class",
        "loggers.one.log_level",
        "loggers.two.colour",
        "loggers.two.filters.c",
        "loggers.two.formatters.a",
        "loggers.two.handlers",
    ]


# What is built.


def test_without_loggers_nothing_changes_in_the_definitions(translate_project):
    translation = translate_project(conf={"dagster.yml": "jobs: {j: {}}"})
    assert not translation.definitions.loggers
    assert translation.definitions.resolve_job_def("j").run_config is None


def test_console_can_be_named_without_any_other_logger(translate_project):
    definitions = translate_project(conf={"dagster.yml": "jobs: {j: {loggers: [console]}}"}).definitions
    job = definitions.resolve_job_def("j")
    assert job.run_config == {"loggers": {CONSOLE: {}}}
    assert list(job.loggers) == [CONSOLE]


def test_a_job_selects_its_loggers_in_its_run_configuration(translate_project):
    text = f"""
        loggers: {{file: {{handlers: [{FILE}]}}, other: {{}}}}
        jobs:
          plain: {{}}
          noted: {{loggers: [file, console], config: {{runtime_params: {{a: 1}}}}}}
    """
    definitions = translate_project(conf={"dagster.yml": text}).definitions
    assert definitions.resolve_job_def("plain").run_config is None
    noted = definitions.resolve_job_def("noted")
    assert noted.run_config == {
        "loggers": {"file": {}, CONSOLE: {}},
        "resources": {"kedro": {"config": {"runtime_params": {"a": 1}}}},
    }
    assert dg.validate_run_config(noted, noted.run_config)["loggers"].keys() == {"file", CONSOLE}
    assert set(definitions.loggers) == {"file", "other", CONSOLE}


def test_an_environment_can_replace_the_loggers(translate_project, monkeypatch):
    monkeypatch.setenv("KEDRO_ENV", "prod")
    base, prod = "loggers: {one: {}}", "loggers: {two: {}}"
    translation = translate_project(conf={"dagster.yml": base, "prod/dagster.yml": prod})
    assert set(translation.definitions.loggers) == {"two", CONSOLE}


def test_no_file_is_opened_before_a_run_needs_it(translate_project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "{file: {handlers: [{class: logging.FileHandler, filename: run.log}]}}"
    translate_project(conf={"dagster.yml": f"loggers: {text}\njobs: {{j: {{loggers: [file]}}}}"})
    assert not (tmp_path / "run.log").exists()


def test_a_job_without_loggers_opens_no_file(translate_project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "{file: {handlers: [{class: logging.FileHandler, filename: run.log}]}}"
    definitions = translate_project(conf={"dagster.yml": f"loggers: {text}"}).definitions
    assert not any(definitions.resolve_job_def(job.name).run_config for job in definitions.jobs)
    assert not (tmp_path / "run.log").exists()


# What a logger writes.


def test_a_logger_writes_with_its_format_levels_and_filters(tmp_path):
    logger = make(f"""
        log_level: INFO
        formatters:
          plain: {{format: "%(levelname)s|%(message)s"}}
          braces: {{format: "{{levelname}}: {{message}}", style: "{{"}}
        filters:
          marked: {{"()": {__name__}.Marked, mark: "?"}}
        handlers:
          - {{class: logging.FileHandler, filename: {tmp_path}/all.log, formatter: plain}}
          - {{class: logging.FileHandler, filename: {tmp_path}/some.log, formatter: braces, level: WARNING}}
          - {{class: logging.FileHandler, filename: {tmp_path}/marked.log, filters: [marked]}}
    """)
    logger.debug("too low?")
    logger.info("100 %% {%s}", "low")
    logger.warning("why?")
    close(logger)
    found = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert found == {
        "all.log": "INFO|100 % {low}\nWARNING|why?\n",
        "some.log": "WARNING: why?\n",
        "marked.log": "why?\n",
    }


def test_formatters_and_handlers_can_be_made_by_factories_and_classes():
    logger = make(f"""
        formatters:
          loud: {{"()": {__name__}.Shouting, end: "!"}}
          louder: {{class: {__name__}.Shouting}}
        handlers:
          - {{"()": {__name__}.Lines, mark: "1 ", formatter: loud}}
          - {{class: {__name__}.Lines, mark: "2 "}}
    """)
    logger.info("line")
    assert Lines.lines == ["1 LINE!", "2 line"]


def test_a_logger_without_handlers_writes_to_standard_error(capsys):
    make("{log_level: WARNING}").warning("line")
    make("{log_level: WARNING}").info("too low")
    assert capsys.readouterr() == ("", "line\n")


def test_a_stream_can_be_named(capsys):
    make("handlers: [{class: logging.StreamHandler, stream: 'ext://sys.stdout'}]").info("line")
    assert capsys.readouterr() == ("line\n", "")


def test_making_a_logger_changes_nothing_of_logging(monkeypatch):
    monkeypatch.setattr(logging.getLogger("log"), "level", logging.ERROR)

    def state():
        root, same = logging.getLogger(), logging.getLogger("log")
        known = {name for name in root.manager.loggerDict if name.startswith("log")}
        return root.level, [*root.handlers], same.level, [*same.handlers], known, dict(logging._handlers)

    before = state()
    logger = make(f"""
        formatters: {{loud: {{"()": {__name__}.Shouting}}}}
        handlers: [{{class: {__name__}.Lines, mark: "", formatter: loud}}]
    """)
    logger.info("line")
    assert Lines.lines == ["LINE"]
    assert state() == before
    assert logger is not logging.getLogger("log")


def test_a_logger_can_be_made_again_and_again_from_one_definition():
    config = DagsterConfig(
        loggers={
            "log": LoggerConfig(
                formatters={"loud": {"()": f"{__name__}.Shouting", "end": "!"}},
                filters={"marked": {"()": f"{__name__}.Marked", "mark": "i"}},
                handlers=[{"()": f"{__name__}.Lines", "mark": "", "formatter": "loud", "filters": ["marked"]}],
            )
        }
    )
    text = json.dumps(config.loggers["log"].handlers)
    built = build_loggers(config, Scope())["log"]
    first, second = (built.logger_fn(dg.build_init_logger_context()) for _ in range(2))
    first.info("first")
    second.info("second line")
    assert Lines.lines == ["FIRST!", "SECOND LINE!"]
    assert json.dumps(config.loggers["log"].handlers) == text


def test_building_loggers_for_jobs_that_name_none_is_no_problem():
    problems = Scope()
    assert build_loggers(DagsterConfig(jobs={"j": JobConfig()}), problems) == {}
    assert not list(problems)


def test_two_runs_in_one_process_write_each_line_once(translate_project):
    text = f"""
        loggers:
          kept:
            formatters: {{plain: {{format: "%(levelname)s %(message)s"}}}}
            handlers: [{{class: {__name__}.Lines, mark: "", formatter: plain}}]
    """
    loggers = translate_project(conf={"dagster.yml": textwrap.dedent(text)}).definitions.loggers

    @dg.op
    def speak(context):
        context.log.debug("too low")
        context.log.warning("a line")

    job = dg.GraphDefinition(name="g", node_defs=[speak]).to_job(logger_defs=loggers)
    for _ in range(2):
        assert job.execute_in_process(run_config={"loggers": {"kept": {}}}).success
    found = [line for line in Lines.lines if "a line" in line or "too low" in line]
    assert [(line.split()[0], line.split()[-2:]) for line in found] == [("WARNING", ["a", "line"])] * 2
