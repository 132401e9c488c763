"""Inputs for the fuzzers: places in the configuration, taken from its model, and values to put there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, get_args, get_origin, get_type_hints

import yaml
from attrs import fields, has
from hypothesis import strategies as st
from invariants import put

from kedro_assets._internals import dagster_config
from kedro_assets.config import PARTITIONS, ExecutorConfig, JobConfig, PartitionMappingConfig, SensorConfig, imported
from kedro_assets.execution.executors import ALIASES, KNOWN

Place = tuple[Any, ...]

ODD_TEXTS = [
    *(
        "",
        " ",
        "\n",
        "a\nb",
        "\t",
        "null",
        "~",
        "yes",
        "1",
        "1.5",
        "-",
        "_",
        ".",
        "..",
        "/",
        "a/b",
        "../x",
        "a.b",
        "a..b",
    ),
    *(
        "__default__",
        "training",
        "score",
        "raw",
        "model",
        "daily",
        "nightly",
        "two",
        "none",
        "in_process",
        "multiprocess",
    ),
    *("class", "größe", "日本", "a b", "a-b", "a__b", "a@b", "x" * 300, "\u202e", "\u0000", "\U0001f511", "é" * 200),
    *("{name}", "{}", "{0}", "{a.b}", "{", "}", "%s", "${", "${x}", "${globals:x}", "${globals:x,1}", "${oc.env:HOME}"),
    *(
        "${runtime_params:x}",
        "${runtime_params:a.b}",
        "${runtime_params:x,7}",
        "???",
        "\\",
        "'",
        '"',
        "*",
        "**",
        "+",
        "+++",
    ),
    *(
        "<partition_key>",
        "2026-01-01",
        "0 2 * * *",
        "@daily",
        "key:raw",
        "tag:a",
        "os.system",
        "dagster.op",
        "a.b.c",
        "sys",
    ),
    *("dagster/priority", "kedro/run_id", "eager", "identity", "Europe/Berlin", "UTC", "x@example.com", "team:a"),
]
"""Texts that mean something to YAML, to OmegaConf, to Kedro, to Dagster or to Python's formats."""

RIVALS = {
    key: group - {key}
    for group in (
        frozenset(PARTITIONS),
        frozenset(key.name for key in fields(PartitionMappingConfig)),
        frozenset({"asset", "dataset"}),
        frozenset({"pipeline", "selection"}),
        frozenset({"pipeline_name", "pipeline_names"}),
    )
    for key in group
}
"""The keys that exclude each key: with all of them the file would say nothing of the one that is looked at."""
assert {"asset", "dataset"} <= {key.name for key in fields(SensorConfig)}
assert {"pipeline", "selection"} <= {key.name for key in fields(JobConfig)}


def places(section: type, path: Place = (), above: tuple[type, ...] = ()) -> Iterator[tuple[Place, Any]]:
    """Yield every path of a class of the model, with its type; `n` is a key of a mapping, 0 an item of a list."""
    yield path, section
    for name, kind in get_type_hints(section).items():
        yield from _inside(kind, (*path, name), (*above, section))


def _inside(kind: Any, path: Place, above: tuple[type, ...]) -> Iterator[tuple[Place, Any]]:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is ExecutorConfig:  # one key, with the options of that executor
        yield path, kind
        return
    if has(kind):
        if above.count(kind) < 2:  # partitions have dimensions, which are partitions
            yield from places(kind, path, above)
        return
    yield path, kind
    if origin is list:
        yield from _inside(arguments[0], (*path, 0), above)
    elif origin is dict:
        yield from _inside(arguments[1], (*path, "n"), above)
    else:
        for member in arguments:
            if has(member) or get_origin(member) in (list, dict):
                yield from (found for found in _inside(member, path, above) if found[0] != path)


@lru_cache
def _paths(section: type) -> list[Place]:
    """Return every path of a class of the model but the one of the class itself."""
    return [path for path in dict.fromkeys(path for path, _ in places(section)) if path]


@lru_cache
def _sections(section: type) -> list[Place]:
    """Return the path of every mapping with fixed keys."""
    return list(dict.fromkeys(path[:-1] for path in _paths(section) if path[-1] not in ("n", 0)))


