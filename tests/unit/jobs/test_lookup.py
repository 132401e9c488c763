"""Kedro's names in definitions that are built."""

import dagster as dg
import pytest

from kedro_assets.errors import ConfigError, KedroAssetsError
from kedro_assets.jobs import build_asset_selection, get_asset_key, get_io_manager_key
from unit.builders import make_node
from unit.records import definitions_of, json_entry, make_kedro

NODES = [
    make_node("split", ["raw"], ["shop.x", "y"], tags=["daily"]),
    make_node("tell", ["y"]),
    make_node("y", ["shop.x"], ["z"]),
]


def built(**options):
    return definitions_of(make_kedro(NODES, **options))


@pytest.mark.parametrize(("name", "key"), [("shop.x", "shop/x"), ("raw", "raw"), ("tell", "tell"), ("z", "z")], ids=str)
def test_a_dataset_and_a_node_without_outputs_have_a_key(name, key):
    assert get_asset_key(built(), name) == dg.AssetKey.from_user_string(key)
    assert get_asset_key(built(key_prefix=["eu"]), name) == dg.AssetKey.from_user_string(f"eu/{key}")


def test_a_dataset_goes_before_a_node_of_its_name():
    assert get_asset_key(built(), "y") == dg.AssetKey("y")


def test_a_node_that_makes_several_assets_has_no_key():
    with pytest.raises(KedroAssetsError, match="No Kedro project of these definitions has 'split'"):
        get_asset_key(built(), "split")


def test_an_unknown_name_is_reported_with_the_nearest():
    with pytest.raises(KedroAssetsError, match=r"Did you mean 'shop\.x'\?"):
        get_asset_key(built(), "shop.xx")


def test_a_dataset_that_no_node_uses_has_an_io_manager():
    definitions = built(catalog={"lonely": json_entry("lonely")}, key_prefix=["eu"])
    assert get_io_manager_key(definitions, "lonely") == "eu__lonely__io_manager"
    assert get_io_manager_key(definitions, "shop.x") in definitions.resources
    with pytest.raises(KedroAssetsError, match="has 'tell'"):
        get_io_manager_key(definitions, "tell")


def test_a_name_that_two_projects_have_is_asked_for_in_one_of_them():
    east = built(key_prefix=["east"])
    west = definitions_of(make_kedro([make_node("a", ["raw"], ["only"])], key_prefix=["west"]))
    both = dg.Definitions.merge(east, west)
    assert get_asset_key(both, "only") == dg.AssetKey(["west", "only"])
    assert get_io_manager_key(both, "z") == "east__z__io_manager"
    with pytest.raises(KedroAssetsError, match="2 Kedro projects of these definitions have 'raw'"):
        get_asset_key(both, "raw")
    with pytest.raises(KedroAssetsError, match="Expected the definitions of one Kedro project, found 2"):
        build_asset_selection(both)


def keys(selection):
    return sorted(key.to_user_string() for key in selection.selected_keys)


def test_a_filter_selects_what_lasts_of_what_its_nodes_make_and_what_they_would_not_run_without():
    assert keys(build_asset_selection(built(), tags=["daily"])) == ["shop/x", "y"]
    assert keys(build_asset_selection(built())) == ["tell", "z"]


def test_a_filter_that_does_not_fit_is_an_error():
    with pytest.raises(KedroAssetsError, match=r"There is no filter 'tag'\. Did you mean 'tags'\?"):
        build_asset_selection(built(), tag=["daily"])
    with pytest.raises(ConfigError, match=r"Did you mean 'daily'\?"):
        build_asset_selection(built(), tags=["dayly"])
    with pytest.raises(ConfigError, match="no pipeline 'nope' is registered"):
        build_asset_selection(built(), "nope")


def test_definitions_without_a_project_have_none():
    with pytest.raises(KedroAssetsError, match="There is nothing to choose from"):
        get_asset_key(dg.Definitions(), "x")
    with pytest.raises(KedroAssetsError, match="found 0"):
        build_asset_selection(dg.Definitions())
