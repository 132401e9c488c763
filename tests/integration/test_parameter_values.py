"""Any value that a parameter can have: from the project, from the launchpad and from runtime parameters to the node."""

from __future__ import annotations

import datetime as dt
import json
import pickle
from collections.abc import Iterator
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from comparing import by_kedro, left_behind
from helpers import KedroProject, execute, json_dataset, load_definitions, write_project
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from kedro.config import OmegaConfigLoader
from kedro.framework.project import LOGGING, configure_logging

VALUES = settings(
    max_examples=40,
    phases=set(Phase) - {Phase.explain},  # it takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
NODES = """
    import pickle
    from pathlib import Path

    def show(value, everything):
        file = Path(__file__).parents[2] / "data" / "seen.pickle"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(pickle.dumps((value, everything)))
"""
PIPELINES = '{"__default__": pipeline([node(show, ["params:value", "parameters"], None, name="show")])}'
RESOLVERS = """
import datetime as dt

from omegaconf import OmegaConf

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "custom_resolvers": {
        "date": lambda text: dt.date.fromisoformat(text),
        "moment": lambda text: dt.datetime.fromisoformat(text),
        "both": lambda *items: items,
    },
}
"""

# Values. OmegaConf, which reads Kedro's configuration, takes `${` as a reference and `???` as a value that is missing,
# and refuses the keys 1 and "1" beside each other.

# PyYAML itself does not read back the characters that YAML takes for further ends of a line.
characters = st.characters(exclude_characters="\x85\u2028\u2029", codec="utf-8")
texts = st.text(characters, max_size=8).filter(lambda text: "${" not in text and text != "???") | st.sampled_from(
    [
        "2026-01-01",
        "2026-01-01T12:00:00Z",
        "null",
        "~",
        "1e3",
        "1_000",
        "0x10",
        "1:30",
        "yes",
        "on",
        ".nan",
        "=",
        "größe",
    ]
)
names = texts | st.sampled_from(["a.b", "a b", "class", "1", "params:x", "_hidden", "a\nb"])
whole_numbers = st.integers() | st.sampled_from([2**53, 2**53 + 1, -(2**63), 2**64, 10**30])
json_scalars = st.none() | st.booleans() | whole_numbers | st.floats(allow_nan=False, allow_infinity=False) | texts
yaml_scalars = json_scalars | st.floats() | st.dates() | st.datetimes()


def nested(scalars: st.SearchStrategy[Any], keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values made of scalars, and of lists and mappings of such values."""
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=12,
    )


json_values = nested(json_scalars, names)
yaml_values = nested(yaml_scalars, names.filter(lambda name: not name.isdigit()) | st.integers(0, 2026))


class Dumper(yaml.SafeDumper):
    """Writes text in quotes: OmegaConf reads some words as numbers that PyYAML leaves plain."""


Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> KedroProject:
    """One project for all values: they are written into its configuration."""
    folder = tmp_path_factory.mktemp("values")
    return write_project(folder, nodes=NODES, pipelines=PIPELINES, parameters="value: 1\n", settings=RESOLVERS)


@pytest.fixture(scope="module", autouse=True)
def quiet_console() -> Iterator[None]:
    """Write no log lines to the terminal, which would take most of the time."""
    before = LOGGING.data
    loggers = {"kedro": {"level": "INFO"}}
    configure_logging({"version": 1, "disable_existing_loggers": False, "loggers": loggers, "root": {"handlers": []}})
    yield
    configure_logging(before)


@pytest.fixture(scope="module")
def in_memory() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


_definitions = lru_cache(maxsize=1)(load_definitions)
_numbers = count()


def load_job(path: str, package: str, number: int) -> dg.JobDefinition:
    """Give the project's job; Dagster keeps what it was given for the same arguments, hence the number."""
    return _definitions(KedroProject(Path(path), package)).resolve_job_def("__default__")


def have(project: KedroProject, text: str) -> None:
    """Give a project other parameters."""
    (project.path / "conf/base/parameters.yml").write_text(text, encoding="utf-8")
    _definitions.cache_clear()  # built once per value: Dagster would have them built four times for a run
    (project.path / "data/seen.pickle").unlink(missing_ok=True)


def have_value(project: KedroProject, value: Any) -> Any:
    """Give the project's parameter a value, and say what Kedro reads there: it takes a date for text."""
    have(project, yaml.dump({"value": value}, Dumper=Dumper, allow_unicode=True, sort_keys=False))
    conf = str(project.path / "conf")
    return OmegaConfigLoader(conf, base_env="base", default_run_env="local")["parameters"]["value"]


def seen(project: KedroProject) -> tuple[Any, Any]:
    """What the node got: the value, and all parameters."""
    return pickle.loads((project.path / "data/seen.pickle").read_bytes())


def launch(project: KedroProject, instance: dg.DagsterInstance, config: dict[str, Any]) -> dg.JobExecutionResult:
    """Execute the project's job as it is now, as `helpers.execute` does."""
    job = dg.build_reconstructable_job(
        Path(__file__).stem,
        "load_job",
        (str(project.path), project.package, next(_numbers)),
        reconstructor_working_directory=str(Path(__file__).parent),
    )
    return dg.execute_job(job, instance, run_config={**QUIET, **config})


def run(project: KedroProject, instance: dg.DagsterInstance, **config: Any) -> str:
    """Run the project, and write what the node got: unlike `==`, text tells 1, 1.0 and True apart, and nan is nan."""
    assert launch(project, instance, config).success
    return repr(seen(project)[0])


def step(**params: Any) -> dict[str, Any]:
    return {"show": {"config": {"parameters": params}}}


@settings(VALUES)
@given(value=yaml_values)
@example(value={"a": {1: "one", "2": "two"}, "when": dt.date(2026, 1, 1)})
@example(value=[{}, [], [[]], {"": {}}, None])
@example(value={"number": float("inf"), 1: "one"})
@example(value={"number": float("nan"), 1: "one"})
def test_any_value_of_the_project_reaches_the_node_as_kedro_reads_it(
    project: KedroProject, in_memory: dg.DagsterInstance, value: Any
) -> None:
    expected = have_value(project, value)
    assert run(project, in_memory) == repr(expected)
    assert repr(seen(project)[1]) == repr({"value": expected})


@settings(VALUES)
@given(value=json_values)
@example(value={"2026-01-01": "2026-01-01", "null": None, "1e3": 2**53 + 1})
def test_any_json_value_for_a_step_reaches_its_node(
    project: KedroProject, in_memory: dg.DagsterInstance, value: Any
) -> None:
    have_value(project, "never given")
    sent = json.loads(json.dumps(value))
    assert run(project, in_memory, ops=step(**{"params:value": sent})) == repr(sent)
    assert seen(project)[1] == {"value": "never given"}


@settings(VALUES)
@given(value=yaml_values)
@example(value={1: {"x": [dt.datetime(2026, 1, 1, 12)]}, "big": 2**53 + 1, "2": "two"})  # noqa: DTZ001
@example(value={"number": float("nan"), 1: "one"})
def test_a_launchpad_document_that_shows_the_defaults_changes_nothing(
    project: KedroProject, in_memory: dg.DagsterInstance, value: Any
) -> None:
    expected = have_value(project, value)
    job = load_job(str(project.path), project.package, next(_numbers))
    shown = dg.validate_run_config(job, {})["ops"]["show"]["config"]
    document = yaml.safe_dump({"ops": {"show": {"config": shown}}}, allow_unicode=True)
    assert run(project, in_memory, **yaml.safe_load(document)) == repr(expected)


@settings(VALUES)
@given(value=json_values)
def test_a_changed_launchpad_document_reaches_the_node_as_it_was_written(
    project: KedroProject, in_memory: dg.DagsterInstance, value: Any
) -> None:
    have_value(project, "never given")
    document = yaml.safe_dump({"ops": step(**{"params:value": value})}, sort_keys=False, allow_unicode=True)
    assert run(project, in_memory, **yaml.safe_load(document)) == repr(value)


# What YAML has no words for comes from the project's resolvers.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${date:2026-01-01}", dt.date(2026, 1, 1)),
        ("[{at: '${moment:2026-01-01}'}]", [{"at": dt.datetime(2026, 1, 1)}]),  # noqa: DTZ001
        ("{at: '${date:2026-01-01}', number: .inf}", {"at": dt.date(2026, 1, 1), "number": float("inf")}),
        ("{at: '${date:2026-01-01}', number: .nan}", {"at": dt.date(2026, 1, 1), "number": float("nan")}),
        ("[.nan, {5: five}]", [float("nan"), {5: "five"}]),
        ("${both:1,2}", (1, 2)),
    ],
    ids=["date", "nested", "infinite", "beside no number", "keys beside no number", "tuple"],
)
def test_a_value_that_json_does_not_have_reaches_the_node_unless_it_is_changed(
    project: KedroProject, in_memory: dg.DagsterInstance, text: str, expected: Any
) -> None:
    have(project, f"value: {text}\n")
    theirs = by_kedro(project)
    assert theirs.success, theirs.error
    assert repr(seen(project)[0]) == repr(expected)
    assert run(project, in_memory) == repr(expected)
    assert run(project, in_memory, ops=step(**{"params:value": "2026-01-02"})) == repr("2026-01-02")


