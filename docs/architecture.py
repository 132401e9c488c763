"""Draw how the rooms of the package import each other: `python docs/architecture.py`, and `--check` to compare.

A folder of `src/kedro_assets` is one room, and so is a module beside the folders. Imports are read from the source, those in
functions and those for type checkers included. A room's floor is the longest chain of imports below it.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

import tomlkit

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "kedro_assets"
PICTURE = ROOT / "docs" / "images" / "architecture.svg"
PROJECT = ROOT / "pyproject.toml"

MOST_FLOORS, MOST_ARROWS, MOST_ROOMS, MOST_FILES = 12, 110, 26, 8

Rooms = Mapping[str, AbstractSet[str]]
"""The rooms that each room imports; the package itself is a room, too."""


def read_rooms(package: Path = PACKAGE) -> Rooms:
    """Return the rooms of a package, each with those that it imports."""
    files = {_module(path, package): path for path in sorted(package.rglob("*.py"))}
    rooms: dict[str, set[str]] = {_room(module): set() for module in files}
    for module, path in files.items():
        for name in _imported(module, path, files.keys()):
            rooms[_room(module)].add(_room(name))
    return {room: imported - {room} for room, imported in rooms.items()}


def _module(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _room(module: str) -> str:
    package, _, inside = module.partition(".")
    return inside.partition(".")[0] or package


def _imported(module: str, path: Path, modules: AbstractSet[str]) -> Iterator[str]:
    """Yield the modules of the package that a file imports, at once or when it is asked for a name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    around = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for found in ast.walk(tree):
        names: list[str] = []
        if isinstance(found, ast.Import):
            names = [alias.name for alias in found.names]
        elif isinstance(found, ast.ImportFrom):
            base = around[: len(around) + 1 - found.level] if found.level else []
            start = ".".join([*base, *([found.module] if found.module else [])])
            names = [f"{start}.{alias.name}" for alias in found.names]
            names = [name if name in modules else start for name in names]
        elif isinstance(found, ast.Call) and _name(found.func) == "import_module":
            names = list(_strings(found.args))
        elif isinstance(found, ast.Assign) and [_name(target) for target in found.targets] == ["_LAZY"]:
            names = list(_strings([found.value]))
        yield from (name for name in names if name in modules)


def _name(found: ast.AST) -> str:
    return found.id if isinstance(found, ast.Name) else getattr(found, "attr", "")


def _strings(trees: Iterable[ast.AST]) -> Iterator[str]:
    values = (found.value for tree in trees for found in ast.walk(tree) if isinstance(found, ast.Constant))
    return (value for value in values if isinstance(value, str))


def floors(rooms: Rooms) -> list[list[str]]:
    """Sort rooms into floors, the lowest first.

    Raises:
        CycleError: If rooms import each other.
    """
    floor: dict[str, int] = {}
    for room in TopologicalSorter(rooms).static_order():
        floor[room] = 1 + max((floor[below] for below in rooms[room]), default=-1)
    return [
        sorted(room for room in floor if floor[room] == number) for number in range(1 + max(floor.values(), default=-1))
    ]


def problems(rooms: Rooms, layers: Sequence[AbstractSet[str]], files: int) -> Iterator[str]:
    """Yield what is wrong with the imports.

    Args:
        rooms: The rooms and what they import.
        layers: Which rooms the contract has in each layer, the topmost first.
        files: How many files are beside the folders.
    """
    layer = {room: number for number, names in enumerate(layers) for room in names}
    for room, imported in rooms.items():
        for other in sorted(imported):
            if layer.get(other, len(layers)) < layer.get(room, -1):
                yield f"'{room}' imports '{other}', which is in a layer above it."
    counts = [(files, MOST_FILES, "files at the top of the package")]
    counts += [(sum(map(len, rooms.values())), MOST_ARROWS, "arrows"), (len(rooms), MOST_ROOMS, "rooms")]
    try:
        counts.append((len(floors(rooms)), MOST_FLOORS, "floors"))
    except CycleError as error:
        yield f"There is a cycle of imports: {' -> '.join(reversed(error.args[1]))}."
    yield from (
        f"There are {count} {what}, and at most {most} are allowed." for count, most, what in counts if count > most
    )


def read_layers() -> list[set[str]]:
    """Return the layers of the contract in pyproject.toml, the topmost first."""
    project: Any = tomlkit.parse(PROJECT.read_text(encoding="utf-8")).unwrap()
    [contract] = [found for found in project["tool"]["importlinter"]["contracts"] if found["type"] == "layers"]
    return [{_room(name.strip()) for name in layer.split("|")} for layer in contract["layers"]]


COLUMN, ROW, GAP = 33, 34, 14  # between two lines down, between two rooms, and between two floors
LEFT, TOP, RIGHT, BOTTOM = 76, 22, 30, 22
NAME, BOX, CORNER = 110, 24, 9  # the width and height of a room, and the radius where a line turns down
COLOURS = [
    ("#3949ab", "#9fa8ff"),
    ("#00796b", "#5fd0bd"),
    ("#b8530a", "#ffb066"),
    ("#8e3aa8", "#dd9cf2"),
    ("#4a6b12", "#b5d66b"),
]

