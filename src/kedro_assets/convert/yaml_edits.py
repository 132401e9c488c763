"""A YAML file with other values: only the lines that change are written anew, and every comment stays.

A library that writes YAML with its comments (ruamel.yaml) sets the indentation, the quotes and the line breaks of a whole file
in its own way, so that a diff shows much that is the same. PyYAML says where each value starts and ends, which is enough to
write only what is another one. The result is read again and compared with what it should be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml
from attrs import define, field, frozen

from kedro_assets.convert.yaml_moves import Insertion, Removed
from kedro_assets.convert.yaml_text import as_block, as_flow, comments_in, indented
from kedro_assets.errors import KedroAssetsError

_ALIAS = re.compile(r"\s*:\s*\*[^\s,\]}]+")
_ANCHOR = re.compile(r"\s*&[^\s,\]}]+")
_MERGE = "tag:yaml.org,2002:merge"


class EditError(KedroAssetsError):
    """A file cannot be edited: what is to change comes from an alias, or is written in a way that is not supported.

    Args:
        key: The first key at the top of the file whose value would be another one than it should.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"'{key}' cannot be edited here.")


def edited(text: str, wanted: Mapping[str, Any]) -> str:
    r"""Return a YAML text with other values.

    Entries that a mapping loses and another one gets, with the same key and value, keep their text, comments included. A value
    that gets another key keeps its place.

    Args:
        text: The text; a mapping, or nothing.
        wanted: What it is to hold.

    Raises:
        EditError: If the text cannot be edited so.

    Examples:
        >>> print(edited("a:  # first\n  b: 'x'\nc: 1\n", {"a": {"b": "y"}, "c": 1, "d": [2]}), end="")
        a:  # first
          b: 'y'
        c: 1
        <BLANKLINE>
        d:
        - 2
    """
    document = yaml.compose(text, Loader=yaml.SafeLoader)
    found = yaml.safe_load(text)
    if document is None:
        return text + as_block(dict(wanted), 0, "\n") if wanted else text
    if found == wanted:
        return text
    for writes_out in (False, True):  # what comes from an alias changes with what it stands for, or else is written out
        editor = _Editor(text, writes_out)
        editor.sync(document, found, wanted)
        changed = editor.result()
        differing = _differing(changed, wanted)
        if differing is None:
            return changed
    raise EditError(str(differing))


def _differing(text: str, wanted: Mapping[str, Any]) -> str | None:
    """Return the first key of which a text holds another value than is wanted."""
    try:
        result = yaml.safe_load(text) or {}
    except yaml.YAMLError:
        result = {}
    keys = (key for key in [*wanted, *result] if key not in wanted or key not in result or wanted[key] != result[key])
    return next(keys, None)


@frozen
class _Entry:
    """A key of a mapping with its value, and where both are in the text."""

    name: Any
    key: yaml.Node
    value: yaml.Node
    end: int
    """Where the value ends; comments and blank lines behind it are not its own."""

    @property
    def is_alias(self) -> bool:
        """Whether the value is written elsewhere."""
        return bool(self.value.start_mark.index < self.key.end_mark.index)


