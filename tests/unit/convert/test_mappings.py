"""Partition mappings move to the dataset that is made."""

import pytest

from kedro_assets.convert.mappings import move_mappings
from unit.convert.files import draft

UP = """\
up:
  type: kedro_dagster.DagsterPartitionedDataset
  partition_mapping:
    {down}:
      type: dagster.{kind}PartitionMapping
      downstream_partition_keys_by_upstream_partition_key: {{a: {key}}}
"""
STATIC = {"static": {"a": "b"}}


def up(down='"{n}.down"', kind="Static", key="b"):
    return UP.format(down=down, kind=kind, key=key)


def moved(*drafts):
    """Return the mappings that each entry has then, and the problems."""
    move_mappings(drafts, "base")
    found = {
        f"{draft.file.env}/{name}": (entry.get("metadata") or {}).get("dagster", {}).get("partition_mappings")
        for draft in drafts
        for name, entry in draft.wanted.items()
    }
    return {name: mapping for name, mapping in found.items() if mapping}, [p for d in drafts for p in d.problems]


def test_a_mapping_of_the_base_environment_is_written_in_every_environment():
    drafts = [
        draft(up()),
        draft('"{n}.down": {type: x}', "a/catalog.yml"),
        draft('"{n}.down": {type: y}', "b/catalog.yml"),
    ]
    assert moved(*drafts) == ({"a/{n}.down": {"up": STATIC}, "b/{n}.down": {"up": STATIC}}, [])


def test_a_mapping_of_another_environment_is_written_in_its_own_entry_or_in_that_of_the_base_environment():
    base = draft('"{n}.down": {type: x}')
    assert moved(base, draft(up(), "a/catalog.yml")) == ({"base/{n}.down": {"up": STATIC}}, [])
    drafts = [draft('"{n}.down": {type: x}'), draft(up() + '"{n}.down": {type: x}\n', "a/catalog.yml")]
    assert moved(*drafts) == ({"a/{n}.down": {"up": STATIC}}, [])


def test_a_dataset_may_be_named_as_its_asset_is():
    assert moved(draft(up("n__down") + "n.down: {type: x}\n")) == ({"base/n.down": {"up": STATIC}}, [])


def test_a_mapping_that_is_there_stays_beside_it():
    entry = "metadata: {dagster: {owners: [a@b.c], partition_mappings: {other: all}}}"
    drafts = [draft(up("down") + f"down:\n  {entry}\n")]
    assert moved(*drafts) == ({"base/down": {"other": "all", "up": STATIC}}, [])
    assert drafts[0].wanted["down"]["metadata"]["dagster"]["owners"] == ["a@b.c"]


@pytest.mark.parametrize(
    ("drafts", "said"),
    [
        ([draft(up("nowhere"))], "no entry of a catalog is named 'nowhere'"),
        ([draft(up("down", "My") + "down: {type: x}\n")], "this partition mapping is not converted."),
        (
            [
                draft("down: {type: x}\n"),
                draft(up("down"), "a/catalog.yml"),
                draft(up("down", key="c"), "b/catalog.yml"),
            ],
            "another partition mapping of 'up' is at 'down' already (conf/base/catalog.yml:1).",
        ),
    ],
    ids=["no entry", "another class", "two environments"],
)
def test_what_cannot_move_is_reported_at_its_place(drafts, said):
    [problem] = moved(*drafts)[1]
    assert problem.found.startswith(said)
    assert problem.source.endswith("/catalog.yml:4")
