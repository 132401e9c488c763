"""What a file of the configuration holds as YAML: its lines, and what Kedro cannot read though it is YAML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import yaml

from kedro_assets.errors import Path as KeyPath
from kedro_assets.errors import message

_NO_KEYS = [f"tag:yaml.org,2002:{kind}" for kind in ("null", "seq", "map")]
"""What OmegaConf does not take for a key; numbers are taken."""
_MERGE = "tag:yaml.org,2002:merge"
_MOST_VALUES = 10_000
_TOO_MANY = (
    f"this holds too many values, aliases included: OmegaConf reads {_MOST_VALUES:,} of a file, unless the environment variable "
    "OMEGACONF_MAX_YAML_EXPANDED_NODES has another number."
)
_DEEPEST = 50
"""At what depth OmegaConf may come to the end of Python's stack."""
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OTHER_BREAKS = frozenset("\x85\u2028\u2029")
"""What ends a line in YAML, and in no editor."""


def parse(text: str) -> yaml.Node | None:
    """Return what a file holds as YAML, with the lines that an editor shows; None for an empty file.

    Raises:
        yaml.YAMLError: If it is not valid.
    """
    return yaml.compose(text, Loader=_Loader if _OTHER_BREAKS.isdisjoint(text) else _EditorLines)


class _EditorLines(yaml.SafeLoader):
    def __init__(self, text: str) -> None:
        self._text = text  # the first mark is made below
        super().__init__(text)

    def get_mark(self) -> yaml.Mark:
        mark = super().get_mark()
        mark.line = self._text.count("\n", 0, mark.index)
        return mark


def errors_in(document: yaml.Node | None, *, is_too_large: bool = False) -> Iterator[tuple[int, str]]:
    """Yield the line of what Kedro cannot read as configuration though it is YAML, and what it is.

    Args:
        document: What the file holds; None for an empty file.
        is_too_large: Whether OmegaConf has found too many values.
    """
    if document is None:
        return
    if not isinstance(document, yaml.MappingNode) or document.tag == "tag:yaml.org,2002:set":
        kinds: dict[type, str] = {yaml.SequenceNode: "a list", yaml.MappingNode: "a set"}
        kind = kinds.get(type(document), "a single value")
        yield document.start_mark.line + 1, f"expected a mapping of keys, found {kind}."
    else:
        for key, _ in document.value:
            if key.tag != "tag:yaml.org,2002:str":
                yield key.start_mark.line + 1, f"the key {key.value} is not a string: put it in quotes."
    for node in _nodes(document):
        refused = _tag_refused(node)
        if refused:
            yield node.start_mark.line + 1, refused
        if isinstance(node, yaml.MappingNode):
            yield from _key_errors(node, is_inside=node is not document)
    yield from _shape_errors(document, is_too_large=is_too_large)


def _key_errors(node: yaml.MappingNode, *, is_inside: bool) -> Iterator[tuple[int, str]]:
    """Yield the line of each key of a mapping that cannot be there, and why."""
    keys = [key for key, _ in node.value]
    count = Counter((key.tag, str(key.value)) for key in keys if key.value != "<<")
    seen: set[str] = set()
    for key in keys:
        if is_inside and key.tag in _NO_KEYS:
            yield key.start_mark.line + 1, "this key is not a string: put it in quotes."
        if count[key.tag, str(key.value)] > 1 and key.value in seen:
            yield key.start_mark.line + 1, f"the key '{key.value}' appears twice."
        if isinstance(key.value, str):
            seen.add(key.value)


def _tag_refused(node: yaml.Node) -> str:
    """Return why a value cannot be what its tag says; empty if it can."""
    if node.tag == _MERGE:  # read with the mapping around it
        return ""
    if node.tag not in yaml.SafeLoader.yaml_constructors:
        return f"the YAML tag '{node.tag}' is unknown."
    try:
        if isinstance(node, yaml.ScalarNode):
            yaml.SafeLoader("").construct_object(node)
    except Exception as error:  # noqa: BLE001 - of what turns a text into a number, a date or bytes
        kind = node.tag.rpartition(":")[2]
        return (
            f"'{node.value}' is not a YAML value of type '{kind}': {getattr(error, 'problem', None) or message(error)}."
        )
    return ""


