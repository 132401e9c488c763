import datetime as dt

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedro_assets.project.load import parameter_values
from kedro_assets.runtime.parameters import FIELD, ConfigSchemas, changed_parameters
from unit.builders import make_node

NAME = "params:x"
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
json_values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


def fields_of(schema):
    """Give the fields of the parameters in a step's schema."""
    return schema.config_type.fields[FIELD].config_type.fields


def as_run_configuration(value, default):
    """Take a value through the step's schema, as Dagster does at launch, and give what it changes."""
    schema = ConfigSchemas({NAME: default}).of([make_node("a", [NAME])])

    received = []

    @dg.op(config_schema=schema)
    def step(context):
        received.append(context.op_config)

    context = dg.build_op_context(op_config=None if value is ... else {FIELD: {NAME: value}})
    step(context)
    return changed_parameters(received[0], {NAME: default})


@given(json_values, json_values)
def test_a_value_that_was_given_comes_through_unchanged(value, default):
    changed = changed_parameters({FIELD: {NAME: value}}, {NAME: default})
    assert changed.get(NAME, default) == value


@pytest.mark.parametrize(
    ("value", "default"), [(True, 1), (1, True), (False, 0), ([0], [False])], ids=["true", "one", "false", "nested"]
)
def test_truth_and_number_are_different_values(value, default):
    changed = changed_parameters({FIELD: {NAME: value}}, {NAME: default})
    assert repr(changed) == repr({NAME: value})


@given(json_values)
def test_a_default_that_the_launchpad_sends_back_is_left_out(default):
    schema = ConfigSchemas({NAME: default}).of([make_node("a", [NAME])])
    shown = fields_of(schema)[NAME].default_value
    assert changed_parameters({FIELD: {NAME: shown}}, {NAME: default}) == {}


@pytest.mark.parametrize(
    ("default", "shown"),
    [
        (dt.date(2026, 3, 1), "2026-03-01"),
        ({1: {None: "a"}}, {"1": {"None": "a"}}),
        ((1, (2,)), [1, [2]]),
        ([{"at": dt.datetime(2026, 3, 1, 12)}], [{"at": "2026-03-01 12:00:00"}]),  # noqa: DTZ001 - as YAML gives it
    ],
    ids=["date", "keys", "tuple", "nested"],
)
def test_what_json_cannot_carry_is_shown_as_text_and_reaches_the_node_as_it_was(default, shown):
    schema = ConfigSchemas({NAME: default}).of([make_node("a", [NAME])])
    assert fields_of(schema)[NAME].default_value == shown
    assert changed_parameters({FIELD: {NAME: shown}}, {NAME: default}) == {}


def test_a_float_that_comes_back_as_a_whole_number_is_still_the_default():
    assert changed_parameters({FIELD: {NAME: 1}}, {NAME: 1.0}) == {}


@pytest.mark.parametrize("config", [None, {}, {FIELD: None}, {FIELD: {}}], ids=["none", "empty", "null", "no values"])
def test_a_run_without_parameters_changes_none(config):
    assert changed_parameters(config, {NAME: 1}) == {}


@pytest.mark.parametrize("default", [None, 1, "a", [1], {"a": {"b c": None}}, {}], ids=repr)
@pytest.mark.parametrize("value", [None, 2, "b", [], {"key with space": [1.5, None]}], ids=repr)
def test_dagster_accepts_any_value_in_place_of_any_default(value, default):
    assert as_run_configuration(value, default).get(NAME, default) == value


@pytest.mark.parametrize("default", [None, 1, "a", [1], {"a": {"b c": None}}, dt.date(2026, 1, 1)], ids=repr)
def test_dagster_fills_in_the_default(default):
    assert as_run_configuration(..., default) == {}


def test_a_step_that_reads_no_parameters_takes_none():
    schema = ConfigSchemas({}).of([make_node("a", ["data"], ["x"])])
    assert schema.config_type.fields == {}
    assert not schema.is_required


def test_a_schema_has_the_parameters_that_the_nodes_read_and_no_others():
    nodes = [make_node("a", ["params:x", "data"]), make_node("b", ["params:x", "parameters", "params:z z"])]
    schema = ConfigSchemas(parameter_values({"x": 1, "y": 2})).of(nodes)
    defaults = {name: field.default_value for name, field in fields_of(schema).items()}
    assert defaults == {"params:x": 1, "parameters": {"x": 1, "y": 2}, "params:z z": None}


def test_steps_that_read_the_same_parameters_share_their_schema():
    schemas = ConfigSchemas({"params:x": 1, "params:y": 2})
    first, second = make_node("a", ["params:x", "data"]), make_node("b", ["other", "params:x"])
    assert schemas.of([first]) is schemas.of([second])
    assert schemas.of([first]) is not schemas.of([make_node("c", ["params:y"])])


def test_parameters_have_the_names_that_kedro_gives_them():
    values = parameter_values({"a": {"b": {"c": 1}, "d.e": 2}, "f": [{"g": 3}]})
    assert values == {
        "parameters": {"a": {"b": {"c": 1}, "d.e": 2}, "f": [{"g": 3}]},
        "params:a": {"b": {"c": 1}, "d.e": 2},
        "params:a.b": {"c": 1},
        "params:a.b.c": 1,
        "params:a.d.e": 2,
        "params:f": [{"g": 3}],
    }