@st.composite
def mutations(draw: st.DrawFn, section: type, usual: Mapping[str, Any]) -> tuple[Place, Any]:
    """A path in what a class of the model describes, and a value to put there: of any type, or below an unknown key.

    Args:
        draw: Given by Hypothesis.
        section: The class.
        usual: What is there, whose names are used for the most part.
    """
    known = _paths(section)
    unknown = draw(st.integers(0, 4)) == 0
    path = draw(st.sampled_from(_sections(section) if unknown else known))
    named: Place = ()
    held: Any = usual
    for key in path:
        if key == "n":
            there = list(held) if isinstance(held, dict) else []
            key = draw(st.sampled_from(there * 5 or ["n"]) | texts())  # noqa: PLW2901
        named = (*named, key)
        if isinstance(held, dict):
            held = held.get(key)
        else:
            held = held[key] if isinstance(held, list) and key == 0 and held else None
    if unknown:
        named = (*named, draw(texts().filter(lambda text: (*path, text) not in known)))
    return named, draw(values())


def texts() -> st.SearchStrategy[str]:
    """Texts, odd ones among them."""
    letters = st.characters(blacklist_categories=("Cs",))  # no half of a pair, which no file can hold
    return st.sampled_from(ODD_TEXTS) | st.text(letters, max_size=12) | st.text("ab._-/ @{}$:0*+", max_size=8)


def scalars() -> st.SearchStrategy[Any]:
    """Whatever YAML can hold by itself."""
    return st.one_of(
        st.none(),
        st.booleans(),
        st.sampled_from([0, 1, -1, 7, 2**31, 2**63, -(2**63), 10**30, 10**400]),
        st.sampled_from([0.0, 1.5, -1e308, 1e-9, float("inf"), float("nan")]),
        texts(),
        st.sampled_from([dt.date(2026, 1, 31), dt.datetime(1, 1, 1, tzinfo=dt.timezone.utc), b"\x00\xff", {1}]),
    )


def values() -> st.SearchStrategy[Any]:
    """Whatever YAML can hold."""
    keys = st.one_of(texts(), st.sampled_from([1, None, True, 2.5]))
    return st.one_of(
        scalars(),
        st.lists(scalars(), max_size=3),
        st.dictionaries(keys, scalars(), max_size=3),
        st.recursive(
            scalars(),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=2),
            max_leaves=5,
        ),
    )


def dumped(raw: Any) -> str:
    """Write configuration as YAML, a key or an item in each line."""
    return yaml.safe_dump(raw, allow_unicode=True, sort_keys=False, default_flow_style=False, width=10**9)


@st.composite
def crons(draw: st.DrawFn) -> str:
    """Cron expressions, right and wrong ones."""
    part = st.one_of(
        st.sampled_from(
            ["*", "0", "1", "*/5", "1-5", "5-1", "L", "W", "?", "MON", "sun", "JAN", "1#2", "31", "60", "-1", "*/0"]
        ),
        st.builds("{}/{}".format, st.sampled_from(["*", "0", "1-9"]), st.integers(-1, 90)),
        st.builds("{},{}".format, st.integers(0, 60), st.integers(0, 60)),
    )
    fields_ = draw(
        st.lists(part, min_size=draw(st.sampled_from([5, 5, 5, 5, 0])), max_size=draw(st.sampled_from([5, 5, 7])))
    )
    named = st.sampled_from(["@daily", "@hourly", "@reboot", "@every 1h", "0 0 30 2 *", "0 0 31 2,4 *", "0 0 29 2 1"])
    return draw(st.just(" ".join(fields_)) | named | texts())


@st.composite
def selections(draw: st.DrawFn) -> str:
    """Dagster's selection syntax, right and wrong."""
    attribute = st.sampled_from(
        ["key", "tag", "owner", "group", "kind", "code_location", "column", "table_name", "changed_in_branch", "status",
         "column_tag", "nowhere", "job", "sink", "roots"]
    )  # fmt: skip
    value = (
        st.sampled_from(["raw", "score", '"forest/model"', "*", "a=b", '"', "a/b", "model*", "''", "<null>"]) | texts()
    )
    atom = st.one_of(
        st.builds("{}:{}".format, attribute, value),
        value,
        st.builds("{}({})".format, st.sampled_from(["sinks", "roots", "sink", ""]), value),
    )
    grown = st.recursive(
        atom,
        lambda inner: st.one_of(
            st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or", "AND", "not", "xor", ""]), inner),
            st.builds("{}{}".format, st.sampled_from(["not ", "+", "1+", "++", "-", "999999999999+"]), inner),
            st.builds("{}{}".format, inner, st.sampled_from(["+", "+2", "++", "-"])),
            st.builds("({})".format, inner),
        ),
        max_leaves=5,
    )
    return draw(grown)