# Runtime parameters.

BASE = "value: {a: 1, b: {c: [1, 2], d: null}, '5': five, 7: number}\nother: text\n"
paths = names | st.sampled_from(["a", "b", "c", "d", "5", "value", "other"])
overrides = st.dictionaries(
    st.sampled_from(["value", "other", "new", "a b"]), nested(json_scalars, paths), min_size=1, max_size=3
)


@settings(VALUES)
@given(params=overrides)
@example(params={"value": {"b": {"c": [3], "new": None}}})
@example(params={"value": {"a": {"deeper": 1}, "5": 5}, "other": None})
@example(params={"value": {}})
@example(params={"value": None})
@example(params={"value": "${other}", "other": 2**53 + 1})
@example(params={"value": "${missing}"})
@example(params={"value.a": 2})
def test_runtime_parameters_reach_the_node_as_in_kedro_run(
    project: KedroProject, in_memory: dg.DagsterInstance, params: dict[str, Any]
) -> None:
    have(project, BASE)
    theirs = by_kedro(project, runtime_params=params)
    expected = repr(seen(project)) if theirs.success else None
    (project.path / "data/seen.pickle").unlink(missing_ok=True)
    config = {"resources": {"kedro": {"config": {"runtime_params": params}}}}
    ours = left_behind(project, in_memory, launch(project, in_memory, config).run_id)
    assert ours.success == theirs.success, (ours.error, theirs.error)
    assert (repr(seen(project)) if ours.success else None) == expected


