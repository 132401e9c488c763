"""Kedro's names as identifiers of Dagster, in tables that are built once and never decoded."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping

from kedro.pipeline.transcoding import TRANSCODING_SEPARATOR

# Dagster refuses these as names of ops, outputs and resources, beside Python's keywords.
_RESERVED = {"bool", "dict", "float", "int", "str", "type", "conf", "config", "context", "meta"} | {
    *("input", "input_arg_dict", "output", "output_arg_dict", "arg_dict"),
}

PARTITION_PARAMETERS = ("partition_key", "partition_keys", "partition_start", "partition_end")
"""The runtime parameters of a run that makes partitions: its key, the keys by dimension, and its window of time."""


def is_parameter(name: str) -> bool:
    """Whether a node's input is a parameter and no dataset.

    Examples:
        >>> is_parameter("params:model.depth"), is_parameter("parameters"), is_parameter("model")
        (True, True, False)
    """
    return name == "parameters" or name.startswith("params:")


def base_name(name: str) -> str:
    """Return the dataset behind a transcoded name.

    Examples:
        >>> base_name("flights@polars"), base_name("flights")
        ('flights', 'flights')
    """
    return name.partition(TRANSCODING_SEPARATOR)[0]


def key_parts(name: str) -> tuple[str, ...]:
    """Return the parts of the asset key of a dataset or node: what stands between dots and slashes.

    Examples:
        >>> key_parts("forest.model"), key_parts("raw/item#json"), key_parts("/")
        (('forest', 'model'), ('raw', 'item#json'), ('/',))
    """
    return tuple(part for part in re.split(r"[./]", name) if part) or (name,)


def identifiers(names: Iterable[str], taken: Iterable[str] = (), kind: str = "") -> Mapping[str, str]:
    """Give every name an identifier that Dagster takes for ops, outputs, jobs and resources.

    A name that is an identifier keeps it; others that would fall on the same one are numbered in the order given.

    Args:
        names: The names.
        taken: Identifiers that are in use elsewhere.
        kind: What the names are of. It is added to those that are taken, before a number is.

    Examples:
        >>> dict(identifiers(["a.b", "a-b", "a_b", "type"]))
        {'a.b': 'a_b_2', 'a-b': 'a_b_3', 'a_b': 'a_b', 'type': 'type_'}
        >>> dict(identifiers(["training"], taken=["training"]))
        {'training': 'training_2'}
        >>> dict(identifiers(["training"], taken=["training"], kind="step"))
        {'training': 'training_step'}
    """
    names, elsewhere = list(dict.fromkeys(names)), set(taken)
    table = {name: name for name in names if identifier(name) == name and name not in elsewhere}
    used = elsewhere.union(table)
    for name in names:
        if name not in table:
            text = identifier(name)
            table[name] = _free(f"{text}_{kind}" if kind and text in elsewhere else text, used)
            used.add(table[name])
    return {name: table[name] for name in names}


def distinct_identifiers(names: Iterable[str]) -> list[str]:
    """Write names as identifiers, one for each even where a name comes twice.

    Examples:
        >>> distinct_identifiers(["a.b", "a.b", "a_b"])
        ['a_b', 'a_b_2', 'a_b_3']
    """
    used: set[str] = set()
    found = []
    for name in names:
        found.append(_free(identifier(name), used))
        used.add(found[-1])
    return found


def identifier(name: str) -> str:
    """Write a name with ASCII letters, digits and underscores only.

    Examples:
        >>> identifier("vols à l'heure"), identifier("@"), identifier("class")
        ('vols___l_heure', '_', 'class_')
    """
    text = re.sub(r"[^A-Za-z0-9_]", "_", name) or "_"
    return f"{text}_" if text in _RESERVED or keyword.iskeyword(text) else text


def _free(text: str, taken: set[str]) -> str:
    candidate, number = text, 1
    while candidate in taken:
        number += 1
        candidate = f"{text}_{number}"
    return candidate


def counted(count: int, noun: str) -> str:
    """Return a number with a noun in the singular or the plural.

    Examples:
        >>> counted(1, "asset"), counted(0, "asset")
        ('1 asset', '0 assets')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
