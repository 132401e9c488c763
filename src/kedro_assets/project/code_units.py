"""The pieces of a project's code: functions, classes, constants and modules, each with what it refers to."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, time
from enum import Enum
from functools import partial
from types import FunctionType, ModuleType
from typing import Any

from attrs import frozen

from kedro_assets.project.bound_values import (
    Described,
    Key,
    ValueWriter,
    module_name,
    qualified_name,
)
from kedro_assets.project.code_objects import bytecode, closure_cells, content, defaults, names_around, wrapped_by
from kedro_assets.project.module_names import ModuleNames
from kedro_assets.project.normal_form import (
    Names,
    NormalForm,
    annotated_names,
    function_form,
    statement_form,
)
from kedro_assets.project.source_files import SourceFile, SourceFiles

_OF_MODULES = {*vars(ModuleType("")), "__annotations__", "__builtins__", "__cached__", "__file__", "__path__"}
"""Names that Python gives to every module."""


@frozen
class Unit:
    """A piece of code.

    Attributes:
        kind: `function`, `class`, `constant` or `module`.
        name: Its qualified name.
        text: All that it is by itself, as a digest.
        held: The pieces that it holds: in closures, defaults and values.
        named: The pieces that it refers to by name, in order.
        file: Where it stands; None if its source is not at hand.
        line: The line there.
        bound: The types of what is bound to it: defaults, and what a closure holds; of a constant, its own type.
    """

    kind: str
    name: str
    text: str
    held: tuple[Key, ...] = ()
    named: tuple[Key, ...] = ()
    file: str | None = None
    line: int = 0
    bound: Mapping[str, str] = {}


class Units:
    """Makes the units of a project, each once.

    Args:
        packages: The project's own packages: what is in them counts by its meaning, all else by its name.
    """

    def __init__(self, packages: Iterable[str]) -> None:
        self._files = SourceFiles()
        self._modules = ModuleNames(packages, self._files)
        self._things: dict[Key, Any] = {}
        self._units: dict[Key, Unit] = {}
        self._forms: dict[tuple[Any, ...], tuple[NormalForm, bool]] = {}
        self._referred: dict[tuple[int, tuple[Names, ...]], Described] = {}

    def get(self, key: Key) -> Unit:
        """Return the unit of a key."""
        if key not in self._units:
            make: Mapping[str, Callable[[Key], Unit]] = {
                "function": self._function,
                "positional": self._function,
                "class": self._class,
                "constant": self._constant,
                "module": self._module,
            }
            self._units[key] = make[key[0]](key)
        return self._units[key]

    def describe(self, value: Any) -> Described:
        """Describe a value, with the keys of the units that it refers to."""
        try:
            return ValueWriter(self).describe(value)
        except Exception:  # noqa: BLE001 - the values are the user's: too deep, or with attributes that fail
            return Described(qualified_name(type(value)), whole=False)

    def key_of(self, thing: FunctionType | type | ModuleType) -> Key | None:
        """Return the key of a piece of the project's code; None for that of a library, which counts by its name."""
        if isinstance(thing, ModuleType):
            return ("module", thing.__name__, 0) if self._modules.is_own(thing.__name__) else None
        module = thing.__module__ if isinstance(thing, type) else thing.__globals__.get("__name__")
        if not self._modules.is_own(module):
            return None
        kind = "class" if isinstance(thing, type) else "function"
        key = (kind, f"{module}.{thing.__qualname__}", id(thing))
        self._things[key] = thing
        return key

    def by_position(self, function: Any) -> Described | None:
        """Describe a function as it counts where it is called by position only; None for a library's, or anything else."""
        key = self.key_of(function) if isinstance(function, FunctionType) else None
        return Described("@", (("positional", key[1], key[2]),)) if key else None

    def typed(self, function: Any) -> tuple[Key, ...]:
        """Return the project's classes in a function's annotations which Kedro makes of parameters."""
        while isinstance(function, partial):
            function = function.func
        if not isinstance(function, FunctionType):
            return ()
        file = self._files.read(function.__code__.co_filename, function.__globals__)
        chains = annotated_names(file.functions(function.__code__) if file else ())
        keys = self._refer(function.__globals__, chains).keys
        return tuple(key for key in keys if key[0] == "class" and _is_built(self._things[key]))

    def _function(self, key: Key) -> Unit:
        positional = key[0] == "positional"
        function: FunctionType = self._things["function", key[1], key[2]]
        code = function.__code__
        given = self.describe((function.__defaults__, function.__kwdefaults__))
        form, has_source = self._function_form(function, defaults=not given.whole, positional=positional)
        cells = dict(closure_cells(function))
        order = [*form.free, *sorted(cells.keys() - set(form.free))]
        held = {name: content(cells[name]) for name in order if name in cells}
        attributes = {name: item for name, item in vars(function).items() if not name.startswith("__")}
        wrapped = wrapped_by(function)
        if wrapped is not None and not has_source:  # a wrapper that was made as text
            form = NormalForm("wrapper")
        bound = self.describe((list(held.values()), attributes, wrapped))
        referred = self._refer(function.__globals__, form.names)
        imported = self._imported(function.__globals__, form.imports)
        shown = {**defaults(function), **held}
        return Unit(
            kind="function",
            name=key[1],
            text=digest(form.text, given.text, bound.text, referred.text),
            held=(*given.keys, *bound.keys),
            named=(*referred.keys, *imported),
            file=code.co_filename if has_source else None,
            line=code.co_firstlineno,
            bound={name: qualified_name(type(value)) for name, value in shown.items()},
        )

    def _function_form(self, function: FunctionType, *, defaults: bool, positional: bool) -> tuple[NormalForm, bool]:
        """Return the normal form of a function and whether it is that of its source; else it is that of its bytecode."""
        code = function.__code__
        key = (code.co_filename, code.co_firstlineno, code.co_name, code, defaults, positional)
        if key not in self._forms:
            file = self._files.read(code.co_filename, function.__globals__)
            nodes = file.functions(code) if file else []
            try:
                form = function_form(nodes, code.co_freevars, defaults=defaults, positional=positional)
            except RecursionError:  # an expression that is too deep
                nodes = []
            self._forms[key] = (form, True) if nodes else (NormalForm(*bytecode(code)), False)
        return self._forms[key]

    def _class(self, key: Key) -> Unit:
        kind: type = self._things[key]
        methods = [item for item in vars(kind).values() if isinstance(item, FunctionType)]
        names = names_around(kind, methods)
        path = names.get("__file__")
        file = self._files.read(path, names) if path else None
        nodes = file.classes(kind.__qualname__) if file else []
        changes = file.changes(kind.__qualname__) if file and nodes else []
        form = _statements([*nodes, *changes], {name for method in methods for name in method.__code__.co_freevars})
        if form is None:  # it was made by a call
            held = self.describe([*kind.__bases__, self._attributes(kind)])
            return Unit("class", key[1], digest(held.text), held.keys)
        cells = {name: cell for method in methods for name, cell in closure_cells(method)}
        held = self.describe([content(cells[name]) for name in form.free if name in cells])
        referred = self._refer(names, form.names)
        return Unit(
            kind="class",
            name=key[1],
            text=digest(form.text, held.text, referred.text),
            held=held.keys,
            named=(*referred.keys, *self._imported(names, form.imports)),
            file=path,
            line=nodes[0].lineno,
        )

    def _attributes(self, kind: type) -> dict[str, Any]:
        """Return what a class has, but for what Python and libraries give to every class."""
        if issubclass(kind, Enum):
            return {name: member.value for name, member in kind.__members__.items()}
        return {
            name: value
            for name, value in vars(kind).items()
            if not name.startswith("__") or (isinstance(value, FunctionType) and self.key_of(value))
        }

    def _constant(self, key: Key) -> Unit:
        """Make the unit of a module's name: by its value, or as it is assigned where that says too little or too much."""
        module, name = self._things[key]
        value = vars(module)[name]
        described = self.describe(value)
        file = self._files.of_module(module)
        nodes = file.assignments(name) if file else []
        form = None
        if not described.whole or isinstance(value, date | time) or (file and _from_file(file, name, {name})):
            form = _statements(nodes)
        bound = {"": qualified_name(type(value))}
        line = nodes[0].lineno if nodes else 0
        if form is None:
            return Unit("constant", key[1], described.text, described.keys, (), module.__file__, line, bound)
        referred = self._refer(vars(module), [chain for chain in form.names if chain[0] != name])
        held = described if not described.whole else Described("")
        text = digest(form.text, held.text, referred.text)
        return Unit("constant", key[1], text, held.keys, referred.keys, module.__file__, line, bound)

    def _module(self, key: Key) -> Unit:
        """Make the unit of a module that is used as a whole, or imported in a function: it need not be imported yet."""
        name = key[1]
        path = self._modules.path(name)
        file = self._files.read(path, {}) if path else None
        form = _statements(file.statements) if file else None
        if form is None:
            return Unit("module", name, name)
        names = {"__name__": name, "__package__": self._modules.package(name, path or "")}
        return Unit("module", name, digest(form.text), (), self._imported(names, form.imports), path, 1)

    def _imported(self, names: Mapping[str, Any], imports: Iterable[tuple[int, str]]) -> tuple[Key, ...]:
        """Return the keys of the project's modules that code imports while it runs."""
        found = (self._modules.imported(names, level, name) for level, name in imports)
        return tuple(("module", name, 0) for name in dict.fromkeys(found) if name)

    def _refer(self, names: Mapping[str, Any], chains: Sequence[Names]) -> Described:
        """Describe what global names refer to."""
        place = id(names), tuple(chains)
        if place not in self._referred:
            found = [self._resolve(names, chain) for chain in chains]
            keys = tuple(key for _, key in found if key)
            self._referred[place] = Described("\n".join(text for text, _ in found), keys)
        return self._referred[place]

    def _resolve(self, names: Mapping[str, Any], chain: Names) -> tuple[str, Key | None]:
        """Follow a global name and the attributes behind it, through modules, to a piece of code.

        Returns:
            The name of what belongs to a library, or `@` and the key of what belongs to the project.
        """
        name, *attributes = chain
        if name not in names or name in _OF_MODULES:
            return "", None  # built in, not there yet, or Python's own
        value = names[name]
        while isinstance(value, ModuleType):
            if not self._modules.is_own(value.__name__):
                return module_name(value.__name__), None
            if not attributes or attributes[0] not in vars(value):
                return "@", self.key_of(value)
            names, name = vars(value), attributes.pop(0)
            value = names[name]
        return self._piece(sys.modules.get(names.get("__name__", "")), name, value)

    def _piece(self, module: ModuleType | None, name: str, value: Any) -> tuple[str, Key | None]:
        """Return what a global name of a module stands for, which is no module itself."""
        if isinstance(value, FunctionType | type) and (key := self.key_of(value)):
            return "@", key
        if module is None or vars(module).get(name, self) is not value:  # the names of code that was made as text
            return self.describe(value).text, None
        home, name, library = self._modules.home(module, name)
        if library:
            return library, None
        key = ("constant", f"{home.__name__}.{name}", 0)
        self._things[key] = (home, name)
        return "@", key


def digest(*texts: str) -> str:
    """Return some texts as one short one."""
    return hashlib.sha256("\n".join(texts).encode(errors="surrogatepass")).hexdigest()[:16]


def _statements(nodes: Sequence[ast.stmt], free: Iterable[str] = ()) -> NormalForm | None:
    """Return the normal form of statements; None if there are none, or they are too deep."""
    try:
        return statement_form(nodes, free) if nodes else None
    except RecursionError:
        return None


def _from_file(file: SourceFile, name: str, seen: set[str]) -> bool:
    """Whether a constant is made from the place of its file, which is another one on every machine."""
    form = _statements(file.assignments(name))
    for first, *_ in form.names if form else ():
        if first == "__file__":
            return True
        if first not in seen:
            seen.add(first)
            if _from_file(file, first, seen):
                return True
    return False


def _is_built(kind: type) -> bool:
    """Whether Kedro makes objects of a class from parameters: a dataclass, or a Pydantic model."""
    return hasattr(kind, "__dataclass_fields__") or hasattr(kind, "__pydantic_fields__")
