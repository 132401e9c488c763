import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedro_assets.names import base_name, distinct_identifiers, identifier, identifiers, is_parameter

# Names close to each other, so that they fall on the same identifier and on the numbered ones.
close_names = st.text(alphabet="ab._-@ é2", max_size=4) | st.sampled_from(["type", "type_", "type__2", "def", "a_b_2"])


@given(st.lists(close_names | st.text()))
def test_every_name_gets_an_identifier_of_its_own(names):
    table = identifiers(names)
    assert set(table) == set(names)
    assert len(set(table.values())) == len(table)


@given(st.lists(close_names, max_size=4))
def test_dagster_takes_every_identifier_as_the_name_of_an_op_and_of_an_output(names):
    for name in identifiers(names).values():
        op = dg.OpDefinition(lambda: None, name=name, outs={name: dg.Out()})
        assert op.name == name


@given(st.lists(close_names))
def test_a_name_that_is_an_identifier_keeps_it_whatever_stands_before_it(names):
    assert identifiers([*names, "a_b"])["a_b"] == "a_b"


@given(st.lists(close_names))
def test_a_table_is_in_the_order_of_the_names(names):
    assert list(identifiers(names)) == list(dict.fromkeys(names))


def test_names_that_fall_on_one_identifier_are_numbered_in_the_order_given():
    assert identifiers(["a.b", "a-b", "a b"]) == {"a.b": "a_b", "a-b": "a_b_2", "a b": "a_b_3"}


def test_a_number_that_another_name_has_is_left_to_it():
    assert identifiers(["a.b", "a-b", "a_b_2"]) == {"a.b": "a_b", "a-b": "a_b_3", "a_b_2": "a_b_2"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("parameters", True), ("params:", True), ("params:a.b", True), ("parameters_x", False), ("my_params:a", False)],
    ids=["whole", "empty", "nested", "longer", "inside"],
)
def test_parameters_are_told_from_datasets(name, expected):
    assert is_parameter(name) is expected


def test_the_base_name_ends_at_the_first_separator():
    assert base_name("a.b@spark") == "a.b"


@given(st.lists(close_names, max_size=6), st.lists(close_names.map(identifier), max_size=3))
def test_identifiers_that_are_in_use_elsewhere_are_left_alone(names, taken):
    assert not set(identifiers(names, taken).values()) & set(taken)


@given(st.lists(close_names, max_size=6))
def test_names_that_come_twice_get_an_identifier_each(names):
    found = distinct_identifiers(names)
    assert (len(found), len(set(found))) == (len(names), len(names))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.b-c d", "a_b_c_d"),
        ("été", "_t_"),
        ("", "_"),
        ("2024", "2024"),
        ("None", "None_"),
        ("context", "context_"),
        ("contexts", "contexts"),
    ],
    ids=["signs", "letters", "empty", "digits", "keyword", "reserved", "longer"],
)
def test_a_name_is_written_with_what_dagster_takes(name, expected):
    assert identifier(name) == expected