def nested_conditions(words: list[str]) -> st.SearchStrategy[Any]:
    """Automation conditions, of Dagster's own words for the most part."""
    word = st.sampled_from(words)
    return st.recursive(
        word | scalars(),
        lambda inner: st.dictionaries(word | texts(), inner | st.lists(inner, max_size=2), min_size=1, max_size=2),
        max_leaves=5,
    )


@st.composite
def executors(draw: st.DrawFn) -> Any:
    """Executors that are installed, with a value somewhere among their options, and executors that are not."""
    name = draw(st.sampled_from([*INSTALLED, *INSTALLED, *KNOWN, *ALIASES]) | texts())
    known = INSTALLED.get(name)
    if known is None or draw(st.integers(0, 5)) == 0:
        return {name: draw(values())}
    path = draw(st.sampled_from(list(_options(known))))
    if draw(st.integers(0, 3)) == 0:
        path = (*path, draw(texts()))
    return {name: put({}, path, draw(values()), {})}


def _installed() -> Iterator[tuple[str, Any]]:
    for name, (path, _) in KNOWN.items():
        with suppress(ImportError):
            yield name, dagster_config.executor_options(imported(path))


def _options(kind: Any, path: Place = ()) -> Iterator[Place]:
    """Yield the path of every option of an executor."""
    yield path
    for name, option in kind.options.items():
        yield from _options(option.type, (*path, name))
    if kind.kind in ("ARRAY", "MAP"):
        yield from _options(kind.inner[0], (*path, 0 if kind.kind == "ARRAY" else "n"))
    elif kind.kind in ("NONEABLE", "SCALAR_UNION"):
        for inner in kind.inner:
            yield from (found for found in _options(inner, path) if found != path)


INSTALLED = dict(_installed())


@st.composite
def partition_configs(draw: st.DrawFn) -> Any:
    """Partitions of every kind, with dates, offsets and formats that are right and wrong."""
    dates = st.sampled_from(
        ["2026-01-01", "2026-01-31-00:00", "0001-01-01", "9999-12-31", "2026-13-01", "2026-02-30", "x", ""]
    )
    numbers = st.sampled_from([0, 1, -1, 6, 7, 31, 32, 59, 60, 10**6, -(10**6), 10**12])
    formats = st.sampled_from(["%Y-%m-%d", "%Y", "%H", "%q", "%", "x", "", "%Y-%m-%d-%H:%M", "%s", "../%Y", "a/b"])
    windows = st.fixed_dictionaries(
        {"start_date": dates},
        optional={
            "end_date": dates,
            "timezone": st.sampled_from(["UTC", "Europe/Berlin", "Europe/Brelin", "", "+02:00"]),
            "cron_schedule": crons(),
            "minute_offset": numbers,
            "hour_offset": numbers,
            "day_offset": numbers,
            "end_offset": numbers,
            "fmt": formats,
        },
    )
    kinds = ("hourly", "daily", "weekly", "monthly", "cron")
    plain = st.one_of(
        *(st.fixed_dictionaries({kind: windows}) for kind in kinds),
        st.fixed_dictionaries({"static": st.lists(texts(), max_size=4)}),
        st.fixed_dictionaries({"dynamic": texts()}),
        st.just({}),
    )
    dimensions = st.dictionaries(texts(), plain | st.sampled_from(["regions", "daily", "nowhere"]), max_size=3)
    policies = {
        "backfill_policy": st.sampled_from(["single_run", "multi_run"]),
        "max_partitions_per_run": numbers,
    }
    found = draw(plain | st.fixed_dictionaries({"multi": dimensions}))
    return {**found, **draw(st.fixed_dictionaries({}, optional=policies))}