def _shape_errors(document: yaml.Node, *, is_too_large: bool) -> Iterator[tuple[int, str]]:
    """Yield the line of what is too large or too deep to be read, aliases included, and what it is."""
    shapes: dict[int, tuple[int, int]] = {}  # how many values, and levels, are in a node
    around: set[int] = set()
    todo = [(document, False)]
    while todo:
        node, is_done = todo.pop()
        line = node.start_mark.line + 1
        if is_done:
            inside = [shapes[id(part)] for part in _parts(node) if id(part) in shapes]
            size, depth = 1 + sum(size for size, _ in inside), 1 + max((depth for _, depth in inside), default=0)
            if is_too_large and size > _MOST_VALUES >= max(size for size, _ in inside):
                yield line, _TOO_MANY
            if depth == _DEEPEST:
                yield line, f"this is nested more than {_DEEPEST} levels deep."
            shapes[id(node)] = size, depth
            around.remove(id(node))
        elif id(node) in around:
            yield line, "this holds an alias of itself."
        elif id(node) not in shapes:
            around.add(id(node))
            todo += [(node, True), *((part, False) for part in reversed(list(_parts(node))))]


def _parts(node: yaml.Node) -> Iterator[yaml.Node]:
    """Yield the keys, values and items of a node."""
    if isinstance(node, yaml.MappingNode):
        yield from (part for pair in node.value for part in pair)
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _nodes(document: yaml.Node) -> Iterator[yaml.Node]:
    """Yield every node of a YAML tree once, aliases included."""
    seen: set[int] = set()
    todo = [document]
    while todo:
        node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        todo.extend(reversed(list(_parts(node))))


def keys_of(document: yaml.Node) -> list[str]:
    """Return the keys of a mapping; none if it is something else."""
    return [str(key.value) for key, _ in document.value] if isinstance(document, yaml.MappingNode) else []


def scalars(document: yaml.Node) -> Iterator[str]:
    """Yield the text of every scalar once, keys included."""
    return (node.value for node in _nodes(document) if isinstance(node, yaml.ScalarNode))


def lines_of(node: yaml.Node, full_key: str) -> Iterator[int]:
    """Yield the 1-based lines that a key of OmegaConf's can mean, such as `shop.plot.columns[2]`: keys may have dots."""
    entries: list[tuple[str, yaml.Node, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        entries = [(str(key.value), key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        entries = [(f"[{position}]", item, item) for position, item in enumerate(node.value)]
    for name, start, value in entries:
        rest = full_key.removeprefix(name)
        if full_key == name:
            yield start.start_mark.line + 1
        elif full_key.startswith(name) and rest[0] in ".[":
            yield from lines_of(value, rest.removeprefix("."))


def _entries(node: yaml.MappingNode, around: frozenset[int] = frozenset()) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """Yield the keys and values of a mapping: those that `<<` merges into it first, as its own take precedence."""
    for key, value in node.value:
        if key.tag == _MERGE and id(node) not in around:
            for merged in reversed(value.value) if isinstance(value, yaml.SequenceNode) else [value]:
                if isinstance(merged, yaml.MappingNode):
                    yield from _entries(merged, around | {id(node)})
    yield from node.value


def line_of(document: yaml.Node, path: KeyPath) -> tuple[int, int]:
    """Return the 1-based line of the deepest part of `path` in a YAML tree, and how deep that is."""
    if isinstance(document, yaml.ScalarNode) and document.value.partition(":")[0] == str(next(iter(path), None)):
        return document.start_mark.line + 1, 1  # OmegaConf reads text alone as a key, or as YAML
    node, line, depth = document, 0, 0
    for key in path:
        if isinstance(node, yaml.MappingNode):
            entries = [(k, v) for k, v in _entries(node) if k.value == str(key)]
            if not entries:
                break
            start, node = entries[-1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            start = node = node.value[key]
        else:
            break
        line, depth = start.start_mark.line + 1, depth + 1
    return line, depth