@define
class _Editor:
    """Collects replacements in a text: those inside an entry before those behind it."""

    text: str
    writes_out: bool
    edits: list[tuple[int, int, Any]] = field(factory=list)
    inside: list[tuple[Any, str]] = field(factory=list)
    comments: list[tuple[int, int]] = field(init=False)
    newline: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.comments = list(comments_in(self.text))
        self.newline = "\r\n" if "\r\n" in self.text else "\n"

    def sync(self, node: yaml.Node, old: Mapping[Any, Any], new: Mapping[Any, Any]) -> None:
        """Let a block mapping hold other values."""
        entries = list(self._entries(node))
        names = {entry.name for entry in entries}
        gone = [entry for entry in entries if entry.name not in new]
        added = [
            name
            for name in new
            if name not in names and (name not in old or (self.writes_out and old[name] != new[name]))
        ]
        if gone and _renamed(old, new):
            [entry], [name] = gone, added
            self.edits.append((entry.key.start_mark.index, entry.key.end_mark.index, as_flow(name)))
            gone, added = [], []
        kept = [entry for entry in entries if entry not in gone]
        for entry in kept:
            is_left = entry.is_alias and not self.writes_out
            if entry.name in new and new[entry.name] != old[entry.name] and not is_left:
                self._change(entry, old[entry.name], new[entry.name])
        removed = [found for entry in gone if (found := self._remove(entry, old[entry.name]))]
        if added:
            at = self._line_end(kept[-1].end) if kept else self._start(gone[0])
            indent = entries[0].key.start_mark.column
            values = {name: new[name] for name in added}
            self.edits.append((at, at, Insertion(values, indent, removed, is_behind=bool(kept))))

    def result(self) -> str:
        """Return the text with all replacements."""
        moved = {id(found) for _, _, edit in self.edits if isinstance(edit, Insertion) for found in edit.moved()}
        edits = []
        for start, end, edit in self.edits:
            if isinstance(edit, Insertion):
                edits.append((start, end, self._render(edit)))
            elif isinstance(edit, Removed):
                kept = "" if id(edit) in moved else self._comments_of(start, end, " " * edit.column)
                edits.append((start, end, kept))
            else:
                edits.append((start, end, edit))
        text, position = [], 0
        for start, end, replacement in sorted(edits, key=lambda edit: edit[:1]):
            text += [self.text[position:start], replacement]
            position = max(end, position)
        changed = "".join([*text, self.text[position:]])
        return changed if self.text[:1].isspace() else changed.lstrip("\r\n")

    def _entries(self, node: yaml.Node) -> Iterator[_Entry]:
        for key, value in node.value:
            if key.tag != _MERGE:
                name = yaml.SafeLoader("").construct_object(key)
                yield _Entry(name, key, value, self._end(key, value))

    def _end(self, key: yaml.Node, value: yaml.Node) -> int:
        """Return where the value of a key ends."""
        if value.start_mark.index < key.end_mark.index:
            alias = _ALIAS.match(self.text, key.end_mark.index)
            return alias.end() if alias else int(key.end_mark.index)
        if isinstance(value, yaml.CollectionNode) and not value.flow_style and value.value:
            last = value.value[-1]
            if isinstance(last, tuple):
                return self._end(*last)
            return self._end(yaml.ScalarNode("", "", value.start_mark, value.start_mark), last)
        if isinstance(value, yaml.ScalarNode) and value.style in {"|", ">"}:
            start = int(value.start_mark.index)
            return start + len(self.text[start : value.end_mark.index].rstrip())
        return int(value.end_mark.index)

    def _change(self, entry: _Entry, old: Any, new: Any) -> None:
        value = entry.value
        is_block = isinstance(value, yaml.CollectionNode) and not value.flow_style and not entry.is_alias
        if is_block and isinstance(old, dict) and isinstance(new, dict) and new:
            self.sync(value, old, new)
        elif is_block and isinstance(old, list) and isinstance(new, list) and _pairs(old, new, value):
            for node, before, after in zip(value.value, old, new, strict=True):
                if before != after:
                    self.sync(node, before, after)
        elif isinstance(value, yaml.ScalarNode) and isinstance(new, str) and not entry.is_alias and old is not None:
            style = value.style if value.style in {"'", '"'} else None
            self.edits.append((value.start_mark.index, entry.end, as_flow(new, style)))
        else:
            self._replace(entry, new)

    def _replace(self, entry: _Entry, new: Any) -> None:
        """Write a value anew, on the line of its key; comments inside the old one come before that line."""
        start = self._line_start(entry.key.start_mark.index)
        inside = self._comments_of(entry.key.end_mark.index, entry.end, " " * entry.key.start_mark.column)
        if inside:
            self.edits.append((start, start, inside))
        colon = self.text.index(":", entry.key.end_mark.index)
        anchor = _ANCHOR.match(self.text, colon + 1)
        self.edits.append((anchor.end() if anchor else colon + 1, entry.end, f" {as_flow(new)}"))

    def _remove(self, entry: _Entry, old: Any) -> Removed | None:
        line = self._line_start(entry.key.start_mark.index)
        if self.text[line : entry.key.start_mark.index].strip():  # behind the dash of a list, or behind `?`
            return None
        start, end = self._start(entry), self._line_end(entry.end)
        removed = Removed(entry.name, old, self.text[start:end], self._source(entry), int(entry.key.start_mark.column))
        self.edits.append((start, end, removed))
        if isinstance(old, dict) and isinstance(entry.value, yaml.MappingNode) and not entry.is_alias:
            self.inside += [(old[found.name], self._source(found)) for found in self._entries(entry.value)]
        self.inside.append((old, removed.source))
        return removed

    def _source(self, entry: _Entry) -> str:
        return "" if entry.is_alias else self.text[entry.value.start_mark.index : entry.end]

    def _start(self, entry: _Entry) -> int:
        """Return where an entry starts: at the comments right above it, if they are indented as it is."""
        start, column = self._line_start(entry.key.start_mark.index), entry.key.start_mark.column
        while start and (line := self._line_start(start - 1)) + column in {begin for begin, _ in self.comments}:
            if self.text[line : line + column].strip() or not column:
                break
            start = line
        return start

    def _comments_of(self, start: int, end: int, indent: str) -> str:
        """Return the comments in a part of the text, each on a line of its own."""
        found = (self.text[begin:stop] for begin, stop in self.comments if start <= begin < end)
        return "".join(f"{indent}{comment}{self.newline}" for comment in found)

    def _line_start(self, index: int) -> int:
        return self.text.rfind("\n", 0, index) + 1

    def _line_end(self, index: int) -> int:
        """Return where the next line starts."""
        found = self.text.find("\n", index)
        return len(self.text) if found < 0 else found + 1

    def _render(self, insertion: Insertion) -> str:
        start = insertion.is_behind and not self.text.endswith("\n") and self._at_end(insertion)
        gap = self.newline if insertion.is_behind and not insertion.indent else ""
        lines = "".join(self._lines(insertion, insertion.values, insertion.indent))
        return (self.newline if start else "") + gap + lines

    def _at_end(self, insertion: Insertion) -> bool:
        return any(edit is insertion and at == len(self.text) for at, _, edit in self.edits)

    def _lines(self, insertion: Insertion, values: Mapping[Any, Any], indent: int) -> Iterator[str]:
        for name, value in values.items():
            same = insertion.same(name, value)
            if same:
                yield from indented(same.lines, indent, self.newline)
            elif isinstance(value, dict) and value:
                yield f"{' ' * indent}{as_flow(name)}:{self.newline}"
                yield from self._lines(insertion, value, indent + 2)
            else:
                yield self._line(name, value, indent)

    def _line(self, name: Any, value: Any, indent: int) -> str:
        """Write one entry: as another entry had the same value, if that was on one line."""
        found = (source for old, source in self.inside if old == value and isinstance(value, list))
        source = next((text for text in found if text.startswith("[") and "\n" not in text), "")
        if source:
            return f"{' ' * indent}{as_flow(name)}: {source}{self.newline}"
        return as_block({name: value}, indent, self.newline)


def _pairs(old: Sequence[Any], new: Sequence[Any], node: yaml.Node) -> bool:
    """Whether two lists differ inside of mappings only, which are written as blocks."""
    items: Iterable[tuple[Any, Any, yaml.Node]] = zip(old, new, node.value, strict=False)
    return len(old) == len(new) and all(
        before == after
        or (
            isinstance(before, dict)
            and isinstance(after, dict)
            and isinstance(item, yaml.MappingNode)
            and not item.flow_style
            and (_first(before) in after or _renamed(before, after))
        )
        for before, after, item in items
    )


def _renamed(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> bool:
    """Whether a mapping differs by one key, which has the same value as before under another name."""
    gone, added = [key for key in old if key not in new], [key for key in new if key not in old]
    return len(gone) == len(added) == 1 and old[gone[0]] == new[added[0]]


def _first(mapping: Mapping[Any, Any]) -> Any:
    """Return the first key, which is on the line of the dash and so has to stay."""
    return next(iter(mapping), None)