# Values that do not fit.

TYPED = """
    from dataclasses import dataclass

    from pydantic import BaseModel

    class Options(BaseModel):
        depth: int

    @dataclass
    class Place:
        city: str

    def early(raw):
        return raw

    def fit(early, options: Options, place: Place):
        return [options.depth, place.city]
"""


pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_fields':DeprecationWarning")  # by Kedro


@pytest.fixture
def typed(tmp_path: Path) -> KedroProject:
    project = write_project(
        tmp_path,
        nodes=TYPED,
        pipelines="""{"__default__": pipeline([
            node(early, "raw", "early", name="early"),
            node(fit, ["early", "params:options", "params:place"], "final", name="fit"),
        ])}""",
        catalog=json_dataset("raw", "early", "final"),
        parameters="options: {depth: 3}\nplace: {city: Ulm}\n",
    )
    project.write("data/raw.json", "1")
    return project


def fit(**params: Any) -> dict[str, Any]:
    return {"ops": {"fit": {"config": {"parameters": {f"params:{name}": value for name, value in params.items()}}}}}


def test_values_that_fit_their_models_reach_the_node(typed: KedroProject, instance: dg.DagsterInstance) -> None:
    assert execute(typed, instance, config=fit(options={"depth": 9}, place={"city": "Bonn"})).success
    assert typed.read("final.json") == [9, "Bonn"]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"options": {"depth": "deep"}}, ["options", "depth", "deep"]),
        ({"options": {}}, ["options", "depth"]),
        ({"options": [1]}, ["options"]),
        ({"options": None}, ["options"]),
        ({"place": {"town": "Bonn"}}, ["place", "town"]),
        ({"place": {}}, ["place", "city"]),
        ({"place": "Bonn"}, ["place"]),
    ],
    ids=["type", "missing", "list", "null", "dataclass", "missing in dataclass", "text for dataclass"],
)
def test_a_value_that_does_not_fit_its_model_fails_the_step_before_its_node(
    typed: KedroProject, instance: dg.DagsterInstance, params: dict[str, Any], said: list[str]
) -> None:
    result = execute(typed, instance, config=fit(**params))
    assert not result.success
    assert typed.nodes_run() == ["early"]
    [failure] = result.filter_events(lambda event: event.is_step_failure)
    error, messages = failure.event_specific_data.error, []
    while error is not None:
        messages.append(error.message)
        error = error.cause
    assert "ParameterValidationError" in "".join(messages)
    for word in said:
        assert word in "".join(messages)


@pytest.mark.parametrize(
    "config",
    [
        {"ops": {"fit": {"config": {"parameters": {"params:optoins": {"depth": 1}}}}}},
        {"ops": {"fit": {"config": {"parameters": {"options": {"depth": 1}}}}}},
        {"ops": {"fit": {"config": {"params:options": {"depth": 1}}}}},
        {"ops": {"early": {"config": {"parameters": {"params:options": 1}}}}},
        {"ops": {"fitt": {"config": {}}}},
        {"resources": {"kedro": {"config": {"runtime_parms": {}}}}},
        {"resources": {"kedro": {"config": {"runtime_params": [1]}}}},
    ],
    ids=["name", "no prefix", "place", "step", "no step", "option", "list"],
)
def test_a_configuration_that_does_not_fit_is_refused_before_anything_runs(
    typed: KedroProject, instance: dg.DagsterInstance, config: dict[str, Any]
) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError):
        execute(typed, instance, config=config)
    assert typed.calls() == []
