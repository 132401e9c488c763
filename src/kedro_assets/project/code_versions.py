"""Versions of the code of nodes: another one when what a node does changes, and only then."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from attrs import Factory, frozen
from kedro.pipeline.node import Node

from kedro_assets._internals import garbage, kedro_nodes
from kedro_assets.names import is_parameter
from kedro_assets.project.bound_values import Described, Key, qualified_name
from kedro_assets.project.code_units import Unit, Units, digest

_DEPTH = 10
_COUNT = 1000
"""How far a node's function is followed, and to how many pieces of code: those behind count by their names."""


@frozen
class CodeParts:
    """What the version of a node's code is made of.

    Attributes:
        version: The version.
        units: The node's function and what it reaches in the project, nearest first.
        bound: The types of what a partial binds to the function, by name or position.
        parameters: The names of the parameters that are part of it.
    """

    version: str
    units: tuple[Unit, ...]
    bound: Mapping[str, str]
    parameters: tuple[str, ...]


@frozen
class CodeVersion:
    """The version of the code of a node, or of several that are as one.

    Attributes:
        version: Another one when what they do changes.
        pieces: What it is made of, each with a digest of its own: the code of each node, and each parameter.
    """

    version: str
    pieces: Mapping[str, str] = Factory(dict)

    def behind(self, others: Sequence[CodeVersion]) -> CodeVersion:
        """Return the version of this code together with that of what hands it data in memory."""
        if not others:
            return self
        pieces = {name: piece for other in others for name, piece in other.pieces.items()}
        return CodeVersion(digest(self.version, *sorted(other.version for other in others)), {**pieces, **self.pieces})


def code_versions(
    nodes: Mapping[str, Node], values: Mapping[str, Any], packages: Iterable[str], secrets: Collection[str] = ()
) -> dict[str, CodeVersion]:
    """Return the version of each node's code, by the node's name: the same in every process and on every machine.

    It is made of the function, what is bound to it, the names of the node's inputs and outputs, the parameters that it
    reads, and what the function refers to in the project's own packages: functions, classes and constants of modules,
    and what these refer to.

    Code counts by its meaning: without comments, docstrings, annotations, layout and the names of locals. Annotations
    count where a decorator or a class may read them, and where Kedro makes parameters to what they say; the names of
    arguments, unless the node gives its function all inputs by position. What is in no package of the project counts by its
    name. Code without source, as in a Python shell, counts by its bytecode, which another version of Python makes another.

    Names are followed as they are written: `f`, `module.f`, and imports inside of functions, where the whole module counts.
    What is looked up by text is not: `getattr(module, name)`, `globals()`, `exec`, `importlib.import_module(name)`. Nor are
    more than 10 steps from the function, or 1,000 pieces of code.

    Args:
        nodes: The nodes, by name.
        values: The project's parameters, by the names that nodes use.
        packages: The names of the project's own packages.
        secrets: The parameters of which no digest is told, as few values may be possible.
    """
    with garbage.left():  # syntax trees are many objects without cycles, and go as soon as they are read
        return _all_versions(nodes, _Versions(values, packages, secrets))


def code_parts(node: Node, values: Mapping[str, Any], packages: Iterable[str]) -> CodeParts:
    """Return what the version of one node's code is made of.

    Args:
        node: The node.
        values: The project's parameters, by the names that nodes use.
        packages: The names of the project's own packages.
    """
    return _Versions(values, packages).parts(node)


def _all_versions(nodes: Mapping[str, Node], versions: _Versions) -> dict[str, CodeVersion]:
    return {title: CodeVersion(versions.version(node), versions.pieces(title, node)) for title, node in nodes.items()}


class _Versions:
    """Makes versions; what several nodes share is looked at once."""

    def __init__(self, values: Mapping[str, Any], packages: Iterable[str], secrets: Collection[str] = ()) -> None:
        self._values = values
        self._secrets = secrets
        self._units = Units(packages)
        self._functions: dict[tuple[int, bool, bool], Described] = {}
        self._parameters: dict[str, str] = {}
        self._reached: dict[tuple[Key, ...], str] = {}

    def version(self, node: Node) -> str:
        """Return the version of a node's code."""
        names = filter(is_parameter, node.inputs)
        return digest(*self._code(node), *map(self._parameter, names))

    def pieces(self, title: str, node: Node) -> dict[str, str]:
        """Return what the version is made of, each with a digest of its own."""
        names = (name for name in node.inputs if is_parameter(name) and name not in self._secrets)
        parameters = {f"parameter '{name.removeprefix('params:')}'": self._parameter(name) for name in names}
        return {f"code of node '{title}'": digest(*self._code(node)), **parameters}

    def _code(self, node: Node) -> tuple[str, str, str]:
        given = ascii(
            [sorted(names.items()) if isinstance(names, dict) else names for names in kedro_nodes.connections(node)]
        )
        function = self._function(node)
        return function.text, self._text_of(function.keys), given

    def parts(self, node: Node) -> CodeParts:
        """Return what the version is made of."""
        units = tuple(map(self._units.get, self._reach(self._function(node).keys)))
        parameters = tuple(dict.fromkeys(filter(is_parameter, node.inputs)))
        return CodeParts(self.version(node), units, _bound(node.func), parameters)

    def _parameter(self, name: str) -> str:
        if name not in self._parameters:
            self._parameters[name] = digest(self._units.describe(self._values.get(name)).text)
        return self._parameters[name]

    def _function(self, node: Node) -> Described:
        """Describe the function of a node, and the classes that Kedro makes of its parameters."""
        inputs, _ = kedro_nodes.connections(node)
        by_name, built = isinstance(inputs, dict), any(map(is_parameter, node.inputs))
        known = id(node.func), by_name, built
        if known not in self._functions:
            described = None if by_name else self._units.by_position(node.func)
            described = described or self._units.describe(node.func)
            typed = self._units.typed(node.func) if built else ()
            self._functions[known] = Described(described.text, (*described.keys, *typed))
        return self._functions[known]

    def _text_of(self, keys: tuple[Key, ...]) -> str:
        """Return all that can be reached from some keys as one text, in which each piece of code is a number."""
        if keys not in self._reached:
            numbers = self._reach(keys)
            lines = [("", keys), *((unit.text, unit.held + unit.named) for unit in map(self._units.get, numbers))]
            texts = (f"{text} {[numbers.get(key, key[1]) for key in following]}" for text, following in lines)
            self._reached[keys] = digest(*texts)
        return self._reached[keys]

    def _reach(self, keys: Iterable[Key]) -> dict[Key, int]:
        """Number the keys that can be reached from some, nearest first."""
        numbers: dict[Key, int] = {}
        layer = list(keys)
        for _ in range(_DEPTH):
            following: list[Key] = []
            for key in layer:
                if key not in numbers and len(numbers) < _COUNT:
                    numbers[key] = len(numbers)
                    layer.extend(self._units.get(key).held)
                    following.extend(self._units.get(key).named)
            layer = following
        return numbers


def _bound(function: Any) -> dict[str, str]:
    """Return the types of what partials and methods bind to a function, by name or position."""
    bound: dict[str, str] = {}
    while isinstance(function, partial):
        given = {**{str(position): item for position, item in enumerate(function.args)}, **function.keywords}
        bound = {**{name: qualified_name(type(item)) for name, item in given.items()}, **bound}
        function = function.func
    if inspect.ismethod(function):
        bound["self"] = qualified_name(type(function.__self__))
    return bound
