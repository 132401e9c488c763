"""What a command shows in a terminal, as a page that a browser can take a picture of."""

from __future__ import annotations

import html
from itertools import groupby

import pyte

# The colours that a terminal gives to those that a program names, in light and in dark.
_PAPER = {"light": ("#fbfbfd", "#24273a"), "dark": ("#1c1e26", "#d5d8da")}
_COLOURS = {
    "light": {
        "red": "#c62828",
        "green": "#2e7d32",
        "brown": "#9a6700",
        "blue": "#1e55c4",
        "magenta": "#8e24aa",
        "cyan": "#00778b",
        "black": "#777b88",
    },
    "dark": {
        "red": "#f28b82",
        "green": "#8bd49c",
        "brown": "#e8c678",
        "blue": "#82aaff",
        "magenta": "#d8a0f0",
        "cyan": "#7fdbe6",
        "black": "#8a8f9c",
    },
}


def screen_of(written: str, columns: int, rows: int) -> pyte.Screen:
    """Return what is on a screen after a command has written something to it, control sequences included."""
    screen = pyte.Screen(columns, rows)
    pyte.Stream(screen).feed(written)
    return screen


def page_of(screen: pyte.Screen, title: str, theme: str) -> str:
    """Return a page of HTML that shows a screen as a window; its body is as large as the window.

    Args:
        screen: The screen.
        title: What stands above it.
        theme: `light` or `dark`.
    """
    paper, ink = _PAPER[theme]
    lines = [_line(screen, row, theme) for row in range(screen.lines)]
    while lines and not lines[-1].strip():
        lines.pop()
    style = (
        f"html{{background:{paper}}}body{{margin:0;display:inline-block;background:{paper};color:{ink};"
        "font:14px/1.4 'DejaVu Sans Mono',monospace}p{margin:0;padding:8px 16px;opacity:.7;border-bottom:1px solid #8884}"
        "pre{margin:0;padding:12px 16px;font:inherit}"
    )
    return (
        f"<!doctype html><style>{style}</style><body><p>{html.escape(title)}</p><pre>{chr(10).join(lines)}</pre></body>"
    )


def _line(screen: pyte.Screen, row: int, theme: str) -> str:
    cells = [screen.buffer[row][column] for column in range(screen.columns)]
    found = []
    for (colour, bold), run in groupby(cells, key=lambda cell: (cell.fg, cell.bold)):
        text = "".join(cell.data for cell in run)
        look = f"color:{_colour(colour, theme)};" if colour != "default" else ""
        look += "font-weight:bold" if bold else ""
        found.append(f'<span style="{look}">{html.escape(text)}</span>' if look else html.escape(text))
    return "".join(found).rstrip()


def _colour(name: str, theme: str) -> str:
    """Return a colour of the page for one that a program names, or gives as six digits."""
    plain = name.removeprefix("bright")
    return _COLOURS[theme].get(plain, f"#{name}" if len(name) == 6 else _PAPER[theme][1])