STYLE = """
svg { color-scheme: light dark; font-family: system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
.ground { fill: #ffffff; } .floor { fill: #f3f4f8; } .label { fill: #6b7080; font-size: 12px; }
.room { fill: #ffffff; stroke-width: 1.5; } .name { fill: #1d2130; font-size: 13.5px; font-weight: 600; }
.arrow, .line { fill: none; stroke-width: 1.6; } .line { stroke: #a9aec0; } .note { fill: #4d5263; font-size: 14px; }"""

DARK = """
.ground { fill: #1f2129; } .floor { fill: #292c37; } .label { fill: #9ba1b5; }
.room { fill: #1f2129; } .name { fill: #eceef6; } .line { stroke: #646a80; } .note { fill: #c0c5d6; }"""


class Place(NamedTuple):
    """Where a room is drawn: the line that leads down to it, its middle, and its colour."""

    x: float
    y: float
    colour: str


def draw(rooms: Rooms) -> str:
    """Return the picture, as SVG.

    Every room has a line of its own that leads down to it. What a room imports is where its own line, to the right, turns
    down. Higher rooms are further to the left, so no line runs through a room.
    """
    places, bands, y = {}, [], float(TOP)
    for floor in reversed(floors(rooms)):
        bands.append((y, len(floor) * ROW))
        for room in floor:
            x = LEFT + NAME + COLUMN * len(places)
            places[room] = Place(x, y + ROW / 2, f"c{len(places) % len(COLOURS)}")
            y += ROW
        y += GAP
    width, height = LEFT + NAME + COLUMN * (len(places) - 1) + RIGHT + 14, y - GAP + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img">',
        "<title>The rooms of kedro-assets, and what each imports</title>",
        f"<style>{STYLE}{_colours(0)}\n@media (prefers-color-scheme: dark) {{{DARK}{_colours(1)}\n}}\n</style>",
        f'<rect class="ground" width="{width:g}" height="{height:g}" rx="8"/>',
    ]
    for number, (top, tall) in zip(reversed(range(len(bands))), bands, strict=True):
        parts += [
            f'<rect class="floor" x="10" y="{top - 3:g}" width="{width - 20:g}" height="{tall + 6:g}" rx="6"/>',
            f'<text class="label" x="20" y="{top + ROW / 2 + 4:g}">floor {number}</text>',
        ]
    parts += [_line(room, imported, places) for room, imported in rooms.items() if imported]
    parts += [_arrow(room, other, places) for room in places for other in sorted(rooms[room], key=[*places].index)]
    parts += [f'<path class="head {place.colour}" d="M{place.x - 4.5:g} {place.y - BOX / 2 - 7:g}h9l-4.5 7z"/>'
              for room, place in places.items() if any(room in imported for imported in rooms.values())]  # fmt: skip
    parts += [_box(room, place) for room, place in places.items()]
    parts += _notes(rooms, len(bands), height)
    return "\n".join([*parts, "</svg>", ""])


def _colours(theme: int) -> str:
    return "".join(
        f"\n.room.c{number}, .arrow.c{number} {{ stroke: {colours[theme]}; }} .head.c{number} {{ fill: {colours[theme]}; }}"
        for number, colours in enumerate(COLOURS)
    )


def _arrow(room: str, other: str, places: Mapping[str, Place]) -> str:
    """Draw one import: from the line of the room down to the other."""
    start, end = places[room], places[other]
    path = f"M{end.x - CORNER:g} {start.y:g}q{CORNER} 0 {CORNER} {CORNER}V{end.y - BOX / 2 - 6:g}"
    return f'<path class="arrow {end.colour}" d="{path}"><title>{room} imports {other}</title></path>'


def _line(room: str, imported: AbstractSet[str], places: Mapping[str, Place]) -> str:
    """Draw the line of a room from which its arrows turn down."""
    start, end = places[room], max(places[other].x for other in imported)
    return f'<path class="line" d="M{start.x + 14:g} {start.y:g}H{end - CORNER:g}"/>'


def _box(room: str, place: Place) -> str:
    left = place.x + 14 - NAME
    return (
        f'<rect class="room {place.colour}" x="{left:g}" y="{place.y - BOX / 2:g}" width="{NAME}" height="{BOX}" rx="5"/>'
        f'<text class="name" x="{left + NAME / 2:g}" y="{place.y + 4.5:g}" text-anchor="middle">{room}</text>'
    )


def _notes(rooms: Rooms, count: int, height: float) -> Iterator[str]:
    """Say how the picture is read, in the corner where no line is."""
    arrows = sum(map(len, rooms.values()))
    lines = [
        f"{len(rooms)} rooms on {count} floors, {arrows} arrows",
        "A room imports those to which its line turns down.",
        "It stands one floor above the highest of them.",
    ]
    for number, line in enumerate(reversed(lines)):
        yield f'<text class="note" x="{LEFT + 8}" y="{height - BOTTOM - 14 - 22 * number:g}">{line}</text>'


def main() -> int:
    """Write the picture, or compare it with the imports."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if the picture or the imports are wrong"
    )
    check = parser.parse_args().check
    rooms = read_rooms()
    found = list(problems(rooms, read_layers(), len(list(PACKAGE.glob("*.py")))))
    try:
        picture = draw(rooms)
    except CycleError:  # it is among what was found
        picture = ""
    if check and picture and (not PICTURE.exists() or PICTURE.read_text(encoding="utf-8") != picture):
        found.append(f"{PICTURE.relative_to(ROOT)} is not what the imports give: run `python docs/architecture.py`.")
    if not check and picture:
        PICTURE.write_text(picture, encoding="utf-8")
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