def logger_configs() -> st.SearchStrategy[Any]:
    """Loggers with formatters, filters and handlers of right and wrong classes and options."""
    classes = st.sampled_from(
        ["logging.StreamHandler", "logging.FileHandler", "logging.NullHandler", "logging.handlers.RotatingFileHandler",
         "logging.handlers.SMTPHandler", "logging.handlers.MemoryHandler", "logging.handlers.QueueHandler",
         "rich.logging.RichHandler", "logging.Formatter", "logging.Filter", "os.system", "sys.exit", "os._exit", "builtins.open",
         "no_such_module.X", "logging", "antigravity.x", "logging.Handler", "kedro_assets.build_definitions", "a", "..", ""]
    )  # fmt: skip
    more = {
        "()": classes,
        "class": classes,
        "level": st.sampled_from(["INFO", "LOUD", 10, -1, None, True, []]),
        "formatter": st.sampled_from(["a", "b", "", 1, None, []]),
        "filters": st.sampled_from([["f"], "f", ["g"], [], [1], {}, None, 7, [None], [[]]]),
        "filename": st.sampled_from(["/no/such/folder/x.log", "", 1, None]),
        "format": st.sampled_from(["%(message)s", "%(", "{message}", "$message", 1, None, [], "%(nowhere)d"]),
        "style": st.sampled_from(["%", "{", "$", "x", 1, None, []]),
        "datefmt": st.sampled_from(["%Y", 1, None]),
        "validate": values(),
        "defaults": values(),
        "name": values(),
        "target": values(),
        "stream": st.sampled_from(["ext://sys.stdout", "ext://nowhere.x", "cfg://handlers", 1]),
        ".": values(),
        "args": values(),
    }
    options = st.fixed_dictionaries({}, optional=more) | st.dictionaries(texts(), values(), max_size=2)
    handler = st.builds(lambda kind, given: {"class": kind, **given}, classes, options)
    return st.fixed_dictionaries(
        {},
        optional={
            "log_level": st.sampled_from(["INFO", "info", 10, None]),
            "handlers": st.lists(handler | options, max_size=2),
            "formatters": st.dictionaries(st.sampled_from(["a", "b"]), options, max_size=2),
            "filters": st.dictionaries(st.sampled_from(["f", "g"]), options, max_size=2),
        },
    )


SNIPPETS = [
    *(
        b"\xff",
        b"\x00",
        b"\xef\xbb\xbf",
        b"\t",
        b"\r",
        b"\r\n",
        b"\xc2\x85",
        b"\xe2\x80\xa8",
        b"\n---\n",
        b"\n...\n",
        b"%YAML 1.1\n---\n",
    ),
    *(
        b"&a ",
        b"*a",
        b"<<: *a\n",
        b"!!python/object:os.system ",
        b"!!binary ",
        b"!!set ",
        b"!!str ",
        b"!x ",
        b"? ",
        b"- ",
        b"| ",
        b">\n",
    ),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b": ",
        b"#",
        b"'",
        b'"',
        b"\\",
        b"@",
        b"`",
        b"%",
        b"null",
        b"~",
        b"1: 2\n",
        b"jobs:\n",
        b"assets: 1\n",
    ),
    *(
        b"${a}",
        b"${runtime_params:q}",
        b"${globals:z}",
        b"${oc.env:NOWHERE}",
        b"${",
        b"???",
        b"\xed\xa0\x80",
        b"=",
        b"2026-01-01",
        b"0x1F",
    ),
]
"""What is put into a file: bytes that are no text, and what means something to YAML and to OmegaConf."""


@st.composite
def spoiled(draw: st.DrawFn, text: bytes) -> bytes:
    """A file with a few mistakes in it: bytes put in, taken out, lines moved."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        how = draw(st.sampled_from(["insert", "insert", "bytes", "cut", "line", "indent", "repeat", "end"]))
        lines = text.splitlines(keepends=True) or [b""]
        number = draw(st.integers(0, len(lines) - 1))
        if how == "insert":
            text = text[:at] + draw(st.sampled_from(SNIPPETS)) + text[at:]
        elif how == "bytes":
            text = text[:at] + draw(st.binary(min_size=1, max_size=3)) + text[at:]
        elif how == "cut":
            text = text[:at] + text[at + draw(st.integers(1, 8)) :]
        elif how == "line":
            moved = lines.pop(number)
            lines.insert(draw(st.integers(0, len(lines))), moved)
            text = b"".join(lines)
        elif how == "indent":
            lines[number] = draw(st.sampled_from([b" ", b"   ", b"\t"])) + lines[number]
            text = b"".join(lines)
        elif how == "repeat":
            lines.insert(draw(st.integers(0, len(lines))), lines[number])
            text = b"".join(lines)
        else:
            text = text[:at]
    return text
